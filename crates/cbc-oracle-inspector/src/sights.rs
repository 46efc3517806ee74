//! What the messages of unbroken streaks see.

use std::collections::VecDeque;

use cbc_view::{MessageDag, MessageIndex};

/// The streaks of all validators, and what their messages see; kept from one question to the next,
/// so that each message is looked up once.
#[derive(Debug, Default)]
pub(crate) struct Sights {
    /// For each validator, some of its last messages, in ascending order.
    streaks: Vec<VecDeque<Link>>,
    /// What messages see, one row after another: of each validator one more than the index of a
    /// message, or 0; itself for their own.
    rows: Vec<u32>,
    /// Where rows begin that are of no message any more.
    free: Vec<u32>,
}

/// A message of a streak.
#[derive(Debug)]
struct Link {
    message: MessageIndex,
    /// Where what it sees begins in the rows; nowhere until it is asked for.
    row: Option<u32>,
}

impl Sights {
    /// Of so many validators.
    pub(crate) fn new(count: usize) -> Self {
        Self { streaks: (0..count).map(|_| VecDeque::new()).collect(), ..Self::default() }
    }

    /// Makes the messages of `validator` end in `latest`, which counts and agrees, and reach back as
    /// long as they agree, but no more than `most` of them. Says where the streak begins among them.
    pub(crate) fn follow<D: MessageDag>(
        &mut self,
        dag: &D,
        validator: usize,
        latest: MessageIndex,
        most: usize,
        agrees: impl Fn(MessageIndex) -> bool,
    ) -> usize {
        let streak = &mut self.streaks[validator];
        let is_later = |link: &mut Link| link.message > latest;
        while let Some(link) = streak.pop_back_if(is_later) {
            self.free.extend(link.row);
        }
        let known = streak.back().map(|link| link.message);
        let mut new = Vec::new();
        let mut next = Some(latest);
        while let Some(message) = next.filter(|&message| Some(message) > known) {
            if new.len() == most || !agrees(message) {
                break;
            }
            new.push(message);
            next = dag.previous(message);
        }
        // There is a gap, or what is known is another branch's.
        if next != known {
            self.free.extend(streak.drain(..).filter_map(|link| link.row));
        }
        streak.extend(new.into_iter().rev().map(|message| Link { message, row: None }));
        while streak.len() > most {
            self.free.extend(streak.pop_front().and_then(|link| link.row));
        }
        while let Some(first) = streak.front().filter(|link| agrees(link.message))
            && let Some(message) = dag.previous(first.message)
            && streak.len() < most
            && agrees(message)
        {
            streak.push_front(Link { message, row: None });
        }
        streak.partition_point(|link| !agrees(link.message))
    }

    /// Forgets the messages of `validator` whose index, and one, is less than `start`.
    pub(crate) fn forget_before(&mut self, validator: usize, start: u32) {
        let streak = &mut self.streaks[validator];
        while let Some(link) = streak.pop_front_if(|link| link.message.get() + 1 < start) {
            self.free.extend(link.row);
        }
    }

    /// The message of `validator` at a place.
    pub(crate) fn message(&self, validator: usize, place: usize) -> Option<MessageIndex> {
        Some(self.streaks[validator].get(place)?.message)
    }

    /// How many messages of `validator` there are.
    pub(crate) fn len(&self, validator: usize) -> usize {
        self.streaks[validator].len()
    }

    /// What the message of `validator` at a place sees, if there is one. O(V) the first time.
    pub(crate) fn of<D: MessageDag>(
        &mut self,
        dag: &D,
        validator: usize,
        place: usize,
    ) -> Option<&[u32]> {
        let count = self.streaks.len();
        let Link { message, row } = self.streaks[validator].get_mut(place)?;
        let start = match *row {
            Some(start) => start as usize,
            None => {
                let start = self.free.pop().map_or(self.rows.len(), |start| start as usize);
                *row = Some(start as u32);
                self.rows.resize(self.rows.len().max(start + count), 0);
                let sees = &mut self.rows[start..start + count];
                dag.latest_seen(*message, sees);
                sees[validator] = message.get() + 1;
                start
            }
        };
        self.rows.get(start..start + count)
    }
}
