//! Rows as others read them.

use cbc_message::{MessageHash, ValidatorId};

use super::{Code, Dropped, FAN, LEAF, Row, Rows};
use crate::{MessageIndex, Seen};

/// A full justification, resolved within one view: what the maker of a message had seen of each
/// validator (semantics §1), which the citations that the message carries imply.
#[derive(Clone, Copy, Debug)]
pub struct Citations<'a>(Source<'a>);

#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Row(&'a Rows, Row),
    Listed(&'a [(ValidatorId, Seen)]),
}

impl<'a> Citations<'a> {
    pub(super) fn of_row(rows: &'a Rows, row: Row) -> Self {
        Self(Source::Row(rows, row))
    }

    /// The full justification that has this for these validators, which are in strictly ascending
    /// order: for whoever has no view.
    pub fn listed(seen: &'a [(ValidatorId, Seen)]) -> Self {
        debug_assert!(seen.is_sorted_by(|one, next| one.0 < next.0));
        Self(Source::Listed(seen))
    }

    /// What it has for `validator`; [`Seen::Nothing`] also where there is no such validator.
    /// O(log V).
    pub fn get(&self, validator: ValidatorId) -> Seen {
        match self.0 {
            Source::Row(rows, row) => rows.code(row, validator).into(),
            Source::Listed(seen) => {
                let found = seen.binary_search_by_key(&validator, |&(validator, _)| validator);
                found.map_or(Seen::Nothing, |place| seen[place].1)
            }
        }
    }

    /// Each validator of whom it has anything and what that is, in ascending order of the
    /// validators. Never [`Seen::Nothing`].
    pub fn iter(&self) -> impl Iterator<Item = (ValidatorId, Seen)> + use<'a> {
        let (row, listed) = match self.0 {
            Source::Row(..) => (Some(self.codes()), None),
            Source::Listed(seen) => (None, Some(seen.iter().copied())),
        };
        let row = row.into_iter().flatten().map(|(validator, code)| (validator, code.into()));
        row.chain(listed.into_iter().flatten()).filter(|&(_, seen)| seen != Seen::Nothing)
    }

    /// The latest messages that it has, of validators that it does not know to have equivocated, in
    /// ascending order of the validators: without those that were dropped.
    pub fn latest_messages(&self) -> impl Iterator<Item = (ValidatorId, MessageIndex)> + use<'a> {
        self.iter().filter_map(|(validator, seen)| Some((validator, seen.latest()?)))
    }

    /// The validators of whom this has something else than `other`, in ascending order, and what
    /// each has. Both must be of one view. O(log V) for each, and for nothing else.
    pub fn differences(
        &self,
        other: &Self,
    ) -> impl Iterator<Item = (ValidatorId, Seen, Seen)> + use<'a> {
        let mut found = Vec::new();
        match (self.0, other.0) {
            (Source::Row(rows, row), Source::Row(_, other)) => {
                rows.differences(row, other, &mut found);
            }
            _ => {
                let validators = self.iter().chain(other.iter()).map(|(validator, _)| validator);
                let mut validators: Vec<_> = validators.collect();
                validators.sort_unstable();
                validators.dedup();
                let both = |validator| (validator, self.get(validator), other.get(validator));
                found.extend(validators.into_iter().map(both).filter(|(_, one, it)| one != it));
            }
        }
        found.into_iter()
    }

    /// Each validator whose latest message was dropped, and that message, in ascending order of the
    /// validators.
    pub fn dropped(&self) -> impl Iterator<Item = (ValidatorId, MessageHash)> + use<'a> {
        self.dropped_marks().map(|(validator, dropped)| (validator, dropped.hash))
    }

    pub(crate) fn dropped_marks(&self) -> impl Iterator<Item = (ValidatorId, Dropped)> + use<'a> {
        let rows = match self.0 {
            // Nothing is looked for where there is nothing.
            Source::Row(rows, _) if !rows.dropped.is_empty() => Some(rows),
            Source::Row(..) | Source::Listed(_) => None,
        };
        let codes = self.codes();
        rows.into_iter().flat_map(move |rows| {
            codes.clone().filter_map(|(validator, code)| Some((validator, *rows.dropped_of(code)?)))
        })
    }

    /// [`MessageDag::latest_seen`](crate::MessageDag::latest_seen). Codes are nearly what it asks
    /// for.
    pub(crate) fn latest(&self, row: &mut [u32]) {
        if let Source::Row(rows, root) = self.0 {
            for (leaf, row) in row.chunks_mut(LEAF).enumerate() {
                for (place, code) in row.iter_mut().zip(rows.leaf(root, leaf)) {
                    *place = code.latest_plus_one();
                }
            }
        }
    }

    /// What the row has for each validator, if that is not nothing; of a list, none.
    pub(crate) fn codes(&self) -> Codes<'a> {
        let row = match self.0 {
            Source::Row(rows, row) => Some((rows, row)),
            Source::Listed(_) => None,
        };
        Codes { row, next: 0 }
    }
}

/// The codes of a row, in ascending order of the validators.
#[derive(Clone, Debug)]
pub(crate) struct Codes<'a> {
    row: Option<(&'a Rows, Row)>,
    next: usize,
}

impl Iterator for Codes<'_> {
    type Item = (ValidatorId, Code);

    fn next(&mut self) -> Option<Self::Item> {
        let (rows, row) = self.row?;
        let leaves = 1 << (2 * rows.height);
        loop {
            let leaf = self.next / LEAF;
            if leaf >= leaves {
                return None;
            }
            let mut node = row.0;
            for level in (0..rows.height).rev() {
                if node == 0 {
                    // Nothing below: on to the first leaf beyond.
                    let width = LEAF << (2 * (level + 1));
                    self.next = (self.next / width + 1) * width;
                    break;
                }
                node = rows.branches[node as usize][leaf >> (2 * level) & (FAN - 1)];
            }
            if self.next / LEAF != leaf {
                continue;
            }
            let codes = &rows.leaves[node as usize];
            while self.next / LEAF == leaf {
                let place = self.next;
                self.next += 1;
                let code = codes[place % LEAF];
                if code != Code::NOTHING {
                    return Some((ValidatorId::new(place as u32), code));
                }
            }
        }
    }
}

impl Rows {
    /// The validators for whom two rows have something different, and what.
    fn differences(&self, one: Row, other: Row, found: &mut Vec<(ValidatorId, Seen, Seen)>) {
        // The nodes to compare, the next one last.
        let mut open = vec![(self.height, 0, one.0, other.0)];
        while let Some((level, first, one, other)) = open.pop() {
            if one == other {
                continue;
            }
            let (one, other) = (one as usize, other as usize);
            if let Some(below) = level.checked_sub(1) {
                let width = LEAF << (2 * below);
                for place in (0..FAN).rev() {
                    let [one, other] = [one, other].map(|node| self.branches[node][place]);
                    open.push((below, first + place * width, one, other));
                }
                continue;
            }
            let codes = self.leaves[one].iter().zip(&self.leaves[other]);
            for (validator, (&one, &other)) in (first as u32..).zip(codes) {
                if one != other {
                    found.push((ValidatorId::new(validator), one.into(), other.into()));
                }
            }
        }
    }
}

impl From<Code> for Seen {
    fn from(code: Code) -> Self {
        match code.as_latest() {
            Some(message) => Self::Latest(message),
            None if code == Code::NOTHING => Self::Nothing,
            None if code == Code::EQUIVOCATED => Self::Equivocation,
            None => Self::Dropped,
        }
    }
}
