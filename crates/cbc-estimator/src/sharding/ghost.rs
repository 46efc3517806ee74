//! GHOST on a tree of shards.

use cbc_message::{BlockId, MessageHash, Shard, ShardVote, ValidatorSet, Weight};
use cbc_view::{Archive, Chain, HashedDag, MessageDag, MessageIndex, Refusal, Unjudged};
use thiserror::Error;

use super::shards::{ShardBlock, ShardHeads, ShardTree, ShardedBlocks};
use crate::blocks::ancestry::{self, Ancestry};
use crate::{Breach, Case, Estimator, Follower, Judged, MajorityDriven, Vote, votes};

/// LMD GHOST on a tree of shards, whose chains are tied to each other by merge blocks (semantics
/// §5).
///
/// A block is on one shard, or, a *merge block*, on a shard and on the parent of that. A message
/// votes on every shard: with its own block on the shards that has, and on all others with the
/// heads that follow from its justification. On the root, the head is that of GHOST from the
/// genesis. On a child, whose parent's chain is known by then, GHOST starts from the last merge
/// block of the two that is on the parent's chain, or from the genesis if there is none; and no
/// merge block of the two is a candidate any more: of those the parent's fork choice decides.
///
/// So the merge blocks of two adjacent shards that are on the chain of the one are on that of the
/// other. By induction over the depth, and over the blocks: up to where a child's chain starts, it
/// is that of a merge block's maker, which had the merge blocks that the parent's chain had then,
/// and after that there is none on either.
///
/// O(S v log v log n) for S shards and v votes among n blocks; on a child also O(1) for each merge
/// block between a vote and where its shard's chain starts. Memory: O(S) for each message. Nothing
/// is ever settled: what a view drops is nothing.
#[derive(Clone, Debug)]
pub struct ShardedGhost {
    pub(super) blocks: ShardedBlocks,
    /// For each message, what it votes for; none for one that it was not asked to judge.
    pub(super) votes: Vec<Option<ShardHeads>>,
    /// The message judged last, the heads of its justification, and whether its block counts.
    judged: Option<(MessageHash, ShardHeads, bool)>,
}

/// A vote on shards that there are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotInShards {
    /// A shard that is too deep.
    #[error("there is no shard {shard}: they are at most {depth} below the root")]
    TooDeep {
        /// The shard.
        shard: Shard,
        /// The depth of the deepest shards.
        depth: u32,
    },
    /// A merge of the root with its parent.
    #[error("the root shard has no parent to merge with")]
    RootHasNoParent,
}

impl ShardedGhost {
    /// The estimator for all shards of at most this depth: there are `2^(depth + 1) − 1`, each of
    /// which takes memory for every message.
    pub fn new(depth: u32) -> Self {
        Self { blocks: ShardedBlocks::new(depth), votes: Vec::new(), judged: None }
    }

    /// The blocks of the messages that it has been told of.
    pub fn blocks(&self) -> &ShardedBlocks {
        &self.blocks
    }

    /// What `message` votes for: the heads of its justification, with its own block on them. None
    /// of a message that it was told of without having been asked to judge it first.
    pub fn voted_by(&self, message: MessageIndex) -> Option<&ShardHeads> {
        self.votes.get(message.index())?.as_ref()
    }

    /// The heads by these votes, from the node of this number of the root shard on.
    pub(super) fn heads(
        &self,
        validators: &ValidatorSet,
        votes: &[Vote],
        start: u32,
    ) -> ShardHeads {
        let votes = votes.iter().filter_map(|vote| {
            Some((self.voted_by(vote.message)?, validators.weight(vote.validator)))
        });
        let votes: Vec<(&ShardHeads, Weight)> = votes.collect();
        let mut heads = vec![0; self.blocks.shards().count()];
        for shard in self.blocks.shards() {
            let tree = self.blocks.tree(shard);
            let votes = votes.iter().map(|&(heads, weight)| (heads.0[shard.index()], weight));
            heads[shard.index()] = match shard.parent() {
                None => ancestry::head(tree, votes, start),
                Some(parent) => {
                    let start = self.blocks.start(shard, heads[parent.index()]);
                    let votes = votes.filter_map(|(block, weight)| {
                        Some((tree.before_merges(block, start)?, weight))
                    });
                    ancestry::head(tree, votes, start)
                }
            };
        }
        ShardHeads(heads.into())
    }

    /// Whether the blocks that `vote` builds on are the heads.
    fn is_on_heads(&self, heads: &ShardHeads, vote: &ShardVote) -> bool {
        let is_head = |shard: Shard, id: BlockId| {
            heads.of(shard).is_some_and(|head| self.blocks.id(head) == id)
        };
        match *vote {
            ShardVote::Propose { shard, parent } => is_head(shard, parent),
            ShardVote::Merge { child, above, below } => {
                child.parent().is_some_and(|parent| is_head(parent, above)) && is_head(child, below)
            }
            ShardVote::Vote => true,
        }
    }
}

impl ShardTree {
    /// The last block of the chain that ends in `block` before, after `start`, it is merged with
    /// the shard's parent again; none if `block` is not on `start`.
    fn before_merges(&self, mut block: u32, start: u32) -> Option<u32> {
        loop {
            // The merge blocks of a chain are on each other, and `start` is one, or the genesis.
            let anchor = self.blocks[block as usize].anchor;
            if anchor == start {
                return Some(block);
            }
            if self.height(anchor) <= self.height(start) {
                return None;
            }
            block = self.tree.parent(anchor)?;
        }
    }
}

impl<D: HashedDag<Estimate = ShardVote>> Estimator<D> for ShardedGhost {
    type Value = ShardHeads;
    type Inadmissible = NotInShards;
    /// The heads, each shard's after its parent's.
    type Answer = Vec<BlockId>;

    fn admit(&self, estimate: &ShardVote) -> Result<(), NotInShards> {
        let shard = match *estimate {
            ShardVote::Vote => return Ok(()),
            ShardVote::Propose { shard, .. } => shard,
            ShardVote::Merge { child: Shard::ROOT, .. } => {
                return Err(NotInShards::RootHasNoParent);
            }
            ShardVote::Merge { child, .. } => child,
        };
        let depth = self.blocks.depth();
        if shard.depth() > depth { Err(NotInShards::TooDeep { shard, depth }) } else { Ok(()) }
    }

    /// The heads; always there. Votes that are not on the start block of the root shard do not
    /// count there; the other shards start from their parents.
    fn estimate(
        &self,
        _: &D,
        validators: &ValidatorSet,
        votes: &[Vote],
        start: Option<&ShardHeads>,
    ) -> Option<ShardHeads> {
        let start = start.and_then(|start| start.of(Shard::ROOT)).map_or(0, |root| root.node);
        Some(self.heads(validators, votes, start))
    }

    fn answer(&self, _: &D, heads: &ShardHeads) -> Vec<BlockId> {
        heads.iter().map(|head| self.blocks.id(head)).collect()
    }

    /// Whether the message's block is built on the heads of its shards.
    fn follows(&self, _: &D, heads: &ShardHeads, estimate: &ShardVote) -> bool {
        self.is_on_heads(heads, estimate)
    }
}

impl<D: HashedDag<Estimate = ShardVote>> Follower<D> for ShardedGhost {
    fn insert(&mut self, dag: &D, message: MessageIndex) {
        let judged = self.judged.take_if(|(hash, ..)| *hash == dag.hash(message));
        self.votes.resize(message.index() + 1, None);
        let Some((_, heads, counts)) = judged else { return };
        let vote = if counts { dag.estimate(message) } else { &ShardVote::Vote };
        self.votes[message.index()] = Some(self.blocks.push(dag, message, &heads, vote));
    }

    /// The message's block must be built on the heads of what it cites. If that is not to be
    /// checked, a block that is not counts for nothing, and its message votes for the heads.
    fn judge(
        &mut self,
        dag: &D,
        validators: &ValidatorSet,
        case: &Case<'_, ShardVote>,
        _: Option<&dyn Archive<ShardVote>>,
    ) -> Judged<NotInShards, Vec<BlockId>> {
        let admitted = Estimator::<D>::admit(self, case.estimate);
        admitted.map_err(|error| Refusal::Breaks(Breach::Inadmissible(error)))?;
        let needs: Vec<MessageHash> = case.dropped().into_iter().map(|(_, hash)| hash).collect();
        if !needs.is_empty() {
            return Err(Unjudged::BelowHorizon { needs }.into());
        }
        let heads = self.heads(validators, &votes(&case.citations), 0);
        let counts = self.is_on_heads(&heads, case.estimate);
        if case.check && !counts {
            return Err(Refusal::Breaks(Breach::DoesNotFollow(self.answer(dag, &heads))));
        }
        self.judged = Some((case.message, heads, counts));
        Ok(())
    }
}

/// For "the root shard's chain has block b": on the root this is LMD GHOST, and the proof is that
/// of [`Ghost`](crate::Ghost).
///
/// So whatever b [implies](ShardedBlocks::implied) holds, too: the child's chain has the last merge
/// block of the two that is on the root's chain up to b, and whatever that one is built on, and so
/// on down the shards.
///
/// # What does not hold
///
/// "The child's chain has block c" is *not* majority driven, also where the merge block that c
/// starts from is on the parent's chain for good. A validator of any weight that has not seen c may
/// build, validly, the next merge block of the two on a block beside c; as long as nobody votes for
/// anything else after the same block of the parent, GHOST goes there, and the child starts from
/// there, beside c. A test has this in four messages, without any equivocation. So nothing of a
/// child's chain is final before a merge block after it is, on its parent's chain.
impl MajorityDriven for ShardedGhost {}

/// The blocks of the root shard up to this one, by height. O(log n) a message.
#[derive(Clone, Copy, Debug)]
pub struct UpToRootBlock<'a> {
    /// What the DAG's messages vote for.
    pub estimator: &'a ShardedGhost,
    /// The last candidate, on the root shard.
    pub block: ShardBlock,
}

impl<D: MessageDag + ?Sized> Chain<D> for UpToRootBlock<'_> {
    fn depth(&self) -> u32 {
        self.estimator.blocks.height(self.block)
    }

    fn agreement(&self, _: &D, message: MessageIndex) -> u32 {
        let blocks = &self.estimator.blocks;
        let voted = self.estimator.voted_by(message).and_then(|heads| heads.of(Shard::ROOT));
        voted.map_or(0, |voted| blocks.height(blocks.common_ancestor(voted, self.block)))
    }
}
