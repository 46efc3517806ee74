//! The canonical encoding of messages: the only module that names bincode.
//!
//! Every message has exactly one encoding, and every byte string is the encoding of at most one
//! message (rule V7). All integers are little-endian and of fixed width; there is no padding.
//!
//! ```text
//! message        kind            4 bytes   names the kind of estimate (Estimate::KIND)
//!                sender          u32       validator
//!                sequence number u64
//!                count           u32       number of hashes cited
//!                cited           × count   in strictly ascending order, at most two of a validator
//!                estimate                  to the end of the message
//!
//! cited          validator       u32
//!                hash            32 bytes  the latest message; or, of two with one validator,
//!                                          the lesser and the greater hash of a proof
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

//! The part before the estimate is written and read by hand, in one pass, and has one encoding by
//! construction; serde and bincode see the estimate alone.

use bincode::Options;
use thiserror::Error;

use crate::{Estimate, Header, Justification, Message, MessageHash, ValidatorId};

/// The longest message, in bytes, that can be made and that [`decode`] reads: room for the proofs
/// of 200 000 equivocators.
pub const MAX_MESSAGE_BYTES: usize = 16 << 20;

/// Kind, sender, sequence number and count.
const FIXED_BYTES: usize = 4 + 4 + 8 + 4;
/// Validator and hash.
const CITED_BYTES: usize = 4 + 32;

/// The format of estimates.
fn format() -> impl Options {
    bincode::DefaultOptions::new()
        .with_fixint_encoding()
        .with_little_endian()
        .reject_trailing_bytes()
}

/// The canonical bytes of a message. O(their number), in one allocation.
///
/// A message can be encoded, or it could not have been made. Should its estimate's `Serialize`,
/// which must be a function of the value, fail the second time, there are no bytes, which no
/// message decodes from.
pub fn encode<E: Estimate>(message: &Message<E>) -> Vec<u8> {
    write(message.header()).map(|(bytes, _)| bytes).unwrap_or_default()
}

/// The canonical bytes of a header, which decode to it.
pub(crate) fn encode_header<E: Estimate>(header: &Header<E>) -> Result<Vec<u8>, EncodeError> {
    let (bytes, estimate_at) = write(header)?;
    // What comes before it is written and read by hand, and needs no second look.
    let reader = Reader { total: bytes.len(), rest: &bytes[estimate_at..] };
    reader.check(&header.estimate)?;
    Ok(bytes)
}

/// Whether an estimate can be sent: its encoding decodes, and to the same value. What
/// [`Message::new`] sees to; offered for the tests of estimates made elsewhere.
///
/// ```
/// use cbc_message::{EncodeError, Estimate, check_round_trip};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
/// struct Price {
///     cents: u64,
///     #[serde(skip_serializing_if = "Option::is_none")]
///     currency: Option<u8>,
/// }
///
/// impl Estimate for Price {
///     const KIND: [u8; 4] = *b"pric";
/// }
///
/// assert_eq!(check_round_trip(&Price { cents: 5, currency: Some(1) }), Ok(()));
/// // Without its currency there is nothing where one is expected.
/// let error = check_round_trip(&Price { cents: 5, currency: None }).unwrap_err();
/// assert!(matches!(error, EncodeError::Unreadable(_)));
/// ```
///
/// # Errors
///
/// [`EncodeError`], as of a message with this estimate and without citations.
pub fn check_round_trip<E: Estimate>(estimate: &E) -> Result<(), EncodeError> {
    encode_header(&Header {
        sender: ValidatorId::new(0),
        sequence_number: 0,
        justification: Justification::EMPTY,
        estimate: estimate.clone(),
    })
    .map(drop)
}

/// The bytes of a header, and where among them those of its estimate begin.
fn write<E: Estimate>(header: &Header<E>) -> Result<(Vec<u8>, usize), EncodeError> {
    let Header { sender, sequence_number, justification, estimate } = header;
    let unwritable = |error: bincode::Error| EncodeError::Unwritable { reason: error.to_string() };
    let cited = justification.cited();
    let estimate_at = FIXED_BYTES + CITED_BYTES * cited.len();
    let estimate_bytes = format().serialized_size(estimate).map_err(unwritable)?;
    let found = (estimate_at as u64).saturating_add(estimate_bytes);
    if found > MAX_MESSAGE_BYTES as u64 {
        return Err(EncodeError::TooLong { found, limit: MAX_MESSAGE_BYTES });
    }
    let mut bytes = Vec::with_capacity(found as usize);
    bytes.extend_from_slice(&E::KIND);
    bytes.extend_from_slice(&sender.get().to_le_bytes());
    bytes.extend_from_slice(&sequence_number.to_le_bytes());
    // Fits, or the message would be too long.
    bytes.extend_from_slice(&(cited.len() as u32).to_le_bytes());
    for (validator, hash) in cited {
        bytes.extend_from_slice(&validator.get().to_le_bytes());
        bytes.extend_from_slice(hash.as_bytes());
    }
    format().serialize_into(&mut bytes, estimate).map_err(unwritable)?;
    Ok((bytes, estimate_at))
}

/// The message whose canonical encoding is `bytes`, hashed. O(their number).
///
/// Allocates no more than a small multiple of `bytes.len()`, and 1 MiB for the estimate, whatever
/// the bytes say.
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
    let mut reader = Reader { total: bytes.len(), rest };
    let header = Header {
        sender: ValidatorId::new(reader.u32("the sender")?),
        sequence_number: reader.u64("the sequence number")?,
        justification: reader.justification()?,
        estimate: reader.estimate()?,
    };
    Ok(Message::from_canonical(header, bytes))
}

/// The bytes of a message that are not read yet.
struct Reader<'a> {
    /// How many bytes the message has.
    total: usize,
    rest: &'a [u8],
}

impl Reader<'_> {
    /// How many bytes were read: the offset of the next one.
    fn position(&self) -> usize {
        self.total - self.rest.len()
    }

    /// The next `N` bytes, which are to hold `what`.
    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], DecodeError> {
        let Some((array, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.cut_short::<N>(what));
        };
        self.rest = rest;
        Ok(*array)
    }

    #[cold]
    fn cut_short<const N: usize>(&self, what: &str) -> DecodeError {
        let found = self.rest.len();
        malformed(self.position(), format_args!("expected {what}, {N} bytes, found {found}"))
    }

    fn u32(&mut self, what: &str) -> Result<u32, DecodeError> {
        self.array(what).map(u32::from_le_bytes)
    }

    fn u64(&mut self, what: &str) -> Result<u64, DecodeError> {
        self.array(what).map(u64::from_le_bytes)
    }

    fn hash(&mut self, what: &str) -> Result<MessageHash, DecodeError> {
        self.array(what).map(MessageHash::from_bytes)
    }

    fn justification(&mut self) -> Result<Justification, DecodeError> {
        let position = self.position();
        let count = self.u32("the number of hashes cited")? as usize;
        let left = self.rest.len();
        let room = left / CITED_BYTES;
        // Before anything is allocated for them.
        if count > room {
            return Err(malformed(
                position,
                format_args!("{count} hashes cited, but {left} bytes follow: room for {room}"),
            ));
        }
        let mut cited: Vec<(ValidatorId, MessageHash)> = Vec::with_capacity(count);
        for place in 0..count {
            let position = self.position();
            let validator = ValidatorId::new(self.u32("the validator of a citation")?);
            let hash = self.hash("the hash of a citation")?;
            let out_of_order = match cited.last() {
                Some(&(before, _)) if before > validator => Some("strictly ascending validators"), // V2
                Some(&last) if last >= (validator, hash) => {
                    Some("a proof's two hashes in strictly ascending order") // V8
                }
                Some(_) if place >= 2 && cited[place - 2].0 == validator => {
                    Some("at most two hashes for one validator") // V2
                }
                _ => None,
            };
            if let Some(expected) = out_of_order {
                return Err(malformed(
                    position,
                    format_args!(
                        "citation {place} is for validator {validator}: expected {expected}"
                    ),
                ));
            }
            cited.push((validator, hash));
        }
        Ok(Justification::from_encoded(cited))
    }

    /// The estimate, which takes all the bytes that are left, as its canonical encoding does (V7).
    fn estimate<E: Estimate>(&self) -> Result<E, DecodeError> {
        let estimate: E = format()
            .with_limit(MAX_MESSAGE_BYTES as u64)
            .deserialize(self.rest)
            .map_err(|error| malformed(self.position(), format_args!("the estimate: {error}")))?;
        let mut canonical = Comparison { rest: self.rest };
        // Should it not serialize, it has no canonical encoding.
        let same = format().serialize_into(&mut canonical, &estimate).is_ok();
        if same && canonical.rest.is_empty() {
            Ok(estimate)
        } else {
            Err(DecodeError::NotCanonical { position: self.total - canonical.rest.len() })
        }
    }

    /// Whether whoever reads the rest reads `expected`.
    fn check<E: Estimate>(&self, expected: &E) -> Result<(), EncodeError> {
        match self.estimate::<E>() {
            Ok(found) if found == *expected => Ok(()),
            Ok(_) => Err(EncodeError::AnotherValue),
            Err(error) => Err(EncodeError::Unreadable(error)),
        }
    }
}

/// Compares what is written to it with what is expected, and stops at the first other byte.
struct Comparison<'a> {
    /// What is expected next.
    rest: &'a [u8],
}

impl std::io::Write for Comparison<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Some(rest) = self.rest.strip_prefix(bytes) {
            self.rest = rest;
            return Ok(bytes.len());
        }
        let same = bytes.iter().zip(self.rest).take_while(|(byte, found)| byte == found).count();
        self.rest = &self.rest[same..];
        Err(std::io::ErrorKind::InvalidData.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cold]
fn malformed(position: usize, reason: std::fmt::Arguments<'_>) -> DecodeError {
    DecodeError::Malformed { reason: format!("byte {position}: {reason}") }
}

/// Why a message with some header cannot be made: nobody could read it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The estimate's `Serialize` fails, or does what the format cannot write (serde's `flatten`).
    #[error("the estimate cannot be encoded: {reason}")]
    Unwritable {
        /// What it says.
        reason: String,
    },
    /// Longer than any message may be.
    #[error("a message of {found} bytes is too long: expected at most {limit}")]
    TooLong {
        /// How many bytes it would have.
        found: u64,
        /// How many there may be.
        limit: usize,
    },
    /// The estimate's bytes are those of no estimate (serde's `skip_serializing_if`).
    #[error("the estimate's own encoding does not decode: {0}")]
    Unreadable(#[source] DecodeError),
    /// The estimate's bytes are those of another estimate.
    #[error("the estimate's own encoding decodes to another value")]
    AnotherValue,
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
