//! The inspector claims no more than exhaustive search allows, with any number of levels.

use cbc_oracle_contract::assert_kept;
use cbc_oracle_inspector::InspectorOracle;

#[test]
fn with_one_level_the_inspector_keeps_the_contract() {
    assert_kept(&InspectorOracle::one_level());
}

/// Several levels make others turn first: the argument is another than with one.
#[test]
fn with_two_levels_the_inspector_keeps_the_contract() {
    assert_kept(&InspectorOracle::levels(2));
}

#[test]
fn with_ten_levels_the_inspector_keeps_the_contract() {
    assert_kept(&InspectorOracle::levels(10));
}
