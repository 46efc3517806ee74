//! The view: what one observer has seen (semantics §2).

use std::collections::BTreeSet;
use std::sync::Arc;

use cbc_message::{
    Citation, Estimate, Justification, Message, MessageHash, ValidatorId, ValidatorSet, Weight,
};

use crate::perspective::Perspective;
use crate::shared::Seat;
use crate::store::Store;
use crate::store::panorama::{Citations, Draft};
use crate::{Equivocation, HashedDag, Limits, MessageDag, MessageIndex, Seen};

/// What may come after the latest justified message of a validator: see [`View::ahead_of`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Messages of the validator that are pending.
    pub pending: Vec<MessageHash>,
    /// What pending messages of others cite for the validator.
    pub cited: BTreeSet<MessageHash>,
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
    /// Of somebody who has seen nothing; kept for its memory.
    pub(crate) blank: Option<Box<Perspective<E>>>,
    pub(crate) limits: Limits,
    /// The row of the message that is being received; kept for its memory.
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
            perspective: Box::new(Perspective::new(count, 0)),
            observer: 0,
            seats: vec![Seat::default()],
            blank: None,
            limits,
            draft: Draft::default(),
        }
    }
}

impl<E: Estimate> View<E> {
    /// The message at `message`, as it was sent; `None` if only a stub of it is left
    /// ([`prune`](Self::prune)). It is made from what the view keeps, and its hash computed anew:
    /// O(V).
    pub fn message(&self, message: MessageIndex) -> Option<Message<E>> {
        if self.store.is_stub(message) { None } else { self.store.message(message) }
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
        self.perspective.has_justified(&self.store, message)
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
    /// its own that are pending, in the order of their arrival, and `cited`, the hashes that
    /// pending messages of others cite for it. Who is `validator` must not speak before it knows
    /// them ([`next_sequence_number`](Self::next_sequence_number) may be that of a message it has
    /// made already). What others cite may be made up. O(citations of all that is pending).
    pub fn ahead_of(&self, validator: ValidatorId) -> Ahead {
        let next = self.next_sequence_number(validator);
        let pending = || self.pending_messages();
        let own = pending().filter(|it| it.sender() == validator && it.sequence_number() >= next);
        let mut pending_own: Vec<MessageHash> = own.map(Message::hash).collect();
        let others = pending().filter(|message| message.sender() != validator);
        let cited = others.filter_map(|message| message.justification().get(validator));
        let awaited = &self.perspective.pending;
        let cited = cited.flat_map(|citation| citation.hashes());
        let mut cited: BTreeSet<_> = cited.filter(|hash| awaited.is_awaited(hash)).collect();
        for held in self.held_back() {
            if self.sender(held) != validator {
                let citation = self.store.cited_for(self.citations(held), validator);
                let hashes = citation.into_iter().flat_map(|citation| citation.hashes());
                cited.extend(hashes.filter(|hash| self.find(hash).is_none()));
            } else if self.sequence_number(held) >= next {
                pending_own.push(self.hash(held));
            }
        }
        Ahead { pending: pending_own, cited }
    }

    /// The justification of `message`, resolved.
    pub fn citations(&self, message: MessageIndex) -> Citations<'_> {
        self.store.panoramas.of(message)
    }

    /// Whether `earlier` is `later`, or comes before it in their sender's chain of
    /// self-citations. O(1) for messages of a validator that does not equivocate, else O(forks).
    pub fn is_predecessor_or_same(&self, earlier: MessageIndex, later: MessageIndex) -> bool {
        let chains = &self.store.chains;
        let (sender, position) = (self.sender(later), chains.position(later));
        sender == self.sender(earlier)
            && chains.is_predecessor_or_same(sender, chains.position(earlier), position)
    }

    /// The latest message of each validator heard from, equivocators included.
    pub fn latest_messages(&self) -> impl Iterator<Item = (ValidatorId, MessageIndex)> {
        self.validators
            .ids()
            .zip(&self.perspective.latest)
            .filter_map(|(v, latest)| Some((v, (*latest)?)))
    }

    /// The latest message of each validator heard from that this view cannot prove to have
    /// equivocated: those that count.
    pub fn latest_honest_messages(&self) -> impl Iterator<Item = (ValidatorId, MessageIndex)> {
        self.latest_messages().filter(|&(validator, _)| !self.is_equivocator(validator))
    }

    /// The proof, if this view has one, that `validator` equivocated: the first it came across.
    pub fn equivocation(&self, validator: ValidatorId) -> Option<Equivocation> {
        *self.perspective.equivocations.get(validator.index())?
    }

    /// The validators that this view can prove to have equivocated, in ascending order.
    pub fn equivocations(&self) -> impl Iterator<Item = Equivocation> {
        self.perspective.equivocations.iter().filter_map(|equivocation| *equivocation)
    }

    /// The summed weight of the validators that this view can prove to have equivocated.
    pub fn observed_fault_weight(&self) -> Weight {
        self.validators.weight_of(self.equivocations().map(|equivocation| equivocation.validator))
    }

    /// What the next message made from this view has to cite: the latest message of every
    /// validator heard from, an equivocator by its proof (semantics §3). O(V).
    pub fn justification(&self) -> Justification {
        let citations = self.latest_messages().filter_map(|(validator, latest)| {
            let seen = match self.equivocation(validator) {
                Some(Equivocation { messages: (one, other), .. }) => Seen::Equivocation(one, other),
                None => Seen::Latest(latest),
            };
            Some((validator, self.citation(seen)?))
        });
        // In ascending order, each once: nothing to refuse.
        Justification::from_ascending(citations.collect()).unwrap_or_default()
    }

    /// The sequence number of the next message of `validator`: one more than its latest, or 0
    /// (semantics §3).
    pub fn next_sequence_number(&self, validator: ValidatorId) -> u64 {
        self.latest_message(validator).map_or(0, |latest| self.sequence_number(latest) + 1)
    }

    /// A resolved citation, as others are told of it; `None` for [`Seen::Nothing`] and
    /// [`Seen::Dropped`].
    pub fn citation(&self, seen: Seen) -> Option<Citation> {
        self.store.citation(seen)
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

    fn latest_seen(&self, message: MessageIndex, row: &mut [u32]) {
        self.citations(message).latest(row);
    }

    fn latest_message(&self, validator: ValidatorId) -> Option<MessageIndex> {
        *self.perspective.latest.get(validator.index())?
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
