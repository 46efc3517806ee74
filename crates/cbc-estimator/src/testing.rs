//! What the tests of this crate share: hand-made messages, and votes in which a majority agrees.

use std::fmt::Debug;

use cbc_message::{Estimate, HashIndex, MessageHash, ValidatorId, ValidatorSet, Weight};
use cbc_testkit::Dag;
use cbc_view::{HashedDag, MessageDag, MessageIndex, Seen};
use proptest::prelude::*;

use crate::{Follower, Vote};

/// Messages that cite nobody, with hashes of the test's choice: message i is the only one of
/// validator i.
#[derive(Debug)]
pub(crate) struct Messages<E> {
    estimates: Vec<E>,
    hashes: Vec<MessageHash>,
    index: HashIndex<MessageIndex>,
}

impl<E> Default for Messages<E> {
    fn default() -> Self {
        Self { estimates: Vec::new(), hashes: Vec::new(), index: HashIndex::new() }
    }
}

impl<E> Messages<E> {
    pub(crate) fn push(&mut self, hash: MessageHash, estimate: E) -> MessageIndex {
        let message = MessageIndex::new(self.hashes.len() as u32);
        assert_eq!(self.index.insert(hash, message), None, "two messages with one hash");
        self.hashes.push(hash);
        self.estimates.push(estimate);
        message
    }

    pub(crate) fn indices(&self) -> impl Iterator<Item = MessageIndex> + use<E> {
        (0..self.hashes.len() as u32).map(MessageIndex::new)
    }
}

/// The messages of a DAG in which message i is the only one of validator i.
impl<E: Clone> From<&Dag<E>> for Messages<E> {
    fn from(dag: &Dag<E>) -> Self {
        let mut messages = Self::default();
        for message in dag.messages() {
            let index = messages.push(message.hash(), message.estimate().clone());
            assert_eq!(messages.sender(index), message.sender());
        }
        messages
    }
}

impl<E> MessageDag for Messages<E> {
    type Estimate = E;

    fn message_count(&self) -> usize {
        self.hashes.len()
    }

    fn validator_count(&self) -> usize {
        self.hashes.len()
    }

    fn sender(&self, message: MessageIndex) -> ValidatorId {
        ValidatorId::new(message.get())
    }

    fn sequence_number(&self, _: MessageIndex) -> u64 {
        0
    }

    fn estimate(&self, message: MessageIndex) -> &E {
        &self.estimates[message.index()]
    }

    fn previous(&self, _: MessageIndex) -> Option<MessageIndex> {
        None
    }

    fn seen(&self, _: MessageIndex, _: ValidatorId) -> Seen {
        Seen::Nothing
    }

    fn latest_message(&self, validator: ValidatorId) -> Option<MessageIndex> {
        (validator.index() < self.hashes.len()).then_some(MessageIndex::new(validator.get()))
    }

    fn is_equivocator(&self, _: ValidatorId) -> bool {
        false
    }
}

impl<E> HashedDag for Messages<E> {
    fn hash(&self, message: MessageIndex) -> MessageHash {
        self.hashes[message.index()]
    }

    fn find(&self, hash: &MessageHash) -> Option<MessageIndex> {
        self.index.get(hash).copied()
    }
}

/// The hash of message `number`, greater than those of a lesser `rank`.
pub(crate) fn hash(rank: u8, number: u32) -> MessageHash {
    let mut bytes = [0; 32];
    bytes[0] = rank;
    bytes[28..].copy_from_slice(&number.to_be_bytes());
    MessageHash::from_bytes(bytes)
}

/// The vote of the validator whose only message this is.
pub(crate) fn vote(message: MessageIndex) -> Vote {
    let validator = ValidatorId::new(message.get());
    Vote { validator, message }
}

/// What somebody has seen who has seen these votes.
pub(crate) fn seen(votes: &[Vote]) -> Vec<(ValidatorId, Seen)> {
    let seen = votes.iter().map(|vote| (vote.validator, Seen::Latest(vote.message)));
    let mut seen: Vec<_> = seen.collect();
    seen.sort_unstable_by_key(|&(validator, _)| validator);
    seen
}

/// Validators with these weights, and one more that makes sure that there is any.
pub(crate) fn weights(units: &[u64]) -> ValidatorSet {
    let nothing = units.iter().all(|&units| units == 0);
    let last = Weight::new(nothing.into());
    ValidatorSet::new(units.iter().copied().map(Weight::new).chain([last])).unwrap()
}

/// The answer of `estimator` to a vote of each weight for each estimate.
pub(crate) fn estimate_by<E: Estimate, T: Follower<Messages<E>>>(
    mut estimator: T,
    ballots: &[(u64, E)],
) -> Option<T::Value> {
    let mut messages = Messages::default();
    for (number, (_, estimate)) in (0..).zip(ballots) {
        assert!(estimator.admit(estimate).is_ok());
        let message = messages.push(hash(0, number), estimate.clone());
        estimator.insert(&messages, message);
    }
    let votes: Vec<Vote> = messages.indices().map(vote).collect();
    let units: Vec<u64> = ballots.iter().map(|&(units, _)| units).collect();
    estimator.estimate(&messages, &weights(&units), &votes, None)
}

/// Votes in any order, and a value that has one unit more than half of their weight.
pub(crate) fn majorities<E: Clone + Debug>(
    value: impl Strategy<Value = E> + Clone,
) -> impl Strategy<Value = (E, Vec<(u64, E)>)> {
    let weight = prop_oneof![0..4_u64, Just(u64::MAX / 20)];
    let others = prop::collection::vec((weight, value.clone()), 0..10);
    (value, others, any::<u64>()).prop_flat_map(|(value, mut ballots, split)| {
        let majority = 1 + ballots.iter().map(|&(units, _)| units).sum::<u64>();
        let part = split % (majority + 1);
        ballots.push((part, value.clone()));
        ballots.push((majority - part, value.clone()));
        (Just(value), Just(ballots).prop_shuffle())
    })
}
