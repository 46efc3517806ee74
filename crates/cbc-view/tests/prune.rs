//! A view that drops what is old judges what is new as one that keeps everything.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod with_archive;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cbc_message::{Bit, Citation, Header, Justification, Message, MessageHash, ValidatorId};
use cbc_view::{
    Archive, HashedDag, MemoryArchive, MessageDag, MessageIndex, SharedView, Status, Unjudged, View,
};
use proptest::prelude::*;

use with_archive::{With, view};

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
