//! The oracle trait.

use std::sync::Arc;

use cbc_message::ValidatorSet;
use cbc_view::{MessageDag, Property};

use crate::Safety;

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
        }
    )*};
}

forward_to_inner!(&O, Box<O>, Arc<O>);
