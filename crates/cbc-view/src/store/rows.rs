//! What each message has seen of every validator, in trees that share what they have in common.
//!
//! The *row* of a message is its full justification by index: for each validator nothing, its
//! latest message, or that it equivocated (semantics §1). It is mostly repetition: of the row of the
//! newest message cited, or of others that heard the same. So a row is a tree, of leaves for eight
//! validators each and branches of four, and whatever two rows have in common is stored once: a
//! message costs one leaf and the branches above it for each thing that it has news of, whatever
//! the number of validators; and two rows are compared, or joined, where they differ.

mod citations;
mod join;

use cbc_message::{HashIndex, MessageHash, ValidatorId};

use crate::MessageIndex;
use crate::store::chains::{Chains, Position};
use crate::store::column::{Column, Renumbering};

pub use citations::Citations;

/// How many validators a leaf is for.
const LEAF: usize = 8;
/// How many parts a branch has.
const FAN: usize = 4;

/// What a row has for a validator, in 4 bytes: nothing, a message, a message that was dropped, or
/// that it equivocated; in this order, messages by their index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Code(u32);

impl Code {
    pub(crate) const NOTHING: Self = Self(0);
    pub(crate) const EQUIVOCATED: Self = Self(u32::MAX);
    /// Marks the place of a dropped message among those.
    const DROPPED: u32 = 1 << 31;

    /// The code of a message that is held.
    pub(crate) fn latest(message: MessageIndex) -> Self {
        Self(message.get() + 1)
    }

    fn dropped(place: usize) -> Self {
        Self(Self::DROPPED | place as u32)
    }

    /// The place of the dropped message that this is the code of.
    fn as_dropped(self) -> Option<usize> {
        let is_dropped = self.0 & Self::DROPPED != 0 && self != Self::EQUIVOCATED;
        is_dropped.then_some((self.0 & !Self::DROPPED) as usize)
    }

    /// The message that this is the code of, if it is held.
    pub(crate) fn as_latest(self) -> Option<MessageIndex> {
        self.latest_plus_one().checked_sub(1).map(MessageIndex::new)
    }

    /// One more than the message that this is the code of; 0 if it is the code of none that is held.
    fn latest_plus_one(self) -> u32 {
        if self.0 < Self::DROPPED { self.0 } else { 0 }
    }
}

/// How many messages a view can number: what is left beside the other codes.
pub(crate) const MOST_MESSAGES: usize = (Code::DROPPED - 1) as usize;

/// A message that was dropped and that a row still has as somebody's latest: what is needed to
/// tell it from others, and whether it comes before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) hash: MessageHash,
    pub(crate) sender: ValidatorId,
    pub(crate) position: Position,
}

/// A row: the root of its tree. Rows of equal content are mostly one, but need not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row(u32);

/// The rows of all messages, and at the end of the tables what was made since the last message was
/// stored, which goes unless the next is stored with it.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    /// How many branches are above each leaf.
    height: u32,
    /// Leaf 0 has nothing for anybody.
    leaves: Column<[Code; LEAF]>,
    /// Branch 0 is one above nothing but the leaf 0, on every level.
    branches: Column<[u32; FAN]>,
    dropped: Vec<Dropped>,
    dropped_places: HashIndex<u32>,
    /// The root of each message's row.
    roots: Column<u32>,
    /// How many leaves, branches, and dropped messages are those of messages.
    kept: (usize, usize, usize),
    /// The root of the row made last: what another row may be the same as.
    last: u32,
    /// Nodes that are being joined.
    joined: Vec<u32>,
}

impl Rows {
    /// No messages yet, of so many validators.
    pub(crate) fn new(validators: usize) -> Self {
        let mut height = 0;
        while LEAF * FAN.pow(height) < validators {
            height += 1;
        }
        Self {
            height,
            leaves: vec![[Code::NOTHING; LEAF]].into(),
            branches: vec![[0; FAN]].into(),
            dropped: Vec::new(),
            dropped_places: HashIndex::new(),
            roots: Column::new(),
            kept: (1, 1, 0),
            last: 0,
            joined: Vec::new(),
        }
    }

    /// The row that has nothing for anybody.
    pub(crate) const EMPTY: Row = Row(0);

    /// Forgets what was made since the last message was stored.
    pub(crate) fn clear(&mut self) {
        let (leaves, branches, dropped) = self.kept;
        if self.leaves.len() > leaves || self.branches.len() > branches {
            self.leaves.truncate(leaves);
            self.branches.truncate(branches);
            self.last = self.roots.last().copied().unwrap_or(0);
        }
        for dropped in self.dropped.drain(dropped..) {
            self.dropped_places.remove(&dropped.hash);
        }
    }

    /// Keeps `row`, made since the last message was stored, as that of the next message.
    pub(crate) fn push(&mut self, row: Row) {
        self.roots.push(row.0);
        self.kept = (self.leaves.len(), self.branches.len(), self.dropped.len());
    }

    /// Whether there may not be numbers for the nodes of another row.
    pub(crate) fn is_full(&self) -> bool {
        const MOST: usize = u32::MAX as usize / 2;
        self.leaves.len() > MOST || self.branches.len() > MOST || self.dropped.len() > MOST / 2
    }

    /// The row of `message`.
    pub(crate) fn row(&self, message: MessageIndex) -> Row {
        Row(self.roots[message.index()])
    }

    /// What `row` has for `validator`; nothing, where there is no such validator. O(log V).
    pub(crate) fn code(&self, row: Row, validator: ValidatorId) -> Code {
        let (leaf, place) = (validator.index() / LEAF, validator.index() % LEAF);
        if leaf >> (2 * self.height) > 0 {
            return Code::NOTHING;
        }
        self.leaf(row, leaf)[place]
    }

    /// The leaf with this number. O(log V).
    fn leaf(&self, row: Row, leaf: usize) -> &[Code; LEAF] {
        let mut node = row.0;
        for level in (0..self.height).rev() {
            node = self.branches[node as usize][leaf >> (2 * level) & (FAN - 1)];
        }
        &self.leaves[node as usize]
    }

    /// What `row` has for all validators.
    pub(crate) fn citations(&self, row: Row) -> Citations<'_> {
        Citations::of_row(self, row)
    }

    /// The dropped message that `code` is the code of.
    pub(crate) fn dropped_of(&self, code: Code) -> Option<&Dropped> {
        self.dropped.get(code.as_dropped()?)
    }

    /// The dropped message with this hash, if a row has it.
    pub(crate) fn find_dropped(&self, hash: &MessageHash) -> Option<Dropped> {
        if self.dropped.is_empty() {
            return None; // Nothing is looked up where nothing was dropped.
        }
        self.dropped_places.get(hash).map(|&place| self.dropped[place as usize])
    }

    /// The code of a message that was dropped.
    pub(crate) fn code_of_dropped(&mut self, dropped: Dropped) -> Code {
        let next = self.dropped.len() as u32;
        let place = *self.dropped_places.get_or_insert_with(dropped.hash, || next);
        if place == next {
            self.dropped.push(dropped);
        }
        Code::dropped(place as usize)
    }

    /// Where the message that `code` is the code of stands among those of its sender; none for
    /// nothing, and for an equivocation.
    pub(crate) fn position(&self, code: Code, chains: &Chains) -> Option<Position> {
        let held = || code.as_latest().map(|message| chains.position(message));
        self.dropped_of(code).map(|dropped| dropped.position).or_else(held)
    }

    /// The codes in the rows of `messages`, each leaf looked at once.
    pub(crate) fn codes_of(
        &self,
        messages: impl Iterator<Item = MessageIndex>,
    ) -> impl Iterator<Item = Code> {
        let reached = self.reached(messages);
        let leaves = self.leaves.iter().zip(reached.leaves).filter(|&(_, reached)| reached);
        leaves.flat_map(|(leaf, _)| *leaf).filter(|&code| code != Code::NOTHING)
    }

    /// The nodes of the rows of `messages`.
    fn reached(&self, messages: impl Iterator<Item = MessageIndex>) -> Reached {
        let (leaves, branches) = (vec![false; self.leaves.len()], vec![0; self.branches.len()]);
        let mut reached = Reached { leaves, branches };
        let mut open = Vec::new();
        for message in messages {
            open.push((self.height, self.row(message).0));
            while let Some((level, node)) = open.pop() {
                let node = node as usize;
                if node == 0 {
                    continue;
                }
                if level == 0 {
                    reached.leaves[node] = true;
                } else if std::mem::replace(&mut reached.branches[node], level) == 0 {
                    open.extend(self.branches[node].map(|child| (level - 1, child)));
                }
            }
        }
        reached
    }

    /// Keeps the rows of the messages that `renumbering` names; what it does not name leaves a mark
    /// in them: what that was. `written`, what those messages cite, is renumbered likewise.
    pub(crate) fn prune(
        &mut self,
        renumbering: &Renumbering,
        dropped: impl Fn(MessageIndex) -> Dropped,
        written: &mut [Code],
    ) {
        self.clear();
        let mut pruned = Self::new(0);
        pruned.height = self.height;
        let renumber = |code: Code, pruned: &mut Self| match code.as_latest() {
            Some(message) => match renumbering.get(message.get()) {
                Some(new) => Code::latest(MessageIndex::new(new)),
                None => pruned.code_of_dropped(dropped(message)),
            },
            None => match self.dropped_of(code) {
                Some(dropped) => pruned.code_of_dropped(*dropped),
                None => code,
            },
        };
        let kept = || renumbering.iter().map(|(old, _)| MessageIndex::new(old));
        let reached = self.reached(kept());
        // The new number of each node that is kept; of the others, 0.
        let mut leaves = vec![0; self.leaves.len()];
        let mut branches = vec![0; self.branches.len()];
        for (old, leaf) in self.leaves.iter().enumerate().filter(|&(old, _)| reached.leaves[old]) {
            leaves[old] = pruned.leaves.len() as u32;
            let leaf = leaf.map(|code| renumber(code, &mut pruned));
            pruned.leaves.push(leaf);
        }
        // Each branch was made after what is below it.
        for (old, branch) in self.branches.iter().enumerate() {
            let below = match reached.branches[old] {
                0 => continue,
                1 => &leaves,
                _ => &branches,
            };
            let branch = branch.map(|child| below[child as usize]);
            branches[old] = pruned.branches.len() as u32;
            pruned.branches.push(branch);
        }
        for code in written {
            *code = renumber(*code, &mut pruned);
        }
        let roots = if self.height == 0 { &leaves } else { &branches };
        pruned.roots = kept().map(|message| roots[self.row(message).0 as usize]).collect();
        pruned.leaves.shrink_to_fit();
        pruned.branches.shrink_to_fit();
        pruned.kept = (pruned.leaves.len(), pruned.branches.len(), pruned.dropped.len());
        pruned.last = pruned.roots.last().copied().unwrap_or(0);
        *self = pruned;
    }
}

/// Nodes that are part of certain rows.
struct Reached {
    leaves: Vec<bool>,
    /// The level of each branch that is, and 0 of those that are not.
    branches: Vec<u32>,
}
