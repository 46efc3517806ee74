//! LMD GHOST kept up to date: votes moved, and the head, by whichever of two ways is quicker.

mod arrays;
mod build;
mod changes;
mod heavy_paths;
mod light;
mod paths;
mod prune;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod twin;

use arrays::Arrays;
use cbc_message::MessageHash;
use cbc_view::Column;
use changes::Changes;
use heavy_paths::HeavyPaths;

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
/// A vote that is moved changes two numbers, what the votes for two blocks weigh, and what may have
/// changed is noted: blocks, not votes, so that a thousand votes for one block are one change, and
/// votes moved there and back are none. Once a head or a weight is asked for, the changes are made
/// all together. There are two ways.
///
/// **Paths.** Call the child with the greatest (S, key) *heavy*, the others *light*. Heavy edges cut
/// the tree into paths, and the head is the last block with S > 0 on the start block's own path,
/// since S never increases going down. So all there is to do is to keep heavy children heavy
/// (`heavy_paths.rs`).
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
/// **Arrays.** S and the heavy child of every block, by one pass from the last block to the first
/// (`arrays.rs`). However many changes there are, it costs the same.
///
/// Paths are there as long as changes are few. When they are many, or took more steps than was to
/// be expected, the paths are dropped. They are made anew (`build.rs`) once arrays have cost so much
/// more than paths would have that making them is paid for. Many changes at once write that off: so
/// whoever lets few and many changes alternate pays for passes, never for paths.
///
/// # Cost
///
/// For n blocks, votes of weight W in all, and k blocks whose votes have changed since a head or a
/// weight was asked for, amortised, whatever the shape of the tree:
///
/// | operation | time |
/// |---|---|
/// | [`insert`](Self::insert) | O(1), and O(log n) to be paid by later operations |
/// | [`add`](Self::add), [`remove`](Self::remove), [`transfer`](Self::transfer) | O(1) |
/// | [`head`](Self::head), [`weight_of`](Self::weight_of) | O(n), and in the long run of few changes O(log n + k (log n + log W) log n) |
/// | [`prune_to`](Self::prune_to) | O(n) |
///
/// In the long run means: after as many questions since there were many changes as making paths
/// costs passes, some ten. A question takes longer than O(n) only if it is paid for: the first
/// vote far up a chain that was built without votes does. By paths, operations near recent ones are
/// cheaper than these bounds, and do not depend on n: splay trees keep what was used lately near
/// their roots.
///
/// Memory: 44 bytes a block (32 of them its key), and 12 more for arrays; or, for paths, 32 more,
/// and again 32 for each child but the first of its parent and 16 for each parent of several; never
/// more than 108 a block, apart from what vectors hold in reserve.
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
///
/// *Arrays and paths in turn.* By arrays a question costs a pass. Paths are left only for a pass, or
/// after steps that cost about two, and made only once passes have cost as much as making them, each
/// beyond what paths would have cost. So any history costs at most a constant times what it costs
/// by passes alone; and one of few changes throughout at most a constant times what it costs by
/// paths alone, and once a making of paths.
#[derive(Clone, Debug)]
pub struct VoteTree {
    /// By place, as all else here: place 0 is no block, and the root's key is never asked for.
    keys: Column<MessageHash>,
    /// The places of the parents.
    parents: Column<u32>,
    /// The weights of the votes for each block itself.
    votes: Column<u64>,
    /// Where `sums` are behind `votes`. Never many, if `sums` are paths.
    changes: Changes,
    sums: Sums,
    /// What arrays have cost beyond what paths would have, since changes were last many.
    arrears: u64,
    prices: Prices,
}

/// The sums of votes, and the heavy children.
#[derive(Clone, Debug)]
enum Sums {
    Paths(HeavyPaths),
    Arrays(Arrays),
}

/// What things cost, as multiples of what one block costs in a pass over all blocks, which is 1 to
/// 2 ns: measured by the benchmark `many_votes` on trees of 10^3 to 10^6 blocks.
#[derive(Clone, Copy, Debug)]
struct Prices {
    /// By way of paths, a change of the votes for one block for each doubling of the number of
    /// blocks: 5 on a star, 9 to 15 on chains, combs and binary trees with votes anywhere.
    change: u64,
    /// A rotation, or two heaps made one.
    step: u64,
    /// Making the paths, for each block: 5 to 10 on chains, 10 to 20 where most children are light.
    build: u64,
}

impl Prices {
    /// So that paths are left too early rather than too late.
    const MEASURED: Self = Self { change: 12, step: 7, build: 10 };

    /// What this many changes cost by way of paths.
    fn of_changes(self, blocks: usize, changes: usize) -> u64 {
        self.change * u64::from(blocks.ilog2()) * changes as u64
    }

    /// How many changes cost as much by way of paths as a pass over all blocks.
    fn limit(self, blocks: usize) -> usize {
        let one = self.of_changes(blocks, 1).max(1);
        (blocks as u64 / one) as usize
    }
}

impl VoteTree {
    /// The tree of only the root.
    pub fn new() -> Self {
        Self::with_prices(Prices::MEASURED)
    }

    fn with_prices(prices: Prices) -> Self {
        Self {
            keys: vec![MessageHash::from_bytes([0; 32]); 2].into(),
            parents: vec![0; 2].into(),
            votes: vec![0; 2].into(),
            changes: Changes::none(prices.limit(1)),
            sums: Sums::Paths(HeavyPaths::new()),
            arrears: 0,
            prices,
        }
    }

    /// The number of blocks, the root included.
    pub fn len(&self) -> usize {
        self.parents.len() - 1
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
        self.parents.push(parent);
        self.votes.push(0);
        match &mut self.sums {
            Sums::Paths(paths) => paths.push(parent),
            Sums::Arrays(arrays) => arrays.push(),
        }
        BlockIndex::new(self.len() as u32 - 1)
    }

    /// Adds votes of `weight` for `block`. All votes together must not weigh more than `u64` holds
    /// when a head or a weight is asked for. O(1).
    pub fn add(&mut self, block: BlockIndex, weight: u64) {
        self.change(place(block), weight);
    }

    /// Takes votes of `weight` for `block` away. They must have been added before, or all weights
    /// and heads are meaningless from then on. O(1).
    pub fn remove(&mut self, block: BlockIndex, weight: u64) {
        self.change(place(block), weight.wrapping_neg());
    }

    /// Takes votes of `weight` for the block `from` away and adds them for the block `to`, as
    /// [`remove`](Self::remove) and [`add`](Self::add). O(1).
    #[inline]
    pub fn transfer(&mut self, from: BlockIndex, to: BlockIndex, weight: u64) {
        let (from, to) = (place(from), place(to));
        if !self.changes.are_many() && from != to {
            self.note(from);
            self.note(to);
        }
        let votes: &mut [u64] = &mut self.votes;
        votes[from as usize] = votes[from as usize].wrapping_sub(weight);
        votes[to as usize] = votes[to as usize].wrapping_add(weight);
    }

    /// The head from the block `start`. Changes no answer, only how soon the next one is found.
    pub fn head(&mut self, start: BlockIndex) -> BlockIndex {
        self.settle();
        let start = place(start);
        block(match &mut self.sums {
            Sums::Paths(paths) => paths.head(start),
            Sums::Arrays(arrays) => {
                let (head, steps) = arrays.head(start);
                self.arrears = self.arrears.saturating_add(steps);
                head
            }
        })
    }

    /// The weight of the votes for `block` and its descendants. Changes no answer, as
    /// [`head`](Self::head).
    pub fn weight_of(&mut self, block: BlockIndex) -> u64 {
        self.settle();
        match &mut self.sums {
            Sums::Paths(paths) => paths.weight_of(place(block)),
            Sums::Arrays(arrays) => arrays.scores[place(block) as usize],
        }
    }

    /// Adds `change`, modulo 2^64, to the votes for `block`.
    fn change(&mut self, block: u32, change: u64) {
        self.note(block);
        let votes = &mut self.votes[block as usize];
        *votes = votes.wrapping_add(change);
    }

    /// Notes that the votes for `block` are about to change.
    #[inline(never)]
    fn note(&mut self, block: u32) {
        self.changes.note(&self.votes, block);
        if self.changes.are_many()
            && let Sums::Paths(_) = self.sums
        {
            self.sums = Sums::Arrays(Arrays::default());
        }
    }

    /// Makes `sums` those of `votes`.
    fn settle(&mut self) {
        let blocks = self.len();
        if !self.changes.is_empty() {
            self.apply_changes();
            self.changes.begin(self.prices.limit(blocks));
        }
        if self.arrears >= self.prices.build.saturating_mul(blocks as u64) {
            self.build_paths();
        }
    }

    /// By paths, if they are there and the changes few; else by arrays.
    fn apply_changes(&mut self) {
        let pass = self.len() as u64;
        let few = self.changes.few(&self.votes);
        if let (Sums::Paths(paths), Some(few)) = (&mut self.sums, few) {
            // The limit was only an estimate.
            if paths.apply(&self.keys, few, 2 * pass / self.prices.step.max(1)) {
                return;
            }
            self.sums = Sums::Arrays(Arrays::default());
        }
        if let Sums::Arrays(arrays) = &mut self.sums {
            arrays.pass(&self.keys, &self.parents, &self.votes);
            self.arrears = few.map_or(0, |few| {
                let by_paths = self.prices.of_changes(self.parents.len() - 1, few.len());
                self.arrears.saturating_add(pass.saturating_sub(by_paths))
            });
        }
    }

    /// Makes paths of arrays that are up to date.
    fn build_paths(&mut self) {
        if let Sums::Arrays(arrays) = &mut self.sums {
            let arrays = std::mem::take(arrays);
            self.sums = Sums::Paths(HeavyPaths::build(&self.keys, &self.parents, arrays));
        }
        self.arrears = 0;
    }
}

impl Default for VoteTree {
    fn default() -> Self {
        Self::new()
    }
}

/// The place of the root.
const ROOT: u32 = 1;

/// The place of a block in tables where 0 stands for none.
#[inline]
fn place(block: BlockIndex) -> u32 {
    block.get() + 1
}

fn block(place: u32) -> BlockIndex {
    BlockIndex::new(place - 1)
}
