//! How estimates are written in the DAG language.

use cbc_message::{Bit, BlockId, BlockVote, Estimate, Integer, MessageHash, Order};

/// An estimate that the DAG language can write down.
pub trait DagEstimate: Estimate {
    /// The estimate that `text` means, if any. `lookup` gives the hash of the message with a name.
    fn parse(text: &str, lookup: &dyn Fn(&str) -> Option<MessageHash>) -> Option<Self>;
}

impl DagEstimate for Bit {
    fn parse(text: &str, _: &dyn Fn(&str) -> Option<MessageHash>) -> Option<Self> {
        Self::try_from(text.parse::<u8>().ok()?).ok()
    }
}

impl DagEstimate for Integer {
    fn parse(text: &str, _: &dyn Fn(&str) -> Option<MessageHash>) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl DagEstimate for Order {
    fn parse(text: &str, _: &dyn Fn(&str) -> Option<MessageHash>) -> Option<Self> {
        let items: Result<Vec<u32>, _> = text.split('>').map(str::parse).collect();
        Self::new(items.ok()?).ok()
    }
}

impl DagEstimate for BlockVote {
    fn parse(text: &str, lookup: &dyn Fn(&str) -> Option<MessageHash>) -> Option<Self> {
        let block = |name| match name {
            "G" => Some(BlockId::Genesis),
            name => lookup(name).map(BlockId::Proposed),
        };
        if let Some(parent) = text.strip_prefix('^') {
            Some(Self::Propose { parent: block(parent)? })
        } else {
            let block = block(text.strip_prefix('=')?)?;
            Some(Self::Vote { block })
        }
    }
}
