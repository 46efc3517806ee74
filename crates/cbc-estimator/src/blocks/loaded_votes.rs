//! Whose vote lies where in a [`VoteTree`].

use cbc_message::{MessageHash, ValidatorId, Weight};

use super::{BlockIndex, VoteTree};

/// A [`VoteTree`] with at most one vote of each validator, which moves to what is asked.
///
/// To ask what the head would be if some votes were for other blocks, move them there, ask for the
/// head, and move them back: that costs as much as is moved, in whatever order. Nothing is summed up
/// before somebody asks, so votes that were moved back by then cost O(1) each.
///
/// ```
/// use cbc_estimator::{BlockIndex, LoadedVotes};
/// use cbc_message::{MessageHash, ValidatorId, Weight};
///
/// let [alice, bob] = [0, 1].map(ValidatorId::new);
/// let mut votes = LoadedVotes::new();
/// let left = votes.insert(BlockIndex::GENESIS, MessageHash::from_bytes([1; 32]));
/// let right = votes.insert(BlockIndex::GENESIS, MessageHash::from_bytes([2; 32]));
/// votes.set(alice, left, Weight::new(3));
/// votes.set(bob, right, Weight::new(2));
/// assert_eq!(votes.head(BlockIndex::GENESIS), left);
/// votes.set(alice, right, Weight::new(3));
/// assert_eq!(votes.head(BlockIndex::GENESIS), right);
/// votes.withdraw(alice);
/// votes.withdraw(bob);
/// assert_eq!(votes.head(BlockIndex::GENESIS), BlockIndex::GENESIS);
/// ```
#[derive(Clone, Debug, Default)]
pub struct LoadedVotes {
    tree: VoteTree,
    /// By validator: the block that the vote is for; if it weighs 0, there is none.
    blocks: Vec<BlockIndex>,
    /// By validator: what the vote weighs. Apart from the blocks, since it hardly ever changes.
    weights: Vec<u64>,
}

impl LoadedVotes {
    /// The tree of only the root, without votes.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of blocks, the root included.
    pub fn block_count(&self) -> usize {
        self.tree.len()
    }

    /// Adds a block, as [`VoteTree::insert`] does.
    pub fn insert(&mut self, parent: BlockIndex, key: MessageHash) -> BlockIndex {
        self.tree.insert(parent, key)
    }

    /// Lets `validator` vote for `block` with `weight`, instead of what its vote was before. When a
    /// head is asked for, the votes of all validators together must not weigh more than `u64` holds.
    /// O(1).
    #[inline]
    pub fn set(&mut self, validator: ValidatorId, block: BlockIndex, weight: Weight) {
        let (index, weight) = (validator.index(), weight.get());
        if self.weights.get(index) != Some(&weight) {
            self.set_weight(index, block, weight);
        } else if weight > 0 {
            self.move_by(index, block, weight);
        }
    }

    /// Moves the vote of `validator`, if it has one, to `block`: as [`set`](Self::set) with the
    /// weight that it has. Answers whether it has one. O(1).
    #[inline]
    pub fn move_to(&mut self, validator: ValidatorId, block: BlockIndex) -> bool {
        let index = validator.index();
        match self.weights.get(index) {
            Some(&weight) if weight > 0 => {
                self.move_by(index, block, weight);
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn move_by(&mut self, validator: usize, block: BlockIndex, weight: u64) {
        let old = std::mem::replace(&mut self.blocks[validator], block);
        self.tree.transfer(old, block, weight);
    }

    /// As [`set`](Self::set), if the vote weighs something else than it did.
    #[cold]
    #[inline(never)]
    fn set_weight(&mut self, validator: usize, block: BlockIndex, weight: u64) {
        if self.blocks.len() <= validator {
            if weight == 0 {
                return;
            }
            self.blocks.resize(validator + 1, BlockIndex::GENESIS);
            self.weights.resize(validator + 1, 0);
        }
        self.tree.remove(self.blocks[validator], self.weights[validator]);
        self.tree.add(block, weight);
        (self.blocks[validator], self.weights[validator]) = (block, weight);
    }

    /// Takes the vote of `validator` away, if it has one.
    pub fn withdraw(&mut self, validator: ValidatorId) {
        self.set(validator, BlockIndex::GENESIS, Weight::ZERO);
    }

    /// The block that the loaded vote of `validator` is for; `None` without a vote of any weight.
    pub fn block(&self, validator: ValidatorId) -> Option<BlockIndex> {
        let weight = self.weights.get(validator.index())?;
        self.blocks.get(validator.index()).copied().filter(|_| *weight > 0)
    }

    /// The head from the block `start`, by the loaded votes: as [`VoteTree::head`].
    pub fn head(&mut self, start: BlockIndex) -> BlockIndex {
        self.tree.head(start)
    }

    /// Drops all blocks but `root` and its descendants, and the votes for them, and renumbers the
    /// rest as [`VoteTree::prune_to`] does. O(n) for the blocks, and O(log n) for each vote.
    pub fn prune_to(&mut self, root: BlockIndex) -> Vec<BlockIndex> {
        let kept = self.tree.prune_to(root);
        for (block, weight) in self.blocks.iter_mut().zip(&mut self.weights) {
            (*block, *weight) = match kept.binary_search(block) {
                Ok(new) => (BlockIndex::new(new as u32), *weight),
                Err(_) => (BlockIndex::GENESIS, 0),
            };
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::super::vote_tree::twin::Twin;
    use super::*;
    use crate::testing::hash;

    /// One change: a new block, or what a validator votes for, or a new root.
    #[derive(Clone, Debug)]
    enum Step {
        Insert(Index),
        Set(u32, Index, u64),
        MoveTo(u32, Index),
        Withdraw(u32),
        Prune(Index),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let weight = prop_oneof![0..4_u64, 0..1000_u64, Just(u64::MAX / 5)];
        let step = prop_oneof![
            4 => any::<Index>().prop_map(Step::Insert),
            8 => (0..5_u32, any::<Index>(), weight).prop_map(|(v, b, w)| Step::Set(v, b, w)),
            4 => (0..6_u32, any::<Index>()).prop_map(|(v, b)| Step::MoveTo(v, b)),
            1 => (0..6_u32).prop_map(Step::Withdraw),
            1 => any::<Index>().prop_map(Step::Prune),
        ];
        prop::collection::vec(step, 1..80)
    }

    proptest! {
        #[test]
        fn each_validator_has_the_vote_that_was_set_last(steps in steps()) {
            let mut loaded = LoadedVotes::new();
            let mut twin = Twin::new();
            let mut votes = [(0, 0_u64); 6];
            for (number, step) in (0..).zip(steps) {
                let count = twin.parents.len();
                match step {
                    Step::Insert(parent) => {
                        let (parent, key) = (parent.index(count) as u32, hash(1, number));
                        prop_assert_eq!(loaded.insert(BlockIndex::new(parent), key).index(), count);
                        twin.insert(parent, key);
                    }
                    Step::Set(validator, block, weight) => {
                        let block = block.index(count) as u32;
                        let voted = BlockIndex::new(block);
                        loaded.set(ValidatorId::new(validator), voted, Weight::new(weight));
                        votes[validator as usize] = (block, weight);
                    }
                    Step::MoveTo(validator, block) => {
                        let block = block.index(count) as u32;
                        let to = BlockIndex::new(block);
                        let vote = &mut votes[validator as usize];
                        prop_assert_eq!(loaded.move_to(ValidatorId::new(validator), to), vote.1 > 0);
                        vote.0 = if vote.1 > 0 { block } else { 0 };
                    }
                    Step::Withdraw(validator) => {
                        loaded.withdraw(ValidatorId::new(validator));
                        votes[validator as usize] = (0, 0);
                    }
                    Step::Prune(root) => {
                        let root = root.index(count) as u32 / 2;
                        let kept = loaded.prune_to(BlockIndex::new(root));
                        let kept: Vec<u32> = kept.into_iter().map(BlockIndex::get).collect();
                        prop_assert_eq!(&kept, &twin.prune_to(root));
                        for vote in &mut votes {
                            let new = kept.binary_search(&vote.0);
                            *vote = new.map_or((0, 0), |new| (new as u32, vote.1));
                        }
                    }
                }
                prop_assert_eq!(loaded.block_count(), twin.parents.len());
                twin.votes.fill(0);
                for (validator, &(block, weight)) in (0..).zip(&votes) {
                    twin.votes[block as usize] += weight;
                    let expected = (weight > 0).then_some(BlockIndex::new(block));
                    prop_assert_eq!(loaded.block(ValidatorId::new(validator)), expected);
                }
                let blocks = 0..twin.parents.len() as u32;
                let starts = blocks.clone().map(BlockIndex::new);
                let heads: Vec<u32> = starts.map(|start| loaded.head(start).get()).collect();
                prop_assert_eq!(heads, twin.heads(blocks.clone()));
                let blocks = blocks.map(BlockIndex::new);
                let scores: Vec<u64> = blocks.map(|block| loaded.tree.weight_of(block)).collect();
                prop_assert_eq!(scores, twin.scores());
            }
        }
    }
}
