//! LMD GHOST: the fork choice by latest messages (semantics §5).

use std::cmp::Ordering;

use cbc_message::{BlockEstimate, BlockVote, ValidatorSet, Weight};
use cbc_view::{BlockIndex, BlockTree, HashedDag, MessageIndex, Pruned, UnknownBlock};

use crate::{Estimator, LoadedVotes, MajorityDriven, Vote};

/// The greedy heaviest-observed subtree (Sompolinsky and Zohar, "Secure high-rate transaction
/// processing in Bitcoin", 2015), observed by latest messages (semantics §5).
///
/// The score of a block is the weight of the votes on it or on a descendant of it. The head is
/// found from the start block by going to the child with the greatest score, as long as that is
/// more than 0; among equal scores, to the child with the greatest hash.
///
/// The way is not walked. Only blocks that are voted for and the forks between them matter, fewer
/// than two for each vote: with the voted blocks in preorder, those on any block stand next to one
/// another, and fork where the first and the last of them do. O(N log N log n) for N votes among n
/// blocks, whatever the shape of the tree, and no recursion.
///
/// [`track`](Estimator::track) is quicker still. It keeps the votes that it was asked of last in
/// place, in [`LoadedVotes`], and moves those that differ: O(N) to see which, and O(log² n)
/// amortised for each.
///
/// It always has an answer: without votes, the start block.
#[derive(Clone, Debug, Default)]
pub struct Ghost {
    blocks: BlockTree,
    /// The same blocks under the same numbers, and the votes asked of last.
    loaded: LoadedVotes,
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

    /// The blocks on `start` that votes of any weight are for, in preorder.
    fn voted(&self, validators: &ValidatorSet, votes: &[Vote], start: BlockIndex) -> Vec<Voted> {
        let mut weights: Vec<(BlockIndex, Weight)> = votes
            .iter()
            .filter_map(|vote| {
                let block = self.blocks.voted_by(vote.message)?;
                let weight = validators.weight(vote.validator);
                let counts = !weight.is_zero() && self.blocks.is_ancestor_or_same(start, block);
                counts.then_some((block, weight))
            })
            .collect();
        // Most votes share their block with others: gather them before the dearer sorting.
        weights.sort_unstable_by_key(|&(block, _)| block);
        weights.dedup_by(|(block, weight), (kept, sum)| {
            let same = block == kept;
            if same {
                *sum += *weight;
            }
            same
        });
        weights.sort_unstable_by(|&(one, _), &(other, _)| self.preorder(one, other));
        let mut after = Weight::ZERO;
        let voted = weights.into_iter().map(|(block, weight)| {
            let before = after;
            after += weight;
            Voted { block, before, after }
        });
        voted.collect()
    }

    /// Orders blocks so that every block comes before its descendants, and these stand together:
    /// as the children of the common ancestor towards the two do, of which the ancestor itself
    /// has none.
    fn preorder(&self, one: BlockIndex, other: BlockIndex) -> Ordering {
        let fork = self.blocks.common_ancestor(one, other);
        self.child_towards(fork, one).cmp(&self.child_towards(fork, other))
    }

    /// The child of `above` that is `below` or an ancestor of it; `None` for `above` itself.
    fn child_towards(&self, above: BlockIndex, below: BlockIndex) -> Option<BlockIndex> {
        self.blocks.ancestor_at(below, self.blocks.height(above) + 1)
    }

    /// The part of `voted`, blocks below `fork` in preorder, that is on the heaviest child of
    /// `fork`. O(log N log n) for each child with votes.
    fn heaviest_branch<'a, D: HashedDag>(
        &self,
        dag: &D,
        fork: BlockIndex,
        mut voted: &'a [Voted],
    ) -> &'a [Voted] {
        let branches = std::iter::from_fn(|| {
            let first = voted.first()?;
            let child = self.child_towards(fork, first.block)?;
            let is_on_child = |voted: &Voted| self.blocks.is_ancestor_or_same(child, voted.block);
            let (branch, others) = voted.split_at(voted.partition_point(is_on_child));
            voted = others;
            Some((child, branch.last()?.after - first.before, branch))
        });
        let heaviest =
            branches.max_by_key(|&(child, score, _)| (score, self.blocks.id(dag, child)));
        heaviest.map_or(&[], |(_, _, branch)| branch)
    }
}

/// A block that is voted for.
struct Voted {
    block: BlockIndex,
    /// What the votes for blocks before this one weigh, in preorder.
    before: Weight,
    /// What they weigh together with those for this one.
    after: Weight,
}

impl<D: HashedDag<Estimate: BlockEstimate>> Estimator<D> for Ghost {
    type Value = BlockIndex;
    type Inadmissible = UnknownBlock;

    fn insert(&mut self, dag: &D, message: MessageIndex) {
        // What `admit` refuses counts as no vote.
        let Ok(block) = self.blocks.insert(dag, message) else { return };
        if block.index() == self.loaded.block_count()
            && let Some(parent) = self.blocks.parent(block)
        {
            self.loaded.insert(parent.get(), dag.hash(message));
        }
    }

    /// The block voted for, or built on, must be one that some message proposes.
    fn admit(&self, dag: &D, estimate: &D::Estimate) -> Result<(), UnknownBlock> {
        let (BlockVote::Propose { parent: block } | BlockVote::Vote { block }) =
            estimate.block_vote();
        self.blocks.resolve(dag, block).map(|_| ())
    }

    /// The head; always there. Votes that are not on the start block do not count.
    fn estimate(
        &self,
        dag: &D,
        validators: &ValidatorSet,
        votes: &[Vote],
        start: Option<&BlockIndex>,
    ) -> Option<BlockIndex> {
        let mut head = start.copied().unwrap_or(BlockIndex::GENESIS);
        let voted = self.voted(validators, votes, head);
        let mut on_head = voted.as_slice();
        while let (Some(first), Some(last)) = (on_head.first(), on_head.last()) {
            // All votes that still matter are on this block: nothing rivals it on the way there.
            head = self.blocks.common_ancestor(first.block, last.block);
            on_head = match on_head {
                [at_head, below @ ..] if at_head.block == head => below,
                below => self.heaviest_branch(dag, head, below),
            };
        }
        Some(head)
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
                    self.loaded.set(validator, block.get(), validators.weight(validator));
                }
                None => self.loaded.withdraw(validator),
            }
        }
        let start = start.copied().unwrap_or(BlockIndex::GENESIS);
        Some(BlockIndex::new(self.loaded.head(start.get())))
    }

    /// Drops the blocks that are not on `root`, which becomes the root.
    fn prune(&mut self, pruned: &Pruned, root: &BlockIndex, value: &BlockIndex) -> BlockIndex {
        self.loaded.prune_to(root.get());
        let kept = self.blocks.prune(*root, pruned);
        kept.binary_search(value).map_or(BlockIndex::GENESIS, |new| BlockIndex::new(new as u32))
    }

    /// With the genesis dropped: whether votes on the root outweigh those for blocks that may rival
    /// it. Then, at every fork on the way from the genesis, the child towards the root has more
    /// than any other, and from the root on the fork choice is known.
    fn can_judge(&self, validators: &ValidatorSet, votes: &[Vote]) -> bool {
        if self.blocks.proposal(BlockIndex::GENESIS).is_none() {
            return true;
        }
        let rivals = |vote: &&Vote| !self.blocks.is_vote_settled(vote.message);
        let (mut on_root, mut others) = (Weight::ZERO, Weight::ZERO);
        for vote in votes.iter().filter(rivals) {
            let is_on_root = self.blocks.voted_by(vote.message).is_some();
            let sum = if is_on_root { &mut on_root } else { &mut others };
            *sum += validators.weight(vote.validator);
        }
        on_root > others
    }

    /// Whether the message proposes on the head, or votes for it.
    ///
    /// A vote for an ancestor of the head does not follow. It would not be on what the head is on,
    /// so validators could take back, one after another and without equivocating, the votes that
    /// made a block final: nothing that an oracle says of a block would hold.
    fn follows(&self, dag: &D, head: &BlockIndex, estimate: &D::Estimate) -> bool {
        let (BlockVote::Propose { parent: block } | BlockVote::Vote { block }) =
            estimate.block_vote();
        self.blocks.resolve(dag, block) == Ok(*head)
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
    use cbc_message::{BlockId, MessageHash, ValidatorId};
    use cbc_testkit::Dag;
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

    #[test]
    fn a_block_that_nobody_proposes_is_refused() {
        let dag = Dag::<BlockVote>::parse("a 0 ^G; v 1 =a a");
        let messages = Messages::from(&dag);
        let ghost = told_of(&messages);
        let block = |name: &str| BlockId::Proposed(dag[name].hash());
        let admit = |block| ghost.admit(&messages, &BlockVote::Vote { block });
        assert_eq!(admit(block("a")), Ok(()));
        assert_eq!(admit(BlockId::Genesis), Ok(()));
        // A vote is no block, and no message has this hash.
        for block in [block("v"), BlockId::Proposed(hash(0, 0))] {
            assert_eq!(admit(block), Err(UnknownBlock { block }));
            let proposal = BlockVote::Propose { parent: block };
            assert_eq!(ghost.admit(&messages, &proposal), Err(UnknownBlock { block }));
        }
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
