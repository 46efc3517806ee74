//! New numbers for what is kept when some is dropped.

/// New numbers for what is kept of `0, 1, 2, …`: the same order, without gaps.
#[derive(Clone, Debug)]
pub(crate) struct Renumbering {
    /// The new number of each, or [`Self::DROPPED`].
    new: Vec<u32>,
    kept: usize,
}

impl Renumbering {
    const DROPPED: u32 = u32::MAX;

    /// Keeps those of `count` that `keeps` names.
    pub(crate) fn keeping(count: usize, mut keeps: impl FnMut(u32) -> bool) -> Self {
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
    pub(crate) fn kept(&self) -> usize {
        self.kept
    }

    /// The new number of `old`, if it is kept.
    pub(crate) fn get(&self, old: u32) -> Option<u32> {
        self.new.get(old as usize).copied().filter(|&new| new != Self::DROPPED)
    }

    /// Those that are kept: old and new number, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let all = (0..).zip(&self.new);
        all.filter(|&(_, &new)| new != Self::DROPPED).map(|(old, &new)| (old, new))
    }

    /// Of a column with an entry for each, the entries that are kept.
    pub(crate) fn column<T>(&self, column: &mut Vec<T>) {
        let mut place = 0;
        column.retain(|_| {
            place += 1;
            self.new[place - 1] != Self::DROPPED
        });
        column.shrink_to_fit();
    }
}
