//! What the members of one set after another weigh, 64 at a time.

use cbc_message::Weight;

use crate::BitSet;

/// Weighs sets within one set, of which every word is weighed beforehand: mostly a word has all of
/// it, or nothing, or nearly so, and only what differs is weighed one by one.
pub(crate) struct Weighing<'a> {
    weights: &'a [Weight],
    within: BitSet,
    /// What each word of the set weighs.
    words: Vec<Weight>,
    /// What all of it weighs.
    total: Weight,
}

impl<'a> Weighing<'a> {
    /// O(V).
    pub(crate) fn new(weights: &'a [Weight], within: BitSet) -> Self {
        let words = within.words().iter().zip(weights.chunks(64));
        let words: Vec<Weight> = words.map(|(&word, weights)| weigh(word, weights)).collect();
        Self { weights, within, total: words.iter().copied().sum(), words }
    }

    /// The set.
    pub(crate) fn within(&self) -> &BitSet {
        &self.within
    }

    /// What it weighs.
    pub(crate) fn total(&self) -> Weight {
        self.total
    }

    /// Takes a member out of the set.
    pub(crate) fn remove(&mut self, member: usize) {
        self.within.remove(member);
        self.words[member / 64] -= self.weights[member];
        self.total -= self.weights[member];
    }

    /// Takes everything out of the set.
    pub(crate) fn clear(&mut self) {
        self.within.clear();
        self.words.fill(Weight::ZERO);
        self.total = Weight::ZERO;
    }

    /// What those weigh that are in both sets. O(V/64), and what differs.
    pub(crate) fn of(&self, set: &BitSet) -> Weight {
        let sets = set.words().iter().zip(self.within.words());
        let weights = self.words.iter().zip(self.weights.chunks(64));
        let of_word = |((&set, &within), (&all, weights)): ((&u64, &u64), (&Weight, &[Weight]))| {
            let (both, missing) = (set & within, within & !set);
            if both.count_ones() <= missing.count_ones() {
                weigh(both, weights)
            } else {
                all - weigh(missing, weights)
            }
        };
        sets.zip(weights).map(of_word).sum()
    }
}

/// What those weigh whose bits are set.
fn weigh(mut word: u64, weights: &[Weight]) -> Weight {
    let mut weight = Weight::ZERO;
    while word != 0 {
        weight += weights[word.trailing_zeros() as usize];
        word &= word - 1;
    }
    weight
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_in_both_weighs_as_much_as_one_by_one(
            weights in prop::collection::vec(0u64..9, 1..200),
            sets in prop::collection::vec((any::<u64>(), any::<u64>()), 1..5),
        ) {
            let weights: Vec<Weight> = weights.into_iter().map(Weight::new).collect();
            let set = |draw: &dyn Fn(usize) -> bool| {
                let mut set = BitSet::new(weights.len());
                (0..weights.len()).filter(|&v| draw(v)).for_each(|v| set.insert(v));
                set
            };
            // Of some words most, of others few.
            let (one, other) = (
                set(&|v| { let (bits, _) = sets[v / 64 % sets.len()]; bits >> (v % 61) & 3 > 0 }),
                set(&|v| { let (_, bits) = sets[v / 64 % sets.len()]; bits >> (v % 61) & 3 == 0 }),
            );
            for (set, within) in [(&one, &other), (&other, &one), (&one, &one)] {
                let both = set.iter().filter(|&v| within.contains(v));
                let expected: Weight = both.map(|v| weights[v]).sum();
                let mut weighing = Weighing::new(&weights, within.clone());
                prop_assert_eq!(weighing.of(set), expected);
                prop_assert_eq!(weighing.total(), within.iter().map(|v| weights[v]).sum());
                let gone: Vec<usize> = within.iter().step_by(3).collect();
                gone.iter().for_each(|&member| weighing.remove(member));
                let rest = Weighing::new(&weights, weighing.within().clone());
                prop_assert_eq!(weighing.of(set), rest.of(set));
                prop_assert_eq!(weighing.total(), rest.total());
                let both = set.iter().filter(|&v| within.contains(v) && !gone.contains(&v));
                prop_assert_eq!(rest.of(set), both.map(|v| weights[v]).sum());
                weighing.clear();
                prop_assert_eq!((weighing.of(set), weighing.total()), (Weight::ZERO, Weight::ZERO));
            }
        }
    }
}
