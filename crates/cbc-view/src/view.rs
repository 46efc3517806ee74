//! The view: what one observer has seen (semantics §2).

use std::collections::BTreeSet;
use std::sync::Arc;

use cbc_message::{Estimate, Message, MessageHash, ValidatorId, ValidatorSet, Weight};

use crate::perspective::Perspective;
use crate::receive::resolve::Draft;
use crate::shared::Seat;
use crate::store::Store;
use crate::store::rows::{Citations, Rows};
use crate::{Equivocation, HashedDag, Limits, MessageDag, MessageIndex, Seen};

/// What may come after the latest justified message of a validator: see [`View::ahead_of`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Messages of the validator that are pending.
    pub pending: Vec<MessageHash>,
    /// What is missing: any of it may be the validator's, or have a message of it in its past.
    pub missing: BTreeSet<MessageHash>,
}

/// What one observer has seen: justified messages, a DAG closed under citation, and pending ones
/// that wait for what they cite.
///
/// Messages may arrive in any order, from anybody, any number of times. What is justified in the
/// end depends on the set of messages received alone (their indices on the order), and on the
/// order only where somebody floods the view and its [`Limits`] say so.
///
/// Many observers in one process can share what they hold: see [`SharedView`](crate::SharedView).
#[derive(Clone, Debug)]
pub struct View<E> {
    validators: Arc<ValidatorSet>,
    pub(crate) store: Store<E>,
    pub(crate) perspective: Box<Perspective<E>>,
    /// The number of the observer, of those who share this view, and what each of them has seen;
    /// of this one, that is the perspective ([`SharedView`](crate::SharedView)).
    pub(crate) observer: usize,
    pub(crate) seats: Vec<Seat<E>>,
    pub(crate) limits: Limits,
    /// What is being received; kept for its memory.
    pub(crate) draft: Draft,
}

impl<E> View<E> {
    /// The view of somebody who has seen nothing, with the default [`Limits`].
    pub fn new(validators: Arc<ValidatorSet>) -> Self {
        Self::with_limits(validators, Limits::default())
    }

    /// The view of somebody who has seen nothing.
    pub fn with_limits(validators: Arc<ValidatorSet>, limits: Limits) -> Self {
        let count = validators.len();
        Self {
            validators,
            store: Store::new(count),
            perspective: Box::new(Perspective::new(0)),
            observer: 0,
            seats: vec![Seat::default()],
            limits,
            draft: Draft::default(),
        }
    }
}

impl<E: Estimate> View<E> {
    /// The message at `message`, as it was sent. It is made from what the view keeps, and its hash
    /// computed anew.
    pub fn message(&self, message: MessageIndex) -> Option<Message<E>> {
        self.store.message(message)
    }
}

/// What the view holds.
impl<E> View<E> {
    /// The validators.
    pub fn validators(&self) -> &Arc<ValidatorSet> {
        &self.validators
    }

    /// How much of what nobody asked for it keeps.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether `message` is justified for this observer: in a view that nobody shares, always.
    pub fn is_justified(&self, message: MessageIndex) -> bool {
        self.perspective.justified.contains(message)
    }

    /// Whether anything was dropped ([`prune`](Self::prune)).
    pub fn is_pruned(&self) -> bool {
        self.store.prunings > 0
    }

    /// How many messages are justified.
    pub fn justified_count(&self) -> usize {
        self.perspective.justified.len()
    }

    /// The justified messages, in ascending order.
    pub fn justified_messages(&self) -> impl DoubleEndedIterator<Item = MessageIndex> {
        let held = (0..self.store.len() as u32).map(MessageIndex::new);
        held.filter(|&message| self.is_justified(message))
    }

    /// The pending messages, in the order of their arrival; without those that are
    /// [held back](Self::held_back).
    pub fn pending_messages(&self) -> impl Iterator<Item = &Message<E>> {
        self.perspective.pending.iter()
    }

    /// The pending messages that are held, since another observer who shares this view has
    /// justified them, in the order of their arrival: see [`insert_held`](Self::insert_held).
    pub fn held_back(&self) -> impl Iterator<Item = MessageIndex> + use<E> {
        self.perspective.held_back.in_order().into_iter()
    }

    /// How many messages are pending.
    pub fn pending_count(&self) -> usize {
        self.perspective.pending.len() + self.perspective.held_back.len()
    }

    /// What all that is pending takes at most, in bytes, by the formula of [`Limits`].
    pub fn pending_bytes(&self) -> usize {
        self.perspective.pending.bytes()
    }

    /// What the pending messages take at most that `payer` pays for, in bytes: see [`Limits`].
    pub fn pending_bytes_of(&self, payer: ValidatorId) -> usize {
        if self.validators.contains(payer) { self.perspective.pending.bytes_of(payer) } else { 0 }
    }

    /// The pending message with this hash.
    pub fn pending_message(&self, hash: &MessageHash) -> Option<&Message<E>> {
        self.perspective.pending.get(hash)
    }

    /// How many distinct hashes the pending message with this hash still waits for.
    pub fn missing_dependency_count(&self, hash: &MessageHash) -> Option<usize> {
        self.perspective.pending.missing_count(hash)
    }

    /// The pending messages that cite `hash`, which is not justified, in the order of their
    /// arrival.
    pub fn dependents_of(&self, hash: &MessageHash) -> impl Iterator<Item = &Message<E>> {
        self.perspective.pending.dependents(hash)
    }

    /// The hashes that something pending cites and that are neither pending nor justified, in
    /// ascending order: what to ask others for. Also what arrived and was not kept, over a limit,
    /// if something pending waits for it. O(hashes that are waited for, or were at a time).
    pub fn missing_hashes(&self) -> BTreeSet<MessageHash> {
        let mut missing = self.perspective.pending.missing();
        for held in self.held_back() {
            missing.remove(&self.hash(held));
        }
        missing
    }

    /// Messages of `validator` that are not justified here and may come after its latest that is:
    /// its own that are pending, in the order of their arrival, and, unknown, whatever is missing
    /// that something pending waits for: a message says nothing of what its citations imply, so
    /// that only they can tell. Who is `validator` must not speak before it knows them
    /// ([`next_sequence_number`](Self::next_sequence_number) may be that of a message it has made
    /// already). What is missing may also be made up. O(what is pending, and waited for).
    pub fn ahead_of(&self, validator: ValidatorId) -> Ahead {
        let next = self.next_sequence_number(validator);
        let own = self.pending_messages();
        let own = own.filter(|it| it.sender() == validator && it.sequence_number() >= next);
        let held = self.held_back().filter(|&held| self.sender(held) == validator);
        let held = held.filter(|&held| self.sequence_number(held) >= next);
        let pending = own.map(Message::hash).chain(held.map(|held| self.hash(held))).collect();
        Ahead { pending, missing: self.missing_hashes() }
    }

    /// What `message` has seen of each validator: its full justification, which its citations
    /// imply (semantics §1).
    pub fn citations(&self, message: MessageIndex) -> Citations<'_> {
        self.store.citations(message)
    }

    /// The messages that `message` cites, in the order in which it does; without those that were
    /// dropped.
    pub fn cited(&self, message: MessageIndex) -> impl Iterator<Item = MessageIndex> {
        self.store.cited(message).iter().filter_map(|code| code.as_latest())
    }

    /// Whether `earlier` is `later`, or comes before it in their sender's chain of
    /// self-citations. O(1) for messages of a validator that does not equivocate, else O(forks).
    pub fn is_predecessor_or_same(&self, earlier: MessageIndex, later: MessageIndex) -> bool {
        let chains = &self.store.chains;
        let (sender, position) = (self.sender(later), chains.position(later));
        sender == self.sender(earlier)
            && chains.is_predecessor_or_same(sender, chains.position(earlier), position)
    }

    /// The latest message of each validator heard from, equivocators included, in ascending order
    /// of the validators.
    pub fn latest_messages(&self) -> impl Iterator<Item = (ValidatorId, MessageIndex)> {
        self.perspective.latest.iter()
    }

    /// The latest message of each validator heard from that this view cannot prove to have
    /// equivocated: those that count.
    pub fn latest_honest_messages(&self) -> impl Iterator<Item = (ValidatorId, MessageIndex)> {
        self.latest_messages().filter(|&(validator, _)| !self.is_equivocator(validator))
    }

    /// The proof, if this view has one, that `validator` equivocated: the first it came across.
    pub fn equivocation(&self, validator: ValidatorId) -> Option<Equivocation> {
        self.perspective.equivocation(validator)
    }

    /// The validators that this view can prove to have equivocated, in ascending order.
    pub fn equivocations(&self) -> impl Iterator<Item = Equivocation> {
        self.perspective.proofs()
    }

    /// The summed weight of the validators that this view can prove to have equivocated. O(1).
    pub fn observed_fault_weight(&self) -> Weight {
        self.perspective.fault_weight
    }

    /// The sequence number of the next message of `validator`: one more than its latest, or 0
    /// (semantics §3).
    pub fn next_sequence_number(&self, validator: ValidatorId) -> u64 {
        self.latest_message(validator).map_or(0, |latest| self.sequence_number(latest) + 1)
    }
}

impl<E> MessageDag for View<E> {
    type Estimate = E;

    fn message_count(&self) -> usize {
        self.store.len()
    }

    fn validator_count(&self) -> usize {
        self.validators.len()
    }

    fn sender(&self, message: MessageIndex) -> ValidatorId {
        self.store.sender(message)
    }

    fn sequence_number(&self, message: MessageIndex) -> u64 {
        self.store.sequence_number(message)
    }

    fn estimate(&self, message: MessageIndex) -> &E {
        self.store.estimate(message)
    }

    fn previous(&self, message: MessageIndex) -> Option<MessageIndex> {
        self.store.previous(message)
    }

    fn seen(&self, message: MessageIndex, validator: ValidatorId) -> Seen {
        self.citations(message).get(validator)
    }

    fn seen_of_all(&self, message: MessageIndex) -> impl Iterator<Item = (ValidatorId, Seen)> {
        self.citations(message).iter()
    }

    fn news(
        &self,
        message: Option<MessageIndex>,
        seen: &Citations<'_>,
    ) -> Vec<(ValidatorId, Seen, Seen)> {
        let before = match message {
            Some(message) => self.store.citations(message),
            None => self.store.rows.citations(Rows::EMPTY),
        };
        let news = seen.differences(&before);
        news.map(|(validator, now, before)| (validator, before, now)).collect()
    }

    fn latest_seen(&self, message: MessageIndex, row: &mut [u32]) {
        self.citations(message).latest(row);
    }

    fn latest_message(&self, validator: ValidatorId) -> Option<MessageIndex> {
        self.perspective.latest.get(validator)
    }

    fn is_equivocator(&self, validator: ValidatorId) -> bool {
        self.perspective.is_equivocator(validator)
    }
}

impl<E> HashedDag for View<E> {
    fn hash(&self, message: MessageIndex) -> MessageHash {
        *self.store.hash(message)
    }

    fn find(&self, hash: &MessageHash) -> Option<MessageIndex> {
        self.store.find(hash).filter(|&message| self.is_justified(message))
    }
}
