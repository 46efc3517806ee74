//! The protocols and oracles under attack.

use cbc_estimator::{
    BlockIndex, MajorityDriven, Schedule, Scheduled, ScheduledBlock, ShardBlock, ShardHeads,
    WeightedMedian,
};
use cbc_message::{Bit, Estimate, Shard};
use cbc_oracle::{CliqueOracle, SafetyOracle};
use cbc_oracle_adversary::AdversaryOracle;
use cbc_oracle_inspector::InspectorOracle;
use cbc_oracle_turan::TuranOracle;
use cbc_validator::{BinaryConsensus, Blockchain, Concurrent, Observer, Protocol, Sharding};
use cbc_view::{HashedDag, View};

/// A protocol that can be attacked.
pub trait Arena: Protocol<Estimator: MajorityDriven> {
    /// What it is called.
    const NAME: &'static str;

    /// The protocol.
    fn arena() -> Self;

    /// The estimate of a message whose maker has seen nothing and takes one of two sides; `None`
    /// where the maker has no choice.
    fn opening(side: bool) -> Option<Self::Estimate>;

    /// A value of one observer's view, as it is in another's that has seen at least as much.
    fn carry<O, Q>(
        value: &Self::Value,
        from: &Observer<Self, O>,
        to: &Observer<Self, Q>,
    ) -> Self::Value
    where
        Self: Sized;
}

impl Arena for Blockchain {
    const NAME: &'static str = "blockchain";

    fn arena() -> Self {
        Self::new()
    }

    fn opening(_: bool) -> Option<Self::Estimate> {
        None
    }

    fn carry<O, Q>(
        block: &BlockIndex,
        from: &Observer<Self, O>,
        to: &Observer<Self, Q>,
    ) -> BlockIndex {
        let id = from.blocks().id(from.view(), *block);
        to.blocks().resolve(to.view(), id).unwrap()
    }
}

impl Arena for BinaryConsensus {
    const NAME: &'static str = "binary";

    fn arena() -> Self {
        Self::new(WeightedMedian::new())
    }

    fn opening(side: bool) -> Option<Bit> {
        Some(if side { Bit::One } else { Bit::Zero })
    }

    fn carry<O, Q>(bit: &Bit, _: &Observer<Self, O>, _: &Observer<Self, Q>) -> Bit {
        *bit
    }
}

/// From a genesis with two outputs.
impl Arena for Concurrent {
    const NAME: &'static str = "concurrent";

    fn arena() -> Self {
        Self { genesis_outputs: 2 }
    }

    fn opening(_: bool) -> Option<Self::Estimate> {
        None
    }

    fn carry<O, Q>(
        scheduled: &Scheduled,
        from: &Observer<Self, O>,
        to: &Observer<Self, Q>,
    ) -> Scheduled {
        let carry = |block: ScheduledBlock| {
            let hash = from.estimator().blocks().hash(block);
            to.estimator().blocks().proposed_by(to.view().find(&hash).unwrap()).unwrap()
        };
        match scheduled {
            Scheduled::All(schedule) => Scheduled::All(Schedule::of(schedule.iter().map(carry))),
            Scheduled::Block(block) => Scheduled::Block(carry(*block)),
        }
    }
}

/// On a root with two children.
impl Arena for Sharding {
    const NAME: &'static str = "sharding";

    fn arena() -> Self {
        Self { depth: 1 }
    }

    fn opening(_: bool) -> Option<Self::Estimate> {
        None
    }

    /// What is final is what a block of the root implies.
    fn carry<O, Q>(
        heads: &ShardHeads,
        from: &Observer<Self, O>,
        to: &Observer<Self, Q>,
    ) -> ShardHeads {
        let root: ShardBlock = heads.of(Shard::ROOT).unwrap();
        let (from, blocks) = (from.estimator().blocks(), to.estimator().blocks());
        let root = blocks.resolve(to.view(), Shard::ROOT, from.id(root)).unwrap();
        blocks.implied(root)
    }
}

/// An oracle that honest validators finalize by.
pub(super) type Oracle<E> = Box<dyn SafetyOracle<View<E>>>;

/// The oracles, by name.
pub const ORACLES: [&str; 4] = ["clique", "turan", "adversary", "inspector"];

/// The oracle at `place` of [`ORACLES`].
#[allow(clippy::default_constructed_unit_structs, reason = "not for long")]
pub(super) fn oracle<E: Estimate>(place: usize) -> Oracle<E> {
    match place {
        0 => Box::new(CliqueOracle::new()),
        1 => Box::new(TuranOracle),
        2 => Box::new(AdversaryOracle),
        _ => Box::new(InspectorOracle::default()),
    }
}
