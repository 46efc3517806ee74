//! A network of validators in one process: blocks with contents of one's own, a validator that
//! restarts in the middle, and old messages dropped and archived.
//!
//! `cargo run -p cbc-validator --example network`

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use cbc_message::{
    BlockEstimate, BlockId, BlockVote, Estimate, MessageHash, ValidatorId, ValidatorSet, Weight,
    decode, encode,
};
use cbc_oracle::CliqueOracle;
use cbc_validator::{Blockchain, Observer, Validator};
use cbc_view::{MemoryArchive, MessageDag, Status, Unjudged};
use serde::{Deserialize, Serialize};

/// What a block says, or a vote for one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Entry {
    Block { parent: BlockId, text: String },
    Vote { block: BlockId },
}

impl Estimate for Entry {
    const KIND: [u8; 4] = *b"entr";
}

impl BlockEstimate for Entry {
    fn block_vote(&self) -> BlockVote {
        match *self {
            Self::Block { parent, .. } => BlockVote::Propose { parent },
            Self::Vote { block } => BlockVote::Vote { block },
        }
    }

    fn of_head(head: BlockId) -> Self {
        Self::Vote { block: head }
    }
}

type Member = Validator<Blockchain<Entry>, CliqueOracle>;

/// A validator, what it keeps through restarts, and what it reads out of final blocks.
struct Node {
    validator: Member,
    /// On disk: what it has received, in that order, and how many messages it has made.
    log: Vec<Vec<u8>>,
    next_number: u64,
    archive: MemoryArchive<Entry>,
    /// The texts of final blocks, the first one first.
    ledger: Vec<String>,
}

impl Node {
    fn new(id: ValidatorId, weights: &Arc<ValidatorSet>) -> Result<Self, Box<dyn Error>> {
        let archive = MemoryArchive::new();
        let observer =
            Observer::new(Blockchain::<Entry>::new(), CliqueOracle::new(), Arc::clone(weights))
                .with_threshold(Weight::new(1))
                .with_archive(archive.clone());
        let validator = Validator::new(id, observer)?.with_next_number(0);
        Ok(Self { validator, log: Vec::new(), next_number: 0, archive, ledger: Vec::new() })
    }

    /// Takes in what came from the network, and says what to ask for.
    fn receive(&mut self, bytes: &[u8]) -> Result<Vec<MessageHash>, Box<dyn Error>> {
        let receipt = self.validator.observer_mut().receive(decode(bytes)?)?;
        self.log.push(bytes.to_vec());
        self.read_final_blocks()?;
        Ok(match receipt.status {
            Status::Pending { missing }
            | Status::Unjudged(
                Unjudged::BelowHorizon { needs: missing } | Unjudged::OverLimit { missing },
            ) => missing,
            _ => Vec::new(),
        })
    }

    /// Says something, as a block on the head of the fork choice.
    fn speak(&mut self, text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
        let observer = self.validator.observer();
        let head = observer.estimate().ok_or("a blockchain always has a head")?;
        let parent = observer.blocks().id(observer.view(), head);
        // First the number is kept, then the message made, then it is sent.
        self.next_number = self.validator.next_number() + 1;
        let entry = Entry::Block { parent, text: text.to_owned() };
        let bytes = encode(&self.validator.make_message_with(entry)?);
        self.log.push(bytes.clone());
        self.read_final_blocks()?;
        Ok(bytes)
    }

    fn read_final_blocks(&mut self) -> Result<(), Box<dyn Error>> {
        let observer = self.validator.observer_mut();
        let finality = observer.update_safe_estimates()?;
        let (blocks, view) = (observer.blocks(), observer.view());
        for block in observer.newly_final(&finality) {
            let proposal = blocks.proposal(block).ok_or("only the genesis has none")?;
            if let Entry::Block { text, .. } = view.estimate(proposal) {
                self.ledger.push(text.clone());
            }
        }
        if view.message_count() > 60 {
            let archive = self.archive.clone();
            self.validator.observer_mut().prune(2, |message| archive.keep(message));
        }
        Ok(())
    }

    /// Starts again from what is on disk, but for the last of it.
    fn restart(self, weights: &Arc<ValidatorSet>, lost: usize) -> Result<Self, Box<dyn Error>> {
        let mut node = Self::new(self.validator.id(), weights)?;
        node.validator = node.validator.with_next_number(self.next_number);
        for bytes in &self.log[..self.log.len() - lost] {
            node.receive(bytes)?;
        }
        Ok(Self { next_number: self.next_number, ..node })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let weights = Arc::new(ValidatorSet::new([4, 3, 3, 2].map(Weight::new))?);
    let mut nodes = Vec::new();
    for id in weights.ids() {
        nodes.push(Node::new(id, &weights)?);
    }
    // Everything that was ever sent, to be asked for.
    let mut sent: BTreeMap<MessageHash, Vec<u8>> = BTreeMap::new();
    for turn in 0..120 {
        let speaker = turn % nodes.len();
        let bytes = nodes[speaker].speak(&format!("entry {turn}"))?;
        sent.insert(decode::<Entry>(&bytes)?.hash(), bytes.clone());
        for (at, node) in nodes.iter_mut().enumerate() {
            // Somebody is cut off for a while.
            if at != speaker && !(at == 3 && (40..48).contains(&turn)) {
                deliver(node, bytes.clone(), &sent)?;
            }
        }
        if turn == 80 {
            let last = nodes.pop().ok_or("there are four")?;
            let mut node = last.restart(&weights, 6)?;
            // It has lost the end of its log, and knows it: it does not speak.
            let Err(refused) = node.speak("anything") else { return Err("it spoke twice".into()) };
            println!("after its restart it does not speak: {refused}");
            for bytes in sent.values() {
                deliver(&mut node, bytes.clone(), &sent)?;
            }
            nodes.push(node);
        }
    }
    let ledgers: Vec<&[String]> = nodes.iter().map(|node| &node.ledger[..]).collect();
    let shortest = ledgers.iter().map(|ledger| ledger.len()).min().unwrap_or(0);
    assert!(shortest > 80 && ledgers.iter().all(|it| it[..shortest] == ledgers[0][..shortest]));
    let view = nodes[0].validator.observer().view();
    println!("{shortest} final entries, the last of them \"{}\"", ledgers[0][shortest - 1]);
    println!("{} messages held, {} archived", view.message_count(), nodes[0].archive.len());
    Ok(())
}

/// Delivers a message, and whatever is asked for because of it.
fn deliver(
    node: &mut Node,
    bytes: Vec<u8>,
    sent: &BTreeMap<MessageHash, Vec<u8>>,
) -> Result<(), Box<dyn Error>> {
    let mut open = vec![bytes];
    while let Some(bytes) = open.pop() {
        let missing = node.receive(&bytes)?;
        open.extend(missing.iter().filter_map(|hash| sent.get(hash)).cloned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn runs() {
        super::main().unwrap();
    }
}
