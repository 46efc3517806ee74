//! Heavy paths as splay trees, the weights on them as sums.

use cbc_view::Column;

use super::light::NONE;

/// The paths that the heavy edges cut the tree of blocks into, each one a splay tree over its
/// blocks in the order from the top down (Sleator and Tarjan, "Self-adjusting binary search
/// trees", 1985). Blocks go by their place, which is their number plus 1; place 0 stands for no
/// block, and has neither weight nor needs.
///
/// **No weight S(x) is stored.** Let d(x) = S(x) − S(heavy child of x), which is what votes are
/// for x itself or for its light children. Then S(x) is the sum of d over the part of x's path from
/// x down, and a vote for x changes one d on each path that it crosses, not a prefix of S: nothing
/// has to be pushed down. Even d is not stored but the difference of sums: a node has the sum of d
/// over its subtree of the splay tree.
///
/// **Violations.** Let b(x), the *bound* of x, be the least S that the heavy child of x must have
/// to be chosen: S(best light child of x), and 1 more if that one has the greater key; 0 if no
/// light child has votes. The *need* of a stretch of a path is the least weight from the blocks
/// after it for all its heavy children to have their bounds: for a stretch L·x·R,
///
/// > need = max(need(R), b(x) − sum(R), need(L) − d(x) − sum(R)), and at least 0.
///
/// Subtraction may stop at 0 at every step, since max(0, max(0, a) − c) = max(0, a − c) for c ≥ 0.
/// So a path keeps the order exactly if its need is 0, which its root tells.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    pub(super) nodes: Column<Node>,
    pub(super) forks: Vec<Fork>,
    /// The root of the splay tree of the path that the root of all blocks is on.
    main: u32,
    rotations: u64,
}

/// 32 bytes, two to a cache line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Node {
    /// The sum of d over the subtree.
    pub(super) sum: u64,
    /// The need of the subtree.
    pub(super) need: u64,
    pub(super) left: u32,
    pub(super) right: u32,
    pub(super) up: Up,
    below: Below,
}

/// A block with more than one child.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fork {
    /// The least weight that the heavy child must have.
    pub(super) bound: u64,
    pub(super) heavy: u32,
    /// The best of the edges to light children with votes.
    pub(super) best: u32,
}

const _: () = assert!(size_of::<Node>() == 32 && size_of::<Fork>() == 16);

/// Marks a number that is not a place.
const MARK: u32 = 1 << 31;

/// What is above a node: its parent in the splay tree, or, for the root of one, the light edge to
/// its path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Up(u32);

impl Up {
    /// There is no edge to the path of the root of all blocks.
    pub(super) const MAIN: Self = Self(u32::MAX);

    pub(super) fn edge(edge: u32) -> Self {
        Self(edge | MARK)
    }

    /// The light edge to the path.
    pub(super) fn as_edge(self) -> Option<u32> {
        (self != Self::MAIN && self.0 & MARK != 0).then_some(self.0 & !MARK)
    }

    pub(super) fn as_node(self) -> Option<u32> {
        (self.0 & MARK == 0).then_some(self.0)
    }
}

/// The children of a block: none (0), the only one, or a fork (marked).
#[derive(Clone, Copy, Debug, Default)]
struct Below(u32);

impl Below {
    fn as_fork(self) -> Option<usize> {
        (self.0 & MARK != 0).then_some((self.0 & !MARK) as usize)
    }
}

impl Paths {
    /// The path of a single block, at place 1.
    pub(super) fn new() -> Self {
        let root = Node { up: Up::MAIN, ..Node::default() };
        Self { nodes: vec![Node::default(), root].into(), forks: Vec::new(), main: 1, rotations: 0 }
    }

    /// The root of the path of the root of all blocks.
    pub(super) fn main(&self) -> u32 {
        self.main
    }

    /// Adds a block below `parent`: at the end of its path if it is the first child, else as a path
    /// of one at the light edge `edge()`. O(1), and O(log n) more that later splaying may cost.
    pub(super) fn push(&mut self, parent: u32, edge: impl FnOnce(u32) -> u32) {
        let this = self.nodes.len() as u32;
        let above = self.at(parent);
        let up = if above.below.0 == 0 {
            // The last node of a path has nothing to its right. The new one adds neither weight nor
            // need, so nothing changes above it.
            debug_assert_eq!(above.right, 0);
            (above.right, above.below) = (this, Below(this));
            Up(parent)
        } else {
            self.make_fork(parent);
            Up::edge(edge(this))
        };
        self.nodes.push(Node { up, ..Node::default() });
    }

    /// What `node` knows of its children, if it has more than one.
    pub(super) fn fork(&self, node: u32) -> Option<&Fork> {
        self.forks.get(self.get(node).below.as_fork()?)
    }

    pub(super) fn fork_mut(&mut self, node: u32) -> Option<&mut Fork> {
        let fork = self.get(node).below.as_fork()?;
        self.forks.get_mut(fork)
    }

    /// What is above the root of a path.
    pub(super) fn up(&self, node: u32) -> Up {
        self.get(node).up
    }

    /// Whether `node` is the root of its path.
    pub(super) fn is_root(&self, node: u32) -> bool {
        self.get(node).up.as_node().is_none()
    }

    /// What is after `node` in its subtree.
    pub(super) fn right(&self, node: u32) -> u32 {
        self.get(node).right
    }

    /// The weight of what is in the subtree of `node`.
    pub(super) fn sum(&self, node: u32) -> u64 {
        self.get(node).sum
    }

    /// The weight of what is in the subtree of `node` from `node` on: S(`node`), if it is a root.
    pub(super) fn sum_from(&self, node: u32) -> u64 {
        let Node { sum, left, .. } = *self.get(node);
        sum - self.get(left).sum
    }

    /// Whether the path with the root `root` has a heavy child that should not be.
    pub(super) fn is_violated(&self, root: u32) -> bool {
        self.get(root).need > 0
    }

    /// Makes `node` the root of its path. Amortised O(log n), also over all paths that a way to the
    /// root of all blocks crosses together (see [`VoteTree`](super::VoteTree)).
    pub(super) fn splay(&mut self, node: u32) {
        while let Some(parent) = self.get(node).up.as_node() {
            if let Some(grandparent) = self.get(parent).up.as_node() {
                let straight =
                    (self.get(parent).left == node) == (self.get(grandparent).left == parent);
                self.rotate(if straight { parent } else { node });
            }
            self.rotate(node);
        }
        if self.get(node).up == Up::MAIN {
            self.main = node;
        }
    }

    /// Swaps a node with its parent. The upper one's sum and need are those of the same stretch as
    /// before.
    fn rotate(&mut self, node: u32) {
        self.rotations += 1;
        let this = *self.get(node);
        let parent = this.up.0;
        let above = *self.get(parent);
        let moved = if above.left == node {
            let lower = self.at(parent);
            lower.left = this.right;
            lower.up = Up(node);
            self.at(node).right = parent;
            this.right
        } else {
            let lower = self.at(parent);
            lower.right = this.left;
            lower.up = Up(node);
            self.at(node).left = parent;
            this.left
        };
        if moved != 0 {
            self.at(moved).up = Up(parent);
        }
        if let Some(grandparent) = above.up.as_node() {
            let grandparent = self.at(grandparent);
            if grandparent.left == parent {
                grandparent.left = node;
            } else {
                grandparent.right = node;
            }
        }
        let moved = self.get(moved).sum;
        self.at(parent).sum = above.sum - this.sum + moved;
        self.renew_need(parent);
        let upper = self.at(node);
        (upper.up, upper.sum, upper.need) = (above.up, above.sum, above.need);
    }

    /// Computes the need of the subtree of `node`.
    pub(super) fn renew_need(&mut self, node: u32) {
        let this = *self.get(node);
        let (left, right) = (self.get(this.left), self.get(this.right));
        let bound = this.below.as_fork().map_or(0, |fork| self.forks[fork].bound);
        let after_left = this.sum - left.sum;
        let need = right
            .need
            .max(bound.saturating_sub(right.sum))
            .max(left.need.saturating_sub(after_left));
        self.at(node).need = need;
    }

    /// Adds `change`, modulo 2^64, to d of `node`, for all sums up to, but not including, that of
    /// `end`. Also renews their needs.
    pub(super) fn change_below(&mut self, mut node: u32, end: u32, change: u64) {
        while node != end {
            let Some(above) = self.get(node).up.as_node() else { return };
            self.change_root(node, change);
            node = above;
        }
    }

    /// Adds `change`, modulo 2^64, to d of the root `node` of a path, and renews its need.
    pub(super) fn change_root(&mut self, node: u32, change: u64) {
        let this = self.at(node);
        this.sum = this.sum.wrapping_add(change);
        self.renew_need(node);
    }

    /// The last block with votes in the subtree of `node`: since S does not increase going down,
    /// the last whose S is not 0.
    pub(super) fn last_voted(&self, mut node: u32) -> Option<u32> {
        if self.get(node).sum == 0 {
            return None;
        }
        loop {
            let Node { sum, left, right, .. } = *self.get(node);
            if self.get(right).sum > 0 {
                node = right;
            } else if self.get(left).sum < sum {
                return Some(node);
            } else {
                node = left;
            }
        }
    }

    /// The last block of the path with the root `root` whose heavy child has less than its bound.
    pub(super) fn last_violation(&self, root: u32) -> Option<u32> {
        let (mut node, mut after) = (root, 0);
        while node != 0 {
            let Node { sum, left, right, .. } = *self.get(node);
            let right_sum = self.get(right).sum;
            if self.get(right).need > after {
                node = right;
            } else if self.fork(node).is_some_and(|fork| fork.bound > after + right_sum) {
                return Some(node);
            } else {
                after += sum - self.get(left).sum;
                node = left;
            }
        }
        None
    }

    /// At the roots `node` and `other` of two paths: puts `other` after `node` in place of all that
    /// is after it, which becomes a path of its own at the light edge `edge`, and returns its root.
    /// The sum and the need of `node` are left to the caller.
    pub(super) fn exchange(&mut self, node: u32, other: u32, edge: u32) -> u32 {
        let cut = std::mem::replace(&mut self.at(node).right, other);
        self.at(other).up = Up(node);
        self.at(cut).up = Up::edge(edge);
        cut
    }

    /// How many rotations there were so far.
    pub(super) fn rotations(&self) -> u64 {
        self.rotations
    }

    /// Blocks with these heavy children, on no paths yet; the first one is no block.
    pub(super) fn scattered(heavy: &[u32]) -> Self {
        let node = |&heavy: &u32| Node { below: Below(heavy), ..Node::default() };
        let nodes: Vec<Node> = heavy.iter().map(node).collect();
        Self { nodes: nodes.into(), forks: Vec::new(), main: 0, rotations: 0 }
    }

    /// What `node` knows of its children, now that it has more than one.
    pub(super) fn make_fork(&mut self, node: u32) -> &mut Fork {
        let new_fork = self.forks.len();
        let below = &mut self.at(node).below;
        let fork = below.as_fork().unwrap_or(new_fork);
        if fork == new_fork {
            let heavy = std::mem::replace(below, Below(new_fork as u32 | MARK)).0;
            self.forks.push(Fork { bound: 0, heavy, best: NONE });
        }
        &mut self.forks[fork]
    }

    /// Makes a path of these blocks, from the top down, with what `scores` says that S is and below
    /// `up`: a balanced tree. O(1) for each block.
    ///
    /// The nodes at the bottom are the first, the third, and so on; above them are the second, the
    /// sixth, the tenth; and so on. Where a right child would be beyond the end, what there is of
    /// its subtree has a root that is lower.
    pub(super) fn lay_out(&mut self, path: &[u32], scores: &[u64], up: Up) {
        let count = path.len();
        let at = |index: usize| if index > 0 { path[index - 1] } else { 0 };
        let score = |index: usize| path.get(index - 1).map_or(0, |&node| scores[node as usize]);
        let mut height = 1;
        while height <= count {
            for index in (height..=count).step_by(2 * height) {
                let node = at(index);
                let last = count.min(index + height - 1);
                let left = at(if height > 1 { index - height / 2 } else { 0 });
                let rest = last - index;
                let right = at(if rest > 0 { index + (1 << rest.ilog2()) } else { 0 });
                let this = self.at(node);
                (this.left, this.right) = (left, right);
                this.sum = score(index - height + 1) - score(last + 1);
                for child in [left, right] {
                    if child != 0 {
                        self.at(child).up = Up(node);
                    }
                }
                self.renew_need(node);
            }
            height *= 2;
        }
        let root = at(1 << count.ilog2());
        self.at(root).up = up;
        if up == Up::MAIN {
            self.main = root;
        }
    }

    /// The heavy child of a block, or 0.
    #[cfg(test)]
    pub(super) fn heavy(&self, node: u32) -> u32 {
        self.fork(node).map_or(self.get(node).below.0, |fork| fork.heavy)
    }

    fn get(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    fn at(&mut self, node: u32) -> &mut Node {
        &mut self.nodes[node as usize]
    }
}
