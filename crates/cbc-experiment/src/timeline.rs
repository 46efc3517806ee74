//! Events in the order of simulated time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use cbc_message::ValidatorId;
use cbc_view::MessageIndex;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A round is over.
    EndOfRound,
    /// A message reaches a validator: alone, or with all that it builds on.
    Arrival { receiver: ValidatorId, message: MessageIndex, with_past: bool },
    /// It is a validator's turn to propose.
    Proposal(ValidatorId),
    /// All propose at once.
    Proposals,
    /// All but the one who proposed in this round vote at once.
    Votes,
}

impl Event {
    /// What happens at one time happens in this order: what arrives as a round ends has arrived in
    /// it, and whoever speaks as the next begins has heard it.
    fn rank(self) -> u8 {
        match self {
            Self::Arrival { .. } => 0,
            Self::EndOfRound => 1,
            Self::Proposal(_) | Self::Proposals | Self::Votes => 2,
        }
    }
}

/// How many ticks a unit of time has: times are rounded to these, so that they have an order.
const TICKS: f64 = 1e6;

/// Events that are still to come.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// By time, rank, and the order in which they were added.
    events: BinaryHeap<Reverse<(u64, u8, u64, Event)>>,
    added: u64,
}

impl Timeline {
    /// Adds an event; of a time that is no number, or beyond all bounds, at the end of time.
    pub(crate) fn add(&mut self, time: f64, event: Event) {
        let ticks = (time * TICKS).round();
        let ticks = if ticks.is_nan() { u64::MAX } else { ticks as u64 };
        self.events.push(Reverse((ticks, event.rank(), self.added, event)));
        self.added += 1;
    }

    /// The next event, and when it happens.
    pub(crate) fn next(&mut self) -> Option<(f64, Event)> {
        let Reverse((ticks, _, _, event)) = self.events.pop()?;
        Some((ticks as f64 / TICKS, event))
    }
}
