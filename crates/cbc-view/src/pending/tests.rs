//! Pending messages under anything that can happen to them: nothing leaks, all sums are right.

use cbc_message::{Citation, Header, Integer, Justification};
use proptest::prelude::*;

use super::*;

const VALIDATORS: u32 = 4;

fn message(sender: u32, value: i64, cited: &[MessageHash]) -> Message<Integer> {
    let cite = |(validator, &hash)| (ValidatorId::new(validator), Citation::Latest(hash));
    let cited = Justification::from_ascending((0..).zip(cited).map(cite).collect()).unwrap();
    Message::new(Header {
        sender: ValidatorId::new(sender),
        sequence_number: 0,
        justification: cited,
        estimate: Integer(value),
    })
    .unwrap()
}

/// A hash of nothing pending.
fn never(byte: u8) -> MessageHash {
    MessageHash::from_bytes([byte; 32])
}

fn assert_consistent(pending: &Pending<Integer>) {
    assert_eq!(pending.items.len(), pending.places.len() + pending.vacant.len(), "places leak");
    let mut used = 0;
    let mut bytes = [0; VALIDATORS as usize];
    for message in pending.iter() {
        let place = pending.find(&message.hash()).unwrap();
        let waiting = pending.waiting_at(place).unwrap();
        bytes[waiting.charge.payer.index()] += waiting.charge.bytes;
        let items: Vec<_> = pending.cited(place).collect();
        let missing = pending.missing[place as usize];
        assert_eq!(items.len(), missing as usize);
        assert_eq!(missing == 0, pending.ready.iter().any(|it| it.1 == Ready::Pending(place)));
        used += items.len();
        for (edge, item) in items {
            let cited = &pending.items[item as usize];
            assert_eq!(pending.find(&cited.hash), Some(item));
            assert_eq!(pending.waits.dependent(edge), Some(place));
            assert!(pending.waits.dependents(cited.dependents).any(|other| other == place));
            if let Some(waiting_too) = &cited.waiting
                && pending.accounts.counts(waiting.charge.payer)
                && pending.missing[item as usize] > 0
            {
                assert!(
                    pending.accounts.counts(waiting_too.charge.payer),
                    "wanted, and does not count"
                );
            }
        }
    }
    let hashes = pending.items.iter().filter(|item| !item.dependents.is_empty());
    let dependents = hashes.map(|item| pending.waits.dependents(item.dependents).count());
    assert_eq!(dependents.sum::<usize>(), used, "edges leak");
    for (validator, bytes) in (0..).map(ValidatorId::new).zip(bytes) {
        assert_eq!(pending.bytes_of(validator), bytes);
    }
    assert_eq!(pending.bytes(), bytes.iter().sum::<usize>());
    assert_eq!(pending.iter().count(), pending.len());
    if pending.len() == 0 {
        assert!(pending.places.is_empty());
        assert_eq!(pending.waits.chunks_in_use(), 0, "queues leak");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Add(u32, Vec<usize>),
    Release(usize),
    TakeOut,
    Drop(usize),
    Discount(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let cited = prop::collection::vec(0..60usize, 1..4);
    prop_oneof![
        12 => (0..VALIDATORS, cited).prop_map(|(sender, cited)| Step::Add(sender, cited)),
        4 => (0..60usize).prop_map(Step::Release),
        4 => Just(Step::TakeOut),
        2 => (0..60usize).prop_map(Step::Drop),
        1 => (0..VALIDATORS).prop_map(Step::Discount),
    ]
}

#[test]
fn a_message_costs_no_more_than_the_formula_says() {
    for waits in [1, 100] {
        let message = message(0, 0, &[never(0); 100]);
        let formula = 580 + 2 * size_of::<Integer>() + message.encoded_len() + 190 * waits;
        let bytes = bytes_held(&message, waits);
        assert!(bytes <= formula && bytes * 10 > formula * 9, "{bytes}, by the formula {formula}");
    }
}

/// What the documentation of the default limits says that they are worth.
#[test]
fn the_default_limits_have_room_for_what_they_say() {
    let room = |validators: usize, waits: usize| {
        let message = message(0, 0, &vec![never(0); validators]);
        Limits::default().pending_per_validator / bytes_held(&message, waits)
    };
    let [few, many, most] = [(10, 1), (1000, 1), (1000, 1000)].map(|(v, w)| room(v, w));
    assert!((8000..8050).contains(&few) && (225..230).contains(&many), "{few}, {many}");
    assert_eq!(most, 37);
    let each = bytes_held(&message(0, 0, &vec![never(0); 1000]), 1000);
    assert_eq!(Limits::default().pending / 1000 / each, 2);
}

proptest! {
    #[test]
    fn nothing_leaks_and_what_counts_wants_what_it_waits_for(
        steps in prop::collection::vec(step(), 1..120),
        (each, all) in (500..9000usize, 500..30_000usize),
    ) {
        let limits = Limits { pending_per_validator: each, pending: all, ..Limits::NONE };
        let mut pending: Pending<Integer> = Pending::new();
        // Hashes that can be cited: of nothing, and of messages to come.
        let mut known: Vec<MessageHash> = (0..10).map(never).collect();
        for (value, step) in (0..).zip(steps) {
            let hash = |index: usize| known[index % known.len()];
            match step {
                Step::Add(sender, cited) => {
                    let cited: Vec<_> = cited.into_iter().map(hash).collect();
                    let message = message(sender, value, &cited);
                    let hash = message.hash();
                    // A message that was announced before it came.
                    if value % 3 == 0 {
                        let wants = self::message((sender + 1) % VALIDATORS, -value, &[hash]);
                        pending.add(wants, &mut vec![hash], &limits);
                    }
                    let mut missing = cited.clone();
                    let evicted = pending.add(message, &mut missing, &limits);
                    let is_kept = evicted.iter().all(|(other, _)| *other != hash);
                    prop_assert_eq!(pending.contains(&hash), is_kept);
                    if is_kept {
                        for cited in cited {
                            prop_assert_eq!(missing.contains(&cited), !pending.contains(&cited));
                        }
                    }
                    known.push(hash);
                }
                // Only what is not pending becomes justified.
                Step::Release(index) if !pending.contains(&hash(index)) => {
                    let hash = hash(index);
                    pending.release(&hash, Vec::new());
                }
                Step::TakeOut => {
                    if let Some(Released::Pending(message, _)) = pending.next_ready() {
                        prop_assert!(!pending.contains(&message.hash()));
                    }
                }
                Step::Drop(index) if !pending.contains(&hash(index)) => {
                    let hash = hash(index);
                    for dropped in pending.drop_dependents(hash) {
                        prop_assert!(!pending.contains(&dropped));
                    }
                    prop_assert_eq!(pending.dependents(&hash).count(), 0);
                }
                Step::Discount(validator) => {
                    pending.discount(ValidatorId::new(validator), &limits);
                }
                Step::Release(_) | Step::Drop(_) => {}
            }
            assert_consistent(&pending);
        }
    }
}
