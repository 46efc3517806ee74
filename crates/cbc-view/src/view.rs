//! The view: what one observer has seen (semantics §2).

use std::collections::{BTreeSet, VecDeque};
use std::error::Error;
use std::sync::Arc;

use cbc_message::{
    Citation, Estimate, Justification, Message, MessageHash, ValidatorId, ValidatorSet, Weight,
};
use tracing::{debug, warn};

use crate::panorama::{Citations, Draft, MOST_MESSAGES};
use crate::perspective::Outlook;
use crate::store::Store;
use crate::{
    Admission, AdmitAll, Candidate, Equivocation, HashedDag, Invalid, Limits, MessageDag,
    MessageIndex, Perspective, Reason, Receipt, Rejection, Seen, Status,
};

/// What one observer has seen: justified messages, a DAG closed under citation, and pending ones
/// that wait for what they cite.
///
/// Messages may arrive in any order, from anybody, any number of times. What is justified in the
/// end depends on the set of messages received alone (their indices on the order), and on the
/// order only where somebody floods the view and its [`Limits`] say so.
///
/// One view can serve many observers in one process, one after another: see
/// [`exchange`](Self::exchange).
#[derive(Clone, Debug)]
pub struct View<E> {
    validators: Arc<ValidatorSet>,
    pub(crate) store: Store<E>,
    pub(crate) perspective: Perspective<E>,
    limits: Limits,
    /// The row of the message that is being received; kept for its memory.
    draft: Draft,
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
            perspective: Perspective::new(count),
            limits,
            draft: Draft::default(),
        }
    }

    /// Makes this the view of another observer, and `perspective` what this one has seen.
    ///
    /// Whether a message is valid depends on it and its past alone, so observers in one process
    /// need to hold it, resolve it and check it only once between them. They share a view, which
    /// holds every message that one of them has justified, and a perspective each. Indices are the
    /// same for all. A message that is held already becomes justified for another observer in
    /// O(1), if it has what was held before, or else in O(V); nothing is checked again. O(1).
    ///
    /// By its index a message can be read whoever justified it;
    /// [`is_justified`](Self::is_justified) says whether this observer did.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use cbc_message::{Bit, Header, Justification, Message, ValidatorId, ValidatorSet, Weight};
    /// # use cbc_view::{MessageDag, Perspective, View};
    /// # let validators = Arc::new(ValidatorSet::new([3, 4].map(Weight::new))?);
    /// # let alice = ValidatorId::new(0);
    /// # let message = Message::new(Header {
    /// #     sender: alice,
    /// #     sequence_number: 0,
    /// #     justification: Justification::EMPTY,
    /// #     estimate: Bit::One,
    /// # });
    /// let mut view = View::new(validators);
    /// let mut bobs = Perspective::new(2);
    /// view.insert(message)?;
    /// assert!(view.latest_message(alice).is_some());
    /// view.exchange(&mut bobs);
    /// assert!(view.latest_message(alice).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn exchange(&mut self, perspective: &mut Perspective<E>) {
        std::mem::swap(&mut self.perspective, perspective);
    }
}

impl<E: Clone> View<E> {
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
    /// O(V) for a message whose citations are as late as those of the newest message it cites, or
    /// as those of other messages that it cites: the usual case. Rule V4 costs O(V) more for each
    /// message cited that cites something else. Work on released messages is that of receiving
    /// them.
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
        let mut receipt = Receipt::duplicate();
        let held = self.store.find(&hash);
        if held.is_some_and(|held| self.is_justified(held))
            || self.perspective.0.pending.contains(&hash)
        {
            return Ok(receipt);
        }
        let missing = match held {
            Some(held) => self.missing_citations(held),
            None => {
                if let Err(invalid) = self.check_on_receipt(&message) {
                    return Err(Box::new(self.reject(hash, Reason::Invalid(invalid))));
                }
                self.resolve(message.justification())
            }
        };
        if missing.is_empty() {
            self.justify_all(message, held, admission, &mut receipt)?;
        } else {
            receipt.status = self.hold_back(message, missing);
        }
        Ok(receipt)
    }

    /// A message waits for what is missing, or is over the limit.
    fn hold_back(&mut self, message: Message<E>, mut missing: Vec<MessageHash>) -> Status {
        let (hash, sender) = (message.hash(), message.sender());
        let pending = &mut self.perspective.0.pending;
        if pending.count_of(sender) >= self.limits.pending_per_sender {
            debug!(%hash, %sender, "message over the limit of pending ones");
            return Status::OverLimit;
        }
        debug!(%hash, %sender, missing = missing.len(), "message pending");
        pending.add(message, &mut missing);
        Status::Pending { missing }
    }

    /// A message that waits for nothing becomes justified, and so does what waited for it. Unless
    /// it is held, it has just been resolved.
    fn justify_all<A>(
        &mut self,
        message: Message<E>,
        held: Option<MessageIndex>,
        admission: &mut A,
        receipt: &mut Receipt<A::Error>,
    ) -> Result<(), Box<Rejection<A::Error>>>
    where
        A: Admission<E, Error: Error + 'static>,
    {
        receipt.status = Status::Justified;
        if !self.has_room_for(message.sender(), &message.hash()) {
            receipt.status = Status::OverLimit;
            return Ok(());
        }
        let first = match held {
            Some(held) => held,
            None => self
                .admit(&message, admission)
                .map_err(|reason| Box::new(self.reject(message.hash(), reason)))?,
        };
        let mut ready = VecDeque::new();
        self.justify(first, &mut ready, receipt);
        if held.is_none() {
            admission.stored(self, first);
        }
        while let Some(message) = ready.pop_front() {
            let hash = message.hash();
            if !self.has_room_for(message.sender(), &hash) {
                receipt.over_limit.push(hash);
                continue;
            }
            if let Some(held) = self.store.find(&hash) {
                self.justify(held, &mut ready, receipt);
                continue;
            }
            self.resolve(message.justification());
            match self.admit(&message, admission) {
                Ok(index) => {
                    self.justify(index, &mut ready, receipt);
                    admission.stored(self, index);
                }
                Err(reason) => receipt.rejected.push(self.reject(hash, reason)),
            }
        }
        Ok(())
    }

    /// Stores a message that has just been resolved, if it is valid.
    fn admit<A>(
        &mut self,
        message: &Message<E>,
        admission: &mut A,
    ) -> Result<MessageIndex, Reason<A::Error>>
    where
        A: Admission<E, Error: Error + 'static>,
    {
        if self.store.len() >= MOST_MESSAGES {
            return Err(Reason::Invalid(Invalid::ViewFull));
        }
        let mut draft = std::mem::take(&mut self.draft);
        draft.share(&self.store.panoramas);
        let checked = self.check_structure(message, &mut draft).map_err(Reason::Invalid);
        let checked = checked.and_then(|()| {
            let citations = self.store.panoramas.of_draft(&draft);
            admission.check(self, &Candidate { message, citations }).map_err(Reason::Refused)
        });
        let stored = checked.map(|()| self.store.push(message, &draft));
        self.draft = draft;
        stored
    }

    /// A valid message becomes justified, and what waited for nothing else ready to be.
    fn justify<R>(
        &mut self,
        message: MessageIndex,
        ready: &mut VecDeque<Message<E>>,
        receipt: &mut Receipt<R>,
    ) {
        let equivocation = self.perspective.0.justify(&self.store, message);
        debug!(
            hash = %self.hash(message),
            sender = %self.sender(message),
            sequence_number = self.sequence_number(message),
            "message justified"
        );
        if let Some(Equivocation { validator, messages: (one, other) }) = equivocation {
            warn!(
                %validator,
                sequence_number = self.sequence_number(one),
                one = %self.hash(one),
                other = %self.hash(other),
                "equivocation"
            );
        }
        receipt.justified.push(message);
        receipt.equivocations.extend(equivocation);
        ready.extend(self.perspective.0.pending.release(self.store.hash(message)));
    }
}

impl<E: Estimate> View<E> {
    /// Receives a message that is held already, for this observer or another: as
    /// [`insert_with`](Self::insert_with), and quicker. O(1), if all that was held before it is
    /// justified.
    ///
    /// # Errors
    ///
    /// None of this message's own, which was found valid before; those of messages that waited for
    /// it are in the receipt.
    pub fn insert_held<A>(
        &mut self,
        message: MessageIndex,
        admission: &mut A,
    ) -> Result<Receipt<A::Error>, Box<Rejection<A::Error>>>
    where
        A: Admission<E, Error: Error + 'static>,
    {
        let mut receipt = Receipt::duplicate();
        let hash = self.hash(message);
        if self.is_justified(message) || self.perspective.0.pending.contains(&hash) {
            return Ok(receipt);
        }
        let nothing_waits = self.perspective.0.pending.len() == 0;
        if nothing_waits && !self.is_equivocator(self.sender(message)) {
            // The usual case: no need to make the message anew.
            if self.missing_citations(message).is_empty() {
                receipt.status = Status::Justified;
                self.justify(message, &mut VecDeque::new(), &mut receipt);
                return Ok(receipt);
            }
        }
        match self.message(message) {
            Some(message) => self.insert_with(message, admission),
            None => Ok(receipt), // Dropped, since it is settled.
        }
    }

    /// The message at `message`, as it was sent; `None` if only a record of it is left
    /// ([`prune`](Self::prune)). It is made from what the view keeps, and its hash computed anew:
    /// O(V).
    pub fn message(&self, message: MessageIndex) -> Option<Message<E>> {
        (!self.store.is_record(message)).then(|| self.store.message(message))
    }
}

impl<E> View<E> {
    /// Whether a message that waits for nothing is within the limit on equivocators, which counts
    /// it if nobody wants it.
    fn has_room_for(&mut self, sender: ValidatorId, hash: &MessageHash) -> bool {
        if !self.is_equivocator(sender) {
            return true;
        }
        let honest = |validator: ValidatorId| !self.is_equivocator(validator);
        if self.perspective.0.pending.is_wanted(hash, honest) {
            return true;
        }
        let unwanted = &mut self.perspective.0.unwanted[sender.index()];
        let room = *unwanted < self.limits.unwanted_per_equivocator;
        *unwanted += usize::from(room);
        if !room {
            debug!(%hash, %sender, "unwanted message over the limit");
        }
        room
    }

    fn reject<R: Error + 'static>(&mut self, hash: MessageHash, reason: Reason<R>) -> Rejection<R> {
        let dropped = self.perspective.0.pending.drop_dependents(hash);
        warn!(%hash, %reason, dropped = dropped.len(), "message rejected");
        Rejection { hash, reason, dropped }
    }

    /// What a message that is held cites and this observer has not justified.
    fn missing_citations(&self, held: MessageIndex) -> Vec<MessageHash> {
        if self.perspective.is_all_justified_before(held) {
            return Vec::new();
        }
        let here = |seen: &Seen| seen.messages().all(|cited| self.is_justified(cited));
        let lacking = self.citations(held).iter().map(|(_, seen)| seen).filter(|seen| !here(seen));
        let hashes =
            lacking.filter_map(|seen| self.citation(seen)).flat_map(|cited| cited.hashes());
        hashes.filter(|hash| self.find(hash).is_none()).collect()
    }

    /// Resolves a justification into the draft; answers the hashes that are not justified here.
    ///
    /// Most citations are of latest messages, or of the one before: these are found by comparing
    /// hashes, and only the others are looked up.
    fn resolve(&mut self, justification: &Justification) -> Vec<MessageHash> {
        let mut draft = std::mem::take(&mut self.draft);
        draft.clear(&self.store.panoramas);
        let mut missing = Vec::new();
        for (validator, citation) in justification.iter() {
            match citation {
                Citation::Latest(hash) => match self.find_cited(validator, &hash) {
                    Some(message) => draft.cite(validator, message),
                    None => missing.push(hash),
                },
                Citation::Equivocation(proof) => {
                    let hashes = [proof.lesser(), proof.greater()];
                    match hashes.map(|hash| self.find_cited(validator, &hash).ok_or(hash)) {
                        [Ok(one), Ok(other)] => {
                            let proof = (one.min(other), one.max(other));
                            draft.cite_proof(validator, proof, &self.store.panoramas);
                        }
                        found => missing.extend(found.into_iter().filter_map(Result::err)),
                    }
                }
            }
        }
        self.draft = draft;
        missing
    }

    /// The justified message with this hash, which is cited for `validator`.
    fn find_cited(&self, validator: ValidatorId, hash: &MessageHash) -> Option<MessageIndex> {
        let Outlook { latest, latest_hashes, .. } = &*self.perspective.0;
        if let Some(latest) = latest[validator.index()] {
            if latest_hashes[validator.index()] == *hash {
                return Some(latest);
            }
            let before = self.store.previous(latest);
            if let Some(before) = before.filter(|&before| self.store.hash(before) == hash) {
                return Some(before);
            }
        }
        self.find(hash)
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
        self.perspective.0.justified.contains(message)
    }

    /// How many messages are justified.
    pub fn justified_count(&self) -> usize {
        self.perspective.0.justified.len()
    }

    /// The justified messages, in ascending order.
    pub fn justified_messages(&self) -> impl DoubleEndedIterator<Item = MessageIndex> {
        let held = (0..self.store.len() as u32).map(MessageIndex::new);
        held.filter(|&message| self.is_justified(message))
    }

    /// The pending messages, in the order of their arrival.
    pub fn pending_messages(&self) -> impl Iterator<Item = &Message<E>> {
        self.perspective.0.pending.iter()
    }

    /// How many messages are pending.
    pub fn pending_count(&self) -> usize {
        self.perspective.0.pending.len()
    }

    /// The pending message with this hash.
    pub fn pending_message(&self, hash: &MessageHash) -> Option<&Message<E>> {
        self.perspective.0.pending.get(hash)
    }

    /// How many distinct hashes the pending message with this hash still waits for.
    pub fn missing_dependency_count(&self, hash: &MessageHash) -> Option<usize> {
        self.perspective.0.pending.missing_count(hash)
    }

    /// The pending messages that cite `hash`, which is not justified, in the order of their
    /// arrival.
    pub fn dependents_of(&self, hash: &MessageHash) -> impl Iterator<Item = &Message<E>> {
        self.perspective.0.pending.dependents(hash)
    }

    /// The hashes that something pending cites and that are neither pending nor justified, in
    /// ascending order: what to ask others for. O(citations of all that is pending).
    pub fn missing_hashes(&self) -> BTreeSet<MessageHash> {
        let pending = &self.perspective.0.pending;
        let cited = pending.iter().flat_map(|message| message.justification().hashes());
        cited.filter(|hash| self.find(hash).is_none() && !pending.contains(hash)).collect()
    }

    /// The justification of `message`, resolved.
    pub fn citations(&self, message: MessageIndex) -> Citations<'_> {
        self.store.panoramas.of(message)
    }

    /// Whether `earlier` is `later`, or comes before it in their sender's chain of
    /// self-citations. O(log n).
    pub fn is_predecessor_or_same(&self, earlier: MessageIndex, later: MessageIndex) -> bool {
        self.store.chains.is_ancestor_or_same(earlier.get(), later.get())
    }

    /// The latest message of each validator heard from, equivocators included.
    pub fn latest_messages(&self) -> impl Iterator<Item = (ValidatorId, MessageIndex)> {
        self.validators
            .ids()
            .zip(&self.perspective.0.latest)
            .filter_map(|(v, latest)| Some((v, (*latest)?)))
    }

    /// The latest message of each validator heard from that this view cannot prove to have
    /// equivocated: those that count.
    pub fn latest_honest_messages(&self) -> impl Iterator<Item = (ValidatorId, MessageIndex)> {
        self.latest_messages().filter(|&(validator, _)| !self.is_equivocator(validator))
    }

    /// The proof, if this view has one, that `validator` equivocated: the first it came across.
    pub fn equivocation(&self, validator: ValidatorId) -> Option<Equivocation> {
        *self.perspective.0.equivocations.get(validator.index())?
    }

    /// The validators that this view can prove to have equivocated, in ascending order.
    pub fn equivocations(&self) -> impl Iterator<Item = Equivocation> {
        self.perspective.0.equivocations.iter().filter_map(|equivocation| *equivocation)
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
        *self.perspective.0.latest.get(validator.index())?
    }

    fn is_equivocator(&self, validator: ValidatorId) -> bool {
        self.perspective.0.is_equivocator(validator)
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
