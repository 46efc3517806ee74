//! The lobbying graph and the clique oracle on random executions, against the definition read
//! literally.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use cbc_message::{Bit, Message, ValidatorId, ValidatorSet, Weight};
use cbc_oracle::{CliqueOracle, LobbyingGraph, SafetyOracle};
use cbc_testkit::{Dag, contested_bits};
use cbc_view::{Equals, MessageDag, MessageIndex, Property, Seen, View};
use proptest::prelude::*;

const ONE: Equals<Bit> = Equals(Bit::One);

fn view_of(messages: &[Message<Bit>], weights: &[u64]) -> View<Bit> {
    let weights = weights.iter().copied().map(Weight::new);
    let mut view = View::new(Arc::new(ValidatorSet::new(weights).unwrap()));
    for message in messages {
        view.insert(message.clone()).unwrap();
    }
    view
}

/// Semantics §6, word for word.
fn arrow(view: &View<Bit>, from: ValidatorId, to: ValidatorId) -> bool {
    let latest = view.latest_message(from).unwrap();
    let Seen::Latest(seen) = view.seen(latest, to) else {
        return false;
    };
    let disagrees_later = |message: MessageIndex| {
        view.sender(message) == to
            && view.sequence_number(message) > view.sequence_number(seen)
            && !ONE.agrees(view, message)
    };
    ONE.agrees(view, seen) && !view.justified_messages().any(disagrees_later)
}

fn assert_is_the_definition(view: &View<Bit>) {
    let graph = LobbyingGraph::new(view, &ONE);
    let agrees = |&v: &ValidatorId| {
        view.latest_honest_message(v).is_some_and(|message| ONE.agrees(view, message))
    };
    let vertices: Vec<ValidatorId> = view.validators().ids().filter(agrees).collect();
    assert_eq!(graph.vertices(), vertices);
    for (i, &from) in vertices.iter().enumerate() {
        for (j, &to) in vertices.iter().enumerate() {
            assert_eq!(graph.arrows()[i].contains(j), arrow(view, from, to), "{from} → {to}");
            let edge = i != j && arrow(view, from, to) && arrow(view, to, from);
            assert_eq!(graph.edges()[i].contains(j), edge, "{from} – {to}");
        }
    }
}

/// The weight of the heaviest set of validators all of whom have arrows to each other.
fn heaviest_clique(view: &View<Bit>) -> Weight {
    let validators = view.validators();
    let agrees = |&v: &ValidatorId| {
        view.latest_honest_message(v).is_some_and(|message| ONE.agrees(view, message))
    };
    let vertices: Vec<ValidatorId> = validators.ids().filter(agrees).collect();
    let sets = (0..1usize << vertices.len()).map(|set| {
        let member = |&(i, _): &(usize, &ValidatorId)| set >> i & 1 == 1;
        vertices.iter().enumerate().filter(member).map(|(_, &v)| v).collect::<Vec<_>>()
    });
    let clique = |set: &Vec<ValidatorId>| {
        set.iter().all(|&v| set.iter().all(|&u| u == v || arrow(view, v, u)))
    };
    sets.filter(clique).map(|set| validators.weight_of(set)).max().unwrap_or_default()
}

proptest! {
    #[test]
    fn the_graph_is_what_its_definition_says(
        validators in 1u32..8,
        count in 1usize..60,
        draws in prop::collection::vec(any::<usize>(), 1..300),
        forks in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        let mut messages = contested_bits(validators, count, &draws);
        // Some say the other thing, too, after the same messages: equivocators.
        for fork in forks {
            let mut header = fork.get(&messages).header().clone();
            header.estimate = if header.estimate == Bit::One { Bit::Zero } else { Bit::One };
            messages.push(Message::new(header).unwrap());
        }
        assert_is_the_definition(&view_of(&messages, &vec![1; validators as usize]));
    }

    #[test]
    fn the_clique_oracle_finds_the_heaviest_clique(
        weights in prop::collection::vec(0u64..5, 1..8),
        count in 1usize..60,
        draws in prop::collection::vec(any::<usize>(), 1..300),
    ) {
        prop_assume!(weights.iter().any(|&weight| weight > 0));
        let messages = contested_bits(weights.len() as u32, count, &draws);
        let view = view_of(&messages, &weights);
        let validators = view.validators();
        let safety = CliqueOracle::new().safety(&view, validators, &ONE);
        let heaviest = heaviest_clique(&view);
        prop_assert!(safety.exact);
        // Where less than half of the weight agrees, nothing is looked for.
        let expected = 2 * heaviest.get() > validators.total().get();
        prop_assert_eq!(safety.fault_tolerance.is_some(), expected);
        if expected {
            prop_assert_eq!(safety.quorum.weight, heaviest);
        }
        prop_assert_eq!(safety.bound, safety.fault_tolerance);
    }
}

#[test]
fn one_validator_above_half_is_safe_alone() {
    let dag = Dag::<Bit>::parse("a 0 1; b 1 0");
    let view = view_of(dag.messages(), &[7, 6]);
    let safety = CliqueOracle::new().safety(&view, view.validators(), &ONE);
    assert_eq!(safety.quorum.members, [ValidatorId::new(0)]);
    assert_eq!((safety.margin, safety.fault_tolerance), (Weight::new(1), Some(Weight::ZERO)));
}

#[test]
fn a_validator_that_is_all_there_is_decides() {
    let dag = Dag::<Bit>::parse("a 0 1");
    let view = view_of(dag.messages(), &[u64::MAX]);
    let safety = CliqueOracle::new().safety(&view, view.validators(), &ONE);
    assert_eq!(safety.fault_tolerance, Some(Weight::new(u64::MAX / 2)));
}

#[test]
fn equivocators_count_for_no_candidate() {
    let dag = Dag::<Bit>::parse("a 0 1; b 1 1; x 0 0; aa 0 1 a b; bb 1 1 a b");
    let view = view_of(dag.messages(), &[3, 2]);
    for candidate in [Bit::One, Bit::Zero] {
        let safety = CliqueOracle::new().safety(&view, view.validators(), &Equals(candidate));
        assert_eq!(safety.fault_tolerance, None);
    }
}

#[test]
fn a_message_that_disagreed_meanwhile_breaks_the_streak() {
    // 0 saw 1 say 1; then 1 said 0, and 1 again: it may have changed 0's mind, had 0 seen it.
    let dag = Dag::<Bit>::parse("a 0 1; b 1 1 a; aa 0 1 a b; c 1 0 a b; d 1 1 aa c");
    let view = view_of(dag.messages(), &[1, 1]);
    let graph = LobbyingGraph::new(&view, &ONE);
    assert!(!graph.arrows()[0].contains(1) && graph.arrows()[1].contains(0));
    assert!(graph.edges().iter().all(|row| row.is_empty()));
}
