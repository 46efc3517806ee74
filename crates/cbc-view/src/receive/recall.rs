//! Judging what cites, or forks off, what was dropped: with the help of an archive.
//!
//! What was dropped comes back as a mark in the row of who cites it; or whole, where it is part of
//! the first proof here that somebody equivocated. A view that was never pruned comes by here and
//! does nothing.

use cbc_message::{Message, MessageHash, ValidatorId};

use crate::shared::Seat;
use crate::store::rows::Dropped;
use crate::{
    Admission, Archive, Archived, MessageDag, MessageIndex, Position, Status, Unjudged, View,
};

impl<E: Clone> View<E> {
    /// The dropped message with this hash, if it is known and this observer had justified it; and
    /// what `archive` has of it.
    pub(crate) fn find_dropped(
        &self,
        hash: &MessageHash,
        archive: Option<&dyn Archive<E>>,
    ) -> Option<(Dropped, Option<Archived<E>>)> {
        if self.store.prunings == 0 || !self.perspective.has_justified_dropped(&self.store) {
            return None;
        }
        let archived = archive.and_then(|archive| archive.message(hash));
        let dropped = match &archived {
            Some(archived) => Dropped {
                hash: *hash,
                sender: archived.message.sender(),
                position: archived.position,
            },
            None => self.store.rows.find_dropped(hash)?,
        };
        Some((dropped, archived))
    }

    /// Takes a message that was dropped in again, for all who had justified it.
    fn recall<A: Admission<E>>(&mut self, archived: &Archived<E>, admission: &mut A) {
        let message = self.store.push_again(archived);
        let prunings = self.store.prunings;
        let others = self.seats.iter_mut().filter_map(|seat| match seat {
            Seat::Taken(perspective) => Some(perspective),
            Seat::Blank { .. } => None,
        });
        for perspective in others.chain([&mut self.perspective]) {
            if perspective.prunings == prunings {
                perspective.justified.insert(message);
            }
        }
        admission.stored(self, message);
    }

    /// As [`recall_rival`](Self::recall_rival), for a message that is held.
    pub(crate) fn recall_rival_of<A: Admission<E>>(
        &mut self,
        message: MessageIndex,
        admission: &mut A,
    ) -> Result<(), Unjudged> {
        let sender = self.sender(message);
        if self.store.prunings == 0 {
            return Ok(()); // Nothing was dropped: whatever there was is held.
        }
        self.store.rows.clear();
        let before = self.store.position_in(self.store.rows.row(message), sender);
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
        if self.store.prunings == 0 {
            return Ok(());
        }
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
        let is_known = self.store.rows.find_dropped(&hash).is_some()
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
    fn newest_dropped(&self, validator: ValidatorId) -> Vec<MessageHash> {
        let first = self.store.chains.first_of_trunk(validator);
        let dropped = first.into_iter().flat_map(|first| self.citations(first).dropped());
        dropped.filter(|&(it, _)| it == validator).map(|(_, hash)| hash).collect()
    }
}
