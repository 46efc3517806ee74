//! What the search has to know of a protocol.

use cbc_message::{Bit, BlockId, BlockVote, ValidatorId};
use cbc_validator::{BinaryConsensus, Blockchain, Protocol};
use cbc_view::BlockIndex;

use crate::ideal::World;

/// A protocol whose futures are searched.
pub trait Play: Protocol + Sized {
    /// What tables call it.
    const NAME: &'static str;

    /// Whether all that disagrees with a candidate is one and the same. Then nobody who disagrees
    /// already needs to be turned.
    const TWO_VALUED: bool;

    /// The protocol.
    fn protocol() -> Self;

    /// Two estimates that anybody's first message may carry, having seen nothing: what makes a
    /// proof of equivocation out of nothing.
    fn fresh() -> [Self::Estimate; 2];

    /// The first messages of every execution.
    fn opening() -> Vec<(ValidatorId, Self::Estimate)>;

    /// What messages of the futures carry where the estimator answers `value` (rule V5).
    fn ballots(world: &World<Self>, value: Option<&Self::Value>) -> Vec<Self::Estimate>;

    /// What the honest validators of an execution choose from, the commonest first.
    fn moves(world: &World<Self>, value: Option<&Self::Value>) -> Vec<Self::Estimate>;

    /// The candidates to ask for, once the opening is made.
    fn candidates(world: &World<Self>) -> Vec<Self::Value>;
}

impl Play for BinaryConsensus {
    const NAME: &'static str = "binary";
    const TWO_VALUED: bool = true;

    fn protocol() -> Self {
        Self::new(cbc_estimator::WeightedMedian::new())
    }

    fn fresh() -> [Bit; 2] {
        [Bit::Zero, Bit::One]
    }

    fn opening() -> Vec<(ValidatorId, Bit)> {
        Vec::new()
    }

    fn ballots(_: &World<Self>, value: Option<&Bit>) -> Vec<Bit> {
        value.map_or(Self::fresh().to_vec(), |&value| vec![value])
    }

    fn moves(world: &World<Self>, value: Option<&Bit>) -> Vec<Bit> {
        Self::ballots(world, value)
    }

    fn candidates(_: &World<Self>) -> Vec<Bit> {
        Self::fresh().to_vec()
    }
}

/// Validators 0 and 1 each propose a block on the genesis. The candidates are these two; whoever
/// speaks votes for the head, or, more rarely, builds on it.
impl Play for Blockchain {
    const NAME: &'static str = "two forks";
    const TWO_VALUED: bool = false;

    fn protocol() -> Self {
        Self
    }

    fn fresh() -> [BlockVote; 2] {
        [
            BlockVote::Propose { parent: BlockId::Genesis },
            BlockVote::Vote { block: BlockId::Genesis },
        ]
    }

    fn opening() -> Vec<(ValidatorId, BlockVote)> {
        let [propose, _] = Self::fresh();
        [0, 1].map(|proposer| (ValidatorId::new(proposer), propose)).to_vec()
    }

    fn ballots(world: &World<Self>, head: Option<&BlockIndex>) -> Vec<BlockVote> {
        let head = head.copied().unwrap_or(BlockIndex::GENESIS);
        let block = world.observer().blocks().id(world.view(), head);
        vec![BlockVote::Vote { block }]
    }

    fn moves(world: &World<Self>, head: Option<&BlockIndex>) -> Vec<BlockVote> {
        let Some(&head) = head.filter(|&&head| head != BlockIndex::GENESIS) else {
            return Vec::new(); // a third fork
        };
        let block = world.observer().blocks().id(world.view(), head);
        vec![BlockVote::Vote { block }, BlockVote::Propose { parent: block }]
    }

    fn candidates(world: &World<Self>) -> Vec<BlockIndex> {
        let blocks = world.observer().blocks();
        let forks = blocks.iter().filter(|&block| blocks.height(block) == 1);
        forks.take(2).collect()
    }
}
