//! The schedule by latest messages, built greedily.

use std::collections::{BTreeMap, BinaryHeap};
use std::convert::Infallible;

use cbc_message::{ConcurrentVote, MessageHash, Output, ValidatorSet, Weight};
use cbc_view::{Archive, Chain, HashedDag, MessageDag, MessageIndex, Refusal, Unjudged};

use super::block_set::BlockSet;
use super::blocks::{ConcurrentBlocks, Place, Schedule, ScheduledBlock};
use crate::{Breach, Case, Estimator, Follower, Judged, MajorityDriven, Vote, votes};

/// What is decided: a schedule, all of it, or one block's being in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheduled {
    /// All of these blocks.
    All(Schedule),
    /// This block.
    Block(ScheduledBlock),
}

/// What a schedule leaves to be consumed, in ascending order: what the maker of a block on it
/// chooses from. Of a single block, what it produces.
pub type Unspent = Vec<Output>;

/// Which of the blocks that consume and produce outputs are in the schedule (semantics §5).
///
/// A message votes for the whole schedule that follows from its justification, and for its own
/// block. The score of a block is the weight of the votes for it. From the outputs of the genesis
/// on, the schedule is built block by block: of those that are *available*, whose parents are in
/// it and whose inputs nothing in it consumes, the one with the greatest score, and among equal
/// ones the greatest hash; until no block with a score of more than 0 is available.
///
/// # How it is found
///
/// Blocks with a score of more than half of the voting weight come first, and all of them do (the
/// proof is that of [`MajorityDriven`]): so only the others have to be put in order. Schedules of
/// messages near each other share most of what they have, and where votes share it, it is not
/// looked at. O(v log v) for v votes at each of the O(log n) places where their schedules differ,
/// O(v) for each block in which they do, and O(log n) for each input of a block that half or less
/// of the weight votes for, times the blocks that consume it.
///
/// Memory: O(log n) for each message. Nothing is ever settled: what a view drops is nothing.
#[derive(Clone, Debug)]
pub struct GreedySchedule {
    pub(super) blocks: ConcurrentBlocks,
    /// For each message, what it votes for; none for one that it was not asked to judge.
    pub(super) votes: Vec<Option<Schedule>>,
    /// The message judged last, what its justification votes for, and where its block's inputs
    /// are, if it has one that counts.
    judged: Option<(MessageHash, Schedule, Option<Vec<Place>>)>,
}

impl GreedySchedule {
    /// The estimator that knows of nothing but a genesis with so many outputs.
    pub fn new(genesis_outputs: u32) -> Self {
        let blocks = ConcurrentBlocks::new(genesis_outputs);
        Self { blocks, votes: Vec::new(), judged: None }
    }

    /// The blocks of the messages that it has been told of.
    pub fn blocks(&self) -> &ConcurrentBlocks {
        &self.blocks
    }

    /// What `message` votes for: the schedule of its justification, and its own block. None of a
    /// message that it was told of without having been asked to judge it first.
    pub fn voted_by(&self, message: MessageIndex) -> Option<&Schedule> {
        self.votes.get(message.index())?.as_ref()
    }

    /// Whether the two can never both be decided: if something consumes, in or before the one,
    /// what something else does in or before the other. O(a log n) for the a ancestors of what is
    /// in one of them and not in the other, and O(1) for what is in both, if one is a schedule.
    pub fn conflict(&self, one: &Scheduled, other: &Scheduled) -> bool {
        let excludes = |schedule: &Schedule, scheduled: &Scheduled| match scheduled {
            Scheduled::Block(block) => self.blocks.is_excluded(*block, schedule),
            Scheduled::All(blocks) => {
                blocks.iter().any(|block| self.blocks.is_excluded(block, schedule))
            }
        };
        match (one, other) {
            (Scheduled::All(schedule), scheduled) | (scheduled, Scheduled::All(schedule)) => {
                excludes(schedule, scheduled)
            }
            (Scheduled::Block(block), scheduled) => {
                excludes(&Schedule::of(self.blocks.ancestors(*block)), scheduled)
            }
        }
    }

    /// The schedule by these votes.
    fn schedule(&self, validators: &ValidatorSet, votes: &[Vote]) -> Schedule {
        let weighed = votes.iter().filter_map(|vote| {
            Some((&self.voted_by(vote.message)?.0, validators.weight(vote.validator)))
        });
        let weighed: Vec<(&BlockSet, Weight)> = weighed.collect();
        let (majority, others) = BlockSet::weigh(&weighed);
        let mut schedule = Schedule(majority);
        self.extend(&mut schedule, &others);
        schedule
    }

    /// The schedule by these votes with `start` in it first, whatever is for that.
    fn schedule_on(&self, start: Schedule, validators: &ValidatorSet, votes: &[Vote]) -> Schedule {
        let voted =
            |vote: &Vote| Some((self.voted_by(vote.message)?, validators.weight(vote.validator)));
        let mut scores: BTreeMap<u32, Weight> = BTreeMap::new();
        for (schedule, weight) in votes.iter().filter_map(voted).filter(|(_, it)| !it.is_zero()) {
            for block in schedule.0.iter().filter(|&block| !start.0.contains(block)) {
                *scores.entry(block).or_insert(Weight::ZERO) += weight;
            }
        }
        let mut schedule = start;
        self.extend(&mut schedule, &scores.into_iter().collect::<Vec<_>>());
        schedule
    }

    /// Goes on with a schedule, from these blocks, which are not in it, and their scores. O(log n) for each, and for each input as
    /// [`spender`](ConcurrentBlocks::spender).
    fn extend(&self, schedule: &mut Schedule, others: &[(u32, Weight)]) {
        // Those whose parents are all in, the next one last; and what waits for a parent.
        let mut ready = BinaryHeap::new();
        let mut waiting: BTreeMap<u32, Vec<(u32, Weight)>> = BTreeMap::new();
        for &(block, score) in others {
            self.sort_in(schedule, block, score, &mut ready, &mut waiting);
        }
        while let Some((_, _, block)) = ready.pop() {
            let inputs = self.blocks.inputs(block);
            if inputs.iter().all(|&input| self.blocks.spender(schedule, input).is_none()) {
                schedule.0.insert(block);
                for (block, score) in waiting.remove(&block).unwrap_or_default() {
                    self.sort_in(schedule, block, score, &mut ready, &mut waiting);
                }
            }
        }
    }

    fn sort_in(
        &self,
        schedule: &Schedule,
        block: u32,
        score: Weight,
        ready: &mut BinaryHeap<(Weight, MessageHash, u32)>,
        waiting: &mut BTreeMap<u32, Vec<(u32, Weight)>>,
    ) {
        let parents = self.blocks.inputs(block).iter().filter_map(|&(from, _)| from);
        match parents.into_iter().find(|&parent| !schedule.0.contains(parent)) {
            Some(parent) => waiting.entry(parent).or_default().push((block, score)),
            None => ready.push((score, self.blocks.hash(ScheduledBlock(block)), block)),
        }
    }
}

impl<D: HashedDag<Estimate = ConcurrentVote>> Estimator<D> for GreedySchedule {
    type Value = Scheduled;
    type Inadmissible = Infallible;
    type Answer = Unspent;

    /// The whole schedule; always there. It starts with nothing, if that leads to all of `start`;
    /// else with `start`, O(n log n) for n blocks. To begin with `start` in any case would be
    /// something else: where scores are equal, what is on it would come before what is not.
    fn estimate(
        &self,
        _: &D,
        validators: &ValidatorSet,
        votes: &[Vote],
        start: Option<&Scheduled>,
    ) -> Option<Scheduled> {
        let schedule = self.schedule(validators, votes);
        let start = match start {
            None => return Some(Scheduled::All(schedule)),
            Some(Scheduled::All(start)) => start.iter().collect(),
            Some(&Scheduled::Block(block)) => vec![block],
        };
        if start.iter().all(|&block| schedule.contains(block)) {
            return Some(Scheduled::All(schedule));
        }
        let start = start.into_iter().flat_map(|block| self.blocks.ancestors(block));
        Some(Scheduled::All(self.schedule_on(Schedule::of(start), validators, votes)))
    }

    fn answer(&self, _: &D, value: &Scheduled) -> Unspent {
        match value {
            Scheduled::All(schedule) => self.blocks.unspent(schedule),
            Scheduled::Block(block) => self.blocks.outputs(*block),
        }
    }

    /// Whether the message's block consumes only what the schedule has and nothing in it consumes.
    fn follows(&self, dag: &D, value: &Scheduled, estimate: &ConcurrentVote) -> bool {
        match (value, estimate) {
            (_, ConcurrentVote::Vote) => true,
            (Scheduled::All(schedule), ConcurrentVote::Propose(block)) => {
                self.blocks.available(dag, schedule, block).is_some()
            }
            (Scheduled::Block(_), ConcurrentVote::Propose(_)) => false,
        }
    }
}

impl<D: HashedDag<Estimate = ConcurrentVote>> Follower<D> for GreedySchedule {
    fn insert(&mut self, dag: &D, message: MessageIndex) {
        let judged = self.judged.take_if(|(hash, ..)| *hash == dag.hash(message));
        self.votes.resize(message.index() + 1, None);
        let Some((_, mut schedule, inputs)) = judged else { return };
        if let (Some(inputs), ConcurrentVote::Propose(block)) = (inputs, dag.estimate(message)) {
            let block = self.blocks.push(dag, message, inputs, block.outputs());
            schedule.0.insert(block.0);
        }
        self.votes[message.index()] = Some(schedule);
    }

    /// The message's block must be available in the schedule of what it cites. If that is not to
    /// be checked, a block that is not counts for nothing, and its message votes for the schedule.
    fn judge(
        &mut self,
        dag: &D,
        validators: &ValidatorSet,
        case: &Case<'_, ConcurrentVote>,
        _: Option<&dyn Archive<ConcurrentVote>>,
    ) -> Judged<Infallible, Unspent> {
        let needs: Vec<MessageHash> = case.dropped().into_iter().map(|(_, hash)| hash).collect();
        if !needs.is_empty() {
            return Err(Unjudged::BelowHorizon { needs }.into());
        }
        let schedule = self.schedule(validators, &votes(&case.citations));
        let inputs = match case.estimate {
            ConcurrentVote::Propose(block) => {
                let inputs = self.blocks.available(dag, &schedule, block);
                if case.check && inputs.is_none() {
                    let unspent = self.blocks.unspent(&schedule);
                    return Err(Refusal::Breaks(Breach::DoesNotFollow(unspent)));
                }
                inputs
            }
            ConcurrentVote::Vote => None,
        };
        self.judged = Some((case.message, schedule, inputs));
        Ok(())
    }
}

/// For "b is in the schedule", and so for "all of these are".
///
/// A vote is a schedule: with each block it has its ancestors, and of blocks that *conflict*,
/// which consume one output, it has one at most. Let H be the blocks with a score of more than
/// half of the voting weight, b among them. So (1) with a block H has its ancestors, whose scores
/// are no less; and (2) what conflicts with a block of H has a score of less than half, since
/// nobody votes for both.
///
/// As long as the schedule does not have all of H, a block of H is available, if nothing is in the
/// schedule that conflicts with one: take one that is not in, with all its ancestors in; they are
/// of H by (1), and in the schedule nothing consumes what it does. Its score is greater than that
/// of any block which is not of H. So the greedy choice is a block of H, and by (2) none that
/// conflicts with one: by induction over the choices, all blocks of H come first. Neither weight
/// nor hash of another matters. So b is in the schedule.
///
/// What comes after H depends on H and on the other blocks' scores alone. So to begin with H, in
/// any order, gives the same schedule.
impl MajorityDriven for GreedySchedule {}

/// "All of this is in the schedule", as a chain of one candidate. O(log n) a message for a block,
/// O(n) for a schedule.
#[derive(Clone, Debug)]
pub struct AllScheduled<'a> {
    /// What the DAG's messages vote for.
    pub estimator: &'a GreedySchedule,
    /// The candidate.
    pub scheduled: Scheduled,
}

impl<D: MessageDag + ?Sized> Chain<D> for AllScheduled<'_> {
    fn depth(&self) -> u32 {
        1
    }

    fn agreement(&self, _: &D, message: MessageIndex) -> u32 {
        let agrees = |voted: &Schedule| match &self.scheduled {
            Scheduled::All(schedule) => schedule.0.is_subset(&voted.0),
            Scheduled::Block(block) => voted.contains(*block),
        };
        u32::from(self.estimator.voted_by(message).is_some_and(agrees))
    }
}
