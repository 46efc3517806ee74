//! Views fed messages in any order, valid and hostile ones, against a naive twin.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cbc_message::{
    Bit, Citation, EquivocationProof, Header, Justification, Message, MessageHash, ValidatorId,
    ValidatorSet, Weight,
};
use cbc_view::{
    AdmitAll, HashedDag, Limits, MessageDag, MessageIndex, Receipt, Seen, SharedView, Status, View,
};
use proptest::prelude::*;

/// As many as resolved justifications are cut into several chunks for.
const VALIDATORS: usize = 18;

fn validators() -> Arc<ValidatorSet> {
    Arc::new(ValidatorSet::new((1..=VALIDATORS as u64).map(Weight::new)).unwrap())
}

/// Numbers that were drawn beforehand, so that a failing case shrinks.
struct Draws<'a>(std::slice::Iter<'a, u32>);

impl Draws<'_> {
    fn below(&mut self, n: usize) -> usize {
        self.0.next().map_or(0, |&draw| draw as usize % n)
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// Messages of validators that each run two machines, so that some equivocate; with `hostile`, a
/// part of the messages is damaged before it is sent. Each comes after all it cites.
fn messages(draws: &[u32], hostile: bool) -> Vec<Message<Bit>> {
    let mut draws = Draws(draws.iter());
    let mut machines: Vec<View<Bit>> = vec![View::new(validators()); 2 * VALIDATORS];
    let mut made: Vec<Message<Bit>> = Vec::new();
    while draws.0.len() > 0 {
        // The second machine is rarely used, and hears everything the first does.
        // Four of them speak more often than all others, so that their forks meet.
        let speaker = if draws.chance(70) { draws.below(4) * 5 } else { draws.below(VALIDATORS) };
        let machine = speaker + if draws.chance(10) { VALIDATORS } else { 0 };
        let sender = ValidatorId::new((machine % VALIDATORS) as u32);
        if !draws.chance(45) && !made.is_empty() {
            let heard = made[draws.below(made.len())].clone();
            let _ = machines[machine].insert(heard);
            continue;
        }
        let view = &mut machines[machine];
        let mut header = Header {
            sender,
            sequence_number: view.next_sequence_number(sender),
            justification: view.justification(),
            estimate: if draws.chance(50) { Bit::One } else { Bit::Zero },
        };
        let damaged = hostile && draws.chance(25);
        if damaged {
            damage(&mut header, &made, &mut draws);
        }
        let message = Message::new(header).unwrap();
        if !damaged && view.insert(message.clone()).is_err() {
            continue; // its own two machines know of each other
        }
        if made.iter().all(|other| other.hash() != message.hash()) {
            made.push(message);
        }
    }
    made
}

fn damage(header: &mut Header<Bit>, made: &[Message<Bit>], draws: &mut Draws<'_>) {
    let mut citations: BTreeMap<ValidatorId, Citation> = header.justification.iter().collect();
    let any_hash = |draws: &mut Draws<'_>| match made.len() {
        0 => MessageHash::from_bytes([7; 32]),
        _ if draws.chance(5) => MessageHash::from_bytes([draws.below(3) as u8; 32]),
        count => made[draws.below(count)].hash(),
    };
    let validator = ValidatorId::new(draws.below(VALIDATORS) as u32);
    match draws.below(5) {
        0 => header.sequence_number = header.sequence_number.wrapping_add(draws.below(3) as u64),
        1 => drop(citations.remove(&validator)),
        2 => drop(citations.insert(validator, Citation::Latest(any_hash(draws)))),
        3 => {
            let proof = EquivocationProof::new(any_hash(draws), any_hash(draws));
            citations.extend(proof.map(|proof| (validator, Citation::Equivocation(proof))));
        }
        _ => header.sender = ValidatorId::new(draws.below(VALIDATORS + 1) as u32),
    }
    header.justification = Justification::new(citations.into_iter().collect()).unwrap();
}

/// The rules, read literally, over messages that cite only what is in `known`.
struct Twin<'a> {
    known: BTreeMap<MessageHash, &'a Message<Bit>>,
}

impl<'a> Twin<'a> {
    /// What is justified in the end, whatever the order of arrival: valid, and citing only what
    /// is justified. `messages` come after all they cite.
    fn of(messages: &'a [Message<Bit>]) -> Self {
        let mut twin = Self { known: BTreeMap::new() };
        for message in messages {
            let cited: Vec<MessageHash> = message.justification().hashes().collect();
            if cited.iter().all(|hash| twin.known.contains_key(hash)) && twin.valid(message) {
                twin.known.insert(message.hash(), message);
            }
        }
        twin
    }

    fn valid(&self, message: &Message<Bit>) -> bool {
        let sender = message.sender();
        let v1 = sender.index() < VALIDATORS;
        let v2 = message.justification().iter().all(|(validator, citation)| {
            citation.hashes().all(|hash| self.known[&hash].sender() == validator)
        });
        let v3 = match message.justification().get(sender) {
            None => message.sequence_number() == 0,
            Some(Citation::Latest(hash)) => {
                message.sequence_number() == self.known[&hash].sequence_number().wrapping_add(1)
            }
            Some(Citation::Equivocation(_)) => false,
        };
        let v4 = message.justification().hashes().all(|cited| {
            self.known[&cited].justification().iter().all(|(validator, seen)| {
                message
                    .justification()
                    .get(validator)
                    .is_some_and(|found| self.no_later(&seen, &found))
            })
        });
        let v8 = message.justification().iter().all(|(_, citation)| match citation {
            Citation::Latest(_) => true,
            Citation::Equivocation(proof) => {
                self.known[&proof.lesser()].sequence_number()
                    == self.known[&proof.greater()].sequence_number()
            }
        });
        v1 && v2 && v3 && v4 && v8
    }

    fn no_later(&self, seen: &Citation, found: &Citation) -> bool {
        match (seen, found) {
            (_, Citation::Equivocation(_)) => true,
            (Citation::Equivocation(_), Citation::Latest(_)) => false,
            (Citation::Latest(seen), Citation::Latest(found)) => {
                self.own_chain(*found).any(|hash| hash == *seen)
            }
        }
    }

    fn own_chain(&self, tip: MessageHash) -> impl Iterator<Item = MessageHash> + '_ {
        std::iter::successors(Some(tip), |hash| {
            let message = self.known[hash];
            match message.justification().get(message.sender()) {
                Some(Citation::Latest(previous)) => Some(previous),
                _ => None,
            }
        })
    }

    fn equivocators(&self) -> BTreeSet<ValidatorId> {
        let all: Vec<_> = self.known.values().collect();
        let pairs = all.iter().flat_map(|one| all.iter().map(move |other| (one, other)));
        pairs
            .filter(|(one, other)| {
                one.sender() == other.sender()
                    && one.sequence_number() == other.sequence_number()
                    && one.hash() != other.hash()
            })
            .map(|(one, _)| one.sender())
            .collect()
    }
}

/// What holds of every view at any time.
fn assert_consistent(view: &View<Bit>) {
    for index in view.justified_messages() {
        let message = view.message(index).unwrap();
        assert_eq!(view.find(&message.hash()), Some(index));
        assert_eq!(view.sequence_number(index), message.sequence_number());
        for (validator, citation) in message.justification().iter() {
            let seen = view.seen(index, validator);
            assert_eq!(view.citation(seen), Some(citation));
            let cited = match seen {
                Seen::Nothing | Seen::Dropped => panic!("cited"),
                Seen::Latest(cited) => cited,
                Seen::Equivocation(_, greater) => greater,
            };
            assert!(cited < index, "every message comes after all it cites");
        }
    }
    for message in view.pending_messages() {
        let missing: BTreeSet<MessageHash> =
            message.justification().hashes().filter(|hash| view.find(hash).is_none()).collect();
        assert_eq!(view.missing_dependency_count(&message.hash()), Some(missing.len()));
        for hash in &missing {
            assert!(view.dependents_of(hash).any(|dependent| dependent == message));
            let mut held_back = view.held_back().map(|held| view.hash(held));
            let known = view.pending_message(hash).is_some() || held_back.any(|it| it == *hash);
            assert_ne!(known, view.missing_hashes().contains(hash));
        }
    }
    for (validator, latest) in view.latest_messages() {
        let of_sender = |&message: &MessageIndex| view.sender(message) == validator;
        let greatest = view
            .justified_messages()
            .filter(of_sender)
            .map(|message| view.sequence_number(message))
            .max();
        assert_eq!(Some(view.sequence_number(latest)), greatest);
    }
}

/// What an observer can tell of two views is the same.
fn assert_same(one: &View<Bit>, other: &View<Bit>) {
    assert_eq!(hashes(one), hashes(other));
    assert_eq!(one.justified_count(), other.justified_count());
    let pending = |view: &View<Bit>| -> BTreeSet<MessageHash> {
        let held_back = view.held_back().map(|held| view.hash(held));
        view.pending_messages().map(Message::hash).chain(held_back).collect()
    };
    assert_eq!(pending(one), pending(other));
    // What is held need not be asked for.
    let held = (0..one.message_count() as u32).map(|held| one.hash(MessageIndex::new(held)));
    let held: BTreeSet<MessageHash> = held.collect();
    let asked = |view: &View<Bit>| &view.missing_hashes() - &held;
    assert_eq!(asked(one), asked(other));
    assert!(one.missing_hashes().is_subset(&other.missing_hashes()));
    let latest = |view: &View<Bit>| -> Vec<MessageHash> {
        view.latest_messages().map(|(_, message)| view.hash(message)).collect()
    };
    assert_eq!(latest(one), latest(other));
    assert_eq!(one.observed_fault_weight(), other.observed_fault_weight());
    assert_eq!(one.justification(), other.justification());
}

fn shuffled(messages: &[Message<Bit>], keys: &[u32]) -> Vec<Message<Bit>> {
    let mut order: Vec<usize> = (0..messages.len()).collect();
    order.sort_by_key(|&position| keys[position % keys.len()].wrapping_mul(position as u32 + 1));
    order.into_iter().map(|position| messages[position].clone()).collect()
}

fn receive_all(messages: &[Message<Bit>]) -> View<Bit> {
    let mut view = View::new(validators());
    for message in messages {
        let before = view.message_count();
        if let Ok(receipt) = view.insert(message.clone()) {
            assert_eq!(receipt.justified.len(), view.message_count() - before);
        }
    }
    view
}

fn hashes(view: &View<Bit>) -> BTreeSet<MessageHash> {
    view.justified_messages().map(|message| view.hash(message)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_arrives_and_in_whatever_order_what_is_justified_is_what_the_rules_say(
        draws in prop::collection::vec(any::<u32>(), 1..500),
        keys in prop::collection::vec(any::<u32>(), 1..80),
    ) {
        let messages = messages(&draws, true);
        let twin = Twin::of(&messages);
        for view in [receive_all(&messages), receive_all(&shuffled(&messages, &keys))] {
            assert_consistent(&view);
            prop_assert!(hashes(&view).iter().eq(twin.known.keys()));
            let equivocators: BTreeSet<ValidatorId> =
                view.equivocations().map(|proof| proof.validator).collect();
            prop_assert_eq!(&equivocators, &twin.equivocators());
        }
    }

    #[test]
    fn valid_messages_leave_nothing_pending(
        draws in prop::collection::vec(any::<u32>(), 1..500),
        keys in prop::collection::vec(any::<u32>(), 1..80),
    ) {
        let messages = messages(&draws, false);
        let mut view = View::new(validators());
        for message in shuffled(&messages, &keys) {
            view.insert(message).unwrap();
        }
        prop_assert_eq!(view.message_count(), messages.len());
        prop_assert_eq!(view.pending_count(), 0);
        prop_assert!(view.missing_hashes().is_empty());
    }

    #[test]
    fn observers_who_share_a_view_see_what_each_would_see_alone(
        draws in prop::collection::vec(any::<u32>(), 1..400),
        deliveries in prop::collection::vec((0..3usize, any::<prop::sample::Index>()), 1..300),
    ) {
        let messages = messages(&draws, true);
        let mut all: SharedView<Bit> = SharedView::new(validators(), Limits::default(), 3);
        let mut alone: Vec<View<Bit>> = vec![View::new(validators()); 3];
        for (observer, index) in deliveries {
            if messages.is_empty() {
                break;
            }
            let message = index.get(&messages);
            let expected = alone[observer].insert(message.clone());
            let shared = all.of(observer);
            let mut held = (0..shared.message_count() as u32).map(MessageIndex::new);
            let held = held.find(|&held| shared.hash(held) == message.hash());
            let found = match held {
                Some(held) => shared.insert_held(held, &mut AdmitAll),
                None => shared.insert(message.clone()),
            };
            // What waits for others is to ask nobody for what is held.
            let told = |view: &View<Bit>, receipt: &Receipt| {
                let status = match &receipt.status {
                    Status::Pending { .. } => Status::Pending { missing: Vec::new() },
                    status => status.clone(),
                };
                let justified = receipt.justified.iter().map(|message| view.hash(message));
                (status, justified.collect::<BTreeSet<_>>())
            };
            prop_assert_eq!(
                expected.as_ref().map(|receipt| told(&alone[observer], receipt)).map_err(|e| e.hash),
                found.as_ref().map(|receipt| told(shared, receipt)).map_err(|e| e.hash)
            );
            assert_same(shared, &alone[observer]);
            assert_consistent(shared);
        }
    }

    #[test]
    fn a_duplicate_changes_nothing(
        draws in prop::collection::vec(any::<u32>(), 1..200),
        keys in prop::collection::vec(any::<u32>(), 1..40),
    ) {
        let messages = shuffled(&messages(&draws, false), &keys);
        let half = &messages[..messages.len() / 2];
        let mut view = receive_all(half);
        let before = format!("{view:?}");
        for message in half {
            prop_assert_eq!(view.insert(message.clone()).unwrap().status, Status::Duplicate);
        }
        prop_assert_eq!(format!("{view:?}"), before);
    }
}

/// The same messages in 100 orders: pending is empty in the end, and a message that is released
/// comes after all it cites.
#[test]
fn one_dag_in_a_hundred_orders_is_one_dag() {
    let draws: Vec<u32> = (0..6000u32).map(|n| n.wrapping_mul(2_654_435_761) >> 7).collect();
    let messages = messages(&draws, false);
    assert!(messages.len() > 200);
    for order in 0..100u32 {
        let keys: Vec<u32> = (0..97).map(|n: u32| (n ^ order).wrapping_mul(0x9e37_79b9)).collect();
        let view = receive_all(&shuffled(&messages, &keys));
        assert_eq!(view.message_count(), messages.len());
        assert_eq!(view.pending_count(), 0);
        assert_consistent(&view);
    }
}
