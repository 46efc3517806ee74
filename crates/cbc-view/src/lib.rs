//! What one observer of a CBC Casper network has seen.
//!
//! A [`View`] takes in messages in any order and from anybody, and sorts them: *justified*, once
//! everything they cite is; *pending*, while something is missing. It keeps each validator's latest
//! message, checks the structural rules V1–V4 and V8, and keeps the proof of every equivocation.
//! Estimators and oracles read it through [`MessageDag`], which is easily implemented by anything
//! else that holds messages.
//!
//! Justifications share what they repeat of others, so that a message takes a few hundred bytes
//! where it was sent in many thousands. Many observers in one process can share what they hold
//! ([`SharedView`]), and a view that runs for long drops what is settled ([`View::prune`]).
//!
//! This layer never decides what an estimate should be, and never does I/O, reads a clock or
//! iterates over anything unordered. No message, however hostile, makes it panic or recurse.
//!
//! "Semantics §2" and the rules (V1 to V8) are on the page [`cbc_message::semantics`].
//!
//! ```
//! use std::sync::Arc;
//! use cbc_message::{Bit, Header, Message, ValidatorId, ValidatorSet, Weight};
//! use cbc_view::{MessageDag, Status, View};
//!
//! let validators = Arc::new(ValidatorSet::new([3, 4].map(Weight::new))?);
//! let (alice, bob) = (ValidatorId::new(0), ValidatorId::new(1));
//!
//! // Each speaks from its own view.
//! let mut alices = View::new(Arc::clone(&validators));
//! let mut bobs = View::new(validators);
//! let speak = |view: &mut View<Bit>, sender, estimate| -> Result<_, Box<dyn std::error::Error>> {
//!     let message = Message::new(Header {
//!         sender,
//!         sequence_number: view.next_sequence_number(sender),
//!         justification: view.justification(),
//!         estimate,
//!     })?;
//!     view.insert(message.clone())?;
//!     Ok(message)
//! };
//! let first = speak(&mut alices, alice, Bit::One)?;
//! let second = speak(&mut alices, alice, Bit::One)?;
//!
//! // Bob receives them in the wrong order: the second waits for the first.
//! let receipt = bobs.insert(second)?;
//! assert_eq!(receipt.status, Status::Pending { missing: vec![first.hash()] });
//! let receipt = bobs.insert(first)?;
//! assert_eq!(receipt.justified.len(), 2);
//! assert_eq!(bobs.sequence_number(bobs.latest_message(alice).unwrap()), 1);
//! assert_eq!(bobs.next_sequence_number(bob), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod dag;
mod justification;
mod pending;
mod perspective;
mod property;
mod prune;
mod receive;
mod shared;
mod store;
mod view;

pub use cbc_message;

pub use dag::{HashedDag, MessageDag, MessageIndex, Seen};
pub use pending::limits::Limits;
pub use property::{AtDepth, Chain, Equals, Property};
pub use prune::{Pruned, Pruning};
pub use receive::admission::{Admission, AdmitAll, Incoming};
pub use receive::receipt::{Equivocation, Justified, Reason, Receipt, Rejection, Status};
pub use receive::unjudged::{Refusal, Unjudged};
pub use receive::validity::Invalid;
pub use shared::SharedView;
pub use store::archive::{Archive, Archived, MemoryArchive, Standing};
pub use store::chains::Position;
pub use store::column::{Column, Renumbering};
pub use store::rows::Citations;
pub use view::{Ahead, View};
