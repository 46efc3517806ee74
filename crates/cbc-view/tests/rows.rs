//! What messages cite is shared from one to the next, by the allocator: a message costs what is new
//! in it, before and after some are dropped.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use cbc_message::{Bit, Header, Justification, Message, ValidatorId, ValidatorSet, Weight};
use cbc_view::{Limits, MessageDag, View};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const VALIDATORS: u32 = 200;

/// A message of each validator in turn, who has heard all before.
fn round(view: &mut View<Bit>) {
    for sender in (0..VALIDATORS).map(ValidatorId::new) {
        let sequence_number = view.next_sequence_number(sender);
        let (justification, estimate) = (view.justification(), Bit::One);
        let header = Header { sender, sequence_number, justification, estimate };
        view.insert(Message::new(header).unwrap()).unwrap();
    }
}

/// What a message has seen is found before it is found invalid, and forgotten with it.
fn what_is_refused_leaves_nothing(view: &mut View<Bit>) {
    let invalid = |sequence_number| {
        let (sender, justification) = (ValidatorId::new(0), view.justification());
        Message::new(Header { sender, sequence_number, justification, estimate: Bit::One }).unwrap()
    };
    let invalid: Vec<_> = (2..2000).map(invalid).collect();
    assert_eq!(invalid[0].justification().len(), VALIDATORS as usize, "a row of its own");
    let before = ALLOCATOR.current_usage();
    for message in invalid.iter().cloned() {
        let reason = view.insert(message).unwrap_err().reason.to_string();
        assert!(reason.starts_with("V3"), "{reason}");
    }
    let more = ALLOCATOR.current_usage().saturating_sub(before);
    assert!(more < 20_000, "{more} bytes for {} invalid messages", invalid.len());
}

#[test]
fn a_message_costs_what_is_new_in_it_also_after_some_are_dropped() {
    let weights = (0..VALIDATORS).map(|_| Weight::new(1));
    let validators = Arc::new(ValidatorSet::new(weights).unwrap());
    let mut view = View::with_limits(validators, Limits::NONE);
    let before = ALLOCATOR.current_usage();
    // Messages of those who have heard nobody: their rows are empty, and all the same.
    let mut alone = view.clone();
    for sender in (0..VALIDATORS).map(ValidatorId::new) {
        let (justification, estimate) = (Justification::EMPTY, Bit::One);
        let header = Header { sender, sequence_number: 0, justification, estimate };
        alone.insert(Message::new(header).unwrap()).unwrap();
    }
    let empty = (ALLOCATOR.current_usage() - before) / VALIDATORS as usize;
    assert!(empty < 400, "{empty} bytes a message that cites nobody");
    what_is_refused_leaves_nothing(&mut alone);
    drop(alone);
    (0..12).for_each(|_| round(&mut view));
    let each = |view: &View<Bit>| (ALLOCATOR.current_usage() - before) / view.message_count();
    // A row of its own would be 800 bytes.
    let made = each(&view);
    assert!(made < 400, "{made} bytes a message");
    let newest = view.message_count();
    view.prune(|message| message.index() + 1000 < newest, |_| {});
    assert!((1000..1500).contains(&view.message_count()));
    let left = each(&view);
    assert!(left < 400, "{left} bytes a message that is left");
}
