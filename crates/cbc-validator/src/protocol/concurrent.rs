//! Consensus on concurrent blocks.

use std::collections::BTreeSet;

use cbc_estimator::{AllScheduled, GreedySchedule, Schedule, Scheduled, Unspent};
use cbc_message::{ConcurrentBlock, ConcurrentVote, Output};
use cbc_view::{Chain, View};

use super::{Protocol, mixed};

/// Consensus on a schedule of blocks that consume and produce outputs, of which those that have
/// nothing to do with each other are decided apart (semantics §5).
///
/// What is final is a block's being in the schedule: each is a chain of its own, of one candidate.
/// Two conflict if they, or what they are on, consume one output.
#[derive(Clone, Copy, Debug)]
pub struct Concurrent {
    /// How many outputs the genesis has.
    pub genesis_outputs: u32,
}

impl Concurrent {
    /// How many outputs a block may consume, and produce, that is made by [`choose`](Self::choose).
    const MOST: usize = 3;

    /// A block that consumes one to three of these outputs, and produces as many as one to three;
    /// which and how many, `choice` says: every choice is some block. If there is no output, a vote
    /// for the schedule. For whoever has nothing of its own to put into a block, and wants to be
    /// able to say again which one it made.
    pub fn choose(unspent: &[Output], choice: u64) -> ConcurrentVote {
        let mut rest = choice;
        let mut next = |below: usize| {
            let drawn = rest % below.max(1) as u64;
            rest /= below.max(1) as u64;
            drawn as usize
        };
        let count = (1 + next(Self::MOST)).min(unspent.len());
        let outputs = 1 + next(Self::MOST) as u32;
        let first = next(unspent.len());
        let inputs = (0..count).map(|place| unspent[(first + place) % unspent.len()]).collect();
        match ConcurrentBlock::new(inputs, outputs) {
            Ok(block) if count > 0 => ConcurrentVote::Propose(block),
            _ => ConcurrentVote::Vote,
        }
    }
}

impl Protocol for Concurrent {
    type Estimate = ConcurrentVote;
    type Value = Scheduled;
    type Estimator = GreedySchedule;

    /// A message agrees with many blocks.
    const ONE_TREE: bool = false;

    fn estimator(&self) -> GreedySchedule {
        GreedySchedule::new(self.genesis_outputs)
    }

    /// The block that is [chosen](Self::choose) by a number made of the names of what is unspent:
    /// one block or another, and of two makers who see the same, the same.
    fn estimate(&self, unspent: &Unspent) -> ConcurrentVote {
        Self::choose(unspent, mixed(unspent.iter().map(|output| output.block)))
    }

    fn ends(&self, _: &GreedySchedule, value: &Scheduled) -> Vec<Scheduled> {
        match value {
            Scheduled::All(schedule) => schedule.iter().map(Scheduled::Block).collect(),
            Scheduled::Block(_) => vec![value.clone()],
        }
    }

    /// O(n log n), which asking of each end whether it is among what is final is not.
    fn open_ends(
        &self,
        estimator: &GreedySchedule,
        value: &Scheduled,
        finalized: &[&Scheduled],
    ) -> Vec<Scheduled> {
        let blocks = finalized.iter().filter_map(|value| match value {
            Scheduled::Block(block) => Some(*block),
            Scheduled::All(_) => None,
        });
        let finalized: BTreeSet<_> = blocks.collect();
        let mut ends = self.ends(estimator, value);
        ends.retain(|end| !matches!(end, Scheduled::Block(block) if finalized.contains(block)));
        ends
    }

    fn join(&self, _: &GreedySchedule, finalized: &[&Scheduled]) -> Option<Scheduled> {
        let blocks = finalized.iter().flat_map(|value| match value {
            Scheduled::Block(block) => vec![*block],
            Scheduled::All(schedule) => schedule.iter().collect(),
        });
        (!finalized.is_empty()).then(|| Scheduled::All(Schedule::of(blocks)))
    }

    fn chain<'a>(
        &self,
        estimator: &'a GreedySchedule,
        value: &Scheduled,
    ) -> impl Chain<View<ConcurrentVote>> + use<'a> {
        AllScheduled { estimator, scheduled: value.clone() }
    }

    fn common_depth(&self, _: &GreedySchedule, one: &Scheduled, other: &Scheduled) -> u32 {
        u32::from(one == other)
    }

    fn depth(&self, _: &GreedySchedule, _: &Scheduled) -> u32 {
        1
    }

    fn candidate(&self, _: &GreedySchedule, value: &Scheduled, _: u32) -> Scheduled {
        value.clone()
    }

    fn conflict(&self, estimator: &GreedySchedule, one: &Scheduled, other: &Scheduled) -> bool {
        estimator.conflict(one, other)
    }

    /// As [`conflict`](Self::conflict), which takes a schedule as a whole.
    fn excludes(
        &self,
        estimator: &GreedySchedule,
        value: &Scheduled,
        finalized: &Scheduled,
    ) -> bool {
        estimator.conflict(value, finalized)
    }
}
