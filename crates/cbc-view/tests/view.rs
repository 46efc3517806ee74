//! What a view says of what it holds.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use cbc_message::{
    Bit, Citation, EquivocationProof, Header, Justification, Message, MessageHash, ValidatorId,
    ValidatorSet, Weight,
};
use cbc_testkit::Dag;
use cbc_view::{Ahead, Limits, MessageIndex, Status, View};

fn with_limits(limits: Limits) -> View<Bit> {
    View::with_limits(Arc::new(ValidatorSet::new(vec![Weight::new(1); 4]).unwrap()), limits)
}

fn view(text: &str) -> View<Bit> {
    let mut view = with_limits(Limits::NONE);
    for message in Dag::<Bit>::parse(text).messages() {
        view.insert(message.clone()).unwrap();
    }
    view
}

fn id(validator: u32) -> ValidatorId {
    ValidatorId::new(validator)
}

fn at(index: u32) -> MessageIndex {
    MessageIndex::new(index)
}

/// A hash of nothing.
fn never(byte: u8) -> MessageHash {
    MessageHash::from_bytes([byte; 32])
}

/// A first message of validator 0 that cites these.
fn citing(citations: &[(u32, Citation)]) -> Message<Bit> {
    let citations = citations.iter().map(|&(validator, citation)| (id(validator), citation));
    Message::new(Header {
        sender: id(0),
        sequence_number: 0,
        justification: Justification::new(citations.collect()).unwrap(),
        estimate: Bit::One,
    })
    .unwrap()
}

#[test]
fn the_limits_are_those_it_was_given() {
    let limits = Limits { pending: 17, batch: 3, ..Limits::NONE };
    assert_eq!(with_limits(limits).limits(), limits);
}

#[test]
fn one_message_precedes_another_in_one_chain_of_self_citations_alone() {
    let view = view("a 0 1; b 0 1 a; c 0 1 b; d 1 1; e 1 1 d; x 0 0 a; y 0 0 x");
    let precedes = |one, other| view.is_predecessor_or_same(at(one), at(other));
    for (one, other) in [(0, 0), (0, 1), (0, 2), (1, 2), (3, 4), (0, 5), (0, 6), (5, 6), (6, 6)] {
        assert!(precedes(one, other), "{one} {other}");
        assert!(one == other || !precedes(other, one), "{other} {one}");
    }
    // Of other senders, or of another fork.
    for (one, other) in [(0, 3), (0, 4), (3, 0), (3, 1), (1, 5), (5, 1), (1, 6), (5, 2)] {
        assert!(!precedes(one, other), "{one} {other}");
    }
}

#[test]
fn it_is_pruned_once_it_was() {
    let mut view = view("a 0 1; b 0 1 a; c 0 1 b; d 0 1 c");
    assert!(!view.is_pruned());
    // What is still cited stays.
    assert_eq!(view.prune(|message| message < at(3), |_| {}).dropped(), 2);
    assert!(view.is_pruned());
}

#[test]
fn a_receipt_has_no_justified_message_or_each_that_is_newly_so() {
    let dag = Dag::<Bit>::parse("a 0 1; b 1 1 a; c 2 1 a b");
    let mut view = with_limits(Limits::NONE);
    for (name, count) in [("c", 0), ("b", 0), ("a", 3), ("a", 0)] {
        let receipt = view.insert(dag[name].clone()).unwrap();
        assert!(!receipt.more, "{name}");
        let justified = receipt.justified;
        assert_eq!((justified.len(), justified.is_empty()), (count, count == 0), "{name}");
        assert_eq!(justified.iter().count(), count);
    }
}

#[test]
fn what_is_pending_takes_no_more_than_the_formula_says_and_not_much_less() {
    let latest = |validator, byte| (validator, Citation::Latest(never(byte)));
    let proof = (2, Citation::Equivocation(EquivocationProof::new(never(8), never(9)).unwrap()));
    let takes = |citations: &[(u32, Citation)]| {
        let mut view = with_limits(Limits::NONE);
        let message = citing(citations);
        view.insert(message.clone()).unwrap();
        let held = view.pending_bytes();
        // Its sender pays for it, nobody else does.
        assert_eq!([0, 1, 9].map(|payer| view.pending_bytes_of(id(payer))), [held, 0, 0]);
        // That of `Limits`.
        let waits = message.justification().hashes().count();
        let most = 560 + 2 * size_of::<Bit>() + message.encoded_len() + 166 * waits;
        assert!(held <= most && held > most - most / 4, "{held} of {most}");
        held - message.encoded_len()
    };
    let one = takes(&[latest(1, 1)]);
    let two = takes(&[latest(1, 1), latest(2, 2)]);
    let three = takes(&[latest(1, 1), latest(2, 2), latest(3, 3)]);
    // Each hash takes as much as the one before, but for what is rounded.
    assert!((three - two).abs_diff(two - one) <= 1, "{one} {two} {three}");
    // A proof takes as much as two hashes.
    assert_eq!(takes(&[proof]), two);
}

#[test]
fn an_equivocator_s_messages_take_what_its_limit_allows_to_the_byte() {
    let dag =
        Dag::<Bit>::parse("a 1 1; aa 1 1 a; b 2 1; bb 2 1 b; v 0 1 a; w 0 1 aa; x 0 1 b; y 0 1 bb");
    // V = 4, and an estimate of one byte.
    let bytes = 256 + size_of::<Bit>() + 9 * 4 + dag["x"].encoded_len();
    for (allowed, kept) in [(2 * bytes, 2), (2 * bytes - 1, 1), (bytes - 1, 0)] {
        let mut view = with_limits(Limits { unwanted_per_validator: allowed, ..Limits::NONE });
        let mut count = 0;
        for name in ["a", "aa", "b", "bb", "v", "w", "x", "y"] {
            let status = view.insert(dag[name].clone()).unwrap().status;
            count += usize::from(status == Status::Justified);
        }
        // The two that prove it are not counted.
        assert_eq!(count, 4 + 2 + kept, "{allowed}");
    }
}

#[test]
fn ahead_of_a_validator_is_what_it_has_pending_and_whatever_is_missing() {
    let dag = Dag::<Bit>::parse("a 0 1; b 0 1 a; s 2 1; t 3 1; c 1 1 a s; d 2 1 b s t; bb 0 1 b c");
    let mut view = with_limits(Limits::NONE);
    for name in ["a", "c", "d"] {
        view.insert(dag[name].clone()).unwrap();
    }
    // c waits for s, and d for b and t, too: any may have another message of 0 in its past.
    let ahead = view.ahead_of(id(0));
    assert!(ahead.pending.is_empty());
    let missing = ["b", "s", "t"].map(|name| dag[name].hash());
    assert_eq!(ahead.missing, missing.into_iter().collect());
    for name in ["bb", "s", "t"] {
        view.insert(dag[name].clone()).unwrap();
    }
    let ahead = view.ahead_of(id(0));
    assert_eq!(ahead.pending, [dag["bb"].hash()]);
    assert_eq!(ahead.missing, [dag["b"].hash()].into_iter().collect());
    view.insert(dag["b"].clone()).unwrap();
    assert_eq!(view.ahead_of(id(0)), Ahead::default());
}

#[test]
fn who_cites_what_others_imply_is_told_what() {
    let dag = Dag::<Bit>::parse("a 0 1; b 1 1 a; c 2 1 b +a");
    let mut view = with_limits(Limits::NONE);
    let (last, before) = dag.messages().split_last().unwrap();
    before.iter().for_each(|message| drop(view.insert(message.clone()).unwrap()));
    let reason = view.insert(last.clone()).unwrap_err().reason;
    let a = dag["a"].hash();
    assert_eq!(
        reason.to_string(),
        format!(
            "V4: cites message {a:.16} of validator 0, which the other citations imply: \
             expected only what they do not"
        )
    );
}
