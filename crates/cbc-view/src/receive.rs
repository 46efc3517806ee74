//! Receiving messages: resolved, checked, stored, and released to whoever waited (semantics §2).

pub(crate) mod admission;
mod recall;
pub(crate) mod receipt;
pub(crate) mod resolve;
pub(crate) mod unjudged;
pub(crate) mod validity;

use std::error::Error;

use cbc_message::{Estimate, Message, MessageHash};
use tracing::{debug, warn};

use crate::pending::Released;
use crate::pending::accounts::Charge;
use crate::pending::limits::bytes_stored;
use crate::receive::validity::check_on_receipt;
use crate::{
    Admission, AdmitAll, Equivocation, HashedDag, Incoming, MessageDag, MessageIndex, Reason,
    Receipt, Refusal, Rejection, Status, Unjudged, View,
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
    /// O(log V) for each citation, and for each validator of whom two of the cited messages had seen
    /// something different, times the number of those that differ: O(V²) at worst, if each of V
    /// cited messages had seen something else of everybody. Work on released messages is that of
    /// receiving them; no more are released at a time than a batch of [`Limits`](crate::Limits),
    /// and [`release_more`](Self::release_more), or the next call, goes on. What is dropped, with an
    /// invalid message or to make room, costs O(its citations): as much as it did to take it in.
    /// Nothing costs time in proportion to what else is pending.
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
        let is_known = |held| self.is_justified(held) || self.perspective.held_back.contains(held);
        if held.is_some_and(is_known) || self.perspective.pending.contains(&hash) {
            self.release(admission, &mut receipt);
            return Ok(receipt);
        }
        let missing = match held {
            Some(held) => self.missing_citations(held),
            None => {
                let checked =
                    check_on_receipt(&message, self.validators()).map_err(Reason::Invalid);
                let checked = checked
                    .and_then(|()| admission.check_on_receipt(&message).map_err(Reason::Refused));
                if let Err(reason) = checked {
                    receipt.status = Status::Unjudged(self.refuse(hash, Refusal::Breaks(reason))?);
                    return Ok(receipt);
                }
                if let Some(status) = self.known_below_horizon(&message, admission.archive()) {
                    receipt.status = status;
                    return Ok(receipt);
                }
                self.resolve(message.justification(), admission)
            }
        };
        if missing.is_empty() {
            receipt.status = self.take_in(&message, held, None, admission, &mut receipt)?;
        } else {
            receipt.status = self.hold_back(message, missing, &mut receipt.unjudged);
        }
        self.release(admission, &mut receipt);
        Ok(receipt)
    }

    /// Goes on with what was released and did not fit into the batch of the call that released it;
    /// the receipt says whether there is still more.
    pub fn release_more<A>(&mut self, admission: &mut A) -> Receipt<A::Error>
    where
        A: Admission<E, Error: Error + 'static>,
    {
        let mut receipt = Receipt::duplicate();
        self.release(admission, &mut receipt);
        receipt
    }

    /// A message waits for what is missing, if there is room for it, or if others make room.
    fn hold_back(
        &mut self,
        message: Message<E>,
        mut missing: Vec<MessageHash>,
        unjudged: &mut Vec<(MessageHash, Unjudged)>,
    ) -> Status {
        let (hash, sender) = (message.hash(), message.sender());
        let evicted = self.perspective.pending.add(message, &mut missing, &self.limits);
        if self.perspective.held_back.len() > 0 {
            let held_back = &self.perspective.held_back;
            let is_here = |hash: &MessageHash| {
                self.store.find(hash).is_some_and(|held| held_back.contains(held))
            };
            missing.retain(|hash| !is_here(hash));
        }
        let mut status = Status::Pending { missing };
        for (other, missing) in evicted {
            debug!(hash = %other, "pending message dropped, over a limit");
            let over_limit = Unjudged::OverLimit { missing };
            if other == hash {
                status = Status::Unjudged(over_limit);
            } else {
                unjudged.push((other, over_limit));
            }
        }
        if let Status::Pending { missing } = &status {
            debug!(%hash, %sender, missing = missing.len(), "message pending");
        }
        status
    }

    /// Takes in a batch of the messages that were pending and wait for nothing any more.
    fn release<A>(&mut self, admission: &mut A, receipt: &mut Receipt<A::Error>)
    where
        A: Admission<E, Error: Error + 'static>,
    {
        if !self.perspective.pending.is_ready() {
            return; // The usual case.
        }
        for _ in 0..self.limits.batch.max(1) {
            let Some(released) = self.perspective.pending.next_ready() else { break };
            let (message, charge) = match released {
                Released::Pending(message, charge) => (message, charge),
                Released::HeldBack(held) => {
                    self.perspective.held_back.remove(held);
                    match self.recall_rival_of(held, admission) {
                        Ok(()) => self.justify(held, receipt),
                        Err(unjudged) => receipt.unjudged.push((self.hash(held), unjudged)),
                    }
                    continue;
                }
            };
            let hash = message.hash();
            let held = self.store.find(&hash);
            let needs = match held {
                Some(_) => Vec::new(),
                None => self.resolve(message.justification(), admission),
            };
            let taken_in = if needs.is_empty() {
                self.take_in(&message, held, Some(charge), admission, receipt)
            } else {
                // Justified when the message arrived, and dropped since.
                Ok(Status::Unjudged(Unjudged::BelowHorizon { needs }))
            };
            match taken_in {
                Ok(Status::Unjudged(unjudged)) => receipt.unjudged.push((hash, unjudged)),
                Ok(_) => {}
                Err(rejection) => receipt.rejected.push(*rejection),
            }
        }
        receipt.more = self.perspective.pending.is_ready();
    }

    /// A message that waits for nothing becomes justified, if it is valid and there is room for it.
    /// Unless it is held, it has just been resolved; if it was pending, `charge` is what it cost.
    fn take_in<A>(
        &mut self,
        message: &Message<E>,
        held: Option<MessageIndex>,
        charge: Option<Charge>,
        admission: &mut A,
        receipt: &mut Receipt<A::Error>,
    ) -> Result<Status, Box<Rejection<A::Error>>>
    where
        A: Admission<E, Error: Error + 'static>,
    {
        if !self.has_room_for(message, held, charge) {
            return Ok(Status::Unjudged(Unjudged::OverLimit { missing: Vec::new() }));
        }
        let index = match held {
            Some(held) => match self.recall_rival_of(held, admission) {
                Ok(()) => held,
                Err(unjudged) => return Ok(Status::Unjudged(unjudged)),
            },
            None => match self.admit(message, admission) {
                Ok(index) => index,
                Err(refusal) => return self.refuse(message.hash(), refusal).map(Status::Unjudged),
            },
        };
        self.justify(index, receipt);
        if held.is_none() {
            admission.stored(self, index);
        }
        Ok(Status::Justified)
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
        if self.store.is_full() {
            return Err(Unjudged::ViewFull { held: self.store.len() }.into());
        }
        let mut draft = std::mem::take(&mut self.draft);
        let checked = self.store.check_structure(message, &mut draft);
        let checked = checked.map_err(|refusal| refusal.map(Reason::Invalid));
        let checked = checked.and_then(|()| {
            let citations = self.store.rows.citations(draft.row);
            let checked = admission.check(self, &Incoming { message, citations });
            checked.map_err(|refusal| refusal.map(Reason::Refused))
        });
        let checked = checked.and_then(|()| {
            if message.sequence_number() >= u64::from(u32::MAX) {
                return Err(Unjudged::ViewFull { held: self.store.len() }.into());
            }
            let before = self.store.position_in(draft.row, message.sender());
            self.recall_rival(message.sender(), before, admission).map_err(Refusal::from)
        });
        let stored = checked.map(|()| {
            self.store.push(message, draft.cited.iter().map(|&(_, code)| code), draft.row)
        });
        self.draft = draft;
        stored
    }

    /// A valid message becomes justified, and what waited for nothing else ready to be.
    fn justify<R>(&mut self, message: MessageIndex, receipt: &mut Receipt<R>) {
        let equivocation = self.perspective.justify(&self.store, message);
        if self.perspective.latest.has_many_new() {
            self.perspective.settle_tips(&mut self.store);
        }
        debug!(
            hash = %self.hash(message),
            sender = %self.sender(message),
            sequence_number = self.sequence_number(message),
            "message justified"
        );
        if let Some(Equivocation { validator, messages: (one, other) }) = equivocation {
            self.perspective.fault_weight += self.validators().weight(validator);
            warn!(
                %validator,
                sequence_number = self.sequence_number(one),
                one = %self.hash(one),
                other = %self.hash(other),
                "equivocation"
            );
            let evicted = self.perspective.pending.discount(validator, &self.limits);
            let over_limit = |(hash, missing)| (hash, Unjudged::OverLimit { missing });
            receipt.unjudged.extend(evicted.into_iter().map(over_limit));
        }
        receipt.justified.push(message);
        receipt.equivocations.extend(equivocation);
        let mut released = Vec::new();
        if self.perspective.held_back.len() > 0 {
            let mut held_back = std::mem::take(&mut self.perspective.held_back);
            released = held_back.release(message, |held, from| self.next_missing(held, from));
            self.perspective.held_back = held_back;
        }
        self.perspective.pending.release(self.store.hash(message), released);
    }
}

impl<E: Estimate> View<E> {
    /// Receives a message that is held already, since another observer who shares this view has
    /// justified it: as [`insert_with`](Self::insert_with), but nothing is checked again, and
    /// nothing copied. While it waits for what it cites, it is [held back](Self::held_back); that is
    /// all held, too, so that there is nothing to ask others for, and nothing to limit.
    ///
    /// O(1), if all that was held before it is justified, or else O(V): also if it waits, once for
    /// all that it waits for.
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
        if self.is_justified(message) || self.perspective.held_back.contains(message) {
            return Ok(receipt);
        }
        if !self.perspective.has_justified_dropped(&self.store) {
            // Of what was dropped, itself perhaps, this observer has not seen everything.
            return match self.message(message) {
                Some(message) => self.insert_with(message, admission),
                None => {
                    let needs = vec![self.hash(message)];
                    receipt.status = Status::Unjudged(Unjudged::BelowHorizon { needs });
                    Ok(receipt)
                }
            };
        }
        if self.perspective.pending.len() > 0
            && self.perspective.pending.contains(self.store.hash(message))
        {
            return Ok(receipt);
        }
        receipt.status = match self.next_missing(message, 0) {
            Some(missing) => {
                let arrival = self.perspective.pending.arrive();
                self.perspective.held_back.add(message, arrival, missing);
                Status::Pending { missing: Vec::new() }
            }
            None => match self.recall_rival_of(message, admission) {
                Ok(()) => {
                    self.justify(message, &mut receipt);
                    Status::Justified
                }
                Err(unjudged) => Status::Unjudged(unjudged),
            },
        };
        self.release(admission, &mut receipt);
        Ok(receipt)
    }
}

impl<E> View<E> {
    /// Whether a message that waits for nothing is within the limits on equivocators: it is let in
    /// for what waits for it, which owes that, or counts as unwanted.
    ///
    /// A message that was wanted when it arrived stays so: whatever wanted it commits to it by its
    /// hash, also if that had to make room in the meantime.
    ///
    /// One that is held already takes no room.
    fn has_room_for(
        &mut self,
        message: &Message<E>,
        held: Option<MessageIndex>,
        charge: Option<Charge>,
    ) -> bool {
        let (hash, sender) = (message.hash(), message.sender());
        let is_equivocator = self.is_equivocator(sender);
        let pending = &mut self.perspective.pending;
        let owed = charge.filter(|charge| charge.let_in > 0);
        if !is_equivocator || held.is_some() {
            // It is what it claimed to be, and so is what was let in for it; or that is held, too.
            if let Some(charge) = owed {
                pending.accounts().settle(charge.payer, charge.let_in, None);
            }
            return true;
        }
        let bytes = bytes_stored(message, self.validators().len());
        let pending = &mut self.perspective.pending;
        while let Some((claimant, payer)) = pending.claimant(&hash) {
            if pending.accounts().let_in(payer, bytes, &self.limits) {
                if let Some(charge) = owed {
                    pending.accounts().settle(charge.payer, charge.let_in, Some(payer));
                }
                pending.owe(claimant, bytes + owed.map_or(0, |charge| charge.let_in));
                return true;
            }
            // Who owes too much must not stand before those that do not.
            pending.pass_over(&hash);
        }
        if let Some(charge) = charge.filter(|charge| charge.wanted)
            && pending.accounts().counts(charge.payer)
            && pending.accounts().let_in(charge.payer, bytes, &self.limits)
        {
            return true;
        }
        let unwanted = self.perspective.unwanted.entry(sender).or_default();
        let room = self.limits.unwanted_per_validator.saturating_sub(*unwanted) >= bytes;
        if room {
            *unwanted += bytes;
        } else {
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
                let dropped = self.perspective.pending.drop_dependents(hash);
                warn!(%hash, %reason, dropped = dropped.len(), "message rejected");
                Err(Box::new(Rejection { hash, reason, dropped }))
            }
            Refusal::Unjudged(unjudged) => {
                debug!(%hash, %unjudged, "message not judged");
                Ok(unjudged)
            }
        }
    }
}
