//! What is below the horizon of a view that dropped it: case by case.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod with_archive;

use std::collections::BTreeSet;
use std::sync::Arc;

use cbc_message::{Bit, Citation, EquivocationProof, Header, Justification, Message, ValidatorId};
use cbc_testkit::Dag;
use cbc_view::{
    HashedDag, Limits, MemoryArchive, MessageDag, MessageIndex, SharedView, Status, Unjudged, View,
};

use with_archive::{With, view};

/// Three validators speak in turn, each having heard all before.
fn in_turn(view: &mut View<Bit>, rounds: u32) -> Vec<Message<Bit>> {
    let turn = |round| {
        let sender = ValidatorId::new(round % 3);
        let sequence_number = view.next_sequence_number(sender);
        let justification = view.justification();
        let message =
            Message::new(Header { sender, sequence_number, justification, estimate: Bit::One })
                .unwrap();
        view.insert(message.clone()).unwrap();
        message
    };
    (0..rounds).map(turn).collect()
}

/// Another message on the same justification.
fn fork(message: &Message<Bit>) -> Message<Bit> {
    Message::new(Header { estimate: Bit::Zero, ..message.header().clone() }).unwrap()
}

/// The place of a message that is held, whoever has justified it.
fn held(view: &View<Bit>, message: &Message<Bit>) -> MessageIndex {
    let mut held = (0..view.message_count() as u32).map(MessageIndex::new);
    held.find(|&held| view.hash(held) == message.hash()).unwrap()
}

/// A first message of validator 17 that cites this alone.
fn first_of_17(validator: u32, citation: Citation) -> Message<Bit> {
    Message::new(Header {
        sender: ValidatorId::new(17),
        sequence_number: 0,
        justification: Justification::new(vec![(ValidatorId::new(validator), citation)]).unwrap(),
        estimate: Bit::One,
    })
    .unwrap()
}

#[test]
fn a_message_that_was_dropped_is_not_taken_for_a_fork_nor_a_fork_for_it() {
    let mut view = view(18);
    let sent = in_turn(&mut view, 40);
    let archive = MemoryArchive::new();
    assert!(archive.is_empty());
    let pruned = view.prune(|it| it.index() < 30, |archived| archive.keep(archived));
    assert!(!archive.is_empty());
    // Messages 27 to 29 are cited by later ones.
    assert_eq!((pruned.dropped(), archive.len()), (27, 27));
    for message in [sent[3].clone(), fork(&sent[3])] {
        let receipt = view.insert(message).unwrap();
        // The newest of its sender that was dropped leads to the one that would tell.
        let needs = vec![sent[24].hash()];
        assert_eq!(receipt.status, Status::Unjudged(Unjudged::BelowHorizon { needs }));
    }
    assert_eq!(view.insert(sent[29].clone()).unwrap().status, Status::Duplicate);
    // What rows cite is known also without an archive, but not what it cites in its turn.
    assert_eq!(view.insert(sent[24].clone()).unwrap().status, Status::Duplicate);
    let late = first_of_17(0, Citation::Latest(sent[24].hash()));
    let needs = vec![sent[24].hash()];
    let status = view.insert(late).unwrap().status;
    assert_eq!(status, Status::Unjudged(Unjudged::BelowHorizon { needs }));
    let mut with = With(Some(&archive));
    let status = view.clone().insert_with(sent[3].clone(), &mut with).unwrap().status;
    assert_eq!(status, Status::Duplicate);
    for place in [3, 33] {
        let mut view = view.clone();
        let receipt = view.insert_with(fork(&sent[place]), &mut With(Some(&archive))).unwrap();
        let (one, other) = receipt.equivocations[0].messages;
        let proof = BTreeSet::from([view.hash(one), view.hash(other)]);
        assert_eq!(proof, BTreeSet::from([sent[place].hash(), fork(&sent[place]).hash()]));
    }
}

/// Who goes on from its latest message, and has heard nothing since, has seen what that has: with
/// that held, nothing need be read of what is gone.
#[test]
fn who_has_heard_nothing_new_is_judged_by_its_own_latest_message() {
    let mut view = view(18);
    let sent = in_turn(&mut view, 30);
    view.prune(|_| true, |_| {});
    assert_eq!(view.message_count(), 3, "the latest of each of the three");
    let last = &sent[27];
    let own = vec![(last.sender(), Citation::Latest(last.hash()))];
    let next = Message::new(Header {
        sender: last.sender(),
        sequence_number: last.sequence_number() + 1,
        justification: Justification::new(own).unwrap(),
        estimate: Bit::One,
    })
    .unwrap();
    assert_eq!(view.insert(next).unwrap().status, Status::Justified);
}

/// A fork that the one took in as one more of a known equivocator is the first that the other
/// sees: what stood there and was dropped is read for the proof.
#[test]
fn a_held_fork_of_what_was_dropped_proves_an_equivocation_to_who_knew_of_none() {
    let validators = Arc::clone(view(18).validators());
    let mut shared = SharedView::new(validators, Limits::default(), 2);
    let sent = in_turn(shared.of(0), 40);
    for message in &sent {
        shared.of(1).insert(message.clone()).unwrap();
    }
    let sender = sent[9].sender();
    assert_eq!(shared.of(0).insert(fork(&sent[36])).unwrap().equivocations.len(), 1);
    let archive = MemoryArchive::new();
    shared.of(0).prune(|it| it.index() < 30, |archived| archive.keep(archived));
    let mut with = With(Some(&archive));
    let status = shared.of(0).insert_with(fork(&sent[9]), &mut with).unwrap().status;
    assert_eq!(status, Status::Justified);
    let held = shared.of(0).find(&fork(&sent[9]).hash()).unwrap();
    assert!(!shared.of(1).is_equivocator(sender));
    let receipt = shared.of(1).insert_held(held, &mut with).unwrap();
    let (one, other) = receipt.equivocations[0].messages;
    let proof = BTreeSet::from([one, other].map(|it| shared.lent().hash(it)));
    assert_eq!(proof, BTreeSet::from([sent[9].hash(), fork(&sent[9]).hash()]));
}

/// What was dropped and is needed for a proof comes back, with what it had seen.
#[test]
fn who_cites_what_came_back_has_seen_what_it_had_seen() {
    let mut view = view(18);
    let sent = in_turn(&mut view, 40);
    let archive = MemoryArchive::new();
    view.prune(|it| it.index() < 30, |archived| archive.keep(archived));
    let mut with = With(Some(&archive));
    assert_eq!(view.insert_with(fork(&sent[9]), &mut with).unwrap().equivocations.len(), 1);
    let back = view.find(&sent[9].hash()).unwrap();
    assert_eq!(view.message(back).as_ref(), Some(&sent[9]));
    let cites = |others: &[usize]| {
        let latest = |&it: &usize| (sent[it].sender(), Citation::Latest(sent[it].hash()));
        let citations = others.iter().map(latest).chain([latest(&9)]).collect();
        Message::new(Header {
            sender: ValidatorId::new(17),
            sequence_number: 0,
            justification: Justification::new(citations).unwrap(),
            estimate: Bit::One,
        })
        .unwrap()
    };
    // It had seen the messages before it.
    let repeats = view.insert_with(cites(&[7, 8]), &mut with).unwrap_err();
    assert!(repeats.reason.to_string().starts_with("V4"), "{}", repeats.reason);
    let status = view.insert_with(cites(&[]), &mut with).unwrap().status;
    assert_eq!(status, Status::Justified);
    let seen: Vec<_> = view.citations(view.find(&cites(&[]).hash()).unwrap()).dropped().collect();
    let seven_and_eight = [7, 8].map(|it| (sent[it].sender(), sent[it].hash()));
    assert_eq!(seen, seven_and_eight, "as marks");
}

#[test]
fn what_somebody_who_shares_a_view_has_not_justified_is_not_dropped() {
    let validators = Arc::clone(view(2).validators());
    let (alice, bob) = (0, 1);
    let mut shared = SharedView::new(validators, Limits::default(), 2);
    let view = shared.of(alice);
    let mut made = Vec::new();
    for round in 0..6 {
        let sender = ValidatorId::new(round % 2);
        let sequence_number = view.next_sequence_number(sender);
        let justification = view.justification();
        let header = Header { sender, sequence_number, justification, estimate: Bit::One };
        made.push(Message::new(header).unwrap());
        view.insert(made[round as usize].clone()).unwrap();
    }
    view.prune(|it| it.index() < 5, |_| panic!("bob has not justified it"));
    let view = shared.of(bob);
    let held = held(view, &made[3]);
    let missing = vec![made[2].hash()];
    let mut other = view.clone();
    let status = other.insert_held(held, &mut With(None)).unwrap().status;
    assert_eq!(status, Status::Pending { missing: Vec::new() }, "all that it cites is held");
    assert!(other.held_back().eq([held]));
    assert_eq!(other.insert_held(held, &mut With(None)).unwrap().status, Status::Duplicate);
    assert_eq!(other.insert(made[3].clone()).unwrap().status, Status::Duplicate);
    let justified: usize =
        [0, 1, 2].map(|it| other.insert(made[it].clone()).unwrap().justified.len()).iter().sum();
    assert_eq!((justified, other.pending_count()), (4, 0));
    assert_eq!(view.insert(made[3].clone()).unwrap().status, Status::Pending { missing });
    let justified: usize =
        made.iter().map(|it| view.insert(it.clone()).unwrap().justified.len()).sum();
    assert_eq!(justified, 6);
}

#[test]
fn who_comes_after_something_was_dropped_cannot_follow_without_it() {
    let validators = Arc::clone(view(18).validators());
    let mut shared = SharedView::new(validators, Limits::default(), 1);
    let sent = in_turn(shared.of(0), 40);
    shared.of(0).prune(|it| it.index() < 30, |_| {});
    let view = shared.of(1);
    // It is there for the one who was here before, but its past is not for the one who came later.
    let status = view.insert(sent[27].clone()).unwrap().status;
    let missing = vec![sent[26].hash()];
    assert_eq!(status, Status::Pending { missing });
    let status = view.insert(sent[24].clone()).unwrap().status;
    assert!(matches!(status, Status::Unjudged(Unjudged::BelowHorizon { .. })), "{status:?}");
    assert_eq!(view.justified_count(), 0);
    // As little by index: what is whole cites what is gone.
    let held = held(view, &sent[27]);
    let status = shared.of(2).insert_held(held, &mut With(None)).unwrap().status;
    assert!(matches!(status, Status::Pending { missing } if missing.len() == 1));
    assert!(shared.of(2).held_back().next().is_none());
}

#[test]
fn who_has_not_justified_what_was_dropped_does_not_get_it_from_an_archive() {
    let mut shared = SharedView::new(Arc::clone(view(18).validators()), Limits::default(), 1);
    let sent = in_turn(shared.of(0), 40);
    let archive = MemoryArchive::new();
    shared.of(0).prune(|it| it.index() < 30, |archived| archive.keep(archived));
    let proof = EquivocationProof::new(sent[3].hash(), fork(&sent[3]).hash()).unwrap();
    for view in [shared.of(1), &mut view(18)] {
        for citation in [Citation::Latest(sent[24].hash()), Citation::Equivocation(proof)] {
            let message = first_of_17(0, citation);
            let status = view.insert_with(message, &mut With(Some(&archive))).unwrap().status;
            assert_eq!(status, Status::Pending { missing: citation.hashes().collect() });
        }
    }
}

#[test]
fn what_was_dropped_is_not_justified_for_who_comes_later() {
    let dag = Dag::<Bit>::parse("a 0 1; b 0 0; z 1 1; c 0 1 z; p 2 1 !b,c z");
    let mut shared = SharedView::new(Arc::clone(view(3).validators()), Limits::default(), 1);
    for message in dag.messages() {
        shared.of(0).insert(message.clone()).unwrap();
    }
    // a and b prove the equivocation, p is its sender's latest, and cites c.
    shared.of(0).prune(|_| true, |_| {});
    assert_eq!(shared.of(0).find(&dag["c"].hash()), None);
    let p = held(shared.lent(), &dag["p"]);
    assert_eq!(shared.lent().message(p).as_ref(), Some(&dag["p"]), "as it was sent");
    assert_eq!(shared.of(0).insert(dag["c"].clone()).unwrap().status, Status::Duplicate);
    let status = shared.of(1).insert(dag["c"].clone()).unwrap().status;
    assert!(matches!(status, Status::Unjudged(Unjudged::BelowHorizon { .. })), "{status:?}");
}

#[test]
fn who_has_justified_all_before_a_message_is_told_so() {
    let mut shared = SharedView::new(Arc::clone(view(18).validators()), Limits::default(), 2);
    in_turn(shared.of(0), 3);
    for (observer, place, expected) in [(0, 0, true), (0, 3, true), (1, 0, true), (1, 1, false)] {
        let message = MessageIndex::new(place);
        assert_eq!(shared.has_justified_all_before(observer, message), expected);
    }
    assert!(!shared.has_justified_all_before(0, MessageIndex::new(4)));
}

#[test]
fn a_long_run_is_held_in_the_memory_of_a_short_one() {
    let mut view = view(18);
    let mut most = 0;
    for round in 0..20_000_u32 {
        // The last validator falls silent early on.
        let sender = ValidatorId::new(if round < 100 { round % 18 } else { round % 17 });
        let sequence_number = view.next_sequence_number(sender);
        let justification = view.justification();
        let header = Header { sender, sequence_number, justification, estimate: Bit::One };
        view.insert(Message::new(header).unwrap()).unwrap();
        if view.message_count() >= 400 {
            let newest = view.message_count();
            view.prune(|message| message.index() + 100 < newest, |_| {});
            most = most.max(view.message_count());
        }
    }
    assert!(most < 200, "{most} left");
}
