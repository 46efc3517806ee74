//! An oracle, and what it claims.

use cbc_message::{Bit, BlockVote, ConcurrentVote, ShardVote};
use cbc_oracle::SafetyOracle;
use cbc_view::View;

use crate::{Report, Size, Violation, survey};

/// An oracle for all protocols whose futures are searched. Whatever is a [`SafetyOracle`] for every
/// message DAG is one.
pub trait ContractOracle:
    SafetyOracle<View<Bit>>
    + SafetyOracle<View<BlockVote>>
    + SafetyOracle<View<ConcurrentVote>>
    + SafetyOracle<View<ShardVote>>
{
}

impl<O> ContractOracle for O where
    O: SafetyOracle<View<Bit>>
        + SafetyOracle<View<BlockVote>>
        + SafetyOracle<View<ConcurrentVote>>
        + SafetyOracle<View<ShardVote>>
{
}

/// An oracle that is to be held to the contract.
///
/// ```
/// use cbc_oracle::CliqueOracle;
/// use cbc_oracle_contract::{Claimant, Size};
///
/// let report = Claimant::new(&CliqueOracle::new()).check(Size::SMALL)?;
/// assert!(report.safe > 0 && report.safe < report.asked);
/// # Ok::<(), Box<cbc_oracle_contract::Violation>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Claimant<'a> {
    pub(crate) oracle: &'a dyn ContractOracle,
    pub(crate) quorum_holds: bool,
}

impl<'a> Claimant<'a> {
    /// This oracle, which is held to all of the contract.
    pub fn new(oracle: &'a dyn ContractOracle) -> Self {
        Self { oracle, quorum_holds: true }
    }

    /// The same, whose quorum is not held to its word: it only stands in for another, which is not
    /// known, as that of the Turán oracle does.
    #[must_use]
    pub fn without_quorum(self) -> Self {
        Self { quorum_holds: false, ..self }
    }

    /// Holds the oracle to the contract.
    ///
    /// # Errors
    ///
    /// Of the breaches that were found, the one in the view of the fewest messages.
    pub fn check(self, size: Size) -> Result<Report, Box<Violation>> {
        survey::check(size, self)
    }
}

/// Holds an oracle to the contract, at the default [`Size`]: seconds.
///
/// # Errors
///
/// As [`Claimant::check`].
pub fn check(oracle: &impl ContractOracle) -> Result<Report, Box<Violation>> {
    Claimant::new(oracle).check(Size::default())
}

/// Holds an oracle to the contract, at the default [`Size`].
///
/// # Panics
///
/// If the oracle breaks it, with the counterexample.
#[track_caller]
pub fn assert_kept(oracle: &impl ContractOracle) {
    if let Err(violation) = check(oracle) {
        panic!("{violation}");
    }
}
