//! A view that drops what is old judges what is new as one that keeps everything.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use cbc_message::{
    Bit, Citation, EquivocationProof, Header, Justification, Message, MessageHash, ValidatorId,
    ValidatorSet, Weight,
};
use cbc_testkit::Dag;
use cbc_view::{
    Admission, Archive, HashedDag, Incoming, Limits, MemoryArchive, MessageDag, MessageIndex,
    Refusal, SharedView, Status, Unjudged, View,
};
use proptest::prelude::*;

fn view(validators: u32) -> View<Bit> {
    let weights = (1..=u64::from(validators)).map(Weight::new);
    View::with_limits(Arc::new(ValidatorSet::new(weights).unwrap()), Limits::NONE)
}

/// Admits everything, with an archive.
#[derive(Debug)]
struct With<'a>(Option<&'a MemoryArchive<Bit>>);

impl Admission<Bit> for With<'_> {
    type Error = Infallible;

    fn check(&mut self, _: &View<Bit>, _: &Incoming<'_, Bit>) -> Result<(), Refusal<Infallible>> {
        Ok(())
    }

    fn stored(&mut self, _: &View<Bit>, _: MessageIndex) {}

    fn archive(&self) -> Option<&dyn Archive<Bit>> {
        self.0.map(|archive| archive as _)
    }
}

/// A number below something, again and again.
struct Draws<'a>(std::iter::Cycle<std::slice::Iter<'a, u32>>, u32);

impl<'a> Draws<'a> {
    fn new(draws: &'a [u32]) -> Self {
        Self(draws.iter().cycle(), 0)
    }

    fn below(&mut self, end: usize) -> usize {
        self.1 = self.1.wrapping_mul(2_654_435_769).wrapping_add(self.0.next().map_or(0, |it| *it));
        (self.1 >> 8) as usize % end.max(1)
    }
}

/// Messages of validators that hear each other early, late, or hardly ever, in an order in which
/// each comes after all it cites. The last validators forget, now and then, what they have said and
/// heard; some messages say less than their makers had seen, and so break rule V4 or another.
fn execution(validators: u32, count: usize, draws: &mut Draws<'_>) -> Vec<Message<Bit>> {
    let mut made: Vec<Message<Bit>> = Vec::new();
    let mut cones: Vec<BTreeSet<usize>> = Vec::new();
    let mut known = vec![BTreeSet::new(); validators as usize];
    while made.len() < count {
        let maker = draws.below(validators as usize);
        let lags = maker == 0;
        if !lags || draws.below(8) == 0 {
            for _ in 0..1 + draws.below(3) {
                let far = if draws.below(5) == 0 { made.len() } else { 6 };
                let back = draws.below(far);
                if let Some(heard) = made.len().checked_sub(1 + back) {
                    known[maker].extend(cones[heard].iter().copied().chain([heard]));
                }
            }
        }
        let forgets = maker + 2 >= validators as usize && draws.below(4) == 0;
        let seen: BTreeSet<usize> = match forgets {
            false => known[maker].clone(),
            true => {
                let mine = known[maker].iter().copied();
                let mine: Vec<usize> =
                    mine.filter(|&it| made[it].sender().index() == maker).collect();
                match mine.get(draws.below(mine.len() + 1)) {
                    Some(&old) => cones[old].iter().copied().chain([old]).collect(),
                    None => BTreeSet::new(),
                }
            }
        };
        let mut makers = view(validators);
        for &heard in &seen {
            // What is invalid is heard by nobody.
            let _ = makers.insert(made[heard].clone());
        }
        let sender = ValidatorId::new(maker as u32);
        if makers.is_equivocator(sender) {
            known[maker].clear();
            continue;
        }
        let mut justification = makers.justification();
        if draws.below(12) == 0 && !justification.is_empty() {
            // Says less than it should.
            let mut citations: Vec<(ValidatorId, Citation)> = justification.iter().collect();
            let place = draws.below(citations.len());
            let older = seen.iter().rev().nth(draws.below(seen.len()));
            let older = older.map(|&older| &made[older]);
            match older.filter(|older| older.sender() == citations[place].0) {
                Some(older) => citations[place].1 = Citation::Latest(older.hash()),
                None => drop(citations.remove(place)),
            }
            justification = Justification::new(citations).unwrap();
        }
        let message = Message::new(Header {
            sender,
            sequence_number: makers.next_sequence_number(sender),
            justification,
            estimate: if draws.below(2) == 0 { Bit::Zero } else { Bit::One },
        })
        .unwrap();
        if made.contains(&message) {
            continue;
        }
        if makers.insert(message.clone()).is_ok() {
            known[maker] = seen.iter().copied().chain([made.len()]).collect();
            cones.push(seen);
        } else {
            cones.push(BTreeSet::new());
        }
        made.push(message);
    }
    made
}

/// The places in which messages arrive: mostly in their order, some late, some twice.
fn arrivals(count: usize, draws: &mut Draws<'_>) -> Vec<usize> {
    let mut places: Vec<(usize, usize)> = Vec::new();
    for place in 0..count {
        let late = match draws.below(12) {
            0 => draws.below(count),
            1..4 => draws.below(10),
            _ => 0,
        };
        places.push((place + late, place));
        if draws.below(6) == 0 {
            places.push((place + draws.below(count), place));
        }
    }
    places.sort_unstable();
    places.into_iter().map(|(_, place)| place).collect()
}

/// What became of a message, in words that two views share: hashes, and the rule that is broken.
fn outcome(view: &mut View<Bit>, message: Message<Bit>, mut with: With<'_>) -> Outcome {
    match view.insert_with(message, &mut with) {
        Ok(receipt) => Outcome {
            status: Some(receipt.status),
            rule: None,
            justified: receipt.justified.iter().map(|message| view.hash(message)).collect(),
            proofs: receipt
                .equivocations
                .iter()
                .map(|it| {
                    let (one, other) = it.messages;
                    let (one, other) = (view.hash(one), view.hash(other));
                    (it.validator, one.min(other), one.max(other))
                })
                .collect(),
            rejected: receipt.rejected.iter().map(|it| (it.hash, rule(&it.reason))).collect(),
            unjudged: receipt.unjudged.iter().map(|(hash, _)| *hash).collect(),
        },
        Err(rejection) => Outcome { rule: Some(rule(&rejection.reason)), ..Outcome::default() },
    }
}

fn rule(reason: &impl ToString) -> String {
    reason.to_string()[..2].to_owned()
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Outcome {
    status: Option<Status>,
    rule: Option<String>,
    justified: Vec<MessageHash>,
    proofs: Vec<(ValidatorId, MessageHash, MessageHash)>,
    rejected: Vec<(MessageHash, String)>,
    unjudged: Vec<MessageHash>,
}

impl Outcome {
    fn is_below_horizon(&self) -> bool {
        matches!(self.status, Some(Status::Unjudged(Unjudged::BelowHorizon { .. })))
    }
}

/// So many cases, or as many as `cargo xtask soak` asks for.
fn cases(default: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig::with_cases(cases.unwrap_or(default))
}

/// The messages of `view` that are held as they were sent.
fn whole(view: &View<Bit>) -> BTreeSet<MessageHash> {
    view.justified_messages().filter_map(|message| Some(view.message(message)?.hash())).collect()
}

/// Drops the oldest, or any, of what is held, into the archive.
fn prune(view: &mut View<Bit>, archive: &MemoryArchive<Bit>, draws: &mut Draws<'_>) {
    let held = view.message_count();
    let keep = draws.below(held);
    let any = draws.below(3) == 0;
    let chosen: BTreeSet<usize> = (0..held).filter(|_| any && draws.below(2) == 0).collect();
    let drops = |it: MessageIndex| it.index() + keep < held || chosen.contains(&it.index());
    let before = whole(view);
    let mut gone = BTreeSet::new();
    let pruned = view.prune(drops, |archived| {
        assert!(gone.insert(archived.message.hash()));
        assert!(archive.message(&archived.message.hash()).is_none(), "handed out once");
        archive.keep(archived);
    });
    assert_eq!(pruned.dropped(), gone.len());
    // What is left, and what was handed out, is all there was, each as it was sent.
    assert!(whole(view).is_disjoint(&gone));
    assert_eq!(before, whole(view).union(&gone).copied().collect());
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn with_its_archive_a_view_that_drops_answers_as_one_that_keeps_everything(
        draws in prop::collection::vec(any::<u32>(), 1..200),
        validators in 3..7u32,
        every in 3..60usize,
    ) {
        let mut draws = Draws::new(&draws);
        let made = execution(validators, 70, &mut draws);
        let (mut pruned, mut twin) = (view(validators), view(validators));
        let archive = MemoryArchive::new();
        for (step, place) in arrivals(made.len(), &mut draws).into_iter().enumerate() {
            if step % every == every - 1 {
                prune(&mut pruned, &archive, &mut draws);
            }
            let message = &made[place];
            let expected = outcome(&mut twin, message.clone(), With(None));
            let found = outcome(&mut pruned, message.clone(), With(Some(&archive)));
            prop_assert_eq!(&found, &expected, "{:?} {}", message, step);
            for validator in (0..validators).map(ValidatorId::new) {
                let latest = |view: &View<Bit>| {
                    view.latest_message(validator).map(|latest| view.hash(latest))
                };
                prop_assert_eq!(latest(&pruned), latest(&twin));
                prop_assert_eq!(pruned.is_equivocator(validator), twin.is_equivocator(validator));
                let next = |view: &View<Bit>| view.next_sequence_number(validator);
                prop_assert_eq!(next(&pruned), next(&twin));
            }
            prop_assert_eq!(pruned.justification(), twin.justification());
            prop_assert_eq!(pruned.pending_count(), twin.pending_count());
            prop_assert_eq!(pruned.missing_hashes(), twin.missing_hashes());
        }
        // Each message is as it was, wherever it is.
        for message in &made {
            let held = pruned.find(&message.hash()).and_then(|it| pruned.message(it));
            let kept = held.or_else(|| archive.message(&message.hash()).map(|it| it.message));
            prop_assert_eq!(kept.is_some(), twin.find(&message.hash()).is_some());
            prop_assert!(kept.is_none_or(|kept| kept.header() == message.header()));
        }
        for message in pruned.justified_messages() {
            let other = twin.find(&pruned.hash(message)).unwrap();
            prop_assert_eq!(pruned.sequence_number(message), twin.sequence_number(other));
            prop_assert_eq!(pruned.sender(message), twin.sender(other));
            let previous = pruned.previous(message).map(|it| pruned.hash(it));
            if previous.is_some() {
                prop_assert_eq!(previous, twin.previous(other).map(|it| twin.hash(it)));
            }
        }
    }

    #[test]
    fn without_an_archive_a_view_that_drops_never_answers_otherwise_only_less(
        draws in prop::collection::vec(any::<u32>(), 1..200),
        validators in 3..7u32,
        every in 3..60usize,
    ) {
        let mut draws = Draws::new(&draws);
        let made = execution(validators, 70, &mut draws);
        let (mut pruned, mut twin) = (view(validators), view(validators));
        let archive = MemoryArchive::new();
        let mut horizons: BTreeMap<ValidatorId, u64> = BTreeMap::new();
        for (step, place) in arrivals(made.len(), &mut draws).into_iter().enumerate() {
            if step % every == every - 1 {
                prune(&mut pruned, &archive, &mut draws);
                for message in made.iter().filter(|it| archive.message(&it.hash()).is_some()) {
                    let horizon = horizons.entry(message.sender()).or_default();
                    *horizon = message.sequence_number().max(*horizon);
                }
            }
            let message = &made[place];
            let is_held =
                |hash: MessageHash| pruned.find(&hash).is_some_and(|it| pruned.message(it).is_some());
            let horizon = horizons.get(&message.sender());
            let is_above = horizon.is_none_or(|&horizon| message.sequence_number() > horizon)
                && message.justification().hashes().all(is_held);
            let expected = outcome(&mut twin, message.clone(), With(None));
            let found = outcome(&mut pruned, message.clone(), With(None));
            if let Some(rule) = &found.rule {
                prop_assert!(expected.rule.as_ref() == Some(rule) || twin.find(&message.hash()).is_none());
            }
            // What cites only what is held whole, and forks off nothing that was dropped, is judged.
            prop_assert!(!(is_above && found.is_below_horizon()), "{:?}", message);
            let is_justified = |hash: &MessageHash| twin.find(hash).is_some();
            prop_assert!(found.justified.iter().all(is_justified));
            for (hash, _) in &found.rejected {
                prop_assert!(twin.find(hash).is_none(), "{:?}", found);
            }
            if is_above && expected.status == Some(Status::Justified) {
                prop_assert_eq!(found.status, expected.status);
            }
        }
        for validator in (0..validators).map(ValidatorId::new) {
            prop_assert!(!pruned.is_equivocator(validator) || twin.is_equivocator(validator));
        }
    }

    #[test]
    fn who_shares_a_view_that_drops_has_justified_what_it_would_have_alone(
        draws in prop::collection::vec(any::<u32>(), 1..200),
        every in 3..40usize,
    ) {
        let mut draws = Draws::new(&draws);
        let made = execution(4, 60, &mut draws);
        let archive = MemoryArchive::new();
        let validators = Arc::clone(view(4).validators());
        let mut all = SharedView::new(validators, view(4).limits(), 2);
        let mut alone = [view(4), view(4)];
        // When each of the two hears what.
        let mut times: Vec<(usize, usize, usize)> = Vec::new();
        for observer in 0..2 {
            let places = arrivals(made.len(), &mut draws);
            let lag = observer * draws.below(40);
            times.extend(places.into_iter().enumerate().map(|(at, place)| (at + lag, observer, place)));
        }
        times.sort_unstable();
        for (step, (_, observer, place)) in times.into_iter().enumerate() {
            let shared = all.of(observer);
            if step % every == every - 1 {
                let held = shared.message_count();
                let keep = draws.below(held);
                let drops = |it: MessageIndex| it.index() + keep < held;
                shared.prune(drops, |archived| archive.keep(archived));
            }
            let message = &made[place];
            let expected = outcome(&mut alone[observer], message.clone(), With(None));
            let held = shared.find(&message.hash());
            let found = match held {
                Some(held) if step % 2 == 0 => {
                    shared.insert_held(held, &mut With(Some(&archive))).unwrap();
                    continue;
                }
                _ => outcome(shared, message.clone(), With(Some(&archive))),
            };
            prop_assert_eq!(&found.status, &expected.status, "{:?} {}", message, step);
            prop_assert_eq!(&found.rule, &expected.rule);
            let set = |hashes: &[MessageHash]| hashes.iter().copied().collect::<BTreeSet<_>>();
            prop_assert_eq!(set(&found.justified), set(&expected.justified));
            let cited = |view: &View<Bit>| {
                view.justification().iter().map(|(validator, _)| validator).collect::<Vec<_>>()
            };
            prop_assert_eq!(cited(shared), cited(&alone[observer]));
        }
    }
}

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
    let fork = |place: usize| {
        Message::new(Header { estimate: Bit::Zero, ..sent[place].header().clone() }).unwrap()
    };
    for message in [sent[3].clone(), fork(3)] {
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
        let receipt = view.insert_with(fork(place), &mut With(Some(&archive))).unwrap();
        let (one, other) = receipt.equivocations[0].messages;
        let proof = BTreeSet::from([view.hash(one), view.hash(other)]);
        assert_eq!(proof, BTreeSet::from([sent[place].hash(), fork(place).hash()]));
    }
}

/// Who goes on from its latest message, and has heard nothing since, cites what that cites: with
/// that held, nothing need be read of what is gone.
#[test]
fn who_has_heard_nothing_new_is_judged_by_its_own_latest_message() {
    let mut view = view(18);
    let sent = in_turn(&mut view, 30);
    view.prune(|_| true, |_| {});
    assert_eq!(view.message_count(), 3, "the latest of each of the three");
    let last = &sent[27];
    let citations = last.justification().iter().map(|(validator, citation)| {
        let is_own = validator == last.sender();
        (validator, if is_own { Citation::Latest(last.hash()) } else { citation })
    });
    let next = Message::new(Header {
        sender: last.sender(),
        sequence_number: last.sequence_number() + 1,
        justification: Justification::new(citations.collect()).unwrap(),
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
    let fork = |place: usize| {
        Message::new(Header { estimate: Bit::Zero, ..sent[place].header().clone() }).unwrap()
    };
    let sender = sent[9].sender();
    assert_eq!(shared.of(0).insert(fork(36)).unwrap().equivocations.len(), 1);
    let archive = MemoryArchive::new();
    shared.of(0).prune(|it| it.index() < 30, |archived| archive.keep(archived));
    let mut with = With(Some(&archive));
    let status = shared.of(0).insert_with(fork(9), &mut with).unwrap().status;
    assert_eq!(status, Status::Justified);
    let held = shared.of(0).find(&fork(9).hash()).unwrap();
    assert!(!shared.of(1).is_equivocator(sender));
    let receipt = shared.of(1).insert_held(held, &mut with).unwrap();
    let (one, other) = receipt.equivocations[0].messages;
    let proof = BTreeSet::from([one, other].map(|it| shared.lent().hash(it)));
    assert_eq!(proof, BTreeSet::from([sent[9].hash(), fork(9).hash()]));
}

/// Of what was dropped and stands in a proof a stub is left, which has no row. Who cites that as
/// somebody's latest is judged by the row that the archive has.
#[test]
fn who_cites_a_stub_must_have_seen_what_it_had_seen() {
    let mut view = view(18);
    let sent = in_turn(&mut view, 40);
    let archive = MemoryArchive::new();
    view.prune(|it| it.index() < 30, |archived| archive.keep(archived));
    let mut with = With(Some(&archive));
    let fork = Message::new(Header { estimate: Bit::Zero, ..sent[9].header().clone() }).unwrap();
    assert_eq!(view.insert_with(fork, &mut with).unwrap().equivocations.len(), 1);
    let stub = view.find(&sent[9].hash()).unwrap();
    assert!(view.message(stub).is_none(), "only a stub is left of it");
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
    let forgets = view.insert_with(cites(&[]), &mut with).unwrap_err();
    assert!(forgets.reason.to_string().starts_with("V4"), "{}", forgets.reason);
    let status = view.insert_with(cites(&[7, 8]), &mut with).unwrap().status;
    assert_eq!(status, Status::Justified);
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
    let held = (0..6).map(MessageIndex::new).find(|&it| view.hash(it) == made[3].hash()).unwrap();
    let missing = vec![made[2].hash(), made[1].hash()];
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
    let missing = vec![sent[24].hash(), sent[25].hash(), sent[26].hash()];
    assert_eq!(status, Status::Pending { missing });
    let status = view.insert(sent[24].clone()).unwrap().status;
    assert!(matches!(status, Status::Unjudged(Unjudged::BelowHorizon { .. })), "{status:?}");
    assert_eq!(view.justified_count(), 0);
    // As little by index: what is whole cites what is gone.
    let mut held = (0..view.message_count() as u32).map(MessageIndex::new);
    let held = held.find(|&it| view.hash(it) == sent[27].hash()).unwrap();
    let status = shared.of(2).insert_held(held, &mut With(None)).unwrap().status;
    assert!(matches!(status, Status::Pending { missing } if missing.len() == 3));
    assert!(shared.of(2).held_back().next().is_none());
}

#[test]
fn who_has_not_justified_what_was_dropped_does_not_get_it_from_an_archive() {
    let mut shared = SharedView::new(Arc::clone(view(18).validators()), Limits::default(), 1);
    let sent = in_turn(shared.of(0), 40);
    let archive = MemoryArchive::new();
    shared.of(0).prune(|it| it.index() < 30, |archived| archive.keep(archived));
    let fork =
        Message::new(Header { estimate: Bit::Zero, ..sent[3].header().clone() }).unwrap().hash();
    let proof = EquivocationProof::new(sent[3].hash(), fork).unwrap();
    for view in [shared.of(1), &mut view(18)] {
        for citation in [Citation::Latest(sent[24].hash()), Citation::Equivocation(proof)] {
            let message = first_of_17(0, citation);
            let status = view.insert_with(message, &mut With(Some(&archive))).unwrap().status;
            assert_eq!(status, Status::Pending { missing: citation.hashes().collect() });
        }
    }
}

#[test]
fn a_stub_is_not_justified_for_who_comes_later() {
    let dag = Dag::<Bit>::parse("a 0 1; b 0 0; z 1 1; c 0 1 z; p 2 1 !b,c z");
    let mut shared = SharedView::new(Arc::clone(view(3).validators()), Limits::default(), 1);
    for message in dag.messages() {
        shared.of(0).insert(message.clone()).unwrap();
    }
    // a and b prove the equivocation, p is its sender's latest, and cites c.
    shared.of(0).prune(|_| true, |_| {});
    let stub = shared.of(0).find(&dag["c"].hash()).unwrap();
    assert!(shared.of(0).message(stub).is_none());
    let needs = vec![dag["c"].hash()];
    let expected = Status::Unjudged(Unjudged::BelowHorizon { needs });
    assert_eq!(shared.of(1).insert(dag["c"].clone()).unwrap().status, expected);
    assert_eq!(shared.of(1).insert_held(stub, &mut With(None)).unwrap().status, expected);
    assert!(!shared.has_justified(1, stub));
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
