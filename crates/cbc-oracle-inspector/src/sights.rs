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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use cbc_message::{Bit, Header, Message, ValidatorId, ValidatorSet, Weight};
    use cbc_view::View;
    use proptest::prelude::*;

    use super::*;

    /// So many messages of 0 and 1 in turn, each of whom has seen all.
    fn view_of(count: usize) -> View<Bit> {
        let validators = ValidatorSet::new([1, 1].map(Weight::new)).unwrap();
        let mut view = View::new(Arc::new(validators));
        for sender in (0..count).map(|place| ValidatorId::new(place as u32 % 2)) {
            let sequence_number = view.next_sequence_number(sender);
            let (justification, estimate) = (view.justification(), Bit::One);
            let header = Header { sender, sequence_number, justification, estimate };
            view.insert(Message::new(header).unwrap()).unwrap();
        }
        view
    }

    proptest! {
        #[test]
        fn a_streak_is_the_last_that_agree_wherever_it_ends_and_what_they_see_is_kept_once(
            steps in prop::collection::vec((0usize..30, 0usize..32, 1usize..12, 0usize..32), 1..30),
        ) {
            let view = view_of(60);
            let mut sights = Sights::new(2);
            for (latest, first, most, forgotten) in steps {
                // The even messages are those of 0.
                let agrees = |message: MessageIndex| message.index() >= 2 * first;
                let all = (0..=latest).map(|place| MessageIndex::new(2 * place as u32));
                let agreeing: Vec<_> = all.filter(|&message| agrees(message)).collect();
                let expected = &agreeing[agreeing.len().saturating_sub(most)..];
                if expected.is_empty() {
                    continue; // Its latest message has to agree.
                }
                let latest = MessageIndex::new(2 * latest as u32);
                let start = sights.follow(&view, 0, latest, most, agrees);
                prop_assert!(sights.len(0) <= most);
                let found = (start..sights.len(0)).map(|place| sights.message(0, place).unwrap());
                prop_assert_eq!(found.collect::<Vec<_>>(), expected);
                for place in 0..sights.len(0) {
                    let message = sights.message(0, place).unwrap();
                    let before = message.get().saturating_sub(1);
                    let seen = if message.get() > 0 { before + 1 } else { 0 };
                    let expected = [message.get() + 1, seen];
                    prop_assert_eq!(sights.of(&view, 0, place).unwrap(), expected);
                }
                prop_assert_eq!(sights.of(&view, 0, sights.len(0)), None);
                sights.forget_before(0, forgotten as u32);
                let kept = (0..sights.len(0)).filter_map(|place| sights.message(0, place));
                prop_assert!(kept.into_iter().all(|message| message.get() + 1 >= forgotten as u32));
            }
            // A row for each message there ever was at a time, and no more.
            prop_assert!(sights.rows.len() <= 12 * 2);
        }
    }
}
