//! The Turán oracle promises no more than there is.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use cbc_message::{Bit, Message, ValidatorSet, Weight};
use cbc_oracle::{CliqueOracle, SafetyOracle};
use cbc_oracle_turan::TuranOracle;
use cbc_testkit::{Dag, contested_bits};
use cbc_view::{Equals, View};
use proptest::prelude::*;

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
    fn it_never_claims_more_than_the_heaviest_clique_supports(
        weights in prop::collection::vec(0u64..5, 1..8),
        count in 1usize..80,
        draws in prop::collection::vec(any::<usize>(), 1..300),
    ) {
        prop_assume!(weights.iter().any(|&weight| weight > 0));
        let messages = contested_bits(weights.len() as u32, count, &draws);
        let view = view_of(&messages, &weights);
        for candidate in [Bit::Zero, Bit::One].map(Equals) {
            let by_turan = TuranOracle.safety(&view, view.validators(), &candidate);
            let by_clique = CliqueOracle::new().safety(&view, view.validators(), &candidate);
            prop_assert!(by_turan.margin <= by_clique.margin);
            prop_assert!(by_turan.fault_tolerance <= by_clique.fault_tolerance);
        }
    }
}

/// Of ten pairs of five one has not seen each other: a clique of four is promised, of which
/// nobody knows who is in it.
#[test]
fn the_members_that_may_be_faulty_may_be_the_heaviest() {
    let dag = Dag::<Bit>::parse(
        "a 0 1; b 1 1; c 2 1; d 3 1; e 4 1
         aa 0 1 a b c d; bb 1 1 a b c d e; cc 2 1 a b c d e; dd 3 1 a b c d e; ee 4 1 a b c d e",
    );
    let faults = |weights: &[u64]| {
        let view = view_of(dag.messages(), weights);
        let safety = TuranOracle.safety(&view, view.validators(), &Equals(Bit::One));
        assert_eq!(safety.quorum.weight, Weight::new(40));
        (safety.fault_tolerance.map(Weight::get), safety.faults)
    };
    assert_eq!(faults(&[10, 10, 10, 10, 12]), (Some(13), 1));
    // The fifth alone weighs more than is tolerated, and may be one of the four.
    assert_eq!(faults(&[14, 10, 10, 10, 10]), (Some(12), 0));
}

/// Half of the weight is a quorum, though it is not enough to be safe.
#[test]
fn a_quorum_of_half_of_the_weight_is_named_as_the_clique_oracle_does() {
    let dag = Dag::<Bit>::parse("a 0 1; b 1 1 a; c 0 1 a b; d 2 0");
    let view = view_of(dag.messages(), &[1, 1, 2]);
    let one = Equals(Bit::One);
    let by_turan = TuranOracle.safety(&view, view.validators(), &one);
    let by_clique = CliqueOracle::new().safety(&view, view.validators(), &one);
    assert_eq!((by_turan.fault_tolerance, by_clique.fault_tolerance), (None, None));
    assert_eq!((by_turan.quorum.members.len(), by_clique.quorum.members.len()), (2, 2));
}
