//! The schedule against its definition, and what a majority holds against every case there is.

use std::collections::{BTreeMap, BTreeSet};

use cbc_message::{
    BlockId, ConcurrentBlock, ConcurrentVote, MessageHash, Output, ValidatorId, Weight,
};
use cbc_view::{HashedDag, MessageDag, MessageIndex, View};
use proptest::prelude::*;

use super::{GreedySchedule, Schedule, Scheduled, ScheduledBlock};
use crate::testing::{Messages, Node, draws, hash, run_at_random, weights};
use crate::{Estimator, Vote};

/// The schedule as semantics §5 defines it: of `blocks`, by their hashes, with what they consume
/// and how much they produce, and votes, which are sets of them.
fn by_definition(
    genesis_outputs: u32,
    blocks: &BTreeMap<MessageHash, ConcurrentBlock>,
    votes: &[(BTreeSet<MessageHash>, u64)],
) -> BTreeSet<MessageHash> {
    let score = |block: &MessageHash| -> u64 {
        votes.iter().filter(|(vote, _)| vote.contains(block)).map(|(_, weight)| weight).sum()
    };
    let mut schedule = BTreeSet::new();
    let mut unspent: BTreeSet<Output> =
        (0..genesis_outputs).map(|index| Output { block: BlockId::Genesis, index }).collect();
    loop {
        let available = blocks.iter().filter(|(hash, block)| {
            !schedule.contains(*hash) && block.inputs().iter().all(|it| unspent.contains(it))
        });
        let scored = available.map(|(hash, block)| (score(hash), hash, block));
        let Some((_, &hash, block)) =
            scored.filter(|&(score, ..)| score > 0).max_by_key(|it| (it.0, it.1))
        else {
            return schedule;
        };
        schedule.insert(hash);
        block.inputs().iter().for_each(|input| assert!(unspent.remove(input)));
        let block = BlockId::Proposed(hash);
        unspent.extend((0..blocks[&hash].outputs()).map(|index| Output { block, index }));
    }
}

/// What is true of every schedule: with a block its parents are in it, nothing is consumed twice,
/// and what is unspent is what was created and not spent.
fn assert_sound(estimator: &GreedySchedule, genesis_outputs: u32, schedule: &Schedule) {
    let blocks = estimator.blocks();
    let genesis = (0..genesis_outputs).map(|index| Output { block: BlockId::Genesis, index });
    let mut created: BTreeSet<Output> = genesis.collect();
    let mut spent = BTreeSet::new();
    for block in schedule.iter() {
        assert!(blocks.parents(block).into_iter().all(|parent| schedule.contains(parent)));
        for input in blocks.consumed(block) {
            assert!(created.contains(&input) && spent.insert(input), "{input:?} of {block:?}");
        }
        created.extend(blocks.outputs(block));
    }
    assert!(blocks.unspent(schedule).iter().eq(created.difference(&spent)));
}

fn hashes(estimator: &GreedySchedule, schedule: &Schedule) -> BTreeSet<MessageHash> {
    schedule.iter().map(|block| estimator.blocks().hash(block)).collect()
}

fn whole(value: Scheduled) -> Schedule {
    match value {
        Scheduled::All(schedule) => schedule,
        Scheduled::Block(block) => panic!("{block:?} is no schedule"),
    }
}

/// A block that consumes some of what is unspent, or nothing; or no block.
fn choose(
    estimator: &GreedySchedule,
    schedule: &Schedule,
    draw: &mut dyn FnMut(usize) -> usize,
) -> ConcurrentVote {
    let mut unspent = estimator.blocks().unspent(schedule);
    if draw(10) == 0 {
        return ConcurrentVote::Vote;
    }
    let count = draw(4).min(unspent.len());
    let inputs = (0..count).map(|_| unspent.swap_remove(draw(unspent.len()))).collect();
    ConcurrentVote::Propose(ConcurrentBlock::new(inputs, draw(3) as u32).unwrap())
}

/// All votes and blocks that there are, as the definition has them.
#[derive(Default)]
struct Twin {
    blocks: BTreeMap<MessageHash, ConcurrentBlock>,
    votes: BTreeMap<MessageIndex, BTreeSet<MessageHash>>,
}

impl Twin {
    fn schedule(
        &self,
        genesis_outputs: u32,
        view: &View<ConcurrentVote>,
        votes: impl Iterator<Item = Vote>,
    ) -> BTreeSet<MessageHash> {
        let votes: Vec<_> = votes
            .map(|vote| {
                let weight = view.validators().weight(vote.validator).get();
                (self.votes[&vote.message].clone(), weight)
            })
            .collect();
        by_definition(genesis_outputs, &self.blocks, &votes)
    }
}

/// Runs validators of these weights, of whom some equivocate, and compares everything with the
/// definition at each step. How often two rivals for an output were both known.
fn compare_with_definition(
    units: &[u64],
    equivocators: &[u32],
    genesis_outputs: u32,
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
        GreedySchedule::new(genesis_outputs),
        &mut draws(seed),
        |node, value, draw| choose(&node.estimator, &whole(value), draw),
        |all: &Node<_, GreedySchedule>, message| {
            let Node { view, estimator } = all;
            let cited = view.citations(message).latest_messages();
            let cited = cited.map(|(validator, message)| Vote { validator, message });
            let mut vote = twin.schedule(genesis_outputs, view, cited);
            if let ConcurrentVote::Propose(block) = view.estimate(message) {
                twin.blocks.insert(view.hash(message), block.clone());
                vote.insert(view.hash(message));
            }
            let found = estimator.voted_by(message).unwrap();
            assert_eq!(hashes(estimator, found), vote);
            assert_sound(estimator, genesis_outputs, found);
            twin.votes.insert(message, vote);
            let schedule = whole(all.estimate());
            let expected = twin.schedule(genesis_outputs, view, all.votes().into_iter());
            assert_eq!(hashes(estimator, &schedule), expected);
            assert_sound(estimator, genesis_outputs, &schedule);
            left_out += twin.blocks.len() - expected.len();
        },
    );
    left_out
}

proptest! {
    #[test]
    fn schedules_are_those_of_the_definition_whoever_equivocates(
        units in prop::collection::vec(0..5_u64, 1..6),
        equivocators in prop::collection::vec(0..6_u32, 0..3),
        genesis_outputs in 0..4_u32,
        seed in any::<u64>(),
    ) {
        let count = units.len() as u32;
        let equivocators: Vec<u32> = equivocators.into_iter().map(|it| it % count).collect();
        compare_with_definition(&units, &equivocators, genesis_outputs, 40, seed);
    }
}

#[test]
fn a_longer_run_leaves_rivals_out() {
    assert!(compare_with_definition(&[3, 2, 2, 1], &[1, 1], 3, 300, 7) > 100);
}

/// The votes of a fixed DAG of six blocks, in all ways in which three or four validators can have
/// them: a and b consume one output of the genesis; c is on a; d is on b and consumes the other;
/// so does e; and f consumes nothing.
struct SixBlocks {
    dag: Messages<ConcurrentVote>,
    estimator: GreedySchedule,
    blocks: BTreeMap<MessageHash, ConcurrentBlock>,
    /// All schedules that somebody can vote for, as the bits of a number.
    schedules: Vec<u32>,
}

impl SixBlocks {
    const COUNT: u32 = 6;

    /// The hashes of the blocks are in the order of `ranks`.
    fn new(ranks: [u8; Self::COUNT as usize]) -> Self {
        let mut dag = Messages::default();
        let mut estimator = GreedySchedule::new(2);
        let mut blocks = BTreeMap::new();
        let genesis = |index| Output { block: BlockId::Genesis, index };
        let first_of = |number: usize| {
            let block = BlockId::Proposed(hash(ranks[number], number as u32));
            Output { block, index: 0 }
        };
        let inputs = [
            vec![genesis(0)],
            vec![genesis(0)],
            vec![first_of(0)],
            vec![first_of(1), genesis(1)],
            vec![genesis(1)],
            vec![],
        ];
        for (number, inputs) in (0..).zip(inputs) {
            let block = ConcurrentBlock::new(inputs, 1).unwrap();
            let hash = hash(ranks[number as usize], number);
            let estimate = ConcurrentVote::Propose(block.clone());
            let message = dag.push(hash, estimate);
            let inputs = block.inputs().iter();
            let places = inputs.map(|input| estimator.blocks.place(&dag, input).unwrap()).collect();
            estimator.blocks.push(&dag, message, places, 1);
            blocks.insert(hash, block);
        }
        let mut this = Self { dag, estimator, blocks, schedules: Vec::new() };
        this.schedules = (0..1 << Self::COUNT).filter(|&bits| this.is_schedule(bits)).collect();
        this
    }

    fn members(bits: u32) -> impl Iterator<Item = ScheduledBlock> {
        (0..Self::COUNT).filter(move |number| bits >> number & 1 == 1).map(ScheduledBlock)
    }

    fn is_schedule(&self, bits: u32) -> bool {
        let schedule = Schedule::of(Self::members(bits));
        let blocks = self.estimator.blocks();
        let parents = Self::members(bits).flat_map(|block| blocks.parents(block));
        let closed = parents.into_iter().all(|parent| schedule.contains(parent));
        let consumed: Vec<Output> =
            Self::members(bits).flat_map(|block| blocks.consumed(block)).collect();
        let distinct: BTreeSet<&Output> = consumed.iter().collect();
        closed && distinct.len() == consumed.len()
    }

    /// The schedule by these votes, which is that of the definition.
    fn schedule(&mut self, votes: &[(u32, u64)]) -> Schedule {
        let units: Vec<u64> = votes.iter().map(|&(_, units)| units).collect();
        self.estimator.votes =
            votes.iter().map(|&(bits, _)| Some(Schedule::of(Self::members(bits)))).collect();
        let cast = (0..votes.len() as u32).map(|number| Vote {
            validator: ValidatorId::new(number),
            message: MessageIndex::new(number),
        });
        let cast: Vec<Vote> = cast.collect();
        let found = self.estimator.estimate(&self.dag, &weights(&units), &cast, None).unwrap();
        let schedule = whole(found);
        let named = |&(bits, units): &(u32, u64)| {
            let blocks = self.estimator.blocks();
            (Self::members(bits).map(|block| blocks.hash(block)).collect(), units)
        };
        let named: Vec<_> = votes.iter().map(named).collect();
        let expected = by_definition(2, &self.blocks, &named);
        assert_eq!(hashes(&self.estimator, &schedule), expected, "{votes:?}");
        schedule
    }
}

#[test]
fn what_a_majority_votes_for_is_in_the_schedule_in_every_case_there_is() {
    let mut majorities = 0;
    for ranks in [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [3, 1, 0, 5, 2, 4]] {
        let mut six = SixBlocks::new(ranks);
        let schedules = six.schedules.clone();
        assert_eq!(schedules.len(), 18);
        for units in [[1, 1, 1], [2, 2, 1], [3, 2, 2], [5, 2, 2], [1, 1, 0]] {
            for one in &schedules {
                for two in &schedules {
                    for three in &schedules {
                        let votes = [(*one, units[0]), (*two, units[1]), (*three, units[2])];
                        let schedule = six.schedule(&votes);
                        for block in 0..SixBlocks::COUNT {
                            let having = votes.iter().filter(|(bits, _)| bits >> block & 1 == 1);
                            let having: u64 = having.map(|(_, units)| units).sum();
                            if 2 * having > units.iter().sum() {
                                assert!(schedule.contains(ScheduledBlock(block)), "{votes:?}");
                                majorities += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(majorities > 10_000);
}

#[test]
fn ties_go_to_the_greater_hash_and_what_is_on_the_lesser_is_left_out() {
    for (ranks, expected) in [([0, 1, 0, 0, 0, 0], 0b001010), ([1, 0, 0, 0, 0, 0], 0b000101)] {
        let mut six = SixBlocks::new(ranks);
        // a and c; b and d; nothing.
        let schedule = six.schedule(&[(0b000101, 1), (0b001010, 1), (0, 1)]);
        assert_eq!(schedule, Schedule::of(SixBlocks::members(expected)));
    }
}

#[test]
fn blocks_conflict_if_they_or_what_they_are_on_consume_one_output() {
    let six = SixBlocks::new([0, 1, 2, 3, 4, 5]);
    let conflict = |one, other| {
        let [one, other] = [one, other].map(|it| Scheduled::Block(ScheduledBlock(it)));
        assert_eq!(six.estimator.conflict(&one, &other), six.estimator.conflict(&other, &one));
        six.estimator.conflict(&one, &other)
    };
    let found: Vec<(u32, u32)> = (0..SixBlocks::COUNT)
        .flat_map(|one| (0..=one).map(move |other| (other, one)))
        .filter(|&(one, other)| conflict(one, other))
        .collect();
    // a-b, c-b, a-d, c-d, d-e.
    assert_eq!(found, [(0, 1), (1, 2), (0, 3), (2, 3), (3, 4)]);
    let all = |bits| Scheduled::All(Schedule::of(SixBlocks::members(bits)));
    let block = |number| Scheduled::Block(ScheduledBlock(number));
    assert!(six.estimator.conflict(&all(0b010001), &block(3)));
    assert!(!six.estimator.conflict(&all(0b010001), &block(2)));
    assert!(!six.estimator.conflict(&all(0b100000), &block(3)), "not in it, yet");
    assert!(six.estimator.conflict(&all(0b000010), &all(0b000101)));
}

fn block(inputs: &[Output], outputs: u32) -> ConcurrentVote {
    ConcurrentVote::Propose(ConcurrentBlock::new(inputs.to_vec(), outputs).unwrap())
}

#[test]
fn v5_a_block_consumes_what_its_justification_leaves() {
    let mut node = Node::new(weights(&[1, 1]), GreedySchedule::new(1));
    let [zero, one] = [0, 1].map(ValidatorId::new);
    let genesis = Output { block: BlockId::Genesis, index: 0 };
    let first = node.draft(zero, block(&[genesis], 2));
    let rival = node.draft(one, block(&[genesis], 1));
    node.receive(first.clone()).unwrap();
    let of_first = |index| Output { block: BlockId::Proposed(first.hash()), index };
    let of_rival = Output { block: BlockId::Proposed(rival.hash()), index: 0 };
    for missing in [genesis, of_first(2), of_rival, Output { index: 1, ..genesis }] {
        let refused = node.receive(node.draft(zero, block(&[of_first(0), missing], 1)));
        let problem = refused.unwrap_err();
        assert!(problem.contains("DoesNotFollow"), "{missing:?}: {problem}");
    }
    node.receive(node.draft(zero, block(&[of_first(0), of_first(1)], 0))).unwrap();
    // Whoever has not seen the first may consume what it does; both are known then.
    node.receive(rival).unwrap();
    let schedule = whole(node.estimate());
    let latest = node.votes().len();
    assert_eq!((latest, node.estimator.blocks().len()), (2, 3));
    assert!([1, 2].contains(&schedule.iter().count()));
}

#[test]
fn a_vote_adds_nothing_and_holds_on_to_the_whole_schedule() {
    let mut node = Node::new(weights(&[2, 2, 1]), GreedySchedule::new(2));
    let genesis = |index| Output { block: BlockId::Genesis, index };
    let [zero, one, two] = [0, 1, 2].map(ValidatorId::new);
    node.receive(node.draft(zero, block(&[genesis(0)], 0))).unwrap();
    node.receive(node.draft(one, ConcurrentVote::Vote)).unwrap();
    // Blocks of others that have nothing to do with it take nothing from it.
    node.receive(node.draft(two, block(&[genesis(1)], 0))).unwrap();
    let of_two = node.view.latest_message(two).unwrap();
    assert_eq!(node.estimator.voted_by(of_two).unwrap().iter().count(), 2);
    assert_eq!(whole(node.estimate()).iter().count(), 2);
    assert_eq!(node.view.validators().weight(two), Weight::new(1));
}

#[test]
fn it_starts_from_what_is_final_only_where_the_votes_have_left_that() {
    // a and c are ahead; f is voted for by one alone.
    let mut six = SixBlocks::new([5, 4, 3, 2, 1, 0]);
    let votes = [(0b000101, 2), (0b101010, 1)];
    let from_nothing = six.schedule(&votes);
    assert_eq!(from_nothing, Schedule::of(SixBlocks::members(0b100101)));
    let cast = (0..2).map(|number| Vote {
        validator: ValidatorId::new(number),
        message: MessageIndex::new(number),
    });
    let cast: Vec<Vote> = cast.collect();
    let from = |start: Scheduled| {
        let found = six.estimator.estimate(&six.dag, &weights(&[2, 1]), &cast, Some(&start));
        whole(found.unwrap())
    };
    for start in [0b000001, 0b100000, 0b100101] {
        let start = Scheduled::All(Schedule::of(SixBlocks::members(start)));
        assert_eq!(from(start), from_nothing);
    }
    // d is on b, which rivals a.
    let start = Scheduled::Block(ScheduledBlock(3));
    assert_eq!(from(start), Schedule::of(SixBlocks::members(0b101010)));
}
