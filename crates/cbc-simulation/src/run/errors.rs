//! Why a run cannot start, and why a token cannot be carried out.

use cbc_message::ValidatorId;
use thiserror::Error;

use crate::ProtocolName;

/// Why a run cannot start.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SetupError {
    /// An initial estimate that is none of the protocol.
    #[error(
        "{found}, of validator {validator}, is no estimate of protocol {protocol}: expected \
         {expected}"
    )]
    NotAnEstimate {
        /// Whose it is.
        validator: usize,
        /// What was found.
        found: String,
        /// The protocol.
        protocol: ProtocolName,
        /// What estimates look like.
        expected: String,
    },
    /// Not one initial estimate for each validator.
    #[error("{found} initial estimates for {expected} validators")]
    InitialEstimates {
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
    /// An initial estimate that nobody may have.
    #[error("the initial estimate of validator {validator}: {problem}")]
    InitialEstimate {
        /// Whose it is.
        validator: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// Why a token cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StepError {
    /// The validator is not in the set.
    #[error("there is no validator {validator}, only {count} from 0")]
    UnknownValidator {
        /// The validator.
        validator: ValidatorId,
        /// How many there are.
        count: usize,
    },
    /// No message of this name has been made yet.
    #[error("no message {name} has been made before")]
    UnknownMessage {
        /// The name.
        name: String,
    },
    /// The name of the genesis.
    #[error("G is the genesis: no message can have its name where there are blocks")]
    NameOfGenesis,
    /// The name is taken.
    #[error("the name {name} is taken")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The message is, to the letter, one that exists.
    #[error(
        "the message made is the same as {other}: another needs an estimate of its own, as in \
         M-0-X-()=ESTIMATE"
    )]
    SameMessage {
        /// The name of that one.
        other: String,
    },
    /// A number where there is nothing to choose.
    #[error("this protocol leaves a message's maker no choice: expected M-VALIDATOR-NAME")]
    NoChoice,
    /// What the maker has seen leaves the estimate open.
    #[error(
        "nothing that its maker has seen determines an estimate: one has to be given, as in \
         M-0-X-()=ESTIMATE, or first estimates for all"
    )]
    NoEstimate,
    /// An estimate that is none of the protocol.
    #[error("{found} is no estimate here: expected {expected}")]
    NotAnEstimate {
        /// What was written.
        found: String,
        /// What estimates look like.
        expected: String,
    },
    /// An estimate of its own that does not follow from what the maker has seen, where that is
    /// checked.
    #[error("rule V5: from what its maker has seen follows the estimate {expected}, not {found}")]
    DoesNotFollow {
        /// What follows.
        expected: String,
        /// What was given.
        found: String,
    },
    /// An estimate that means nothing to the maker, by what it has seen.
    #[error("the estimate {found} is of what its maker has not seen: list it, as in M-0-X-(A)=A")]
    NotSeen {
        /// What was given.
        found: String,
    },
    /// The validator cannot make a message.
    #[error("{problem}")]
    CannotMake {
        /// Why.
        problem: String,
    },
    /// The message is invalid.
    #[error("{problem}")]
    Rejected {
        /// Why.
        problem: String,
    },
}
