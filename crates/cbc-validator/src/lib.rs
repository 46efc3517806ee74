//! A CBC Casper validator: receives messages, estimates, makes messages, and finalizes.
//!
//! Ties the four layers below together. An [`Observer`] owns a view, feeds an estimator from it,
//! checks rule V5, and finalizes what a safety oracle finds safe; a [`Validator`] is an observer
//! that also speaks. Both are generic over the [`Protocol`] (what is decided, and how) and the
//! oracle (any `SafetyOracle`).
//!
//! This layer does no I/O: messages go in by call, and what changed comes back. It reads no clock
//! and draws no randomness. What is finalized never changes.
//!
//! How the crates fit together is on the page [`architecture`]. "Semantics §3" and the rules (V1 to
//! V8) are on the page [`cbc_message::semantics`].
//!
//! ```
//! use std::sync::Arc;
//! use cbc_message::{ValidatorId, ValidatorSet, Weight};
//! use cbc_oracle::CliqueOracle;
//! use cbc_validator::{Blockchain, Observer, Validator};
//!
//! let weights = Arc::new(ValidatorSet::new([10, 11, 12].map(Weight::new))?);
//! let mut validators = Vec::new();
//! for id in weights.ids() {
//!     let observer = Observer::new(Blockchain, CliqueOracle::new(), Arc::clone(&weights));
//!     validators.push(Validator::new(id, observer)?);
//! }
//! // Three rounds in which each validator proposes a block, and everybody hears it.
//! for turn in 0..9 {
//!     let block = validators[turn % 3].make_message()?;
//!     for validator in &mut validators {
//!         validator.observer_mut().receive(block.clone())?;
//!     }
//! }
//! let observer = validators[0].observer_mut();
//! let finalized = observer.update_safe_estimates()?.advanced().expect("a block is safe").value;
//! assert!(observer.blocks().height(finalized) >= 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

/// [semantics]: cbc_message::semantics
#[doc = include_str!("../architecture.md")]
pub mod architecture {}

mod admission;
mod finality;
mod observer;
mod protocol;
mod shared;
mod validator;

pub use admission::{EstimateError, InvalidEstimate};
pub use finality::{Advance, Finality, FinalityConflict, Finalized, Standing};
pub use observer::Observer;
pub use protocol::{
    Answer, BinaryConsensus, Blockchain, BordaConsensus, Concurrent, IntegerConsensus,
    OrderConsensus, Protocol, Sharding, ValueConsensus,
};
pub use shared::SharedObserver;
pub use validator::{Behind, MakeError, NotAValidator, Validator};
