//! Sets of small numbers, 64 to a word.

/// A set of numbers below a size that is fixed when the set is made. Numbers beyond it are not in
/// the set, and putting them in does nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

    /// Becomes equal to `other`, a set of numbers below the same size; without allocating.
    pub fn copy_from(&mut self, other: &Self) {
        self.words.copy_from_slice(&other.words);
    }

    /// Becomes the set of the places at which `values` are at least what `least` has there.
    pub(crate) fn assign_at_least(&mut self, values: &[u32], least: &[u32]) {
        let each = values.chunks(64).zip(least.chunks(64));
        for (word, (values, least)) in self.words.iter_mut().zip(each) {
            // First a byte each, then a bit: both without branches.
            let mut bytes = [0_u8; 64];
            for (byte, (value, least)) in bytes.iter_mut().zip(values.iter().zip(least)) {
                *byte = u8::from(value >= least);
            }
            let bits = bytes.chunks_exact(8).map(|eight| {
                let eight = u64::from_le_bytes(std::array::from_fn(|place| eight[place]));
                // Bit 8i of the eight goes to bit 56 + i of the product.
                eight.wrapping_mul(0x0102_0408_1020_4080) >> 56
            });
            *word = (0..).step_by(8).zip(bits).map(|(place, bits)| bits << place).sum();
        }
    }

    /// The words, of 64 numbers each, in ascending order.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Whether `number` is in.
    pub fn contains(&self, number: usize) -> bool {
        self.words.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Whether no number is in.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Whether all numbers that are in, but for `number`, are in `other`.
    pub fn is_subset_but_for(&self, number: usize, other: &Self) -> bool {
        let words = (0..).zip(self.words.iter().zip(&other.words));
        words.into_iter().all(|(place, (word, other))| {
            let outside = word & !other;
            outside == 0 || (place == number / 64 && outside == 1 << (number % 64))
        })
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

    /// The sets turned around: number i is in set j of the result where j is in `sets[i]`. The sets
    /// are of numbers below their count. O(n²/64 · 6) for n sets, a block of 64 by 64 at a time.
    pub fn transposed(sets: &[Self]) -> Vec<Self> {
        let mut turned = vec![Self::new(sets.len()); sets.len()];
        Self::transpose_into(sets, &mut turned);
        turned
    }

    /// As [`transposed`](Self::transposed), into as many sets of as many numbers.
    pub(crate) fn transpose_into(sets: &[Self], turned: &mut [Self]) {
        for (to_word, from) in sets.chunks(64).enumerate() {
            for (from_word, to) in turned.chunks_mut(64).enumerate() {
                let mut block = [0; 64];
                block.iter_mut().zip(from).for_each(|(row, set)| *row = set.words[from_word]);
                transpose_block(&mut block);
                to.iter_mut().zip(block).for_each(|(set, row)| set.words[to_word] = row);
            }
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

/// Mirrors a block of 64 by 64 bits along its diagonal: swaps its off-diagonal quarters, then
/// those of each quarter, and so on (Warren, "Hacker's Delight", 7–3).
fn transpose_block(block: &mut [u64; 64]) {
    let (mut width, mut mask) = (32, u64::MAX >> 32);
    while width > 0 {
        for upper in (0..64).filter(|row| row & width == 0) {
            let lower = upper + width;
            let swapped = (block[upper] >> width ^ block[lower]) & mask;
            block[upper] ^= swapped << width;
            block[lower] ^= swapped;
        }
        width /= 2;
        mask ^= mask << width;
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

    #[test]
    fn a_subset_but_for_one_has_nothing_else_outside() {
        let set = |numbers: &[usize]| of(200, &numbers.iter().copied().collect());
        let other = set(&[0, 3, 64, 130]);
        for (numbers, but_for, expected) in [
            (&[][..], 5, true),
            (&[0, 3, 64, 130], 5, true),
            (&[0, 3, 5], 5, true),
            (&[0, 64, 69], 69, true),
            (&[0, 130, 199], 199, true),
            // Another one, in the same word, in the same place of another word, or besides.
            (&[0, 3, 6], 5, false),
            (&[0, 3, 69], 5, false),
            (&[0, 3, 5], 69, false),
            (&[5, 6], 5, false),
            (&[5, 69], 5, false),
            (&[69, 133], 133, false),
        ] {
            assert_eq!(set(numbers).is_subset_but_for(but_for, &other), expected, "{numbers:?}");
        }
    }

    proptest! {
        #[test]
        fn turned_around_every_pair_stands_the_other_way(
            count in 0usize..150,
            pairs in prop::collection::vec((0usize..150, 0usize..150), 0..400),
        ) {
            let mut sets = vec![BitSet::new(count); count];
            for &(set, number) in pairs.iter().filter(|&&(set, number)| set.max(number) < count) {
                sets[set].insert(number);
            }
            let turned = BitSet::transposed(&sets);
            for (i, j) in (0..count).flat_map(|i| (0..count).map(move |j| (i, j))) {
                prop_assert_eq!(turned[j].contains(i), sets[i].contains(j));
            }
        }

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
            let mut cleared = set;
            cleared.copy_from(&with);
            prop_assert_eq!(&cleared, &with);
            cleared.clear();
            prop_assert_eq!(cleared, BitSet::new(size));
        }
    }
}
