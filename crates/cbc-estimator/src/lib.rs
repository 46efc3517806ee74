//! Estimators: what the latest messages of a view, or of a justification, say to vote for.
//!
//! An [`Estimator`] answers from [`Vote`]s, one for each validator that counts: [`Ghost`] with a
//! block, [`WeightedMedian`] with a bit or an integer, [`Copeland`] and [`Borda`] with an order.
//! A [`Follower`] is kept up to date with a view, told of its messages and pruned with it.
//! Those whose estimate follows every majority are marked [`MajorityDriven`], with the proof: the
//! safety oracles' arguments hold for no others.
//!
//! Blocks live here: a [`BlockTree`] knows who descends from whom, and which message votes for which
//! block; [`OnBlock`] and [`UpTo`] are what an oracle is asked about. [`VoteTree`] answers what
//! [`Ghost`] does from votes that are moved, one or many at a time, without looking at all of them
//! again; [`LoadedVotes`] keeps whose they are.
//!
//! [`GreedySchedule`] says which [`ConcurrentBlocks`] are in the schedule, and [`ShardedGhost`] what the
//! heads of a tree of shards are. Their messages vote for more than they carry, which is kept here.
//!
//! This layer never decides who may vote or what is final, never looks at a message that is not a
//! vote or a block, and never depends on the order in which messages arrived.
//!
//! "Semantics §5" and the rules (V1 to V8) are on the page [`cbc_message::semantics`].
//!
//! ```
//! use std::sync::Arc;
//! use cbc_estimator::{Estimator, Vote, WeightedMedian};
//! use cbc_message::{Header, Integer, Justification, Message, ValidatorId, ValidatorSet, Weight};
//! use cbc_view::View;
//!
//! let validators = Arc::new(ValidatorSet::new([2, 3, 4].map(Weight::new))?);
//! let mut view = View::new(Arc::clone(&validators));
//! for (sender, value) in validators.ids().zip([50, -7, 20]) {
//!     view.insert(Message::new(Header {
//!         sender,
//!         sequence_number: 0,
//!         justification: Justification::EMPTY,
//!         estimate: Integer(value),
//!     })?)?;
//! }
//!
//! let votes: Vec<Vote> = view
//!     .latest_honest_messages()
//!     .map(|(validator, message)| Vote { validator, message })
//!     .collect();
//! // -7 has 3 of the 9, which is less than half; with 20 it is 7.
//! let median = WeightedMedian::new().estimate(&view, &validators, &votes, None);
//! assert_eq!(median, Some(Integer(20)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod blocks;
mod borda;
mod concurrent;
mod copeland;
mod estimator;
mod median;
mod orders;
mod sharding;
#[cfg(test)]
mod testing;

pub use blocks::{
    BlockIndex, BlockPlace, BlockTree, Ghost, LoadedVotes, OnBlock, OutlyingBlock, UnknownBlock,
    UpTo, VoteTree,
};
pub use borda::Borda;
pub use concurrent::{
    AllScheduled, ConcurrentBlocks, GreedySchedule, Schedule, Scheduled, ScheduledBlock, Unspent,
};
pub use copeland::Copeland;
pub use estimator::{
    Breach, Case, Estimator, Follower, Judged, Leads, MajorityDriven, Vote, votes,
};
pub use median::WeightedMedian;
pub use orders::WrongItemCount;
pub use sharding::{
    NotInShards, ShardBlock, ShardHeads, ShardedBlocks, ShardedGhost, UpToRootBlock,
};
