//! Whoever floods a view, and however: what somebody honest built on gets in, within a number of
//! deliveries that [`Limits`] states.
//!
//! Three honest validators and three hostile ones talk; the hostile ones show different forks to
//! different validators. Then somebody hears of it all late, in the worst order, through the
//! hostile ones' floods: garbage that waits for what does not exist or for what does, forks, chains
//! of garbage, garbage that wants other garbage, and invalid messages.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use cbc_message::{
    Citation, Header, Integer, Justification, Message, MessageHash, ValidatorId, ValidatorSet,
    Weight,
};
use cbc_view::{HashedDag, Limits, View};
use proptest::prelude::*;

const HOSTILE: u32 = 3;
const HONEST: u32 = 3;
const VALIDATORS: u32 = HOSTILE + HONEST;

fn validators() -> Arc<ValidatorSet> {
    Arc::new(ValidatorSet::new((0..VALIDATORS).map(|_| Weight::new(1))).unwrap())
}

/// Random numbers that proptest drew, over and over, mixed with a count of them.
struct Draws {
    draws: Vec<u32>,
    next: u64,
}

impl Draws {
    fn below(&mut self, below: usize) -> usize {
        let drawn = u64::from(self.draws[self.next as usize % self.draws.len()]);
        self.next += 1;
        let mixed = (drawn + self.next).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize % below
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

fn message(
    sender: u32,
    number: u64,
    cited: impl IntoIterator<Item = (u32, MessageHash)>,
    value: i64,
) -> Message<Integer> {
    let cited: BTreeMap<u32, MessageHash> = cited.into_iter().collect();
    let cite = |(validator, hash)| (ValidatorId::new(validator), Citation::Latest(hash));
    Message::new(Header {
        sender: ValidatorId::new(sender),
        sequence_number: number,
        justification: Justification::new(cited.into_iter().map(cite).collect()).unwrap(),
        estimate: Integer(value),
    })
    .unwrap()
}

/// What was said, each after all it cites: honest messages, and those of hostile validators that
/// honest ones heard before they knew.
fn conversation(count: usize, draws: &mut Draws) -> Vec<Message<Integer>> {
    let mut views: Vec<View<Integer>> =
        vec![View::with_limits(validators(), Limits::NONE); VALIDATORS as usize + HOSTILE as usize];
    let mut made: Vec<Message<Integer>> = Vec::new();
    while made.len() < count {
        let speaker = draws.below(views.len());
        let sender = ValidatorId::new(speaker as u32 % VALIDATORS);
        for _ in 0..draws.below(6) {
            if !made.is_empty() {
                // With all that it cites, mostly of late.
                let newest = made.len() - draws.below(made.len().min(8));
                for message in &made[..newest] {
                    views[speaker].insert(message.clone()).unwrap();
                }
            }
        }
        let view = &mut views[speaker];
        if view.equivocation(sender).is_some() {
            continue;
        }
        let header = Header {
            sender,
            sequence_number: view.next_sequence_number(sender),
            justification: view.justification(),
            estimate: Integer(made.len() as i64),
        };
        let message = Message::new(header).unwrap();
        view.insert(message.clone()).unwrap();
        made.push(message);
    }
    made
}

struct Flood<'a> {
    real: &'a [Message<Integer>],
    /// What hostile validators sent so far.
    sent: Vec<Message<Integer>>,
    /// The kinds of messages that the hostile ones send this time: the strategy.
    kinds: Vec<usize>,
    value: i64,
}

impl Flood<'_> {
    fn never(&mut self) -> MessageHash {
        self.value += 1;
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&self.value.to_le_bytes());
        MessageHash::from_bytes(bytes)
    }

    /// The next hostile message.
    fn next(&mut self, draws: &mut Draws) -> Message<Integer> {
        let sender = draws.below(HOSTILE as usize) as u32;
        let other = (sender + 1 + draws.below(VALIDATORS as usize - 1) as u32) % VALIDATORS;
        self.value += 1;
        let value = -self.value;
        let message = match self.kinds[draws.below(self.kinds.len())] {
            0 => message(sender, 0, [(other, self.never())], value),
            // A fork.
            1 => message(sender, 0, [], value),
            // Invalid.
            2 => message(sender, 5, [], value),
            // Wants as much as it can of what was said, and something that does not exist.
            3 | 4 => {
                let mut cited = BTreeMap::from([(other, self.never())]);
                for _ in 0..5 {
                    let real = &self.real[draws.below(self.real.len())];
                    cited.insert(real.sender().get(), real.hash());
                }
                cited.insert(other, self.never());
                message(sender, 0, cited, value)
            }
            // Wants a single one, and nothing else.
            5 => {
                let real = &self.real[draws.below(self.real.len())];
                message(sender, 0, [(real.sender().get(), real.hash())], value)
            }
            // Wants what another sent.
            _ if !self.sent.is_empty() => {
                let recent = self.sent.len().min(20);
                let wanted = &self.sent[self.sent.len() - 1 - draws.below(recent)];
                let cited = [(wanted.sender().get(), wanted.hash()), (other, self.never())];
                message(sender, 1, cited, value)
            }
            _ => message(sender, 0, [(other, self.never())], value),
        };
        self.sent.push(message.clone());
        // Now and then one that was sent before.
        if draws.chance(10) { self.sent[draws.below(self.sent.len())].clone() } else { message }
    }
}

/// All honest messages are justified within [`BOUND`] rounds. In a round what was said is
/// said again, in the worst order: each message if the view asks for it when its turn comes, and
/// each honest message that is not justified. The flood goes on between any two of them.
fn assert_gets_in(limits: Limits, floods: usize, count: usize, draws: &mut Draws) {
    let real = conversation(count, draws);
    let kinds = (0..1 + draws.below(8)).map(|_| draws.below(8)).collect();
    let mut flood = Flood { real: &real, sent: Vec::new(), kinds, value: 0 };
    let mut view: View<Integer> = View::with_limits(validators(), limits);
    let is_honest = |message: &Message<Integer>| message.sender().get() >= HOSTILE;
    for round in 0.. {
        let open = |message: &&Message<Integer>| {
            is_honest(message) && view.find(&message.hash()).is_none()
        };
        let open = real.iter().filter(open).count();
        if open == 0 {
            return;
        }
        assert!(round < BOUND, "{open} of {count} are not justified");
        let mut turns: Vec<_> =
            real.iter().flat_map(|message| [(message, true), (message, false)]).collect();
        for place in (1..turns.len()).rev() {
            turns.swap(place, draws.below(place + 1));
        }
        for (message, if_asked) in turns {
            for _ in 0..draws.below(floods + 1) {
                let _ = view.insert(flood.next(draws)); // Or it was invalid.
            }
            let is_asked_for = view.missing_hashes().contains(&message.hash());
            if (if_asked && is_asked_for) || (!if_asked && is_honest(message)) {
                view.insert(message.clone()).unwrap();
            }
            assert!(view.pending_bytes() <= limits.pending.max(VALIDATORS as usize * GREATEST));
            for validator in (0..VALIDATORS).map(ValidatorId::new) {
                let bytes = view.pending_bytes_of(validator);
                assert!(bytes <= limits.pending_per_validator.max(GREATEST));
            }
        }
    }
}

/// More than one pending message takes here.
const GREATEST: usize = 6000;

/// Far more than was ever seen.
const BOUND: usize = 60;

fn limits(pending_per_validator: usize, pending: usize) -> Limits {
    Limits { pending_per_validator, pending, unwanted_per_validator: 40 << 10, batch: 3 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_somebody_honest_built_on_gets_in_with_one_message_pending_each(
        draws in prop::collection::vec(any::<u32>(), 20..400), floods in 0..20usize,
    ) {
        assert_gets_in(limits(0, 0), floods, 30, &mut Draws { draws, next: 0 });
    }

    #[test]
    fn what_somebody_honest_built_on_gets_in_with_a_few_messages_pending_each(
        draws in prop::collection::vec(any::<u32>(), 20..400), floods in 0..20usize,
    ) {
        assert_gets_in(limits(4 << 10, 12 << 10), floods, 30, &mut Draws { draws, next: 0 });
    }

    #[test]
    fn what_somebody_honest_built_on_gets_in_soon_where_there_is_room_for_it(
        draws in prop::collection::vec(any::<u32>(), 20..400), floods in 0..20usize,
    ) {
        let room = 30 * GREATEST;
        assert_gets_in(limits(room, 6 * room), floods, 30, &mut Draws { draws, next: 0 });
    }
}
