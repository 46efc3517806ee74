//! The life of an observer as bytes tell it: whatever they say, it neither panics nor errs.
//!
//! The bytes are a program: messages are made, honestly or not, decoded from raw bytes, sent again,
//! finalized, and what is settled is dropped. Two observers live through it, of which one drops and
//! the other keeps everything; they must never differ. `cargo xtask fuzz` looks for programs with
//! libFuzzer, and the suite runs some at random and those that were worth keeping.

use cbc_message::{
    BlockId, BlockVote, Citation, EquivocationProof, Header, Integer, Justification, Message,
    Order, ValidatorId, ValidatorSet, Weight, decode, encode,
};
use cbc_oracle::CliqueOracle;
use cbc_validator::{Blockchain, EstimateError, Finality, Observer};
use cbc_view::{Limits, MemoryArchive, Receipt, Rejection};

type Node = Observer<Blockchain, CliqueOracle>;

const WEIGHTS: [u64; 5] = [4, 3, 3, 1, 0];
/// So many steps at most: what comes later in a program is not run.
const STEPS: usize = 200;

/// Bytes that are read one after another.
struct Program<'a>(&'a [u8]);

impl Program<'_> {
    fn byte(&mut self) -> Option<usize> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first.into())
    }

    /// One of the items; none if there are none.
    fn one_of<T: Clone>(&mut self, items: &[T]) -> Option<T> {
        let place = self.byte()?;
        items.get(place % items.len().max(1)).cloned()
    }
}

/// Decodes bytes as every kind of message; what is decoded must encode to the same bytes.
///
/// # Panics
///
/// If it does not.
pub fn decode_all(bytes: &[u8]) {
    fn decode_as<E: cbc_message::Estimate>(bytes: &[u8]) {
        if let Ok(message) = decode::<E>(bytes) {
            assert_eq!(encode(&message), bytes);
        }
    }
    decode_as::<cbc_message::Bit>(bytes);
    decode_as::<Integer>(bytes);
    decode_as::<Order>(bytes);
    decode_as::<BlockVote>(bytes);
}

/// What came of a program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Life {
    /// How many messages became justified.
    pub justified: usize,
    /// How many of them were dropped.
    pub dropped: usize,
    /// How many validators equivocated.
    pub equivocators: usize,
    /// Whether anything became final.
    pub is_final: bool,
}

/// Runs a program.
///
/// # Panics
///
/// If the observers differ in what they make of a message, in what is final, or in the head.
pub fn run(bytes: &[u8]) -> Life {
    let mut program = Program(bytes);
    let archive = MemoryArchive::new();
    let mut keeps = node();
    let mut drops = node().with_archive(archive.clone());
    let mut made: Vec<Message<BlockVote>> = Vec::new();
    for _ in 0..STEPS {
        let Some(step) = program.byte() else { break };
        let message = match step % 8 {
            0 | 1 => {
                let sender = ValidatorId::new((step / 8 % WEIGHTS.len()) as u32);
                keeps.draft_message(sender).ok()
            }
            2 => craft(&mut program, &made),
            3 => {
                let length = program.byte().unwrap_or(0).min(program.0.len());
                let (raw, rest) = program.0.split_at(length);
                program.0 = rest;
                decode_all(raw);
                decode(raw).ok()
            }
            4 if step / 64 == 0 => program.one_of(&made).and_then(|message| fork(&message)),
            4 if step / 64 == 1 => program.one_of(&made).and_then(|message| go_on_alone(&message)),
            4 => program.one_of(&made).and_then(|message| {
                let mut bytes = encode(&message);
                let place = program.byte()? * 256 + program.byte()?;
                let place = place % bytes.len();
                bytes[place] ^= 1 << (step / 8 % 8);
                decode(&bytes).ok()
            }),
            5 => {
                let found = finality(&mut drops);
                assert_eq!(found, finality(&mut keeps));
                None
            }
            6 => {
                drops.prune((step / 8 % 4) as u32, |archived| archive.keep(archived));
                None
            }
            _ => program.one_of(&made),
        };
        if let Some(message) = message {
            let expected = outcome(&keeps.receive(message.clone()));
            assert_eq!(outcome(&drops.receive(message.clone())), expected, "{message:?}");
            if !made.contains(&message) {
                made.push(message);
            }
        }
        assert_eq!(head(&drops), head(&keeps));
        assert_eq!(drops.view().justification(), keeps.view().justification());
        assert_eq!(drops.view().missing_hashes(), keeps.view().missing_hashes());
    }
    Life {
        justified: keeps.view().justified_count(),
        dropped: archive.len(),
        equivocators: keeps.view().equivocations().count(),
        is_final: keeps.finalized().is_some(),
    }
}

fn node() -> Node {
    // The weights are no surprise.
    let validators = ValidatorSet::new(WEIGHTS.map(Weight::new)).unwrap_or_else(|_| unreachable!());
    Observer::with_limits(Blockchain, CliqueOracle::new(), validators.into(), Limits::NONE)
}

/// Another message with the same justification: it votes for what the other builds on, or builds on
/// what that votes for.
fn fork(message: &Message<BlockVote>) -> Option<Message<BlockVote>> {
    let estimate = match *message.estimate() {
        BlockVote::Propose { parent } => BlockVote::Vote { block: parent },
        BlockVote::Vote { block } => BlockVote::Propose { parent: block },
    };
    Message::new(Header { estimate, ..message.header().clone() }).ok()
}

/// The next message of the same sender, who has heard nothing since.
fn go_on_alone(message: &Message<BlockVote>) -> Option<Message<BlockVote>> {
    let Header { sender, sequence_number, ref justification, estimate } = *message.header();
    let citations = justification.iter().filter(|&(validator, _)| validator != sender);
    let own = (sender, Citation::Latest(message.hash()));
    let block = match estimate {
        BlockVote::Propose { .. } => BlockId::Proposed(message.hash()),
        BlockVote::Vote { block } => block,
    };
    Message::new(Header {
        sender,
        sequence_number: sequence_number + 1,
        justification: Justification::new(citations.chain([own]).collect()).ok()?,
        estimate: BlockVote::Propose { parent: block },
    })
    .ok()
}

/// A message of anybody that cites anything.
fn craft(program: &mut Program<'_>, made: &[Message<BlockVote>]) -> Option<Message<BlockVote>> {
    let sender = ValidatorId::new(program.byte()? as u32 % WEIGHTS.len() as u32);
    let mut number = 0;
    let mut citations = Vec::new();
    for validator in (0..WEIGHTS.len() as u32).map(ValidatorId::new) {
        let how = program.byte()?;
        let of: Vec<_> =
            made.iter().filter(|it| how % 16 == 15 || it.sender() == validator).collect();
        let Some(&cited) = how.checked_sub(1).and_then(|how| of.get(how / 16 % of.len().max(1)))
        else {
            continue;
        };
        if validator == sender {
            number = cited.sequence_number() + 1;
        }
        let citation = match how % 16 {
            14 => EquivocationProof::new(cited.hash(), program.one_of(&of)?.hash())
                .map(Citation::Equivocation)?,
            _ => Citation::Latest(cited.hash()),
        };
        citations.push((validator, citation));
    }
    let block = match program.byte()? {
        0 => BlockId::Genesis,
        place => made
            .get(place % made.len().max(1))
            .map_or(BlockId::Genesis, |block| BlockId::Proposed(block.hash())),
    };
    let how = program.byte()?;
    let header = Header {
        sender,
        sequence_number: if how % 32 == 31 { program.byte()? as u64 } else { number },
        justification: Justification::new(citations).ok()?,
        estimate: match how % 2 {
            0 => BlockVote::Propose { parent: block },
            _ => BlockVote::Vote { block },
        },
    };
    Message::new(header).ok()
}

type Received =
    Result<Receipt<EstimateError<Blockchain>>, Box<Rejection<EstimateError<Blockchain>>>>;

/// What became of a message, in words that both observers share. Of a message that breaks several
/// rules either may name another.
fn outcome(received: &Received) -> String {
    match received {
        Ok(receipt) => {
            let rejected: Vec<_> = receipt.rejected.iter().map(|it| it.hash).collect();
            let equivocators: Vec<_> =
                receipt.equivocations.iter().map(|it| it.validator).collect();
            let Receipt { status, justified, unjudged, .. } = receipt;
            let justified = justified.len();
            format!("{status:?}, {justified}, {equivocators:?}, {rejected:?}, {unjudged:?}")
        }
        Err(rejection) => format!("invalid, {:?} dropped", rejection.dropped),
    }
}

fn head(node: &Node) -> Option<BlockId> {
    Some(node.blocks().id(node.view(), node.estimate()?))
}

/// What is final, and whether it is overturned.
fn finality(node: &mut Node) -> (Option<BlockId>, Option<Weight>, bool) {
    let is_overturned = match node.update_safe_estimates() {
        Ok(finality) => finality == Finality::Overturned,
        Err(_) => true,
    };
    let finalized = node.finalized();
    let block = finalized.map(|finalized| node.blocks().id(node.view(), finalized.value));
    let fault_tolerance = finalized.and_then(|finalized| finalized.safety.fault_tolerance);
    (block, fault_tolerance, is_overturned)
}
