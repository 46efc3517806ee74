//! Votes on a tree of shards (semantics §5).

use std::fmt::{self, Debug};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{BlockId, Estimate};

/// A shard of a binary tree of them, by the way that leads to it from the root: `r` is the root,
/// `r0` and `r1` are its children, `r01` is the second child of the first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Shard(u32);

impl Shard {
    /// The root, which has no parent.
    pub const ROOT: Self = Self(1);

    /// The greatest depth that a shard can have; the root has depth 0.
    pub const MOST_DEPTH: u32 = u32::BITS - 1;

    /// The shards of at most this depth, each after its parent: from the root, depth by depth.
    pub fn all(depth: u32) -> impl DoubleEndedIterator<Item = Self> + use<> {
        let last = u32::MAX >> (Self::MOST_DEPTH - depth.min(Self::MOST_DEPTH));
        (1..=last).map(Self)
    }

    /// The place of this shard among [all](Self::all).
    pub fn index(self) -> usize {
        self.0 as usize - 1
    }

    /// The number of edges between it and the root.
    pub fn depth(self) -> u32 {
        self.0.ilog2()
    }

    /// The shard that it is a child of.
    pub fn parent(self) -> Option<Self> {
        (self != Self::ROOT).then_some(Self(self.0 >> 1))
    }

    /// Which child of its parent it is, 0 or 1; 1, of the root.
    pub fn side(self) -> usize {
        (self.0 & 1) as usize
    }

    /// Its two children; none at the greatest depth.
    pub fn children(self) -> Option<[Self; 2]> {
        let first = self.0.checked_mul(2)?;
        Some([Self(first), Self(first + 1)])
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = (0..self.depth()).rev().map(|bit| if self.0 >> bit & 1 == 1 { '1' } else { '0' });
        f.pad(&std::iter::once('r').chain(way).collect::<String>())
    }
}

impl Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Shard {
    type Err = NotAShard;

    fn from_str(text: &str) -> Result<Self, NotAShard> {
        let way = text.strip_prefix('r').ok_or(NotAShard)?;
        let down = |shard: Self, side| match side {
            '0' => Some(shard.children()?[0]),
            '1' => Some(shard.children()?[1]),
            _ => None,
        };
        way.chars().try_fold(Self::ROOT, down).ok_or(NotAShard)
    }
}

impl From<Shard> for u32 {
    fn from(shard: Shard) -> Self {
        shard.0
    }
}

impl TryFrom<u32> for Shard {
    type Error = NotAShard;

    fn try_from(number: u32) -> Result<Self, NotAShard> {
        if number == 0 { Err(NotAShard) } else { Ok(Self(number)) }
    }
}

/// The name of no shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected r and at most {} digits, 0 or 1", Shard::MOST_DEPTH)]
pub struct NotAShard;

/// The estimate of sharding: where a block stands, its maker's choice, of the shard or two that it
/// is on. It votes for that, and, on all other shards, for what follows from its justification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ShardVote {
    /// Proposes a block on one shard, identified by this message's hash.
    Propose {
        /// The shard.
        shard: Shard,
        /// The block on that shard that the new one is built on.
        parent: BlockId,
    },
    /// Proposes a merge block, identified by this message's hash: it is on a shard and on the
    /// parent of that.
    Merge {
        /// The child of the two shards. Not the root: that has no parent.
        child: Shard,
        /// The block that the new one is built on, on the child's parent.
        above: BlockId,
        /// The block that the new one is built on, on the child.
        below: BlockId,
    },
    /// Proposes nothing.
    Vote,
}

impl Estimate for ShardVote {
    const KIND: [u8; 4] = *b"shrd";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_named_by_the_way_to_them() {
        let names: Vec<String> = Shard::all(2).map(|shard| shard.to_string()).collect();
        assert_eq!(names, ["r", "r0", "r1", "r00", "r01", "r10", "r11"]);
        for (index, shard) in Shard::all(4).enumerate() {
            assert_eq!(shard.index(), index);
            assert_eq!(shard.to_string().parse(), Ok(shard));
            assert_eq!(shard.depth() as usize, shard.to_string().len() - 1);
            for (side, child) in shard.children().unwrap().into_iter().enumerate() {
                assert_eq!((child.parent(), child.side()), (Some(shard), side));
                assert_eq!(child.to_string(), format!("{shard}{side}"));
            }
        }
        assert_eq!(Shard::ROOT.parent(), None);
    }

    #[test]
    fn what_names_no_shard_is_refused() {
        for text in ["", "0", "r2", "r ", &format!("r{}", "0".repeat(32))] {
            assert_eq!(text.parse::<Shard>(), Err(NotAShard), "{text}");
        }
        let deepest: Shard = format!("r{}", "1".repeat(31)).parse().unwrap();
        assert_eq!((deepest.depth(), deepest.children()), (Shard::MOST_DEPTH, None));
        assert_eq!(Shard::try_from(0), Err(NotAShard));
    }

    #[test]
    fn votes_are_read_as_they_were_written() {
        let child: Shard = "r10".parse().unwrap();
        let genesis = BlockId::Genesis;
        for vote in [
            ShardVote::Vote,
            ShardVote::Propose { shard: child, parent: genesis },
            ShardVote::Merge { child, above: genesis, below: genesis },
        ] {
            crate::check_round_trip(&vote).unwrap();
        }
    }
}
