//! The inspector on random executions: against cliques, and against its definition.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use cbc_message::{Bit, Message, ValidatorId, ValidatorSet, Weight};
use cbc_oracle::{CliqueOracle, SafetyOracle};
use cbc_oracle_inspector::InspectorOracle;
use cbc_testkit::{Dag, contested_bits};
use cbc_view::{Equals, MessageDag, MessageIndex, Property, View};
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

proptest! {
    #[test]
    fn it_tolerates_at_least_what_the_heaviest_clique_does(
        weights in prop::collection::vec(0u64..5, 1..8),
        count in 1usize..80,
        draws in prop::collection::vec(any::<usize>(), 1..300),
    ) {
        prop_assume!(weights.iter().any(|&weight| weight > 0));
        let messages = contested_bits(weights.len() as u32, count, &draws);
        let view = view_of(&messages, &weights);
        let by_inspector = InspectorOracle::one_level().safety(&view, view.validators(), &ONE);
        let by_clique = CliqueOracle::new().safety(&view, view.validators(), &ONE);
        prop_assert!(by_inspector.margin >= by_clique.margin);
        prop_assert!(by_inspector.fault_tolerance >= by_clique.fault_tolerance);
    }
}

#[test]
fn a_ring_in_which_each_sees_most_is_safe_without_a_clique() {
    // Each of 0–4 has last seen all but one of the others say 1: arrows to weight 4 of 5.
    let dag = Dag::<Bit>::parse(
        "a 0 1; b 1 1; c 2 1; d 3 1; e 4 1
         aa 0 1 a b c d; bb 1 1 b c d e; cc 2 1 a c d e; dd 3 1 a b d e; ee 4 1 a b c e",
    );
    let view = view_of(dag.messages(), &[1; 5]);
    let by_inspector = InspectorOracle::one_level().safety(&view, view.validators(), &ONE);
    assert_eq!(by_inspector.quorum.members, (0..5).map(ValidatorId::new).collect::<Vec<_>>());
    assert_eq!(by_inspector.margin, Weight::new(3));
    assert_eq!(by_inspector.fault_tolerance, Some(Weight::new(1)));
    // Edges miss between 0–4, 1–0, 2–1, 3–2 and 4–3: of a ring of five, two are a clique.
    let by_clique = CliqueOracle::new().safety(&view, view.validators(), &ONE);
    assert_eq!(by_clique.fault_tolerance, None);
}

/// The definition, by levels and rounds over all messages: the greatest committee with `levels`
/// levels for `q`, of the validators in `committee`.
fn has_levels(view: &View<Bit>, mut committee: Vec<ValidatorId>, levels: u32, q: u64) -> bool {
    let weight = |v: ValidatorId| view.validators().weight(v).get();
    let streak = |v: ValidatorId| {
        let chain = std::iter::successors(view.latest_message(v), |&m| view.previous(m));
        chain.take_while(|&m| ONE.agrees(view, m)).collect::<Vec<_>>()
    };
    loop {
        let mut level: Vec<Vec<MessageIndex>> = committee.iter().map(|&v| streak(v)).collect();
        for _ in 0..levels {
            let sees = |m: MessageIndex| -> u64 {
                let seen = committee.iter().zip(&level).filter(|&(&u, below)| {
                    let latest =
                        if u == view.sender(m) { Some(m) } else { view.seen(m, u).latest() };
                    latest.is_some_and(|latest| below.iter().any(|&b| b <= latest))
                });
                seen.map(|(&u, _)| weight(u)).sum()
            };
            let next = committee
                .iter()
                .map(|&v| streak(v).into_iter().filter(|&m| sees(m) >= q).collect());
            level = next.collect();
        }
        let stay: Vec<ValidatorId> = committee
            .iter()
            .zip(&level)
            .filter(|(_, level)| !level.is_empty())
            .map(|(&v, _)| v)
            .collect();
        if stay.len() == committee.len() {
            return !committee.is_empty();
        }
        committee = stay;
    }
}

/// The best over all q and all k up to `levels`, by trying them, and the greatest q that gives it.
fn by_trying_all(view: &View<Bit>, levels: u32) -> Option<(u64, u64)> {
    let validators = view.validators();
    let total = validators.total().get();
    let agrees =
        |&v: &ValidatorId| view.latest_honest_message(v).is_some_and(|m| ONE.agrees(view, m));
    let vertices: Vec<ValidatorId> = validators.ids().filter(agrees).collect();
    let strengths = (total / 2 + 1)..=total;
    let pairs = strengths.flat_map(|q| (1..=levels).map(move |k| (q, k)));
    let found = pairs.filter(|&(q, k)| has_levels(view, vertices.clone(), k, q));
    let tolerance = |(q, k): (u64, u32)| {
        let scaled = (2 * q - total) * ((1_u64 << k) - 1);
        Some((scaled.div_ceil(1 << k).checked_sub(1)?, q))
    };
    found.filter_map(tolerance).max()
}

proptest! {
    #[test]
    fn with_several_levels_it_finds_the_best_over_all_strengths_and_levels(
        weights in prop::collection::vec(0u64..5, 1..7),
        count in 1usize..60,
        draws in prop::collection::vec(any::<usize>(), 1..300),
    ) {
        prop_assume!(weights.iter().any(|&weight| weight > 0));
        let messages = contested_bits(weights.len() as u32, count, &draws);
        let view = view_of(&messages, &weights);
        let mut before = None;
        for levels in 1..=4 {
            let safety = InspectorOracle::levels(levels).safety(&view, view.validators(), &ONE);
            let tolerance = safety.fault_tolerance.map(Weight::get);
            let best = by_trying_all(&view, levels);
            prop_assert_eq!(tolerance, best.map(|(tolerance, _)| tolerance), "{} levels", levels);
            if let Some((_, q)) = best {
                let margin = Weight::new(2 * q - view.validators().total().get());
                prop_assert_eq!(safety.margin, margin, "{} levels", levels);
            }
            prop_assert!(tolerance >= before, "no level takes anything away");
            prop_assert!(safety.exact && safety.bound == safety.fault_tolerance);
            before = tolerance;
        }
    }
}

proptest! {
    #[test]
    fn out_of_looks_it_finds_no_less_than_one_level_does_and_no_more_than_is_so(
        weights in prop::collection::vec(1u64..9, 2..7),
        count in 10usize..60,
        draws in prop::collection::vec(any::<usize>(), 1..300),
        looks in 0u64..60,
    ) {
        let messages = contested_bits(weights.len() as u32, count, &draws);
        let view = view_of(&messages, &weights);
        let ask = |oracle: InspectorOracle| oracle.safety(&view, view.validators(), &ONE);
        let (one_level, whole) = (ask(InspectorOracle::one_level()), ask(InspectorOracle::levels(4)));
        let early = ask(InspectorOracle::levels(4).with_budget(looks));
        prop_assert!(early.fault_tolerance >= one_level.fault_tolerance);
        prop_assert!(early.fault_tolerance <= whole.fault_tolerance);
        prop_assert!(early.bound >= whole.fault_tolerance);
        prop_assert!(!early.exact || early.fault_tolerance == whole.fault_tolerance);
    }
}

/// So many rounds in which 16 validators of this weight speak in turn, each having seen all.
fn rounds(count: usize, weight: u64) -> View<Bit> {
    let mut text = String::new();
    for round in 0..count {
        for v in 0..16 {
            let cite = |u: &i32| {
                if *u < v { format!("m{round}x{u} ") } else { format!("m{}x{u} ", round - 1) }
            };
            let cited: String = (0..16).filter(|u| round > 0 || *u < v).map(|u| cite(&u)).collect();
            text += &format!("m{round}x{v} {v} 1 {cited}\n");
        }
    }
    view_of(Dag::<Bit>::parse(&text).messages(), &[weight; 16])
}

#[test]
fn each_round_that_all_have_seen_adds_half_of_what_the_margin_still_has() {
    for round in 1..8 {
        let view = rounds(round + 1, 64);
        let safety = InspectorOracle::new().safety(&view, view.validators(), &ONE);
        // Everybody agrees: q = W = 1024, and a level for each round after the first.
        let tolerated = 1024 - 1024 / (1u64 << round) - 1;
        assert_eq!(safety.fault_tolerance, Some(Weight::new(tolerated)), "round {round}");
        assert_eq!(safety.margin, Weight::new(1024));
        assert_eq!(safety.faults as u64, tolerated / 64, "round {round}");
    }
}

#[test]
fn more_than_64_levels_are_as_64_and_there_are_looks_enough_for_as_many() {
    let view = rounds(66, 1 << 59);
    let ask = |levels| InspectorOracle::levels(levels).safety(&view, view.validators(), &ONE);
    let safety = ask(64);
    assert_eq!((safety.fault_tolerance, safety.exact), (Some(Weight::new((1 << 63) - 1)), true));
    assert_eq!(ask(65), safety);
    assert_eq!(ask(u32::MAX), safety);
}

/// Where all climb together nothing else is tried. For a level each looks at the message where it
/// is, which mostly has not seen all of that level, and at the next.
#[test]
fn as_many_levels_are_found_as_the_budget_does_for() {
    let view = rounds(8, 64);
    let ask = |looks| {
        let oracle = InspectorOracle::levels(7).with_budget(looks);
        let safety = oracle.safety(&view, view.validators(), &ONE);
        assert_eq!(safety.bound, Some(Weight::new(1015)));
        (safety.fault_tolerance.map(Weight::get), safety.exact)
    };
    assert_eq!(ask(7 * 16 * 2), (Some(1015), true));
    assert_eq!(ask(4 * 16 * 2), (Some(959), false));
    assert_eq!(ask(2 * 16 * 2), (Some(767), false));
    assert_eq!(ask(0), (Some(511), false));
}

#[test]
fn a_streak_of_any_length_is_looked_at_no_farther_than_it_matters() {
    let mut text = String::from("a0 0 1\n");
    for n in 1..3000 {
        text += &format!("a{n} 0 1 a{}\n", n - 1);
    }
    let view = view_of(Dag::<Bit>::parse(&text).messages(), &[3, 2]);
    let safety = InspectorOracle::new().safety(&view, view.validators(), &ONE);
    // Alone with more than half: the margin is 1, and no levels can add to a tolerance of 0.
    assert_eq!((safety.fault_tolerance, safety.bound), (Some(Weight::ZERO), Some(Weight::ZERO)));
}

/// Long ago both saw each other twice. Since then one has talked to itself for so long that what it
/// said then is not looked at: one level is certain, and more are not ruled out.
#[test]
fn what_lies_too_far_back_to_be_looked_at_is_left_open() {
    let mut text = String::from("a 0 1; b 1 1 a; a0 0 1 a b; b0 1 1 b a0;");
    for n in 1..2000 {
        text += &format!("a{n} 0 1 a{} b0\n", n - 1);
    }
    let view = view_of(Dag::<Bit>::parse(&text).messages(), &[20, 20]);
    let safety = InspectorOracle::levels(2).safety(&view, view.validators(), &ONE);
    assert_eq!(safety.fault_tolerance, Some(Weight::new(19)));
    assert_eq!((safety.exact, safety.bound), (false, Some(Weight::new(29))));
}
