//! Sets of small numbers, 64 to a word.

/// A set of numbers below a size that is fixed when the set is made. Numbers beyond it are not in
/// the set, and putting them in does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitSet {
    words: Box<[u64]>,
}

impl BitSet {
    /// The empty set of numbers below `size`.
    pub fn new(size: usize) -> Self {
        Self { words: vec![0; size.div_ceil(64)].into() }
    }

    /// The set of all numbers below `size`.
    pub fn full(size: usize) -> Self {
        let mut set = Self::new(size);
        for (word, first) in set.words.iter_mut().zip((0..size).step_by(64)) {
            *word = if size - first < 64 { (1 << (size - first)) - 1 } else { u64::MAX };
        }
        set
    }

    /// Puts `number` in.
    pub fn insert(&mut self, number: usize) {
        if let Some(word) = self.words.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    /// Takes `number` out.
    pub fn remove(&mut self, number: usize) {
        if let Some(word) = self.words.get_mut(number / 64) {
            *word &= !(1 << (number % 64));
        }
    }

    /// Whether `number` is in.
    pub fn contains(&self, number: usize) -> bool {
        self.words.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Whether no number is in.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// How many numbers are in.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The least number in the set.
    pub fn first(&self) -> Option<usize> {
        let position = self.words.iter().position(|&word| word != 0)?;
        Some(position * 64 + self.words[position].trailing_zeros() as usize)
    }

    /// Keeps only what is in `other`, too.
    pub fn intersect_with(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    /// Takes out what is in `other`.
    pub fn subtract(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    /// The numbers in the set, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(position, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(position * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(size: usize, numbers: &BTreeSet<usize>) -> BitSet {
        let mut set = BitSet::new(size);
        numbers.iter().for_each(|&number| set.insert(number));
        set
    }

    proptest! {
        #[test]
        fn does_what_an_ordered_set_does(
            size in 1usize..200,
            one in prop::collection::btree_set(0usize..200, 0..60),
            other in prop::collection::btree_set(0usize..200, 0..60),
        ) {
            let (one, other): (BTreeSet<_>, BTreeSet<_>) = (
                one.into_iter().filter(|&n| n < size).collect(),
                other.into_iter().filter(|&n| n < size).collect(),
            );
            let (set, with) = (of(size, &one), of(size, &other));
            prop_assert!(set.iter().eq(one.iter().copied()));
            prop_assert_eq!(set.len(), one.len());
            prop_assert_eq!(set.is_empty(), one.is_empty());
            prop_assert_eq!(set.first(), one.first().copied());
            let mut both = set.clone();
            both.intersect_with(&with);
            prop_assert!(both.iter().eq(one.intersection(&other).copied()));
            let mut rest = set.clone();
            rest.subtract(&with);
            prop_assert!(rest.iter().eq(one.difference(&other).copied()));
            for number in 0..size {
                prop_assert_eq!(set.contains(number), one.contains(&number));
            }
            prop_assert!(BitSet::full(size).iter().eq(0..size));
            let mut without = set.clone();
            one.iter().for_each(|&number| without.remove(number));
            prop_assert!(without.is_empty());
        }
    }
}
