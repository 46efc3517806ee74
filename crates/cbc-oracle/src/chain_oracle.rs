//! Oracles for all candidates of a chain at once.

use std::fmt;

use cbc_message::{ValidatorSet, Weight};
use cbc_view::{Chain, MessageDag};

use crate::Safety;

/// What an oracle answers for the candidates of a chain, from what it keeps of the chain before.
///
/// Most oracles need none: see [`SafetyOracle::chain_oracle`](crate::SafetyOracle::chain_oracle).
/// Nobody need ask one but a [`FinalitySearch`](crate::FinalitySearch). A
/// [`LobbyingTable`](crate::LobbyingTable) is what most may keep.
pub trait ChainOracle<D: MessageDag> {
    /// The next questions are about `subject`, as it is now.
    ///
    /// The DAG is that of the last time, grown, or another observer's of the same messages: an
    /// index stands for one message. The chain may be any, of one tree of candidates: whatever
    /// agrees with a candidate agrees with no other of that depth, be it of this chain or of one
    /// before. So messages tell what it has in common with the last.
    fn update(&mut self, subject: &Subject<'_, D>);

    /// A depth from which on no candidate is tolerated to equivocators of weight `threshold`, if one
    /// is known without looking. By default none is.
    fn fails_from(&self, _subject: &Subject<'_, D>, _threshold: Weight) -> Option<u32> {
        None
    }

    /// Whether what the oracle answers for the candidate at `depth ≥ 1` of the chain reaches
    /// `threshold`: for whoever need not know more, and who is to be quick.
    fn reaches(&mut self, subject: &Subject<'_, D>, depth: u32, threshold: Weight) -> bool {
        self.safety(subject, depth, threshold).reaches(threshold)
    }

    /// What the oracle answers for the candidate at `depth ≥ 1` of the chain; where that does not
    /// reach `threshold`, anything that does not either.
    fn safety(&mut self, subject: &Subject<'_, D>, depth: u32, threshold: Weight) -> Safety;
}

/// What a [`ChainOracle`] is asked about. All three are those of the last
/// [`update`](ChainOracle::update).
pub struct Subject<'a, D> {
    /// The view.
    pub dag: &'a D,
    /// The validators.
    pub validators: &'a ValidatorSet,
    /// The candidates.
    pub chain: &'a dyn Chain<D>,
}

impl<D> fmt::Debug for Subject<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("validators", &self.validators).finish_non_exhaustive()
    }
}
