//! The blocks of a tree of shards.

use std::sync::Arc;

use cbc_message::{BlockId, MessageHash, Shard, ShardVote};
use cbc_view::{HashedDag, MessageIndex};

use crate::blocks::ancestry::Ancestry;
use crate::blocks::jump_tree::JumpTree;

/// A block, as one that is on a shard: the genesis is on every shard, a merge block on two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShardBlock {
    /// The shard.
    pub shard: Shard,
    pub(super) node: u32,
}

/// The last block of each shard's chain: what a message votes for, and what is decided. Copying it
/// is O(1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardHeads(pub(super) Arc<[u32]>);

impl ShardHeads {
    /// The last block of this shard's chain; none of a shard that there is not.
    pub fn of(&self, shard: Shard) -> Option<ShardBlock> {
        Some(ShardBlock { shard, node: *self.0.get(shard.index())? })
    }

    /// The last block of each chain, each shard's after its parent's.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ShardBlock> {
        (0..self.0.len()).map(|index| ShardBlock { shard: shard_at(index), node: self.0[index] })
    }
}

/// The shard at a place among all.
pub(super) fn shard_at(index: usize) -> Shard {
    Shard::try_from(index as u32 + 1).unwrap_or(Shard::ROOT)
}

/// The blocks of all shards: for each shard, a tree of those that are on it.
#[derive(Clone, Debug)]
pub struct ShardedBlocks {
    depth: u32,
    trees: Vec<ShardTree>,
    /// The messages that propose blocks, in ascending order, and where those are: a merge block on
    /// its parent shard first.
    proposals: Vec<(MessageIndex, [Option<ShardBlock>; 2])>,
}

/// The blocks of one shard. Node 0 is the genesis.
#[derive(Clone, Debug)]
pub(super) struct ShardTree {
    pub(super) tree: JumpTree,
    pub(super) blocks: Vec<Block>,
}

/// A block of one shard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// The message that proposes it, and its hash; none for the genesis.
    proposal: Option<(MessageIndex, MessageHash)>,
    /// On this shard: the last block, up to this one, that is merged with the shard's parent; the
    /// genesis if there is none.
    pub(super) anchor: u32,
    /// On each child of the shard: the last block that is, on this shard, up to this one; the
    /// genesis if there is none.
    pub(super) below: [u32; 2],
}

impl ShardedBlocks {
    pub(super) fn new(depth: u32) -> Self {
        let genesis = Block { proposal: None, anchor: 0, below: [0; 2] };
        let tree = |_| ShardTree { tree: JumpTree::new(), blocks: vec![genesis] };
        Self { depth, trees: Shard::all(depth).map(tree).collect(), proposals: Vec::new() }
    }

    /// The depth of the deepest shards.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// The shards, each after its parent.
    pub fn shards(&self) -> impl DoubleEndedIterator<Item = Shard> + use<> {
        Shard::all(self.depth)
    }

    /// The number of blocks, without the genesis.
    pub fn len(&self) -> usize {
        self.proposals.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.proposals.is_empty()
    }

    pub(super) fn tree(&self, shard: Shard) -> &ShardTree {
        &self.trees[shard.index()]
    }

    fn block(&self, block: ShardBlock) -> &Block {
        &self.tree(block.shard).blocks[block.node as usize]
    }

    /// What names `block` to everybody.
    pub fn id(&self, block: ShardBlock) -> BlockId {
        self.tree(block.shard).id(block.node)
    }

    /// The genesis, as a block of this shard.
    pub fn genesis(&self, shard: Shard) -> ShardBlock {
        ShardBlock { shard, node: 0 }
    }

    /// The message that proposes `block`; none for the genesis.
    pub fn proposal(&self, block: ShardBlock) -> Option<MessageIndex> {
        Some(self.block(block).proposal?.0)
    }

    /// The block before it on its shard's chain; none for the genesis.
    pub fn parent(&self, block: ShardBlock) -> Option<ShardBlock> {
        let node = self.tree(block.shard).tree.parent(block.node)?;
        Some(ShardBlock { node, ..block })
    }

    /// The number of blocks on its shard's chain up to it, without the genesis.
    pub fn height(&self, block: ShardBlock) -> u32 {
        self.tree(block.shard).tree.depth(block.node)
    }

    /// The last block of a shard's chain that is on the chains of both; of one shard. O(log n).
    pub fn common_ancestor(&self, one: ShardBlock, other: ShardBlock) -> ShardBlock {
        let node = self.tree(one.shard).tree.common_ancestor(one.node, other.node);
        ShardBlock { node, ..one }
    }

    /// The block at `height` of the chain that ends in `block`, if that is so long. O(log n).
    pub fn ancestor_at(&self, block: ShardBlock, height: u32) -> Option<ShardBlock> {
        let node = self.tree(block.shard).tree.ancestor_at(block.node, height)?;
        Some(ShardBlock { node, ..block })
    }

    /// Whether `above` is on the chain that ends in `below`; both of one shard. O(log n).
    pub fn is_ancestor_or_same(&self, above: ShardBlock, below: ShardBlock) -> bool {
        self.tree(above.shard).tree.is_ancestor_or_same(above.node, below.node)
    }

    /// Where the block is that `message` proposes: on one shard, on two, or, if it proposes none,
    /// nowhere. A merge block's place on the parent shard comes first. O(log n).
    pub fn proposed_by(&self, message: MessageIndex) -> impl Iterator<Item = ShardBlock> + use<> {
        let place = self.proposals.binary_search_by_key(&message, |&(proposal, _)| proposal);
        let places = place.map_or([None; 2], |place| self.proposals[place].1);
        places.into_iter().flatten()
    }

    /// The block on `shard` that everybody knows as `id`, if it is there. O(log n).
    pub fn resolve<D: HashedDag>(&self, dag: &D, shard: Shard, id: BlockId) -> Option<ShardBlock> {
        let BlockId::Proposed(hash) = id else {
            return (shard.index() < self.trees.len()).then_some(ShardBlock { shard, node: 0 });
        };
        self.proposed_by(dag.find(&hash)?).find(|block| block.shard == shard)
    }

    /// All chains, as far as one block of the root's implies them: each child's ends with the last
    /// merge block that is on its parent's. O(S) for S shards.
    pub fn implied(&self, root: ShardBlock) -> ShardHeads {
        let mut heads = vec![0; self.trees.len()];
        for shard in self.shards() {
            heads[shard.index()] = match shard.parent() {
                None => root.node,
                Some(parent) => self.start(shard, heads[parent.index()]),
            };
        }
        ShardHeads(heads.into())
    }

    /// On a shard that is not the root, the last block that is merged with its parent, up to this
    /// one of the parent.
    pub(super) fn start(&self, shard: Shard, on_parent: u32) -> u32 {
        let parent = shard.parent().unwrap_or(Shard::ROOT);
        self.tree(parent).blocks[on_parent as usize].below[shard.side()]
    }

    /// The heads once `message` has added a block on the heads that `vote` names.
    pub(super) fn push<D: HashedDag>(
        &mut self,
        dag: &D,
        message: MessageIndex,
        heads: &ShardHeads,
        vote: &ShardVote,
    ) -> ShardHeads {
        let proposal = Some((message, dag.hash(message)));
        let mut new = heads.0.to_vec();
        let places = match *vote {
            ShardVote::Vote => return heads.clone(),
            ShardVote::Propose { shard, .. } => {
                let parent = heads.0[shard.index()];
                let block = Block { proposal, ..self.tree(shard).blocks[parent as usize] };
                [Some(self.tree_mut(shard).push(shard, parent, block)), None]
            }
            ShardVote::Merge { child, .. } => {
                let shard = child.parent().unwrap_or(Shard::ROOT);
                let parent = heads.0[child.index()];
                let mut block = Block { proposal, ..self.tree(child).blocks[parent as usize] };
                block.anchor = self.tree(child).blocks.len() as u32;
                let below = self.tree_mut(child).push(child, parent, block);
                let parent = heads.0[shard.index()];
                let mut block = Block { proposal, ..self.tree(shard).blocks[parent as usize] };
                block.below[child.side()] = below.node;
                let above = self.tree_mut(shard).push(shard, parent, block);
                [Some(above), Some(below)]
            }
        };
        for place in places.into_iter().flatten() {
            new[place.shard.index()] = place.node;
        }
        self.proposals.push((message, places));
        ShardHeads(new.into())
    }

    fn tree_mut(&mut self, shard: Shard) -> &mut ShardTree {
        &mut self.trees[shard.index()]
    }
}

impl ShardTree {
    fn push(&mut self, shard: Shard, parent: u32, block: Block) -> ShardBlock {
        self.blocks.push(block);
        ShardBlock { shard, node: self.tree.push(parent) }
    }
}

impl Ancestry for ShardTree {
    type Block = u32;

    fn height(&self, block: u32) -> u32 {
        self.tree.depth(block)
    }

    fn ancestor_at(&self, block: u32, height: u32) -> Option<u32> {
        self.tree.ancestor_at(block, height)
    }

    fn common_ancestor(&self, one: u32, other: u32) -> u32 {
        self.tree.common_ancestor(one, other)
    }

    fn id(&self, block: u32) -> BlockId {
        let proposal = self.blocks[block as usize].proposal;
        proposal.map_or(BlockId::Genesis, |(_, hash)| BlockId::Proposed(hash))
    }
}
