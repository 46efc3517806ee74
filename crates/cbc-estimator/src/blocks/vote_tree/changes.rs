//! The blocks whose votes have changed since a head was asked for.

use std::cmp::Reverse;

/// A block, by its place, and what its votes weighed before and weigh now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    block: u32,
    before: u64,
    /// Only once the changes are asked for.
    now: u64,
}

impl Change {
    /// The block and what it lost, if it lost.
    pub(super) fn loss(&self) -> Option<(u32, u64)> {
        (self.before > self.now).then(|| (self.block, self.before - self.now))
    }

    /// The block and what it gained, if it gained.
    pub(super) fn gain(&self) -> Option<(u32, u64)> {
        (self.now > self.before).then(|| (self.block, self.now - self.before))
    }
}

/// Each block with votes that may have changed, once: up to a limit, beyond which it is only known
/// that there are many.
#[derive(Clone, Debug)]
pub(super) struct Changes {
    few: Vec<Change>,
    /// A bit for each place that is among the few.
    noted: Vec<u64>,
    limit: usize,
    many: bool,
}

impl Changes {
    /// None, and more than `limit` are many.
    pub(super) fn none(limit: usize) -> Self {
        Self { few: Vec::new(), noted: Vec::new(), limit, many: false }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.few.is_empty() && !self.many
    }

    /// Whether they are so many that none is known.
    #[inline]
    pub(super) fn are_many(&self) -> bool {
        self.many
    }

    /// Notes that `votes[block]` is about to change. O(1) amortised.
    pub(super) fn note(&mut self, votes: &[u64], block: u32) {
        if self.many {
            return;
        }
        let (word, bit) = (block as usize / 64, 1 << (block % 64));
        if self.noted.len() <= word {
            self.noted.resize(votes.len().div_ceil(64), 0);
        }
        if self.noted[word] & bit != 0 {
            return;
        }
        if self.few.len() >= self.limit {
            return self.lose_track();
        }
        self.noted[word] |= bit;
        let before = votes[block as usize];
        self.few.push(Change { block, before, now: before });
    }

    /// The changes, from the last block to the first; `None` if they are many. O(k log k).
    pub(super) fn few(&mut self, votes: &[u64]) -> Option<&[Change]> {
        if self.many {
            return None;
        }
        self.few.sort_unstable_by_key(|change| Reverse(change.block));
        for change in &mut self.few {
            change.now = votes[change.block as usize];
        }
        Some(&self.few)
    }

    /// That there are none now, and that from now on more than `limit` are many. O(1) for each that
    /// there was.
    pub(super) fn begin(&mut self, limit: usize) {
        self.forget();
        self.many = false;
        self.limit = limit;
    }

    /// That there may be any.
    pub(super) fn lose_track(&mut self) {
        self.forget();
        self.many = true;
    }

    fn forget(&mut self) {
        for change in self.few.drain(..) {
            self.noted[change.block as usize / 64] = 0;
        }
    }
}
