//! What the search has to know of a protocol.

use cbc_estimator::{BlockIndex, Scheduled, ShardHeads};
use cbc_message::{
    Bit, BlockId, BlockVote, ConcurrentBlock, ConcurrentVote, Output, Shard, ShardVote, ValidatorId,
};
use cbc_oracle::SafetyOracle;
use cbc_validator::{BinaryConsensus, Blockchain, Concurrent, Protocol, Sharding};
use cbc_view::{HashedDag, MessageDag, MessageIndex, View};

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

/// The block that consumes the output of the genesis with this index, and produces one.
fn on_genesis(index: u32) -> ConcurrentVote {
    let output = Output { block: BlockId::Genesis, index };
    ConcurrentBlock::new(vec![output], 1).map_or(ConcurrentVote::Vote, ConcurrentVote::Propose)
}

/// The genesis has two outputs. Validators 0 and 1 each propose a block that consumes the first.
/// Whoever speaks votes for the schedule, or, more rarely, consumes what is unspent. All blocks are
/// candidates.
impl Play for Concurrent {
    const NAME: &'static str = "concurrent";
    const TWO_VALUED: bool = false;

    fn protocol() -> Self {
        Self { genesis_outputs: 2 }
    }

    fn asks(oracle: &dyn ContractOracle) -> &dyn SafetyOracle<View<ConcurrentVote>> {
        oracle
    }

    fn fresh() -> [ConcurrentVote; 2] {
        [on_genesis(0), ConcurrentVote::Vote]
    }

    fn opening() -> Vec<(ValidatorId, ConcurrentVote)> {
        [0, 1].map(|proposer| (ValidatorId::new(proposer), on_genesis(0))).to_vec()
    }

    fn ballots(_: &World<Self>, _: Option<&Scheduled>) -> Vec<ConcurrentVote> {
        vec![ConcurrentVote::Vote]
    }

    fn moves(world: &World<Self>, value: Option<&Scheduled>) -> Vec<ConcurrentVote> {
        let Some(Scheduled::All(schedule)) = value.filter(|value| **value != nothing()) else {
            return Vec::new(); // a third rival
        };
        let unspent = world.observer().estimator().blocks().unspent(schedule);
        let blocks = (0..2).map(|choice| Self::choose(&unspent, 9 * choice));
        std::iter::once(ConcurrentVote::Vote).chain(blocks).collect()
    }

    fn candidates(world: &World<Self>) -> Vec<Scheduled> {
        let proposed = |message| world.observer().estimator().blocks().proposed_by(message);
        let messages = (0..world.view().message_count() as u32).map(MessageIndex::new);
        messages.filter_map(proposed).map(Scheduled::Block).collect()
    }

    /// A block is called by the message that proposed it.
    fn name(world: &World<Self>, candidate: &Scheduled) -> String {
        match candidate {
            Scheduled::All(_) => "the schedule".to_owned(),
            Scheduled::Block(block) => {
                format!("block {}", world.observer().estimator().blocks().proposal(*block).get())
            }
        }
    }

    fn tell(world: &World<Self>, message: MessageIndex) -> String {
        let blocks = world.observer().estimator().blocks();
        let name = |output: &Output| match output.block {
            BlockId::Genesis => format!("the genesis.{}", output.index),
            BlockId::Proposed(hash) => {
                let message = world.view().find(&hash).map_or(0, MessageIndex::get);
                format!("{message}.{}", output.index)
            }
        };
        match blocks.proposed_by(message) {
            None => "votes for the schedule".to_owned(),
            Some(block) => {
                let consumed: Vec<String> = blocks.consumed(block).iter().map(name).collect();
                format!("proposes a block that consumes {}", consumed.join(" and "))
            }
        }
    }
}

/// A schedule without blocks.
fn nothing() -> Scheduled {
    Scheduled::All(Default::default())
}

/// A root with one child that matters. Validator 0 proposes a block on the root, and 1 one that
/// merges the two. Whoever speaks votes for the heads, or, more rarely, proposes on the root or
/// merges. All that blocks of the root imply are candidates.
impl Play for Sharding {
    const NAME: &'static str = "sharding";
    const TWO_VALUED: bool = false;

    fn protocol() -> Self {
        Self { depth: 1 }
    }

    fn asks(oracle: &dyn ContractOracle) -> &dyn SafetyOracle<View<ShardVote>> {
        oracle
    }

    fn fresh() -> [ShardVote; 2] {
        [ShardVote::Propose { shard: Shard::ROOT, parent: BlockId::Genesis }, ShardVote::Vote]
    }

    fn opening() -> Vec<(ValidatorId, ShardVote)> {
        let heads = [BlockId::Genesis; 3];
        let votes = [Self::choose(&heads, 0), Self::choose(&heads, 3)];
        (0..).map(ValidatorId::new).zip(votes).collect()
    }

    fn ballots(_: &World<Self>, _: Option<&ShardHeads>) -> Vec<ShardVote> {
        vec![ShardVote::Vote]
    }

    fn moves(world: &World<Self>, heads: Option<&ShardHeads>) -> Vec<ShardVote> {
        let blocks = world.observer().estimator().blocks();
        let root = heads.and_then(|heads| heads.of(Shard::ROOT));
        let (Some(heads), Some(_)) = (heads, root.filter(|&root| blocks.height(root) > 0)) else {
            return Vec::new(); // a third fork
        };
        let ids: Vec<BlockId> = heads.iter().map(|head| blocks.id(head)).collect();
        let blocks = [0, 3].map(|choice| Self::choose(&ids, choice));
        std::iter::once(ShardVote::Vote).chain(blocks).collect()
    }

    fn candidates(world: &World<Self>) -> Vec<ShardHeads> {
        let blocks = world.observer().estimator().blocks();
        let messages = (0..world.view().message_count() as u32).map(MessageIndex::new);
        let on_root = messages.flat_map(|message| blocks.proposed_by(message));
        let on_root = on_root.filter(|block| block.shard == Shard::ROOT);
        on_root.map(|root| blocks.implied(root)).collect()
    }

    /// A block is called by the message that proposed it.
    fn name(world: &World<Self>, candidate: &ShardHeads) -> String {
        let blocks = world.observer().estimator().blocks();
        let proposal = candidate.of(Shard::ROOT).and_then(|root| blocks.proposal(root));
        proposal.map_or("the genesis".to_owned(), |message| format!("block {}", message.get()))
    }

    fn tell(world: &World<Self>, message: MessageIndex) -> String {
        let blocks = world.observer().estimator().blocks();
        let on = |block: cbc_estimator::ShardBlock| {
            let parent = blocks.parent(block).and_then(|parent| blocks.proposal(parent));
            let parent = parent.map_or("the genesis".to_owned(), |it| it.get().to_string());
            format!("on {parent} of {}", block.shard)
        };
        let places: Vec<String> = blocks.proposed_by(message).map(on).collect();
        match places.as_slice() {
            [] => "votes for the heads".to_owned(),
            places => format!("proposes a block {}", places.join(" and ")),
        }
    }
}
