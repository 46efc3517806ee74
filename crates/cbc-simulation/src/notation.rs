//! Names for what has hashes and indices: how executions are written down and read.

mod family;

use std::collections::BTreeMap;
use std::fmt::Debug;

use cbc_estimator::{BlockIndex, BlockTree, Borda, Copeland, Estimator, Follower, Vote};
use cbc_message::{Bit, BlockId, BlockVote, Estimate, HashIndex, Integer, MessageHash, Order};
use cbc_validator::{Answer, Blockchain, Observer, Protocol, ValueConsensus};
use cbc_view::{MessageDag, MessageIndex, View};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use serde_json::{Value as Json, json};

/// The proof of concept's items to order.
const ITEMS: [&str; 7] = ["cat", "dog", "frog", "horse", "pig", "rat", "whale"];

/// The genesis, where executions are written down.
pub const GENESIS: &str = "G";

/// The names of an execution's messages, and of the items of its orders.
#[derive(Clone, Debug, Default)]
pub struct Notation {
    /// By the order in which the messages were made.
    messages: Vec<(String, MessageHash)>,
    by_name: BTreeMap<String, usize>,
    by_hash: HashIndex<usize>,
    items: Vec<String>,
}

impl Notation {
    /// A notation for orders of these items; none, in other protocols.
    pub fn new(items: Vec<String>) -> Self {
        Self { items, ..Self::default() }
    }

    /// The items of orders.
    pub fn items(&self) -> &[String] {
        &self.items
    }

    /// Calls the next message `name`. Neither the name nor the hash may be taken.
    pub(crate) fn add(&mut self, name: String, hash: MessageHash) {
        let number = self.messages.len();
        self.by_name.insert(name.clone(), number);
        self.by_hash.insert(hash, number);
        self.messages.push((name, hash));
    }

    /// The names, in the order in which the messages were made.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.messages.iter().map(|(name, _)| name.as_str())
    }

    /// The place of the message of this name in the order in which they were made.
    pub fn number_of(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The place of the message with this hash in the order in which they were made.
    pub fn number_of_hash(&self, hash: &MessageHash) -> Option<usize> {
        self.by_hash.get(hash).copied()
    }

    /// The name of a message; the hash itself, of one that has no name.
    pub fn name(&self, hash: &MessageHash) -> String {
        match self.number_of_hash(hash).and_then(|number| self.messages.get(number)) {
            Some((name, _)) => name.clone(),
            None => hash.to_string(),
        }
    }

    /// The name of a block.
    pub fn block_name(&self, block: BlockId) -> String {
        match block {
            BlockId::Genesis => GENESIS.to_owned(),
            BlockId::Proposed(hash) => self.name(&hash),
        }
    }

    /// The block of this name.
    pub(crate) fn block_named(&self, name: &str) -> Option<BlockId> {
        if name == GENESIS {
            return Some(BlockId::Genesis);
        }
        let (_, hash) = self.messages.get(self.number_of(name)?)?;
        Some(BlockId::Proposed(*hash))
    }
}

/// A value as people read it: without quotes, and an order with `>` between its items.
pub fn plain(json: &Json) -> String {
    joined(json, " > ")
}

/// An estimate that is written `json` in traces, as tokens have it.
pub(crate) fn as_in_tokens(json: &Json) -> String {
    match json.get("vote") {
        Some(block) => format!("vote:{}", joined(block, ">")),
        None => joined(json, ">"),
    }
}

/// A number, or else the text itself.
fn number_or_text(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

fn joined(json: &Json, separator: &str) -> String {
    let one = |json: &Json| json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    match json {
        Json::Array(items) => items.iter().map(one).collect::<Vec<_>>().join(separator),
        Json::Object(entries) => {
            let entry = |(key, value): (&String, &Json)| format!("{key}: {}", joined(value, " "));
            entries.iter().map(entry).collect::<Vec<_>>().join(", ")
        }
        json => one(json),
    }
}

/// A protocol whose executions can be recorded and replayed.
pub trait Recorded: Protocol {
    /// Whether executions start from the genesis, which nobody has made; else everybody holds a
    /// first message of its own from the start.
    const STARTS_FROM_GENESIS: bool;

    /// Whether makers have a choice between several blocks.
    const LEAVES_A_CHOICE: bool = false;

    /// What a message carries whose maker's estimator answers so, and who makes this choice; `None`
    /// where there is none.
    fn choose(answer: &Answer<Self>, choice: u64) -> Option<Self::Estimate>
    where
        Self: Sized,
    {
        let _ = (answer, choice);
        None
    }

    /// A random first estimate, as traces have it; none in a protocol that starts from the genesis.
    fn draw_estimate(rng: &mut impl Rng) -> Option<Json>;

    /// A value or a first estimate as traces have it, from how people write it.
    fn value_of(text: &str) -> Json {
        number_or_text(text)
    }

    /// What a message carries.
    fn write_estimate(notation: &Notation, estimate: &Self::Estimate) -> Json;

    /// A first estimate; `None` if `json` is none of this protocol.
    fn read_estimate(notation: &Notation, json: &Json) -> Option<Self::Estimate>;

    /// An estimate as tokens have it; `None` if `text` is none of this protocol.
    fn parse_estimate(notation: &Notation, text: &str) -> Option<Self::Estimate>;

    /// What estimates of this protocol look like in tokens, for whoever wrote another.
    fn estimate_form(notation: &Notation) -> String;

    /// A value, as the view of `observer` has it.
    fn write_value<O>(
        notation: &Notation,
        observer: &Observer<Self, O>,
        value: &Self::Value,
    ) -> Json
    where
        Self: Sized;

    /// The value that is written `json`, if the view of `observer` has it.
    fn read_value<O>(
        notation: &Notation,
        observer: &Observer<Self, O>,
        json: &Json,
    ) -> Option<Self::Value>
    where
        Self: Sized;

    /// The candidate that a message stands for: its block, or its value.
    fn candidate_of<O>(observer: &Observer<Self, O>, message: MessageIndex) -> Option<Self::Value>
    where
        Self: Sized;

    /// The messages whose blocks are decided with `value`, or all messages that propose blocks,
    /// in ascending order; `None` in a protocol without, and where the blocks are a [tree].
    ///
    /// [tree]: Recorded::blocks
    fn proposals<O>(
        observer: &Observer<Self, O>,
        value: Option<&Self::Value>,
    ) -> Option<Vec<MessageIndex>>
    where
        Self: Sized,
    {
        let _ = (observer, value);
        None
    }

    /// The messages that propose what the block of `message` is built on, or, in a blockchain, the
    /// block that it votes for; `None` for the genesis. Nothing, of a message without a block.
    fn built_on<O>(observer: &Observer<Self, O>, message: MessageIndex) -> Vec<Option<MessageIndex>>
    where
        Self: Sized,
    {
        let _ = (observer, message);
        Vec::new()
    }

    /// The blocks, in a protocol that has one tree of them.
    fn blocks<O>(observer: &Observer<Self, O>) -> Option<&BlockTree>
    where
        Self: Sized;

    /// The block that is a value, in a protocol that has some.
    fn block_of(value: &Self::Value) -> Option<BlockIndex>;

    /// What the named rule makes of the latest messages in the view of `observer`, in a protocol
    /// that knows several.
    fn estimate_by<O>(
        _rule: &str,
        _notation: &Notation,
        _observer: &Observer<Self, O>,
    ) -> Option<Json>
    where
        Self: Sized,
    {
        None
    }
}

impl Recorded for Blockchain {
    const STARTS_FROM_GENESIS: bool = true;

    fn draw_estimate(_: &mut impl Rng) -> Option<Json> {
        None
    }

    fn write_estimate(notation: &Notation, vote: &BlockVote) -> Json {
        match *vote {
            BlockVote::Propose { parent } => json!(notation.block_name(parent)),
            BlockVote::Vote { block } => json!({ "vote": notation.block_name(block) }),
        }
    }

    fn read_estimate(notation: &Notation, json: &Json) -> Option<BlockVote> {
        Some(BlockVote::Propose { parent: notation.block_named(json.as_str()?)? })
    }

    fn parse_estimate(notation: &Notation, text: &str) -> Option<BlockVote> {
        match text.strip_prefix("vote:") {
            Some(block) => Some(BlockVote::Vote { block: notation.block_named(block)? }),
            None => Some(BlockVote::Propose { parent: notation.block_named(text)? }),
        }
    }

    fn estimate_form(_: &Notation) -> String {
        "the name of a block to build on, or vote:NAME for a block that exists, G for the genesis"
            .to_owned()
    }

    fn write_value<O>(
        notation: &Notation,
        observer: &Observer<Self, O>,
        block: &BlockIndex,
    ) -> Json {
        json!(notation.block_name(observer.blocks().id(observer.view(), *block)))
    }

    fn read_value<O>(
        notation: &Notation,
        observer: &Observer<Self, O>,
        json: &Json,
    ) -> Option<BlockIndex> {
        observer.blocks().resolve(observer.view(), notation.block_named(json.as_str()?)?).ok()
    }

    fn candidate_of<O>(observer: &Observer<Self, O>, message: MessageIndex) -> Option<BlockIndex> {
        observer.blocks().voted_by(message)
    }

    fn built_on<O>(
        observer: &Observer<Self, O>,
        message: MessageIndex,
    ) -> Vec<Option<MessageIndex>> {
        let blocks = observer.blocks();
        let target = |voted: BlockIndex| {
            let proposes = blocks.proposal(voted) == Some(message);
            if proposes { blocks.parent(voted) } else { Some(voted) }
        };
        let target = blocks.voted_by(message).and_then(target);
        vec![target.and_then(|block| blocks.proposal(block))]
    }

    fn blocks<O>(observer: &Observer<Self, O>) -> Option<&BlockTree> {
        Some(observer.blocks())
    }

    fn block_of(block: &BlockIndex) -> Option<BlockIndex> {
        Some(*block)
    }
}

/// An estimate that stands for itself in every view.
pub trait Written: Estimate {
    /// The estimate, written down.
    fn write(&self, items: &[String]) -> Json;
    /// The estimate that is written so.
    fn read(json: &Json, items: &[String]) -> Option<Self>;
    /// The estimate that is written so in tokens.
    fn parse(text: &str, items: &[String]) -> Option<Self>;
    /// What such estimates look like in tokens.
    fn form(items: &[String]) -> String;
    /// A random one, written down.
    fn draw(rng: &mut impl Rng) -> Json;

    /// One as traces have it, from how people write it.
    fn value_of(text: &str) -> Json {
        number_or_text(text)
    }

    /// What the named rule makes of votes, where there are several rules.
    fn estimate_by(
        _rule: &str,
        _view: &View<Self>,
        _votes: &[Vote],
        _items: usize,
    ) -> Option<Self> {
        None
    }
}

impl Written for Bit {
    fn write(&self, _: &[String]) -> Json {
        json!(u8::from(*self))
    }

    fn read(json: &Json, _: &[String]) -> Option<Self> {
        Self::try_from(u8::try_from(json.as_u64()?).ok()?).ok()
    }

    fn parse(text: &str, _: &[String]) -> Option<Self> {
        match text {
            "0" => Some(Self::Zero),
            "1" => Some(Self::One),
            _ => None,
        }
    }

    fn form(_: &[String]) -> String {
        "0 or 1".to_owned()
    }

    fn draw(rng: &mut impl Rng) -> Json {
        json!(rng.random_range(0..=1))
    }
}

impl Written for Integer {
    fn write(&self, _: &[String]) -> Json {
        json!(self.0)
    }

    fn read(json: &Json, _: &[String]) -> Option<Self> {
        json.as_i64().map(Self)
    }

    fn parse(text: &str, _: &[String]) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    fn form(_: &[String]) -> String {
        format!("an integer from {} to {}", i64::MIN, i64::MAX)
    }

    fn draw(rng: &mut impl Rng) -> Json {
        json!(rng.random_range(0..=100))
    }
}

impl Written for Order {
    fn write(&self, items: &[String]) -> Json {
        let name = |&item: &u32| items.get(item as usize).cloned().unwrap_or(item.to_string());
        json!(self.items().iter().map(name).collect::<Vec<_>>())
    }

    fn read(json: &Json, items: &[String]) -> Option<Self> {
        let number = |name: &Json| Some(items.iter().position(|item| item == name)? as u32);
        let order: Vec<u32> = json.as_array()?.iter().map(number).collect::<Option<_>>()?;
        Self::new(order).ok().filter(|order| order.items().len() == items.len())
    }

    fn parse(text: &str, items: &[String]) -> Option<Self> {
        Self::read(&Self::value_of(text), items)
    }

    fn form(items: &[String]) -> String {
        match items {
            [] => "an order of items, such as a>b>c".to_owned(),
            items => format!("an order of {}, each once", items.join(">")),
        }
    }

    fn draw(rng: &mut impl Rng) -> Json {
        let mut items = ITEMS;
        items.shuffle(rng);
        json!(items)
    }

    fn value_of(text: &str) -> Json {
        json!(text.split('>').collect::<Vec<_>>())
    }

    fn estimate_by(rule: &str, view: &View<Self>, votes: &[Vote], items: usize) -> Option<Self> {
        match rule {
            "borda" => Borda::new(items).estimate(view, view.validators(), votes, None),
            "condorcet" => Copeland::new(items).estimate(view, view.validators(), votes, None),
            _ => None,
        }
    }
}

impl<E, S> Recorded for ValueConsensus<E, S>
where
    E: Written,
    S: Follower<View<E>, Value = E, Answer = E> + Clone + Debug,
{
    const STARTS_FROM_GENESIS: bool = false;

    fn draw_estimate(rng: &mut impl Rng) -> Option<Json> {
        Some(E::draw(rng))
    }

    fn value_of(text: &str) -> Json {
        E::value_of(text)
    }

    fn write_estimate(notation: &Notation, estimate: &E) -> Json {
        estimate.write(notation.items())
    }

    fn read_estimate(notation: &Notation, json: &Json) -> Option<E> {
        E::read(json, notation.items())
    }

    fn parse_estimate(notation: &Notation, text: &str) -> Option<E> {
        E::parse(text, notation.items())
    }

    fn estimate_form(notation: &Notation) -> String {
        E::form(notation.items())
    }

    fn write_value<O>(notation: &Notation, _: &Observer<Self, O>, value: &E) -> Json {
        value.write(notation.items())
    }

    fn read_value<O>(notation: &Notation, _: &Observer<Self, O>, json: &Json) -> Option<E> {
        E::read(json, notation.items())
    }

    fn candidate_of<O>(observer: &Observer<Self, O>, message: MessageIndex) -> Option<E> {
        Some(observer.view().estimate(message).clone())
    }

    fn blocks<O>(_: &Observer<Self, O>) -> Option<&BlockTree> {
        None
    }

    fn block_of(_: &E) -> Option<BlockIndex> {
        None
    }

    fn estimate_by<O>(
        rule: &str,
        notation: &Notation,
        observer: &Observer<Self, O>,
    ) -> Option<Json> {
        let (view, items) = (observer.view(), notation.items());
        let latest = view.latest_honest_messages();
        let votes: Vec<Vote> =
            latest.map(|(validator, message)| Vote { validator, message }).collect();
        E::estimate_by(rule, view, &votes, items.len()).map(|estimate| estimate.write(items))
    }
}
