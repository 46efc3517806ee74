//! What one observer has seen of the messages that a view holds.

use cbc_message::{MessageHash, ValidatorId};

use crate::pending::Pending;
use crate::pending::held_back::HeldBack;
use crate::store::Store;
use crate::store::column::Renumbering;
use crate::{Equivocation, MessageIndex, Position};

/// What one observer has seen: which of the messages held are justified for it, who is latest, who
/// equivocated, what is pending. A view has that of one observer, and, if it is one of several who
/// share what they hold, puts those of the others aside.
#[derive(Clone, Debug)]
pub(crate) struct Perspective<E> {
    pub(crate) justified: Members,
    pub(crate) latest: Vec<Option<MessageIndex>>,
    /// The hashes of the latest messages, side by side: most citations are of these.
    pub(crate) latest_hashes: Vec<MessageHash>,
    pub(crate) equivocations: Vec<Option<Equivocation>>,
    pub(crate) pending: Pending<E>,
    pub(crate) held_back: HeldBack,
    /// For each equivocator, the bytes of its messages that are justified and nobody wanted.
    pub(crate) unwanted: Vec<usize>,
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
    /// That of somebody who has seen nothing, in a network of so many validators.
    pub(crate) fn new(validators: usize, prunings: u32) -> Self {
        Self {
            justified: Members::default(),
            latest: vec![None; validators],
            latest_hashes: vec![MessageHash::from_bytes([0; 32]); validators],
            equivocations: vec![None; validators],
            pending: Pending::new(validators),
            held_back: HeldBack::default(),
            unwanted: vec![0; validators],
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

    /// Whether `message` is justified for this observer. Of what was dropped a view may hold stubs.
    pub(crate) fn has_justified(&self, store: &Store<E>, message: MessageIndex) -> bool {
        self.justified.contains(message)
            || (store.is_stub(message) && self.has_justified_dropped(store))
    }

    /// Messages are about to be numbered anew. Latest messages, and those of proofs, are among
    /// them.
    pub(crate) fn renumber(&mut self, store: &Store<E>, renumbering: &Renumbering) {
        let mut justified = Members::default();
        for (old, new) in renumbering.iter() {
            if self.has_justified(store, MessageIndex::new(old)) {
                justified.insert(MessageIndex::new(new));
            }
        }
        self.justified = justified;
        self.held_back.renumber(renumbering);
        self.pending.renumber(renumbering);
        self.prunings = after_pruning(self.prunings, store);
        let new = |message: MessageIndex| renumbering.get(message.get()).map(MessageIndex::new);
        for latest in &mut self.latest {
            *latest = latest.and_then(new);
        }
        for equivocation in self.equivocations.iter_mut().flatten() {
            let (one, other) = equivocation.messages;
            if let Some(messages) = new(one).zip(new(other)) {
                equivocation.messages = messages;
            }
        }
    }

    pub(crate) fn is_equivocator(&self, validator: ValidatorId) -> bool {
        self.equivocations.get(validator.index()).is_some_and(Option::is_some)
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
        let latest = store.chains.position(self.latest[sender.index()]?);
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
        let latest = self.latest[sender.index()];
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
        let Some(rival) = rival else {
            self.latest[sender.index()] = Some(message);
            self.latest_hashes[sender.index()] = *store.hash(message);
            return None;
        };
        if self.is_equivocator(sender) {
            return None;
        }
        let rival = store.chains.at(sender, rival)?;
        let messages = (rival.min(message), rival.max(message));
        let equivocation = Equivocation { validator: sender, messages };
        self.equivocations[sender.index()] = Some(equivocation);
        Some(equivocation)
    }
}

/// A set of messages that is nearly always all up to some place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    /// All messages before this place are in the set, the one at it is not.
    whole: usize,
    /// The messages beyond, a bit each: bit `i % 64` of word `i / 64 - base`.
    beyond: Vec<u64>,
    /// How many words before those in `beyond` are full.
    base: usize,
    count: usize,
}

impl Members {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// All messages before this place are in the set.
    pub(crate) fn whole(&self) -> usize {
        self.whole
    }

    pub(crate) fn contains(&self, message: MessageIndex) -> bool {
        let index = message.index();
        index < self.whole || {
            let word = (index / 64).checked_sub(self.base).and_then(|word| self.beyond.get(word));
            word.is_some_and(|word| word >> (index % 64) & 1 == 1)
        }
    }

    /// Puts `message` in. It was not.
    pub(crate) fn insert(&mut self, message: MessageIndex) {
        let index = message.index();
        self.count += 1;
        if index == self.whole && self.beyond.is_empty() {
            self.whole += 1;
            return;
        }
        if self.beyond.is_empty() {
            self.base = self.whole / 64;
            // Those of the first word that are before `whole`.
            self.beyond.push((1 << (self.whole % 64)) - 1);
        }
        let word = index / 64 - self.base;
        if word >= self.beyond.len() {
            self.beyond.resize(word + 1, 0);
        }
        self.beyond[word] |= 1 << (index % 64);
        if index == self.whole {
            self.advance();
        }
    }

    /// Moves `whole` on to the first that is missing.
    fn advance(&mut self) {
        let full = self.beyond.iter().take_while(|&&word| word == u64::MAX).count();
        self.base += full;
        self.beyond.drain(..full);
        self.whole =
            self.base * 64 + self.beyond.first().map_or(0, |word| word.trailing_ones() as usize);
        if self.whole >= self.count {
            self.beyond.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn members_are_a_set(order in prop::collection::vec(0..300u32, 1..400)) {
            let (mut members, mut twin) = (Members::default(), BTreeSet::new());
            for index in order.into_iter().chain(0..300) {
                if twin.insert(index) {
                    members.insert(MessageIndex::new(index));
                }
                prop_assert_eq!(members.len(), twin.len());
                let whole = (0..).take_while(|index| twin.contains(index)).count();
                prop_assert_eq!(members.whole(), whole);
                for index in 0..310 {
                    let contained = members.contains(MessageIndex::new(index));
                    prop_assert_eq!(contained, twin.contains(&index));
                }
            }
        }
    }
}
