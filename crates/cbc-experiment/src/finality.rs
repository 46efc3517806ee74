//! When views finalized what, by one judge.

use cbc_estimator::{BlockIndex, BlockTree};

/// The last finalized blocks of a view, each with the round after which it became that.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps(Vec<(u32, BlockIndex)>);

impl Steps {
    /// After so many rounds this is the last finalized block.
    pub(crate) fn note(&mut self, round: u32, block: BlockIndex) {
        if self.last() != Some(block) {
            self.0.push((round, block));
        }
    }

    pub(crate) fn last(&self) -> Option<BlockIndex> {
        self.0.last().map(|&(_, block)| block)
    }

    /// The last finalized block after so many rounds.
    pub(crate) fn last_after(&self, rounds: u32) -> Option<BlockIndex> {
        let until = self.0.partition_point(|&(round, _)| round <= rounds);
        self.0.get(until.checked_sub(1)?).map(|&(_, block)| block)
    }

    /// Calls `note` with each block that became final, and the round after which it did.
    pub(crate) fn each(&self, tree: &BlockTree, mut note: impl FnMut(BlockIndex, u32)) {
        let mut known = 0;
        for &(round, tip) in &self.0 {
            // What is final is a chain, so those up to the last height are known already.
            let height = tree.height(tip);
            let path = std::iter::successors(Some(tip), |&block| tree.parent(block));
            path.take(height.saturating_sub(known) as usize).for_each(|block| note(block, round));
            known = known.max(height);
        }
    }
}
