//! LMD GHOST: the fork choice by latest messages (semantics §5).

#[cfg(test)]
mod tests;

use cbc_message::{
    BlockEstimate, BlockId, BlockVote, MessageHash, ValidatorId, ValidatorSet, Weight,
};
use cbc_view::{Archive, Citations, HashedDag, MessageIndex, Pruned, Refusal, Seen, Unjudged};

use super::ancestry::{self, Ancestry};
use super::followed::FollowedVotes;
use super::outlying::{BlockPlace, OutlyingBlock, OutlyingBlocks, voted_block};
use super::{BlockIndex, BlockTree, UnknownBlock};
use crate::{Breach, Case, Estimator, Follower, Judged, Leads, MajorityDriven, Vote, votes};

/// The greedy heaviest-observed subtree (Sompolinsky and Zohar, "Secure high-rate transaction
/// processing in Bitcoin", 2015), observed by latest messages (semantics §5).
///
/// The score of a block is the weight of the votes on it or on a descendant of it. The head is
/// found from the start block by going to the child with the greatest score, as long as that is
/// more than 0; among equal scores, to the child with the greatest hash. O(N log N log n) for N
/// votes among n blocks, whatever the shape of the tree.
///
/// [`track`](Follower::track) is quicker still. It keeps the votes that it was asked of last in
/// place, in [`LoadedVotes`](super::LoadedVotes), and moves those that differ: O(log V) to see each,
/// and, amortised, O(log² n) for each block that gained or lost votes, or O(n) if that is less. So
/// what a message costs to judge (rule V5) is what its maker had seen and the maker of the message
/// judged before had not, or the other way round.
///
/// It always has an answer: without votes, the start block.
///
/// # Below a new root
///
/// When what a final block settles is dropped, that block is the root of what is left. Votes for
/// blocks that are not on it still count, from the genesis: they may lead elsewhere.
///
/// Let the votes on the root outweigh all others together. At every fork on the way from the
/// genesis to the root, the votes on the root are on the child towards it, so that child has more
/// than any other; so the head is on the root, and what the other votes are for does not matter.
/// Else [`judge`](Follower::judge) asks for the blocks that they are for: those whose proposals
/// are held are known, the others are read from the archive, O(log n) of them for each.
#[derive(Clone, Debug, Default)]
pub struct Ghost {
    blocks: BlockTree,
    /// The same blocks under the same numbers, and the votes asked of last.
    followed: FollowedVotes,
    /// The message judged last, if it proposes a block that is not on the root, and that block.
    judged: Option<(MessageHash, OutlyingBlock)>,
}

/// The blocks on the root.
struct OnRoot<'a, D> {
    blocks: &'a BlockTree,
    dag: &'a D,
}

impl<D: HashedDag> Ancestry for OnRoot<'_, D> {
    type Block = BlockIndex;

    fn height(&self, block: BlockIndex) -> u32 {
        self.blocks.height(block)
    }

    fn ancestor_at(&self, block: BlockIndex, height: u32) -> Option<BlockIndex> {
        self.blocks.ancestor_at(block, height)
    }

    fn common_ancestor(&self, one: BlockIndex, other: BlockIndex) -> BlockIndex {
        self.blocks.common_ancestor(one, other)
    }

    fn id(&self, block: BlockIndex) -> BlockId {
        self.blocks.id(self.dag, block)
    }
}

impl Ghost {
    /// The fork choice that knows of no block but the genesis.
    pub fn new() -> Self {
        Self::default()
    }

    /// The blocks of the messages that it has been told of.
    pub fn blocks(&self) -> &BlockTree {
        &self.blocks
    }

    /// Whether the root is the genesis, which everything is on.
    fn is_unpruned(&self) -> bool {
        self.blocks.proposal(BlockIndex::GENESIS).is_none()
    }

    /// Whether the votes on the root outweigh all others.
    fn root_outweighs(&self, validators: &ValidatorSet, votes: &[Vote]) -> bool {
        if self.is_unpruned() {
            return true;
        }
        let (mut on_root, mut others) = (Weight::ZERO, Weight::ZERO);
        // A vote for a block that the root is on is for nothing that rivals the root.
        for vote in votes.iter().filter(|vote| !self.blocks.is_vote_settled(vote.message)) {
            let is_on_root = self.blocks.voted_by(vote.message).is_some();
            let sum = if is_on_root { &mut on_root } else { &mut others };
            *sum += validators.weight(vote.validator);
        }
        on_root > others
    }

    /// The block that the votes lead to from the genesis, if that is not on the root. Meaningless
    /// if anything is missing.
    fn head_beside_root<D: HashedDag<Estimate: BlockEstimate>>(
        &self,
        dag: &D,
        validators: &ValidatorSet,
        votes: &[Vote],
        dropped: &[(ValidatorId, MessageHash)],
        outlying: &OutlyingBlocks<'_, D::Estimate>,
    ) -> Option<BlockId> {
        let root = self.blocks.id(dag, BlockIndex::GENESIS);
        let held = votes.iter().filter_map(|vote| {
            let weight = validators.weight(vote.validator);
            let block = match self.blocks.voted_by(vote.message) {
                Some(_) => root,
                None => voted_block(dag.hash(vote.message), dag.estimate(vote.message)),
            };
            (!weight.is_zero()).then_some((block, weight))
        });
        let dropped = dropped.iter().filter_map(|(validator, message)| {
            let weight = validators.weight(*validator);
            if weight.is_zero() {
                return None;
            }
            Some((outlying.voted_by(message)?, weight))
        });
        let votes: Vec<_> = held.chain(dropped).collect();
        let head = ancestry::head(outlying, votes.into_iter(), BlockId::Genesis);
        (head != root).then_some(head)
    }

    /// Whether `block` is the genesis, or a block that a vote is on: then a message with these
    /// votes has the block's proposal in its past.
    fn is_voted<D: HashedDag<Estimate: BlockEstimate>>(
        &self,
        dag: &D,
        block: BlockId,
        case: &Case<'_, D::Estimate>,
        outlying: &OutlyingBlocks<'_, D::Estimate>,
    ) -> bool {
        let BlockId::Proposed(hash) = block else { return true };
        let votes = || case.citations.latest_messages().map(|(_, message)| message);
        if let Ok(block) = self.blocks.resolve(dag, block) {
            // Most build on the proposal that was made last.
            let is_vote = |it| case.citations.get(dag.sender(it)) == Seen::Latest(it);
            if dag.find(&hash).is_some_and(is_vote) {
                return true;
            }
            let is_on_block = |message| {
                let voted = self.blocks.voted_by(message);
                voted.is_some_and(|voted| self.blocks.is_ancestor_or_same(block, voted))
            };
            return votes().any(is_on_block);
        }
        // All there is may be on the genesis.
        if self.is_unpruned() || outlying.is_no_block(block) {
            return false;
        }
        let root = self.blocks.id(dag, BlockIndex::GENESIS);
        let held = votes().map(|message| match self.blocks.voted_by(message) {
            Some(_) => root,
            None => voted_block(dag.hash(message), dag.estimate(message)),
        });
        let dropped = case.citations.dropped();
        let dropped = dropped.filter_map(|(_, message)| outlying.voted_by(&message));
        let voted: Vec<_> = held.chain(dropped).collect();
        voted.contains(&block)
            || voted.into_iter().any(|voted| outlying.is_ancestor_or_same(block, voted))
    }
}

impl<D: HashedDag<Estimate: BlockEstimate>> Estimator<D> for Ghost {
    type Value = BlockIndex;
    type Inadmissible = UnknownBlock;
    type Answer = BlockId;

    /// The head; always there. Votes that are not on the start block do not count.
    fn estimate(
        &self,
        dag: &D,
        validators: &ValidatorSet,
        votes: &[Vote],
        start: Option<&BlockIndex>,
    ) -> Option<BlockIndex> {
        let start = start.copied().unwrap_or(BlockIndex::GENESIS);
        let votes = votes.iter().filter_map(|vote| {
            Some((self.blocks.voted_by(vote.message)?, validators.weight(vote.validator)))
        });
        Some(ancestry::head(&OnRoot { blocks: &self.blocks, dag }, votes, start))
    }

    fn answer(&self, dag: &D, value: &BlockIndex) -> BlockId {
        self.blocks.id(dag, *value)
    }

    /// Whether the message proposes on the head, or votes for it.
    ///
    /// A vote for an ancestor of the head does not follow. It would not be on what the head is on,
    /// so validators could take back, one after another and without equivocating, the votes that
    /// made a block final: nothing that an oracle says of a block would hold.
    fn follows(&self, dag: &D, head: &BlockIndex, estimate: &D::Estimate) -> bool {
        let (BlockVote::Propose { parent: block } | BlockVote::Vote { block }) =
            estimate.block_vote();
        self.blocks.id(dag, *head) == block
    }
}

impl<D: HashedDag<Estimate: BlockEstimate>> Follower<D> for Ghost {
    fn insert(&mut self, dag: &D, message: MessageIndex) {
        match self.blocks.insert(dag, message) {
            Ok(block) => {
                if block.index() == self.followed.loaded.block_count()
                    && let Some(parent) = self.blocks.parent(block)
                {
                    self.followed.loaded.insert(parent, dag.hash(message));
                }
            }
            // Not on the root: it counts as no vote there.
            Err(_) => {
                if let Some((hash, block)) = self.judged
                    && hash == dag.hash(message)
                {
                    self.blocks.insert_outlying(dag, message, block);
                }
            }
        }
        self.followed.stored(message, || dag.hash(message));
    }

    fn track(
        &mut self,
        dag: &D,
        validators: &ValidatorSet,
        seen: &Citations<'_>,
        start: Option<&BlockIndex>,
    ) -> Option<BlockIndex> {
        self.followed.follow(&self.blocks, dag, validators, seen, None);
        Some(self.followed.loaded.head(start.copied().unwrap_or(BlockIndex::GENESIS)))
    }

    /// If the message proposes a block: where that stands.
    fn note(&self, dag: &D, message: MessageIndex) -> Vec<u8> {
        let place = self.blocks.place_of_proposal(dag, message);
        place.map_or(Vec::new(), BlockPlace::to_note)
    }

    /// Whatever is no vote for a block on `root`.
    fn is_settled(&self, _: &D, root: &BlockIndex, message: MessageIndex) -> bool {
        let voted = self.blocks.voted_by(message);
        voted.is_none_or(|block| !self.blocks.is_ancestor_or_same(*root, block))
    }

    /// Drops the blocks that are not on `root`, which becomes the root.
    fn prune(&mut self, pruned: &Pruned, root: &BlockIndex, values: &mut [&mut BlockIndex]) {
        self.followed.prune_to(*root);
        let kept = self.blocks.prune(*root, pruned);
        for value in values {
            let new = kept.binary_search(value);
            **value = new.map_or(BlockIndex::GENESIS, |new| BlockIndex::new(new as u32));
        }
    }

    /// The block must be the head of what the message cites; or, if that is not to be checked, one
    /// that the message has in its past: the genesis, or a block that a vote is on.
    fn judge(
        &mut self,
        dag: &D,
        validators: &ValidatorSet,
        case: &Case<'_, D::Estimate>,
        archive: Option<&dyn Archive<D::Estimate>>,
    ) -> Judged<UnknownBlock, BlockId> {
        let (BlockVote::Propose { parent: block } | BlockVote::Vote { block }) =
            case.estimate.block_vote();
        let mut tracked = None;
        if case.check {
            let Case { citations, message, .. } = case;
            self.followed.follow(&self.blocks, dag, validators, citations, Some(*message));
            if self.is_unpruned() || self.followed.root_outweighs() {
                tracked = Some(self.followed.loaded.head(BlockIndex::GENESIS));
            }
        }
        if let Some(head) = tracked
            && self.follows(dag, &head, case.estimate)
        {
            return Ok(());
        }
        let outlying = OutlyingBlocks::new(&self.blocks, archive);
        let verdict = if let Some(head) = tracked {
            Err(Breach::DoesNotFollow(self.answer(dag, &head)))
        } else if case.check {
            let (votes, dropped) = (votes(&case.citations), case.dropped());
            let beside = self.head_beside_root(dag, validators, &votes, &dropped, &outlying);
            let head = beside.unwrap_or_else(|| {
                let head = self.estimate(dag, validators, &votes, None);
                self.answer(dag, &head.unwrap_or(BlockIndex::GENESIS))
            });
            if head == block { Ok(()) } else { Err(Breach::DoesNotFollow(head)) }
        } else if self.is_voted(dag, block, case, &outlying) {
            Ok(())
        } else {
            Err(Breach::Inadmissible(UnknownBlock { block }))
        };
        let is_beside = verdict.is_ok()
            && matches!(case.estimate.block_vote(), BlockVote::Propose { .. })
            && self.blocks.resolve(dag, block).is_err();
        let judged = is_beside.then(|| {
            (case.message, OutlyingBlock { parent: block, place: outlying.place_on(block) })
        });
        let needs = outlying.into_missing();
        if !needs.is_empty() {
            return Err(Unjudged::BelowHorizon { needs }.into());
        }
        self.judged = judged;
        verdict.map_err(Refusal::Breaks)
    }

    fn leads(
        &self,
        dag: &D,
        validators: &ValidatorSet,
        votes: &[Vote],
        archive: Option<&dyn Archive<D::Estimate>>,
    ) -> Result<Leads, Unjudged> {
        if self.root_outweighs(validators, votes) {
            return Ok(Leads::OnRoot);
        }
        let outlying = OutlyingBlocks::new(&self.blocks, archive);
        let beside = self.head_beside_root(dag, validators, votes, &[], &outlying);
        let root = self.blocks.id(dag, BlockIndex::GENESIS);
        let leads = match beside {
            None => Leads::OnRoot,
            Some(head) if outlying.is_ancestor_or_same(head, root) => Leads::Above,
            Some(_) => Leads::Elsewhere,
        };
        let needs = outlying.into_missing();
        if needs.is_empty() { Ok(leads) } else { Err(Unjudged::BelowHorizon { needs }) }
    }
}

/// For "on block b": let the votes on b weigh more than half of the voting weight, and let b be on
/// the start block, or the start block on b.
///
/// If the start block is on b, so is the head, which is on the start block. Else the start block is
/// an ancestor of b. At every ancestor of b, the child towards b has a score of more than half.
/// That is more than 0, so the head is not that ancestor; and each vote is on one child at most, so
/// every other child has less than half, and neither weight nor hash lets it win. So the way from
/// the start block leads to b, and the head is on b.
///
/// From the genesis, as validity is judged (rule V5), that is every block. A start block that
/// conflicts with b is one that was finalized and then overturned: from it, no head is on b.
impl MajorityDriven for Ghost {}
