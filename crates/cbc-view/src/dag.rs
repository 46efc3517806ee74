//! The read-only message DAG: all that estimators and oracles ask of a view.

use cbc_message::{MessageHash, ValidatorId};

use crate::Citations;

/// A justified message, by its place in the order in which one view justified its messages.
///
/// Every message comes after all it cites, so ascending indices are a topological order of the DAG,
/// and side tables over messages are plain vectors. Indices of two views are unrelated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageIndex(u32);

impl MessageIndex {
    /// The message justified as the `index`-th, from 0.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The place, as kept in compact tables.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The place, for tables that have an entry for each message.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a message's maker had seen of a validator, resolved within one view: whether the message
/// cites that, or what it cites implies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing: its sender had not heard from the validator.
    Nothing,
    /// The validator's latest message that its sender had seen.
    Latest(MessageIndex),
    /// That the validator equivocated: the message has two of its messages in its past, neither of
    /// which is in the other's.
    Equivocation,
    /// A message that was dropped ([`View::prune`](crate::View::prune)). It was the validator's
    /// latest that its sender had seen; it agrees with nothing that the view still decides.
    Dropped,
}

impl Seen {
    /// The latest message cited, unless nothing, an equivocation, or what was dropped is.
    pub fn latest(self) -> Option<MessageIndex> {
        match self {
            Self::Latest(message) => Some(message),
            Self::Nothing | Self::Equivocation | Self::Dropped => None,
        }
    }
}

/// A set of messages that contains all that its messages cite, read-only.
///
/// Implemented by [`View`](crate::View), and easily by small hand-made DAGs. Messages are named by
/// [`MessageIndex`]es below [`message_count`](Self::message_count), of which some may not be in
/// the set (where several observers share a view): what is in it is what the latest messages and
/// the proofs of equivocation reach. Validators are named by ids below
/// [`validator_count`](Self::validator_count). Methods that take a message may panic on an index
/// that this DAG did not give out.
pub trait MessageDag {
    /// What the messages vote for.
    type Estimate;

    /// The number of messages that have an index.
    fn message_count(&self) -> usize;

    /// The number of validators.
    fn validator_count(&self) -> usize;

    /// Who made `message`.
    fn sender(&self, message: MessageIndex) -> ValidatorId;

    /// How many messages its sender had made before `message`.
    fn sequence_number(&self, message: MessageIndex) -> u64;

    /// What `message` votes for.
    fn estimate(&self, message: MessageIndex) -> &Self::Estimate;

    /// The message that its sender made before `message`.
    fn previous(&self, message: MessageIndex) -> Option<MessageIndex>;

    /// What `message` has seen of `validator`: cited, or implied by what is.
    fn seen(&self, message: MessageIndex, validator: ValidatorId) -> Seen;

    /// All that `message` has seen: of each validator of whom that is anything; in any order. For whoever
    /// wants all of it, quicker than one [`seen`](Self::seen) after another.
    fn seen_of_all(&self, message: MessageIndex) -> impl Iterator<Item = (ValidatorId, Seen)> {
        let validators = (0..self.validator_count() as u32).map(ValidatorId::new);
        let seen = validators.map(move |validator| (validator, self.seen(message, validator)));
        seen.filter(|&(_, seen)| seen != Seen::Nothing)
    }

    /// The validators of whom `seen` has something else than `message` has seen, or than nobody if
    /// there is none, in ascending order: what `message` has seen of each, and what `seen` has. For
    /// whoever goes on from what it knew of `message`.
    fn news(
        &self,
        message: Option<MessageIndex>,
        seen: &Citations<'_>,
    ) -> Vec<(ValidatorId, Seen, Seen)> {
        let mut before: Vec<(ValidatorId, Seen)> =
            message.map_or(Vec::new(), |message| self.seen_of_all(message).collect());
        before.sort_unstable_by_key(|&(validator, _)| validator);
        let news = seen.differences(&Citations::listed(&before));
        news.map(|(validator, now, before)| (validator, before, now)).collect()
    }

    /// For each validator, one more than the index of the message that `message` has seen as its
    /// latest, and 0 if it has seen none: all into `row`, which has a place for each validator. For
    /// whoever compares many messages at once, the quickest.
    fn latest_seen(&self, message: MessageIndex, row: &mut [u32]) {
        row.fill(0);
        self.seen_of_all(message).for_each(|(validator, seen)| {
            if let (Some(place), Seen::Latest(seen)) = (row.get_mut(validator.index()), seen) {
                *place = seen.get() + 1;
            }
        });
    }

    /// The message of `validator` with the greatest sequence number, also where the validator
    /// equivocated (semantics §2); `None` for a validator that has not been heard from.
    fn latest_message(&self, validator: ValidatorId) -> Option<MessageIndex>;

    /// Whether this DAG holds proof that `validator` equivocated.
    fn is_equivocator(&self, validator: ValidatorId) -> bool;

    /// The latest message of `validator`, if it counts: an equivocator's does not.
    fn latest_honest_message(&self, validator: ValidatorId) -> Option<MessageIndex> {
        if self.is_equivocator(validator) { None } else { self.latest_message(validator) }
    }
}

/// A message DAG that also knows hashes. Fork choice needs them: they name blocks and break ties.
pub trait HashedDag: MessageDag {
    /// The hash of `message`.
    fn hash(&self, message: MessageIndex) -> MessageHash;

    /// The message with this hash, if it is in the DAG.
    fn find(&self, hash: &MessageHash) -> Option<MessageIndex>;
}
