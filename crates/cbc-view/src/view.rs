//! The view: what one observer has seen (semantics §2).

use std::collections::{BTreeSet, VecDeque};
use std::error::Error;
use std::sync::Arc;

use cbc_message::{
    Citation, EquivocationProof, HashIndex, Justification, Message, MessageHash, ValidatorId,
    ValidatorSet, Weight,
};
use tracing::{debug, warn};

use crate::forest::Forest;
use crate::panorama::{Citations, Panoramas};
use crate::pending::Pending;
use crate::receipt::Justified;
use crate::{
    Admission, AdmitAll, Candidate, Equivocation, HashedDag, Invalid, Limits, MessageDag,
    MessageIndex, Reason, Receipt, Rejection, Seen, Status,
};

/// What one observer has seen: justified messages, a DAG closed under citation, and pending ones
/// that wait for what they cite.
///
/// Messages may arrive in any order, from anybody, any number of times. What is justified in the
/// end depends on the set of messages received alone (their indices on the order), and on the
/// order only where somebody floods the view and its [`Limits`] say so.
#[derive(Clone, Debug)]
pub struct View<E> {
    validators: Arc<ValidatorSet>,
    messages: Vec<Message<E>>,
    index: HashIndex<MessageIndex>,
    panoramas: Panoramas,
    /// Each validator's messages below the one that cites them: a chain each, or, for an
    /// equivocator, several chains or a tree. By V3, depths are sequence numbers.
    chains: Forest,
    latest: Vec<Option<MessageIndex>>,
    equivocations: Vec<Option<Equivocation>>,
    pending: Pending<E>,
    limits: Limits,
    /// For each equivocator, how many messages are justified that nobody wanted.
    unwanted: Vec<usize>,
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
            messages: Vec::new(),
            index: HashIndex::new(),
            panoramas: Panoramas::default(),
            chains: Forest::default(),
            latest: vec![None; count],
            equivocations: vec![None; count],
            pending: Pending::new(count),
            limits,
            unwanted: vec![0; count],
        }
    }

    /// Receives a message, and checks the structural rules.
    ///
    /// # Errors
    ///
    /// As [`insert_with`](Self::insert_with).
    pub fn insert(&mut self, message: Message<E>) -> Result<Receipt, Box<Rejection>> {
        self.insert_with(message, &mut AdmitAll)
    }

    /// Receives a message: it becomes justified, together with all that waited only for it, or
    /// pending (semantics §2). Released messages come in the order in which they could be, those
    /// released at once in the order of their arrival; every message after all it cites.
    ///
    /// O(citations) for a message, plus V4: O(V) for each cited message that no other cited
    /// message cites. Work on released messages is that of receiving them.
    ///
    /// # Errors
    ///
    /// [`Rejection`] if the message breaks a rule. It is not stored, and what was pending on it is
    /// dropped. Pending messages that prove invalid when released do not fail the call; the
    /// receipt lists them.
    pub fn insert_with<A>(
        &mut self,
        message: Message<E>,
        admission: &mut A,
    ) -> Result<Receipt<A::Error>, Box<Rejection<A::Error>>>
    where
        A: Admission<E, Error: Error + 'static>,
    {
        let hash = message.hash();
        let start = self.len_u32();
        let mut receipt = Receipt {
            status: Status::Duplicate,
            justified: Justified(start..start),
            equivocations: Vec::new(),
            rejected: Vec::new(),
            over_limit: Vec::new(),
        };
        if self.index.contains(&hash) || self.pending.contains(&hash) {
            return Ok(receipt);
        }
        if let Err(invalid) = self.check_on_receipt(&message) {
            return Err(Box::new(self.reject(hash, Reason::Invalid(invalid))));
        }
        let mut missing: BTreeSet<MessageHash> =
            message.justification().hashes().filter(|cited| !self.index.contains(cited)).collect();
        if !missing.is_empty() {
            if self.pending.count_of(message.sender()) >= self.limits.pending_per_sender {
                debug!(%hash, sender = %message.sender(), "message over the limit of pending ones");
                receipt.status = Status::OverLimit;
                return Ok(receipt);
            }
            debug!(%hash, sender = %message.sender(), missing = missing.len(), "message pending");
            self.pending.add(message, &missing);
            missing.retain(|hash| !self.pending.contains(hash));
            receipt.status = Status::Pending { missing: missing.into_iter().collect() };
            return Ok(receipt);
        }

        receipt.status = Status::Justified;
        let mut ready = VecDeque::from([message]);
        while let Some(message) = ready.pop_front() {
            let released = message.hash();
            if !self.has_room_for(&message) {
                debug!(hash = %released, sender = %message.sender(), "unwanted message over the limit");
                if released == hash {
                    receipt.status = Status::OverLimit;
                } else {
                    receipt.over_limit.push(released);
                }
                continue;
            }
            match self.justify(message, admission) {
                Ok(equivocation) => {
                    receipt.equivocations.extend(equivocation);
                    ready.extend(self.pending.release(&released));
                }
                Err(reason) => {
                    let rejection = self.reject(released, reason);
                    if released == hash {
                        return Err(Box::new(rejection));
                    }
                    receipt.rejected.push(rejection);
                }
            }
        }
        receipt.justified.0.end = self.len_u32();
        Ok(receipt)
    }

    /// Whether a message that waits for nothing is within the limit on equivocators, which counts
    /// it if nobody wants it.
    fn has_room_for(&mut self, message: &Message<E>) -> bool {
        let sender = message.sender();
        if !self.is_equivocator(sender) {
            return true;
        }
        let honest = |validator: ValidatorId| !self.is_equivocator(validator);
        if self.pending.is_wanted(&message.hash(), honest) {
            return true;
        }
        let unwanted = &mut self.unwanted[sender.index()];
        let room = *unwanted < self.limits.unwanted_per_equivocator;
        *unwanted += usize::from(room);
        room
    }

    /// Stores a message all of whose citations are justified, if it is valid.
    fn justify<A>(
        &mut self,
        message: Message<E>,
        admission: &mut A,
    ) -> Result<Option<Equivocation>, Reason<A::Error>>
    where
        A: Admission<E, Error: Error + 'static>,
    {
        if self.len_u32() == u32::MAX {
            return Err(Reason::Invalid(Invalid::ViewFull));
        }
        let citations = self.resolve(message.justification());
        self.check_structure(&message, &citations).map_err(Reason::Invalid)?;
        let candidate = Candidate { message: &message, citations: &citations };
        admission.check(self, &candidate).map_err(Reason::Refused)?;

        let (hash, sender) = (message.hash(), message.sender());
        debug!(%hash, %sender, sequence_number = message.sequence_number(), "message justified");
        let this = MessageIndex::new(self.len_u32());
        let previous = citations
            .iter()
            .find(|&&(validator, _)| validator == sender)
            .and_then(|&(_, seen)| seen.latest());
        self.chains.push(previous.map(MessageIndex::get));
        self.panoramas.push(&citations);
        self.index.insert(hash, this);
        self.messages.push(message);
        let equivocation = self.note_latest(sender, this);
        admission.justified(self, this);
        Ok(equivocation)
    }

    /// Makes `message` its sender's latest if it is, and finds out whether it proves, for the
    /// first time, that its sender equivocated.
    ///
    /// Without an equivocation so far, the sender's messages are one chain that ends in its latest
    /// message. A message that does not continue that chain shares its sequence number with one
    /// that is in it.
    fn note_latest(&mut self, sender: ValidatorId, message: MessageIndex) -> Option<Equivocation> {
        let number = self.chains.depth(message.get());
        let latest = self.latest[sender.index()];
        let rival = latest.and_then(|latest| self.chains.ancestor_at(latest.get(), number));
        let Some(rival) = rival else {
            self.latest[sender.index()] = Some(message);
            return None;
        };
        if self.is_equivocator(sender) {
            return None;
        }
        let equivocation =
            Equivocation { validator: sender, messages: (MessageIndex::new(rival), message) };
        warn!(
            validator = %sender,
            sequence_number = number,
            one = %self.hash(equivocation.messages.0),
            other = %self.hash(equivocation.messages.1),
            "equivocation"
        );
        self.equivocations[sender.index()] = Some(equivocation);
        Some(equivocation)
    }

    fn reject<R: Error + 'static>(&mut self, hash: MessageHash, reason: Reason<R>) -> Rejection<R> {
        let dropped = self.pending.drop_dependents(hash);
        warn!(%hash, %reason, dropped = dropped.len(), "message rejected");
        Rejection { hash, reason, dropped }
    }

    /// The justification in indices; everything it cites is justified.
    fn resolve(&self, justification: &Justification) -> Vec<(ValidatorId, Seen)> {
        let resolve_one = |(validator, citation): (ValidatorId, Citation)| {
            let seen = match citation {
                Citation::Latest(hash) => Seen::Latest(self.find(&hash)?),
                Citation::Equivocation(proof) => {
                    let one = self.find(&proof.lesser())?;
                    let other = self.find(&proof.greater())?;
                    Seen::Equivocation(one.min(other), one.max(other))
                }
            };
            Some((validator, seen))
        };
        justification.iter().filter_map(resolve_one).collect()
    }

    fn len_u32(&self) -> u32 {
        self.messages.len() as u32 // never more: Invalid::ViewFull
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

    /// The justified message at `message`.
    pub fn message(&self, message: MessageIndex) -> &Message<E> {
        &self.messages[message.index()]
    }

    /// The justified messages, in ascending order.
    pub fn justified_messages(&self) -> impl ExactSizeIterator<Item = (MessageIndex, &Message<E>)> {
        self.messages.iter().enumerate().map(|(i, message)| (MessageIndex::new(i as u32), message))
    }

    /// The pending messages, in the order of their arrival.
    pub fn pending_messages(&self) -> impl ExactSizeIterator<Item = &Message<E>> {
        self.pending.iter()
    }

    /// How many messages are pending.
    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// The pending message with this hash.
    pub fn pending_message(&self, hash: &MessageHash) -> Option<&Message<E>> {
        self.pending.get(hash)
    }

    /// How many distinct hashes the pending message with this hash still waits for.
    pub fn missing_dependency_count(&self, hash: &MessageHash) -> Option<usize> {
        self.pending.missing_count(hash)
    }

    /// The pending messages that cite `hash`, which is not justified, in the order of their
    /// arrival.
    pub fn dependents_of(&self, hash: &MessageHash) -> impl Iterator<Item = &Message<E>> {
        self.pending.dependents(hash)
    }

    /// The hashes that something pending cites and that are neither pending nor justified, in
    /// ascending order: what to ask others for. O(citations of all that is pending).
    pub fn missing_hashes(&self) -> BTreeSet<MessageHash> {
        self.pending
            .iter()
            .flat_map(|message| message.justification().hashes())
            .filter(|hash| !self.index.contains(hash) && !self.pending.contains(hash))
            .collect()
    }

    /// The justification of `message`, resolved: in strictly ascending order of the validators
    /// cited, one entry each.
    pub fn citations(&self, message: MessageIndex) -> &Citations {
        self.panoramas.of(message)
    }

    /// Whether `earlier` is `later`, or comes before it in their sender's chain of
    /// self-citations. O(log n).
    pub fn is_predecessor_or_same(&self, earlier: MessageIndex, later: MessageIndex) -> bool {
        self.chains.is_ancestor_or_same(earlier.get(), later.get())
    }

    /// The latest message of each validator heard from, equivocators included.
    pub fn latest_messages(&self) -> impl Iterator<Item = (ValidatorId, MessageIndex)> {
        self.validators.ids().zip(&self.latest).filter_map(|(v, latest)| Some((v, (*latest)?)))
    }

    /// The latest message of each validator heard from that this view cannot prove to have
    /// equivocated: those that count.
    pub fn latest_honest_messages(&self) -> impl Iterator<Item = (ValidatorId, MessageIndex)> {
        self.latest_messages().filter(|&(validator, _)| !self.is_equivocator(validator))
    }

    /// The proof, if this view has one, that `validator` equivocated: the first it came across.
    pub fn equivocation(&self, validator: ValidatorId) -> Option<Equivocation> {
        *self.equivocations.get(validator.index())?
    }

    /// The validators that this view can prove to have equivocated, in ascending order.
    pub fn equivocations(&self) -> impl Iterator<Item = Equivocation> {
        self.equivocations.iter().filter_map(|equivocation| *equivocation)
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

    /// A resolved citation, as others are told of it; `None` for [`Seen::Nothing`].
    pub fn citation(&self, seen: Seen) -> Option<Citation> {
        match seen {
            Seen::Nothing => None,
            Seen::Latest(message) => Some(Citation::Latest(self.hash(message))),
            Seen::Equivocation(one, other) => {
                EquivocationProof::new(self.hash(one), self.hash(other)).map(Citation::Equivocation)
            }
        }
    }
}

impl<E> MessageDag for View<E> {
    type Estimate = E;

    fn message_count(&self) -> usize {
        self.messages.len()
    }

    fn validator_count(&self) -> usize {
        self.validators.len()
    }

    fn sender(&self, message: MessageIndex) -> ValidatorId {
        self.message(message).sender()
    }

    fn sequence_number(&self, message: MessageIndex) -> u64 {
        u64::from(self.chains.depth(message.get()))
    }

    fn estimate(&self, message: MessageIndex) -> &E {
        self.message(message).estimate()
    }

    fn previous(&self, message: MessageIndex) -> Option<MessageIndex> {
        self.chains.parent(message.get()).map(MessageIndex::new)
    }

    fn seen(&self, message: MessageIndex, validator: ValidatorId) -> Seen {
        self.panoramas.seen(message, validator)
    }

    fn seen_of_all(&self, message: MessageIndex) -> impl Iterator<Item = (ValidatorId, Seen)> {
        self.citations(message).iter().copied()
    }

    fn latest_message(&self, validator: ValidatorId) -> Option<MessageIndex> {
        *self.latest.get(validator.index())?
    }

    fn is_equivocator(&self, validator: ValidatorId) -> bool {
        self.equivocation(validator).is_some()
    }
}

impl<E> HashedDag for View<E> {
    fn hash(&self, message: MessageIndex) -> MessageHash {
        self.message(message).hash()
    }

    fn find(&self, hash: &MessageHash) -> Option<MessageIndex> {
        self.index.get(hash).copied()
    }
}
