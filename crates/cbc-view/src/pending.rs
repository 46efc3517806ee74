//! Messages that wait for what they cite (semantics §2).

pub(crate) mod accounts;
pub(crate) mod held_back;
pub(crate) mod limits;
pub(crate) mod links;
pub(crate) mod waits;
mod wanted;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};

use cbc_message::{HashNumbers, Message, MessageHash, ValidatorId};

use crate::pending::accounts::{Accounts, Charge};
use crate::pending::links::{Links, List, Place};
use crate::pending::waits::{EDGE_BYTES, Edge, Waits};
use crate::store::column::{Column, Renumbering};
use crate::{Limits, MessageIndex};

/// The pending messages of a view, who waits for whom, and who pays for it.
///
/// Every hash that is pending, or that something pending waits for, is an *item*; items have
/// places, which are used again. A message costs one look-up for each hash that it waits for, and
/// its release none; whatever happens to it costs O(its citations), however much is pending.
/// Whatever is iterated is iterated in the order of arrival.
#[derive(Clone, Debug)]
pub(crate) struct Pending<E> {
    /// Where the item of each hash is.
    places: HashNumbers,
    items: Column<Item<E>>,
    /// For each item, how many distinct hashes its message waits for; 0 if there is none, or it is
    /// ready. Side by side, since each hash that is justified asks for many.
    missing: Column<u32>,
    /// Places of items that are no more.
    vacant: Vec<Place>,
    waits: Waits,
    /// The messages in the order of their arrival.
    arrivals: List,
    links: Links,
    accounts: Accounts,
    count: usize,
    /// How many messages arrived, those that are held back included.
    arrived: u64,
    /// The messages that wait for nothing any more, and are to be taken out in this order; how many
    /// messages arrived before each.
    ready: VecDeque<(u64, Ready)>,
}

/// A message that waits for nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ready {
    /// One that is kept here.
    Pending(Place),
    /// One that is held, and was held back.
    HeldBack(MessageIndex),
}

/// In one line of memory: whoever adds a message reads an item for each of its citations.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Item<E> {
    hash: MessageHash,
    waiting: Option<Box<Waiting<E>>>,
    /// The queue of those that wait for this item, in the order of their arrival.
    dependents: List,
    /// The first in this queue that may make this item wanted: those before are messages that known
    /// equivocators pay for.
    claim: Edge,
}

#[derive(Clone, Debug)]
struct Waiting<E> {
    message: Message<E>,
    /// Where it stands in the queues of what it waits for, in the order of its citations.
    edges: Box<[Edge]>,
    charge: Charge,
    /// How many messages arrived before it.
    arrival: u64,
}

/// A message that was taken out, since it waits for nothing any more.
#[derive(Clone, Debug)]
pub(crate) enum Released<E> {
    /// One that was kept here, and what it cost.
    Pending(Message<E>, Charge),
    /// One that was held back.
    HeldBack(MessageIndex),
}

/// A message that was dropped to make room, and what it was waiting for, in the order of its
/// citations.
pub(crate) type Evicted = (MessageHash, Vec<MessageHash>);

/// What is held for an item: itself, its links, and its places in a look-up table, which takes 5
/// bytes for each and may be less than a quarter full of items, since what was taken out leaves
/// traces in it.
const ITEM_BYTES: usize =
    size_of::<Item<()>>() + size_of::<u32>() + 2 * size_of::<(Place, Place)>() + 48;

/// What a pending message takes at most while it waits for `missing` distinct hashes: the formula
/// of [`Limits`].
pub(crate) fn bytes_held<E>(message: &Message<E>, missing: usize) -> usize {
    // Tables that grow by an eighth, and what an allocation takes beyond what was asked for.
    let with_reserve = |bytes: usize| bytes + bytes / 8;
    let fixed = size_of::<Waiting<E>>() + size_of::<E>() + 256;
    // In memory a hash that is cited takes 36 bytes, as it does encoded.
    fixed + message.encoded_len() + with_reserve(ITEM_BYTES + missing * (ITEM_BYTES + EDGE_BYTES))
}

impl<E> Pending<E> {
    pub(crate) fn new() -> Self {
        Self {
            places: HashNumbers::new(),
            items: Column::new(),
            missing: Column::new(),
            vacant: Vec::new(),
            waits: Waits::default(),
            arrivals: List::EMPTY,
            links: Links::default(),
            accounts: Accounts::new(),
            count: 0,
            arrived: 0,
            ready: VecDeque::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn accounts(&mut self) -> &mut Accounts {
        &mut self.accounts
    }

    /// What all that is pending takes at most, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.accounts.bytes()
    }

    /// What the messages take at most that `payer` pays for, in bytes.
    pub(crate) fn bytes_of(&self, payer: ValidatorId) -> usize {
        self.accounts.bytes_of(payer)
    }

    pub(crate) fn get(&self, hash: &MessageHash) -> Option<&Message<E>> {
        self.waiting(hash).map(|waiting| &waiting.message)
    }

    pub(crate) fn contains(&self, hash: &MessageHash) -> bool {
        self.waiting(hash).is_some()
    }

    /// The pending messages, in the order of their arrival.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Message<E>> {
        let arrivals = self.links.iter(self.arrivals);
        arrivals.filter_map(|place| Some(&self.waiting_at(place)?.message))
    }

    /// How many distinct hashes a pending message still waits for.
    pub(crate) fn missing_count(&self, hash: &MessageHash) -> Option<usize> {
        let place = self.find(hash)?;
        self.waiting_at(place).map(|_| self.missing[place as usize] as usize)
    }

    /// The pending messages that wait for `hash`, in the order of their arrival, or since when they
    /// make it wanted.
    pub(crate) fn dependents(&self, hash: &MessageHash) -> impl Iterator<Item = &Message<E>> {
        let item = self.find(hash).and_then(|place| self.items.get(place as usize));
        let dependents = self.waits.dependents(item.map_or(List::EMPTY, |item| item.dependents));
        dependents.filter_map(|place| Some(&self.waiting_at(place)?.message))
    }

    /// The hashes that something waits for and that are not pending themselves. O(items).
    pub(crate) fn missing(&self) -> BTreeSet<MessageHash> {
        let missing = |item: &&Item<E>| item.waiting.is_none() && !item.dependents.is_empty();
        self.items.iter().filter(missing).map(|item| item.hash).collect()
    }

    /// Adds a message that waits for `missing`: one hash or more, some perhaps more than once.
    /// Leaves those of them that are not pending themselves. If something pending waits for it,
    /// what pays for the first of these pays for it too, or else its sender.
    ///
    /// Then drops what is over the limits, perhaps the message itself: of the account that exceeds
    /// its own, or of the greatest, what goes first.
    pub(crate) fn add(
        &mut self,
        message: Message<E>,
        missing: &mut Vec<MessageHash>,
        limits: &Limits,
    ) -> Vec<Evicted> {
        let this = self.place_of(message.hash());
        let sender = message.sender();
        let claimed = self.claimant_at(this).map(|(_, payer)| payer);
        let mut edges = Vec::with_capacity(missing.len());
        missing.retain(|&hash| {
            let cited = self.place_of(hash);
            let item = &mut self.items[cited as usize];
            if self.waits.last(item.dependents) != Some(this) {
                let edge = self.waits.add(&mut item.dependents, cited, this);
                if item.claim == Edge::NONE {
                    item.claim = edge;
                }
                edges.push(edge);
            }
            item.waiting.is_none()
        });
        let charge = Charge {
            payer: claimed.unwrap_or(sender),
            wanted: claimed.is_some(),
            bytes: bytes_held(&message, edges.len()),
            let_in: 0,
        };
        self.accounts.enter(charge, this);
        self.links.push(&mut self.arrivals, this);
        self.count += 1;
        self.missing[this as usize] = edges.len() as u32;
        let edges = edges.into_boxed_slice();
        let arrival = self.arrive();
        let waiting = Waiting { message, edges, charge, arrival };
        self.items[this as usize].waiting = Some(Box::new(waiting));
        // Without known equivocators everything counts: the usual case.
        if self.accounts.is_some_discounted() && self.accounts.counts(charge.payer) {
            self.want_cited(this, charge.payer);
        }
        let mut evicted = Vec::new();
        let mut is_kept = true;
        while let Some(place) = self.accounts.excess(charge.payer, limits) {
            is_kept &= place != this;
            evicted.extend(self.evict(place));
        }
        if is_kept && !evicted.is_empty() {
            // What it cites may have had to go.
            *missing = self.waited_for(this, |item| item.waiting.is_none());
        }
        evicted
    }

    /// A message arrives: how many did before.
    pub(crate) fn arrive(&mut self) -> u64 {
        self.arrived += 1;
        self.arrived - 1
    }

    /// `hash` is justified: what waited for nothing else is ready, in the order of its arrival;
    /// among it these that are held back, each after so many.
    pub(crate) fn release(&mut self, hash: &MessageHash, held_back: Vec<(u64, MessageIndex)>) {
        let before = self.ready.len();
        let held_back = held_back.into_iter();
        self.ready.extend(held_back.map(|(arrival, held)| (arrival, Ready::HeldBack(held))));
        self.release_pending(hash);
        if self.ready.len() > before + 1 {
            self.ready.make_contiguous()[before..].sort_unstable_by_key(|&(arrival, _)| arrival);
        }
    }

    fn release_pending(&mut self, hash: &MessageHash) {
        // Nothing is looked up where nothing waits: the usual case.
        if self.places.is_empty() {
            return;
        }
        let Some(place) = forget(&mut self.places, &self.items, hash) else { return };
        let dependents = self.vacate(place);
        let Self { items, missing, waits, accounts, ready, .. } = self;
        waits.satisfy(dependents, |dependent| {
            let missing = &mut missing[dependent as usize];
            *missing -= 1;
            if *missing == 0
                && let Some(waiting) = &items[dependent as usize].waiting
            {
                accounts.keep(waiting.charge, dependent);
                ready.push_back((waiting.arrival, Ready::Pending(dependent)));
            }
        });
    }

    /// Held messages are numbered anew. What is not justified for all who share the view stays.
    pub(crate) fn renumber(&mut self, renumbering: &Renumbering) {
        for (_, ready) in &mut self.ready {
            if let Ready::HeldBack(held) = ready {
                *held = renumbering.get(held.get()).map_or(*held, MessageIndex::new);
            }
        }
    }

    /// Takes out the first of the messages that wait for nothing any more.
    pub(crate) fn next_ready(&mut self) -> Option<Released<E>> {
        match self.ready.pop_front()?.1 {
            Ready::Pending(place) => {
                let (message, charge) = self.take(place)?;
                Some(Released::Pending(message, charge))
            }
            Ready::HeldBack(held) => Some(Released::HeldBack(held)),
        }
    }

    /// Whether some message waits for nothing any more.
    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// `hash` will never be justified: takes out every message that waits for it, directly or
    /// through others, in an order in which each comes after one it waited for. O(citations of
    /// what is taken out).
    pub(crate) fn drop_dependents(&mut self, hash: MessageHash) -> Vec<MessageHash> {
        let mut dropped = Vec::new();
        let mut gone = Some(hash);
        let mut next = 0;
        while let Some(hash) = gone {
            if let Some(place) = self.find(&hash) {
                // The item goes with the last that waits for it.
                while let Some(queue) = self.items.get(place as usize).map(|item| item.dependents)
                    && let Some(dependent) = self.waits.dependent(self.waits.first(queue))
                {
                    match self.take(dependent) {
                        Some((message, _)) => dropped.push(message.hash()),
                        None => break,
                    }
                }
            }
            gone = dropped.get(next).copied();
            next += 1;
        }
        dropped
    }

    /// The place of the item for `hash`, which is added if there is none.
    fn place_of(&mut self, hash: MessageHash) -> Place {
        if let Some(place) = self.find(&hash) {
            return place;
        }
        let (waiting, dependents) = (None, List::EMPTY);
        let item = Item { hash, waiting, dependents, claim: Edge::NONE };
        let place = match self.vacant.pop() {
            Some(place) => {
                self.items[place as usize] = item;
                place
            }
            None => {
                self.items.push(item);
                self.missing.push(0);
                (self.items.len() - 1) as Place
            }
        };
        let items = &self.items;
        self.places.insert(place, |place| &items[place as usize].hash);
        place
    }

    /// The place of the item for `hash`, if there is one.
    fn find(&self, hash: &MessageHash) -> Option<Place> {
        self.places.get(hash, |place| &self.items[place as usize].hash)
    }

    /// Gives up the item at `place`, which is in `places` no more; answers what waited for it.
    fn vacate(&mut self, place: Place) -> List {
        self.vacant.push(place);
        let item = &mut self.items[place as usize];
        item.claim = Edge::NONE;
        std::mem::replace(&mut item.dependents, List::EMPTY)
    }

    /// Drops the message at `place` to make room.
    fn evict(&mut self, place: Place) -> Option<Evicted> {
        let missing = self.waited_for(place, |_| true);
        Some((self.take(place)?.0.hash(), missing))
    }

    /// What the message at `place` still waits for, in the order of its citations: where it stands
    /// in the queue of each item, and the item's place.
    fn cited(&self, place: Place) -> impl Iterator<Item = (Edge, Place)> + '_ {
        let edges = self.waiting_at(place).map_or(&[][..], |waiting| &waiting.edges);
        edges.iter().filter_map(move |&edge| Some((edge, self.waits.item(edge, place)?)))
    }

    /// The hashes of `which` of the items that the message at `place` still waits for.
    fn waited_for(&self, place: Place, which: impl Fn(&Item<E>) -> bool) -> Vec<MessageHash> {
        let items = self.cited(place).filter_map(|(_, item)| self.items.get(item as usize));
        items.filter(|item| which(item)).map(|item| item.hash).collect()
    }

    /// Takes out the message at `place`, which no longer waits for anything. Its item stays while
    /// something waits for it.
    fn take(&mut self, place: Place) -> Option<(Message<E>, Charge)> {
        let item = self.items.get_mut(place as usize)?;
        let Waiting { message, edges, charge, .. } = *item.waiting.take()?;
        let missing = std::mem::take(&mut self.missing[place as usize]);
        if item.dependents.is_empty() {
            let hash = item.hash;
            forget(&mut self.places, &self.items, &hash);
            self.vacate(place);
        }
        // Mostly it waits for nothing any more.
        for &edge in if missing == 0 { &[][..] } else { &edges } {
            let Some(cited) = self.waits.item(edge, place) else { continue }; // Justified.
            let item = &mut self.items[cited as usize];
            if item.claim == edge {
                item.claim = self.waits.after(edge);
            }
            self.waits.remove(&mut item.dependents, edge);
            if item.dependents.is_empty() && item.waiting.is_none() {
                let hash = item.hash;
                forget(&mut self.places, &self.items, &hash);
                self.vacate(cited);
            }
        }
        self.links.remove(&mut self.arrivals, place);
        self.accounts.leave(charge, (missing > 0).then_some(place));
        self.count -= 1;
        Some((message, charge))
    }

    fn waiting(&self, hash: &MessageHash) -> Option<&Waiting<E>> {
        if self.places.is_empty() {
            return None; // Nothing is looked up where nothing waits: the usual case.
        }
        self.waiting_at(self.find(hash)?)
    }

    fn waiting_at(&self, place: Place) -> Option<&Waiting<E>> {
        self.items.get(place as usize)?.waiting.as_deref()
    }
}

/// Takes out the place of the item for `hash`.
fn forget<E>(places: &mut HashNumbers, items: &[Item<E>], hash: &MessageHash) -> Option<Place> {
    places.remove(hash, |place| &items[place as usize].hash)
}
