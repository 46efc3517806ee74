//! The world: every validator, every message, and who has seen which.

use std::sync::Arc;

use cbc_estimator::{Estimator, Vote};
use cbc_message::{Message, ValidatorId, ValidatorSet, Weight};
use cbc_oracle::CliqueOracle;
use cbc_validator::{Finality, Observer, Validator};
use cbc_view::{HashedDag, MessageDag, MessageIndex, Property, View};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::arena::{Arena, Oracle, oracle};
use super::set::Messages;

/// Every validator, every message, and who has seen which.
pub(super) struct World<P: Arena> {
    pub(super) validators: Arc<ValidatorSet>,
    pub(super) rng: ChaCha8Rng,
    /// Sees every message when it is made. Its indices name the messages.
    all: Observer<P, CliqueOracle>,
    /// For each message, its past cone and itself.
    cones: Vec<Messages>,
    /// For each validator, its messages.
    by: Vec<Messages>,
    nodes: Vec<Validator<P, Oracle<P::Estimate>>>,
    /// For each validator, what it has received.
    seen: Vec<Messages>,
    /// What was finalized, in order.
    pub(super) records: Vec<Record<P::Value>>,
    /// Of each who could not speak, since what it had finalized and what is valid had parted: which
    /// records of its own what is valid does not agree with.
    pub(super) stuck: Vec<Vec<usize>>,
}

/// A value that a validator found safe.
#[derive(Clone)]
pub(super) struct Record<V> {
    pub(super) validator: ValidatorId,
    /// The value, as the world knows it.
    pub(super) value: V,
    pub(super) tolerance: Weight,
    /// What the validator had seen.
    pub(super) seen: Messages,
    /// The validators that hold the value together.
    pub(super) quorum: Vec<ValidatorId>,
    /// Whether it conflicted with what the validator had finalized, and was refused.
    pub(super) refused: bool,
}

impl<P: Arena> World<P> {
    /// Honest validators that have seen nothing.
    pub(super) fn new(
        validators: Arc<ValidatorSet>,
        oracle_place: usize,
        threshold: Weight,
        rng: ChaCha8Rng,
    ) -> Self {
        let node = |id| {
            let oracle = oracle(oracle_place);
            let observer = Observer::new(P::arena(), oracle, Arc::clone(&validators));
            Validator::new(id, observer.with_threshold(threshold)).unwrap()
        };
        Self {
            rng,
            all: Observer::new(P::arena(), CliqueOracle::new(), Arc::clone(&validators)),
            cones: Vec::new(),
            by: vec![Messages::EMPTY; validators.len()],
            nodes: validators.ids().map(node).collect(),
            seen: vec![Messages::EMPTY; validators.len()],
            records: Vec::new(),
            stuck: Vec::new(),
            validators,
        }
    }

    /// Whether no more messages can be made.
    pub(super) fn is_full(&self) -> bool {
        self.cones.len() >= Messages::CAPACITY
    }

    /// All messages.
    pub(super) fn messages(&self) -> impl DoubleEndedIterator<Item = MessageIndex> + use<P> {
        (0..self.cones.len() as u32).map(MessageIndex::new)
    }

    /// The message and its past cone.
    pub(super) fn cone(&self, message: MessageIndex) -> Messages {
        self.cones[message.index()]
    }

    /// The messages of `validator`.
    pub(super) fn by(&self, validator: ValidatorId) -> Messages {
        self.by[validator.index()]
    }

    /// What `validator` has received.
    pub(super) fn seen(&self, validator: ValidatorId) -> Messages {
        self.seen[validator.index()]
    }

    /// Who made `message`.
    pub(super) fn sender(&self, message: MessageIndex) -> ValidatorId {
        self.all.view().sender(message)
    }

    /// Whether `message` agrees with `value`.
    pub(super) fn agrees(&self, message: MessageIndex, value: &P::Value) -> bool {
        self.all.protocol().property(self.all.estimator(), value).agrees(self.all.view(), message)
    }

    /// Whether the two values can never both be decided.
    pub(super) fn conflict(&self, one: &P::Value, other: &P::Value) -> bool {
        self.all.protocol().conflict(self.all.estimator(), one, other)
    }

    /// The latest message of `validator` among `set`, which contains all that its messages cite;
    /// `None` also if it equivocated there.
    pub(super) fn tip(&self, validator: ValidatorId, set: Messages) -> Option<MessageIndex> {
        let own = self.by(validator).both(set);
        own.last().filter(|&last| own.is_subset(self.cone(last)))
    }

    /// Whether `set` has proof that `validator` equivocated.
    pub(super) fn exposes(&self, set: Messages, validator: ValidatorId) -> bool {
        !self.by(validator).both(set).is_empty() && self.tip(validator, set).is_none()
    }

    /// The validators that `set` has proof against, as the bits of a number.
    pub(super) fn exposed(&self, set: Messages) -> u32 {
        let ids = self.validators.ids().filter(|&id| self.exposes(set, id));
        ids.fold(0, |bits, id| bits | 1 << id.get())
    }

    /// The estimate of somebody who has seen `set`.
    pub(super) fn estimate(&self, set: Messages) -> Option<P::Value> {
        let vote = |validator| Some(Vote { validator, message: self.tip(validator, set)? });
        let votes: Vec<Vote> = self.validators.ids().filter_map(vote).collect();
        self.all.estimator().estimate(self.all.view(), &self.validators, &votes, None)
    }

    /// Whether whoever has seen just `set` may disagree with `value`.
    pub(super) fn may_disagree(&self, set: Messages, value: &P::Value) -> bool {
        self.estimate(set).is_none_or(|estimate| !self.has(&estimate, value))
    }

    /// Whether `value` is a candidate of a chain that `estimate` ends.
    pub(super) fn has(&self, estimate: &P::Value, value: &P::Value) -> bool {
        let (protocol, estimator) = (self.all.protocol(), self.all.estimator());
        let depth = protocol.depth(estimator, value);
        let mut ends = protocol.ends(estimator, estimate).into_iter();
        ends.any(|end| protocol.candidate(estimator, &end, depth) == *value)
    }

    /// By how much those of `set` who disagree with `value` outweigh those who agree.
    pub(super) fn balance(&self, set: Messages, value: &P::Value) -> i128 {
        let tip = |validator| Some((validator, self.tip(validator, set)?));
        let weigh = |(validator, tip)| {
            let weight = i128::from(self.validators.weight(validator).get());
            if self.agrees(tip, value) { -weight } else { weight }
        };
        self.validators.ids().filter_map(tip).map(weigh).sum()
    }

    /// What `validator` has finalized.
    pub(super) fn finalized(&self, validator: ValidatorId) -> Option<P::Value> {
        let node = self.nodes[validator.index()].observer();
        Some(P::carry(&node.finalized_together()?, node, &self.all))
    }

    /// Lets `validator` receive what it lacks of `set`, in any order, and finalize.
    pub(super) fn deliver(&mut self, validator: ValidatorId, set: Messages) {
        let mut new: Vec<MessageIndex> = set.without(self.seen(validator)).iter().collect();
        new.shuffle(&mut self.rng);
        let node = self.nodes[validator.index()].observer_mut();
        for message in new {
            let receipt = node.receive(self.all.view().message(message).unwrap()).unwrap();
            assert!(receipt.rejected.is_empty() && receipt.unjudged.is_empty());
        }
        assert_eq!(node.view().pending_count(), 0, "{set:?} is not all that its messages cite");
        self.seen[validator.index()] = self.seen(validator).union(set);
        self.finalize(validator);
    }

    /// Lets `validator` finalize what it can.
    fn finalize(&mut self, validator: ValidatorId) {
        let node = self.nodes[validator.index()].observer_mut();
        let (values, refused) = match node.update_safe_estimates() {
            Ok(Finality::Unchanged | Finality::Overturned | Finality::Untold) => return,
            Ok(Finality::Advanced(advances)) => {
                let values = advances.into_iter().map(|advance| advance.finalized.value);
                (values.collect(), false)
            }
            Err(conflict) => (vec![conflict.conflicting], true),
        };
        values.into_iter().for_each(|value| self.record(validator, value, refused));
    }

    fn record(&mut self, validator: ValidatorId, value: P::Value, refused: bool) {
        let node = self.nodes[validator.index()].observer();
        let safety = node.safety(&value);
        // Turán's quorum only stands in for a clique, which weighs no less.
        let clique = node.safety_by(&CliqueOracle::new(), &value);
        let quorum = if clique.reaches(safety.fault_tolerance.unwrap_or_default()) {
            clique.quorum
        } else {
            safety.quorum
        };
        self.records.push(Record {
            validator,
            value: P::carry(&value, node, &self.all),
            tolerance: safety.fault_tolerance.unwrap(),
            seen: self.seen[validator.index()],
            quorum: quorum.members,
            refused,
        });
    }

    /// Lets honest `validator` speak, and finalize. Takes this side if it may choose.
    pub(super) fn speak(&mut self, validator: ValidatorId, side: bool) -> Option<MessageIndex> {
        if self.is_full() {
            return None;
        }
        let node = &mut self.nodes[validator.index()];
        let Ok(message) = make(node, side) else {
            let seen = self.seen(validator);
            let parted = |&(_, record): &(usize, &Record<P::Value>)| {
                record.validator == validator
                    && !record.refused
                    && self.may_disagree(seen, &record.value)
            };
            let parted = self.records.iter().enumerate().filter(parted);
            self.stuck.push(parted.map(|(place, _)| place).collect());
            return None;
        };
        let message = self.publish(message);
        self.seen[validator.index()].insert(message);
        self.finalize(validator);
        Some(message)
    }

    /// Lets `validator` speak as if it had seen just `set`.
    pub(super) fn forge(
        &mut self,
        validator: ValidatorId,
        set: Messages,
        side: bool,
    ) -> Option<MessageIndex> {
        if self.is_full() {
            return None;
        }
        let observer = Observer::new(P::arena(), CliqueOracle::new(), Arc::clone(&self.validators));
        let mut fork = Validator::new(validator, observer).unwrap();
        for message in set.iter() {
            fork.observer_mut().receive(self.all.view().message(message).unwrap()).unwrap();
        }
        let message = make(&mut fork, side).unwrap();
        Some(self.publish(message))
    }

    /// Tells the world of a message, which has to be valid there.
    fn publish(&mut self, message: Message<P::Estimate>) -> MessageIndex {
        let sender = message.sender();
        if let Some(known) = self.all.view().find(&message.hash()) {
            return known; // made before, from the same past
        }
        let receipt = self.all.receive(message).unwrap();
        let message = receipt.justified.iter().next().unwrap();
        let view: &View<P::Estimate> = self.all.view();
        let mut cone = Messages::EMPTY;
        for hash in view.message(message).unwrap().justification().hashes() {
            let cited = view.find(&hash).unwrap();
            cone = cone.union(self.cones[cited.index()]);
        }
        cone.insert(message);
        self.cones.push(cone);
        self.by[sender.index()].insert(message);
        message
    }
}

/// Makes a message; takes this side if there is a choice.
fn make<P: Arena, O>(
    validator: &mut Validator<P, O>,
    side: bool,
) -> Result<Message<P::Estimate>, ()> {
    match P::opening(side) {
        Some(opening) if validator.observer().estimate().is_none() => {
            validator.make_message_with(opening).map_err(drop)
        }
        _ => validator.make_message().map_err(drop),
    }
}
