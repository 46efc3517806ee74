//! GHOST by heavy paths: a change of votes at one block, and the head, in logarithmic time.

use cbc_message::MessageHash;

use super::changes::Change;
use super::light::{LightEdges, NONE};
use super::paths::{Paths, Up};

/// The heavy paths of a tree of blocks, and the light edges between them
/// (see [`VoteTree`](super::VoteTree)). Blocks go by their place.
#[derive(Clone, Debug)]
pub(super) struct HeavyPaths {
    pub(super) paths: Paths,
    pub(super) light: LightEdges,
    /// Kept for its memory.
    pub(super) way: Vec<Up>,
}

impl HeavyPaths {
    /// The path of the root alone.
    pub(super) fn new() -> Self {
        Self { paths: Paths::new(), light: LightEdges::default(), way: Vec::new() }
    }

    /// Adds a block without votes. O(1).
    pub(super) fn push(&mut self, parent: u32) {
        self.paths.push(parent, |child| self.light.push(parent, child));
    }

    /// The head from the block `start`.
    pub(super) fn head(&mut self, start: u32) -> u32 {
        let rest = if start == super::ROOT {
            self.paths.main()
        } else {
            self.paths.splay(start);
            self.paths.right(start)
        };
        let head = self.paths.last_voted(rest).unwrap_or(start);
        self.paths.splay(head);
        head
    }

    /// The weight of the votes for a block and its descendants.
    pub(super) fn weight_of(&mut self, block: u32) -> u64 {
        self.paths.splay(block);
        self.paths.sum_from(block)
    }

    /// Makes these changes, which come in the order of their blocks, unless that takes more than
    /// about `limit` steps: then it gives up, answers no, and all that it knows is meaningless.
    ///
    /// First what makes the whole lighter: it must never weigh more than is allowed. Blocks that
    /// come one after another are often near each other, and then cheaper than each by itself.
    pub(super) fn apply(&mut self, keys: &[MessageHash], changes: &[Change], limit: u64) -> bool {
        if let Some((from, to, weight)) = moved(changes) {
            self.transfer(keys, from, to, weight);
            return true;
        }
        let end = self.steps().saturating_add(limit);
        let losses = changes.iter().filter_map(Change::loss);
        let losses = losses.map(|(block, weight)| (block, weight.wrapping_neg()));
        for (block, change) in losses.chain(changes.iter().filter_map(Change::gain)) {
            if self.steps() > end {
                return false;
            }
            self.change(keys, block, change);
        }
        true
    }

    /// Rotations and melds, so far.
    fn steps(&self) -> u64 {
        self.paths.rotations() + self.light.melds()
    }

    /// Takes votes of `weight` for the block `from` away and adds them for another block, `to`. As
    /// two changes would, but does not go further up than the first path on the ways of both.
    fn transfer(&mut self, keys: &[MessageHash], from: u32, to: u32, weight: u64) {
        let (from, to) = match self.common_path(from, to) {
            None => (from, to),
            Some(path) => (
                self.change_up_to(keys, path, from, weight.wrapping_neg()),
                self.change_up_to(keys, path, to, weight),
            ),
        };
        // Both are on one path now, which as a whole keeps its weight; `to` is its root, and `from`
        // was before. From `from` up, what is above it in the splay tree loses the weight, until
        // `to` makes good for it.
        self.paths.change_below(from, to, weight.wrapping_neg());
        self.paths.renew_need(to);
        self.settle(keys, to);
    }

    /// Adds `change`, modulo 2^64, to the votes for `block`.
    fn change(&mut self, keys: &[MessageHash], block: u32, change: u64) {
        let node = self.change_up_to(keys, Up::MAIN, block, change);
        self.paths.change_root(node, change);
        self.settle(keys, node);
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
    pub(super) fn change_up_to(
        &mut self,
        keys: &[MessageHash],
        end: Up,
        mut node: u32,
        change: u64,
    ) -> u32 {
        loop {
            self.paths.splay(node);
            let path = self.paths.up(node);
            let Some(edge) = path.as_edge().filter(|_| path != end) else { return node };
            self.paths.change_root(node, change);
            self.settle(keys, node);
            let weight = self.light.get(edge).weight.wrapping_add(change);
            node = self.light.get(edge).parent;
            if let Some(fork) = self.paths.fork_mut(node) {
                fork.best = self.light.reweigh(keys, fork.best, edge, weight);
                fork.bound = bound(keys, &self.light, fork.heavy, fork.best);
            }
        }
    }

    /// Gives every block of the path with the root `root` the heavy child that it should have.
    fn settle(&mut self, keys: &[MessageHash], mut root: u32) {
        while self.paths.is_violated(root) {
            // The last one first: what is cut off after it is in order, as is what is joined.
            let Some(node) = self.paths.last_violation(root) else { return };
            self.paths.splay(node);
            self.choose_best_light_child(keys, node);
            root = node;
        }
    }

    /// At the root `node` of a path: makes the best light child heavy, and the heavy one light.
    fn choose_best_light_child(&mut self, keys: &[MessageHash], node: u32) {
        let Some(fork) = self.paths.fork(node) else { return };
        let (heavy, edge) = (fork.heavy, fork.best);
        let best = self.light.get(edge).child;
        self.paths.splay(best);
        let cut = self.paths.exchange(node, best, edge);
        let weight = self.paths.sum(cut);
        if let Some(fork) = self.paths.fork_mut(node) {
            fork.best = self.light.replace_best(keys, edge, heavy, weight);
            fork.heavy = best;
            fork.bound = bound(keys, &self.light, fork.heavy, fork.best);
        }
        self.paths.renew_need(node);
    }
}

/// The least weight that the child `heavy` must have to be chosen before that of the edge `best`.
/// Should that be more than `u64` holds, all votes are for `best`: `heavy` has less than any bound.
pub(super) fn bound(keys: &[MessageHash], light: &LightEdges, heavy: u32, best: u32) -> u64 {
    if best == NONE {
        return 0;
    }
    let best = light.get(best);
    let wins_ties = keys[best.child as usize] > keys[heavy as usize];
    best.weight.saturating_add(u64::from(wins_ties))
}

/// From where to where votes of which weight were moved, if all changes amount to that.
fn moved(changes: &[Change]) -> Option<(u32, u32, u64)> {
    let mut losses = changes.iter().filter_map(Change::loss);
    let mut gains = changes.iter().filter_map(Change::gain);
    let ((from, lost), (to, gained)) = (losses.next()?, gains.next()?);
    let is_all = losses.next().is_none() && gains.next().is_none();
    (is_all && lost == gained).then_some((from, to, lost))
}
