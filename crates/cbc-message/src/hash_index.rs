//! Look-ups by message hash that cannot be iterated, so that no order can leak out of them.

#![allow(clippy::disallowed_types)] // The one place: nothing here iterates.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use crate::MessageHash;

/// A map from message hashes to `V`, for look-ups only.
///
/// It is a std `HashMap`, randomly keyed against hashes chosen to collide (a message may cite any
/// 32 bytes it likes). The key never shows: the map offers no iteration.
#[derive(Clone)]
pub struct HashIndex<V>(HashMap<MessageHash, V>);

impl<V> HashIndex<V> {
    /// An empty index.
    pub fn new() -> Self {
        Self(HashMap::new())
    }

    /// How many hashes are in it.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `hash` is in it. Amortized O(1), as are the others.
    pub fn contains(&self, hash: &MessageHash) -> bool {
        self.0.contains_key(hash)
    }

    /// What is kept for `hash`.
    pub fn get(&self, hash: &MessageHash) -> Option<&V> {
        self.0.get(hash)
    }

    /// What is kept for `hash`, to change it.
    pub fn get_mut(&mut self, hash: &MessageHash) -> Option<&mut V> {
        self.0.get_mut(hash)
    }

    /// Keeps `value` for `hash`, and gives what was kept before.
    pub fn insert(&mut self, hash: MessageHash, value: V) -> Option<V> {
        self.0.insert(hash, value)
    }

    /// What is kept for `hash`: `default()`, if nothing was.
    pub fn get_or_insert_with(&mut self, hash: MessageHash, default: impl FnOnce() -> V) -> &mut V {
        match self.0.entry(hash) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(default()),
        }
    }

    /// Takes out what is kept for `hash`.
    pub fn remove(&mut self, hash: &MessageHash) -> Option<V> {
        self.0.remove(hash)
    }
}

impl<V> Default for HashIndex<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> fmt::Debug for HashIndex<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashIndex({} hashes)", self.0.len())
    }
}
