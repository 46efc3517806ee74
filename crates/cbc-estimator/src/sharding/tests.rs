//! The heads against their definition, and what a majority holds against every case there is.

use std::collections::{BTreeMap, BTreeSet};

use cbc_message::{BlockId, Shard, ShardVote, ValidatorId};
use cbc_view::{HashedDag, MessageDag, MessageIndex, View};
use proptest::prelude::*;

use super::{NotInShards, ShardHeads, ShardedGhost};
use crate::testing::{Messages, Node, draws, hash, run_at_random, weights};
use crate::{Estimator, Vote};

/// What a message votes for, and what is decided: the last block of each chain.
type Heads = BTreeMap<Shard, BlockId>;

/// The blocks as semantics §5 has them, by their hashes alone.
#[derive(Clone, Debug, Default)]
struct Twin {
    /// For each block of a shard, that before it on its chain.
    parents: BTreeMap<(Shard, BlockId), BlockId>,
    /// For each merge block, the child of its two shards.
    merges: BTreeMap<BlockId, Shard>,
    votes: BTreeMap<MessageIndex, Heads>,
}

impl Twin {
    /// The blocks of a chain, the first one first, without the genesis.
    fn chain(&self, shard: Shard, head: BlockId) -> Vec<BlockId> {
        let parent = |&block: &BlockId| self.parents.get(&(shard, block)).copied();
        let mut chain: Vec<BlockId> = std::iter::successors(Some(head), parent).collect();
        assert_eq!(chain.pop(), Some(BlockId::Genesis));
        chain.reverse();
        chain
    }

    /// The merge blocks of a shard with its parent that are on a chain of either.
    fn merges(&self, child: Shard, of: Shard, head: BlockId) -> Vec<BlockId> {
        let chain = self.chain(of, head);
        chain.into_iter().filter(|block| self.merges.get(block) == Some(&child)).collect()
    }

    fn heads(&self, depth: u32, votes: &[(Heads, u64)]) -> Heads {
        let mut heads = Heads::new();
        for shard in Shard::all(depth) {
            let start = shard
                .parent()
                .and_then(|parent| self.merges(shard, parent, heads[&parent]).last().copied());
            let mut head = start.unwrap_or(BlockId::Genesis);
            loop {
                let children = self.parents.iter().filter(|&(&(of, block), &parent)| {
                    of == shard && parent == head && self.merges.get(&block) != Some(&shard)
                });
                let score = |block: BlockId| -> u64 {
                    let is_on = |heads: &Heads| self.chain(shard, heads[&shard]).contains(&block);
                    votes.iter().filter(|(heads, _)| is_on(heads)).map(|(_, weight)| weight).sum()
                };
                let scored = children.map(|(&(_, block), _)| (score(block), block));
                match scored.filter(|&(score, _)| score > 0).max() {
                    Some((_, block)) => head = block,
                    None => break,
                }
            }
            heads.insert(shard, head);
        }
        heads
    }

    /// Adds the block of a message, and says what it votes for.
    fn add(&mut self, block: BlockId, vote: &ShardVote, mut heads: Heads) -> Heads {
        let mut on = |shard: Shard, parent: BlockId| {
            assert_eq!(heads.insert(shard, block), Some(parent));
            self.parents.insert((shard, block), parent);
        };
        match *vote {
            ShardVote::Vote => {}
            ShardVote::Propose { shard, parent } => on(shard, parent),
            ShardVote::Merge { child, above, below } => {
                on(child.parent().unwrap(), above);
                on(child, below);
                self.merges.insert(block, child);
            }
        }
        heads
    }

    /// The merge blocks of two adjacent shards on the chain of the one are those on the other's.
    fn assert_tied(&self, heads: &Heads) {
        for (&child, &head) in heads {
            let Some(parent) = child.parent() else { continue };
            let of_parent = self.merges(child, parent, heads[&parent]);
            assert_eq!(self.merges(child, child, head), of_parent, "{child}: {heads:?}");
        }
    }

    fn by_definition(
        &self,
        depth: u32,
        view: &View<ShardVote>,
        votes: impl Iterator<Item = Vote>,
    ) -> Heads {
        let weight = |vote: &Vote| view.validators().weight(vote.validator).get();
        let votes: Vec<_> =
            votes.map(|vote| (self.votes[&vote.message].clone(), weight(&vote))).collect();
        self.heads(depth, &votes)
    }
}

fn named(estimator: &ShardedGhost, heads: &ShardHeads) -> Heads {
    heads.iter().map(|head| (head.shard, estimator.blocks().id(head))).collect()
}

/// A block on any shard, or on any two, or none.
fn choose(
    estimator: &ShardedGhost,
    heads: &ShardHeads,
    draw: &mut dyn FnMut(usize) -> usize,
) -> ShardVote {
    let shards: Vec<Shard> = estimator.blocks().shards().collect();
    let shard = shards[draw(shards.len())];
    let head = |shard| estimator.blocks().id(heads.of(shard).unwrap());
    match (draw(8), shard.parent()) {
        (0, _) => ShardVote::Vote,
        (1..=2, Some(parent)) => {
            ShardVote::Merge { child: shard, above: head(parent), below: head(shard) }
        }
        _ => ShardVote::Propose { shard, parent: head(shard) },
    }
}

/// Runs validators of these weights, of whom some equivocate, and compares everything with the
/// definition at each step. How many blocks were left out, at all steps together.
fn compare_with_definition(
    units: &[u64],
    equivocators: &[u32],
    depth: u32,
    steps: usize,
    seed: u64,
) -> usize {
    let validators = weights(units);
    let makers: Vec<u32> = (0..units.len() as u32).chain(equivocators.iter().copied()).collect();
    let mut twin = Twin::default();
    let mut left_out = 0;
    run_at_random(
        (&validators, &makers),
        steps,
        ShardedGhost::new(depth),
        &mut draws(seed),
        |node, heads, draw| choose(&node.estimator, &heads, draw),
        |all: &Node<_, ShardedGhost>, message| {
            let Node { view, estimator } = all;
            let cited = view.citations(message).latest_messages();
            let cited = cited.map(|(validator, message)| Vote { validator, message });
            let heads = twin.by_definition(depth, view, cited);
            twin.assert_tied(&heads);
            let block = BlockId::Proposed(view.hash(message));
            let vote = twin.add(block, view.estimate(message), heads);
            twin.assert_tied(&vote);
            assert_eq!(named(estimator, estimator.voted_by(message).unwrap()), vote);
            twin.votes.insert(message, vote);
            let expected = twin.by_definition(depth, view, all.votes().into_iter());
            twin.assert_tied(&expected);
            assert_eq!(named(estimator, &all.estimate()), expected);
            let chains = expected.iter().flat_map(|(&shard, &head)| twin.chain(shard, head));
            let kept: BTreeSet<BlockId> = chains.collect();
            left_out += estimator.blocks().len() - kept.len();
        },
    );
    left_out
}

proptest! {
    #[test]
    fn heads_are_those_of_the_definition_whoever_equivocates(
        units in prop::collection::vec(0..5_u64, 1..6),
        equivocators in prop::collection::vec(0..6_u32, 0..3),
        depth in 0..3_u32,
        seed in any::<u64>(),
    ) {
        let count = units.len() as u32;
        let equivocators: Vec<u32> = equivocators.into_iter().map(|it| it % count).collect();
        compare_with_definition(&units, &equivocators, depth, 40, seed);
    }
}

#[test]
fn a_longer_run_leaves_rivals_out() {
    assert!(compare_with_definition(&[3, 2, 2, 1], &[1, 1], 2, 120, 7) > 100);
}

/// Ways in which the validators of a small world can vote on the root r and its child r0, all of
/// which somebody can come to.
struct SmallWorld {
    dag: Messages<ShardVote>,
    estimator: ShardedGhost,
    votes: Vec<ShardHeads>,
}

impl SmallWorld {
    /// Every vote is one message, of a validator of its own, on top of that of another. The hashes
    /// of the blocks are in the order of `ranks`, over and over.
    fn new(ranks: &[u8]) -> Self {
        let child: Shard = "r0".parse().unwrap();
        let mut world =
            Self { dag: Messages::default(), estimator: ShardedGhost::new(1), votes: Vec::new() };
        let nothing = world.estimator.heads(&weights(&[]), &[], 0);
        world.votes.push(nothing);
        // On top of which vote, and on which shards.
        let steps = [(0, "r"), (0, "r"), (0, "r0"), (0, "merge"), (1, "merge"), (3, "merge")];
        let further = [(3, "r0"), (4, "r0"), (4, "r"), (5, "r0"), (8, "merge")];
        for ((base, on), number) in steps.into_iter().chain(further).zip(0..) {
            let heads = world.votes[base].clone();
            let id = |shard| world.estimator.blocks().id(heads.of(shard).unwrap());
            let vote = match on {
                "merge" => ShardVote::Merge { child, above: id(Shard::ROOT), below: id(child) },
                on => {
                    let shard: Shard = on.parse().unwrap();
                    ShardVote::Propose { shard, parent: id(shard) }
                }
            };
            let rank = ranks[number as usize % ranks.len()];
            let message = world.dag.push(hash(rank, number), vote);
            let Self { dag, estimator, votes } = &mut world;
            votes.push(estimator.blocks.push(dag, message, &heads, &vote));
        }
        world
    }

    fn heads(&mut self, cast: &[(&ShardHeads, u64)]) -> ShardHeads {
        let units: Vec<u64> = cast.iter().map(|&(_, units)| units).collect();
        self.estimator.votes = cast.iter().map(|&(heads, _)| Some(heads.clone())).collect();
        let votes: Vec<Vote> = (0..cast.len() as u32)
            .map(|it| Vote { validator: ValidatorId::new(it), message: MessageIndex::new(it) })
            .collect();
        self.estimator.estimate(&self.dag, &weights(&units), &votes, None).unwrap()
    }
}

#[test]
fn what_a_majority_votes_for_on_the_root_holds_and_what_it_implies_in_every_case_there_is() {
    let (mut held, mut left) = (0, 0);
    for ranks in [&[0_u8, 1, 2, 3, 4][..], &[4, 3, 2, 1], &[2, 0, 1]] {
        let mut world = SmallWorld::new(ranks);
        let votes = world.votes.clone();
        for units in [[1, 1, 1], [2, 2, 1], [3, 2, 2], [5, 2, 2], [1, 1, 0]] {
            for one in &votes {
                for two in &votes {
                    for three in &votes {
                        let cast = [(one, units[0]), (two, units[1]), (three, units[2])];
                        let heads = world.heads(&cast);
                        let blocks = world.estimator.blocks();
                        // Whether a majority votes for the blocks up to one, and who they decide.
                        let has = |heads: &ShardHeads, block: super::ShardBlock| {
                            blocks.is_ancestor_or_same(block, heads.of(block.shard).unwrap())
                        };
                        let is_majority = |block| {
                            let having = cast.iter().filter(|(heads, _)| has(heads, block));
                            let having: u64 = having.map(|(_, units)| units).sum();
                            2 * having > units.iter().sum::<u64>()
                        };
                        for candidate in votes.iter().flat_map(ShardHeads::iter) {
                            if !is_majority(candidate) {
                                continue;
                            }
                            if candidate.shard == Shard::ROOT {
                                held += 1;
                                assert!(has(&heads, candidate), "{cast:?}: {heads:?}");
                                for implied in blocks.implied(candidate).iter() {
                                    assert!(has(&heads, implied), "{cast:?}: {heads:?}");
                                }
                            } else {
                                left += usize::from(!has(&heads, candidate));
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(held > 10_000);
    assert!(left > 0, "of a child's chain alone it does not hold");
}

#[test]
fn a_clique_on_a_child_is_left_without_an_equivocation() {
    let mut node = Node::new(weights(&[1, 1, 1]), ShardedGhost::new(1));
    let [zero, one, two] = [0, 1, 2].map(ValidatorId::new);
    let child: Shard = "r0".parse().unwrap();
    let genesis = BlockId::Genesis;
    let merge = ShardVote::Merge { child, above: genesis, below: genesis };
    // Who has seen nothing may merge.
    let merge = node.draft(two, merge);
    let proposed = node.draft(zero, ShardVote::Propose { shard: child, parent: genesis });
    let block = BlockId::Proposed(proposed.hash());
    node.receive(proposed).unwrap();
    node.receive(node.draft(one, ShardVote::Vote)).unwrap();
    node.receive(node.draft(zero, ShardVote::Vote)).unwrap();
    // Two of three vote for the block, and each has seen the other do.
    for voter in [zero, one] {
        let message = node.view.latest_message(voter).unwrap();
        let voted = named(&node.estimator, node.estimator.voted_by(message).unwrap());
        assert_eq!(voted[&child], block);
    }
    let merged = BlockId::Proposed(merge.hash());
    node.receive(merge).unwrap();
    let heads = named(&node.estimator, &node.estimate());
    assert_eq!((heads[&Shard::ROOT], heads[&child]), (merged, merged));
}

#[test]
fn v5_a_block_is_built_on_the_heads_of_its_shards() {
    let mut node = Node::new(weights(&[1, 1]), ShardedGhost::new(1));
    let [zero, one] = [0, 1].map(ValidatorId::new);
    let [child, other]: [Shard; 2] = ["r0", "r1"].map(|name| name.parse().unwrap());
    let root = Shard::ROOT;
    let genesis = BlockId::Genesis;
    let first = node.draft(zero, ShardVote::Merge { child, above: genesis, below: genesis });
    let merged = BlockId::Proposed(first.hash());
    node.receive(first).unwrap();
    let wrong = [
        ShardVote::Propose { shard: root, parent: genesis },
        ShardVote::Propose { shard: child, parent: genesis },
        ShardVote::Propose { shard: other, parent: merged },
        ShardVote::Merge { child, above: merged, below: genesis },
        ShardVote::Merge { child: other, above: genesis, below: genesis },
    ];
    for estimate in wrong {
        let problem = node.receive(node.draft(one, estimate)).unwrap_err();
        assert!(problem.contains("DoesNotFollow"), "{estimate:?}: {problem}");
    }
    for estimate in [
        ShardVote::Merge { child: other, above: merged, below: genesis },
        ShardVote::Propose { shard: child, parent: merged },
    ] {
        node.receive(node.draft(one, estimate)).unwrap();
    }
}

#[test]
fn shards_that_there_are_not_are_refused_before_anything_is_seen() {
    let estimator = ShardedGhost::new(1);
    let admit = |estimate| Estimator::<View<ShardVote>>::admit(&estimator, &estimate);
    let shard: Shard = "r00".parse().unwrap();
    let genesis = BlockId::Genesis;
    let too_deep = Err(NotInShards::TooDeep { shard, depth: 1 });
    assert_eq!(admit(ShardVote::Propose { shard, parent: genesis }), too_deep);
    let merge = |child| ShardVote::Merge { child, above: genesis, below: genesis };
    assert_eq!(admit(merge(shard)), too_deep);
    assert_eq!(admit(merge(Shard::ROOT)), Err(NotInShards::RootHasNoParent));
    assert_eq!(admit(merge(shard.parent().unwrap())), Ok(()));
}
