//! A small text language for message DAGs, for the tests of every layer.
//!
//! [`Dag::parse`] turns a text into real [`Message`](cbc_message::Message)s with true hashes;
//! [`random_execution`] makes honest ones at random. Neither keeps a view, knows an estimator or
//! checks a rule: invalid messages are easily written down, and that is what tests of the rules
//! need. Depends on `cbc-message` alone, so that every other layer can dev-depend on it.
//!
//! # The language
//!
//! One message a line, or several separated by `;`, each after all it cites. `//` begins a comment.
//!
//! ```text
//! message    name sender estimate citation…       or   name@number sender estimate citation…
//! citation   a            the latest message of a's sender is a
//!            !x,y         the sender of x equivocated: x and y prove it
//!            v3:a         as above, but for validator 3,
//!            v3:!x,y      whoever sent a, x or y
//!            +a           as above, and stands there also if the others imply it
//! estimate   0 or 1       a bit
//!            -7           an integer
//!            2>0>1        an order, most preferred first
//!            ^a or ^G     proposes a block on the block that a proposes, or on the genesis
//!            =a or =G     votes for the block that a proposes, or for the genesis
//! ```
//!
//! What is listed is what the maker had seen; what of it the other citations have in their past is
//! not cited, as the rules want it, unless there is a `+` before it.
//!
//! The sequence number is one more than that of the message cited for the sender itself, or 0 where
//! there is none; `@number` sets another.
//!
//! ```
//! use cbc_message::{Bit, ValidatorId};
//! use cbc_testkit::Dag;
//!
//! let dag = Dag::<Bit>::parse(
//!     "a  0 1
//!      x  1 1  a     // x and y: validator 1 equivocates
//!      y  1 0
//!      b  0 1  a !x,y",
//! );
//! assert_eq!(dag["b"].sequence_number(), 1);
//! assert_eq!(dag["b"].justification().len(), 1, "x has seen a");
//! assert!(dag["x"].justification().get(ValidatorId::new(0)).is_some());
//! assert_eq!(dag.name(dag["y"].hash()), "y");
//! ```

#![allow(clippy::panic, reason = "a helper of tests, where a malformed text is a failed test")]

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod dag;
mod estimate;
mod execution;

pub use dag::Dag;
pub use estimate::DagEstimate;
pub use execution::{contested_bits, random_execution};
