//! What pending messages are wanted, and who pays for them (see [`Limits`]).
//!
//! A message *counts* if whoever pays for it is not known to equivocate. Always: what a message
//! waits for that counts, and is pending, counts. So one look at those that wait for a hash tells
//! whether anything that counts waits for it, directly or through others.

use std::collections::BTreeSet;

use cbc_message::{MessageHash, ValidatorId};

use super::{Evicted, Pending};
use crate::Limits;
use crate::pending::accounts::Charge;
use crate::pending::links::Place;
use crate::pending::waits::Edge;

impl<E> Pending<E> {
    /// The pending message, and who pays for it, because of which `hash` is wanted: the first that
    /// waits for it and is not paid for by a known equivocator. O(1) amortized.
    pub(crate) fn claimant(&mut self, hash: &MessageHash) -> Option<(Place, ValidatorId)> {
        if self.places.is_empty() {
            return None;
        }
        let place = self.find(hash)?;
        self.claimant_at(place)
    }

    /// `payer` is known to equivocate: what it pays for makes nothing wanted any more. Of that,
    /// others pay for what they want, or sent, and what is over their limits is dropped. O(what it
    /// pays for), once for each validator.
    pub(crate) fn discount(&mut self, payer: ValidatorId, limits: &Limits) -> Vec<Evicted> {
        let mut payers = BTreeSet::new();
        self.accounts.discount(payer);
        for place in self.accounts.places(payer) {
            let Some(waiting) = self.waiting_at(place) else { continue };
            if waiting.charge.payer != payer {
                continue; // Others pay for it by now.
            }
            let sender = waiting.message.sender();
            let to = match self.claimant_at(place) {
                Some((_, payer)) => Some((payer, true)),
                None => self.accounts.counts(sender).then_some((sender, false)),
            };
            if let Some((to, wanted)) = to {
                self.recharge(place, to, wanted);
                self.want_cited(place, to);
                payers.insert(to);
            }
        }
        let mut evicted = Vec::new();
        for payer in payers {
            while let Some(place) = self.accounts.excess(payer, limits) {
                evicted.extend(self.evict(place));
            }
        }
        evicted
    }

    /// What the message at `place` waits for, which makes others wanted, is wanted, directly or
    /// through others: `payer` pays for what is pending of it and was not wanted until now.
    /// O(citations of that), which is once each, unless whoever paid for it in the meantime is found
    /// to equivocate.
    pub(super) fn want_cited(&mut self, place: Place, payer: ValidatorId) {
        let mut open = vec![place];
        while let Some(place) = open.pop() {
            let cited: Vec<Place> = self.cited(place).map(|(_, item)| item).collect();
            for item in cited {
                if let Some(waiting) = self.waiting_at(item)
                    && self.missing[item as usize] > 0
                    && !self.accounts.counts(waiting.charge.payer)
                {
                    open.push(item);
                    self.recharge(item, payer, true);
                }
            }
        }
    }

    /// `payer`, who counts, pays from now on for the message at `place`, for which somebody paid
    /// who does not.
    fn recharge(&mut self, place: Place, payer: ValidatorId, wanted: bool) {
        let item = self.items.get_mut(place as usize);
        let Some(waiting) = item.and_then(|item| item.waiting.as_mut()) else { return };
        let before = waiting.charge;
        waiting.charge = Charge { payer, wanted, ..before };
        let after = waiting.charge;
        self.accounts.leave(before, Some(place));
        self.accounts.enter(after, place);
        self.accounts.settle(before.payer, before.let_in, Some(payer));
        // What it waits for is wanted, and may have passed it over: it goes to the end of each queue.
        let mut edges: Vec<_> = self.cited(place).collect();
        for (edge, item) in &mut edges {
            let cited = &mut self.items[*item as usize];
            if cited.claim == *edge {
                cited.claim = self.waits.after(*edge);
            }
            self.waits.remove(&mut cited.dependents, *edge);
            *edge = self.waits.add(&mut cited.dependents, *item, place);
            if cited.claim == Edge::NONE {
                cited.claim = *edge;
            }
        }
        if let Some(waiting) = &mut self.items[place as usize].waiting {
            waiting.edges = edges.into_iter().map(|(edge, _)| edge).collect();
        }
    }

    /// What [`claimant`](Self::claimant) answered for `hash` never makes it wanted again.
    pub(crate) fn pass_over(&mut self, hash: &MessageHash) {
        if let Some(item) = self.find(hash).and_then(|place| self.items.get_mut(place as usize)) {
            item.claim = self.waits.after(item.claim);
        }
    }

    pub(super) fn claimant_at(&mut self, place: Place) -> Option<(Place, ValidatorId)> {
        loop {
            let edge = self.items.get(place as usize)?.claim;
            let dependent = self.waits.dependent(edge)?;
            let payer = self.waiting_at(dependent)?.charge.payer;
            if self.accounts.counts(payer) {
                return Some((dependent, payer));
            }
            // It is queued anew should it ever count, so that each edge is passed over once.
            self.items[place as usize].claim = self.waits.after(edge);
        }
    }

    /// Bytes of messages of equivocators were let in for the message at `place`.
    pub(crate) fn owe(&mut self, place: Place, bytes: usize) {
        if let Some(waiting) = self.items.get_mut(place as usize).and_then(|i| i.waiting.as_mut()) {
            waiting.charge.let_in += bytes;
        }
    }
}
