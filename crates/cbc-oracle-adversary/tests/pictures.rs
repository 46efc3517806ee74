//! The attack against its definition, in rounds over all pictures.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use cbc_message::{Bit, Message, ValidatorSet, Weight};
use cbc_oracle::{LobbyingGraph, SafetyOracle};
use cbc_oracle_adversary::{AdversaryOracle, poc_figure};
use cbc_testkit::{Dag, contested_bits};
use cbc_view::{Equals, View};
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

/// The validators still on in the end, each with what is on in its picture, if whoever does not
/// hold `enough` turns; `own` says whether a validator holds itself to be on in any case.
fn attack(view: &View<Bit>, own: bool, enough: impl Fn(u64) -> bool) -> Vec<(usize, u64)> {
    let graph = LobbyingGraph::new(view, &ONE);
    let weight = |v: usize| view.validators().weight(graph.vertices()[v]).get();
    let mut on: Vec<usize> = (0..graph.vertices().len()).collect();
    loop {
        let sees = |v: usize, u: usize| graph.arrows()[v].contains(u) || (own && u == v);
        let held = |v: usize| on.iter().filter(|&&u| sees(v, u)).map(|&u| weight(u)).sum::<u64>();
        let stay: Vec<usize> = on.iter().copied().filter(|&v| enough(held(v))).collect();
        if stay.len() == on.len() {
            return on.iter().map(|&v| (v, held(v))).collect();
        }
        on = stay;
    }
}

proptest! {
    #[test]
    fn what_stays_on_and_by_how_much_is_what_the_definition_says(
        weights in prop::collection::vec(0u64..5, 1..8),
        count in 1usize..80,
        draws in prop::collection::vec(any::<usize>(), 1..300),
    ) {
        prop_assume!(weights.iter().any(|&weight| weight > 0));
        let messages = contested_bits(weights.len() as u32, count, &draws);
        let view = view_of(&messages, &weights);
        let graph = LobbyingGraph::new(&view, &ONE);
        let total: u64 = weights.iter().sum();

        let safety = AdversaryOracle.safety(&view, view.validators(), &ONE);
        // The greatest t such that equivocators of weight t leave anybody on.
        let left_by = |t: u64| attack(&view, true, |held| 2 * held > total + 2 * t);
        let tolerated = (0..=total).rev().find(|&t| !left_by(t).is_empty());
        prop_assert_eq!(safety.fault_tolerance.map(Weight::get), tolerated);
        // Those who stay on are left by that attack, and of their pictures the weakest says as much.
        let members = &safety.quorum.members;
        let on = tolerated.map(left_by).unwrap_or_default();
        let is_left = |m: &_| on.iter().any(|&(v, _)| graph.vertices()[v] == *m);
        prop_assert!(members.iter().all(is_left));
        prop_assert_eq!(members.is_empty(), on.is_empty());
        prop_assert_eq!(safety.margin.get().div_ceil(2).checked_sub(1), tolerated);

        let on: u64 = attack(&view, false, |held| 2 * held >= total)
            .iter()
            .map(|&(v, _)| weights[graph.vertices()[v].index()])
            .sum();
        let lightest = weights.iter().copied().min().unwrap();
        let expected = if 2 * on < total { (0, 0) } else { (lightest, 1) };
        let (weight, faults) = poc_figure(&view, view.validators(), &ONE);
        prop_assert_eq!((weight.get(), faults), expected);
    }
}

proptest! {
    #[test]
    fn no_message_that_agrees_takes_anything_away(
        weights in prop::collection::vec(0u64..5, 1..8),
        count in 1usize..80,
        draws in prop::collection::vec(any::<usize>(), 1..300),
    ) {
        prop_assume!(weights.iter().any(|&weight| weight > 0));
        let mut view = view_of(&[], &weights);
        let mut before = None;
        for message in contested_bits(weights.len() as u32, count, &draws) {
            let agrees = *message.estimate() == Bit::One;
            view.insert(message).unwrap();
            let now = AdversaryOracle.safety(&view, view.validators(), &ONE).fault_tolerance;
            prop_assert!(!agrees || now >= before, "{:?}, then {:?}", before, now);
            before = now;
        }
    }
}

/// 0 and 1 have seen each other agree; 2, who agrees too, has only heard of 1, and holds just half of
/// the weight to be on. By the weakest picture of the one attack that turns whoever holds less than
/// half, nothing would be tolerated any more.
#[test]
fn one_who_agrees_and_has_heard_of_few_takes_nothing_away() {
    let text = "b0 1 1; a0 0 1 b0; a1 0 1 a0 b0; b1 1 1 b0 a0";
    let tolerated = |text: &str| {
        let view = view_of(Dag::<Bit>::parse(text).messages(), &[5, 4, 1]);
        let safety = AdversaryOracle.safety(&view, view.validators(), &ONE);
        (safety.fault_tolerance.map(Weight::get), safety.quorum.members.len())
    };
    assert_eq!(tolerated(text), (Some(3), 2));
    assert_eq!(tolerated(&format!("{text}; c0 2 1 b0")), (Some(3), 2));
    // Once it has heard of both it counts.
    assert_eq!(
        tolerated(&format!("{text}; c0 2 1 b0; c1 2 1 c0 a1 b1; a2 0 1 a1 b1 c1; b2 1 1 b1 a1 c1")),
        (Some(4), 3)
    );
}

#[test]
fn a_first_message_sees_its_own_maker_off_only_in_the_proof_of_concept() {
    let dag = Dag::<Bit>::parse("a 0 1; b 1 0");
    let view = view_of(dag.messages(), &[7, 6]);
    assert_eq!(poc_figure(&view, view.validators(), &ONE), (Weight::ZERO, 0));
    let safety = AdversaryOracle.safety(&view, view.validators(), &ONE);
    assert_eq!(safety.fault_tolerance, Some(Weight::ZERO));
}

#[test]
fn weights_near_the_limit_do_not_overflow() {
    let dag = Dag::<Bit>::parse("a 0 1; b 1 1 a; aa 0 1 a b; bb 1 1 b aa");
    let view = view_of(dag.messages(), &[u64::MAX - 1, 1]);
    let safety = AdversaryOracle.safety(&view, view.validators(), &ONE);
    assert_eq!(safety.fault_tolerance, Some(Weight::new(u64::MAX / 2)));
}

#[test]
fn it_is_called_adversary() {
    assert_eq!(SafetyOracle::<View<Bit>>::name(&AdversaryOracle), "adversary");
}
