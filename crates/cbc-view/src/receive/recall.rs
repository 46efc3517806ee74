//! Judging what cites, or forks off, what was dropped: with the help of an archive.
//!
//! What was dropped comes back as a mark in the row of who cites it; or as a stub, where it is part
//! of a proof that somebody equivocated. A view that was never pruned comes by here and does
//! nothing.

use cbc_message::{Message, MessageHash, ValidatorId};

use crate::store::panorama::{Dropped, Proof};
use crate::{
    Admission, Archive, Archived, HashedDag, Invalid, MessageDag, MessageIndex, Position, Status,
    Unjudged, View,
};

/// A part of a proof: a message that is held, or one that was dropped.
pub(crate) type Part<E> = Result<MessageIndex, Archived<E>>;

impl<E: Clone> View<E> {
    /// The dropped message with this hash, if it is known and this observer had justified it.
    pub(crate) fn find_dropped(
        &self,
        hash: &MessageHash,
        archive: Option<&dyn Archive<E>>,
    ) -> Option<Dropped> {
        if self.store.prunings == 0 || !self.perspective.has_justified_dropped(&self.store) {
            return None;
        }
        self.store.panoramas.find_dropped(hash).or_else(|| {
            let archived = archive?.message(hash)?;
            let sender = archived.message.sender();
            Some(Dropped { hash: *hash, sender, position: archived.position })
        })
    }

    /// Finds what is not held of a proof among what was dropped; or answers what is missing.
    pub(crate) fn find_proof(
        &self,
        found: [Result<MessageIndex, MessageHash>; 2],
        archive: Option<&dyn Archive<E>>,
    ) -> Result<[Part<E>; 2], Vec<MessageHash>> {
        let archive = archive.filter(|_| {
            self.store.prunings > 0 && self.perspective.has_justified_dropped(&self.store)
        });
        let mut missing = Vec::new();
        let parts = found.map(|found| match found {
            Ok(held) => Some(Ok(held)),
            Err(hash) => {
                let archived = archive.and_then(|archive| archive.message(&hash));
                missing.extend(archived.is_none().then_some(hash));
                archived.map(Err)
            }
        });
        match parts {
            [Some(one), Some(other)] => Ok([one, other]),
            _ => Err(missing),
        }
    }

    /// Keeps stubs of what was dropped of a proof. Only of what is a proof: there are no more than
    /// its maker had justified here.
    pub(crate) fn recall_proof<A: Admission<E>>(
        &mut self,
        validator: ValidatorId,
        [one, other]: [Part<E>; 2],
        admission: &mut A,
    ) -> Result<Proof, Invalid> {
        let [(one_hash, one_sender, one_number), (other_hash, other_sender, other_number)] =
            [&one, &other].map(|part| match part {
                Ok(held) => (self.hash(*held), self.sender(*held), self.sequence_number(*held)),
                Err(Archived { message, .. }) => {
                    (message.hash(), message.sender(), message.sequence_number())
                }
            });
        let senders = [(one_hash, one_sender), (other_hash, other_sender)];
        if let Some((cited, sender)) = senders.into_iter().find(|&(_, it)| it != validator) {
            return Err(Invalid::WrongSenderCited { cited, validator, sender }); // V2
        }
        if one_number != other_number {
            return Err(Invalid::NotAnEquivocation {
                validator,
                proof: (one_hash, other_hash),
                sequence_numbers: (one_number, other_number),
            }); // V8
        }
        let mut recall = |part: Result<_, _>| match part {
            Ok(held) => held,
            Err(archived) => self.recall(&archived, admission),
        };
        Ok((recall(one), recall(other)))
    }

    /// Keeps a stub of a message that was dropped.
    pub(crate) fn recall<A: Admission<E>>(
        &mut self,
        archived: &Archived<E>,
        admission: &mut A,
    ) -> MessageIndex {
        let stub = self.store.push_stub(archived);
        self.perspective.justified.insert(stub);
        admission.stored(self, stub);
        stub
    }

    /// As [`recall_rival`](Self::recall_rival), for a message that is held.
    pub(crate) fn recall_rival_of<A: Admission<E>>(
        &mut self,
        message: MessageIndex,
        admission: &mut A,
    ) -> Result<(), Unjudged> {
        let sender = self.sender(message);
        let before = self.store.cited_position(self.citations(message), sender);
        self.recall_rival(sender, before, admission)
    }

    /// If the message of `sender` after `before` is the first to prove an equivocation, sees to it
    /// that the message which it proves that with is held.
    pub(crate) fn recall_rival<A: Admission<E>>(
        &mut self,
        sender: ValidatorId,
        before: Option<Position>,
        admission: &mut A,
    ) -> Result<(), Unjudged> {
        let number = before.map_or(0, |before| before.number + 1);
        let Some(rival) = self.perspective.rival(&self.store, sender, number, before) else {
            return Ok(());
        };
        if self.store.chains.at(sender, rival).is_some() {
            return Ok(());
        }
        match admission.archive().and_then(|archive| archive.numbered(sender, rival)) {
            Some(archived) => {
                self.recall(&archived, admission);
                Ok(())
            }
            None => Err(Unjudged::BelowHorizon { needs: self.newest_dropped(sender) }),
        }
    }

    /// What is to be said of a message that may have been dropped, or may fork off what was: known
    /// already, or not to be told apart. `None` if it is new.
    pub(crate) fn known_below_horizon(
        &self,
        message: &Message<E>,
        archive: Option<&dyn Archive<E>>,
    ) -> Option<Status> {
        let (hash, sender) = (message.hash(), message.sender());
        if message.sequence_number() >= self.store.chains.horizon(sender) {
            return None;
        }
        let is_known = self.store.panoramas.find_dropped(&hash).is_some()
            || archive.is_some_and(|archive| archive.message(&hash).is_some());
        if is_known && self.perspective.has_justified_dropped(&self.store) {
            return Some(Status::Duplicate);
        }
        let needs = self.newest_dropped(sender);
        let unjudged = Status::Unjudged(Unjudged::BelowHorizon { needs });
        (is_known || archive.is_none()).then_some(unjudged)
    }

    /// The newest message of `validator` that was dropped from its trunk, which leads to all before
    /// it, if a message that is held names it.
    pub(crate) fn newest_dropped(&self, validator: ValidatorId) -> Vec<MessageHash> {
        let first = self.store.chains.first_of_trunk(validator);
        let dropped = first.into_iter().flat_map(|first| match self.store.is_stub(first) {
            true => vec![self.hash(first)],
            false => {
                let cited = self.citations(first).dropped();
                cited.filter(|&(it, _)| it == validator).map(|(_, hash)| hash).collect()
            }
        });
        dropped.collect()
    }
}
