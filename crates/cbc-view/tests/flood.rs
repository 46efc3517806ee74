//! A flood of messages by one validator costs a view bounded memory, and excludes nobody else.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use cbc_message::{
    Citation, Header, Integer, Justification, Message, MessageHash, ValidatorId, ValidatorSet,
    Weight,
};
use cbc_view::{
    AdmitAll, HashedDag, Limits, MessageDag, MessageIndex, SharedView, Status, Unjudged, View,
};

/// Room for some 50 pending messages of a validator that wait for one hash, and for some 20
/// unwanted ones of an equivocator.
const LIMITS: Limits = Limits {
    pending_per_validator: 50 * 1000,
    pending: 1 << 20,
    unwanted_per_validator: 20 * 350,
    batch: usize::MAX,
};
const FLOOD: i64 = 2_000;

/// Of a message that waits for nothing.
const OVER_LIMIT: Status = Status::Unjudged(Unjudged::OverLimit { missing: Vec::new() });

fn view() -> View<Integer> {
    let validators = ValidatorSet::new([1, 1, 1].map(Weight::new)).unwrap();
    View::with_limits(Arc::new(validators), LIMITS)
}

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

/// One fork after another, by validator 0.
fn fork(value: i64) -> Message<Integer> {
    message(0, 0, &[], value)
}

#[test]
fn forks_without_end_stop_being_kept() {
    let mut view = view();
    let kept = (0..FLOOD)
        .filter(|&value| view.insert(fork(value)).unwrap().status == Status::Justified)
        .count();
    // The first message, the one that proves the equivocation, and the limit.
    assert!((2 + 15..2 + 30).contains(&kept), "{kept}");
    assert_eq!(view.message_count(), kept);
    assert_eq!(view.insert(fork(-1)).unwrap().status, OVER_LIMIT);
}

#[test]
fn a_chain_without_end_by_an_equivocator_stops_being_kept() {
    let mut view = view();
    view.insert(fork(-1)).unwrap();
    let mut tip = fork(-2);
    view.insert(tip.clone()).unwrap();
    for number in 1..FLOOD as u64 {
        tip = message(0, number, &[(0, tip.hash())], 0);
        view.insert(tip.clone()).unwrap();
    }
    assert!((2 + 15..2 + 30).contains(&view.message_count()));
    assert!((20..100).contains(&view.pending_count()));
    assert!(view.pending_bytes_of(ValidatorId::new(0)) <= LIMITS.pending_per_validator);
}

#[test]
fn messages_that_wait_for_what_will_never_come_stop_being_kept() {
    let mut view = view();
    let never = MessageHash::from_bytes([7; 32]);
    for value in 0..FLOOD {
        view.insert(message(0, 0, &[(1, never)], value)).unwrap();
    }
    assert!((20..100).contains(&view.pending_count()));
    assert!(view.pending_bytes() <= LIMITS.pending_per_validator);
    assert_eq!(view.missing_hashes().len(), 1);
    // It pays for it: others go on, and so does it, in the order of citation.
    let other = message(2, 0, &[(1, never)], 0);
    assert!(matches!(view.insert(other).unwrap().status, Status::Pending { .. }));
    assert_eq!(view.insert(fork(0)).unwrap().status, Status::Justified);
}

#[test]
fn a_flood_that_waits_and_is_released_at_once_stops_being_kept() {
    let mut view = view();
    view.insert(fork(-1)).unwrap();
    view.insert(fork(-2)).unwrap();
    for round in 0..40 {
        let key = message(1, 0, &[], round);
        for value in 0..50 {
            view.insert(message(0, 0, &[(1, key.hash())], value)).unwrap();
        }
        // The keys are an equivocator's, too, but for the first.
        view.insert(key).unwrap();
        assert!(view.pending_bytes() <= LIMITS.pending_per_validator);
    }
    // Of validator 0 by its own limit; 1 is known to equivocate since its second key.
    assert!(view.message_count() <= 2 * (2 + 30), "{}", view.message_count());
}

#[test]
fn what_somebody_honest_built_on_is_wanted_and_taken_in_all_the_same() {
    let mut view = view();
    for value in 0..FLOOD {
        view.insert(fork(value)).unwrap();
    }
    // 1 knew of one fork alone, which this view did not keep, and of what came after.
    let first = fork(FLOOD - 1);
    let second = message(0, 1, &[(0, first.hash())], 0);
    let third = message(0, 2, &[(0, second.hash())], 0);
    assert_eq!(view.insert(first.clone()).unwrap().status, OVER_LIMIT);
    let honest = message(1, 0, &[(0, third.hash())], 0);
    let status = view.insert(honest.clone()).unwrap().status;
    assert_eq!(status, Status::Pending { missing: vec![third.hash()] });
    let status = view.insert(third).unwrap().status;
    assert_eq!(status, Status::Pending { missing: vec![second.hash()] });
    view.insert(second).unwrap();
    let receipt = view.insert(first).unwrap();
    assert_eq!(receipt.justified.len(), 4);
    assert!(view.find(&honest.hash()).is_some());
    // Nobody wants more of it.
    assert_eq!(view.insert(fork(-1)).unwrap().status, OVER_LIMIT);
}

/// A hash of nothing.
fn never(value: i64) -> MessageHash {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&value.to_le_bytes());
    MessageHash::from_bytes(bytes)
}

/// Three messages of validator 0, each after the one before, one of 1 that cites the last of them,
/// and one of 2 that cites that.
fn chain_and_who_built_on_it() -> [Message<Integer>; 5] {
    let first = message(0, 0, &[], 5);
    let second = message(0, 1, &[(0, first.hash())], 5);
    let third = message(0, 2, &[(0, second.hash())], 5);
    let one = message(1, 0, &[(0, third.hash())], 5);
    let two = message(2, 0, &[(1, one.hash())], 5);
    [first, second, third, one, two]
}

/// The view asks for all that is missing, and gets it, for so many rounds at most.
fn pull(view: &mut View<Integer>, messages: &[Message<Integer>], most: usize) {
    for _ in 0..most {
        let missing = view.missing_hashes();
        let asked = messages.iter().filter(|message| missing.contains(&message.hash()));
        asked.for_each(|asked| drop(view.insert(asked.clone()).unwrap()));
    }
}

#[test]
fn what_somebody_honest_waits_for_gets_in_though_its_sender_floods() {
    let mut view = view();
    let messages = chain_and_who_built_on_it();
    for value in 0..FLOOD {
        view.insert(message(0, 9, &[(1, never(value))], value)).unwrap();
    }
    view.insert(messages[4].clone()).unwrap();
    pull(&mut view, &messages, 4);
    assert_eq!(view.justified_count(), 5);
}

#[test]
fn what_somebody_honest_waits_for_gets_in_though_its_sender_equivocates_and_floods() {
    let mut view = view();
    for value in 0..FLOOD {
        view.insert(fork(-1 - value)).unwrap();
        view.insert(message(0, 9, &[(1, never(value))], value)).unwrap();
    }
    let messages = chain_and_who_built_on_it();
    // Before anybody wants it, and again once somebody does.
    for message in &messages[..3] {
        view.insert(message.clone()).unwrap();
    }
    assert!(view.find(&messages[0].hash()).is_none());
    view.insert(messages[4].clone()).unwrap();
    pull(&mut view, &messages, 4);
    assert!(messages.iter().all(|message| view.find(&message.hash()).is_some()));
}

#[test]
fn what_is_given_up_is_said_with_what_it_waited_for() {
    let mut view = view();
    let mut given_up = Vec::new();
    for value in 0..100 {
        let receipt = view.insert(message(0, 0, &[(1, never(value))], value)).unwrap();
        assert_eq!(receipt.status, Status::Pending { missing: vec![never(value)] });
        given_up.extend(receipt.unjudged);
    }
    assert!(given_up.len() > 20);
    // The oldest first, and nobody asks for what they waited for any more.
    for (value, (hash, unjudged)) in (0..).zip(given_up) {
        assert_eq!(hash, message(0, 0, &[(1, never(value))], value).hash());
        assert_eq!(unjudged, Unjudged::OverLimit { missing: vec![never(value)] });
        assert!(!view.missing_hashes().contains(&never(value)));
    }
}

#[test]
fn what_takes_just_what_a_limit_allows_is_kept_and_a_byte_more_is_not() {
    let kept = |limits| {
        let validators = ValidatorSet::new([1, 1, 1].map(Weight::new)).unwrap();
        let mut view: View<Integer> = View::with_limits(Arc::new(validators), limits);
        for value in 0..3 {
            view.insert(message(0, 0, &[(1, never(value))], value)).unwrap();
        }
        (view.pending_count(), view.pending_bytes())
    };
    let (_, bytes) = kept(Limits::NONE);
    for (allowed, count) in [(bytes, 3), (bytes - 1, 2)] {
        assert_eq!(kept(Limits { pending: allowed, ..Limits::NONE }).0, count);
        assert_eq!(kept(Limits { pending_per_validator: allowed, ..Limits::NONE }).0, count);
    }
}

#[test]
fn the_greatest_account_gives_up_what_is_over_the_limit_of_all() {
    let limits = Limits { pending: 30 * 1000, ..LIMITS };
    let validators = ValidatorSet::new([1, 1, 1].map(Weight::new)).unwrap();
    let mut view: View<Integer> = View::with_limits(Arc::new(validators), limits);
    let honest = message(2, 0, &[(1, never(-1))], 0);
    view.insert(honest.clone()).unwrap();
    for value in 0..FLOOD {
        view.insert(message(value as u32 % 2, 0, &[(1, never(value))], value)).unwrap();
        assert!(view.pending_bytes() <= limits.pending);
    }
    assert!(view.pending_message(&honest.hash()).is_some());
    let [zero, one] = [0, 1].map(|v| view.pending_bytes_of(ValidatorId::new(v)));
    assert!(zero.abs_diff(one) < 2000, "{zero}, {one}");
}

/// What one of those who share a view holds takes no more room when another has justified it, too.
#[test]
fn what_others_hold_is_over_no_limit() {
    let validators = Arc::new(ValidatorSet::new([1, 1, 1].map(Weight::new)).unwrap());
    let mut shared = SharedView::new(validators, LIMITS, 3);
    for (from, observer) in [1, 2].into_iter().enumerate() {
        for value in 0..FLOOD {
            shared.of(observer).insert(fork(from as i64 * FLOOD + value)).unwrap();
        }
    }
    let held = shared.lent().message_count();
    let each = LIMITS.unwanted_per_validator / 350;
    assert!((2 * each..2 * each + 30).contains(&held), "{held}");
    for index in (0..held as u32).map(MessageIndex::new) {
        shared.of(0).insert_held(index, &mut AdmitAll).unwrap();
    }
    assert_eq!(shared.of(0).justified_count(), held);
    // What is held by nobody is: as much as the two have justified.
    let status = shared.of(0).insert(fork(3 * FLOOD)).unwrap().status;
    assert_eq!(status, Status::Justified);
}

/// A view of `limits` that knows that 0 equivocates, and wants nothing more of it.
fn view_of_an_equivocator(limits: Limits) -> View<Integer> {
    let validators = ValidatorSet::new([1, 1, 1].map(Weight::new)).unwrap();
    let mut view = View::with_limits(Arc::new(validators), limits);
    for value in 0..100 {
        view.insert(fork(-1 - value)).unwrap();
    }
    assert_eq!(view.insert(fork(-1000)).unwrap().status, OVER_LIMIT);
    view
}

/// What an equivocator sent, and somebody else comes to want, is the other's, as what it wanted
/// from the start: it goes after what nobody wants.
#[test]
fn what_is_wanted_in_the_end_is_kept_before_what_is_not() {
    let mut probe = view();
    probe.insert(message(1, 0, &[(2, MessageHash::from_bytes([1; 32]))], 0)).unwrap();
    let each = probe.pending_bytes();
    let limits = Limits { pending_per_validator: 3 * each + each / 2, ..LIMITS };
    let mut view = view_of_an_equivocator(limits);
    let never = |byte| (2, MessageHash::from_bytes([byte; 32]));
    let wanted = message(0, 0, &[never(1)], -5000);
    view.insert(wanted.clone()).unwrap();
    assert_eq!(view.pending_bytes_of(ValidatorId::new(1)), 0);
    view.insert(message(1, 0, &[(0, wanted.hash())], 0)).unwrap();
    assert_eq!(view.pending_bytes_of(ValidatorId::new(1)), 2 * each, "it pays for both");
    // Two more fit with what is wanted, and the last two are what is left with it.
    for value in 1..6 {
        view.insert(message(1, 0, &[never(1 + value as u8)], value)).unwrap();
        assert!(view.pending_message(&wanted.hash()).is_some(), "{value}");
    }
    assert_eq!(view.pending_count(), 3);
}

#[test]
fn who_wants_forks_and_says_nothing_valid_gets_few_in_and_stands_in_nobody_s_way() {
    let mut view = view_of_an_equivocator(LIMITS);
    let before = view.justified_count();
    let wants = |value| message(1, 0, &[(0, fork(value).hash()), (2, never(value))], value);
    for value in 0..FLOOD {
        view.insert(wants(value)).unwrap();
        view.insert(fork(value)).unwrap();
    }
    let let_in = view.justified_count() - before;
    assert!((15..30).contains(&let_in), "{let_in}");
    // 1 waited for it first, and 2, who is honest, second.
    view.insert(wants(FLOOD)).unwrap();
    let honest = message(2, 0, &[(0, fork(FLOOD).hash())], 0);
    view.insert(honest.clone()).unwrap();
    assert_eq!(view.insert(fork(FLOOD)).unwrap().justified.len(), 2);
    assert!(view.find(&honest.hash()).is_some());
}

#[test]
fn who_follows_an_equivocator_and_says_so_gets_all_of_it_in() {
    let mut view = view_of_an_equivocator(LIMITS);
    let mut theirs = fork(0);
    let mut own: Vec<(u32, MessageHash)> = Vec::new();
    for number in 0..200 {
        let follower =
            message(1, number, &[&own[..], &[(0, theirs.hash())]].concat(), number as i64);
        own = vec![(1, follower.hash())];
        view.insert(follower).unwrap();
        assert_eq!(view.insert(theirs.clone()).unwrap().justified.len(), 2, "{number}");
        theirs = message(0, number + 1, &[(0, theirs.hash())], 0);
    }
}

#[test]
fn what_was_wanted_stays_so_when_what_wanted_it_had_to_make_room() {
    let mut view = view_of_an_equivocator(Limits { pending_per_validator: 0, ..LIMITS });
    let [first, second, third, honest, _] = chain_and_who_built_on_it();
    for message in [&honest, &third, &second] {
        let status = view.insert(message.clone()).unwrap().status;
        assert!(matches!(status, Status::Pending { .. }));
        assert_eq!(view.pending_count(), 1);
    }
    assert_eq!(view.insert(first).unwrap().justified.len(), 2);
    view.insert(honest).unwrap();
    assert_eq!(view.insert(third).unwrap().justified.len(), 2);
}

#[test]
fn an_equivocator_does_not_make_its_messages_wanted_itself() {
    let mut view = view();
    for value in 0..FLOOD {
        view.insert(fork(value)).unwrap();
    }
    let first = fork(FLOOD);
    view.insert(message(0, 1, &[(0, first.hash())], 0)).unwrap();
    assert_eq!(view.insert(first).unwrap().status, OVER_LIMIT);
}

#[test]
fn nobody_who_does_not_equivocate_is_limited() {
    let mut view = view();
    let mut tip = fork(0);
    view.insert(tip.clone()).unwrap();
    for number in 1..FLOOD as u64 {
        tip = message(0, number, &[(0, tip.hash())], 0);
        assert_eq!(view.insert(tip.clone()).unwrap().status, Status::Justified);
    }
    assert_eq!(view.message_count(), FLOOD as usize);
}
