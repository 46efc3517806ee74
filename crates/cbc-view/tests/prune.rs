//! A view that drops what is old judges what is new as one that keeps everything.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::Arc;

use cbc_message::{Bit, Header, Message, MessageHash, ValidatorId, ValidatorSet, Weight};
use cbc_view::{HashedDag, MessageDag, MessageIndex, Status, Unjudged, View};
use proptest::prelude::*;

const VALIDATORS: u32 = 18;

fn view() -> View<Bit> {
    let weights = (1..=u64::from(VALIDATORS)).map(Weight::new);
    View::new(Arc::new(ValidatorSet::new(weights).unwrap()))
}

/// Honest messages, and now and then a fork: a message made from what its maker had seen one
/// message earlier.
fn messages(draws: &[u32]) -> Vec<Message<Bit>> {
    let mut draws = draws.iter().copied().cycle();
    let mut draw = |below: usize| draws.next().map_or(0, |draw| draw as usize % below);
    let honest = cbc_testkit::random_execution(VALIDATORS, 150, &mut draw, |_, _| Bit::One);
    let mut messages = Vec::new();
    for (place, message) in honest.into_iter().enumerate() {
        if place % 50 == 40 {
            let estimate = Bit::Zero;
            messages.push(Message::new(Header { estimate, ..message.header().clone() }).unwrap());
        }
        messages.push(message);
    }
    messages
}

/// The messages of `view` that are held as they were sent.
fn whole(view: &View<Bit>) -> BTreeSet<MessageHash> {
    view.justified_messages().filter_map(|message| Some(view.message(message)?.hash())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_left_is_as_it_was_and_what_is_new_is_judged_as_before(
        draws in prop::collection::vec(any::<u32>(), 1..300),
        prune_at in prop::collection::vec((20..150usize, 10..100usize), 1..5),
    ) {
        let (mut pruned, mut twin) = (view(), view());
        let mut archive: Vec<Message<Bit>> = Vec::new();
        for (place, message) in messages(&draws).into_iter().enumerate() {
            for &(_, keep) in prune_at.iter().filter(|&&(at, _)| at == place) {
                let before = whole(&pruned);
                let newest = pruned.message_count();
                let drops = |message: MessageIndex| message.index() + keep < newest;
                let archived = archive.len();
                let report = pruned.prune(&mut [], drops, |message| archive.push(message));
                prop_assert_eq!(report.dropped(), archive.len() - archived);
                // What is left, and what was handed out, is all there was, each as it was sent.
                let gone = archive[archived..].iter().map(Message::hash).collect();
                prop_assert!(whole(&pruned).is_disjoint(&gone));
                prop_assert_eq!(&before, &whole(&pruned).union(&gone).copied().collect());
                prop_assert!(pruned.message_count() <= newest);
            }
            let expected = twin.insert(message.clone());
            match pruned.insert(message.clone()) {
                Ok(receipt) => {
                    // Waits for what was dropped, or cannot be judged without it: never taken for
                    // anything else.
                    if matches!(
                        receipt.status,
                        Status::Pending { .. } | Status::Unjudged(Unjudged::BelowHorizon { .. })
                    ) {
                        break;
                    }
                    let expected = expected.unwrap();
                    prop_assert_eq!(receipt.status, expected.status);
                    prop_assert_eq!(receipt.equivocations.len(), expected.equivocations.len());
                }
                Err(rejection) => {
                    prop_assert_eq!(Some(rejection.reason), expected.err().map(|e| e.reason));
                }
            }
            for validator in (0..VALIDATORS).map(ValidatorId::new) {
                let latest = |view: &View<Bit>| {
                    view.latest_message(validator).map(|latest| view.hash(latest))
                };
                prop_assert_eq!(latest(&pruned), latest(&twin));
                prop_assert_eq!(pruned.is_equivocator(validator), twin.is_equivocator(validator));
            }
            for message in pruned.justified_messages() {
                let other = twin.find(&pruned.hash(message)).unwrap();
                prop_assert_eq!(pruned.sequence_number(message), twin.sequence_number(other));
                prop_assert_eq!(pruned.sender(message), twin.sender(other));
                if pruned.message(message).is_some() {
                    prop_assert_eq!(pruned.message(message), twin.message(other));
                }
            }
        }
    }
}

#[test]
fn a_message_that_was_dropped_is_not_taken_for_a_fork_nor_a_fork_for_it() {
    let mut view = view();
    let mut sent = Vec::new();
    for round in 0..40 {
        let sender = ValidatorId::new(round % 3);
        let sequence_number = view.next_sequence_number(sender);
        let justification = view.justification();
        let header = Header { sender, sequence_number, justification, estimate: Bit::One };
        let message = Message::new(header).unwrap();
        view.insert(message.clone()).unwrap();
        sent.push(message);
    }
    let pruned = view.prune(&mut [], |message| message.index() < 30, |_| {});
    assert_eq!(pruned.dropped(), 30);
    let fork = Message::new(Header { estimate: Bit::Zero, ..sent[3].header().clone() }).unwrap();
    for message in [sent[3].clone(), fork] {
        let status = view.insert(message).unwrap().status;
        assert!(matches!(status, Status::Unjudged(Unjudged::BelowHorizon { .. })));
    }
    // Of what newer messages cite a record is left, which tells the two apart.
    assert_eq!(view.insert(sent[29].clone()).unwrap().status, Status::Duplicate);
    let fork = Message::new(Header { estimate: Bit::Zero, ..sent[33].header().clone() }).unwrap();
    assert_eq!(view.insert(fork).unwrap().equivocations.len(), 1);
    assert_eq!(view.equivocations().count(), 1);
}

#[test]
fn a_long_run_is_held_in_the_memory_of_a_short_one() {
    let mut view = view();
    let mut most = 0;
    for round in 0..20_000_u32 {
        // The last validator falls silent early on.
        let sender = ValidatorId::new(if round < 100 { round % VALIDATORS } else { round % 17 });
        let sequence_number = view.next_sequence_number(sender);
        let justification = view.justification();
        let header = Header { sender, sequence_number, justification, estimate: Bit::One };
        view.insert(Message::new(header).unwrap()).unwrap();
        if view.message_count() >= 400 {
            let newest = view.message_count();
            view.prune(&mut [], |message| message.index() + 100 < newest, |_| {});
            most = most.max(view.message_count());
        }
    }
    assert!(most < 200, "{most} left");
}
