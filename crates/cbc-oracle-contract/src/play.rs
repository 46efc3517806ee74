//! What the search has to know of a protocol.

use cbc_estimator::BlockIndex;
use cbc_message::{Bit, BlockId, BlockVote, ValidatorId};
use cbc_oracle::SafetyOracle;
use cbc_validator::{BinaryConsensus, Blockchain, Protocol};
use cbc_view::{MessageDag, MessageIndex, View};

use crate::ContractOracle;
use crate::stories::Script;
use crate::world::World;

/// A protocol whose futures are searched.
pub(crate) trait Play: Protocol + Sized {
    /// What tables call it.
    const NAME: &'static str;

    /// Whether all that disagrees with a candidate is one and the same. Then nobody who disagrees
    /// already needs to be turned.
    const TWO_VALUED: bool;

    /// The protocol.
    fn protocol() -> Self;

    /// The oracle, for this protocol's DAGs.
    fn asks(oracle: &dyn ContractOracle) -> &dyn SafetyOracle<View<Self::Estimate>>;

    /// Two estimates that anybody's first message may carry, having seen nothing: what makes a
    /// proof of equivocation out of nothing.
    fn fresh() -> [Self::Estimate; 2];

    /// The first messages of every execution.
    fn opening() -> Vec<(ValidatorId, Self::Estimate)>;

    /// What messages of the futures carry where the estimator answers `value` (rule V5).
    fn ballots(world: &World<Self>, value: Option<&Self::Value>) -> Vec<Self::Estimate>;

    /// What the honest validators of an execution choose from, the commonest first.
    fn moves(world: &World<Self>, value: Option<&Self::Value>) -> Vec<Self::Estimate>;

    /// Executions that chance seldom draws, each with its validators' weights.
    fn scripts() -> Vec<(&'static [u64], Script<Self>)> {
        Vec::new()
    }

    /// The candidates to ask for, in a view that has the opening.
    fn candidates(world: &World<Self>) -> Vec<Self::Value>;

    /// What a candidate is called in counterexamples.
    fn name(world: &World<Self>, candidate: &Self::Value) -> String;

    /// What a message says, in counterexamples.
    fn tell(world: &World<Self>, message: MessageIndex) -> String;
}

impl Play for BinaryConsensus {
    const NAME: &'static str = "binary";
    const TWO_VALUED: bool = true;

    fn protocol() -> Self {
        Self::new(cbc_estimator::WeightedMedian::new())
    }

    fn asks(oracle: &dyn ContractOracle) -> &dyn SafetyOracle<View<Bit>> {
        oracle
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

    /// 0 hears 1 say one; then 1 says zero, having heard 2, and one again, having heard 0 and 3. Who
    /// forgets that it did takes 0 and 1, with 5 of 9, for a clique; but 0, shown that and 2's zero,
    /// says zero, and so do all then.
    fn scripts() -> Vec<(&'static [u64], Script<Self>)> {
        let there_and_back = vec![
            (1, &[][..], Bit::One),
            (2, &[], Bit::Zero),
            (3, &[], Bit::One),
            (0, &[0], Bit::One),
            (1, &[0, 1], Bit::Zero),
            (1, &[4, 1, 2, 3], Bit::One),
        ];
        vec![(&[3, 2, 2, 2], there_and_back)]
    }

    fn candidates(_: &World<Self>) -> Vec<Bit> {
        Self::fresh().to_vec()
    }

    fn name(_: &World<Self>, candidate: &Bit) -> String {
        format!("bit {}", u8::from(*candidate == Bit::One))
    }

    fn tell(world: &World<Self>, message: MessageIndex) -> String {
        format!("says {}", u8::from(*world.view().estimate(message) == Bit::One))
    }
}

/// Validators 0 and 1 each propose a block on the genesis. Whoever speaks votes for the head, or,
/// more rarely, builds on it. All blocks are candidates.
impl Play for Blockchain {
    const NAME: &'static str = "two forks";
    const TWO_VALUED: bool = false;

    fn protocol() -> Self {
        Self::new()
    }

    fn asks(oracle: &dyn ContractOracle) -> &dyn SafetyOracle<View<BlockVote>> {
        oracle
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
        blocks.iter().filter(|&block| block != BlockIndex::GENESIS).collect()
    }

    /// A block is called by the message that proposed it.
    fn name(world: &World<Self>, block: &BlockIndex) -> String {
        let proposal = world.observer().blocks().proposal(*block);
        proposal.map_or("the genesis".to_owned(), |message| format!("block {}", message.get()))
    }

    fn tell(world: &World<Self>, message: MessageIndex) -> String {
        let blocks = world.observer().blocks();
        let name = |block: Option<_>| block.map_or(String::new(), |it| Self::name(world, &it));
        let voted = blocks.voted_by(message);
        match world.view().estimate(message) {
            BlockVote::Vote { .. } => format!("votes for {}", name(voted)),
            BlockVote::Propose { .. } => {
                let parent = voted.and_then(|block| blocks.parent(block));
                format!("proposes {} on {}", name(voted), name(parent))
            }
        }
    }
}
