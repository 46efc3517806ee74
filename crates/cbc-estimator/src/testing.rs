//! What the tests of this crate share: hand-made messages, and votes in which a majority agrees.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use cbc_message::{
    Estimate, HashIndex, Header, Message, MessageHash, ValidatorId, ValidatorSet, Weight,
};
use cbc_testkit::Dag;
use cbc_view::{Admission, HashedDag, Incoming, MessageDag, MessageIndex, Refusal, Seen, View};
use proptest::prelude::*;

use crate::{Case, Follower, Vote};

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

/// Somebody's view, and an estimator that follows it and judges what comes.
#[derive(Clone, Debug)]
pub(crate) struct Node<E, T> {
    pub(crate) view: View<E>,
    pub(crate) estimator: T,
}

/// Why an estimator refuses a message.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

/// Judges by an estimator, and tells it.
struct Judge<'a, T>(&'a mut T);

impl<E: Estimate, T: Follower<View<E>>> Admission<E> for Judge<'_, T> {
    type Error = Refused;

    fn check(&mut self, view: &View<E>, new: &Incoming<'_, E>) -> Result<(), Refusal<Refused>> {
        let Incoming { message, citations } = *new;
        let (message, estimate) = (message.hash(), message.estimate());
        let case = Case { message, estimate, citations, check: true };
        let judged = self.0.judge(view, view.validators(), &case, None);
        judged.map_err(|refusal| refusal.map(|breach| Refused(format!("{breach:?}"))))
    }

    fn stored(&mut self, view: &View<E>, message: MessageIndex) {
        self.0.insert(view, message);
    }
}

impl<E: Estimate, T: Follower<View<E>>> Node<E, T> {
    pub(crate) fn new(validators: ValidatorSet, estimator: T) -> Self {
        Self { view: View::new(Arc::new(validators)), estimator }
    }

    /// Receives a message; what is wrong with it, if it is invalid.
    pub(crate) fn receive(&mut self, message: Message<E>) -> Result<(), String> {
        let received = self.view.insert_with(message, &mut Judge(&mut self.estimator));
        received.map(drop).map_err(|rejection| rejection.reason.to_string())
    }

    /// The votes of what it has seen.
    pub(crate) fn votes(&self) -> Vec<Vote> {
        let latest = self.view.latest_honest_messages();
        latest.map(|(validator, message)| Vote { validator, message }).collect()
    }

    pub(crate) fn estimate(&self) -> T::Value {
        let votes = self.votes();
        self.estimator.estimate(&self.view, self.view.validators(), &votes, None).unwrap()
    }

    /// The message that `sender` makes with this estimate; it is not received yet.
    pub(crate) fn draft(&self, sender: ValidatorId, estimate: E) -> Message<E> {
        let (view, justification) = (&self.view, self.view.justification());
        let sequence_number = view.next_sequence_number(sender);
        Message::new(Header { sender, sequence_number, justification, estimate }).unwrap()
    }
}

/// A number below the one that it is given, from a seed.
pub(crate) fn draws(mut state: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

/// A run at random: each of `makers` has a view of its own, in which it hears some messages, with
/// all that they have in their past, before it makes one with the estimate that `choose` says. A
/// validator that is there twice equivocates. `each` is called with the view that receives all,
/// after each message.
pub(crate) fn run_at_random<E: Estimate, T: Follower<View<E>> + Clone>(
    (validators, makers): (&ValidatorSet, &[u32]),
    steps: usize,
    estimator: T,
    draw: &mut impl FnMut(usize) -> usize,
    mut choose: impl FnMut(&Node<E, T>, T::Value, &mut dyn FnMut(usize) -> usize) -> E,
    mut each: impl FnMut(&Node<E, T>, MessageIndex),
) {
    let new = || Node::new(validators.clone(), estimator.clone());
    let mut nodes: Vec<_> = makers.iter().map(|_| new()).collect();
    let mut all = new();
    let mut messages: Vec<(Message<E>, BTreeSet<usize>)> = Vec::new();
    for _ in 0..steps {
        let maker = draw(makers.len());
        let (sender, node) = (ValidatorId::new(makers[maker]), &mut nodes[maker]);
        let mut seen = BTreeSet::new();
        for _ in 0..draw(4).min(messages.len()) {
            // Mostly of late.
            let place = messages.len() - 1 - draw(messages.len().min(8));
            seen.extend(messages[place].1.iter().copied());
        }
        for place in seen {
            node.receive(messages[place].0.clone()).unwrap();
        }
        if node.view.is_equivocator(sender) {
            continue;
        }
        let value = node.estimate();
        let estimate = choose(node, value, draw);
        let message = node.draft(sender, estimate);
        let past = message.justification().hashes().flat_map(|hash| {
            let cited = messages.iter().find(|(message, _)| message.hash() == hash);
            cited.map(|(_, past)| past.clone()).unwrap_or_default()
        });
        let past = past.chain([messages.len()]).collect();
        node.receive(message.clone()).unwrap();
        if all.view.find(&message.hash()).is_some() {
            continue; // By both halves of an equivocator, from the same past.
        }
        messages.push((message.clone(), past));
        all.receive(message).unwrap();
        each(&all, MessageIndex::new(all.view.message_count() as u32 - 1));
    }
}
