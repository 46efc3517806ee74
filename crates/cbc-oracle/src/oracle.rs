//! The oracle trait.

use std::sync::Arc;

use cbc_message::{ValidatorSet, Weight};
use cbc_view::{Chain, MessageDag, Property};

use crate::{LobbyingTable, Safety};

/// Finds how safe a candidate is in a view (semantics §6).
///
/// The DAG's type stands on the trait, not on the method, so that an oracle can be chosen when a
/// program runs (`dyn SafetyOracle<D>`) as well as when it is compiled.
pub trait SafetyOracle<D: MessageDag> {
    /// What the oracle is called.
    fn name(&self) -> &'static str;

    /// What the messages of `dag` say of the safety of `candidate`.
    ///
    /// The answer is a lower bound: that much is tolerated, perhaps more. It holds for estimators
    /// that are majority driven (semantics §7), and counts equivocators beyond those that `dag`
    /// already proves.
    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety;

    /// The depth and the safety of the deepest candidate of `chain`, past the first `above`, whose
    /// fault tolerance reaches `threshold`; `None` if none does.
    ///
    /// `table` is whatever its owner asked with last, in this DAG, or a new one. Oracles that read
    /// the lobbying graph find there what they worked out then, and answer the sooner.
    ///
    /// Along a chain no candidate is safer than one before it (semantics §6), so this looks at
    /// O(log n) of n candidates; at two, where the answer is the first past `above`.
    fn deepest_safe(
        &self,
        dag: &D,
        validators: &ValidatorSet,
        chain: &dyn Chain<D>,
        table: &mut LobbyingTable,
        above: u32,
        threshold: Weight,
    ) -> Option<(u32, Safety)> {
        let _ = table;
        let safety = |depth| {
            let agrees = |dag: &D, message| chain.agreement(dag, message) >= depth;
            self.safety(dag, validators, &agrees)
        };
        deepest(above, chain.depth(), threshold, safety)
    }
}

/// The last depth past `above`, up to `end`, at which `safety` reaches `threshold`, and what it is
/// there. In steps that grow from 1 on, then by bisection.
pub(crate) fn deepest(
    above: u32,
    end: u32,
    threshold: Weight,
    mut safety: impl FnMut(u32) -> Safety,
) -> Option<(u32, Safety)> {
    let mut deepest = None;
    let (mut safe, mut step) = (above, 1);
    // The first depth that is known not to be safe; beyond the end, none is yet.
    let mut failed: Option<u32> = None;
    while safe < end && failed.is_none_or(|failed| failed - safe > 1) {
        let depth = match failed {
            Some(failed) => safe + (failed - safe) / 2,
            None => end.min(safe.saturating_add(step)),
        };
        let found = safety(depth);
        if found.reaches(threshold) {
            safe = depth;
            step = step.saturating_mul(2);
            deepest = Some((depth, found));
        } else {
            failed = Some(depth);
        }
    }
    deepest
}

macro_rules! forward_to_inner {
    ($($pointer:ty),*) => {$(
        impl<D: MessageDag, O: SafetyOracle<D> + ?Sized> SafetyOracle<D> for $pointer {
            fn name(&self) -> &'static str {
                (**self).name()
            }

            fn safety(
                &self,
                dag: &D,
                validators: &ValidatorSet,
                candidate: &dyn Property<D>,
            ) -> Safety {
                (**self).safety(dag, validators, candidate)
            }

            fn deepest_safe(
                &self,
                dag: &D,
                validators: &ValidatorSet,
                chain: &dyn Chain<D>,
                table: &mut LobbyingTable,
                above: u32,
                threshold: Weight,
            ) -> Option<(u32, Safety)> {
                (**self).deepest_safe(dag, validators, chain, table, above, threshold)
            }
        }
    )*};
}

forward_to_inner!(&O, Box<O>, Arc<O>);
