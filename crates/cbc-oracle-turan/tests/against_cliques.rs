//! The Turán oracle promises no more than there is.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use cbc_message::{Bit, ValidatorSet, Weight};
use cbc_oracle::{CliqueOracle, SafetyOracle};
use cbc_oracle_turan::TuranOracle;
use cbc_testkit::contested_bits;
use cbc_view::{Equals, View};
use proptest::prelude::*;

proptest! {
    #[test]
    fn it_never_claims_more_than_the_heaviest_clique_supports(
        weights in prop::collection::vec(0u64..5, 1..8),
        count in 1usize..80,
        draws in prop::collection::vec(any::<usize>(), 1..300),
    ) {
        prop_assume!(weights.iter().any(|&weight| weight > 0));
        let messages = contested_bits(weights.len() as u32, count, &draws);
        let validators = ValidatorSet::new(weights.into_iter().map(Weight::new)).unwrap();
        let mut view = View::new(Arc::new(validators));
        for message in messages {
            view.insert(message).unwrap();
        }
        for candidate in [Bit::Zero, Bit::One].map(Equals) {
            let by_turan = TuranOracle.safety(&view, view.validators(), &candidate);
            let by_clique = CliqueOracle::new().safety(&view, view.validators(), &candidate);
            prop_assert!(by_turan.margin <= by_clique.margin);
            prop_assert!(by_turan.fault_tolerance <= by_clique.fault_tolerance);
        }
    }
}

#[test]
fn it_is_called_turan() {
    assert_eq!(SafetyOracle::<View<Bit>>::name(&TuranOracle), "turan");
}
