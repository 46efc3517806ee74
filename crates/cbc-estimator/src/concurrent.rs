//! Concurrent blocks: which of them are in the schedule (semantics §5).

mod block_set;
mod blocks;
mod greedy;
#[cfg(test)]
mod tests;

pub use blocks::{ConcurrentBlocks, Schedule, ScheduledBlock};
pub use greedy::{AllScheduled, GreedySchedule, Scheduled, Unspent};
