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

/// The validators still on in the end, each with what is on in its picture; `own` says whether a
/// validator holds itself to be on in any case.
fn attack(view: &View<Bit>, own: bool) -> Vec<(usize, u64)> {
    let graph = LobbyingGraph::new(view, &ONE);
    let weight = |v: usize| view.validators().weight(graph.vertices()[v]).get();
    let total = view.validators().total().get();
    let mut on: Vec<usize> = (0..graph.vertices().len()).collect();
    loop {
        let sees = |v: usize, u: usize| graph.arrows()[v].contains(u) || (own && u == v);
        let held = |v: usize| on.iter().filter(|&&u| sees(v, u)).map(|&u| weight(u)).sum::<u64>();
        let stay: Vec<usize> = on.iter().copied().filter(|&v| 2 * held(v) >= total).collect();
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
        let on = attack(&view, true);
        let members: Vec<_> = on.iter().map(|&(v, _)| graph.vertices()[v]).collect();
        prop_assert_eq!(&safety.quorum.members, &members);
        // ⌈min(on − off) / 2⌉ − 1, over the pictures and the two sides.
        let side: u64 = members.iter().map(|v| weights[v.index()]).sum();
        let least = on.iter().map(|&(_, held)| held).chain([side]).min().unwrap();
        let margin = (2 * least).saturating_sub(total);
        prop_assert_eq!(safety.margin.get(), if on.is_empty() { 0 } else { margin });
        let tolerance = (margin.div_ceil(2)).checked_sub(1);
        prop_assert_eq!(safety.fault_tolerance.map(Weight::get), tolerance.filter(|_| !on.is_empty()));

        let on: u64 =
            attack(&view, false).iter().map(|&(v, _)| weights[graph.vertices()[v].index()]).sum();
        let lightest = weights.iter().copied().min().unwrap();
        let expected = if 2 * on < total { (0, 0) } else { (lightest, 1) };
        let (weight, faults) = poc_figure(&view, view.validators(), &ONE);
        prop_assert_eq!((weight.get(), faults), expected);
    }
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
