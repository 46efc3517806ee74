//! The adversary oracle claims no more than exhaustive search allows.

use cbc_oracle_adversary::AdversaryOracle;
use cbc_oracle_contract::assert_kept;

#[test]
fn the_adversary_oracle_keeps_the_contract() {
    assert_kept(&AdversaryOracle);
}
