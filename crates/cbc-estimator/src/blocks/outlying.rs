//! Blocks that are not on the root of what is left, read from an archive when they are asked about.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use cbc_message::{BlockEstimate, BlockId, BlockVote, MessageHash};
use cbc_view::Archive;

use super::BlockTree;
use super::ancestry::Ancestry;

/// Where a block stands in the tree of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockPlace {
    /// How many blocks are between it and the genesis, itself included.
    pub height: u32,
    /// The ancestor that its jump pointer leads to, so that any ancestor is O(log n) jumps and
    /// parents away.
    pub jump: BlockId,
}

impl BlockPlace {
    /// As a note of the message that proposes the block ([`Archived`](cbc_view::Archived)): its
    /// height, 4 bytes with the least first, and the hash of its jump, unless that is the genesis.
    pub fn to_note(self) -> Vec<u8> {
        let mut note = self.height.to_le_bytes().to_vec();
        if let BlockId::Proposed(hash) = self.jump {
            note.extend_from_slice(hash.as_bytes());
        }
        note
    }

    /// What such a note says; `None` if it is none.
    pub fn from_note(note: &[u8]) -> Option<Self> {
        let (height, jump) = note.split_first_chunk()?;
        let jump = match jump {
            [] => BlockId::Genesis,
            hash => BlockId::Proposed(MessageHash::from_bytes(hash.try_into().ok()?)),
        };
        Some(Self { height: u32::from_le_bytes(*height), jump })
    }
}

/// A block beside the tree, or its root: what it is built on, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutlyingBlock {
    /// The block that it is built on.
    pub parent: BlockId,
    /// Where it stands.
    pub place: BlockPlace,
}

impl OutlyingBlock {
    /// As which the genesis would count: built on itself.
    pub const GENESIS: Self =
        Self { parent: BlockId::Genesis, place: BlockPlace { height: 0, jump: BlockId::Genesis } };
}

/// The blocks down to the root and beside the tree, named by their ids.
///
/// A block that is asked about is read once, from the block tree or from the archive; O(log n) of
/// them for each question. One that cannot be read is noted among those that are missing, and the
/// answers are meaningless then.
pub(super) struct OutlyingBlocks<'a, E> {
    blocks: &'a BlockTree,
    archive: Option<&'a dyn Archive<E>>,
    known: RefCell<BTreeMap<MessageHash, OutlyingBlock>>,
    missing: RefCell<BTreeSet<MessageHash>>,
}

impl<'a, E: BlockEstimate> OutlyingBlocks<'a, E> {
    pub(super) fn new(blocks: &'a BlockTree, archive: Option<&'a dyn Archive<E>>) -> Self {
        Self { blocks, archive, known: RefCell::default(), missing: RefCell::default() }
    }

    /// The block that a dropped message votes for.
    pub(super) fn voted_by(&self, message: &MessageHash) -> Option<BlockId> {
        match self.archive.and_then(|archive| archive.message(message)) {
            Some(archived) => Some(voted_block(*message, archived.message.estimate())),
            None => {
                self.missing.borrow_mut().insert(*message);
                None
            }
        }
    }

    /// Whether it is known that no message that is held or was dropped proposes `block`.
    pub(super) fn is_no_block(&self, block: BlockId) -> bool {
        let BlockId::Proposed(hash) = block else { return false };
        let is_dropped = |archive: &dyn Archive<E>| {
            archive
                .message(&hash)
                .is_some_and(|archived| BlockPlace::from_note(&archived.note).is_some())
        };
        self.blocks.outlying(&hash).is_none() && !self.archive.is_none_or(is_dropped)
    }

    /// The messages without which the answers mean nothing.
    pub(super) fn into_missing(self) -> Vec<MessageHash> {
        self.missing.into_inner().into_iter().collect()
    }

    /// Where a block on `parent` stands: its jump goes over both of its parent's last two jumps if
    /// these are equally long, else to its parent.
    pub(super) fn place_on(&self, parent: BlockId) -> BlockPlace {
        let below = self.get(parent).place;
        let near = self.get(below.jump).place;
        let far = self.get(near.jump).place;
        let even = below.height.abs_diff(near.height) == near.height.abs_diff(far.height);
        BlockPlace { height: below.height + 1, jump: if even { near.jump } else { parent } }
    }

    fn get(&self, block: BlockId) -> OutlyingBlock {
        let BlockId::Proposed(hash) = block else { return OutlyingBlock::GENESIS };
        let known = self.known.borrow().get(&hash).copied();
        known.unwrap_or_else(|| {
            let found = self.blocks.outlying(&hash).or_else(|| {
                let archived = self.archive?.message(&hash)?;
                match archived.message.estimate().block_vote() {
                    BlockVote::Propose { parent } => {
                        let place = BlockPlace::from_note(&archived.note)?;
                        Some(OutlyingBlock { parent, place })
                    }
                    BlockVote::Vote { .. } => None,
                }
            });
            if found.is_none() {
                self.missing.borrow_mut().insert(hash);
            }
            let found = found.unwrap_or(OutlyingBlock::GENESIS);
            self.known.borrow_mut().insert(hash, found);
            found
        })
    }
}

/// The block that a message with this hash and estimate votes for.
pub(super) fn voted_block<E: BlockEstimate>(message: MessageHash, estimate: &E) -> BlockId {
    match estimate.block_vote() {
        BlockVote::Propose { .. } => BlockId::Proposed(message),
        BlockVote::Vote { block } => block,
    }
}

impl<E: BlockEstimate> Ancestry for OutlyingBlocks<'_, E> {
    type Block = BlockId;

    fn height(&self, block: BlockId) -> u32 {
        self.get(block).place.height
    }

    fn ancestor_at(&self, mut block: BlockId, height: u32) -> Option<BlockId> {
        if self.height(block) < height {
            return None;
        }
        while self.height(block) > height {
            let OutlyingBlock { parent, place } = self.get(block);
            let next = if self.height(place.jump) >= height { place.jump } else { parent };
            // An archive that lies must not lead round in circles.
            block = if self.height(next) < place.height { next } else { BlockId::Genesis };
        }
        Some(block)
    }

    fn common_ancestor(&self, one: BlockId, other: BlockId) -> BlockId {
        let height = self.height(one).min(self.height(other));
        let at = |block| self.ancestor_at(block, height).unwrap_or(BlockId::Genesis);
        let (mut one, mut other) = (at(one), at(other));
        while one != other {
            let (a, b) = (self.get(one), self.get(other));
            let next = match a.place.jump != b.place.jump {
                true => (a.place.jump, b.place.jump),
                false => (a.parent, b.parent),
            };
            let falls =
                self.height(next.0) < a.place.height && self.height(next.1) < b.place.height;
            (one, other) = if falls { next } else { (BlockId::Genesis, BlockId::Genesis) };
        }
        one
    }

    fn id(&self, block: BlockId) -> BlockId {
        block
    }
}

#[cfg(test)]
mod tests {
    use cbc_message::{Header, Justification, Message, ValidatorId};
    use cbc_view::{Archived, Position};

    use super::*;
    use crate::testing::{Messages, hash};

    /// An archive of blocks, and of one vote.
    #[derive(Debug)]
    struct Blocks(BTreeMap<MessageHash, OutlyingBlock>);

    /// The hash of the vote.
    fn vote() -> MessageHash {
        hash(9, 9)
    }

    impl Archive<BlockVote> for Blocks {
        fn message(&self, hash: &MessageHash) -> Option<Archived<BlockVote>> {
            let (estimate, note) = if *hash == vote() {
                (BlockVote::Vote { block: BlockId::Genesis }, Vec::new())
            } else {
                let OutlyingBlock { parent, place } = *self.0.get(hash)?;
                (BlockVote::Propose { parent }, place.to_note())
            };
            let header = Header {
                sender: ValidatorId::new(0),
                sequence_number: 0,
                justification: Justification::default(),
                estimate,
            };
            let message = Message::new(header).unwrap();
            let position = Position { branch: 0, number: 0 };
            Some(Archived { message, position, cited: Vec::new(), seen: Vec::new(), note })
        }

        fn numbered(&self, _: ValidatorId, _: Position) -> Option<Archived<BlockVote>> {
            None
        }
    }

    /// Block `name`, of a letter.
    fn block(name: u8) -> BlockId {
        BlockId::Proposed(hash(0, name.into()))
    }

    /// The archive of blocks each with a height, and another that is both its parent and its jump.
    fn archive_of(blocks: &[(u8, u32, BlockId)]) -> Blocks {
        let archived = blocks.iter().map(|&(name, height, parent)| {
            let place = BlockPlace { height, jump: parent };
            (hash(0, name.into()), OutlyingBlock { parent, place })
        });
        Blocks(archived.collect())
    }

    #[test]
    fn no_block_is_what_neither_was_dropped_as_one_nor_is_held_as_one() {
        let archive = archive_of(&[(b'a', 1, BlockId::Genesis)]);
        let mut messages = Messages::default();
        let held = messages.push(hash(1, 0), BlockVote::Propose { parent: block(b'a') });
        let mut blocks = BlockTree::new();
        blocks.insert_outlying(&messages, held, OutlyingBlock::GENESIS);
        let with_archive = OutlyingBlocks::new(&blocks, Some(&archive));
        let without = OutlyingBlocks::<BlockVote>::new(&blocks, None);
        for known in [BlockId::Genesis, BlockId::Proposed(hash(1, 0))] {
            assert!(!with_archive.is_no_block(known) && !without.is_no_block(known));
        }
        assert!(!with_archive.is_no_block(block(b'a')));
        for unknown in [block(b'z'), BlockId::Proposed(vote())] {
            assert!(with_archive.is_no_block(unknown));
            assert!(!without.is_no_block(unknown), "it may have been dropped");
        }
    }

    /// Of each block that does not lie lower than those on it, the way ends at the genesis.
    #[test]
    fn an_archive_that_lies_leads_nobody_round_in_circles() {
        let archive = archive_of(&[
            (b'a', 5, block(b'b')),
            (b'b', 5, block(b'a')),
            (b'r', 3, BlockId::Genesis),
            (b'p', 4, block(b'r')),
            (b's', 4, block(b'r')),
            (b'q', 5, block(b'r')),
            (b'x', 5, block(b'p')),
            (b'y', 5, block(b'q')),
        ]);
        let tree = BlockTree::new();
        let blocks = OutlyingBlocks::new(&tree, Some(&archive));
        assert_eq!(blocks.ancestor_at(block(b'x'), 3), Some(block(b'r')));
        assert_eq!(blocks.ancestor_at(block(b'a'), 3), Some(BlockId::Genesis));
        // Both x and y are on r, but from y the way does not lead down at once.
        for (one, other) in [(b'x', b'y'), (b'y', b'x'), (b'a', b'y')] {
            assert_eq!(blocks.common_ancestor(block(one), block(other)), BlockId::Genesis);
        }
        assert_eq!(blocks.common_ancestor(block(b'p'), block(b's')), block(b'r'));
        assert!(blocks.into_missing().is_empty());
    }
}
