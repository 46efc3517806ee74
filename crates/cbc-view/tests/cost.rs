//! No message costs time in proportion to what is pending: beside 64 times as much, not much more.
//!
//! Each case takes the least of some runs, and allows for what caches do to greater tables. What
//! these cases cost before was 64 times as much, or more.

#![allow(clippy::unwrap_used, clippy::disallowed_types, reason = "tests")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use cbc_message::{
    Citation, Header, Integer, Justification, Message, MessageHash, ValidatorId, ValidatorSet,
    Weight,
};
use cbc_view::{Limits, Status, View};

const FEW: u64 = 1_000;
const MANY: u64 = 64_000;
const NEVER: MessageHash = MessageHash::from_bytes([7; 32]);

fn message(sender: u32, number: u64, cited: &[(u32, MessageHash)], value: i64) -> Message<Integer> {
    let cite = |&(validator, hash)| (ValidatorId::new(validator), Citation::Latest(hash));
    Message::new(Header {
        sender: ValidatorId::new(sender),
        sequence_number: number,
        justification: Justification::new(cited.iter().map(cite).collect()).unwrap(),
        estimate: Integer(value),
    })
    .unwrap()
}

fn view() -> View<Integer> {
    let limits = Limits { unwanted_per_validator: 1000, ..Limits::NONE };
    let validators = ValidatorSet::new([1, 1, 1].map(Weight::new)).unwrap();
    View::with_limits(Arc::new(validators), limits)
}

/// `count` pending messages of `sender`, each waiting for the one before, the first for `root`.
fn chain(view: &mut View<Integer>, sender: u32, root: MessageHash, count: u64) {
    let mut tip = root;
    for number in 1..=count {
        let message = message(sender, number, &[(sender, tip)], 0);
        tip = message.hash();
        view.insert(message).unwrap();
    }
}

/// The time that `work` takes for one of as many as it says, in a view that `prepare` has filled.
fn least(
    runs: u32,
    prepare: impl Fn(&mut View<Integer>),
    work: impl Fn(&mut View<Integer>) -> u32,
) -> Duration {
    let run = |_| {
        let mut view = view();
        prepare(&mut view);
        let start = Instant::now();
        let count = work(&mut view);
        start.elapsed() / count
    };
    (0..runs).map(run).min().unwrap()
}

fn assert_flat(what: &str, least: impl Fn(u64) -> Duration) {
    let (few, many) = (least(FEW), least(MANY));
    println!("{what}: {few:?} beside {FEW}, {many:?} beside {MANY}");
    let slack = Duration::from_micros(2); // Of clocks.
    assert!(many < 10 * few + slack, "{what}: {few:?} beside {FEW}, {many:?} beside {MANY}");
}

#[test]
fn a_refused_message_of_an_equivocator_that_much_of_its_own_waits_for() {
    let root = message(0, 0, &[], 1000);
    assert_flat("a refused message", |count| {
        let prepare = |view: &mut View<Integer>| {
            for value in 0..20 {
                view.insert(message(0, 0, &[], value)).unwrap();
            }
            chain(view, 0, root.hash(), count);
        };
        least(5, prepare, |view| {
            for _ in 0..100 {
                let status = view.insert(root.clone()).unwrap().status;
                assert!(matches!(status, Status::Unjudged(_)));
            }
            100
        })
    });
}

#[test]
fn a_released_message() {
    let root = message(0, 0, &[], 1000);
    assert_flat("a released message", |count| {
        let prepare = |view: &mut View<Integer>| chain(view, 0, root.hash(), count);
        least(5, prepare, |view| {
            let receipt = view.insert(root.clone()).unwrap();
            assert_eq!(receipt.justified.len() as u64, count + 1);
            count as u32
        })
    });
}

#[test]
fn an_invalid_message_with_a_dependent_that_waits_for_what_much_waits_for() {
    assert_flat("an invalid message", |count| {
        let invalid = |value| message(1, 5, &[], value);
        let prepare = |view: &mut View<Integer>| {
            for value in 0..count {
                view.insert(message(0, 0, &[(2, NEVER)], value as i64)).unwrap();
            }
            for value in 0..100 {
                let cited = [(1, invalid(value).hash()), (2, NEVER)];
                view.insert(message(0, 0, &cited, -1 - value)).unwrap();
            }
        };
        least(5, prepare, |view| {
            for value in 0..100 {
                assert_eq!(view.insert(invalid(value)).unwrap_err().dropped.len(), 1);
            }
            100
        })
    });
}

#[test]
fn a_message_that_is_dropped_with_what_it_waits_for() {
    let root = message(0, 7, &[], 0);
    assert_flat("a dropped message", |count| {
        let prepare = |view: &mut View<Integer>| chain(view, 0, root.hash(), count);
        least(5, prepare, |view| {
            let dropped = view.insert(root.clone()).unwrap_err().dropped;
            assert_eq!(dropped.len() as u64, count);
            count as u32
        })
    });
}

#[test]
fn a_message_that_makes_room() {
    assert_flat("a message that makes room", |count| {
        let fill = |view: &mut View<Integer>, from: u64, count: u64| {
            for value in from..from + count {
                view.insert(message(0, 0, &[(1, NEVER)], value as i64)).unwrap();
            }
        };
        least(
            5,
            |view| {
                fill(view, 0, count);
                let each = view.pending_bytes() / count as usize;
                let pending_per_validator = each * count as usize;
                let limits = Limits { pending_per_validator, ..Limits::NONE };
                *view = View::with_limits(Arc::clone(view.validators()), limits);
                fill(view, 0, count);
            },
            |view| {
                fill(view, count, 100);
                assert_eq!(view.pending_count() as u64, count);
                100
            },
        )
    });
}

#[test]
fn no_call_releases_more_than_a_batch() {
    let limits = Limits { batch: 10, ..Limits::NONE };
    let mut view = View::with_limits(Arc::clone(view().validators()), limits);
    let root = message(0, 0, &[], 0);
    chain(&mut view, 0, root.hash(), 95);
    let mut receipt = view.insert(root).unwrap();
    assert_eq!(receipt.justified.len(), 1 + 10);
    let mut calls = 0;
    while receipt.more {
        receipt = view.release_more(&mut cbc_view::AdmitAll);
        assert!(receipt.justified.len() <= 10);
        calls += 1;
    }
    assert_eq!((calls, view.justified_count(), view.pending_count()), (9, 96, 0));
}
