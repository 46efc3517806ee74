//! Dropping what is settled, so that a long run needs no more memory than a short one.

use cbc_message::{Estimate, MessageHash};

use crate::perspective::after_pruning;
use crate::shared::Seat;
use crate::store::column::{Column, Renumbering};
use crate::{Archived, MessageDag, MessageIndex, View};

/// What is to become of the messages of a view: which stay, and which go.
#[derive(Clone, Debug)]
pub struct Pruning {
    stays: Vec<bool>,
}

impl Pruning {
    /// The messages that will be dropped, ascending: to be archived first.
    pub fn dropped(&self) -> impl Iterator<Item = MessageIndex> + '_ {
        let dropped = (0..).zip(&self.stays).filter(|&(_, &stays)| !stays);
        dropped.map(|(message, _)| MessageIndex::new(message))
    }
}

/// What became of the messages when a view was pruned: their new indices.
#[derive(Clone, Debug)]
pub struct Pruned {
    renumbering: Renumbering,
    hashes: Column<MessageHash>,
    dropped: usize,
}

impl Pruned {
    /// The new index of the message that had the index `old`; `None` if it is no longer held.
    pub fn index(&self, old: MessageIndex) -> Option<MessageIndex> {
        self.renumbering.get(old.get()).map(MessageIndex::new)
    }

    /// The hash of the message that had the index `old`, held or not.
    pub fn hash(&self, old: MessageIndex) -> MessageHash {
        self.hashes[old.index()]
    }

    /// How many messages were dropped.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The messages that are still held: old and new index, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (MessageIndex, MessageIndex)> + '_ {
        let indices = self.renumbering.iter();
        indices.map(|(old, new)| (MessageIndex::new(old), MessageIndex::new(new)))
    }
}

impl<E: Estimate> View<E> {
    /// Drops the messages that `drops` names, each handed to `archive` first, in ascending order;
    /// those that are left have new indices. Where observers share what they hold
    /// ([`SharedView`](crate::SharedView)), this is for all of them.
    ///
    /// What stays, besides what `drops` does not name: everybody's latest messages, proofs of
    /// equivocations, whatever a message that `drops` does not name has as somebody's latest, and
    /// what one of those who share the view has not justified yet. What they have seen in their
    /// turn leaves a mark: which message it was, of whom, and where it stood among that validator's.
    ///
    /// So whoever cites what stays is judged as if nothing had been dropped, by rules V2, V3,
    /// V4 and V8: it does not matter what order messages came in, nor when they were dropped. A
    /// message that cites, or forks off, what was dropped is judged with the help of an
    /// [`Archive`](crate::Archive), and without one not at all
    /// ([`Unjudged::BelowHorizon`](crate::Unjudged::BelowHorizon)): it is never taken for something
    /// else.
    ///
    /// O(held log held + V · left).
    pub fn prune(
        &mut self,
        drops: impl Fn(MessageIndex) -> bool,
        archive: impl FnMut(Archived<E>),
    ) -> Pruned {
        let pruning = self.pruning(drops);
        pruning.dropped().filter_map(|message| self.archived(message)).for_each(archive);
        self.complete(pruning)
    }

    /// What [`prune`](Self::prune) would do, for those who archive more than the view knows.
    pub fn pruning(&self, drops: impl Fn(MessageIndex) -> bool) -> Pruning {
        let held = || (0..self.message_count() as u32).map(MessageIndex::new);
        let perspectives = || {
            let taken = self.seats.iter().filter_map(|seat| match seat {
                Seat::Taken(perspective) => Some(perspective),
                Seat::Blank { .. } => None,
            });
            taken.chain([&self.perspective])
        };
        // Who has seen nothing has not justified anything.
        let blank = |(observer, seat): (usize, &Seat<E>)| {
            observer != self.observer && matches!(seat, Seat::Blank { .. })
        };
        let is_some_blank = self.seats.iter().enumerate().any(blank);
        let settled = |message| {
            !is_some_blank
                && perspectives().all(|it| it.justified.contains(message))
                && drops(message)
        };
        let mut stays: Vec<bool> = held().map(|message| !settled(message)).collect();
        let unsettled: Vec<MessageIndex> =
            held().filter(|message| stays[message.index()]).collect();
        let codes = self.store.rows.codes_of(unsettled.iter().copied());
        let seen = codes.filter_map(|code| code.as_latest());
        // Of an equivocator it may be the message itself that is cited.
        let cited = unsettled.iter().flat_map(|&message| self.store.cited(message));
        for message in seen.chain(cited.filter_map(|code| code.as_latest())) {
            stays[message.index()] = true;
        }
        for perspective in perspectives() {
            let proofs = perspective.equivocations.iter();
            let proofs = proofs.flat_map(|proof| [proof.messages.0, proof.messages.1]);
            for message in perspective.latest.iter().map(|(_, latest)| latest).chain(proofs) {
                stays[message.index()] = true;
            }
        }
        Pruning { stays }
    }

    /// Does what was to be done. Nothing may have been received since.
    pub fn complete(&mut self, pruning: Pruning) -> Pruned {
        let dropped = pruning.dropped().count();
        let renumbering =
            Renumbering::keeping(pruning.stays.len(), |message| pruning.stays[message as usize]);
        for seat in &mut self.seats {
            match seat {
                Seat::Taken(perspective) => perspective.renumber(&self.store, &renumbering),
                Seat::Blank { prunings } => *prunings = after_pruning(*prunings, &self.store),
            }
        }
        self.perspective.renumber(&self.store, &renumbering);
        let hashes = self.store.prune(&renumbering);
        Pruned { renumbering, hashes, dropped }
    }

    /// A message that is held, as an archive keeps it. O(V).
    pub fn archived(&self, message: MessageIndex) -> Option<Archived<E>> {
        self.store.archived(message)
    }
}
