//! Dropping what is settled, so that a long run needs no more memory than a short one.

use std::collections::BTreeSet;

use cbc_message::{Estimate, Message, ValidatorId};

use crate::renumbering::Renumbering;
use crate::{MessageDag, MessageIndex, Perspective, View};

/// What became of the messages when a view was pruned: their new indices.
#[derive(Clone, Debug)]
pub struct Pruned {
    renumbering: Renumbering,
    dropped: usize,
}

impl Pruned {
    /// The new index of the message that had the index `old`; `None` if it is no longer held.
    pub fn index(&self, old: MessageIndex) -> Option<MessageIndex> {
        self.renumbering.get(old.get()).map(MessageIndex::new)
    }

    /// How many messages were handed out, of each of which nothing or a record is left.
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
    /// those that are left have new indices. `others` are the perspectives of all who share this
    /// view; who shares it with nobody has none.
    ///
    /// Of some a *record* stays: sender, sequence number, hash and estimate, but not what they
    /// cite. That is so for everybody's latest messages, for proofs of equivocations, for whatever
    /// a message that stays cites, and for all later ones of the same validators. So whatever
    /// stays can be sent to others as it was, new messages can cite it, and rules V2, V3, V4 and
    /// V8 are checked as before: what is valid, and who equivocates, is found as if nothing had
    /// been dropped.
    ///
    /// What can no longer be judged is never taken for something else. A message numbered before
    /// all records of its sender was dropped, or is a fork of what was: it cannot be judged
    /// ([`Unjudged::BelowHorizon`](crate::Unjudged::BelowHorizon)). So is one that cites a message of
    /// which only a record is left, while no later message that it cites does. One that cites what
    /// was dropped waits for it. Validators that have seen what was finalized since make no such
    /// message. Who kept what was archived can feed it to a new view and judge there.
    ///
    /// O(held + V · left).
    pub fn prune(
        &mut self,
        others: &mut [&mut Perspective<E>],
        drops: impl Fn(MessageIndex) -> bool,
        mut archive: impl FnMut(Message<E>),
    ) -> Pruned {
        let held = || (0..self.message_count() as u32).map(MessageIndex::new);
        let stays = |&message: &MessageIndex| !drops(message) && !self.store.is_record(message);
        let whole: BTreeSet<MessageIndex> = held().filter(stays).collect();

        // For each validator the least sequence number that something still refers to.
        let mut least = vec![u64::MAX; self.validator_count()];
        let mut refer = |validator: ValidatorId, message| {
            let least = &mut least[validator.index()];
            *least = (*least).min(self.sequence_number(message));
        };
        for &message in &whole {
            refer(self.sender(message), message);
            for (validator, seen) in self.citations(message).iter() {
                seen.messages().for_each(|cited| refer(validator, cited));
            }
        }
        for outlook in others.iter().map(|other| &other.0).chain([&self.perspective.0]) {
            let proofs = outlook.equivocations.iter().flatten();
            let proofs = proofs.flat_map(|proof| [proof.messages.0, proof.messages.1]);
            let latest = outlook.latest.iter().flatten().copied();
            latest.chain(proofs).for_each(|message| refer(self.sender(message), message));
        }
        let renumbering = Renumbering::keeping(self.message_count(), |message| {
            let message = MessageIndex::new(message);
            self.sequence_number(message) >= least[self.sender(message).index()]
        });
        let mut dropped = 0;
        for message in held() {
            if !whole.contains(&message)
                && let Some(message) = self.message(message)
            {
                archive(message);
                dropped += 1;
            }
        }
        self.store.prune(&renumbering, &whole);
        for outlook in others.iter_mut().map(|other| &mut other.0) {
            outlook.renumber(&renumbering);
        }
        self.perspective.0.renumber(&renumbering);
        Pruned { renumbering, dropped }
    }
}
