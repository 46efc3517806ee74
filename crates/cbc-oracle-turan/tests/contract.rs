//! The Turán oracle claims no more than exhaustive search allows.

use cbc_oracle_contract::{Claimant, Size};
use cbc_oracle_turan::TuranOracle;

/// Its quorum stands in for one of which it knows only the size.
#[test]
fn the_turan_oracle_keeps_the_contract() {
    let kept = Claimant::new(&TuranOracle).without_quorum().check(Size::default());
    assert!(kept.is_ok(), "{}", kept.unwrap_err());
}
