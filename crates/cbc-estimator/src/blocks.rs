//! Blocks: the tree of them, the votes that are in it, and the fork choice between its branches.

pub(crate) mod ancestry;
mod followed;
mod ghost;
pub(crate) mod jump_tree;
mod loaded_votes;
mod outlying;
mod property;
mod tree;
mod vote_tree;

pub use ghost::Ghost;
pub use loaded_votes::LoadedVotes;
pub use outlying::{BlockPlace, OutlyingBlock};
pub use property::{OnBlock, UpTo};
pub use tree::{BlockIndex, BlockTree, UnknownBlock};
pub use vote_tree::VoteTree;
