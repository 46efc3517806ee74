//! The inspector finds all that cliques find.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use cbc_message::{Bit, Message, ValidatorId, ValidatorSet, Weight};
use cbc_oracle::{CliqueOracle, SafetyOracle};
use cbc_oracle_inspector::InspectorOracle;
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
        let by_inspector = InspectorOracle.safety(&view, view.validators(), &ONE);
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
    let by_inspector = InspectorOracle.safety(&view, view.validators(), &ONE);
    assert_eq!(by_inspector.quorum.members, (0..5).map(ValidatorId::new).collect::<Vec<_>>());
    assert_eq!(by_inspector.margin, Weight::new(3));
    assert_eq!(by_inspector.fault_tolerance, Some(Weight::new(1)));
    // Edges miss between 0–4, 1–0, 2–1, 3–2 and 4–3: of a ring of five, two are a clique.
    let by_clique = CliqueOracle::new().safety(&view, view.validators(), &ONE);
    assert_eq!(by_clique.fault_tolerance, None);
}
