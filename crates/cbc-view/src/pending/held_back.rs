//! Held messages that wait, for one observer, for what they cite (semantics §2).

use std::collections::BTreeMap;

use crate::MessageIndex;
use crate::store::column::Renumbering;

/// The messages that a view holds since another observer justified them, that this one has received
/// too, and that wait here for what they cite, which is all held.
///
/// So they go by index, and each waits for one message at a time: once that is justified, for the
/// next that it cites and that is not. Whatever a message cites, it is in one queue only, and what it
/// cites is gone through once.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeldBack {
    /// Those that wait, or are ready, and how many messages arrived before each.
    arrivals: BTreeMap<MessageIndex, u64>,
    /// By the message that they wait for.
    queues: BTreeMap<MessageIndex, Vec<Waiter>>,
}

/// A message that waits.
#[derive(Clone, Copy, Debug)]
struct Waiter {
    message: MessageIndex,
    arrival: u64,
    /// The place of what it waits for among what it cites: what it cites before is justified.
    place: u32,
}

impl HeldBack {
    /// How many wait, or are ready.
    pub(crate) fn len(&self) -> usize {
        self.arrivals.len()
    }

    pub(crate) fn contains(&self, message: MessageIndex) -> bool {
        self.arrivals.contains_key(&message)
    }

    /// Those that wait, or are ready, in the order of their arrival.
    pub(crate) fn in_order(&self) -> Vec<MessageIndex> {
        let mut messages: Vec<_> =
            self.arrivals.iter().map(|(&m, &arrival)| (arrival, m)).collect();
        messages.sort_unstable();
        messages.into_iter().map(|(_, message)| message).collect()
    }

    /// A message that came after so many waits for `cited`, which is at this place among what it
    /// cites.
    pub(crate) fn add(
        &mut self,
        message: MessageIndex,
        arrival: u64,
        (cited, place): (MessageIndex, u32),
    ) {
        self.arrivals.insert(message, arrival);
        let waiter = Waiter { message, arrival, place };
        self.queues.entry(cited).or_default().push(waiter);
    }

    /// `cited` is justified. `next_missing` answers, of a message and from a place on, what
    /// else it waits for. Answers those that wait for nothing, and how many messages arrived before
    /// each.
    pub(crate) fn release(
        &mut self,
        cited: MessageIndex,
        next_missing: impl Fn(MessageIndex, u32) -> Option<(MessageIndex, u32)>,
    ) -> Vec<(u64, MessageIndex)> {
        let mut ready = Vec::new();
        for waiter in self.queues.remove(&cited).unwrap_or_default() {
            match next_missing(waiter.message, waiter.place) {
                Some((cited, place)) => {
                    let waiter = Waiter { place, ..waiter };
                    self.queues.entry(cited).or_default().push(waiter);
                }
                None => ready.push((waiter.arrival, waiter.message)),
            }
        }
        ready
    }

    /// A message that is ready is taken out.
    pub(crate) fn remove(&mut self, message: MessageIndex) {
        self.arrivals.remove(&message);
    }

    /// Messages are numbered anew. What waits, and what that waits for, stays: not all who share
    /// the view have justified it.
    pub(crate) fn renumber(&mut self, renumbering: &Renumbering) {
        let new = |message: MessageIndex| renumbering.get(message.get()).map(MessageIndex::new);
        let arrivals = std::mem::take(&mut self.arrivals).into_iter();
        self.arrivals =
            arrivals.filter_map(|(message, arrival)| Some((new(message)?, arrival))).collect();
        let queues = std::mem::take(&mut self.queues).into_iter();
        self.queues = queues
            .filter_map(|(cited, mut queue)| {
                queue.retain_mut(|waiter| match new(waiter.message) {
                    Some(message) => {
                        waiter.message = message;
                        true
                    }
                    None => false,
                });
                Some((new(cited)?, queue))
            })
            .collect();
    }
}
