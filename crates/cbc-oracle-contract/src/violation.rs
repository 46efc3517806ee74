//! How an oracle breaks the contract.

use std::fmt;

use cbc_message::{ValidatorId, Weight};
use thiserror::Error;

/// What an oracle answers that it must not, and the view in which it does. Displayed, it is a
/// counterexample to be read, message by message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{candidate}: {breach}\n\n{story}")]
pub struct Violation {
    /// Which protocol's candidate was asked for, and which.
    pub candidate: String,
    /// What is wrong.
    pub breach: Breach,
    /// What the validators weigh.
    pub weights: Vec<Weight>,
    /// How many messages the view has.
    pub messages: usize,
    /// The messages of the view, a line each, and then, where the candidate is turned, those of the
    /// future that turns it.
    pub story: String,
}

/// Which part of the contract an oracle breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breach {
    /// These weigh no more than the oracle claims to be tolerated, and turn the candidate.
    Turned {
        /// The fault tolerance claimed.
        claimed: Weight,
        /// Who equivocates.
        equivocators: Vec<ValidatorId>,
        /// What they weigh.
        weight: Weight,
    },
    /// These weigh no more than the oracle claims to be tolerated, and turn members of its quorum.
    QuorumTurned {
        /// The fault tolerance claimed.
        claimed: Weight,
        /// Who equivocates.
        equivocators: Vec<ValidatorId>,
        /// What they weigh.
        weight: Weight,
        /// The quorum.
        quorum: Vec<ValidatorId>,
        /// Those of the quorum who can be led to disagree, though not all together.
        turned: Vec<ValidatorId>,
    },
    /// The deepest candidate of the estimate that is safe at a threshold is not the one that asking
    /// for each finds: the oracle claims more of a candidate than of one before it, or its
    /// [`ChainOracle`](cbc_oracle::ChainOracle) answers otherwise.
    NotDeepest {
        /// The fault tolerance asked for.
        threshold: Weight,
        /// The depth, and what is tolerated there, that a search found.
        found: Option<(u32, Weight)>,
        /// The same by asking for each candidate.
        one_by_one: Option<(u32, Weight)>,
    },
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Turned { claimed, equivocators, weight } => write!(
                f,
                "a fault tolerance of {claimed} is claimed, and equivocators {}, of weight \
                 {weight}, turn the estimate",
                list(equivocators)
            ),
            Self::QuorumTurned { claimed, equivocators, weight, quorum, turned } => write!(
                f,
                "a fault tolerance of {claimed} is claimed, and equivocators {}, of weight \
                 {weight}, turn {} of the quorum {}",
                list(equivocators),
                list(turned),
                list(quorum)
            ),
            Self::NotDeepest { threshold, found, one_by_one } => write!(
                f,
                "at a threshold of {threshold}, the deepest safe candidate is {} by a search, and \
                 {} by asking for each",
                depth(*found),
                depth(*one_by_one)
            ),
        }
    }
}

fn depth(found: Option<(u32, Weight)>) -> String {
    found.map_or("none".to_owned(), |(depth, tolerated)| {
        format!("that at depth {depth}, which tolerates {tolerated}")
    })
}

/// As `{0, 2}`.
fn list(validators: &[ValidatorId]) -> String {
    let names: Vec<String> = validators.iter().map(ToString::to_string).collect();
    format!("{{{}}}", names.join(", "))
}
