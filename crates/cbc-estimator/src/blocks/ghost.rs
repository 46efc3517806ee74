//! LMD GHOST: the fork choice by latest messages (semantics §5).

use cbc_message::{
    BlockEstimate, BlockId, BlockVote, MessageHash, ValidatorId, ValidatorSet, Weight,
};
use cbc_view::{Archive, HashedDag, MessageIndex, Pruned, Refusal, Unjudged};

use super::ancestry::{self, Ancestry};
use super::outlying::{BlockPlace, OutlyingBlock, OutlyingBlocks, voted_block};
use super::{BlockIndex, BlockTree, LoadedVotes, UnknownBlock};
use crate::{Breach, Case, Estimator, Follower, Judged, Leads, MajorityDriven, Vote};

/// The greedy heaviest-observed subtree (Sompolinsky and Zohar, "Secure high-rate transaction
/// processing in Bitcoin", 2015), observed by latest messages (semantics §5).
///
/// The score of a block is the weight of the votes on it or on a descendant of it. The head is
/// found from the start block by going to the child with the greatest score, as long as that is
/// more than 0; among equal scores, to the child with the greatest hash. O(N log N log n) for N
/// votes among n blocks, whatever the shape of the tree.
///
/// [`track`](Follower::track) is quicker still. It keeps the votes that it was asked of last in
/// place, in [`LoadedVotes`], and moves those that differ: O(N) to see which, and O(log² n)
/// amortised for each.
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
    loaded: LoadedVotes,
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

    /// Whether the votes on the root outweigh all others.
    fn root_outweighs(
        &self,
        validators: &ValidatorSet,
        votes: &[Vote],
        dropped: &[(ValidatorId, MessageHash)],
    ) -> bool {
        if self.blocks.proposal(BlockIndex::GENESIS).is_none() {
            return true; // Everything is on the genesis.
        }
        let (mut on_root, mut others) = (Weight::ZERO, Weight::ZERO);
        // A vote for a block that the root is on is for nothing that rivals the root.
        for vote in votes.iter().filter(|vote| !self.blocks.is_vote_settled(vote.message)) {
            let is_on_root = self.blocks.voted_by(vote.message).is_some();
            let sum = if is_on_root { &mut on_root } else { &mut others };
            *sum += validators.weight(vote.validator);
        }
        others += validators.weight_of(dropped.iter().map(|&(validator, _)| validator));
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
        if block == BlockId::Genesis {
            return true;
        }
        let votes = || case.votes.iter().map(|vote| vote.message);
        if let Ok(block) = self.blocks.resolve(dag, block) {
            let is_on_block = |message| {
                let voted = self.blocks.voted_by(message);
                voted.is_some_and(|voted| self.blocks.is_ancestor_or_same(block, voted))
            };
            // Most build on the vote that was cast last.
            return votes().max().is_some_and(is_on_block) || votes().any(is_on_block);
        }
        // All there is may be on the genesis.
        if self.blocks.proposal(BlockIndex::GENESIS).is_none() || outlying.is_no_block(block) {
            return false;
        }
        let root = self.blocks.id(dag, BlockIndex::GENESIS);
        let held = votes().map(|message| match self.blocks.voted_by(message) {
            Some(_) => root,
            None => voted_block(dag.hash(message), dag.estimate(message)),
        });
        let dropped = case.dropped.iter().filter_map(|(_, message)| outlying.voted_by(message));
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
                if block.index() == self.loaded.block_count()
                    && let Some(parent) = self.blocks.parent(block)
                {
                    self.loaded.insert(parent, dag.hash(message));
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
    }

    fn track(
        &mut self,
        _: &D,
        validators: &ValidatorSet,
        votes: &[Vote],
        start: Option<&BlockIndex>,
    ) -> Option<BlockIndex> {
        let mut votes = votes.iter().peekable();
        for validator in validators.ids() {
            let vote = votes.next_if(|vote| vote.validator == validator);
            match vote.and_then(|vote| self.blocks.voted_by(vote.message)) {
                Some(block) => {
                    self.loaded.set(validator, block, validators.weight(validator));
                }
                None => self.loaded.withdraw(validator),
            }
        }
        let start = start.copied().unwrap_or(BlockIndex::GENESIS);
        Some(self.loaded.head(start))
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
        self.loaded.prune_to(*root);
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
        let quick = case.check && self.root_outweighs(validators, case.votes, case.dropped);
        let tracked = if quick { self.track(dag, validators, case.votes, None) } else { None };
        if let Some(head) = tracked
            && self.follows(dag, &head, case.estimate)
        {
            return Ok(());
        }
        let outlying = OutlyingBlocks::new(&self.blocks, archive);
        let verdict = if let Some(head) = tracked {
            Err(Breach::DoesNotFollow(self.answer(dag, &head)))
        } else if case.check {
            let Case { votes, dropped, .. } = *case;
            let beside = self.head_beside_root(dag, validators, votes, dropped, &outlying);
            let head = beside.unwrap_or_else(|| {
                let head = self.estimate(dag, validators, votes, None);
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
        if self.root_outweighs(validators, votes, &[]) {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cbc_message::{BlockId, MessageHash, ValidatorId};
    use cbc_testkit::Dag;
    use cbc_view::{Archived, MemoryArchive, MessageDag, View};
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::testing::{Messages, hash, vote, weights};

    fn told_of(messages: &Messages<BlockVote>) -> Ghost {
        let mut ghost = Ghost::new();
        for message in messages.indices() {
            ghost.insert(messages, message);
        }
        ghost
    }

    /// The name of the head from the block `start`, in a DAG in which message i is the only one of
    /// validator i, which weighs `weights[i]`.
    fn head_from(start: &str, text: &str, units: &[u64]) -> String {
        let dag = Dag::<BlockVote>::parse(text);
        let messages = Messages::from(&dag);
        let ghost = told_of(&messages);
        let start = match start {
            "G" => BlockId::Genesis,
            name => BlockId::Proposed(dag[name].hash()),
        };
        let start = ghost.blocks().resolve(&messages, start).unwrap();
        let votes: Vec<Vote> = messages.indices().map(vote).collect();
        let head = ghost.estimate(&messages, &weights(units), &votes, Some(&start));
        match ghost.blocks().id(&messages, head.unwrap()) {
            BlockId::Genesis => "G".to_owned(),
            BlockId::Proposed(hash) => dag.name(hash).to_owned(),
        }
    }

    #[test]
    fn the_head_is_on_the_heaviest_child_at_every_fork() {
        let text = "a 0 ^G; b 1 ^G; a1 2 ^a a; a2 3 ^a a; b1 4 ^b b; v 5 =b b; w 6 =a2 a2";
        // On a: 1 + 2 + 3 + 1 = 7, of which on a2: 3 + 1. On b: 2 + 4.
        assert_eq!(head_from("G", text, &[1, 2, 2, 3, 4, 0, 1]), "a2");
        // One more for b itself, and its only child is the head, by whatever votes it has.
        assert_eq!(head_from("G", text, &[1, 2, 2, 3, 4, 2, 1]), "b1");
    }

    #[test]
    fn the_head_is_the_deepest_block_with_votes() {
        let text = "a 0 ^G; b 1 ^a a; c 2 ^b b; d 3 ^c c";
        assert_eq!(head_from("G", text, &[5, 0, 1, 0]), "c");
        assert_eq!(head_from("G", text, &[5, 0, 0, 0]), "a");
    }

    #[test]
    fn without_weight_the_head_is_the_start_block() {
        let text = "a 0 ^G; b 1 ^a a";
        assert_eq!(head_from("G", text, &[0, 0]), "G");
        assert_eq!(head_from("b", text, &[1, 0]), "b");
        let nobody = Messages::<BlockVote>::default();
        let head = Ghost::new().estimate(&nobody, &weights(&[1]), &[], None);
        assert_eq!(head, Some(BlockIndex::GENESIS));
    }

    #[test]
    fn votes_that_are_not_on_the_start_block_do_not_count() {
        let text = "a 0 ^G; b 1 ^G; a1 2 ^a a; a2 3 ^a a";
        assert_eq!(head_from("G", text, &[0, 9, 3, 4]), "b");
        assert_eq!(head_from("a", text, &[0, 9, 3, 4]), "a2");
        assert_eq!(head_from("a1", text, &[0, 9, 3, 4]), "a1");
    }

    #[test]
    fn a_tie_goes_to_the_greater_hash_of_the_child_not_of_the_voted_block() {
        let root = BlockId::Genesis;
        for (one, other) in [(1, 2), (2, 1)] {
            let mut messages = Messages::default();
            let a = messages.push(hash(one, 0), BlockVote::Propose { parent: root });
            let b = messages.push(hash(other, 1), BlockVote::Propose { parent: root });
            // The children's children have hashes in the opposite order.
            let on = |parent| BlockVote::Propose { parent: BlockId::Proposed(parent) };
            let on_a = messages.push(hash(other, 2), on(messages.hash(a)));
            let on_b = messages.push(hash(one, 3), on(messages.hash(b)));
            let ghost = told_of(&messages);
            let votes = [vote(on_a), vote(on_b)];
            let head = ghost.estimate(&messages, &weights(&[0, 0, 7, 7]), &votes, None);
            let winner = if one > other { on_a } else { on_b };
            assert_eq!(head, ghost.blocks().voted_by(winner));
        }
    }

    #[test]
    fn v5_a_message_proposes_on_the_head_or_votes_for_it() {
        let dag = Dag::<BlockVote>::parse("a 0 ^G; b 1 ^a a; c 2 ^b b; d 3 ^a a");
        let messages = Messages::from(&dag);
        let ghost = told_of(&messages);
        let block = |name: &str| BlockId::Proposed(dag[name].hash());
        let head = ghost.blocks().resolve(&messages, block("b")).unwrap();
        let proposes = |parent| ghost.follows(&messages, &head, &BlockVote::Propose { parent });
        let votes = |block| ghost.follows(&messages, &head, &BlockVote::Vote { block });

        assert!(proposes(block("b")));
        assert!(!proposes(block("a")) && !proposes(block("c")) && !proposes(BlockId::Genesis));
        assert!(votes(block("b")));
        assert!(!votes(block("a")) && !votes(BlockId::Genesis), "no vote is taken back so");
        assert!(!votes(block("c")) && !votes(block("d")));
    }

    /// What becomes of a vote for `block`, and of a proposal on it, of somebody who has seen these.
    fn verdicts(
        ghost: &mut Ghost,
        messages: &Messages<BlockVote>,
        seen: &[MessageIndex],
        check: bool,
        block: BlockId,
    ) -> [Judged<UnknownBlock, BlockId>; 2] {
        let votes: Vec<Vote> = seen.iter().copied().map(vote).collect();
        [BlockVote::Vote { block }, BlockVote::Propose { parent: block }].map(|estimate| {
            let case = Case {
                message: hash(9, 9),
                estimate: &estimate,
                votes: &votes,
                dropped: &[],
                check,
            };
            ghost.judge(messages, &weights(&[1, 1, 1]), &case, None)
        })
    }

    #[test]
    fn a_block_that_nobody_seen_proposes_or_votes_for_is_refused_whoever_else_does() {
        let dag = Dag::<BlockVote>::parse("a 0 ^G; v 1 =a a; c 2 ^G");
        let messages = Messages::from(&dag);
        let mut ghost = told_of(&messages);
        let block = |name: &str| BlockId::Proposed(dag[name].hash());
        let [a, v, c] = [0, 1, 2].map(MessageIndex::new);
        for seen in [&[a][..], &[v], &[a, v], &[a, c]] {
            for known in [BlockId::Genesis, block("a")] {
                let ok = [Ok(()), Ok(())];
                assert_eq!(verdicts(&mut ghost, &messages, seen, false, known), ok);
            }
        }
        // A vote is no block, no message has this hash, and those who saw these did not see that.
        let unknown = |block| Err(Refusal::Breaks(Breach::Inadmissible(UnknownBlock { block })));
        for (seen, block) in [
            (&[a, v][..], block("v")),
            (&[a, v], BlockId::Proposed(hash(0, 0))),
            (&[a, v], block("c")),
            (&[c], block("a")),
            (&[], block("a")),
        ] {
            let refused = [unknown(block), unknown(block)];
            assert_eq!(verdicts(&mut ghost, &messages, seen, false, block), refused);
            // What they should have voted for, or built on, says more where that is asked.
            let head = match seen.first() {
                Some(&first) => {
                    ghost.blocks().id(&messages, ghost.blocks().voted_by(first).unwrap())
                }
                None => BlockId::Genesis,
            };
            let other = Err(Refusal::Breaks(Breach::DoesNotFollow(head)));
            let verdict = verdicts(&mut ghost, &messages, seen, true, block);
            assert_eq!(verdict, [other.clone(), other]);
        }
        // Seen, but not the head.
        let other = Err(Refusal::Breaks(Breach::DoesNotFollow(block("a"))));
        let verdict = verdicts(&mut ghost, &messages, &[a, v], true, BlockId::Genesis);
        assert_eq!(verdict, [other.clone(), other]);
    }

    /// Weights of three, and what is left of `text` to a [`Ghost`] when the message a has been
    /// dropped, and b, which is a block on a, is the root.
    fn pruned(text: &str) -> (View<BlockVote>, Ghost, MemoryArchive<BlockVote>) {
        let dag = Dag::<BlockVote>::parse(text);
        let mut view = View::new(Arc::new(weights(&[2, 3, 4])));
        let mut ghost = Ghost::new();
        for message in dag.messages() {
            for message in view.insert(message.clone()).unwrap().justified.iter() {
                ghost.insert(&view, message);
            }
        }
        let a = view.find(&dag["a"].hash()).unwrap();
        let root = ghost.blocks().resolve(&view, BlockId::Proposed(dag["b"].hash())).unwrap();
        let note = ghost.note(&view, a);
        let archive = MemoryArchive::new();
        let keep = |archived| archive.keep(Archived { note: note.clone(), ..archived });
        let pruned = view.prune(|message| message == a, keep);
        Follower::<View<BlockVote>>::prune(&mut ghost, &pruned, &root, &mut []);
        (view, ghost, archive)
    }

    /// The latest votes of these validators.
    fn latest(view: &View<BlockVote>, validators: &[u32]) -> Vec<Vote> {
        let vote = |&validator: &u32| {
            let validator = ValidatorId::new(validator);
            Vote { validator, message: view.latest_message(validator).unwrap() }
        };
        validators.iter().map(vote).collect()
    }

    #[test]
    fn a_block_above_the_root_is_in_the_past_of_who_has_seen_votes_on_the_root() {
        let text = "a 0 ^G; b 1 ^a a; c 2 ^b a b";
        let dag = Dag::<BlockVote>::parse(text);
        let (view, mut ghost, archive) = pruned(text);
        let a = BlockId::Proposed(dag["a"].hash());
        for (votes, block, expected) in [
            (latest(&view, &[1, 2]), a, Ok(())),
            (latest(&view, &[1, 2]), BlockId::Genesis, Ok(())),
            (Vec::new(), a, Err(Refusal::Breaks(Breach::Inadmissible(UnknownBlock { block: a })))),
        ] {
            let estimate = BlockVote::Vote { block };
            let case = Case {
                message: hash(9, 9),
                estimate: &estimate,
                votes: &votes,
                dropped: &[],
                check: false,
            };
            let verdict = ghost.judge(&view, view.validators(), &case, Some(&archive));
            assert_eq!(verdict, expected, "{votes:?}");
        }
    }

    #[test]
    fn votes_lead_to_the_root_or_not_so_far_or_elsewhere() {
        // 3 for the root, 4 for a block beside it.
        let (view, ghost, archive) = pruned("a 0 ^G; b 1 ^a a; c 2 ^a a");
        let leads = |validators: &[u32]| {
            let votes = latest(&view, validators);
            ghost.leads(&view, view.validators(), &votes, Some(&archive)).unwrap()
        };
        assert_eq!(leads(&[1]), Leads::OnRoot);
        assert_eq!(leads(&[]), Leads::Above);
        assert_eq!(leads(&[2]), Leads::Elsewhere);
        assert_eq!(leads(&[1, 2]), Leads::Elsewhere);
    }

    #[test]
    fn the_head_of_a_chain_of_a_million_blocks_is_found_without_walking_it() {
        const LENGTH: u32 = 1_000_000;
        const FORK: u32 = 700_000;
        let mut messages = Messages::default();
        let mut parent = BlockId::Genesis;
        let mut forked = parent;
        for height in 1..=LENGTH {
            let block = hash(1, height);
            messages.push(block, BlockVote::Propose { parent });
            parent = BlockId::Proposed(block);
            if height == FORK {
                forked = parent;
            }
        }
        let rival = messages.push(hash(2, 0), BlockVote::Propose { parent: forked });
        let ghost = told_of(&messages);

        // Every 50th validator weighs 1, so 6000 of these 20 000 vote for blocks past the fork, as
        // does the maker of the rival. Walking from each vote would take 10^10 steps.
        let mut votes: Vec<Vote> = messages.indices().skip(49).step_by(50).map(vote).collect();
        let tip = votes[votes.len() - 1].message;
        votes.push(vote(rival));
        for (weight, winner) in [(5999, tip), (6000, rival), (6001, rival)] {
            let mut units = vec![1; LENGTH as usize];
            units.push(weight);
            let head = ghost.estimate(&messages, &weights(&units), &votes, None);
            assert_eq!(head, ghost.blocks().voted_by(winner), "rival of weight {weight}");
        }
    }

    /// A random tree of blocks and votes for them.
    #[derive(Debug)]
    struct Scene {
        /// The parent of each block but the genesis, which is block 0.
        parents: Vec<usize>,
        hashes: Vec<MessageHash>,
        /// Block and weight of each vote.
        votes: Vec<(usize, u64)>,
        start: usize,
    }

    impl Scene {
        /// The blocks from `block` up to the genesis.
        fn path(&self, block: usize) -> impl Iterator<Item = usize> {
            std::iter::successors(Some(block), |&block| Some(self.parents[block.checked_sub(1)?]))
        }

        fn is_on(&self, block: usize, above: usize) -> bool {
            self.path(block).any(|block| block == above)
        }

        fn score(&self, block: usize) -> u64 {
            let on_block = self.votes.iter().filter(|&&(voted, _)| self.is_on(voted, block));
            on_block.map(|&(_, weight)| weight).sum()
        }

        /// The definition, word for word: the twin of [`Ghost`].
        fn simple_ghost(&self) -> usize {
            let mut head = self.start;
            loop {
                let children = (1..=self.parents.len()).filter(|&b| self.parents[b - 1] == head);
                let best =
                    children.max_by_key(|&child| (self.score(child), self.hashes[child - 1]));
                match best {
                    Some(child) if self.score(child) > 0 => head = child,
                    Some(_) | None => return head,
                }
            }
        }

        /// The answer of the [`Ghost`] told of these blocks, by votes some of which are the
        /// proposals themselves.
        fn ghost(&self) -> usize {
            let id = |block: usize| match block {
                0 => BlockId::Genesis,
                block => BlockId::Proposed(self.hashes[block - 1]),
            };
            let mut messages = Messages::default();
            for (&parent, &hash) in self.parents.iter().zip(&self.hashes) {
                messages.push(hash, BlockVote::Propose { parent: id(parent) });
            }
            let mut votes = Vec::new();
            for (validator, &(block, _)) in (0..).zip(&self.votes) {
                let message = if validator % 3 == 0 && block > 0 {
                    MessageIndex::new(block as u32 - 1)
                } else {
                    messages.push(hash(0, validator), BlockVote::Vote { block: id(block) })
                };
                let validator = ValidatorId::new(validator);
                votes.push(Vote { validator, message });
            }
            let mut ghost = told_of(&messages);
            let units: Vec<u64> = self.votes.iter().map(|&(_, weight)| weight).collect();
            let weights = weights(&units);
            let start = ghost.blocks().resolve(&messages, id(self.start)).unwrap();
            // Asked of one part of the votes after another, and of all.
            for part in (2..6).chain([usize::MAX]) {
                let of_part = |&(place, _): &(usize, &Vote)| place % part != 1;
                let some: Vec<Vote> =
                    votes.iter().enumerate().filter(of_part).map(|(_, vote)| *vote).collect();
                for start in [Some(&start), None] {
                    let tracked = ghost.track(&messages, &weights, &some, start);
                    assert_eq!(tracked, ghost.estimate(&messages, &weights, &some, start));
                }
            }
            let head = ghost.estimate(&messages, &weights, &votes, Some(&start));
            head.unwrap().index()
        }
    }

    fn scenes() -> impl Strategy<Value = Scene> {
        // How far back a parent may lie: chains, combs, and whatever is bushy.
        let reach = prop_oneof![Just(1), Just(2), Just(3), Just(60)];
        let block = (any::<Index>(), 1..4_u8);
        let weight = prop_oneof![Just(0), Just(1), 1..4_u64, Just(u64::MAX / 40)];
        let blocks = prop::collection::vec(block, 1..60);
        let votes = prop::collection::vec((any::<Index>(), weight), 0..40);
        (reach, blocks, votes, any::<Index>(), any::<bool>()).prop_map(
            |(reach, blocks, votes, start, from_genesis)| {
                let parent = |(block, (back, _)): (usize, &(Index, u8))| {
                    block - 1 - back.index(block.min(reach))
                };
                let hash = |(block, &(_, rank)): (u32, &(Index, u8))| hash(rank, block);
                let count = blocks.len(); // with the genesis, in place of the first
                Scene {
                    parents: blocks.iter().enumerate().skip(1).map(parent).collect(),
                    hashes: (0..).zip(&blocks).skip(1).map(hash).collect(),
                    votes: votes.into_iter().map(|(b, w)| (b.index(count), w)).collect(),
                    start: if from_genesis { 0 } else { start.index(count) },
                }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_head_is_that_of_the_definition(scene in scenes()) {
            prop_assert_eq!(scene.ghost(), scene.simple_ghost());
        }

        #[test]
        fn the_head_is_on_every_block_that_a_majority_is_on(scene in scenes()) {
            let head = scene.ghost();
            let total = scene.score(0);
            for block in 0..=scene.parents.len() {
                let score = scene.score(block);
                let conflicts =
                    !scene.is_on(block, scene.start) && !scene.is_on(scene.start, block);
                if score > total - score && !conflicts {
                    prop_assert!(scene.is_on(head, block), "{block}");
                }
            }
        }
    }
}
