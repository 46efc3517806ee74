//! A validator that was restarted, or has lost some of what it knew, does not equivocate.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use cbc_message::{
    BlockId, BlockVote, Citation, Header, Justification, Message, MessageHash, ValidatorId,
    ValidatorSet, Weight,
};
use cbc_oracle::CliqueOracle;
use cbc_validator::{Behind, Blockchain, MakeError, Observer, Validator};
use cbc_view::Status;

type Speaker = Validator<Blockchain, CliqueOracle>;

fn validator(id: u32) -> Speaker {
    let validators = Arc::new(ValidatorSet::new([10, 11, 12].map(Weight::new)).unwrap());
    let observer = Observer::new(Blockchain, CliqueOracle::new(), validators);
    Validator::new(ValidatorId::new(id), observer).unwrap()
}

/// Four rounds in which everybody speaks and hears everybody: twelve messages.
fn rounds() -> Vec<Message<BlockVote>> {
    let mut validators = [0, 1, 2].map(validator);
    let mut made = Vec::new();
    for round in 0..12 {
        let message = validators[round % 3].make_message().unwrap();
        for validator in &mut validators {
            validator.observer_mut().receive(message.clone()).unwrap();
        }
        made.push(message);
    }
    made
}

fn behind(validator: &mut Speaker) -> Behind {
    match validator.make_message() {
        Err(MakeError::Behind(behind)) => behind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_has_a_message_of_its_own_pending_waits_for_what_that_cites() {
    let made = rounds();
    let mut again = validator(0);
    // Its messages 0 and 1, and, early, its message 3.
    for message in made[..4].iter().chain([&made[9]]) {
        again.observer_mut().receive(message.clone()).unwrap();
    }
    let error = behind(&mut again);
    assert_eq!((error.number, error.expected), (2, None));
    assert_eq!(error.pending, [made[9].hash()]);
    assert!(error.to_string().contains("1 of its own messages are pending"), "{error}");
    assert!(again.make_message_with(BlockVote::Propose { parent: BlockId::Genesis }).is_err());
    // The owner's number does not help: it has made that message.
    let mut again = again.with_next_number(2);
    assert_eq!(behind(&mut again).pending, [made[9].hash()]);
    for message in &made {
        again.observer_mut().receive(message.clone()).unwrap();
    }
    assert_eq!(again.make_message().unwrap().sequence_number(), 4);
}

#[test]
fn who_may_have_made_more_waits_for_what_is_missing_unless_it_knows_better() {
    let made = rounds();
    let mut again = validator(0);
    // Message 8, of validator 2, cites message 7, of validator 1, which has message 6 in its past.
    for message in made[..4].iter().chain([&made[8]]) {
        again.observer_mut().receive(message.clone()).unwrap();
    }
    let error = behind(&mut again);
    assert!(error.pending.is_empty());
    assert_eq!(error.missing.iter().copied().collect::<Vec<_>>(), [made[7].hash()]);
    assert!(error.to_string().contains("1 messages are missing that may be its own"), "{error}");

    // Anybody can say so of a validator, which is silent then: but not if its owner keeps count.
    let mut honest = validator(0).with_next_number(0);
    let rumour = Message::new(Header {
        sender: ValidatorId::new(1),
        sequence_number: 0,
        justification: Justification::new(vec![(
            ValidatorId::new(0),
            Citation::Latest(MessageHash::from_bytes([7; 32])),
        )])
        .unwrap(),
        estimate: BlockVote::Propose { parent: BlockId::Genesis },
    })
    .unwrap();
    let status = honest.observer_mut().receive(rumour.clone()).unwrap().status;
    assert!(matches!(status, Status::Pending { .. }));
    assert_eq!(honest.next_number(), 0);
    assert_eq!(honest.make_message().unwrap().sequence_number(), 0);
    assert_eq!(honest.next_number(), 1);
    let mut trusting = validator(0);
    trusting.observer_mut().receive(rumour).unwrap();
    assert_eq!(behind(&mut trusting).missing.len(), 1);
}

#[test]
fn nobody_speaks_below_the_number_that_its_owner_has_kept() {
    let made = rounds();
    let mut again = validator(0).with_next_number(4);
    assert_eq!(again.next_number(), 4);
    for (place, message) in made.iter().enumerate() {
        let error = behind(&mut again);
        assert_eq!((error.number, error.expected), (place.div_ceil(3) as u64, Some(4)));
        assert!(error.to_string().contains("kept 4 as the number of the next"), "{error}");
        again.observer_mut().receive(message.clone()).unwrap();
        if place == 9 {
            break; // Its own fourth.
        }
    }
    assert_eq!(again.make_message().unwrap().sequence_number(), 4);
    assert_eq!(again.next_number(), 5);
}

#[test]
fn what_it_has_made_is_counted_although_it_loses_all_that_it_knew() {
    let mut speaker = validator(0).with_next_number(0);
    for lost in 1..3 {
        let made = speaker.make_message().unwrap();
        *speaker.observer_mut() = Observer::new(
            Blockchain,
            CliqueOracle::new(),
            speaker.observer().view().validators().clone(),
        );
        assert_eq!(speaker.next_number(), lost);
        let error = behind(&mut speaker);
        assert_eq!((error.number, error.expected), (0, Some(lost)));
        if lost == 1 {
            speaker.observer_mut().receive(made).unwrap();
        }
    }
}
