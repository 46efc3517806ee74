//! A tree of shards: the chain of each, and how they hang together (semantics §5).

mod ghost;
mod shards;
#[cfg(test)]
mod tests;

pub use ghost::{NotInShards, ShardedGhost, UpToRootBlock};
pub use shards::{ShardBlock, ShardHeads, ShardedBlocks};
