//! Messages that wait for what they cite (semantics §2).

use std::collections::{BTreeMap, BTreeSet};

use cbc_message::{HashIndex, Message, MessageHash, ValidatorId};

/// The pending messages of a view, and who waits for whom.
///
/// Every hash that is pending, or that something pending waits for, is an *item*; items have
/// places, which are used again, and a list of those that wait for them. So a message costs one
/// look-up for each hash it waits for, and its release none. Whatever is iterated is iterated in
/// the order of arrival.
#[derive(Clone, Debug)]
pub(crate) struct Pending<E> {
    places: HashIndex<Place>,
    items: Vec<Item<E>>,
    /// Places of items that are no more.
    vacant: Vec<Place>,
    /// The pending messages in the order of their arrival: number and place.
    arrivals: BTreeMap<u64, Place>,
    /// How many messages of each sender are pending.
    by_sender: Vec<usize>,
    next: u64,
}

type Place = u32;

#[derive(Clone, Debug)]
struct Item<E> {
    waiting: Option<Waiting<E>>,
    /// The items that wait for this one, each once, in the order of their arrival.
    dependents: Vec<Place>,
}

#[derive(Clone, Debug)]
struct Waiting<E> {
    message: Message<E>,
    arrival: u64,
    /// How many distinct hashes it still waits for; never 0.
    missing: usize,
}

impl<E> Pending<E> {
    pub(crate) fn new(validators: usize) -> Self {
        Self {
            places: HashIndex::new(),
            items: Vec::new(),
            vacant: Vec::new(),
            arrivals: BTreeMap::new(),
            by_sender: vec![0; validators],
            next: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.arrivals.len()
    }

    /// How many messages of `sender`, one of the validators, are pending.
    pub(crate) fn count_of(&self, sender: ValidatorId) -> usize {
        self.by_sender[sender.index()]
    }

    pub(crate) fn get(&self, hash: &MessageHash) -> Option<&Message<E>> {
        self.waiting(hash).map(|waiting| &waiting.message)
    }

    pub(crate) fn contains(&self, hash: &MessageHash) -> bool {
        self.waiting(hash).is_some()
    }

    /// The pending messages, in the order of their arrival.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Message<E>> {
        self.arrivals.values().filter_map(|&place| self.message_at(place))
    }

    /// How many distinct hashes a pending message still waits for.
    pub(crate) fn missing_count(&self, hash: &MessageHash) -> Option<usize> {
        self.waiting(hash).map(|waiting| waiting.missing)
    }

    /// The pending messages that wait for `hash`, in the order of their arrival.
    pub(crate) fn dependents(&self, hash: &MessageHash) -> impl Iterator<Item = &Message<E>> {
        let item = self.places.get(hash).map(|&place| &self.items[place as usize]);
        let dependents = item.map_or(&[][..], |item| &item.dependents);
        dependents.iter().filter_map(|&place| self.message_at(place))
    }

    /// Adds a message that waits for `missing`: one hash or more, some perhaps more than once.
    pub(crate) fn add(&mut self, message: Message<E>, missing: &[MessageHash]) {
        let this = self.place_of(message.hash());
        let mut distinct = 0;
        for &hash in missing {
            let cited = self.place_of(hash);
            let dependents = &mut self.items[cited as usize].dependents;
            if dependents.last() != Some(&this) {
                dependents.push(this);
                distinct += 1;
            }
        }
        let arrival = self.next;
        self.next += 1;
        self.arrivals.insert(arrival, this);
        self.by_sender[message.sender().index()] += 1;
        self.items[this as usize].waiting = Some(Waiting { message, arrival, missing: distinct });
    }

    /// `hash` is justified: takes out the messages that waited for nothing else, as they arrived.
    pub(crate) fn release(&mut self, hash: &MessageHash) -> Vec<Message<E>> {
        let mut released = Vec::new();
        // Nothing is looked up where nothing waits: the usual case.
        let place = if self.places.is_empty() { None } else { self.places.remove(hash) };
        for dependent in place.map(|place| self.vacate(place)).unwrap_or_default() {
            let Some(waiting) = &mut self.items[dependent as usize].waiting else { continue };
            waiting.missing -= 1;
            if waiting.missing == 0 {
                released.extend(self.take(dependent));
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
        while let Some(hash) = gone.get(next).copied() {
            next += 1;
            let Some(place) = self.places.remove(&hash) else { continue };
            for dependent in self.vacate(place) {
                if let Some(message) = self.take(dependent) {
                    elsewhere.extend(message.justification().hashes());
                    dropped.push(message.hash());
                    gone.push(message.hash());
                }
            }
        }
        // What was taken out no longer waits for anything else it cites.
        for hash in elsewhere {
            let Some(&place) = self.places.get(&hash) else { continue };
            let mut dependents = std::mem::take(&mut self.items[place as usize].dependents);
            dependents.retain(|&dependent| self.items[dependent as usize].waiting.is_some());
            let item = &mut self.items[place as usize];
            item.dependents = dependents;
            if item.dependents.is_empty() && item.waiting.is_none() {
                self.places.remove(&hash);
                self.vacant.push(place);
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
        let mut open: Vec<Place> = self.places.get(hash).copied().into_iter().collect();
        while let Some(place) = open.pop() {
            for &dependent in &self.items[place as usize].dependents {
                if self.message_at(dependent).is_some_and(|message| counts(message.sender())) {
                    return true;
                }
                if seen.insert(dependent) {
                    open.push(dependent);
                }
            }
        }
        false
    }

    /// The place of the item for `hash`, which is added if there is none.
    fn place_of(&mut self, hash: MessageHash) -> Place {
        let Self { places, items, vacant, .. } = self;
        *places.get_or_insert_with(hash, || {
            vacant.pop().unwrap_or_else(|| {
                items.push(Item { waiting: None, dependents: Vec::new() });
                (items.len() - 1) as Place
            })
        })
    }

    /// Gives up the item at `place`, which is in `places` no more; answers what waited for it.
    fn vacate(&mut self, place: Place) -> Vec<Place> {
        self.vacant.push(place);
        std::mem::take(&mut self.items[place as usize].dependents)
    }

    /// Takes out the message at `place`. Its item stays while something waits for it.
    fn take(&mut self, place: Place) -> Option<Message<E>> {
        let item = &mut self.items[place as usize];
        let Waiting { message, arrival, .. } = item.waiting.take()?;
        if item.dependents.is_empty() {
            self.places.remove(&message.hash());
            self.vacant.push(place);
        }
        self.arrivals.remove(&arrival);
        self.by_sender[message.sender().index()] -= 1;
        Some(message)
    }

    fn waiting(&self, hash: &MessageHash) -> Option<&Waiting<E>> {
        if self.places.is_empty() {
            return None; // Nothing is looked up where nothing waits: the usual case.
        }
        self.items[*self.places.get(hash)? as usize].waiting.as_ref()
    }

    fn message_at(&self, place: Place) -> Option<&Message<E>> {
        self.items[place as usize].waiting.as_ref().map(|waiting| &waiting.message)
    }
}
