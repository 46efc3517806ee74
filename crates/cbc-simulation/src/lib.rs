//! Executions of CBC Casper: written in a small language, made by rule, run, recorded, measured.
//!
//! An [`Execution`] is plain data, a list of [`Token`]s that say who makes and who receives which
//! message. It is written by hand, read from a trace, or generated first ([`Schedule`]) and then
//! run: the same tokens give the same messages, to the byte, on any machine. A [`Run`] carries it
//! out for every validator and for a global observer; [`simulate`] measures on the way;
//! [`trace`] replays recorded scenarios and compares. [`ProtocolName`] and [`OracleName`] are the
//! registry of the protocols and oracles of the workspace, a row each.
//!
//! This layer draws randomness only from the generator it is handed, and does no I/O. What the
//! words mean is on the page [`cbc_message::semantics`].
//!
//! ```
//! use std::sync::Arc;
//! use cbc_message::{ValidatorSet, Weight};
//! use cbc_oracle::CliqueOracle;
//! use cbc_simulation::{Execution, Run, Setup};
//! use cbc_validator::Blockchain;
//!
//! let setup = Setup {
//!     protocol: Blockchain,
//!     oracle: CliqueOracle::new(),
//!     validators: Arc::new(ValidatorSet::new([7, 6, 5].map(Weight::new))?),
//!     threshold: Weight::ZERO,
//!     check_estimates: true,
//!     items: Vec::new(),
//! };
//! let mut run = Run::new(setup, None)?.finalizing();
//! let execution: Execution =
//!     "M-0-A SJ-1-A M-1-B SJ-0-B M-0-C SJ-1-C M-1-D SJ-0-D M-0-E".parse()?;
//! run.execute(&execution)?;
//! run.update_safe_estimates();
//! let finalized = run.observer().finalized().expect("0 and 1 lock in a block").value;
//! assert_eq!(run.observer().blocks().height(finalized), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod finality;
mod footprint;
mod generate;
mod measure;
mod notation;
mod registry;
mod run;
mod seats;
mod token;
pub mod trace;
mod viewgraph;

pub use finality::{Contradicted, Overturned};
pub use footprint::Footprint;
pub use generate::{MessageMode, Network, Schedule, random_weights};
pub use measure::{
    Chain, Report, RoundsToFinality, Summary, ValidatorFinality, ValueFinality, Watch, simulate,
};
pub use notation::{GENESIS, Notation, Recorded, Written, plain};
/// In whose terms randomness is handed in.
pub use rand;
pub use registry::{DynOracle, OracleName, ProtocolName, Start, UnknownName, WithRun};
pub use run::{Panel, Run, Setup, SetupError, StepError};
pub use token::{Action, Execution, Malformed, Token, TokenError};
pub use viewgraph::{PlacedMessage, ViewGraph};
