//! Messages and their headers (semantics §1).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::codec;
use crate::{EncodeError, Estimate, Justification, MessageHash, ValidatorId};

/// Everything that a message says. Its canonical bytes are what is hashed, signed and sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Header<E> {
    /// Who says it.
    pub sender: ValidatorId,
    /// How many messages the sender had made before (rule V3).
    pub sequence_number: u64,
    /// What the sender had seen.
    pub justification: Justification,
    /// What the sender votes for.
    pub estimate: E,
}

/// An immutable message: a header and its hash, which is computed when the message is made or
/// decoded and never taken on trust. Its bytes decode to it again, and no others do. A clone shares both.
#[derive(Clone)]
pub struct Message<E>(Arc<Hashed<E>>);

struct Hashed<E> {
    header: Header<E>,
    hash: MessageHash,
    /// How many canonical bytes it has, which are few enough.
    encoded_len: u32,
}

impl<E: Estimate> Message<E> {
    /// The message with this header, if others can read it: its bytes are encoded, its estimate's
    /// decoded again, and compared. So two messages have one hash only if they say the same.
    /// O(bytes).
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if it cannot be encoded, would be too long for others to take in, or has an
    /// estimate whose bytes do not decode to that estimate.
    pub fn new(header: Header<E>) -> Result<Self, EncodeError> {
        let canonical = codec::encode_header(&header)?;
        Ok(Self::from_canonical(header, &canonical))
    }

    /// The message with this header, whose canonical bytes are known to be `canonical`.
    pub(crate) fn from_canonical(header: Header<E>, canonical: &[u8]) -> Self {
        let (hash, encoded_len) = (MessageHash::of(canonical), canonical.len() as u32);
        Self(Arc::new(Hashed { header, hash, encoded_len }))
    }
}

impl<E> Message<E> {
    /// The header.
    pub fn header(&self) -> &Header<E> {
        &self.0.header
    }

    /// The hash of the header: the message's identity.
    pub fn hash(&self) -> MessageHash {
        self.0.hash
    }

    /// How many bytes its canonical encoding has, at most
    /// [`MAX_MESSAGE_BYTES`](crate::MAX_MESSAGE_BYTES).
    pub fn encoded_len(&self) -> usize {
        self.0.encoded_len as usize
    }

    /// Who made it.
    pub fn sender(&self) -> ValidatorId {
        self.0.header.sender
    }

    /// How many messages its sender had made before.
    pub fn sequence_number(&self) -> u64 {
        self.0.header.sequence_number
    }

    /// What its sender had seen.
    pub fn justification(&self) -> &Justification {
        &self.0.header.justification
    }

    /// What its sender votes for.
    pub fn estimate(&self) -> &E {
        &self.0.header.estimate
    }
}

/// Messages are equal when their hashes are.
impl<E> PartialEq for Message<E> {
    fn eq(&self, other: &Self) -> bool {
        self.0.hash == other.0.hash
    }
}

impl<E> Eq for Message<E> {}

impl<E> Hash for Message<E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash.hash(state);
    }
}

/// By their hashes, which says nothing of what cites what.
impl<E> Ord for Message<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.hash.cmp(&other.0.hash)
    }
}

impl<E> PartialOrd for Message<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The hash, whose message it is, and which of theirs.
impl<E> fmt::Display for Message<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Header { sender, sequence_number, .. } = self.header();
        write!(f, "message {:.16}, number {sequence_number} of validator {sender}", self.0.hash)
    }
}

/// As its header. What peers exchange is not this, but the canonical encoding.
impl<E: Serialize> Serialize for Message<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.header().serialize(serializer)
    }
}

/// From its header; the hash is computed.
impl<'de, E: Estimate> Deserialize<'de> for Message<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Header::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<E: fmt::Debug> fmt::Debug for Message<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("hash", &self.0.hash)
            .field("header", &self.0.header)
            .finish()
    }
}
