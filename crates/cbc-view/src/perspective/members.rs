//! Sets of messages.

use crate::MessageIndex;

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
