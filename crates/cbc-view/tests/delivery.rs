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
    /// What each of them has in its past.
    pasts: BTreeMap<MessageHash, BTreeSet<MessageHash>>,
}

/// What somebody has seen of a validator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Latest(MessageHash),
    Equivocation,
}

impl<'a> Twin<'a> {
    /// What is justified in the end, whatever the order of arrival: valid, and citing only what
    /// is justified. `messages` come after all they cite.
    fn of(messages: &'a [Message<Bit>]) -> Self {
        let mut twin = Self { known: BTreeMap::new(), pasts: BTreeMap::new() };
        for message in messages {
            let cited: Vec<MessageHash> = message.justification().hashes().collect();
            if cited.iter().all(|hash| twin.known.contains_key(hash)) && twin.valid(message) {
                let past = twin.with_pasts(&cited);
                twin.known.insert(message.hash(), message);
                twin.pasts.insert(message.hash(), past);
            }
        }
        twin
    }

    /// These messages, and all that they have in their pasts.
    fn with_pasts(&self, messages: &[MessageHash]) -> BTreeSet<MessageHash> {
        let pasts = messages.iter().flat_map(|hash| self.pasts[hash].iter());
        pasts.chain(messages).copied().collect()
    }

    /// What somebody has seen of `validator` who has seen `messages`.
    fn found(&self, messages: &BTreeSet<MessageHash>, validator: ValidatorId) -> Found {
        let own = messages.iter().filter(|hash| self.known[hash].sender() == validator);
        let own: Vec<MessageHash> = own.copied().collect();
        let greatest = own.iter().max_by_key(|hash| self.known[hash].sequence_number());
        let Some(&greatest) = greatest else { return Found::Nothing };
        let in_order =
            |hash: &MessageHash| *hash == greatest || self.pasts[&greatest].contains(hash);
        if own.iter().all(in_order) { Found::Latest(greatest) } else { Found::Equivocation }
    }

    fn valid(&self, message: &Message<Bit>) -> bool {
        let sender = message.sender();
        let cited: Vec<MessageHash> = message.justification().hashes().collect();
        let v1 = sender.index() < VALIDATORS;
        let v2 = message.justification().iter().all(|(validator, citation)| {
            citation.hashes().all(|hash| self.known[&hash].sender() == validator)
        });
        let v3 = match self.found(&self.with_pasts(&cited), sender) {
            Found::Nothing => message.sequence_number() == 0,
            Found::Latest(hash) => {
                message.sequence_number() == self.known[&hash].sequence_number().wrapping_add(1)
            }
            Found::Equivocation => false,
        };
        let v4 = cited.iter().all(|hash| {
            let others: Vec<_> = cited.iter().filter(|&other| other != hash).copied().collect();
            let others = self.with_pasts(&others);
            let found = self.found(&others, self.known[hash].sender());
            found != Found::Equivocation && !others.contains(hash)
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

    /// Each message has seen what its past says, and so has who speaks next.
    fn assert_seen(&self, view: &mut View<Bit>) {
        let named = |view: &View<Bit>, seen: Seen| match seen {
            Seen::Nothing => Found::Nothing,
            Seen::Latest(message) => Found::Latest(view.hash(message)),
            Seen::Equivocation => Found::Equivocation,
            Seen::Dropped => panic!("nothing was dropped"),
        };
        for message in view.justified_messages() {
            let past = &self.pasts[&view.hash(message)];
            for validator in view.validators().ids() {
                let expected = self.found(past, validator);
                assert_eq!(named(view, view.seen(message, validator)), expected);
                assert_eq!(named(view, view.citations(message).get(validator)), expected);
            }
            let listed = view.citations(message).iter();
            let each = view.validators().ids().map(|it| (it, view.seen(message, it)));
            assert!(listed.eq(each.filter(|&(_, seen)| seen != Seen::Nothing)));
        }
        let all: BTreeSet<MessageHash> = self.known.keys().copied().collect();
        let next: Vec<MessageHash> = view.justification().hashes().collect();
        let next = self.with_pasts(&next);
        let panorama: Vec<_> = view.panorama().1.iter().collect();
        for validator in view.validators().ids() {
            assert_eq!(self.found(&next, validator), self.found(&all, validator), "{validator}");
            let seen = panorama.iter().find(|&&(it, _)| it == validator);
            let seen = seen.map_or(Seen::Nothing, |&(_, seen)| seen);
            assert_eq!(named(view, seen), self.found(&all, validator));
        }
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
        assert!(
            view.cited(index).map(|cited| view.hash(cited)).eq(message.justification().hashes())
        );
        assert!(view.cited(index).all(|cited| cited < index), "each comes after all it cites");
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
        for mut view in [receive_all(&messages), receive_all(&shuffled(&messages, &keys))] {
            assert_consistent(&view);
            twin.assert_seen(&mut view);
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
    fn what_is_cited_is_what_is_left_of_what_was_seen(
        draws in prop::collection::vec(any::<u32>(), 1..500),
    ) {
        let messages = messages(&draws, false);
        let view = receive_all(&messages);
        for message in view.justified_messages().collect::<Vec<_>>() {
            let latest = view.citations(message).latest_messages();
            let latest = latest.map(|(it, latest)| (it, Citation::Latest(view.hash(latest))));
            let proofs = view.citations(message).iter().filter(|&(_, it)| it == Seen::Equivocation);
            let seen: Vec<_> = latest.collect();
            // Which proof its maker had is not kept, once others tell of it.
            if proofs.count() == 0 {
                let expected = view.message(message).unwrap();
                prop_assert_eq!(&view.justification_of(seen).unwrap(), expected.justification());
            }
        }
        // Nor does it matter what is seen besides that is in the past of it.
        let all = view.latest_honest_messages().map(|(it, latest)| (it, Citation::Latest(view.hash(latest))));
        let proofs: Vec<_> = view.equivocations().collect();
        let proofs = proofs.into_iter().filter_map(|proof| {
            let (one, other) = proof.messages;
            let proof_of = EquivocationProof::new(view.hash(one), view.hash(other))?;
            Some((proof.validator, Citation::Equivocation(proof_of)))
        });
        let seen: Vec<_> = all.chain(proofs).collect();
        let next = view.justification();
        if view.equivocations().count() <= 1 {
            prop_assert_eq!(view.justification_of(seen).unwrap(), next);
        }
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
