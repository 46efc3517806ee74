//! What was dropped, and how a view gets it back when it needs it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, PoisonError, RwLock};

use cbc_message::{Message, MessageHash, ValidatorId};

use crate::Position;

/// A message that a view dropped ([`View::prune`](crate::View::prune)), with what the view needs to
/// judge, without any other message, those who cite it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "E: cbc_message::Estimate")))]
pub struct Archived<E> {
    /// The message.
    pub message: Message<E>,
    /// Where it stands among those of its sender.
    pub position: Position,
    /// Where the messages stand whose hashes it carries: one for each, in their order.
    pub cited: Vec<Position>,
    /// What it had seen of each validator, in ascending order of those of whom it had seen anything
    /// (semantics §1): the latest message, or none if that validator had equivocated.
    pub seen: Vec<(ValidatorId, Option<Standing>)>,
    /// What else its estimator will need to know of it, in the estimator's own words
    /// (`Follower::note` of cbc-estimator); nothing, for most. A view does not read it.
    pub note: Vec<u8>,
}

/// Which message it is, and where it stands among those of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Standing {
    /// The hash.
    pub hash: MessageHash,
    /// Where it stands.
    pub position: Position,
}

/// Whoever took what a view dropped, and gives it back.
///
/// A view believes what it is given: it must be what was handed out, all of it, and nothing else.
/// `None` says that this view never dropped such a message. A view asks when a message arrives that
/// cites, or forks off, what it does not hold any more: at most twice for each message cited, once
/// for the one it may be a fork of, and, for a vote that most of the weight it has seen disagrees
/// with, O(log n) times for each block seen.
pub trait Archive<E>: Debug {
    /// The dropped message with this hash.
    fn message(&self, hash: &MessageHash) -> Option<Archived<E>>;

    /// The dropped message of `sender` that stood at `position`.
    fn numbered(&self, sender: ValidatorId, position: Position) -> Option<Archived<E>>;
}

/// An archive in memory. Clones are handles of one archive: one to give to an observer, one to put
/// into.
#[derive(Clone, Debug)]
pub struct MemoryArchive<E>(Arc<RwLock<Kept<E>>>);

#[derive(Debug)]
struct Kept<E> {
    by_hash: BTreeMap<MessageHash, Archived<E>>,
    by_position: BTreeMap<(ValidatorId, Position), MessageHash>,
}

impl<E> MemoryArchive<E> {
    /// An empty archive.
    pub fn new() -> Self {
        let (by_hash, by_position) = Default::default();
        Self(Arc::new(RwLock::new(Kept { by_hash, by_position })))
    }

    /// Keeps what was dropped. O(log n).
    pub fn keep(&self, archived: Archived<E>) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let hash = archived.message.hash();
        kept.by_position.insert((archived.message.sender(), archived.position), hash);
        kept.by_hash.insert(hash, archived);
    }

    /// How many messages it keeps.
    pub fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_hash.len()
    }

    /// Whether it keeps none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<E> Default for MemoryArchive<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Clone + Debug> Archive<E> for MemoryArchive<E> {
    fn message(&self, hash: &MessageHash) -> Option<Archived<E>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_hash.get(hash).cloned()
    }

    fn numbered(&self, sender: ValidatorId, position: Position) -> Option<Archived<E>> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        kept.by_position.get(&(sender, position)).and_then(|hash| kept.by_hash.get(hash)).cloned()
    }
}
