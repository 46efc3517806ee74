//! Oracles for all candidates of a chain at once.

use cbc_message::{ValidatorSet, Weight};
use cbc_view::{Chain, MessageDag};

use crate::Safety;

/// What an oracle answers for the candidates of a chain, from what it keeps of the chain before.
///
/// Most oracles need none: see [`SafetyOracle::chain_oracle`](crate::SafetyOracle::chain_oracle).
/// Nobody need ask one but a [`FinalitySearch`](crate::FinalitySearch).
pub trait ChainOracle<D: MessageDag> {
    /// The next questions are about `chain`, in `dag` as it is now.
    ///
    /// The DAG is that of the last time, grown, or another observer's of the same messages: an
    /// index stands for one message. The chain may be any, of one tree of candidates: whatever
    /// agrees with a candidate agrees with no other of that depth, be it of this chain or of one
    /// before. So messages tell what it has in common with the last.
    fn update(&mut self, dag: &D, chain: &dyn Chain<D>);

    /// What the oracle answers for the candidate at `depth` of the chain, from 1 on; where that does
    /// not reach `threshold`, anything that does not either.
    fn safety(&mut self, validators: &ValidatorSet, depth: u32, threshold: Weight) -> Safety;
}
