//! Safety oracles of CBC Casper: how many must equivocate before an estimate can still change?
//!
//! A [`SafetyOracle`] reads a message DAG, the validators' weights and a candidate, and answers
//! with a [`Safety`]. This crate owns the trait, the [`LobbyingGraph`] that most oracles start
//! from, and the [`CliqueOracle`]; other oracles are crates of their own and swap in.
//!
//! This layer never decides what an estimate should be and never changes a view. Its answers are
//! lower bounds and hold for majority-driven estimators only, whom `cbc-validator` asks for.
//!
//! ```
//! use std::sync::Arc;
//! use cbc_message::{Bit, Header, Message, ValidatorSet, Weight};
//! use cbc_oracle::{CliqueOracle, SafetyOracle};
//! use cbc_view::{Equals, View};
//!
//! let weights = Arc::new(ValidatorSet::new([5, 4, 3].map(Weight::new))?);
//! let mut view = View::new(Arc::clone(&weights));
//! let oracle = CliqueOracle::new();
//! let mut answers = Vec::new();
//! for sender in weights.ids().chain(weights.ids()) {
//!     let sequence_number = view.next_sequence_number(sender);
//!     let justification = view.justification();
//!     let header = Header { sender, sequence_number, justification, estimate: Bit::One };
//!     view.insert(Message::new(header))?;
//!     let safety = oracle.safety(&view, &weights, &Equals(Bit::One));
//!     answers.push(safety.fault_tolerance.map(Weight::get));
//! }
//! // 0 and 1 see each other agree with the fourth message, all three with the fifth.
//! assert_eq!(answers, [None, None, None, Some(2), Some(5), Some(5)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bitset;
mod clique;
mod lobbying;
mod max_clique;
mod oracle;
mod poc;
mod safety;
mod tracker;

pub use bitset::BitSet;
pub use clique::CliqueOracle;
pub use lobbying::LobbyingGraph;
pub use max_clique::{MaxClique, max_clique};
pub use oracle::SafetyOracle;
pub use poc::poc_faults;
pub use safety::{Quorum, Safety, faults};
pub use tracker::LobbyingTracker;
