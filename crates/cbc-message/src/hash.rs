//! Message hashes: BLAKE3 in key-derivation mode over the canonical bytes of a header.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use blake3::hazmat::{self, ContextKey, HasherExt};
use blake3::{CHUNK_LEN, Hasher};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The context string of the key derivation: it names the format and its version, so that no other
/// use of BLAKE3 can produce a message's hash.
pub const HASH_CONTEXT: &str = "cbc-casper 2026-11-27 message header v2";

/// What BLAKE3 makes of [`HASH_CONTEXT`], computed once: `blake3::derive_key` hashes the context each
/// time, which costs as much as 64 bytes of message.
static CONTEXT_KEY: LazyLock<ContextKey> =
    LazyLock::new(|| hazmat::hash_derive_key_context(HASH_CONTEXT));

/// The identity of a message: a hash over its whole header.
///
/// Ordered as the 32 bytes are, most significant first; the order breaks ties in the fork choice
/// (semantics §5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageHash([u8; 32]);

impl MessageHash {
    /// The hash of a header whose canonical encoding is `canonical`.
    pub(crate) fn of(canonical: &[u8]) -> Self {
        if canonical.len() > CHUNK_LEN {
            // The context is little beside it, and here BLAKE3 takes all chunks at once.
            Self(blake3::derive_key(HASH_CONTEXT, canonical))
        } else {
            let mut hasher = Hasher::new_from_context_key(&CONTEXT_KEY);
            Self(hasher.update(canonical).finalize().into())
        }
    }

    /// A hash from its bytes, for instance one that a peer asks for.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// All 64 hexadecimal digits, or as many as the precision asks for (`{hash:.8}`).
impl fmt::Display for MessageHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = blake3::Hash::from_bytes(self.0).to_hex();
        f.pad(digits.as_str())
    }
}

impl fmt::Debug for MessageHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:.16}…")
    }
}

/// As 64 hexadecimal digits in formats for people, as 32 bytes in others.
impl Serialize for MessageHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for MessageHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        } else {
            <[u8; 32]>::deserialize(deserializer).map(Self)
        }
    }
}

impl FromStr for MessageHash {
    type Err = ParseHashError;

    fn from_str(text: &str) -> Result<Self, ParseHashError> {
        let hash = blake3::Hash::from_hex(text)
            .map_err(|_| ParseHashError { text: text.chars().take(80).collect() })?;
        Ok(Self(*hash.as_bytes()))
    }
}

/// A text that is not a hash.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected a hash of 64 hexadecimal digits, found {text:?}")]
pub struct ParseHashError {
    /// The text, cut to 80 characters.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_hash_reads_back() {
        let hash = MessageHash::of(b"some header");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(format!("{hash:.8}"), hash.to_string()[..8]);
    }

    #[test]
    fn a_text_that_is_no_hash_is_quoted() {
        let error = "12g4".parse::<MessageHash>().unwrap_err();
        assert!(error.to_string().contains("\"12g4\""), "{error}");
    }

    #[test]
    fn a_hash_is_that_of_key_derivation_in_the_context() {
        let bytes: Vec<u8> = (0..10_000u32).map(|n| (n % 251) as u8).collect();
        for length in [0, 1, 63, 64, 65, 400, 1023, 1024, 1025, 4096, 5000, 10_000] {
            let derived = blake3::derive_key(HASH_CONTEXT, &bytes[..length]);
            assert_eq!(MessageHash::of(&bytes[..length]).as_bytes(), &derived);
        }
    }

    #[test]
    fn the_context_separates_from_plain_blake3() {
        assert_ne!(MessageHash::of(b"x").as_bytes(), blake3::hash(b"x").as_bytes());
    }
}
