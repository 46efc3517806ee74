//! What one observer has seen of the messages that a view holds.

pub(crate) mod latest;
mod members;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use cbc_message::{ValidatorId, Weight};

use crate::pending::Pending;
use crate::pending::held_back::HeldBack;
use crate::perspective::latest::Latest;
use crate::perspective::members::Members;
use crate::store::Store;
use crate::store::column::Renumbering;
use crate::store::rows::Row;
use crate::{Equivocation, MessageIndex, Position};

/// What one observer has seen: which of the messages held are justified for it, who is latest, who
/// equivocated, what is pending. A view has that of one observer, and, if it is one of several who
/// share what they hold, puts those of the others aside.
///
/// It takes memory for what there is, and next to none for validators who have said nothing.
#[derive(Clone, Debug)]
pub(crate) struct Perspective<E> {
    pub(crate) justified: Members,
    /// The latest message of each validator; and which of them are *tips*: of the messages of
    /// validators that are not known to equivocate, those that none of those has in its past. They
    /// are what the next message has to cite of those validators. They are found when they are asked
    /// for, from those of before and what is new ([`Self::settle_tips`]).
    pub(crate) latest: Latest,
    /// In the order in which they became known: what proves one has nothing in its past that proves
    /// a later one.
    pub(crate) equivocations: Vec<Equivocation>,
    /// The place among these of each equivocator.
    equivocators: BTreeMap<ValidatorId, usize>,
    /// What they weigh together.
    pub(crate) fault_weight: Weight,
    pub(crate) pending: Pending<E>,
    pub(crate) held_back: HeldBack,
    /// For each equivocator, the bytes of its messages that are justified and nobody wanted.
    pub(crate) unwanted: BTreeMap<ValidatorId, usize>,
    /// How many times the view was pruned with this among its perspectives: if it was each time,
    /// what was dropped is justified for this observer.
    pub(crate) prunings: u32,
}

/// Of an observer for whom something was dropped that it has not justified.
pub(crate) const OUTSIDER: u32 = u32::MAX;

/// What [`Perspective::prunings`] is once the view is pruned once more.
pub(crate) fn after_pruning<E>(prunings: u32, store: &Store<E>) -> u32 {
    if prunings == store.prunings { store.prunings + 1 } else { OUTSIDER }
}

impl<E> Perspective<E> {
    /// That of somebody who has seen nothing.
    pub(crate) fn new(prunings: u32) -> Self {
        Self {
            justified: Members::default(),
            latest: Latest::default(),
            equivocations: Vec::new(),
            equivocators: BTreeMap::new(),
            fault_weight: Weight::ZERO,
            pending: Pending::new(),
            held_back: HeldBack::default(),
            unwanted: BTreeMap::new(),
            prunings,
        }
    }

    /// Whether this observer has seen nothing.
    pub(crate) fn is_blank(&self) -> bool {
        self.justified.len() == 0 && self.pending.len() == 0 && self.held_back.len() == 0
    }

    /// Whether all that the view dropped is justified for this observer.
    pub(crate) fn has_justified_dropped(&self, store: &Store<E>) -> bool {
        self.prunings == store.prunings
    }

    /// Messages are about to be numbered anew. Latest messages, and those of proofs, are among
    /// them.
    pub(crate) fn renumber(&mut self, store: &Store<E>, renumbering: &Renumbering) {
        let mut justified = Members::default();
        for (old, new) in renumbering.iter() {
            if self.justified.contains(MessageIndex::new(old)) {
                justified.insert(MessageIndex::new(new));
            }
        }
        self.justified = justified;
        self.held_back.renumber(renumbering);
        self.pending.renumber(renumbering);
        self.prunings = after_pruning(self.prunings, store);
        let new = |message: MessageIndex| renumbering.get(message.get()).map(MessageIndex::new);
        self.latest.renumber(new);
        for equivocation in &mut self.equivocations {
            let (one, other) = equivocation.messages;
            if let Some(messages) = new(one).zip(new(other)) {
                equivocation.messages = messages;
            }
        }
    }

    pub(crate) fn is_equivocator(&self, validator: ValidatorId) -> bool {
        // Nothing is looked for where there is nobody.
        !self.equivocators.is_empty() && self.equivocators.contains_key(&validator)
    }

    /// The first proof that `validator` equivocated.
    pub(crate) fn equivocation(&self, validator: ValidatorId) -> Option<Equivocation> {
        Some(self.equivocations[*self.equivocators.get(&validator)?])
    }

    /// The first proof of each, in ascending order of the validators.
    pub(crate) fn proofs(&self) -> impl Iterator<Item = Equivocation> {
        self.equivocators.values().map(|&place| self.equivocations[place])
    }

    /// Where the message stands that a message of `sender`, with this number and after `before`,
    /// would prove an equivocation with, for the first time.
    pub(crate) fn rival(
        &self,
        store: &Store<E>,
        sender: ValidatorId,
        number: u32,
        before: Option<Position>,
    ) -> Option<Position> {
        let latest = store.chains.position(self.latest.get(sender)?);
        if self.is_equivocator(sender) || before == Some(latest) {
            return None;
        }
        store.chains.on_the_way(sender, latest, number)
    }

    /// Takes in a justified message: makes it its sender's latest if it is, and finds out whether
    /// it proves, for the first time, that its sender equivocated.
    ///
    /// Without an equivocation so far, the sender's messages are one chain that ends in its latest
    /// message. A message that does not continue that chain shares its sequence number with one
    /// that is in it. That one is held: whoever calls this has seen to it ([`Self::rival`]).
    pub(crate) fn justify(
        &mut self,
        store: &Store<E>,
        message: MessageIndex,
    ) -> Option<Equivocation> {
        self.justified.insert(message);
        let sender = store.sender(message);
        let latest = self.latest.get(sender);
        let rival = match latest {
            // Continues the chain: by far the most do.
            Some(latest) if store.previous(message) == Some(latest) => None,
            Some(latest) => {
                let number = store.chains.number(message);
                let position = store.chains.position(latest);
                store.chains.on_the_way(sender, position, number)
            }
            None => None,
        };
        let is_equivocator = self.is_equivocator(sender);
        let Some(rival) = rival else {
            self.latest.set(sender, message, !is_equivocator);
            return None;
        };
        if is_equivocator {
            return None;
        }
        let rival = store.chains.at(sender, rival)?;
        let messages = (rival.min(message), rival.max(message));
        let equivocation = Equivocation { validator: sender, messages };
        self.equivocators.insert(sender, self.equivocations.len());
        self.equivocations.push(equivocation);
        let Self { latest, equivocators, .. } = self;
        latest.renew(|validator| !equivocators.contains_key(&validator));
        Some(equivocation)
    }

    /// Finds the tips. Nothing that was justified before can have in its past what is new: so only
    /// what the new ones have seen is no tip, whether it was one before or is new, too. O(log V) for
    /// each that may be one, and for what the rows of the new ones differ in.
    pub(crate) fn settle_tips(&mut self, store: &mut Store<E>) {
        let Some(newest) = self.latest.new_ones().map(|(_, latest)| latest).max() else { return };
        // In turn, the newest has seen all others.
        let row = store.rows.row(newest);
        let has_seen_all = self
            .latest
            .candidates()
            .all(|(validator, latest)| latest == newest || store.has_seen(row, validator, latest));
        if has_seen_all {
            self.latest.settle(|_, it| it == newest);
            return;
        }
        let new: Vec<Row> =
            self.latest.new_ones().map(|(_, latest)| store.rows.row(latest)).collect();
        store.rows.clear();
        let (row, _) = store.rows.join(&store.chains, new.into_iter(), &[]);
        self.latest.settle(|validator, latest| !store.has_seen(row, validator, latest));
        store.rows.clear();
    }

    /// The tips, in ascending order of their validators. O(V / 64), and O(1) for each, if they are
    /// [settled](Self::settle_tips); else O(log V) for each that may be one, and each new message
    /// until one has seen it.
    pub(crate) fn tips(&self, store: &Store<E>) -> Vec<(ValidatorId, MessageIndex)> {
        let mut new: Vec<MessageIndex> = self.latest.new_ones().map(|(_, latest)| latest).collect();
        // In turn, the newest has seen all others; in rounds, most have seen the same.
        new.sort_unstable_by_key(|&latest| Reverse(latest));
        let mut rows: Vec<Row> = new.into_iter().map(|latest| store.rows.row(latest)).collect();
        rows.dedup();
        let is_tip = |&(validator, latest): &(ValidatorId, MessageIndex)| {
            !rows.iter().any(|&row| store.has_seen(row, validator, latest))
        };
        self.latest.candidates().filter(is_tip).collect()
    }
}
