//! Which message of a validator comes before which: its chains of self-citations (semantics §1, V3).

use std::collections::BTreeMap;

use cbc_message::ValidatorId;

use crate::MessageIndex;
use crate::store::column::{Column, Renumbering};

/// Where a message stands among those of its sender: on which branch, and as which message.
///
/// The messages of a validator that does not equivocate are a chain, the *trunk*, branch 0, and
/// their numbers are sequence numbers. Whoever equivocates makes a tree. A message that does not
/// follow the last one of a branch begins a new branch. Branches are numbered as a view learns of
/// them, so positions mean something to one view alone; and they go on meaning the same when the
/// messages that have them are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Position {
    /// The branch; 0 for the trunk.
    pub branch: u32,
    /// The sequence number.
    pub number: u32,
}

/// The messages of all validators, as chains or trees, and what their order is.
#[derive(Clone, Debug)]
pub(crate) struct Chains {
    /// For each message its sequence number.
    numbers: Column<u32>,
    /// For each message the one before it, or [`NONE`] for a first one and where that is dropped.
    previous: Column<u32>,
    /// For each message its branch; nothing while all are on the trunk.
    branches: Column<u32>,
    trees: Vec<Tree>,
    /// For each validator, whether its messages that are held are numbered in the order in which
    /// they come one after another: it has not equivocated, and none of them was dropped and came
    /// back.
    is_straight: Vec<bool>,
}

const NONE: u32 = u32::MAX;

/// The messages of one validator.
#[derive(Clone, Debug, Default)]
struct Tree {
    /// The messages of the trunk from the number `base` on, to the last.
    trunk: Column<u32>,
    base: u32,
    /// The other messages that are held.
    elsewhere: BTreeMap<Position, u32>,
    /// Branches 1, 2, ….
    forks: Vec<Fork>,
    /// Messages with this number and greater ones are all held.
    horizon: u32,
}

/// A branch that is not the trunk.
#[derive(Clone, Copy, Debug)]
struct Fork {
    /// The last message of another branch that is below it; none if it begins with a first message.
    from: Option<Position>,
    /// The number of its last message.
    last: u32,
}

impl Chains {
    pub(crate) fn new(validators: usize) -> Self {
        Self {
            numbers: Column::new(),
            previous: Column::new(),
            branches: Column::new(),
            trees: vec![Tree::default(); validators],
            is_straight: vec![true; validators],
        }
    }

    /// Whether of any two messages of these validators that are held, both of one, the one that has
    /// the lesser index comes before the other.
    pub(crate) fn are_straight(&self, validators: std::ops::Range<usize>) -> bool {
        let end = validators.end.min(self.is_straight.len());
        self.is_straight[validators.start.min(end)..end].iter().all(|&it| it)
    }

    pub(crate) fn number(&self, message: MessageIndex) -> u32 {
        self.numbers[message.index()]
    }

    pub(crate) fn previous(&self, message: MessageIndex) -> Option<MessageIndex> {
        Some(self.previous[message.index()]).filter(|&it| it != NONE).map(MessageIndex::new)
    }

    pub(crate) fn position(&self, message: MessageIndex) -> Position {
        let branch = self.branches.get(message.index()).copied().unwrap_or(0);
        Position { branch, number: self.number(message) }
    }

    /// The number before which messages of `validator` may have been dropped.
    pub(crate) fn horizon(&self, validator: ValidatorId) -> u64 {
        self.trees[validator.index()].horizon.into()
    }

    /// The message of `validator` at `position`, if it is held. O(log n).
    pub(crate) fn at(&self, validator: ValidatorId, position: Position) -> Option<MessageIndex> {
        let tree = &self.trees[validator.index()];
        let place = position.number.checked_sub(tree.base).filter(|_| position.branch == 0);
        let on_trunk = place.and_then(|place| tree.trunk.get(place as usize));
        on_trunk.or_else(|| tree.elsewhere.get(&position)).copied().map(MessageIndex::new)
    }

    /// The message from which on all of the trunk of `validator` is held.
    pub(crate) fn first_of_trunk(&self, validator: ValidatorId) -> Option<MessageIndex> {
        self.trees[validator.index()].trunk.first().copied().map(MessageIndex::new)
    }

    /// The position with this number on the way from the first message of `validator` to the one
    /// at `last`; none if that is before it. O(forks on the way).
    pub(crate) fn on_the_way(
        &self,
        validator: ValidatorId,
        mut last: Position,
        number: u32,
    ) -> Option<Position> {
        if number > last.number {
            return None;
        }
        let forks = &self.trees[validator.index()].forks;
        // A branch is numbered after the one it comes from: this ends.
        while let Some(fork) = (last.branch as usize).checked_sub(1).and_then(|it| forks.get(it)) {
            match fork.from {
                Some(from) if number <= from.number => last = from,
                _ => break,
            }
        }
        Some(Position { number, ..last })
    }

    /// Whether the message of `validator` at `earlier` is the one at `later`, or before it in
    /// their sender's chain of self-citations. O(1) if they are on one branch.
    pub(crate) fn is_predecessor_or_same(
        &self,
        validator: ValidatorId,
        earlier: Position,
        later: Position,
    ) -> bool {
        self.on_the_way(validator, later, earlier.number) == Some(earlier)
    }

    /// Takes in the next message, which is one of `sender` that comes after the one at `before`, or
    /// is a first one.
    pub(crate) fn push(&mut self, sender: ValidatorId, before: Option<Position>) {
        let number = before.map_or(0, |before| before.number + 1);
        let tree = &mut self.trees[sender.index()];
        let end = tree.base + tree.trunk.len() as u32;
        let branch = match before {
            None if end == 0 => 0,
            Some(Position { branch: 0, number }) if number + 1 == end => 0,
            Some(Position { branch, number }) if tree.ends_fork(branch, number) => branch,
            from => {
                tree.forks.push(Fork { from, last: number });
                tree.forks.len() as u32
            }
        };
        if let Some(fork) = (branch as usize).checked_sub(1) {
            tree.forks[fork].last = number;
        }
        let before = before.and_then(|before| self.at(sender, before));
        self.place(sender, Position { branch, number }, before);
    }

    /// Takes in, as the next message, one that had this position before it was dropped.
    pub(crate) fn push_again(&mut self, sender: ValidatorId, position: Position) {
        self.place(sender, position, None);
    }

    fn place(&mut self, sender: ValidatorId, position: Position, before: Option<MessageIndex>) {
        let this = self.numbers.len() as u32;
        let tree = &mut self.trees[sender.index()];
        if position.branch == 0 && position.number == tree.base + tree.trunk.len() as u32 {
            tree.trunk.push(this);
        } else {
            tree.elsewhere.insert(position, this);
            self.is_straight[sender.index()] = false;
        }
        if position.branch != 0 {
            self.branches.fill_up(this as usize, 0);
        }
        if position.branch != 0 || !self.branches.is_empty() {
            self.branches.push(position.branch);
        }
        self.numbers.push(position.number);
        self.previous.push(before.map_or(NONE, MessageIndex::get));
    }

    /// Keeps the messages that `renumbering` names; `sender_of` is asked of old numbers. Positions
    /// stay as they are. O(n log n).
    pub(crate) fn prune(
        &mut self,
        renumbering: &Renumbering,
        sender_of: impl Fn(MessageIndex) -> ValidatorId,
    ) {
        let mut kept: Vec<Vec<(Position, u32)>> = vec![Vec::new(); self.trees.len()];
        for old in (0..self.numbers.len() as u32).map(MessageIndex::new) {
            let (sender, position) = (sender_of(old).index(), self.position(old));
            match renumbering.get(old.get()) {
                Some(new) => kept[sender].push((position, new)),
                None => {
                    let horizon = &mut self.trees[sender].horizon;
                    *horizon = (*horizon).max(position.number + 1);
                }
            }
        }
        for (tree, mut kept) in self.trees.iter_mut().zip(kept) {
            kept.sort_unstable();
            // The end of the trunk, as far back as nothing is dropped.
            let mut base = tree.base + tree.trunk.len() as u32;
            let on_trunk = kept.partition_point(|(position, _)| position.branch == 0);
            let mut start = on_trunk;
            while start > 0 && kept[start - 1].0.number + 1 == base {
                (start, base) = (start - 1, base - 1);
            }
            tree.base = base;
            tree.trunk = kept[start..on_trunk].iter().map(|&(_, new)| new).collect();
            kept.drain(start..on_trunk);
            tree.elsewhere = kept.into_iter().collect();
        }
        if !self.branches.is_empty() {
            self.branches.renumber(renumbering);
        }
        self.numbers.renumber(renumbering);
        self.previous.renumber(renumbering);
        for previous in self.previous.iter_mut() {
            *previous = renumbering.get(*previous).unwrap_or(NONE);
        }
    }
}

impl Tree {
    /// Whether the last message of `branch`, which is not the trunk, has this number.
    fn ends_fork(&self, branch: u32, number: u32) -> bool {
        let fork = (branch as usize).checked_sub(1).and_then(|place| self.forks.get(place));
        fork.is_some_and(|fork| fork.last == number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHO: ValidatorId = ValidatorId::new(1);

    /// The path from a message up to its first, by predecessors alone.
    fn path(before: &[Option<usize>], message: usize) -> Vec<usize> {
        std::iter::successors(Some(message), |&message| before[message]).collect()
    }

    proptest! {
        #[test]
        fn order_is_that_of_walking_back_message_by_message_and_outlives_what_is_dropped(
            draws in prop::collection::vec((0..12u32, any::<prop::sample::Index>()), 1..80),
            dropped in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 0..4),
        ) {
            let mut chains = Chains::new(2);
            // By the order of their coming: what is before each, where it stands, and its number now.
            let mut before: Vec<Option<usize>> = Vec::new();
            let mut positions: Vec<Position> = Vec::new();
            let mut held: Vec<Option<u32>> = Vec::new();
            for (count, (near, any)) in draws.into_iter().enumerate() {
                let previous = match near {
                    _ if count == 0 => None,
                    0 => None,
                    1..=9 => Some(count - 1),
                    _ => Some(any.index(count)),
                };
                let index = held.iter().flatten().count() as u32;
                chains.push(WHO, previous.map(|previous| positions[previous]));
                let this = MessageIndex::new(index);
                if let Some(previous) = previous.filter(|_| !before.contains(&previous)) {
                    let branch = chains.position(this).branch;
                    prop_assert_eq!(branch, positions[previous].branch, "the first goes on");
                }
                before.push(previous);
                positions.push(chains.position(this));
                held.push(Some(index));
                let known = previous.and_then(|previous| held[previous]).map(MessageIndex::new);
                prop_assert_eq!(chains.previous(this), known);
                for &(at, keeps) in dropped.iter().filter(|(at, _)| at.index(80) == count) {
                    let _ = at;
                    let count = held.iter().flatten().count();
                    let renumbering =
                        Renumbering::keeping(count, |old| keeps.rotate_left(old) & 1 == 1);
                    chains.prune(&renumbering, |_| WHO);
                    for held in &mut held {
                        *held = held.and_then(|old| renumbering.get(old));
                    }
                }
            }
            for (later, &index) in held.iter().enumerate() {
                let up = path(&before, later);
                prop_assert_eq!(positions[later].number as usize, up.len() - 1);
                if let Some(index) = index {
                    prop_assert_eq!(chains.position(MessageIndex::new(index)), positions[later]);
                }
                let found = chains.at(WHO, positions[later]).map(MessageIndex::get);
                prop_assert_eq!(found, index);
                if index.is_none() {
                    prop_assert!(u64::from(positions[later].number) < chains.horizon(WHO));
                }
                for earlier in 0..held.len() {
                    let found =
                        chains.is_predecessor_or_same(WHO, positions[earlier], positions[later]);
                    prop_assert_eq!(found, up.contains(&earlier));
                }
                for (back, &earlier) in up.iter().enumerate() {
                    let number = (up.len() - 1 - back) as u32;
                    let found = chains.on_the_way(WHO, positions[later], number);
                    prop_assert_eq!(found, Some(positions[earlier]));
                }
                let beyond = chains.on_the_way(WHO, positions[later], up.len() as u32);
                prop_assert_eq!(beyond, None);
            }
        }
    }
}
