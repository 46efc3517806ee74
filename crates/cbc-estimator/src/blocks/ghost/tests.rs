//! The fork choice beside its definition, and what is left of it below a new root.

use std::sync::Arc;

use cbc_message::{BlockId, MessageHash, ValidatorId};
use cbc_testkit::Dag;
use cbc_view::{Archived, MemoryArchive, MessageDag, View};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::testing::{self, Messages, hash, vote, weights};

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
    let seen = testing::seen(&seen.iter().copied().map(vote).collect::<Vec<_>>());
    [BlockVote::Vote { block }, BlockVote::Propose { parent: block }].map(|estimate| {
        let citations = Citations::listed(&seen);
        let case = Case { message: hash(9, 9), estimate: &estimate, citations, check };
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
            Some(&first) => ghost.blocks().id(&messages, ghost.blocks().voted_by(first).unwrap()),
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
        let seen = testing::seen(&votes);
        let citations = Citations::listed(&seen);
        let case = Case { message: hash(9, 9), estimate: &estimate, citations, check: false };
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
            let best = children.max_by_key(|&child| (self.score(child), self.hashes[child - 1]));
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
            let seen = testing::seen(&some);
            for start in [Some(&start), None] {
                let tracked = ghost.track(&messages, &weights, &Citations::listed(&seen), start);
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
