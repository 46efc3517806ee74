//! Dropping what is settled, so that a long run needs no more memory than a short one.

use cbc_message::{Estimate, MessageHash};

use crate::perspective::after_pruning;
use crate::shared::Seat;
use crate::store::column::{Column, Renumbering};
use crate::{Archived, MessageDag, MessageIndex, View};

/// What is to become of the messages of a view: which stay whole, which leave a stub, which go.
#[derive(Clone, Debug)]
pub struct Pruning {
    fates: Vec<Fate>,
    was_stub: Vec<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Goes,
    Stub,
    Whole,
}

impl Pruning {
    /// The messages that will be dropped, ascending: to be archived first.
    pub fn dropped(&self) -> impl Iterator<Item = MessageIndex> + '_ {
        let fates = self.fates.iter().zip(&self.was_stub);
        let dropped =
            (0..).zip(fates).filter(|&(_, (&fate, &was_stub))| fate != Fate::Whole && !was_stub);
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

    /// How many messages were dropped, of each of which nothing or a stub is left.
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
    /// equivocations, whatever a message that `drops` does not name cites, and what one of those
    /// who share the view has not justified yet. All these stay *whole*. What they cite in their
    /// turn leaves a mark in their rows: which message it was, of whom, and where it stood among
    /// that validator's; of the two messages of a proof, a *stub* stays, to be pointed at.
    ///
    /// So whoever cites what stays whole is judged as if nothing had been dropped, by rules V2, V3,
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
                && perspectives().all(|it| it.has_justified(&self.store, message))
                && drops(message)
        };
        let was_stub: Vec<bool> = held().map(|message| self.store.is_stub(message)).collect();
        let mut fates = vec![Fate::Goes; was_stub.len()];
        let stays: Vec<MessageIndex> =
            held().filter(|&message| !was_stub[message.index()] && !settled(message)).collect();
        let mut stay_whole = |message: MessageIndex| {
            let is_stub = was_stub[message.index()];
            fates[message.index()] = if is_stub { Fate::Stub } else { Fate::Whole };
        };
        for &message in &stays {
            stay_whole(message);
            let cited = self.citations(message).iter().flat_map(|(_, seen)| seen.messages());
            cited.for_each(&mut stay_whole);
        }
        for perspective in perspectives() {
            let proofs = perspective.equivocations.iter().flatten();
            let proofs = proofs.flat_map(|proof| [proof.messages.0, proof.messages.1]);
            perspective.latest.iter().flatten().copied().chain(proofs).for_each(&mut stay_whole);
        }
        // The proofs that rows cite.
        for message in held().filter(|message| !was_stub[message.index()]) {
            if fates[message.index()] != Fate::Whole {
                continue;
            }
            for proof in self.citations(message).proofs() {
                for message in [proof.0, proof.1] {
                    let fate = &mut fates[message.index()];
                    *fate = (*fate).max(Fate::Stub);
                }
            }
        }
        Pruning { fates, was_stub }
    }

    /// Does what was to be done. Nothing may have been received since.
    pub fn complete(&mut self, pruning: Pruning) -> Pruned {
        let dropped = pruning.dropped().count();
        let fate = |message: u32| pruning.fates[message as usize];
        let renumbering =
            Renumbering::keeping(pruning.fates.len(), |message| fate(message) != Fate::Goes);
        for seat in &mut self.seats {
            match seat {
                Seat::Taken(perspective) => perspective.renumber(&self.store, &renumbering),
                Seat::Blank { prunings } => *prunings = after_pruning(*prunings, &self.store),
            }
        }
        self.perspective.renumber(&self.store, &renumbering);
        let hashes = self.store.prune(&renumbering, |it| fate(it.get()) == Fate::Whole);
        Pruned { renumbering, hashes, dropped }
    }

    /// A message that is held whole, as an archive keeps it; `None` of a stub. O(V).
    pub fn archived(&self, message: MessageIndex) -> Option<Archived<E>> {
        if self.store.is_stub(message) { None } else { self.store.archived(message) }
    }
}
