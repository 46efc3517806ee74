//! Columns: tables with an entry for each message, or block, or whatever has numbers from 0 on.

use std::ops::{Deref, DerefMut};

/// A vector that keeps little in reserve.
///
/// Where a `Vec` would make room for as much again it makes room for an eighth more: what is held
/// for every message should not be held twice. O(1) amortized to add an entry, at about four times
/// the copying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column<T>(Vec<T>);

impl<T> Column<T> {
    /// An empty column.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds an entry at the end.
    pub fn push(&mut self, entry: T) {
        self.make_room(1);
        self.0.push(entry);
    }

    /// Adds several entries at the end.
    pub fn extend_from_slice(&mut self, entries: &[T])
    where
        T: Copy,
    {
        self.make_room(entries.len());
        self.0.extend_from_slice(entries);
    }

    /// Adds copies of `entry` until there are `count`.
    pub fn fill_up(&mut self, count: usize, entry: T)
    where
        T: Copy,
    {
        let more = count.saturating_sub(self.len());
        self.make_room(more);
        self.0.extend(std::iter::repeat_n(entry, more));
    }

    /// Leaves the first `count` entries.
    pub fn truncate(&mut self, count: usize) {
        self.0.truncate(count);
    }

    /// Leaves the entries that `keep`, which may change them, says yes to.
    pub fn retain_mut(&mut self, keep: impl FnMut(&mut T) -> bool) {
        self.0.retain_mut(keep);
    }

    /// Gives up what is held in reserve.
    pub fn shrink_to_fit(&mut self) {
        self.0.shrink_to_fit();
    }

    fn make_room(&mut self, count: usize) {
        if self.0.capacity() - self.0.len() < count {
            self.0.reserve_exact(count + self.0.len() / 8);
        }
    }

    /// Leaves the entries that are kept, each at its new number. There is an entry for each number
    /// that the renumbering was made of.
    pub fn renumber(&mut self, renumbering: &Renumbering) {
        let mut numbers = renumbering.new.iter();
        self.0.retain(|_| numbers.next().is_some_and(|&new| new != Renumbering::DROPPED));
        self.0.shrink_to_fit();
    }
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<Vec<T>> for Column<T> {
    fn from(entries: Vec<T>) -> Self {
        Self(entries)
    }
}

impl<T> FromIterator<T> for Column<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl<T> Deref for Column<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for Column<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

/// New numbers for what is kept of `0, 1, 2, …`: the same order, without gaps.
#[derive(Clone, Debug)]
pub struct Renumbering {
    /// The new number of each, or [`Self::DROPPED`].
    new: Vec<u32>,
    kept: usize,
}

impl Renumbering {
    const DROPPED: u32 = u32::MAX;

    /// Keeps those of `count` that `keeps` names.
    pub fn keeping(count: usize, mut keeps: impl FnMut(u32) -> bool) -> Self {
        let mut kept = 0;
        let mut number = |old| {
            let keep = keeps(old);
            kept += u32::from(keep);
            if keep { kept - 1 } else { Self::DROPPED }
        };
        let new = (0..count as u32).map(&mut number).collect();
        Self { new, kept: kept as usize }
    }

    /// How many are kept.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// The new number of `old`, if it is kept.
    pub fn get(&self, old: u32) -> Option<u32> {
        self.new.get(old as usize).copied().filter(|&new| new != Self::DROPPED)
    }

    /// Those that are kept: old and new number, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let all = (0..).zip(&self.new);
        all.filter(|&(_, &new)| new != Self::DROPPED).map(|(old, &new)| (old, new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_grows_by_an_eighth_and_is_renumbered() {
        let mut column = Column::new();
        let mut moves = 0;
        for entry in 0..1000_u32 {
            let before = column.0.capacity();
            column.push(entry);
            moves += u32::from(column.0.capacity() != before);
            assert!(column.0.capacity() <= column.len() + 1 + column.len() / 8);
        }
        // It grows by an eighth from 8 on: 1.125^41 > 1000 / 8.
        assert!(moves < 8 + 41 + 10, "{moves}");
        column.extend_from_slice(&[1000; 3]);
        column.fill_up(1005, 7);
        column.fill_up(10, 8);
        assert_eq!(column.len(), 1005);
        assert_eq!(column[998..], [998, 999, 1000, 1000, 1000, 7, 7]);
        let even = Renumbering::keeping(column.len(), |number| number % 2 == 0);
        let before = column.clone();
        column.renumber(&even);
        assert_eq!(column.len(), even.kept());
        assert_eq!((even.get(5), even.get(6)), (None, Some(3)));
        for (old, new) in even.iter() {
            assert_eq!(column[new as usize], before[old as usize]);
        }
    }
}
