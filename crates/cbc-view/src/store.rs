//! The valid messages that a view, or several views in one process, hold.

use std::collections::BTreeSet;

use cbc_message::{
    Citation, EquivocationProof, Estimate, HashNumbers, Header, Justification, Message,
    MessageHash, ValidatorId,
};

use crate::forest::Forest;
use crate::panorama::{Draft, Panoramas};
use crate::renumbering::Renumbering;
use crate::{MessageIndex, Seen, room};

/// Valid messages, each after all it cites, in columns: what is read together stands together.
///
/// What a message cites is kept by index, not by hash, and shared with the messages before
/// ([`Panoramas`]); the message as it was sent is made from that when somebody asks for it.
#[derive(Clone, Debug)]
pub(crate) struct Store<E> {
    pub(crate) hashes: Vec<MessageHash>,
    senders: Vec<ValidatorId>,
    estimates: Vec<E>,
    index: HashNumbers,
    pub(crate) panoramas: Panoramas,
    /// Each validator's messages below the one that cites them: a chain each, or, for an
    /// equivocator, several chains or a tree. By V3, depths are sequence numbers.
    pub(crate) chains: Forest,
    /// Messages of which only the record is left: sender, number, hash and estimate, but not what
    /// they cite.
    records: BTreeSet<MessageIndex>,
    /// For each validator, the sequence number before which all was dropped.
    horizons: Vec<u64>,
}

impl<E> Store<E> {
    pub(crate) fn new(validators: usize) -> Self {
        Self {
            hashes: Vec::new(),
            senders: Vec::new(),
            estimates: Vec::new(),
            index: HashNumbers::new(),
            panoramas: Panoramas::new(validators),
            chains: Forest::default(),
            records: BTreeSet::new(),
            horizons: vec![0; validators],
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.hashes.len()
    }

    pub(crate) fn find(&self, hash: &MessageHash) -> Option<MessageIndex> {
        self.index.get(hash, |number| &self.hashes[number as usize]).map(MessageIndex::new)
    }

    pub(crate) fn hash(&self, message: MessageIndex) -> &MessageHash {
        &self.hashes[message.index()]
    }

    pub(crate) fn sender(&self, message: MessageIndex) -> ValidatorId {
        self.senders[message.index()]
    }

    pub(crate) fn estimate(&self, message: MessageIndex) -> &E {
        &self.estimates[message.index()]
    }

    pub(crate) fn sequence_number(&self, message: MessageIndex) -> u64 {
        u64::from(self.chains.depth(message.get()))
    }

    pub(crate) fn previous(&self, message: MessageIndex) -> Option<MessageIndex> {
        self.chains.parent(message.get()).map(MessageIndex::new)
    }

    /// Whether only the record of `message` is left: what it cites was dropped.
    pub(crate) fn is_record(&self, message: MessageIndex) -> bool {
        !self.records.is_empty() && self.records.contains(&message)
    }

    /// The sequence number before which all messages of `validator` were dropped; 0 if none were.
    pub(crate) fn horizon(&self, validator: ValidatorId) -> u64 {
        self.horizons[validator.index()]
    }

    /// Drops what `renumbering` does not name, and what all but `whole` messages cite.
    pub(crate) fn prune(&mut self, renumbering: &Renumbering, whole: &BTreeSet<MessageIndex>) {
        self.records = renumbering
            .iter()
            .filter(|&(old, _)| !whole.contains(&MessageIndex::new(old)))
            .map(|(_, new)| MessageIndex::new(new))
            .collect();
        self.panoramas.prune(renumbering, |message| whole.contains(&message));
        self.chains.prune(renumbering);
        renumbering.column(&mut self.hashes);
        renumbering.column(&mut self.senders);
        renumbering.column(&mut self.estimates);
        self.index = HashNumbers::new();
        let mut lowest = vec![None::<u64>; self.horizons.len()];
        for message in (0..self.len() as u32).map(MessageIndex::new) {
            self.index.insert(message.get(), |number| &self.hashes[number as usize]);
            let number = self.sequence_number(message);
            let lowest = &mut lowest[self.sender(message).index()];
            *lowest = Some(lowest.map_or(number, |lowest| lowest.min(number)));
        }
        for (horizon, lowest) in self.horizons.iter_mut().zip(lowest) {
            *horizon = lowest.unwrap_or(*horizon);
        }
    }

    /// A resolved citation, as others are told of it; `None` for [`Seen::Nothing`].
    pub(crate) fn citation(&self, seen: Seen) -> Option<Citation> {
        match seen {
            Seen::Nothing => None,
            Seen::Latest(message) => Some(Citation::Latest(*self.hash(message))),
            Seen::Equivocation(one, other) => {
                EquivocationProof::new(*self.hash(one), *self.hash(other))
                    .map(Citation::Equivocation)
            }
        }
    }
}

impl<E: Clone> Store<E> {
    /// Keeps a valid message, whose resolved justification is `draft`.
    pub(crate) fn push(&mut self, message: &Message<E>, draft: &Draft) -> MessageIndex {
        let this = MessageIndex::new(self.len() as u32);
        let previous = draft.code(message.sender()).as_latest();
        self.chains.push(previous.map(MessageIndex::get));
        self.panoramas.push(draft);
        room::push(&mut self.hashes, message.hash());
        self.index.insert(this.get(), |number| &self.hashes[number as usize]);
        room::push(&mut self.senders, message.sender());
        room::push(&mut self.estimates, message.estimate().clone());
        this
    }
}

impl<E: Estimate> Store<E> {
    /// The message as it was sent, which could be made once and can again. O(V), and its hash is
    /// computed anew.
    pub(crate) fn message(&self, message: MessageIndex) -> Option<Message<E>> {
        let cited = self.panoramas.of(message).iter();
        let citations =
            cited.filter_map(|(validator, seen)| Some((validator, self.citation(seen)?)));
        Message::new(Header {
            sender: self.sender(message),
            sequence_number: self.sequence_number(message),
            // In ascending order, each once: nothing to refuse.
            justification: Justification::from_ascending(citations.collect()).unwrap_or_default(),
            estimate: self.estimate(message).clone(),
        })
        .ok()
    }
}
