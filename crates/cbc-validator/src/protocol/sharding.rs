//! Consensus on a tree of shards.

use cbc_estimator::{ShardHeads, ShardedGhost, UpToRootBlock};
use cbc_message::{BlockId, Shard, ShardVote};
use cbc_view::{Chain, View};

use super::{Protocol, mixed};

/// Consensus on the chains of a tree of shards, tied to each other by merge blocks (semantics §5).
///
/// The chain of the root is decided as a blockchain is: block by block. With a block of it all is
/// decided that it [implies](cbc_estimator::ShardedBlocks::implied): of every other shard, the
/// chain up to the last merge block with its parent that is decided there. So a block of a child is
/// final as soon as a merge block after it, or it, is final on the parent, and not before: until
/// then validators may leave it without equivocating, however many agree (semantics §7).
///
/// A value is the last block of each shard. Those that the fork choice of a child has come to since
/// are in the estimate, but in no candidate.
#[derive(Clone, Copy, Debug)]
pub struct Sharding {
    /// The depth of the deepest shards: 0 is the root alone.
    pub depth: u32,
}

impl Sharding {
    /// A block on these heads of all shards, each after its parent: on which shard, or, of two
    /// adjacent ones, on both, `choice` says: every choice is some block.
    pub fn choose(heads: &[BlockId], choice: u64) -> ShardVote {
        let count = heads.len() as u64;
        // Each shard alone, and then each but the root merged with its parent.
        let choice = choice % (2 * count).saturating_sub(1).max(1);
        let head = |shard: Shard| heads.get(shard.index()).copied().unwrap_or(BlockId::Genesis);
        let shard = if choice < count { choice + 1 } else { choice - count + 2 };
        let shard = Shard::try_from(shard as u32).unwrap_or(Shard::ROOT);
        match shard.parent() {
            Some(parent) if choice >= count => {
                ShardVote::Merge { child: shard, above: head(parent), below: head(shard) }
            }
            _ => ShardVote::Propose { shard, parent: head(shard) },
        }
    }
}

/// The head of the root shard, which is always there.
fn root(heads: &ShardHeads) -> Option<cbc_estimator::ShardBlock> {
    heads.of(Shard::ROOT)
}

impl Protocol for Sharding {
    type Estimate = ShardVote;
    type Value = ShardHeads;
    type Estimator = ShardedGhost;

    fn estimator(&self) -> ShardedGhost {
        ShardedGhost::new(self.depth)
    }

    /// The block that is [chosen](Self::choose) by a number made of the names of the heads: on one
    /// shard or another, and of two makers who see the same, the same.
    fn estimate(&self, heads: &Vec<BlockId>) -> ShardVote {
        Self::choose(heads, mixed(heads.iter().copied()))
    }

    /// What the head of the root implies.
    fn ends(&self, ghost: &ShardedGhost, heads: &ShardHeads) -> Vec<ShardHeads> {
        root(heads).map(|root| ghost.blocks().implied(root)).into_iter().collect()
    }

    fn chain<'a>(
        &self,
        estimator: &'a ShardedGhost,
        heads: &ShardHeads,
    ) -> impl Chain<View<ShardVote>> + use<'a> {
        let genesis = estimator.blocks().genesis(Shard::ROOT);
        UpToRootBlock { estimator, block: root(heads).unwrap_or(genesis) }
    }

    fn common_depth(&self, ghost: &ShardedGhost, one: &ShardHeads, other: &ShardHeads) -> u32 {
        let roots = root(one).zip(root(other));
        let blocks = ghost.blocks();
        roots.map_or(0, |(one, other)| blocks.height(blocks.common_ancestor(one, other)))
    }

    fn depth(&self, ghost: &ShardedGhost, heads: &ShardHeads) -> u32 {
        root(heads).map_or(0, |root| ghost.blocks().height(root))
    }

    /// What the block of the root at that height implies.
    fn candidate(&self, ghost: &ShardedGhost, heads: &ShardHeads, depth: u32) -> ShardHeads {
        let blocks = ghost.blocks();
        let head = root(heads).unwrap_or(blocks.genesis(Shard::ROOT));
        blocks.implied(blocks.ancestor_at(head, depth).unwrap_or(head))
    }
}
