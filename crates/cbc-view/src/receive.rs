//! Receiving messages: resolved, checked, stored, and released to whoever waited (semantics §2).

use std::collections::VecDeque;
use std::error::Error;

use cbc_message::{Citation, Estimate, Justification, Message, MessageHash, ValidatorId};
use tracing::{debug, warn};

use crate::panorama::MOST_MESSAGES;
use crate::perspective::Outlook;
use crate::{
    Admission, AdmitAll, Candidate, Equivocation, HashedDag, MessageDag, MessageIndex, Reason,
    Receipt, Refusal, Rejection, Seen, Status, Unjudged, View,
};

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
    /// receipt lists them. What cannot be judged here is no error either: see [`Unjudged`].
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
                if let Err(refusal) = self.check_on_receipt(&message) {
                    let unjudged = self.refuse(hash, refusal.map(Reason::Invalid))?;
                    receipt.status = Status::Unjudged(unjudged);
                    return Ok(receipt);
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
            return Status::Unjudged(Unjudged::OverLimit { missing });
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
            receipt.status = Status::Unjudged(Unjudged::OverLimit { missing: Vec::new() });
            return Ok(());
        }
        let first = match held {
            Some(held) => held,
            None => match self.admit(&message, admission) {
                Ok(first) => first,
                Err(refusal) => {
                    receipt.status = Status::Unjudged(self.refuse(message.hash(), refusal)?);
                    return Ok(());
                }
            },
        };
        let mut ready = VecDeque::new();
        self.justify(first, &mut ready, receipt);
        if held.is_none() {
            admission.stored(self, first);
        }
        while let Some(message) = ready.pop_front() {
            let hash = message.hash();
            if !self.has_room_for(message.sender(), &hash) {
                receipt.unjudged.push((hash, Unjudged::OverLimit { missing: Vec::new() }));
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
                Err(refusal) => match self.refuse(hash, refusal) {
                    Ok(unjudged) => receipt.unjudged.push((hash, unjudged)),
                    Err(rejection) => receipt.rejected.push(*rejection),
                },
            }
        }
        Ok(())
    }

    /// Stores a message that has just been resolved, if it is valid.
    fn admit<A>(
        &mut self,
        message: &Message<E>,
        admission: &mut A,
    ) -> Result<MessageIndex, Refusal<Reason<A::Error>>>
    where
        A: Admission<E, Error: Error + 'static>,
    {
        if self.store.len() >= MOST_MESSAGES {
            return Err(Unjudged::ViewFull { held: self.store.len() }.into());
        }
        let mut draft = std::mem::take(&mut self.draft);
        draft.share(&self.store.panoramas);
        let checked = self.check_structure(message, &mut draft);
        let checked = checked.map_err(|refusal| refusal.map(Reason::Invalid));
        let checked = checked.and_then(|()| {
            let citations = self.store.panoramas.of_draft(&draft);
            let checked = admission.check(self, &Candidate { message, citations });
            checked.map_err(|refusal| refusal.map(Reason::Refused))
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

    /// A message is not stored. If it is invalid, what is pending on it never will be, either.
    fn refuse<R: Error + 'static>(
        &mut self,
        hash: MessageHash,
        refusal: Refusal<Reason<R>>,
    ) -> Result<Unjudged, Box<Rejection<R>>> {
        match refusal {
            Refusal::Breaks(reason) => {
                let dropped = self.perspective.0.pending.drop_dependents(hash);
                warn!(%hash, %reason, dropped = dropped.len(), "message rejected");
                Err(Box::new(Rejection { hash, reason, dropped }))
            }
            Refusal::Unjudged(unjudged) => {
                debug!(%hash, %unjudged, "message not judged");
                Ok(unjudged)
            }
        }
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
