//! Look-ups by message hash for those who keep the hashes themselves, by number.

use std::fmt;

use ahash::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::MessageHash;

/// An index from message hashes to numbers, which stores the numbers alone: 6 to 12 bytes each,
/// where a [`HashIndex<u32>`](crate::HashIndex) takes 42 to 85. A look-up reads the hash it finds
/// where its owner keeps it: past what the caches hold, one more miss than a `HashIndex` has.
///
/// Every method is told, as `hash_of`, how to find the hash of a number, and asks it of no number
/// but those in the index. It must always answer the same for the same number, or look-ups miss.
/// Like `HashIndex`, this is randomly keyed and cannot be iterated.
///
/// ```
/// use cbc_message::{HashNumbers, MessageHash};
///
/// let hashes = [[7; 32], [8; 32]].map(MessageHash::from_bytes);
/// let mut numbers = HashNumbers::new();
/// numbers.insert(0, |number| &hashes[number as usize]);
/// numbers.insert(1, |number| &hashes[number as usize]);
/// assert_eq!(numbers.get(&hashes[1], |number| &hashes[number as usize]), Some(1));
/// ```
#[derive(Clone)]
pub struct HashNumbers {
    numbers: HashTable<u32>,
    key: RandomState,
}

impl HashNumbers {
    /// An empty index.
    pub fn new() -> Self {
        Self { numbers: HashTable::new(), key: RandomState::new() }
    }

    /// How many numbers are in it.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The number kept for `hash`. Amortized O(1), as are the others.
    pub fn get<'a>(
        &self,
        hash: &MessageHash,
        hash_of: impl Fn(u32) -> &'a MessageHash,
    ) -> Option<u32> {
        let same = |&number: &u32| hash_of(number) == hash;
        self.numbers.find(self.key.hash_one(hash), same).copied()
    }

    /// Keeps `number` for its hash, and gives the number that was kept for the same hash before.
    pub fn insert<'a>(
        &mut self,
        number: u32,
        hash_of: impl Fn(u32) -> &'a MessageHash,
    ) -> Option<u32> {
        let hash = hash_of(number);
        let same = |&other: &u32| hash_of(other) == hash;
        let rehash = |&other: &u32| self.key.hash_one(hash_of(other));
        match self.numbers.entry(self.key.hash_one(hash), same, rehash) {
            Entry::Occupied(mut entry) => Some(std::mem::replace(entry.get_mut(), number)),
            Entry::Vacant(entry) => {
                entry.insert(number);
                None
            }
        }
    }

    /// Takes out the number kept for `hash`.
    pub fn remove<'a>(
        &mut self,
        hash: &MessageHash,
        hash_of: impl Fn(u32) -> &'a MessageHash,
    ) -> Option<u32> {
        let same = |&number: &u32| hash_of(number) == hash;
        let entry = self.numbers.find_entry(self.key.hash_one(hash), same).ok()?;
        Some(entry.remove().0)
    }
}

impl Default for HashNumbers {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HashNumbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashNumbers({} numbers)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_text_it_is_how_many_numbers_there_are() {
        let hash = MessageHash::from_bytes([7; 32]);
        let mut numbers = HashNumbers::new();
        numbers.insert(0, |_| &hash);
        assert_eq!(format!("{numbers:?}"), "HashNumbers(1 numbers)");
    }

    proptest! {
        /// 40 numbers share 20 hashes, so that hashes are met again under another number.
        #[test]
        fn answers_as_an_ordered_map_does(
            steps in prop::collection::vec((0u8..3, 0u32..40), 0..200),
        ) {
            let hashes: Vec<_> = (0..40).map(|n| MessageHash::from_bytes([n % 20; 32])).collect();
            let hash_of = |number: u32| &hashes[number as usize];
            let (mut numbers, mut map) = (HashNumbers::default(), BTreeMap::new());
            for (step, number) in steps {
                let hash = hash_of(number);
                match step {
                    0 => prop_assert_eq!(numbers.remove(hash, hash_of), map.remove(hash)),
                    _ => prop_assert_eq!(numbers.insert(number, hash_of), map.insert(hash, number)),
                }
                for hash in &hashes {
                    prop_assert_eq!(numbers.get(hash, hash_of), map.get(hash).copied());
                }
                prop_assert_eq!((numbers.len(), numbers.is_empty()), (map.len(), map.is_empty()));
            }
        }
    }
}
