//! The structural rules V1–V4 and V8, one breach each, and what a breach leaves behind.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use cbc_message::{Bit, Citation, ValidatorId, ValidatorSet, Weight};
use cbc_testkit::Dag;
use cbc_view::{HashedDag, Invalid, MessageDag, MessageIndex, Reason, Seen, Status, View};

fn view(validators: usize) -> View<Bit> {
    View::new(Arc::new(ValidatorSet::new(vec![Weight::new(1); validators]).unwrap()))
}

/// A view of three validators that has received all but the last message, and what it says of that.
fn reject(dag: &Dag<Bit>) -> Invalid {
    let mut view = view(3);
    let (last, before) = dag.messages().split_last().unwrap();
    for message in before {
        assert_eq!(view.insert(message.clone()).unwrap().status, Status::Justified);
    }
    let rejection = view.insert(last.clone()).unwrap_err();
    assert_eq!(rejection.hash, last.hash());
    assert_eq!(view.message_count(), before.len());
    assert_eq!(view.pending_count(), 0);
    match rejection.reason {
        Reason::Invalid(invalid) => invalid,
        Reason::Refused(never) => match never {},
    }
}

fn id(validator: u32) -> ValidatorId {
    ValidatorId::new(validator)
}

#[test]
fn v1_a_stranger_is_refused() {
    let invalid = reject(&Dag::parse("a 3 1"));
    assert_eq!(invalid, Invalid::UnknownSender { sender: id(3), validators: 3 });
}

#[test]
fn v2_a_citation_for_a_stranger_is_refused_at_once() {
    let dag = Dag::parse("s 7 1; a 0 1 s");
    let error = view(3).insert(dag["a"].clone()).unwrap_err();
    let expected = Invalid::UnknownValidatorCited { validator: id(7), validators: 3 };
    assert_eq!(error.reason, Reason::Invalid(expected));
}

#[test]
fn v2_a_message_cited_for_somebody_else_is_refused() {
    let dag = Dag::parse("a 0 1; b 1 1 v2:a");
    let cited = dag["a"].hash();
    assert_eq!(reject(&dag), Invalid::WrongSenderCited { cited, validator: id(2), sender: id(0) });
}

#[test]
fn v3_a_later_message_without_its_predecessor_is_refused() {
    let expected =
        Invalid::SelfCitation { sender: id(0), sequence_number: 1, self_citation: false };
    assert_eq!(reject(&Dag::parse("a 0 1; b@1 0 1")), expected);
}

#[test]
fn v3_a_first_message_with_a_predecessor_is_refused() {
    let expected = Invalid::SelfCitation { sender: id(0), sequence_number: 0, self_citation: true };
    assert_eq!(reject(&Dag::parse("a 0 1; b@0 0 1 a")), expected);
}

#[test]
fn v3_a_sequence_number_that_does_not_follow_is_refused() {
    for (number, text) in
        [(2, "a 0 1; b@2 0 1 a"), (u64::MAX, "a 0 1; b@18446744073709551615 0 1 a")]
    {
        let dag = Dag::parse(text);
        let predecessor = dag["a"].hash();
        let expected =
            Invalid::SequenceNumber { sender: id(0), predecessor, expected: 1, found: number };
        assert_eq!(reject(&dag), expected);
    }
}

#[test]
fn v3_an_admission_of_ones_own_equivocation_is_refused() {
    let dag = Dag::parse("x 0 1; y 0 0; c 0 1 !x,y");
    assert_eq!(reject(&dag), Invalid::OwnEquivocation { sender: id(0) });
}

/// The message that is cited and need not be, and for whom.
fn said_twice(text: &str) -> (String, u32) {
    let dag = Dag::parse(text);
    match reject(&dag) {
        Invalid::SaidTwice { cited, validator } => (dag.name(cited).to_owned(), validator.get()),
        other => panic!("{other}"),
    }
}

/// Every message is valid.
fn accept(text: &str) -> View<Bit> {
    let mut view = view(3);
    for message in Dag::parse(text).messages() {
        view.insert(message.clone()).unwrap();
    }
    view
}

#[test]
fn v4_what_a_cited_message_has_in_its_past_is_not_cited_beside_it() {
    assert_eq!(said_twice("a 0 1; b 1 1 a; c 2 1 b +a"), ("a".to_owned(), 0));
    // Nor what that had heard of through others.
    assert_eq!(said_twice("a 0 1; b 1 1 a; c 2 1 b; bb 1 0 b c; aa 0 1 a bb +c").0, "c");
    assert_eq!(said_twice("a 0 1; aa 0 1 a; b 1 1 aa; c 2 1 +a b").0, "a");
    // Nor one's own message before.
    assert_eq!(said_twice("a 0 1; b 1 1 a; aa 0 1 b +a").0, "a");
}

#[test]
fn v4_who_cites_a_message_has_seen_what_it_had_seen() {
    let view = accept("a 0 1; b 1 1 a; c 2 1 b; bb 1 1 b c");
    let [a, b, c] = [0, 1, 2].map(MessageIndex::new);
    let seen: Vec<_> = view.citations(MessageIndex::new(3)).latest_messages().collect();
    assert_eq!(seen, [(id(0), a), (id(1), b), (id(2), c)]);
}

#[test]
fn v4_two_forks_that_are_cited_prove_the_equivocation() {
    for cited in ["b c", "b y", "b !x,y"] {
        let view = accept(&format!("x 0 1; y 0 0; b 1 1 x; c 2 1 y; d 1 1 {cited}"));
        assert_eq!(view.seen(MessageIndex::new(4), id(0)), Seen::Equivocation);
    }
    // Of a proof, too, nothing is cited that others imply.
    assert_eq!(said_twice("x 0 1; y 0 0; b 1 1 x; c 2 1 b +!x,y").0, "x");
    // And nothing of whom others prove to have equivocated.
    let known = "x 0 1; y 0 0; b 1 1 !x,y; xx 0 1 x;";
    assert_eq!(said_twice(&format!("{known} c 2 1 b +xx")), ("xx".to_owned(), 0));
    assert_eq!(said_twice("x 0 1; y 0 0; b 1 1 x; c 2 1 y; cc 2 1 b c +x").0, "x");
}

#[test]
fn v4_a_message_of_another_fork_is_not_a_later_one() {
    // b saw x; c cites b, and the longer fork y, yy: later by number, but not in x's chain.
    let view = accept("x 0 1; y 0 0; yy 0 0 y; b 1 1 x; c 2 1 b yy");
    assert_eq!(view.seen(MessageIndex::new(4), id(0)), Seen::Equivocation);
    assert_eq!(view.seen(MessageIndex::new(3), id(0)), Seen::Latest(MessageIndex::new(0)));
}

#[test]
fn v4_a_proof_also_tells_what_its_messages_had_seen() {
    let view = accept("a 1 1; x 0 1 a; y 0 0; c 2 1 !x,y");
    assert_eq!(view.seen(MessageIndex::new(3), id(1)), Seen::Latest(MessageIndex::new(0)));
}

#[test]
fn v8_a_proof_of_two_sequence_numbers_is_none() {
    let dag = Dag::parse("a 0 1; aa 0 1 a; b 1 1 !a,aa");
    let Invalid::NotAnEquivocation { validator, sequence_numbers, .. } = reject(&dag) else {
        panic!("expected V8");
    };
    assert_eq!(validator, id(0));
    assert_eq!(sequence_numbers.0 + sequence_numbers.1, 1);
}

#[test]
fn an_equivocation_is_kept_as_both_messages_and_its_maker_no_longer_counts() {
    let dag = Dag::<Bit>::parse("a 1 1; x 0 1 a; y 0 0 a; z 0 0; xx 0 1 x a");
    let mut view = view(3);
    for message in dag.messages() {
        view.insert(message.clone()).unwrap();
    }
    let proof = view.equivocation(id(0)).unwrap();
    assert_eq!(view.hash(proof.messages.0), dag["x"].hash());
    assert_eq!(view.hash(proof.messages.1), dag["y"].hash());
    assert_eq!(view.equivocations().count(), 1);
    assert_eq!(view.observed_fault_weight(), Weight::new(1));
    // The greatest sequence number is the latest message, of an equivocator too.
    let latest = view.latest_message(id(0)).unwrap();
    assert_eq!(view.hash(latest), dag["xx"].hash());
    assert_eq!(view.latest_honest_message(id(0)), None);
    assert!(view.latest_honest_messages().map(|(validator, _)| validator).eq([id(1)]));
    // And the view's own justification carries the proof.
    let cited = view.justification();
    assert!(matches!(cited.get(id(0)), Some(Citation::Equivocation(_))));
}

#[test]
fn what_waits_for_an_invalid_message_is_reported_and_dropped_and_nothing_else() {
    let dag = Dag::<Bit>::parse(
        "a 0 1
         bad@5 1 1 a
         c 2 1 a bad
         d 0 1 a c bad
         other 1 1 a
         e 2 1 a other",
    );
    let mut view = view(3);
    for name in ["d", "c", "e", "bad"] {
        let receipt = view.insert(dag[name].clone()).unwrap();
        assert!(matches!(receipt.status, Status::Pending { .. }));
    }
    let receipt = view.insert(dag["a"].clone()).unwrap();
    assert_eq!(receipt.status, Status::Justified);
    assert_eq!(receipt.justified.len(), 1);
    let [rejection] = &receipt.rejected[..] else { panic!("one is invalid") };
    assert_eq!(rejection.hash, dag["bad"].hash());
    let mut dropped: Vec<&str> = rejection.dropped.iter().map(|&hash| dag.name(hash)).collect();
    dropped.sort_unstable();
    assert_eq!(dropped, ["c", "d"]);
    assert!(view.pending_messages().map(|message| message.hash()).eq([dag["e"].hash()]));
    assert!(view.missing_hashes().into_iter().eq([dag["other"].hash()]));
    // The view goes on as if it had never seen them.
    let receipt = view.insert(dag["other"].clone()).unwrap();
    assert_eq!(receipt.justified.len(), 2);
    assert_eq!(view.pending_count(), 0);
}
