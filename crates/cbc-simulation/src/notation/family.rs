//! How concurrent blocks, and the blocks of shards, are written down.

use cbc_estimator::{
    BlockIndex, BlockTree, Schedule, Scheduled, ScheduledBlock, ShardHeads, Unspent,
};
use cbc_message::{BlockId, ConcurrentBlock, ConcurrentVote, Output, Shard, ShardVote};
use cbc_validator::{Concurrent, Observer, Sharding};
use cbc_view::{HashedDag, MessageDag, MessageIndex};
use rand::Rng;
use serde_json::{Map, Value as Json, json};

use super::{Notation, Recorded};

/// What is no block.
const VOTE: &str = "vote";

fn write_output(notation: &Notation, output: &Output) -> String {
    format!("{}.{}", notation.block_name(output.block), output.index)
}

fn parse_output(notation: &Notation, text: &str) -> Option<Output> {
    let (block, index) = text.rsplit_once('.')?;
    Some(Output { block: notation.block_named(block)?, index: index.parse().ok()? })
}

/// The last blocks of a schedule: those on which none is in it. With them goes what they are on.
fn tips<O>(observer: &Observer<Concurrent, O>, schedule: &Schedule) -> Vec<ScheduledBlock> {
    let blocks = observer.estimator().blocks();
    let mut parents: Vec<ScheduledBlock> =
        schedule.iter().flat_map(|block| blocks.parents(block)).collect();
    parents.sort_unstable();
    schedule.iter().filter(|block| parents.binary_search(block).is_err()).collect()
}

/// Of a schedule, its last blocks are written down.
impl Recorded for Concurrent {
    const STARTS_FROM_GENESIS: bool = true;
    const LEAVES_A_CHOICE: bool = true;

    fn choose(unspent: &Unspent, choice: u64) -> Option<ConcurrentVote> {
        Some(Self::choose(unspent, choice))
    }

    fn draw_estimate(_: &mut impl Rng) -> Option<Json> {
        None
    }

    fn write_estimate(notation: &Notation, vote: &ConcurrentVote) -> Json {
        match vote {
            ConcurrentVote::Vote => json!(VOTE),
            ConcurrentVote::Propose(block) => {
                let inputs = block.inputs().iter().map(|input| write_output(notation, input));
                let inputs = inputs.collect::<Vec<_>>().join("+");
                json!(format!("{inputs}>{}", block.outputs()))
            }
        }
    }

    fn read_estimate(notation: &Notation, json: &Json) -> Option<ConcurrentVote> {
        Self::parse_estimate(notation, json.as_str()?)
    }

    fn parse_estimate(notation: &Notation, text: &str) -> Option<ConcurrentVote> {
        if text == VOTE {
            return Some(ConcurrentVote::Vote);
        }
        let (inputs, outputs) = text.split_once('>')?;
        let inputs = match inputs {
            "" => Some(Vec::new()),
            inputs => inputs.split('+').map(|input| parse_output(notation, input)).collect(),
        };
        let block = ConcurrentBlock::new(inputs?, outputs.parse().ok()?);
        block.ok().map(ConcurrentVote::Propose)
    }

    fn estimate_form(_: &Notation) -> String {
        format!(
            "what a block consumes, joined by +, then > and how many outputs it produces, up to {} \
             of each, such as G.0+A.1>2, or vote",
            ConcurrentBlock::MOST
        )
    }

    fn write_value<O>(
        notation: &Notation,
        observer: &Observer<Self, O>,
        value: &Scheduled,
    ) -> Json {
        let name = |block| notation.name(&observer.estimator().blocks().hash(block));
        match value {
            Scheduled::Block(block) => json!(name(*block)),
            Scheduled::All(schedule) => {
                let tips: Vec<String> = tips(observer, schedule).into_iter().map(name).collect();
                json!({ "tips": tips })
            }
        }
    }

    fn read_value<O>(
        notation: &Notation,
        observer: &Observer<Self, O>,
        json: &Json,
    ) -> Option<Scheduled> {
        let blocks = observer.estimator().blocks();
        let block = |name: &Json| match notation.block_named(name.as_str()?)? {
            BlockId::Genesis => None,
            BlockId::Proposed(hash) => blocks.proposed_by(observer.view().find(&hash)?),
        };
        match json.get("tips") {
            None => Some(Scheduled::Block(block(json)?)),
            Some(tips) => {
                let tips: Vec<_> = tips.as_array()?.iter().map(block).collect::<Option<_>>()?;
                let all = tips.into_iter().flat_map(|tip| blocks.ancestors(tip));
                Some(Scheduled::All(Schedule::of(all)))
            }
        }
    }

    fn candidate_of<O>(observer: &Observer<Self, O>, message: MessageIndex) -> Option<Scheduled> {
        observer.estimator().blocks().proposed_by(message).map(Scheduled::Block)
    }

    fn built_on<O>(
        observer: &Observer<Self, O>,
        message: MessageIndex,
    ) -> Vec<Option<MessageIndex>> {
        let blocks = observer.estimator().blocks();
        let Some(block) = blocks.proposed_by(message) else { return Vec::new() };
        let parents = blocks.parents(block).into_iter();
        let mut parents: Vec<_> = parents.map(|parent| Some(blocks.proposal(parent))).collect();
        let consumed = blocks.consumed(block);
        if consumed.is_empty() || consumed.iter().any(|output| output.block == BlockId::Genesis) {
            parents.push(None);
        }
        parents
    }

    fn proposals<O>(
        observer: &Observer<Self, O>,
        value: Option<&Scheduled>,
    ) -> Option<Vec<MessageIndex>> {
        let blocks = observer.estimator().blocks();
        let decided = match value {
            None => blocks.iter().collect(),
            Some(Scheduled::Block(block)) => vec![*block],
            Some(Scheduled::All(schedule)) => schedule.iter().collect(),
        };
        Some(decided.into_iter().map(|block| blocks.proposal(block)).collect())
    }

    fn blocks<O>(_: &Observer<Self, O>) -> Option<&BlockTree> {
        None
    }

    fn block_of(_: &Scheduled) -> Option<BlockIndex> {
        None
    }
}

/// A block, on the shards that it is on, as tokens have it.
fn parse_place(notation: &Notation, text: &str) -> Option<(Shard, BlockId)> {
    let (shard, block) = text.split_once(':')?;
    Some((shard.parse().ok()?, notation.block_named(block)?))
}

impl Recorded for Sharding {
    const STARTS_FROM_GENESIS: bool = true;
    const LEAVES_A_CHOICE: bool = true;

    fn choose(heads: &Vec<BlockId>, choice: u64) -> Option<ShardVote> {
        Some(Self::choose(heads, choice))
    }

    fn draw_estimate(_: &mut impl Rng) -> Option<Json> {
        None
    }

    fn write_estimate(notation: &Notation, vote: &ShardVote) -> Json {
        let place = |shard: Shard, block| format!("{shard}:{}", notation.block_name(block));
        match *vote {
            ShardVote::Vote => json!(VOTE),
            ShardVote::Propose { shard, parent } => json!(place(shard, parent)),
            ShardVote::Merge { child, above, below } => {
                let parent = child.parent().unwrap_or(Shard::ROOT);
                json!(format!("{}+{}", place(parent, above), place(child, below)))
            }
        }
    }

    fn read_estimate(notation: &Notation, json: &Json) -> Option<ShardVote> {
        Self::parse_estimate(notation, json.as_str()?)
    }

    fn parse_estimate(notation: &Notation, text: &str) -> Option<ShardVote> {
        if text == VOTE {
            return Some(ShardVote::Vote);
        }
        let Some((above, below)) = text.split_once('+') else {
            let (shard, parent) = parse_place(notation, text)?;
            return Some(ShardVote::Propose { shard, parent });
        };
        let ((parent, above), (child, below)) =
            (parse_place(notation, above)?, parse_place(notation, below)?);
        (child.parent() == Some(parent)).then_some(ShardVote::Merge { child, above, below })
    }

    fn estimate_form(_: &Notation) -> String {
        "a shard and the name of a block to build on there, such as r0:A, two of those, of a shard \
         and its child, such as r:A+r0:B, or vote; G is the genesis"
            .to_owned()
    }

    fn write_value<O>(
        notation: &Notation,
        observer: &Observer<Self, O>,
        heads: &ShardHeads,
    ) -> Json {
        let blocks = observer.estimator().blocks();
        let named = heads
            .iter()
            .map(|head| (head.shard.to_string(), json!(notation.block_name(blocks.id(head)))));
        Json::Object(named.collect::<Map<_, _>>())
    }

    /// What a block of the root implies: by its name alone, or with the others.
    fn read_value<O>(
        notation: &Notation,
        observer: &Observer<Self, O>,
        json: &Json,
    ) -> Option<ShardHeads> {
        let name = json.get("r").unwrap_or(json).as_str()?;
        let blocks = observer.estimator().blocks();
        let root = blocks.resolve(observer.view(), Shard::ROOT, notation.block_named(name)?)?;
        let implied = blocks.implied(root);
        let is_written =
            json.is_string() || Self::write_value(notation, observer, &implied) == *json;
        is_written.then_some(implied)
    }

    /// What the first block of the root implies that implies the message's block: that block itself,
    /// if it is on the root; else the first on the chain of the estimate, if there is one.
    fn candidate_of<O>(observer: &Observer<Self, O>, message: MessageIndex) -> Option<ShardHeads> {
        let blocks = observer.estimator().blocks();
        let place = blocks.proposed_by(message).next()?;
        if place.shard == Shard::ROOT {
            return Some(blocks.implied(place));
        }
        let head = observer.estimate_from_genesis()?.of(Shard::ROOT)?;
        let at = |height: u32| Some(blocks.implied(blocks.ancestor_at(head, height)?));
        let has = |height: u32| {
            let of_shard = at(height).and_then(|heads| heads.of(place.shard));
            of_shard.is_some_and(|head| blocks.is_ancestor_or_same(place, head))
        };
        // What is implied once is from there on.
        let (mut low, mut high) = (1, blocks.height(head) + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if has(middle) { high = middle } else { low = middle + 1 }
        }
        at(low)
    }

    fn built_on<O>(
        observer: &Observer<Self, O>,
        message: MessageIndex,
    ) -> Vec<Option<MessageIndex>> {
        let blocks = observer.estimator().blocks();
        let parent = |place| blocks.parent(place).and_then(|parent| blocks.proposal(parent));
        blocks.proposed_by(message).map(parent).collect()
    }

    fn proposals<O>(
        observer: &Observer<Self, O>,
        heads: Option<&ShardHeads>,
    ) -> Option<Vec<MessageIndex>> {
        let blocks = observer.estimator().blocks();
        let mut proposals: Vec<MessageIndex> = match heads {
            None => {
                let messages = (0..observer.view().message_count() as u32).map(MessageIndex::new);
                messages.filter(|&message| blocks.proposed_by(message).next().is_some()).collect()
            }
            Some(heads) => {
                let chain = |head| std::iter::successors(Some(head), |&it| blocks.parent(it));
                heads.iter().flat_map(chain).filter_map(|block| blocks.proposal(block)).collect()
            }
        };
        proposals.sort_unstable();
        proposals.dedup();
        Some(proposals)
    }

    fn blocks<O>(_: &Observer<Self, O>) -> Option<&BlockTree> {
        None
    }

    fn block_of(_: &ShardHeads) -> Option<BlockIndex> {
        None
    }
}
