//! Look-ups by message hash that cannot be iterated, so that no order can leak out of them.

use std::fmt;

use ahash::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::MessageHash;

/// A map from message hashes to `V`, for look-ups only.
///
/// A message may cite any 32 bytes it likes, so hashes may be chosen to collide. Against that the
/// map reads all 32 bytes under a random key, as std's `HashMap` does, but with aHash, which is
/// several times as fast as SipHash and made for the same: the key is secret, and nothing computed
/// with it leaves the map. Nor does its order: the map offers no iteration.
#[derive(Clone)]
pub struct HashIndex<V>(HashMap<MessageHash, V, RandomState>);

impl<V> HashIndex<V> {
    /// An empty index.
    pub fn new() -> Self {
        Self(HashMap::with_hasher(RandomState::new()))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_text_it_is_how_many_hashes_there_are() {
        let mut index = HashIndex::new();
        index.insert(MessageHash::from_bytes([7; 32]), ());
        assert_eq!(format!("{index:?}"), "HashIndex(1 hashes)");
    }

    proptest! {
        #[test]
        fn answers_as_an_ordered_map_does(
            steps in prop::collection::vec((0u8..4, 0u8..12, any::<u16>()), 0..100),
        ) {
            let (mut index, mut map) = (HashIndex::default(), BTreeMap::new());
            for (step, name, value) in steps {
                let hash = MessageHash::from_bytes([name; 32]);
                match step {
                    0 => prop_assert_eq!(index.insert(hash, value), map.insert(hash, value)),
                    1 => prop_assert_eq!(index.remove(&hash), map.remove(&hash)),
                    2 => {
                        let kept = *map.entry(hash).or_insert(value);
                        prop_assert_eq!(*index.get_or_insert_with(hash, || value), kept);
                    }
                    _ => prop_assert_eq!(
                        index.get_mut(&hash).map(std::mem::take),
                        map.get_mut(&hash).map(std::mem::take)
                    ),
                }
                prop_assert_eq!(index.get(&hash), map.get(&hash));
                prop_assert_eq!(index.contains(&hash), map.contains_key(&hash));
                prop_assert_eq!((index.len(), index.is_empty()), (map.len(), map.is_empty()));
            }
        }
    }
}
