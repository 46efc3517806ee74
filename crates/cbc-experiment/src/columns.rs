//! The columns of the tables, each defined in one line.

use serde::{Deserialize, Serialize};

/// A cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// Nothing is known, or there is nothing.
    Missing,
    /// A whole number.
    Whole(u64),
    /// A number.
    Real(f64),
    /// A text.
    Text(String),
}

impl From<u64> for Cell {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<u32> for Cell {
    fn from(value: u32) -> Self {
        Self::Whole(value.into())
    }
}

impl From<usize> for Cell {
    fn from(value: usize) -> Self {
        Self::Whole(value as u64)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        if value.is_finite() { Self::Real(value) } else { Self::Missing }
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers.
    Whole,
    /// Numbers.
    Real,
    /// Texts.
    Text,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// What it is called.
    pub name: &'static str,
    /// What its cells are; any may be missing.
    pub kind: Kind,
    /// What it means.
    pub definition: &'static str,
}

const fn column(name: &'static str, kind: Kind, definition: &'static str) -> Column {
    Column { name, kind, definition }
}

use Kind::{Real, Text, Whole};

/// What says which run and which judge a row is about; the same in both tables.
#[rustfmt::skip]
pub const KEYS: &[Column] = &[
    column("run", Whole, "the number of the run in the plan, from 0"),
    column("id", Text, "the identity of the execution: a hash of its parameters, seed and format version"),
    column("protocol", Text, "the protocol"),
    column("validators", Whole, "how many validators there are"),
    column("weights", Text, "what they weigh"),
    column("mode", Text, "who speaks when"),
    column("network", Text, "how long messages travel"),
    column("adversary", Text, "who fails, and how"),
    column("seed", Whole, "the seed"),
    column("oracle", Text, "the oracle that judges; all judge the same execution"),
    column("threshold", Real, "the share of the total weight that what is final has to tolerate"),
];

/// What is measured of a run, by a judge.
#[rustfmt::skip]
pub const MEASURES: &[Column] = &[
    column("rounds", Whole, "rounds that were carried out"),
    column("messages", Whole, "messages made, first messages included"),
    column("bytes", Whole, "bytes of all messages in their canonical encoding, each counted once"),
    column("blocks", Whole, "blocks proposed, the genesis left out; in a protocol without blocks, 1 decision"),
    column("finalized", Whole, "of them, final for the omniscient observer, who has every message when it is made"),
    column("orphaned", Whole, "of them, in conflict with what is final for that observer"),
    column("censored", Whole, "of them, not final at the end, orphans included: their latencies are known only to be longer"),
    column("latency_rounds_p50", Real, "Kaplan-Meier median of the rounds from a block's proposal to its finality for the omniscient observer, looked at after each round; what never was final is censored at the end"),
    column("latency_rounds_p90", Real, "the same, 90th percentile"),
    column("latency_time_p50", Real, "the same in simulated time, median"),
    column("latency_time_p90", Real, "the same in simulated time, 90th percentile"),
    column("latency_messages_p50", Real, "the same in messages made by anybody meanwhile, median"),
    column("latency_messages_p90", Real, "the same in messages, 90th percentile"),
    column("own_latency_rounds_p50", Real, "as latency_rounds_p50, but as each validator saw it: over all pairs of block and validator; missing where only the omniscient observer is watched"),
    column("own_latency_rounds_p90", Real, "the same, 90th percentile"),
    column("own_latency_time_p50", Real, "the same in simulated time, median"),
    column("own_latency_time_p90", Real, "the same in simulated time, 90th percentile"),
    column("own_latency_messages_p50", Real, "the same in messages, median"),
    column("own_latency_messages_p90", Real, "the same in messages, 90th percentile"),
    column("own_censored", Whole, "pairs of block and validator for whom it was not final at the end"),
    column("chain_latency_rounds_p50", Real, "as latency_rounds_p50, but of the blocks alone that are not orphaned: final, or open and censored"),
    column("chain_latency_rounds_p90", Real, "the same, 90th percentile"),
    column("chain_latency_time_p50", Real, "the same in simulated time, median"),
    column("chain_latency_time_p90", Real, "the same in simulated time, 90th percentile"),
    column("chain_latency_messages_p50", Real, "the same in messages, median"),
    column("chain_latency_messages_p90", Real, "the same in messages, 90th percentile"),
    column("own_chain_latency_rounds_p50", Real, "as own_latency_rounds_p50, but of the blocks alone that are not orphaned for the omniscient observer"),
    column("own_chain_latency_rounds_p90", Real, "the same, 90th percentile"),
    column("own_chain_latency_time_p50", Real, "the same in simulated time, median"),
    column("own_chain_latency_time_p90", Real, "the same in simulated time, 90th percentile"),
    column("own_chain_latency_messages_p50", Real, "the same in messages, median"),
    column("own_chain_latency_messages_p90", Real, "the same in messages, 90th percentile"),
    column("messages_per_finalized", Real, "messages made per block that is final for the omniscient observer"),
    column("bytes_per_finalized", Real, "bytes of messages, each counted once, per block that is final for that observer"),
    column("orphan_rate", Real, "of the blocks no higher than the last final one, the share that is not on its chain; missing if none is final"),
    column("safe_to_tip", Whole, "height of the fork choice's head less that of the last final block, at the end"),
    column("undecided_depth", Whole, "greatest height of a block on the last final one less that one's height"),
    column("undecided_branching", Real, "mean number of children of the undecided blocks, and of the last final one, that have any"),
    column("divergence", Real, "share of the validators whose fork choice has another head than the omniscient observer's, mean over rounds"),
    column("pending_share", Real, "of the arrivals of messages at validators, the share that had to wait for what they build on"),
    column("pending_time", Real, "mean simulated time that those waited; what still does, until the end"),
    column("observed_fault_weight", Real, "weight of the validators proved to have equivocated, as a share of the total"),
    column("overturned", Whole, "validators whose fork choice has left what is final for them, at the end"),
    column("conflicting_finality", Whole, "1 if values that can never both be decided were final, for two validators or safe in one view; else 0"),
    column("poc_latency_messages", Real, "the proof of concept's latency: mean messages to finality, the genesis counted with 0, unfinalized blocks dropped; it looked for finality before it counted the last round"),
    column("poc_safe_to_tip", Whole, "the proof of concept's safe-to-tip length: as safe_to_tip, but what is final is that of the round before the last"),
    column("poc_orphan_rate", Real, "the proof of concept's orphan rate: as orphan_rate, but of the round before the last, the genesis counted among the final; 0 if none is final"),
    column("status", Text, "ok, or why the run failed; then nothing else is measured"),
];

/// What is recorded of a block, by a judge.
#[rustfmt::skip]
pub const BLOCKS: &[Column] = &[
    column("block", Text, "the block, by the message that proposes it; in a protocol without blocks, decision"),
    column("height", Whole, "its height; the genesis has 0"),
    column("proposer", Whole, "the validator who proposed it"),
    column("made_round", Whole, "the round in which it was proposed, from 1; 0 is the start"),
    column("made_time", Real, "when it was proposed, in simulated time"),
    column("made_message", Whole, "how many messages had been made then, its own included"),
    column("fate", Text, "finalized, orphaned (in conflict with what is final) or open, for the omniscient observer at the end; all but finalized are censored"),
    column("finalized_round", Whole, "the round after which the omniscient observer finalized it"),
    column("finalized_time", Real, "the end of that round, in simulated time"),
    column("finalized_message", Whole, "how many messages had been made then"),
    column("finalized_by", Whole, "how many validators had finalized it at the end"),
    column("first_own_round", Whole, "the round after which the first of them did"),
    column("last_own_round", Whole, "the round after which the last of them did"),
    column("own_rounds", Text, "the round after which each validator did, from validator 0, separated by spaces; - for one that did not"),
];

/// All definitions as text, a line a column.
pub fn definitions() -> String {
    let mut text = String::new();
    for (title, columns) in
        [("Of each row:", KEYS), ("Of a run:", MEASURES), ("Of a block:", BLOCKS)]
    {
        text += &format!("{title}\n");
        text.extend(columns.iter().map(|it| format!("  {:<26} {}\n", it.name, it.definition)));
    }
    text
}
