//! Safety oracles of CBC Casper: how much must equivocate before an estimate can still change?
//!
//! A [`SafetyOracle`] reads a message DAG, the validators' weights and a candidate, and answers
//! with a [`Safety`]: that is its one method. This crate owns the trait, the [`FinalitySearch`] that
//! finds what is final by any oracle, the [`LobbyingGraph`] that most oracles start from, and the
//! [`CliqueOracle`]; other oracles are crates of their own and swap in.
//!
//! This layer never decides what an estimate should be and never changes a view. Its answers are
//! lower bounds and hold for majority-driven estimators only, whom `cbc-validator` asks for.
//!
//! "Semantics §6" and the rules (V1 to V8) are on the page [`cbc_message::semantics`].
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
//!     view.insert(Message::new(header)?)?;
//!     let safety = oracle.safety(&view, &weights, &Equals(Bit::One));
//!     answers.push(safety.fault_tolerance.map(Weight::get));
//! }
//! // 0 and 1 see each other agree with the fourth message, all three with the fifth.
//! assert_eq!(answers, [None, None, None, Some(2), Some(5), Some(5)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What an answer costs
//!
//! Whoever can send valid messages has a say in the graph, so what counts is the worst case. For V
//! validators, whatever anybody sends:
//!
//! | oracle | without a budget | budget for one candidate | what is given up beyond it |
//! |---|---|---|---|
//! | clique | first clique and bound O(V³/64); the search beyond these is exponential | 100 000 + 4 V² steps of O(V/64) ([`CliqueOracle::budget_for`]) | that the quorum is a clique: it is the strongest committee, which tolerates no less; [`exact`](CliqueOracle::exact) gives up nothing |
//! | Turán | O(V²) | needs none | |
//! | inspector, one level | O(V²) | needs none | |
//! | inspector, k levels | 1 024 V² looks at messages, of O(V), for each of k levels and of up to 64 strengths tried | 1 000 V looks; the last 1 024 messages of a streak, 2²⁶/V² if that is fewer | levels: it is the best found until then, at least that of one level |
//! | adversary | O(V²) | needs none | |
//!
//! Besides, all make the [`LobbyingGraph`] first: O(V²), and one question to the candidate for each
//! message of a streak back to the earliest that another of its vertices cites; no message of a
//! streak is older than the block it agrees with. An answer that ran out of a budget says so
//! ([`Safety::exact`]) and is sound; budgets are counted in steps, so that it is the same everywhere.
//!
//! Oracles keep nothing. Whoever asks again and again what is final has a [`FinalitySearch`], which
//! asks about O(log n) candidates of a chain of n. With the clique oracle and the inspector it keeps
//! what the lobbying graphs of all candidates of the chain follow from ([`LobbyingTable`]): one more
//! message then costs O(V). So does an answer, as long as those who have spoken since the last weigh
//! too little to make another candidate safe; if they might, the graph of a candidate costs O(V) for
//! each that has moved, and the quorum is looked for anew.
//!
//! # What they find, and what there is
//!
//! The crate `cbc-oracle-contract` asks an oracle about every view of many tiny instances (3 to 5
//! validators, honest and with an equivocator), and searches all futures for the least weight of
//! equivocators that turns the candidate; an oracle of your own is held to that in one line. No
//! oracle here claims more than the search allows: `cargo xtask shortfall` finds 0 violations.
//! All claim less: how often, and by how much of the total weight W where they do. "By at most" 100 %
//! is where nobody can turn the candidate, whoever equivocates, and the oracle finds nothing.
//! The search is exact for binary consensus; for two forks of a chain it is bounded, so that there
//! the shortfall may be less.
//!
//! | protocol | oracle | asked | safe | ideally safe | falls short | by, then, of W | by at most |
//! |---|---|--:|--:|--:|--:|--:|--:|
//! | binary | clique | 73316 | 20927 | 28404 | 27471 | 39.7 % | 100.0 % |
//! | binary | turan | 73316 | 6526 | 28404 | 28040 | 51.7 % | 100.0 % |
//! | binary | adversary | 73316 | 20678 | 28404 | 27512 | 40.5 % | 100.0 % |
//! | binary | inspector, one level | 73316 | 20929 | 28404 | 27471 | 39.7 % | 100.0 % |
//! | binary | inspector, two levels | 73316 | 20929 | 28404 | 27249 | 38.2 % | 100.0 % |
//! | binary | inspector, ten levels | 73316 | 20929 | 28404 | 27102 | 38.2 % | 100.0 % |
//! | two forks | clique | 83764 | 27505 | 33827 | 31985 | 38.4 % | 85.7 % |
//! | two forks | turan | 83764 | 9145 | 33827 | 33213 | 51.6 % | 100.0 % |
//! | two forks | adversary | 83764 | 27082 | 33827 | 32028 | 39.6 % | 88.2 % |
//! | two forks | inspector, one level | 83764 | 27505 | 33827 | 31985 | 38.4 % | 85.7 % |
//! | two forks | inspector, two levels | 83764 | 27505 | 33827 | 31702 | 36.6 % | 85.7 % |
//! | two forks | inspector, ten levels | 83764 | 27505 | 33827 | 31359 | 36.6 % | 85.7 % |

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod bitset;
mod chain_oracle;
mod clique;
mod committee;
mod finality_search;
mod lobbying;
mod max_clique;
mod oracle;
mod poc;
mod safety;
mod stream;
mod table;
mod weighing;

pub use bitset::BitSet;
pub use chain_oracle::{ChainOracle, Subject};
pub use clique::CliqueOracle;
pub use committee::{Committee, committee_reaching, strongest_committee};
pub use finality_search::FinalitySearch;
pub use lobbying::LobbyingGraph;
pub use max_clique::{MaxClique, max_clique, max_clique_above};
pub use oracle::SafetyOracle;
pub use poc::poc_faults;
pub use safety::{Quorum, Safety, faults};
pub use table::{CandidateGraph, LobbyingTable};
