//! Estimates: the consensus values that messages vote for (semantics §1, §5).

mod concurrent;
mod sharding;

use std::fmt::{self, Debug};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::MessageHash;

pub use concurrent::{ConcurrentBlock, ConcurrentVote, NotABlock, Output};
pub use sharding::{NotAShard, Shard, ShardVote};

/// A consensus value that can be encoded, hashed and compared.
///
/// Its serde encoding is part of every message's canonical bytes, so it must be a function of the
/// value (no unordered maps), and `Deserialize` must refuse whatever is not a well-formed value and
/// give back whatever was written. bincode writes no field names, so that serde's `flatten`,
/// `skip_serializing_if`, `untagged` and the like do not work: no message can be made with such an
/// estimate ([`EncodeError`](crate::EncodeError)). Try yours with
/// [`check_round_trip`](crate::check_round_trip).
///
/// ```
/// use cbc_message::{Estimate, Header, Justification, Message, ValidatorId};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
/// enum Colour { Red, Green }
///
/// impl Estimate for Colour {
///     const KIND: [u8; 4] = *b"colr";
/// }
///
/// let message = Message::new(Header {
///     sender: ValidatorId::new(0),
///     sequence_number: 0,
///     justification: Justification::EMPTY,
///     estimate: Colour::Green,
/// })?;
/// let bytes = cbc_message::encode(&message);
/// assert_eq!(cbc_message::decode::<Colour>(&bytes)?, message);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Estimate:
    Clone + Debug + Eq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Names this kind of estimate in every message that carries one, so that messages of two
    /// protocols never share their bytes or their hash.
    const KIND: [u8; 4];
}

/// A bit, the estimate of binary consensus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Bit {
    /// 0.
    Zero,
    /// 1.
    One,
}

impl Estimate for Bit {
    const KIND: [u8; 4] = *b"bit\0";
}

impl From<Bit> for u8 {
    fn from(bit: Bit) -> Self {
        match bit {
            Bit::Zero => 0,
            Bit::One => 1,
        }
    }
}

impl TryFrom<u8> for Bit {
    type Error = NotABit;

    fn try_from(value: u8) -> Result<Self, NotABit> {
        match value {
            0 => Ok(Self::Zero),
            1 => Ok(Self::One),
            value => Err(NotABit { value }),
        }
    }
}

/// A number that is neither 0 nor 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected a bit, 0 or 1, found {value}")]
pub struct NotABit {
    /// The number.
    pub value: u8,
}

/// An integer, the estimate of integer consensus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Integer(pub i64);

impl Estimate for Integer {
    const KIND: [u8; 4] = *b"int\0";
}

/// An ordering of known items: a permutation of `0..k`, most preferred first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<u32>", into = "Vec<u32>")]
pub struct Order {
    items: Vec<u32>,
}

impl Estimate for Order {
    const KIND: [u8; 4] = *b"ordr";
}

impl Order {
    /// The ordering `items`, most preferred first. O(k).
    ///
    /// # Errors
    ///
    /// [`NotAPermutation`] if an item is not one of `0..items.len()`, or stands there twice.
    pub fn new(items: Vec<u32>) -> Result<Self, NotAPermutation> {
        let mut stands = vec![false; items.len()];
        for (place, &item) in items.iter().enumerate() {
            match stands.get_mut(item as usize) {
                Some(stands) if !*stands => *stands = true,
                _ => {
                    return Err(NotAPermutation { place, item, count: items.len() });
                }
            }
        }
        Ok(Self { items })
    }

    /// The items, most preferred first.
    pub fn items(&self) -> &[u32] {
        &self.items
    }
}

impl TryFrom<Vec<u32>> for Order {
    type Error = NotAPermutation;

    fn try_from(items: Vec<u32>) -> Result<Self, NotAPermutation> {
        Self::new(items)
    }
}

impl From<Order> for Vec<u32> {
    fn from(order: Order) -> Self {
        order.items
    }
}

/// Items that are not an ordering of `0..count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "item {item} at place {place} is repeated or not below {count}: expected each of 0..{count} once"
)]
pub struct NotAPermutation {
    /// The first place, from 0, where it fails.
    pub place: usize,
    /// The item that stands there.
    pub item: u32,
    /// How many items there are.
    pub count: usize,
}

/// The identity of a block: the root agreed by configuration, or the hash of the message that
/// proposes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BlockId {
    /// The root of every chain; not a message.
    Genesis,
    /// The block proposed by the message with this hash.
    Proposed(MessageHash),
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Genesis => f.pad("genesis"),
            Self::Proposed(hash) => fmt::Display::fmt(hash, f),
        }
    }
}

impl Debug for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:.16}")
    }
}

/// A vote in a blockchain, the estimate of blockchain consensus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BlockVote {
    /// Proposes a new block on `parent`, identified by this message's hash, and votes for it.
    Propose {
        /// The block that the new one is built on.
        parent: BlockId,
    },
    /// Votes for a block that exists.
    Vote {
        /// The block voted for.
        block: BlockId,
    },
}

impl Estimate for BlockVote {
    const KIND: [u8; 4] = *b"blok";
}

/// An estimate that is a vote for a block. Blocks with contents implement this next to
/// [`Estimate`]; the fork choice reads nothing else of them.
///
/// ```
/// use cbc_message::{BlockEstimate, BlockId, BlockVote, Estimate};
/// use serde::{Deserialize, Serialize};
///
/// /// Blocks that carry text, and votes that carry none.
/// #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
/// enum Text {
///     Block { parent: BlockId, text: String },
///     Vote { block: BlockId },
/// }
///
/// impl Estimate for Text {
///     const KIND: [u8; 4] = *b"text";
/// }
///
/// impl BlockEstimate for Text {
///     fn block_vote(&self) -> BlockVote {
///         match *self {
///             Self::Block { parent, .. } => BlockVote::Propose { parent },
///             Self::Vote { block } => BlockVote::Vote { block },
///         }
///     }
///
///     fn of_head(head: BlockId) -> Self {
///         Self::Vote { block: head }
///     }
/// }
/// ```
pub trait BlockEstimate: Estimate {
    /// The vote.
    fn block_vote(&self) -> BlockVote;

    /// What a message carries whose maker's fork choice leads to `head`, and who has no contents to
    /// propose: an empty block on it, or a vote for it.
    fn of_head(head: BlockId) -> Self;
}

impl BlockEstimate for BlockVote {
    fn block_vote(&self) -> BlockVote {
        *self
    }

    /// A block on the head.
    fn of_head(head: BlockId) -> Self {
        Self::Propose { parent: head }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_permutation() {
        assert!(Order::new(vec![2, 0, 1]).is_ok());
        assert!(Order::new(vec![]).is_ok());
        let error = Order::new(vec![2, 0, 2]).unwrap_err();
        assert_eq!(error, NotAPermutation { place: 2, item: 2, count: 3 });
        assert_eq!(Order::new(vec![0, 3, 1]).unwrap_err().item, 3);
    }

    #[test]
    fn only_zero_and_one_are_bits() {
        assert_eq!(Bit::try_from(1), Ok(Bit::One));
        assert_eq!(Bit::try_from(2), Err(NotABit { value: 2 }));
    }
}
