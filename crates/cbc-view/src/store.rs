//! The valid messages that a view, or several views in one process, hold.

pub(crate) mod archive;
pub(crate) mod chains;
pub(crate) mod column;
pub(crate) mod panorama;

use std::collections::BTreeSet;

use cbc_message::{
    Citation, EquivocationProof, Estimate, HashNumbers, Header, Justification, Message,
    MessageHash, ValidatorId,
};

use crate::store::chains::Chains;
use crate::store::column::{Column, Renumbering};
use crate::store::panorama::{Draft, Dropped, Panoramas};
use crate::{Archived, Citations, MessageIndex, Position, Seen};

/// Valid messages, each after all it cites, in columns: what is read together stands together.
///
/// What a message cites is kept by index, not by hash, and shared with the messages before
/// ([`Panoramas`]); the message as it was sent is made from that when somebody asks for it.
#[derive(Clone, Debug)]
pub(crate) struct Store<E> {
    pub(crate) hashes: Column<MessageHash>,
    senders: Column<ValidatorId>,
    estimates: Column<E>,
    index: HashNumbers,
    pub(crate) panoramas: Panoramas,
    /// Each validator's messages, one after another.
    pub(crate) chains: Chains,
    /// Messages of which only a stub is left: sender, number, hash and estimate, but not what they
    /// cite. Only for proofs of equivocation, and never cited as somebody's latest.
    stubs: BTreeSet<MessageIndex>,
    /// How many times something was dropped.
    pub(crate) prunings: u32,
}

impl<E> Store<E> {
    pub(crate) fn new(validators: usize) -> Self {
        Self {
            hashes: Column::new(),
            senders: Column::new(),
            estimates: Column::new(),
            index: HashNumbers::new(),
            panoramas: Panoramas::new(validators),
            chains: Chains::new(validators),
            stubs: BTreeSet::new(),
            prunings: 0,
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
        u64::from(self.chains.number(message))
    }

    pub(crate) fn previous(&self, message: MessageIndex) -> Option<MessageIndex> {
        self.chains.previous(message)
    }

    /// Whether only a stub of `message` is left: what it cites was dropped.
    pub(crate) fn is_stub(&self, message: MessageIndex) -> bool {
        !self.stubs.is_empty() && self.stubs.contains(&message)
    }

    /// What is known of `message` when it is dropped.
    pub(crate) fn dropped(&self, message: MessageIndex) -> Dropped {
        Dropped {
            hash: *self.hash(message),
            sender: self.sender(message),
            position: self.chains.position(message),
        }
    }

    /// Drops what `renumbering` does not name, and the rows of all that do not stay `whole`.
    /// Answers the hashes of all that were held.
    pub(crate) fn prune(
        &mut self,
        renumbering: &Renumbering,
        whole: impl Fn(MessageIndex) -> bool,
    ) -> Column<MessageHash> {
        self.prunings += 1;
        self.stubs = renumbering
            .iter()
            .filter(|&(old, _)| !whole(MessageIndex::new(old)))
            .map(|(_, new)| MessageIndex::new(new))
            .collect();
        let Self { hashes, senders, panoramas, chains, .. } = self;
        panoramas.prune(renumbering, whole, |message| Dropped {
            hash: hashes[message.index()],
            sender: senders[message.index()],
            position: chains.position(message),
        });
        chains.prune(renumbering, |message| senders[message.index()]);
        let all = self.hashes.clone();
        self.hashes.renumber(renumbering);
        self.senders.renumber(renumbering);
        self.estimates.renumber(renumbering);
        self.index = HashNumbers::new();
        for number in 0..self.len() as u32 {
            self.index.insert(number, |number| &self.hashes[number as usize]);
        }
        all
    }

    /// What a row has for each validator, as others are told of it, in ascending order.
    pub(crate) fn cited<'a>(
        &'a self,
        row: Citations<'a>,
    ) -> impl Iterator<Item = (ValidatorId, Citation)> + use<'a, E> {
        row.all_codes()
            .filter_map(move |(validator, _)| Some((validator, self.cited_for(row, validator)?)))
    }

    /// What a row has for `validator`, as others are told of it.
    pub(crate) fn cited_for(&self, row: Citations<'_>, validator: ValidatorId) -> Option<Citation> {
        let code = row.code(validator);
        match row.dropped_of(code) {
            Some(dropped) => Some(Citation::Latest(dropped.hash)),
            None => self.citation(row.seen(code)),
        }
    }

    /// Where the message stands that `row` cites as the latest of `validator`.
    pub(crate) fn cited_position(
        &self,
        row: Citations<'_>,
        validator: ValidatorId,
    ) -> Option<Position> {
        let code = row.code(validator);
        let held = || code.as_latest().map(|message| self.chains.position(message));
        row.dropped_of(code).map(|dropped| dropped.position).or_else(held)
    }

    /// A resolved citation, as others are told of it; `None` for [`Seen::Nothing`] and
    /// [`Seen::Dropped`].
    pub(crate) fn citation(&self, seen: Seen) -> Option<Citation> {
        match seen {
            Seen::Nothing | Seen::Dropped => None,
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
        let row = self.panoramas.of_draft(draft);
        let before = self.cited_position(row, message.sender());
        self.chains.push(message.sender(), before);
        self.panoramas.push(draft);
        self.hashes.push(message.hash());
        self.index.insert(this.get(), |number| &self.hashes[number as usize]);
        self.senders.push(message.sender());
        self.estimates.push(message.estimate().clone());
        this
    }

    /// Keeps a stub of a message that was dropped.
    pub(crate) fn push_stub(&mut self, archived: &Archived<E>) -> MessageIndex {
        let this = MessageIndex::new(self.len() as u32);
        let message = &archived.message;
        self.chains.push_again(message.sender(), archived.position);
        self.panoramas.push_nothing();
        self.hashes.push(message.hash());
        self.index.insert(this.get(), |number| &self.hashes[number as usize]);
        self.senders.push(message.sender());
        self.estimates.push(message.estimate().clone());
        self.stubs.insert(this);
        this
    }
}

impl<E: Estimate> Store<E> {
    /// The message as it was sent, which could be made once and can again. O(V), and its hash is
    /// computed anew.
    pub(crate) fn message(&self, message: MessageIndex) -> Option<Message<E>> {
        let citations = self.cited(self.panoramas.of(message));
        Message::new(Header {
            sender: self.sender(message),
            sequence_number: self.sequence_number(message),
            // In ascending order, each once: nothing to refuse.
            justification: Justification::from_ascending(citations.collect()).unwrap_or_default(),
            estimate: self.estimate(message).clone(),
        })
        .ok()
    }

    /// The message, with what is needed to judge who cites it once it is dropped. O(V).
    pub(crate) fn archived(&self, message: MessageIndex) -> Option<Archived<E>> {
        let row = self.panoramas.of(message);
        let cited =
            row.all_codes().filter_map(|(validator, _)| self.cited_position(row, validator));
        Some(Archived {
            message: self.message(message)?,
            position: self.chains.position(message),
            cited: cited.collect(),
            note: Vec::new(),
        })
    }
}
