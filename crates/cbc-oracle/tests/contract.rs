//! The clique oracle claims no more than exhaustive search allows.

use cbc_oracle::CliqueOracle;
use cbc_oracle_contract::assert_kept;

#[test]
fn the_clique_oracle_keeps_the_contract() {
    assert_kept(&CliqueOracle::new());
}

/// Out of budget at once, it answers by the strongest committee.
#[test]
fn so_it_does_without_any_budget() {
    assert_kept(&CliqueOracle::with_budget(0));
}
