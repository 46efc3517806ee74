//! Messages of CBC Casper: what validators send, how it is encoded, and how it is hashed.
//!
//! The lowest layer. It knows what a single message is and nothing of any other message: whether
//! what a message cites exists, was sent by whom it says, or says anything true is the business of
//! `cbc-view`. This crate never keeps state, and never trusts a byte: a decoded message is
//! canonical and its hash computed here.
//!
//! What everything means, here and in the layers above, is on the page [`semantics`], which the code
//! cites as "semantics §1", and by rule (V1 to V8).
//!
//! ```
//! use cbc_message::{Bit, Citation, Header, Justification, Message, ValidatorId};
//!
//! // Validator 0 says 1, having seen nothing.
//! let first = Message::new(Header {
//!     sender: ValidatorId::new(0),
//!     sequence_number: 0,
//!     justification: Justification::EMPTY,
//!     estimate: Bit::One,
//! })?;
//! // Validator 1 has seen that, and says the same.
//! let second = Message::new(Header {
//!     sender: ValidatorId::new(1),
//!     sequence_number: 0,
//!     justification: Justification::new(vec![(first.sender(), Citation::Latest(first.hash()))])?,
//!     estimate: Bit::One,
//! })?;
//!
//! let bytes = cbc_message::encode(&second);
//! let received: Message<Bit> = cbc_message::decode(&bytes)?;
//! assert_eq!(received.hash(), second.hash());
//! assert!(received.justification().hashes().eq([first.hash()]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod batch;
pub mod codec;
mod estimate;
mod hash;
mod hash_index;
mod hash_numbers;
mod justification;
mod message;
mod validator;

#[doc = include_str!("../semantics.md")]
pub mod semantics {}

pub use serde;

pub use batch::decode_all;
pub use codec::{DecodeError, EncodeError, MAX_MESSAGE_BYTES, check_round_trip, decode, encode};
pub use estimate::{
    Bit, BlockEstimate, BlockId, BlockVote, ConcurrentBlock, ConcurrentVote, Estimate, Integer,
    NotABit, NotABlock, NotAPermutation, NotAShard, Order, Output, Shard, ShardVote,
};
pub use hash::{HASH_CONTEXT, MessageHash, ParseHashError};
pub use hash_index::HashIndex;
pub use hash_numbers::HashNumbers;
pub use justification::{Citation, EquivocationProof, Justification, JustificationError};
pub use message::{Header, Message};
pub use validator::{ValidatorId, ValidatorSet, ValidatorSetError, Weight};
