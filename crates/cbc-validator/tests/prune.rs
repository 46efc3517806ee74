//! An observer that drops what is settled estimates, finalizes and judges as one that keeps
//! everything.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use std::collections::BTreeSet;

use cbc_message::{
    BlockId, BlockVote, Header, Justification, Message, MessageHash, ValidatorId, Weight,
};
use cbc_validator::{Finality, FinalityConflict, MakeError, SharedObserver, Validator};
use cbc_view::{Archive, HashedDag, MemoryArchive, MessageDag, MessageIndex, Status, Unjudged};
use proptest::prelude::*;

use world::{Draws, Follower, arrivals, execution, observer};

fn head(observer: &Follower) -> BlockId {
    observer.blocks().id(observer.view(), observer.estimate().unwrap())
}

fn finalized(observer: &Follower) -> Option<(BlockId, Weight)> {
    let finalized = observer.finalized()?;
    let id = observer.blocks().id(observer.view(), finalized.value);
    Some((id, finalized.safety.fault_tolerance.unwrap()))
}

/// What became of a message, in words that two observers share.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    status: Option<Status>,
    reason: Option<String>,
    justified: Vec<MessageHash>,
    equivocators: Vec<ValidatorId>,
    rejected: Vec<(MessageHash, String)>,
    unjudged: Vec<MessageHash>,
}

fn outcome(observer: &mut Follower, message: Message<BlockVote>) -> Outcome {
    // Which citation was found to break V4 first may differ; what V5 expected must not.
    let words = |reason: String| match reason.starts_with("V4") {
        true => "V4".to_owned(),
        false => reason,
    };
    match observer.receive(message) {
        Ok(receipt) => Outcome {
            status: Some(receipt.status),
            reason: None,
            justified: receipt.justified.iter().map(|it| observer.view().hash(it)).collect(),
            equivocators: receipt.equivocations.iter().map(|it| it.validator).collect(),
            rejected: receipt
                .rejected
                .iter()
                .map(|it| (it.hash, words(it.reason.to_string())))
                .collect(),
            unjudged: receipt.unjudged.iter().map(|(hash, _)| *hash).collect(),
        },
        Err(rejection) => {
            Outcome { reason: Some(words(rejection.reason.to_string())), ..Outcome::default() }
        }
    }
}

/// Looks for what is final, and says whether that is overturned.
fn update(observer: &mut Follower) -> bool {
    match observer.update_safe_estimates() {
        Ok(Finality::Overturned) | Err(FinalityConflict { .. }) => true,
        Ok(Finality::Untold) => panic!("there is an archive"),
        Ok(Finality::Advanced(_) | Finality::Unchanged) => false,
    }
}

/// So many cases, or as many as `cargo xtask soak` asks for.
fn cases(default: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig::with_cases(cases.unwrap_or(default))
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn with_its_archive_an_observer_that_drops_is_as_one_that_keeps_everything(
        draws in prop::collection::vec(any::<u32>(), 1..200),
        weights in prop_oneof![
            Just(vec![4, 4, 4, 1, 0]),
            Just(vec![10, 11, 12, 0]),
            Just(vec![3, 3, 3, 2, 2]),
            Just(vec![1, 1, 1, 1, 1, 1]),
        ],
        every in 2..30usize,
        heights in 0..4u32,
    ) {
        let mut draws = Draws::new(&draws);
        let made = execution(&weights, 90, &mut draws);
        let archive = MemoryArchive::new();
        let (mut twin, mut pruning) = (observer(&weights), observer(&weights).with_archive(archive.clone()));
        let mut was_overturned = false;
        for (step, place) in arrivals(made.len(), &mut draws).into_iter().enumerate() {
            let message = &made[place];
            let expected = outcome(&mut twin, message.clone());
            let found = outcome(&mut pruning, message.clone());
            prop_assert_eq!(&found, &expected, "{:?} {}", message, step);
            let is_overturned = update(&mut twin);
            prop_assert_eq!(update(&mut pruning), is_overturned);
            prop_assert_eq!(finalized(&pruning), finalized(&twin));
            prop_assert_eq!(head(&pruning), head(&twin));
            prop_assert_eq!(pruning.view().justification(), twin.view().justification());
            was_overturned |= is_overturned;
            if step % every == 0 {
                let before = archive.len();
                let dropped = pruning.prune(heights, |archived| archive.keep(archived));
                prop_assert_eq!(archive.len(), before + dropped);
                prop_assert_eq!(finalized(&pruning), finalized(&twin));
                prop_assert_eq!(head(&pruning), head(&twin));
            }
        }
        let _ = was_overturned;
        // Whatever is not held whole was handed out.
        let view = pruning.view();
        for message in twin.view().justified_messages() {
            let hash = twin.view().hash(message);
            let held = view.find(&hash).and_then(|message| view.message(message));
            prop_assert!(held.is_some() || archive.message(&hash).is_some());
        }
    }

    /// Two who share what they hold, each with a lag of its own, and what both have settled goes.
    #[test]
    fn observers_who_share_a_view_that_drops_see_and_finalize_what_each_would_alone(
        draws in prop::collection::vec(any::<u32>(), 1..200),
        weights in prop_oneof![
            Just(vec![4, 4, 4, 1, 0]),
            Just(vec![10, 11, 12, 0]),
            Just(vec![3, 3, 3, 2, 2]),
        ],
        every in 2..30usize,
        heights in 0..4u32,
    ) {
        let mut draws = Draws::new(&draws);
        let made = execution(&weights, 90, &mut draws);
        let archive = MemoryArchive::new();
        let mut alone = [observer(&weights), observer(&weights)];
        let mut all = SharedObserver::new(observer(&weights).with_archive(archive.clone()), 2);
        let mut times: Vec<(usize, usize, usize)> = Vec::new();
        for who in 0..2 {
            let lag = who * draws.below(30);
            let places = arrivals(made.len(), &mut draws).into_iter().enumerate();
            times.extend(places.map(|(at, place)| (at + lag, who, place)));
        }
        times.sort_unstable();
        for (step, (_, who, place)) in times.into_iter().enumerate() {
            let (message, twin) = (&made[place], &mut alone[who]);
            let expected = outcome(twin, message.clone());
            let shared = all.of(who);
            let mut held = (0..shared.view().message_count() as u32).map(MessageIndex::new);
            let held = held.find(|&it| shared.view().hash(it) == message.hash());
            match held.filter(|_| step % 2 == 0) {
                Some(held) => drop(shared.receive_held(held).unwrap()),
                None => prop_assert_eq!(outcome(shared, message.clone()).reason, expected.reason),
            }
            let is_overturned = update(twin);
            prop_assert_eq!(update(shared), is_overturned, "{}", step);
            prop_assert_eq!(finalized(shared), finalized(twin));
            prop_assert_eq!(head(shared), head(twin));
            prop_assert_eq!(shared.view().justification(), twin.view().justification());
            if step % every == 0 {
                shared.prune(heights, |archived| archive.keep(archived));
                for (who, twin) in alone.iter().enumerate() {
                    prop_assert_eq!(finalized(all.of(who)), finalized(twin));
                    prop_assert_eq!(head(all.of(who)), head(twin));
                }
            }
        }
    }

    #[test]
    fn without_an_archive_an_observer_that_drops_says_nothing_else_only_less(
        draws in prop::collection::vec(any::<u32>(), 1..200),
        weights in prop_oneof![Just(vec![4, 4, 4, 1, 0]), Just(vec![3, 3, 3, 2, 2])],
        every in 2..30usize,
        heights in 0..4u32,
    ) {
        let mut draws = Draws::new(&draws);
        let made = execution(&weights, 90, &mut draws);
        let (mut twin, mut pruning) = (observer(&weights), observer(&weights));
        for (step, place) in arrivals(made.len(), &mut draws).into_iter().enumerate() {
            let message = &made[place];
            let expected = outcome(&mut twin, message.clone());
            let found = outcome(&mut pruning, message.clone());
            // What it has justified or refused, it has as the twin has.
            let _ = expected;
            for hash in &found.justified {
                prop_assert!(twin.view().find(hash).is_some());
            }
            let refused = found.rejected.iter().map(|(hash, _)| *hash);
            for hash in refused.chain(found.reason.is_some().then(|| message.hash())) {
                prop_assert!(twin.view().find(&hash).is_none(), "{:?}", found);
            }
            let _ = twin.update_safe_estimates();
            let _ = pruning.update_safe_estimates();
            if step % every == 0 {
                pruning.prune(heights, |_| {});
            }
        }
    }
}

/// Three honest validators speak in turn and finalize.
fn honest(
    weights: &[u64],
    rounds: usize,
) -> Vec<Validator<cbc_validator::Blockchain, cbc_oracle::CliqueOracle>> {
    let mut honest: Vec<_> =
        (0..3).map(|id| Validator::new(ValidatorId::new(id), observer(weights)).unwrap()).collect();
    say(&mut honest, 0..rounds);
    honest
}

fn say(
    honest: &mut [Validator<cbc_validator::Blockchain, cbc_oracle::CliqueOracle>],
    rounds: std::ops::Range<usize>,
) {
    for round in rounds {
        let made = honest[round % 3].make_message().unwrap();
        for (place, other) in honest.iter_mut().enumerate() {
            if place != round % 3 {
                let receipt = other.observer_mut().receive(made.clone()).unwrap();
                assert_eq!(receipt.status, Status::Justified);
            }
            other.observer_mut().update_safe_estimates().unwrap();
        }
    }
}

/// A first message of validator 3, who has heard nothing.
fn stale() -> Message<BlockVote> {
    Message::new(Header {
        sender: ValidatorId::new(3),
        sequence_number: 0,
        justification: Justification::EMPTY,
        estimate: BlockVote::Propose { parent: BlockId::Genesis },
    })
    .unwrap()
}

#[test]
fn one_stale_message_does_not_keep_pruned_validators_from_speaking() {
    for late in [false, true] {
        let mut honest = honest(&[10, 11, 12, 0], 60);
        for validator in &mut honest {
            let observer = validator.observer_mut();
            if !late {
                observer.receive(stale()).unwrap();
            }
            assert!(observer.prune(0, |_| {}) > 0);
            if late {
                // It has heard of nothing that was dropped, and is judged without an archive.
                assert_eq!(observer.receive(stale()).unwrap().status, Status::Justified);
            }
        }
        say(&mut honest, 60..360);
        let observer = honest[0].observer();
        let height = observer.blocks().height(observer.finalized().unwrap().value);
        assert!(height > 340, "{height}");
    }
}

/// Two validators have voted early, for a block that the last final one is on, or for others, and
/// have been silent since. Then one of the three whose votes made it final equivocates, and two of
/// five are left.
#[test]
fn an_old_vote_for_what_the_root_is_on_rivals_it_no_more_and_another_does() {
    for (is_for_root, prunings) in [(true, 1), (true, 2), (false, 1), (false, 2)] {
        let weights = [1, 1, 1, 1, 1];
        let mut honest = honest(&weights, 0);
        say(&mut honest, 0..3);
        let view = honest[0].observer().view();
        let first = view.message(view.latest_message(ValidatorId::new(0)).unwrap()).unwrap();
        for silent in [3, 4].map(ValidatorId::new) {
            let mut theirs = observer(&weights);
            let estimate = match is_for_root {
                true => {
                    theirs.receive(first.clone()).unwrap();
                    BlockVote::Vote { block: BlockId::Proposed(first.hash()) }
                }
                false => BlockVote::Propose { parent: BlockId::Genesis },
            };
            let old = theirs.make_message_with(silent, estimate).unwrap();
            for validator in &mut honest {
                validator.observer_mut().receive(old.clone()).unwrap();
            }
        }
        for pruning in 0..prunings {
            say(&mut honest, 3 + 30 * pruning..33 + 30 * pruning);
            assert!(honest[1].observer_mut().prune(0, |_| {}) > 0);
        }
        say(&mut honest, 3 + 30 * prunings..15 + 30 * prunings);
        let view = honest[0].observer().view();
        let last = view.message(view.latest_message(ValidatorId::new(0)).unwrap()).unwrap();
        let BlockVote::Propose { parent } = *last.estimate() else { panic!("it proposes") };
        let header = last.header().clone();
        let fork =
            Message::new(Header { estimate: BlockVote::Vote { block: parent }, ..header }).unwrap();
        let observer = honest[1].observer_mut();
        assert_eq!(observer.receive(fork).unwrap().equivocations.len(), 1);
        let found = observer.update_safe_estimates().unwrap();
        assert_eq!(found == Finality::Untold, !is_for_root, "{found:?}, {prunings}");
    }
}

/// Validator 0 outweighs the other, and so finalizes what it says; that is pruned to. Then it is
/// found to equivocate, and the only vote left is for its other block, beside the root.
#[test]
fn votes_that_lead_beside_the_root_overturn_it_if_there_is_an_archive_to_tell() {
    let propose = |sender: u32, sequence_number, cited: &[&Message<BlockVote>], parent| {
        let cite = |message: &&Message<BlockVote>| {
            (message.sender(), cbc_message::Citation::Latest(message.hash()))
        };
        let citations = cited.iter().map(cite).collect();
        Message::new(Header {
            sender: ValidatorId::new(sender),
            sequence_number,
            justification: Justification::new(citations).unwrap(),
            estimate: BlockVote::Propose { parent },
        })
        .unwrap()
    };
    let mut chain = vec![propose(0, 0, &[], BlockId::Genesis)];
    for number in 1..8 {
        let last = &chain[number - 1];
        chain.push(propose(0, number as u64, &[last], BlockId::Proposed(last.hash())));
    }
    // Its other first block, on the genesis, too, and what the other validator builds on that.
    let other = Message::new(Header {
        estimate: BlockVote::Vote { block: BlockId::Genesis },
        ..chain[0].header().clone()
    })
    .unwrap();
    let builds = propose(1, 0, &[&other], BlockId::Genesis);
    for is_kept in [true, false] {
        let archive = MemoryArchive::new();
        let mut pruned = observer(&[2, 1]);
        if is_kept {
            pruned = pruned.with_archive(archive.clone());
        }
        for message in &chain {
            pruned.receive(message.clone()).unwrap();
        }
        let finalized = pruned.update_safe_estimates().unwrap().advanced().unwrap().value;
        assert_eq!(pruned.blocks().height(finalized), 8);
        assert!(pruned.prune(0, |archived| archive.keep(archived)) > 0);
        let receipts = [&other, &builds].map(|it| pruned.receive(it.clone()).unwrap().status);
        if is_kept {
            assert_eq!(receipts, [Status::Justified, Status::Justified]);
            assert_eq!(pruned.update_safe_estimates(), Ok(Finality::Overturned));
            let refused = pruned.make_message(ValidatorId::new(1)).unwrap_err();
            assert!(matches!(refused, MakeError::Overturned { .. }), "{refused}");
        } else {
            // The fork is of what is gone: that it is one cannot be told.
            assert!(matches!(receipts[0], Status::Unjudged(Unjudged::BelowHorizon { .. })));
            assert_eq!(pruned.update_safe_estimates(), Ok(Finality::Unchanged));
        }
    }
}

#[test]
fn a_vote_that_a_minority_on_the_root_leads_to_is_judged_with_an_archive_only() {
    let weights = [2, 2, 2, 1];
    let mut source = honest(&weights, 60);
    let view = source[0].observer().view();
    let messages: Vec<_> = view.justified_messages().map(|it| view.message(it).unwrap()).collect();
    // Validator 3 has heard the first five messages only.
    let mut laggard = Validator::new(ValidatorId::new(3), observer(&weights)).unwrap();
    for message in &messages[..5] {
        laggard.observer_mut().receive(message.clone()).unwrap();
    }
    let old = laggard.make_message().unwrap();
    let wrong = Message::new(Header {
        estimate: BlockVote::Propose { parent: BlockId::Genesis },
        ..old.header().clone()
    })
    .unwrap();
    let observer = source[0].observer_mut();
    let archive = MemoryArchive::new();
    assert!(observer.prune(0, |archived| archive.keep(archived)) > 0);
    for message in [&old, &wrong] {
        let receipt = observer.receive(message.clone()).unwrap();
        assert!(
            matches!(
                receipt.status,
                Status::Pending { .. } | Status::Unjudged(Unjudged::BelowHorizon { .. })
            ),
            "{:?}",
            receipt.status
        );
    }
    let mut with = self::observer(&weights).with_archive(archive.clone());
    for message in &messages {
        with.receive(message.clone()).unwrap();
        with.update_safe_estimates().unwrap();
    }
    with.prune(0, |_| {});
    assert_eq!(with.receive(old).unwrap().status, Status::Justified);
    let reason = with.receive(wrong).unwrap_err().reason.to_string();
    assert!(reason.starts_with("V5"), "{reason}");
}

proptest! {
    #![proptest_config(cases(100))]

    /// Honest validators that drop what is settled, among others that equivocate, lag and flood.
    #[test]
    fn what_an_honest_validator_makes_every_honest_validator_takes(
        draws in prop::collection::vec(any::<u32>(), 1..200),
        weights in prop_oneof![
            Just(vec![4, 4, 4, 1, 0]),
            Just(vec![3, 3, 3, 2, 2]),
            Just(vec![1, 1, 1, 1, 1, 1]),
        ],
        every in 2..30usize,
        heights in 0..3u32,
    ) {
        let mut draws = Draws::new(&draws);
        let count = weights.len() as u32;
        let mut archives: Vec<_> = (0..3).map(|_| MemoryArchive::new()).collect();
        let mut honest: Vec<_> = (0..3)
            .zip(&archives)
            .map(|(id, archive)| {
                let observer = observer(&weights).with_archive(archive.clone());
                Validator::new(ValidatorId::new(id), observer).unwrap().with_next_number(0)
            })
            .collect();
        let mut made: Vec<Message<BlockVote>> = Vec::new();
        let mut by_honest: BTreeSet<MessageHash> = BTreeSet::new();
        // How far each honest validator has received what was made.
        let mut received = [0; 3];
        for step in 0..100 {
            let maker = draws.below(4);
            if maker < 3 {
                let behind = if draws.below(4) == 0 { draws.below(15) } else { 0 };
                let end = made.len().saturating_sub(behind).max(received[maker]);
                let validator = &mut honest[maker];
                for message in &made[received[maker]..end] {
                    let receipt = validator.observer_mut().receive(message.clone());
                    if by_honest.contains(&message.hash()) {
                        let receipt = receipt.unwrap();
                        prop_assert!(
                            matches!(receipt.status, Status::Justified | Status::Duplicate),
                            "{:?}", receipt.status
                        );
                    }
                }
                received[maker] = end;
                let _ = validator.observer_mut().update_safe_estimates();
                match validator.make_message() {
                    Ok(message) => {
                        prop_assert!(by_honest.insert(message.hash()));
                        made.push(message);
                    }
                    Err(MakeError::Overturned { .. }) => {}
                    Err(error) => prop_assert!(false, "{}", error),
                }
                if step % every == 0 {
                    let archive = &mut archives[maker];
                    validator.observer_mut().prune(heights, |archived| archive.keep(archived));
                }
            } else {
                // One of the others has heard some of it, or remembers only some of what it had.
                let sender = ValidatorId::new(3 + draws.below(count as usize - 3) as u32);
                let mut theirs = observer(&weights);
                let end = made.len() - draws.below(made.len() + 1) / (1 + draws.below(4));
                for message in &made[..end] {
                    let own = message.sender() == sender;
                    if !own || draws.below(6) > 0 {
                        let _ = theirs.receive(message.clone());
                    }
                }
                if let Ok(message) = theirs.make_message(sender)
                    && !made.contains(&message)
                {
                    made.push(message);
                }
                // And garbage, which waits for what will never come.
                let garbage = Message::new(Header {
                    sender,
                    sequence_number: 1,
                    justification: Justification::new(vec![(
                        ValidatorId::new(draws.below(3) as u32),
                        cbc_message::Citation::Latest(MessageHash::from_bytes([step as u8; 32])),
                    )])
                    .unwrap(),
                    estimate: BlockVote::Propose { parent: BlockId::Genesis },
                }).unwrap();
                made.push(garbage);
            }
        }
    }
}
