//! The tree of blocks that a view's messages propose and vote for (semantics §5).

use std::collections::BTreeMap;

use cbc_message::{BlockEstimate, BlockId, BlockVote, MessageHash};
use thiserror::Error;

use cbc_view::{Column, HashedDag, MessageIndex, Pruned, Renumbering};

use super::jump_tree::JumpTree;
use super::outlying::{BlockPlace, OutlyingBlock};

/// A block, by its place in the order in which one view learned of its blocks; the genesis is 0,
/// and every block comes after its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockIndex(u32);

impl BlockIndex {
    /// The root of every chain: the genesis, or what took its place ([`BlockTree::prune`]).
    pub const GENESIS: Self = Self(0);

    /// The block learned of as the `index`-th, from 0: the genesis is the first.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The place, as kept in compact tables.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The place, for tables that have an entry for each block.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The blocks of a view. Told of its messages in their order, it answers which block each votes
/// for, and who descends from whom in O(log n), without walking a chain.
///
/// ```
/// use std::sync::Arc;
/// use cbc_estimator::{BlockIndex, BlockTree};
/// use cbc_message::{
///     BlockId, BlockVote, Header, Justification, Message, ValidatorId, ValidatorSet, Weight,
/// };
/// use cbc_view::View;
///
/// let validators = Arc::new(ValidatorSet::new([1, 1].map(Weight::new))?);
/// let mut view = View::new(validators);
/// let mut blocks = BlockTree::new();
/// let mut parent = BlockId::Genesis;
/// for sender in [0, 1].map(ValidatorId::new) {
///     let estimate = BlockVote::Propose { parent };
///     let justification = view.justification();
///     let message = Message::new(Header { sender, sequence_number: 0, justification, estimate })?;
///     parent = BlockId::Proposed(message.hash());
///     for message in view.insert(message)?.justified.iter() {
///         blocks.insert(&view, message)?;
///     }
/// }
/// let tip = blocks.resolve(&view, parent)?;
/// assert_eq!(blocks.height(tip), 2);
/// assert_eq!(blocks.ancestor_at(tip, 0), Some(BlockIndex::GENESIS));
/// assert!(blocks.is_ancestor_or_same(blocks.parent(tip).unwrap(), tip));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct BlockTree {
    tree: JumpTree,
    /// For each block, the message that proposes it; for the genesis [`NO_MESSAGE`].
    proposals: Column<MessageIndex>,
    /// For each message, the block it votes for; if that was dropped, [`SETTLED`] or [`NO_BLOCK`].
    votes: Column<BlockIndex>,
    /// The blocks above the root that one comes to from it by jumps, the nearest first.
    above: Vec<BlockId>,
    /// Blocks that are not on the root, but whose proposals are held; and the root, unless that is
    /// the genesis.
    outlying: BTreeMap<MessageHash, (MessageIndex, OutlyingBlock)>,
}

// In half of what options would take, in tables that have an entry for each message.
const NO_MESSAGE: MessageIndex = MessageIndex::new(u32::MAX);
const NO_BLOCK: BlockIndex = BlockIndex(u32::MAX);
/// A block that was dropped, and that the root is on.
const SETTLED: BlockIndex = BlockIndex(u32::MAX - 1);

impl BlockTree {
    /// The tree with only the genesis.
    pub fn new() -> Self {
        Self {
            tree: JumpTree::new(),
            proposals: vec![NO_MESSAGE].into(),
            votes: Column::new(),
            above: Vec::new(),
            outlying: BTreeMap::new(),
        }
    }

    /// Takes in the next message of `dag`: must be told of each, in ascending order.
    ///
    /// # Errors
    ///
    /// [`UnknownBlock`] if the message votes for, or builds on, a block that is not in the tree.
    /// It then votes for nothing; [`resolve`](Self::resolve) beforehand tells.
    pub fn insert<D>(&mut self, dag: &D, message: MessageIndex) -> Result<BlockIndex, UnknownBlock>
    where
        D: HashedDag<Estimate: BlockEstimate>,
    {
        debug_assert_eq!(message.index(), self.votes.len(), "every message, in ascending order");
        let voted = match dag.estimate(message).block_vote() {
            BlockVote::Vote { block } => self.resolve(dag, block),
            BlockVote::Propose { parent } => self.resolve(dag, parent).map(|parent| {
                self.proposals.push(message);
                BlockIndex(self.tree.push(parent.0))
            }),
        };
        self.votes.push(voted.as_ref().copied().unwrap_or(NO_BLOCK));
        voted
    }

    /// The place of a block in this tree.
    ///
    /// # Errors
    ///
    /// [`UnknownBlock`] if no message that was taken in proposes it.
    pub fn resolve<D>(&self, dag: &D, block: BlockId) -> Result<BlockIndex, UnknownBlock>
    where
        D: HashedDag<Estimate: BlockEstimate>,
    {
        let BlockId::Proposed(hash) = block else {
            let root = BlockIndex::GENESIS;
            let dropped = self.proposal(root).is_some();
            return if dropped { Err(UnknownBlock { block }) } else { Ok(root) };
        };
        dag.find(&hash)
            .filter(|&message| {
                matches!(dag.estimate(message).block_vote(), BlockVote::Propose { .. })
            })
            .and_then(|message| self.voted_by(message))
            .ok_or(UnknownBlock { block })
    }

    /// The number of blocks, the genesis included.
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    /// Never: the genesis is always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The block that `message` votes for, if it was taken in and the block was not dropped. O(1),
    /// as all that does not say otherwise.
    pub fn voted_by(&self, message: MessageIndex) -> Option<BlockIndex> {
        let vote = self.votes.get(message.index()).copied();
        vote.filter(|&block| block != NO_BLOCK && block != SETTLED)
    }

    /// Whether `message` votes for a block that was dropped, and that the root is on: unlike a vote
    /// for any other that was dropped, it is for none that rivals the root.
    pub fn is_vote_settled(&self, message: MessageIndex) -> bool {
        self.votes.get(message.index()) == Some(&SETTLED)
    }

    /// The message that proposes `block`; `None` for the genesis.
    pub fn proposal(&self, block: BlockIndex) -> Option<MessageIndex> {
        let proposal = self.proposals.get(block.index()).copied();
        proposal.filter(|&message| message != NO_MESSAGE)
    }

    /// What names `block` to others.
    pub fn id<D: HashedDag>(&self, dag: &D, block: BlockIndex) -> BlockId {
        self.proposal(block)
            .map_or(BlockId::Genesis, |message| BlockId::Proposed(dag.hash(message)))
    }

    /// The number of blocks between `block` and the genesis, `block` included: the genesis has 0.
    pub fn height(&self, block: BlockIndex) -> u32 {
        self.tree.depth(block.0)
    }

    /// The block that `block` is built on; `None` for the genesis.
    pub fn parent(&self, block: BlockIndex) -> Option<BlockIndex> {
        self.tree.parent(block.0).map(BlockIndex)
    }

    /// The ancestor of `block`, or `block` itself, at `height`; `None` above `block`. O(log n).
    pub fn ancestor_at(&self, block: BlockIndex, height: u32) -> Option<BlockIndex> {
        self.tree.ancestor_at(block.0, height).map(BlockIndex)
    }

    /// Whether `above` is `below` or an ancestor of it. O(log n).
    pub fn is_ancestor_or_same(&self, above: BlockIndex, below: BlockIndex) -> bool {
        self.tree.is_ancestor_or_same(above.0, below.0)
    }

    /// The highest block that is an ancestor of, or the same as, both. O(log n).
    pub fn common_ancestor(&self, one: BlockIndex, other: BlockIndex) -> BlockIndex {
        BlockIndex(self.tree.common_ancestor(one.0, other.0))
    }

    /// Where `block` stands. O(1).
    pub fn place<D: HashedDag>(&self, dag: &D, block: BlockIndex) -> BlockPlace {
        let jump = match self.tree.jump_of(block.0) {
            Ok(jump) => self.id(dag, BlockIndex(jump)),
            Err(above) => self.above.get(above).copied().unwrap_or(BlockId::Genesis),
        };
        BlockPlace { height: self.height(block), jump }
    }

    /// What `message` proposes, if it proposes a block: where that stands. For who archives the
    /// message.
    pub fn place_of_proposal<D: HashedDag<Estimate: BlockEstimate>>(
        &self,
        dag: &D,
        message: MessageIndex,
    ) -> Option<BlockPlace> {
        let BlockVote::Propose { .. } = dag.estimate(message).block_vote() else { return None };
        match self.voted_by(message) {
            Some(block) => Some(self.place(dag, block)),
            None => Some(self.outlying(&dag.hash(message))?.place),
        }
    }

    /// The block with this hash, if it is the root, or is beside the tree and its proposal is held.
    pub fn outlying(&self, hash: &MessageHash) -> Option<OutlyingBlock> {
        self.outlying.get(hash).map(|&(_, block)| block)
    }

    /// The last message taken in, `message`, proposes this block, which is not on the root.
    pub fn insert_outlying<D: HashedDag>(
        &mut self,
        dag: &D,
        message: MessageIndex,
        block: OutlyingBlock,
    ) {
        self.outlying.insert(dag.hash(message), (message, block));
    }

    /// Drops all blocks that are not on `root`, which takes the place of the genesis: the root of
    /// what is left. Heights stay as they are. The view has dropped messages
    /// ([`View::prune`](cbc_view::View::prune) answers `pruned`), but not the proposals of the blocks
    /// on `root`.
    ///
    /// Answers the blocks that are left, by their old numbers, ascending: their new numbers are
    /// their places. O(n log n).
    pub fn prune(&mut self, root: BlockIndex, pruned: &Pruned) -> Vec<BlockIndex> {
        let id = |block: u32| match self.proposal(BlockIndex(block)) {
            None => BlockId::Genesis,
            Some(message) => BlockId::Proposed(pruned.hash(message)),
        };
        let link = |link: Result<u32, usize>| link.map_or_else(|above| self.above[above], id);
        let above = self.tree.jumps_of(root.0).map(link).collect();
        let renumbering = Renumbering::keeping(self.tree.len(), |block| {
            self.tree.is_ancestor_or_same(root.0, block)
        });
        let mut outlying: BTreeMap<_, _> = self
            .outlying
            .iter()
            .filter_map(|(&hash, &(message, block))| Some((hash, (pruned.index(message)?, block))))
            .collect();
        for block in self.iter().filter(|&it| it == root || renumbering.get(it.0).is_none()) {
            let (Some(proposal), Some(parent)) = (self.proposal(block), self.parent(block)) else {
                continue; // The root so far is known, or is the genesis.
            };
            if let Some(held) = pruned.index(proposal) {
                let jump = link(self.tree.jump_of(block.0));
                let place = BlockPlace { height: self.height(block), jump };
                let beside = OutlyingBlock { parent: id(parent.0), place };
                outlying.insert(pruned.hash(proposal), (held, beside));
            }
        }
        let block = |old: BlockIndex| match renumbering.get(old.0) {
            Some(new) => BlockIndex(new),
            None if self.is_ancestor_or_same(old, root) => SETTLED,
            None => NO_BLOCK,
        };
        let vote = |old: MessageIndex| match self.voted_by(old) {
            Some(voted) => block(voted),
            None if self.is_vote_settled(old) => SETTLED,
            None => NO_BLOCK,
        };
        let votes = pruned.iter().map(|(old, _)| vote(old)).collect();
        (self.votes, self.above, self.outlying) = (votes, above, outlying);
        self.proposals.renumber(&renumbering);
        for proposal in self.proposals.iter_mut() {
            *proposal = pruned.index(*proposal).unwrap_or(NO_MESSAGE);
        }
        self.tree.prune(&renumbering);
        renumbering.iter().map(|(old, _)| BlockIndex(old)).collect()
    }

    /// All blocks, the genesis first, every other after its parent.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = BlockIndex> + DoubleEndedIterator + use<> {
        (0..self.tree.len() as u32).map(BlockIndex)
    }
}

impl Default for BlockTree {
    fn default() -> Self {
        Self::new()
    }
}

/// A vote for, or a proposal on, a block that nobody proposed in this view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("unknown block {block}: no justified message proposes it")]
pub struct UnknownBlock {
    /// The block.
    pub block: BlockId,
}
