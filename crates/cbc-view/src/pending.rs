//! Messages that wait for what they cite (semantics §2).

use std::collections::{BTreeMap, BTreeSet};

use cbc_message::{HashIndex, Message, MessageHash, ValidatorId};

/// The pending messages of a view, and who waits for whom.
///
/// Pending messages are numbered as they arrive; whatever is iterated is iterated in that order.
#[derive(Clone, Debug)]
pub(crate) struct Pending<E> {
    /// Every pending message by its number.
    waiting: BTreeMap<u64, Waiting<E>>,
    numbers: HashIndex<u64>,
    /// For each hash that is not justified: the pending messages that cite it, as they arrived.
    dependents: HashIndex<Vec<u64>>,
    /// How many messages of each sender are pending.
    by_sender: Vec<usize>,
    next: u64,
}

#[derive(Clone, Debug)]
struct Waiting<E> {
    message: Message<E>,
    /// How many distinct hashes it still waits for; never 0.
    missing: usize,
}

impl<E> Pending<E> {
    pub(crate) fn new(validators: usize) -> Self {
        Self {
            waiting: BTreeMap::new(),
            numbers: HashIndex::new(),
            dependents: HashIndex::new(),
            by_sender: vec![0; validators],
            next: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// How many messages of `sender`, one of the validators, are pending.
    pub(crate) fn count_of(&self, sender: ValidatorId) -> usize {
        self.by_sender[sender.index()]
    }

    pub(crate) fn get(&self, hash: &MessageHash) -> Option<&Message<E>> {
        self.entry(hash).map(|waiting| &waiting.message)
    }

    pub(crate) fn contains(&self, hash: &MessageHash) -> bool {
        self.numbers.contains(hash)
    }

    /// The pending messages, in the order of their arrival.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Message<E>> {
        self.waiting.values().map(|waiting| &waiting.message)
    }

    /// How many distinct hashes a pending message still waits for.
    pub(crate) fn missing_count(&self, hash: &MessageHash) -> Option<usize> {
        self.entry(hash).map(|waiting| waiting.missing)
    }

    /// The pending messages that wait for `hash`, in the order of their arrival.
    pub(crate) fn dependents(&self, hash: &MessageHash) -> impl Iterator<Item = &Message<E>> {
        let numbers = self.dependents.get(hash).map_or(&[][..], Vec::as_slice);
        numbers.iter().filter_map(|number| Some(&self.waiting.get(number)?.message))
    }

    /// Adds a message that waits for `missing`: one or more distinct hashes.
    pub(crate) fn add(&mut self, message: Message<E>, missing: &BTreeSet<MessageHash>) {
        let number = self.next;
        self.next += 1;
        self.numbers.insert(message.hash(), number);
        self.by_sender[message.sender().index()] += 1;
        for &hash in missing {
            self.dependents.get_or_insert_with(hash, Vec::new).push(number);
        }
        self.waiting.insert(number, Waiting { message, missing: missing.len() });
    }

    /// `hash` is justified: takes out the messages that waited for nothing else, as they arrived.
    pub(crate) fn release(&mut self, hash: &MessageHash) -> Vec<Message<E>> {
        let mut released = Vec::new();
        for number in self.dependents.remove(hash).unwrap_or_default() {
            let Some(waiting) = self.waiting.get_mut(&number) else {
                continue;
            };
            waiting.missing -= 1;
            if waiting.missing == 0
                && let Some(Waiting { message, .. }) = self.waiting.remove(&number)
            {
                self.numbers.remove(&message.hash());
                released.push(message);
            }
        }
        released
    }

    /// `hash` will never be justified: takes out every message that waits for it, directly or
    /// through others, in an order in which each comes after one it waited for. O(citations of
    /// what is taken out, and of what waits beside it).
    pub(crate) fn drop_dependents(&mut self, hash: MessageHash) -> Vec<MessageHash> {
        let mut dropped = Vec::new();
        let mut elsewhere = BTreeSet::new();
        let mut gone = vec![hash];
        let mut next = 0;
        while let Some(&hash) = gone.get(next) {
            next += 1;
            for number in self.dependents.remove(&hash).unwrap_or_default() {
                if let Some(message) = self.take(number) {
                    elsewhere.extend(message.justification().hashes());
                    dropped.push(message.hash());
                    gone.push(message.hash());
                }
            }
        }
        // What was taken out no longer waits for anything else it cites.
        for hash in elsewhere {
            if let Some(numbers) = self.dependents.get_mut(&hash) {
                numbers.retain(|number| self.waiting.contains_key(number));
                if numbers.is_empty() {
                    self.dependents.remove(&hash);
                }
            }
        }
        dropped
    }

    /// Whether a pending message whose sender `counts` waits for `hash`, directly or through other
    /// pending messages. O(1) for a hash that nothing waits for.
    pub(crate) fn is_wanted(
        &self,
        hash: &MessageHash,
        counts: impl Fn(ValidatorId) -> bool,
    ) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = self.dependents.get(hash).cloned().unwrap_or_default();
        while let Some(number) = open.pop() {
            let Some(Waiting { message, .. }) = self.waiting.get(&number) else { continue };
            if counts(message.sender()) {
                return true;
            }
            if seen.insert(number)
                && let Some(dependents) = self.dependents.get(&message.hash())
            {
                open.extend(dependents);
            }
        }
        false
    }

    fn take(&mut self, number: u64) -> Option<Message<E>> {
        let Waiting { message, .. } = self.waiting.remove(&number)?;
        self.numbers.remove(&message.hash());
        self.by_sender[message.sender().index()] -= 1;
        Some(message)
    }

    fn entry(&self, hash: &MessageHash) -> Option<&Waiting<E>> {
        self.waiting.get(self.numbers.get(hash)?)
    }
}
