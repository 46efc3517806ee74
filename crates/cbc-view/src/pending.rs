//! Messages that wait for what they cite (semantics §2).

use std::collections::BTreeSet;

use cbc_message::{HashIndex, Message, MessageHash, ValidatorId};

use crate::queues::{NOWHERE, Place, Queue, Queues};

/// The pending messages of a view, and who waits for whom.
///
/// Every hash that is pending, or that something pending waits for, is an *item*; items have
/// places, which are used again, and a list of the places of those that wait for them. So a
/// message costs one look-up for each hash it waits for, and its release none. Whatever is
/// iterated is iterated in the order of arrival.
#[derive(Clone, Debug)]
pub(crate) struct Pending<E> {
    places: HashIndex<Place>,
    items: Vec<Item<E>>,
    /// Places of items that are no more.
    vacant: Vec<Place>,
    /// The lists of those that wait.
    dependents: Queues,
    /// The message that arrived first, and last, of those that are pending.
    first: Place,
    last: Place,
    count: usize,
    /// How many messages of each sender are pending.
    by_sender: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Item<E> {
    waiting: Option<Waiting<E>>,
    /// The items that wait for this one, each once, in the order of their arrival.
    dependents: Queue,
}

#[derive(Clone, Debug)]
struct Waiting<E> {
    message: Message<E>,
    /// How many distinct hashes it still waits for; never 0.
    missing: usize,
    /// The messages that arrived before and after, of those that are pending.
    before: Place,
    after: Place,
}

impl<E> Pending<E> {
    pub(crate) fn new(validators: usize) -> Self {
        Self {
            places: HashIndex::new(),
            items: Vec::new(),
            vacant: Vec::new(),
            dependents: Queues::default(),
            first: NOWHERE,
            last: NOWHERE,
            count: 0,
            by_sender: vec![0; validators],
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
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

    /// Whether something waits for `hash`.
    pub(crate) fn is_awaited(&self, hash: &MessageHash) -> bool {
        let item = self.places.get(hash).map(|&place| &self.items[place as usize]);
        item.is_some_and(|item| !item.dependents.is_empty())
    }

    /// The pending messages, in the order of their arrival.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Message<E>> {
        let first = self.waiting_at(self.first);
        let arrivals = std::iter::successors(first, |waiting| self.waiting_at(waiting.after));
        arrivals.map(|waiting| &waiting.message)
    }

    /// How many distinct hashes a pending message still waits for.
    pub(crate) fn missing_count(&self, hash: &MessageHash) -> Option<usize> {
        self.waiting(hash).map(|waiting| waiting.missing)
    }

    /// The pending messages that wait for `hash`, in the order of their arrival.
    pub(crate) fn dependents(&self, hash: &MessageHash) -> impl Iterator<Item = &Message<E>> {
        let item = self.places.get(hash).map(|&place| &self.items[place as usize]);
        let dependents = self.dependents.iter(item.map_or(Queue::EMPTY, |item| item.dependents));
        dependents.filter_map(|place| Some(&self.waiting_at(place)?.message))
    }

    /// Adds a message that waits for `missing`: one hash or more, some perhaps more than once.
    /// Leaves those of them that are not pending themselves.
    pub(crate) fn add(&mut self, message: Message<E>, missing: &mut Vec<MessageHash>) {
        let this = self.place_of(message.hash());
        let mut distinct = 0;
        missing.retain(|&hash| {
            let cited = self.place_of(hash);
            let item = &mut self.items[cited as usize];
            if self.dependents.last(item.dependents) != Some(this) {
                self.dependents.push(&mut item.dependents, this);
                distinct += 1;
            }
            item.waiting.is_none()
        });
        self.by_sender[message.sender().index()] += 1;
        self.count += 1;
        let (before, after) = (std::mem::replace(&mut self.last, this), NOWHERE);
        match self.items.get_mut(before as usize).and_then(|item| item.waiting.as_mut()) {
            Some(waiting) => waiting.after = this,
            None => self.first = this,
        }
        let waiting = Waiting { message, missing: distinct, before, after };
        self.items[this as usize].waiting = Some(waiting);
    }

    /// `hash` is justified: takes out the messages that waited for nothing else, as they arrived.
    pub(crate) fn release(&mut self, hash: &MessageHash) -> Vec<Message<E>> {
        let mut released = Vec::new();
        // Nothing is looked up where nothing waits: the usual case.
        let place = if self.places.is_empty() { None } else { self.places.remove(hash) };
        let Some(mut dependents) = place.map(|place| self.vacate(place)) else { return released };
        while let Some(dependent) = self.dependents.pop(&mut dependents) {
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
            let mut dependents = self.vacate(place);
            while let Some(dependent) = self.dependents.pop(&mut dependents) {
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
            let mut all = std::mem::take(&mut self.items[place as usize].dependents);
            let mut left = Queue::EMPTY;
            while let Some(dependent) = self.dependents.pop(&mut all) {
                if self.items[dependent as usize].waiting.is_some() {
                    self.dependents.push(&mut left, dependent);
                }
            }
            let item = &mut self.items[place as usize];
            item.dependents = left;
            if left.is_empty() && item.waiting.is_none() {
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
            for dependent in self.dependents.iter(self.items[place as usize].dependents) {
                let waiting = self.waiting_at(dependent);
                if waiting.is_some_and(|waiting| counts(waiting.message.sender())) {
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
                items.push(Item { waiting: None, dependents: Queue::EMPTY });
                (items.len() - 1) as Place
            })
        })
    }

    /// Gives up the item at `place`, which is in `places` no more; answers what waited for it.
    fn vacate(&mut self, place: Place) -> Queue {
        self.vacant.push(place);
        std::mem::take(&mut self.items[place as usize].dependents)
    }

    /// Takes out the message at `place`. Its item stays while something waits for it.
    fn take(&mut self, place: Place) -> Option<Message<E>> {
        let item = &mut self.items[place as usize];
        let Waiting { message, before, after, .. } = item.waiting.take()?;
        if item.dependents.is_empty() {
            self.places.remove(&message.hash());
            self.vacant.push(place);
        }
        match self.items.get_mut(before as usize).and_then(|item| item.waiting.as_mut()) {
            Some(waiting) => waiting.after = after,
            None => self.first = after,
        }
        match self.items.get_mut(after as usize).and_then(|item| item.waiting.as_mut()) {
            Some(waiting) => waiting.before = before,
            None => self.last = before,
        }
        self.count -= 1;
        self.by_sender[message.sender().index()] -= 1;
        Some(message)
    }

    fn waiting(&self, hash: &MessageHash) -> Option<&Waiting<E>> {
        if self.places.is_empty() {
            return None; // Nothing is looked up where nothing waits: the usual case.
        }
        self.waiting_at(*self.places.get(hash)?)
    }

    fn waiting_at(&self, place: Place) -> Option<&Waiting<E>> {
        self.items.get(place as usize)?.waiting.as_ref()
    }
}
