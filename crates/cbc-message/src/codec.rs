//! The canonical encoding of messages: the only module that names bincode.
//!
//! Every message has exactly one encoding, and every byte string is the encoding of at most one
//! message (rule V7). All integers are little-endian and of fixed width; there is no padding.
//!
//! ```text
//! message        kind            4 bytes   names the kind of estimate (Estimate::KIND)
//!                sender          u32       validator
//!                sequence number u64
//!                count           u64       number of citations
//!                citation        × count   in strictly ascending order of their validators
//!                estimate                  to the end of the message
//!
//! citation       validator       u32
//!                tag             u32       0: latest message, 1: equivocation
//!                hash            32 bytes  the latest message; or the lesser hash of the proof
//!                hash            32 bytes  with tag 1 only: the greater hash of the proof
//!
//! estimate       bit  ("bit\0")  u8        0 or 1
//!                integer("int\0")i64       two's complement
//!                order ("ordr")  u64, u32 × that many       a permutation of 0..that many
//!                block vote      u32       0: propose on a parent, 1: vote for a block
//!                      ("blok")  u32       that block is 0: the genesis, 1: proposed by a message
//!                                32 bytes  with 1 only: that message's hash
//! ```
//!
//! The estimate of another kind is whatever its serde implementation gives in bincode 1.3's
//! fixed-width little-endian format: sequences with a `u64` length before them, variants as `u32`,
//! structures and tuples as their fields one after another.
//!
//! The hash of a message is `BLAKE3-derive-key(context, message)` with the context
//! [`HASH_CONTEXT`](crate::HASH_CONTEXT).

use bincode::Options;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Estimate, Header, Justification, Message, ValidatorId};

/// The longest message, in bytes, that [`decode`] reads: room for the proofs of 200 000
/// equivocators.
pub const MAX_MESSAGE_BYTES: usize = 16 << 20;

/// The layout above, for writing.
#[derive(Serialize)]
struct Written<'a, E> {
    kind: [u8; 4],
    sender: ValidatorId,
    sequence_number: u64,
    justification: &'a Justification,
    estimate: &'a E,
}

/// The layout above after the kind, for reading.
#[derive(Deserialize)]
struct Read<E> {
    sender: ValidatorId,
    sequence_number: u64,
    justification: Justification,
    estimate: E,
}

fn format() -> impl Options {
    bincode::DefaultOptions::new()
        .with_fixint_encoding()
        .with_little_endian()
        .reject_trailing_bytes()
}

/// The canonical bytes of a message.
pub fn encode<E: Estimate>(message: &Message<E>) -> Vec<u8> {
    encode_header(message.header())
}

/// The canonical bytes of a header. `Estimate` types with a `Serialize` that fails are not
/// estimates; should one fail all the same, the bytes are empty, which no message decodes from.
pub(crate) fn encode_header<E: Estimate>(header: &Header<E>) -> Vec<u8> {
    let written = Written {
        kind: E::KIND,
        sender: header.sender,
        sequence_number: header.sequence_number,
        justification: &header.justification,
        estimate: &header.estimate,
    };
    let bytes = format().serialize(&written);
    debug_assert!(bytes.is_ok(), "an estimate does not serialize: {:?}", bytes.as_ref().err());
    bytes.unwrap_or_default()
}

/// The message whose canonical encoding is `bytes`, hashed.
///
/// Allocates no more than a small multiple of `bytes.len()`, and 1 MiB, whatever the bytes say.
///
/// # Errors
///
/// [`DecodeError`] if `bytes` are longer than [`MAX_MESSAGE_BYTES`], are not a message with
/// estimates of kind `E`, or are not its canonical encoding (rule V7).
pub fn decode<E: Estimate>(bytes: &[u8]) -> Result<Message<E>, DecodeError> {
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(DecodeError::TooLong { found: bytes.len(), limit: MAX_MESSAGE_BYTES });
    }
    let Some((found, rest)) = bytes.split_first_chunk::<4>() else {
        return Err(DecodeError::Truncated { found: bytes.len() });
    };
    if *found != E::KIND {
        return Err(DecodeError::WrongKind { expected: E::KIND, found: *found });
    }
    let read: Read<E> = format()
        .with_limit(MAX_MESSAGE_BYTES as u64)
        .deserialize(rest)
        .map_err(|error| DecodeError::Malformed { reason: error.to_string() })?;
    let header = Header {
        sender: read.sender,
        sequence_number: read.sequence_number,
        justification: read.justification,
        estimate: read.estimate,
    };
    let canonical = encode_header(&header);
    if canonical != bytes {
        let same = canonical.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        return Err(DecodeError::NotCanonical { position: same });
    }
    Ok(Message::from_canonical(header, bytes))
}

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Longer than any message may be.
    #[error("{found} bytes are too long for a message: expected at most {limit}")]
    TooLong {
        /// How many bytes there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Too short to name a kind.
    #[error("{found} bytes are too short for a message")]
    Truncated {
        /// How many bytes there are.
        found: usize,
    },
    /// A message of another protocol.
    #[error(
        "a message with estimates of kind \"{}\", expected \"{}\"",
        found.escape_ascii(),
        expected.escape_ascii()
    )]
    WrongKind {
        /// The kind that was asked for.
        expected: [u8; 4],
        /// The kind that the bytes name.
        found: [u8; 4],
    },
    /// Cut short, too long, or with a value that is none.
    #[error("not a message: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// Encodes a message, but not as the canonical encoding does (rule V7).
    #[error("not the canonical encoding (V7): differs from byte {position}")]
    NotCanonical {
        /// The first byte, from 0, that differs.
        position: usize,
    },
}
