//! LMD GHOST kept up to date: a vote moved, and the head, in logarithmic time.

mod light;
mod paths;
mod prune;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod twin;

use cbc_message::MessageHash;
use cbc_view::Column;
use light::{LightEdges, NONE};
use paths::{Paths, Up};

use super::BlockIndex;

/// A rooted tree of blocks with votes, and its heads.
///
/// Blocks are numbered in the order in which they are added, as in a [`BlockTree`](super::BlockTree):
/// the root is [`BlockIndex::GENESIS`], and a parent comes before its children. With S(x) the weight of the votes for x or for descendants of x, the
/// head from a block is found by going to the child with the greatest (S, key) as long as its S is
/// more than 0 (semantics §5). The keys of the children of one block must differ.
///
/// It does not know who votes: [`LoadedVotes`](crate::LoadedVotes) does.
///
/// # How
///
/// Call the child with the greatest (S, key) *heavy*, the others *light*. Heavy edges cut the tree
/// into paths, and the head is the last block with S > 0 on the start block's own path, since S
/// never increases going down. So all there is to do is to keep heavy children heavy.
///
/// * A path is a splay tree over its blocks from the top down. Instead of S, each block stands for
///   S(x) − S(heavy child of x), so that S is a sum over the rest of the path, and a vote changes
///   one summand on each path that it crosses (`paths.rs`).
/// * The same splay tree tells in O(1) whether some block of the path has a heavy child that weighs
///   too little, and in O(log n) which. There the path is cut, and the best light child's path
///   joined instead.
/// * The light children of a block that have votes are in a heap (`light.rs`).
///
/// These are the dynamic trees of Sleator and Tarjan ("A data structure for dynamic trees", 1983;
/// with splay trees, "Self-adjusting binary search trees", 1985), except that the votes, not the
/// accesses, say which edges are on paths.
///
/// # Cost
///
/// For n blocks and votes of weight W in all, amortised, whatever the shape of the tree:
///
/// | operation | time |
/// |---|---|
/// | [`insert`](Self::insert) | O(1), and O(log n) to be paid by later operations |
/// | [`add`](Self::add), [`remove`](Self::remove), [`transfer`](Self::transfer) | O((log n + log W) · log n) |
/// | [`head`](Self::head) | O(log n) |
/// | [`weight_of`](Self::weight_of) | O(log n) |
/// | [`prune_to`](Self::prune_to) | O(n) |
///
/// A single operation may take O(n): the first vote far up a chain that was built without votes
/// does. Operations near recent ones are cheaper than these bounds, and do not depend on n: splay
/// trees keep what was used lately near their roots.
///
/// Memory: 64 bytes a block (32 of them its key), and 32 more for each child but the first of its
/// parent and 16 for each parent of several; never more than 96 a block, apart from what vectors
/// hold in reserve.
///
/// ## Why
///
/// *Light edges crossed.* S(parent) ≥ S(heavy child) + S(light child) ≥ 2 S(light child). So the
/// way up from a block with S > 0 crosses at most log₂ W light edges.
///
/// *Heavy children dethroned.* Let a vote of weight w be taken from x, and a heavy child y on the
/// way to x yield to a sibling of weight b > 0. With S as it was before, S(y) − w ≤ b, so its parent
/// had S(parent) ≥ S(y) + b ≥ 2 S(y) − w, or S(parent) − w ≥ 2 (S(y) − w). The parents where this
/// happens lie above one another: going up, S − w at least doubles from each to the next, and for
/// the first it is at least S(y) + b − w ≥ b ≥ 1. So there are at most 1 + log₂ W of them.
///
/// *Heavy children enthroned.* A vote given to x makes edges on the way to x heavy, and no others.
/// Call an edge *great* if more than half of the blocks below the parent, itself included, are
/// below the child (Sleator and Tarjan 1983, §3). At most log₂ n edges on the way to x are not
/// great. A great edge can become heavy only if it is light, and there are few ways to that: a
/// vote that arrives makes a great edge light only by making one heavy that is not great, at most
/// log₂ n times; one that is taken away does so at most 1 + log₂ W times, by the above; and a new
/// block makes edges great only on the way to itself, where at most log₂ n are not. So a vote
/// changes O(log n + log W) edges, amortised. That no order is kept between children without votes
/// therefore costs nothing when votes arrive among them.
///
/// *Splaying.* Give each node of a splay tree the weight of 1 and the number of all blocks below
/// its block's light edges. Then the total at the root of a path is at most the weight of the block
/// above it, so that the amortised costs of splaying along a way up to the root telescope to
/// O(log n) and O(1) for each path (Sleator and Tarjan 1985, §6). Where paths are cut and joined,
/// the block is the root of its splay tree, and all below it stays below it: no total changes. A new block adds 1 to
/// the weights on its way up, which raises the potential by Σ log((s + 1) / s) over increasing s,
/// that is O(log n).
///
/// *Heaps.* One change a light edge crossed or path changed, O(log n) each.
#[derive(Clone, Debug)]
pub struct VoteTree {
    /// By place, as all else here: place 0 is no block, and the root's key is never asked for.
    keys: Column<MessageHash>,
    paths: Paths,
    light: LightEdges,
    /// Kept for its memory.
    way: Vec<Up>,
}

impl VoteTree {
    /// The tree of only the root.
    pub fn new() -> Self {
        Self {
            keys: vec![MessageHash::from_bytes([0; 32]); 2].into(),
            paths: Paths::new(),
            light: LightEdges::default(),
            way: Vec::new(),
        }
    }

    /// The number of blocks, the root included.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Never: the root is always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Adds a block below the block `parent`, and gives it the next number. Among children of equal
    /// weight, that with the greatest `key` is chosen. O(1).
    pub fn insert(&mut self, parent: BlockIndex, key: MessageHash) -> BlockIndex {
        let parent = place(parent);
        self.keys.push(key);
        self.paths.push(parent, |child| self.light.push(parent, child));
        BlockIndex::new(self.len() as u32 - 1)
    }

    /// Adds votes of `weight` for `block`. All votes together must not weigh more than `u64` holds.
    pub fn add(&mut self, block: BlockIndex, weight: u64) {
        self.change(block, weight);
    }

    /// Takes votes of `weight` for `block` away. They must have been added before, or all weights
    /// and heads are meaningless from then on.
    pub fn remove(&mut self, block: BlockIndex, weight: u64) {
        self.change(block, weight.wrapping_neg());
    }

    /// Takes votes of `weight` for the block `from` away and adds them for the block `to`. As
    /// [`remove`](Self::remove) and [`add`](Self::add) would, but does not go further up than the
    /// first path on the ways of both.
    pub fn transfer(&mut self, from: BlockIndex, to: BlockIndex, weight: u64) {
        if weight == 0 || from == to {
            return;
        }
        let (from, to) = (place(from), place(to));
        let (from, to) = match self.common_path(from, to) {
            None => (from, to),
            Some(path) => (
                self.change_up_to(path, from, weight.wrapping_neg()),
                self.change_up_to(path, to, weight),
            ),
        };
        // Both are on one path now, which as a whole keeps its weight; `to` is its root, and `from`
        // was before. From `from` up, what is above it in the splay tree loses the weight, until
        // `to` makes good for it.
        self.paths.change_below(from, to, weight.wrapping_neg());
        self.paths.renew_need(to);
        self.settle(to);
    }

    /// The head from the block `start`. Changes no answer, only how soon the next one is found.
    pub fn head(&mut self, start: BlockIndex) -> BlockIndex {
        let start = place(start);
        let rest = if start == place(BlockIndex::GENESIS) {
            self.paths.main()
        } else {
            self.paths.splay(start);
            self.paths.right(start)
        };
        let head = self.paths.last_voted(rest).unwrap_or(start);
        self.paths.splay(head);
        block(head)
    }

    /// The weight of the votes for `block` and its descendants. Changes no answer, as
    /// [`head`](Self::head).
    pub fn weight_of(&mut self, block: BlockIndex) -> u64 {
        self.paths.splay(place(block));
        self.paths.sum_from(place(block))
    }

    /// Adds `change`, modulo 2^64, to the votes for `block`.
    fn change(&mut self, block: BlockIndex, change: u64) {
        if change == 0 {
            return;
        }
        let node = self.change_up_to(Up::MAIN, place(block), change);
        self.paths.change_root(node, change);
        self.settle(node);
    }

    /// What is above the first path that the ways up from both blocks come to; `None` if that is
    /// the path of both, of which `other` is then the root, as `one` was just before.
    fn common_path(&mut self, one: u32, other: u32) -> Option<Up> {
        self.paths.splay(one);
        self.paths.splay(other);
        if !self.paths.is_root(one) {
            return None;
        }
        let mut way = std::mem::take(&mut self.way);
        let mut node = other;
        loop {
            let path = self.paths.up(node);
            way.push(path);
            let Some(edge) = path.as_edge() else { break };
            node = self.light.get(edge).parent;
            self.paths.splay(node);
        }
        node = one;
        let common = loop {
            let path = self.paths.up(node);
            let Some(edge) = path.as_edge() else { break path };
            if way.contains(&path) {
                break path;
            }
            node = self.light.get(edge).parent;
            self.paths.splay(node);
        };
        way.clear();
        self.way = way;
        Some(common)
    }

    /// Adds `change`, modulo 2^64, to the votes for `node` on all paths up to the one below `end`.
    /// Returns the node on that one where the way comes to it, now the root of the path; its sum is
    /// left to the caller, as is its need.
    fn change_up_to(&mut self, end: Up, mut node: u32, change: u64) -> u32 {
        loop {
            self.paths.splay(node);
            let path = self.paths.up(node);
            let Some(edge) = path.as_edge().filter(|_| path != end) else { return node };
            self.paths.change_root(node, change);
            self.settle(node);
            let weight = self.light.get(edge).weight.wrapping_add(change);
            node = self.light.get(edge).parent;
            if let Some(fork) = self.paths.fork_mut(node) {
                fork.best = self.light.reweigh(&self.keys, fork.best, edge, weight);
                fork.bound = bound(&self.keys, &self.light, fork.heavy, fork.best);
            }
        }
    }

    /// Gives every block of the path with the root `root` the heavy child that it should have.
    fn settle(&mut self, mut root: u32) {
        while self.paths.is_violated(root) {
            // The last one first: what is cut off after it is in order, as is what is joined.
            let Some(node) = self.paths.last_violation(root) else { return };
            self.paths.splay(node);
            self.choose_best_light_child(node);
            root = node;
        }
    }

    /// At the root `node` of a path: makes the best light child heavy, and the heavy one light.
    fn choose_best_light_child(&mut self, node: u32) {
        let Some(fork) = self.paths.fork(node) else { return };
        let (heavy, edge) = (fork.heavy, fork.best);
        let best = self.light.get(edge).child;
        self.paths.splay(best);
        let cut = self.paths.exchange(node, best, edge);
        let weight = self.paths.sum(cut);
        if let Some(fork) = self.paths.fork_mut(node) {
            fork.best = self.light.replace_best(&self.keys, edge, heavy, weight);
            fork.heavy = best;
            fork.bound = bound(&self.keys, &self.light, fork.heavy, fork.best);
        }
        self.paths.renew_need(node);
    }
}

impl Default for VoteTree {
    fn default() -> Self {
        Self::new()
    }
}

/// The least weight that the child `heavy` must have to be chosen before that of the edge `best`.
/// Should that be more than `u64` holds, all votes are for `best`: `heavy` has less than any bound.
fn bound(keys: &[MessageHash], light: &LightEdges, heavy: u32, best: u32) -> u64 {
    if best == NONE {
        return 0;
    }
    let best = light.get(best);
    let wins_ties = keys[best.child as usize] > keys[heavy as usize];
    best.weight.saturating_add(u64::from(wins_ties))
}

/// The place of a block in tables where 0 stands for none.
fn place(block: BlockIndex) -> u32 {
    block.get() + 1
}

fn block(place: u32) -> BlockIndex {
    BlockIndex::new(place - 1)
}
