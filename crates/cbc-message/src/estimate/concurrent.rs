//! Votes on schedules of blocks that consume and produce outputs (semantics §5).

use std::fmt::{self, Debug};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{BlockId, Estimate};

/// Something that a block produced and that one block may consume: one of those that the genesis
/// has, as many as is agreed by configuration, or of those that a proposed block produces.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Output {
    /// The block that produced it.
    pub block: BlockId,
    /// Which of that block's outputs it is, from 0.
    pub index: u32,
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.block, f)?;
        write!(f, ".{}", self.index)
    }
}

impl Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}.{}", self.block, self.index)
    }
}

/// A block of a schedule: what it consumes, its maker's choice, and how much it produces. Its
/// parents are the blocks that produced what it consumes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(Vec<Output>, u32)", into = "(Vec<Output>, u32)")]
pub struct ConcurrentBlock {
    /// Strictly ascending.
    inputs: Vec<Output>,
    outputs: u32,
}

impl ConcurrentBlock {
    /// How many outputs a block may consume, and how many it may produce.
    pub const MOST: usize = 256;

    /// The block that consumes these outputs, in any order, and produces so many.
    ///
    /// # Errors
    ///
    /// [`NotABlock`] if it consumes one twice, or consumes or produces more than
    /// [`MOST`](Self::MOST).
    pub fn new(mut inputs: Vec<Output>, outputs: u32) -> Result<Self, NotABlock> {
        inputs.sort_unstable();
        Self::of_ascending(inputs, outputs)
    }

    fn of_ascending(inputs: Vec<Output>, outputs: u32) -> Result<Self, NotABlock> {
        if let Some(found) = [inputs.len(), outputs as usize].into_iter().max()
            && found > Self::MOST
        {
            return Err(NotABlock::TooMany { found });
        }
        if let Some(pair) = inputs.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(NotABlock::NotAscending { one: pair[0], next: pair[1] });
        }
        Ok(Self { inputs, outputs })
    }

    /// What it consumes, in strictly ascending order.
    pub fn inputs(&self) -> &[Output] {
        &self.inputs
    }

    /// How many outputs it produces.
    pub fn outputs(&self) -> u32 {
        self.outputs
    }
}

impl TryFrom<(Vec<Output>, u32)> for ConcurrentBlock {
    type Error = NotABlock;

    fn try_from((inputs, outputs): (Vec<Output>, u32)) -> Result<Self, NotABlock> {
        Self::of_ascending(inputs, outputs)
    }
}

impl From<ConcurrentBlock> for (Vec<Output>, u32) {
    fn from(block: ConcurrentBlock) -> Self {
        (block.inputs, block.outputs)
    }
}

/// Inputs and outputs that no block has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotABlock {
    /// An output is consumed twice, or they do not stand in order.
    #[error(
        "inputs {one:?} and {next:?} stand next to each other: expected strictly ascending ones"
    )]
    NotAscending {
        /// An input.
        one: Output,
        /// The next one.
        next: Output,
    },
    /// Too many of either.
    #[error("{found} inputs or outputs: expected at most {}", ConcurrentBlock::MOST)]
    TooMany {
        /// How many there are.
        found: usize,
    },
}

/// The estimate of concurrent consensus. It votes for the whole schedule that follows from its
/// justification; what it carries is what it adds to that.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConcurrentVote {
    /// Adds a block, identified by this message's hash.
    Propose(ConcurrentBlock),
    /// Adds nothing.
    Vote,
}

impl Estimate for ConcurrentVote {
    const KIND: [u8; 4] = *b"conc";
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Output = Output { block: BlockId::Genesis, index: 1 };
    const TWO: Output = Output { block: BlockId::Genesis, index: 2 };

    #[test]
    fn a_block_consumes_nothing_twice() {
        let block = ConcurrentBlock::new(vec![TWO, ONE], 3).unwrap();
        assert_eq!((block.inputs(), block.outputs()), (&[ONE, TWO][..], 3));
        let error = ConcurrentBlock::new(vec![TWO, ONE, TWO], 3).unwrap_err();
        assert_eq!(error, NotABlock::NotAscending { one: TWO, next: TWO });
        assert!(ConcurrentBlock::try_from((vec![TWO, ONE], 3)).is_err(), "one order alone");
    }

    #[test]
    fn a_block_is_bounded() {
        let most = ConcurrentBlock::MOST as u32;
        let inputs = |count| (0..count).map(|index| Output { index, ..ONE }).collect();
        assert!(ConcurrentBlock::new(inputs(most), most).is_ok());
        let found = ConcurrentBlock::MOST + 1;
        assert_eq!(ConcurrentBlock::new(inputs(most + 1), 0), Err(NotABlock::TooMany { found }));
        assert_eq!(ConcurrentBlock::new(vec![], most + 1), Err(NotABlock::TooMany { found }));
    }

    #[test]
    fn votes_are_read_as_they_were_written() {
        let block = ConcurrentBlock::new(vec![TWO, ONE], 7).unwrap();
        for vote in [ConcurrentVote::Vote, ConcurrentVote::Propose(block)] {
            crate::check_round_trip(&vote).unwrap();
        }
    }
}
