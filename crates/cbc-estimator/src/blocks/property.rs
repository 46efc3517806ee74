//! Properties of votes for blocks: what the safety of a block is asked about (semantics §6).

use cbc_view::{Chain, MessageDag, MessageIndex, Property};

use super::{BlockIndex, BlockTree};

/// "The estimate is on this block": the block is the message's, or an ancestor of it. O(log n) a
/// message.
#[derive(Clone, Copy, Debug)]
pub struct OnBlock<'a> {
    /// The blocks that the DAG's messages vote for.
    pub blocks: &'a BlockTree,
    /// The candidate.
    pub block: BlockIndex,
}

impl<D: MessageDag + ?Sized> Property<D> for OnBlock<'_> {
    fn agrees(&self, _: &D, message: MessageIndex) -> bool {
        self.blocks
            .voted_by(message)
            .is_some_and(|voted| self.blocks.is_ancestor_or_same(self.block, voted))
    }
}

/// The blocks up to this one, by height. O(log n) a message.
#[derive(Clone, Copy, Debug)]
pub struct UpTo<'a> {
    /// The blocks that the DAG's messages vote for.
    pub blocks: &'a BlockTree,
    /// The last candidate.
    pub block: BlockIndex,
}

impl<D: MessageDag + ?Sized> Chain<D> for UpTo<'_> {
    fn depth(&self) -> u32 {
        self.blocks.height(self.block)
    }

    fn agreement(&self, _: &D, message: MessageIndex) -> u32 {
        self.blocks
            .voted_by(message)
            .map_or(0, |voted| self.blocks.height(self.blocks.common_ancestor(voted, self.block)))
    }
}
