//! Placeholder docs.
mod blocks;
mod dag;
mod forest;
mod property;
pub use blocks::{BlockIndex, BlockTree, UnknownBlock};
pub use dag::{HashedDag, MessageDag, MessageIndex, Seen};
pub use property::{Equals, OnBlock, Property};
