//! What is measured of an execution.

use cbc_message::{ValidatorId, Weight};
use cbc_oracle::Safety;
use serde::Serialize;
use serde_json::Value as Json;

use crate::{Contradicted, Overturned};

/// What the observer who receives every message makes of an execution, and what the validators
/// have finalized.
///
/// Heights are block heights: the genesis has 0, and a block one more than what it is built on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How many rounds there were.
    pub rounds: usize,
    /// How many messages were made.
    pub messages: usize,
    /// How many of them every validator has justified.
    pub justified_by_all: usize,
    /// The estimate, whatever is final: in a blockchain the head of the fork choice from the
    /// genesis, by name.
    pub estimate: Option<Json>,
    /// Whether this protocol finalizes: not if its estimator is not majority driven.
    pub can_finalize: bool,
    /// The last finalized value: in a blockchain a block, by name.
    pub last_finalized: Option<Json>,
    /// What the oracle said of the last finalized value when it was finalized.
    #[serde(skip)]
    pub safety: Option<Safety>,
    /// What it says of it in the end.
    #[serde(skip)]
    pub present_safety: Option<Safety>,
    /// What only a blockchain has.
    pub chain: Option<Chain>,
    /// How many rounds passed between the making of what was finalized and its being finalized by
    /// the observer who receives every message as soon as it is made.
    pub rounds_to_finality: Option<RoundsToFinality>,
    /// The same, over what every validator finalized in its own view.
    pub validators_rounds_to_finality: Option<RoundsToFinality>,
    /// What each validator finalized in its own view.
    pub validators: Vec<ValidatorFinality>,
    /// When each block, or each value that became final, did so.
    pub finality: Vec<ValueFinality>,
    /// Whose final value was overturned.
    pub overturned: Vec<Overturned>,
    /// What is final for some validators and contradicts what is final for others.
    pub conflicting_finality: Vec<Contradicted>,
    /// The validators proved to have equivocated.
    pub equivocators: Vec<ValidatorId>,
    /// What they weigh.
    pub observed_fault_weight: Weight,
    /// The state at each report interval.
    pub reports: Vec<Report>,
}

impl Summary {
    /// Whether values that can never both be decided were found safe: by different validators, or
    /// in one view.
    pub fn is_finality_contradicted(&self) -> bool {
        !self.conflicting_finality.is_empty()
            || self.overturned.iter().any(|overturned| overturned.conflicting.is_some())
    }
}

/// Measurements of a blockchain. The genesis is not counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chain {
    /// How many blocks were proposed.
    pub blocks: usize,
    /// How many of them are final.
    pub finalized: usize,
    /// How many are not, but may become so.
    pub open: usize,
    /// How many never can, since they conflict with what is final.
    pub orphaned: usize,
    /// The height of the head.
    pub head_block_height: u32,
    /// The height of the last finalized block.
    pub last_finalized_block_height: u32,
    /// Of the blocks up to that height, the part that is not on its chain.
    pub orphan_rate: f64,
}

/// Rounds between the making of what was finalized and its being finalized.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoundsToFinality {
    /// How many values (in a blockchain: blocks) were finalized.
    pub finalized: usize,
    /// The mean over them.
    pub mean: f64,
    /// The median; of two in the middle, the greater.
    pub median: usize,
    /// The greatest among them.
    pub greatest: usize,
}

impl RoundsToFinality {
    pub(super) fn of(mut waits: Vec<usize>) -> Option<Self> {
        waits.sort_unstable();
        Some(Self {
            finalized: waits.len(),
            mean: waits.iter().sum::<usize>() as f64 / waits.len() as f64,
            median: *waits.get(waits.len() / 2)?,
            greatest: *waits.last()?,
        })
    }
}

/// What a validator finalized in its own view.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValidatorFinality {
    /// The validator.
    pub validator: ValidatorId,
    /// The last finalized value.
    pub last_finalized: Option<Json>,
    /// Its height, in a blockchain.
    pub last_finalized_block_height: Option<u32>,
    /// How long what it finalized took.
    pub rounds_to_finality: Option<RoundsToFinality>,
}

/// When a block or value became final.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValueFinality {
    /// The block, by name, or the value.
    pub value: Json,
    /// Its height, in a blockchain.
    pub block_height: Option<u32>,
    /// The round in which the block was proposed, from 1; 0 for a value, which is there from the
    /// start.
    pub made_in_round: usize,
    /// The round after which the observer who receives every message finalized it.
    pub finalized_in_round: Option<usize>,
    /// The round after which each validator did; all that a validator finalized counts as of the
    /// last round if only the end is looked at.
    pub finalized_by_validators_in_round: Vec<Option<u32>>,
}

/// The state after some round.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The round, from 1.
    pub round: usize,
    /// How many messages had been made.
    pub messages: usize,
    /// The estimate.
    pub estimate: Option<Json>,
    /// The last finalized value.
    pub last_finalized: Option<Json>,
    /// Whether it was overturned.
    pub is_overturned: bool,
    /// The height of the head, and of the last finalized block, in a blockchain.
    pub block_heights: Option<(u32, u32)>,
}
