//! The oracle trait.

use std::sync::Arc;

use cbc_message::ValidatorSet;
use cbc_view::{MessageDag, Property};

use crate::{ChainOracle, Safety};

/// Finds how safe a candidate is in a view (semantics §6).
///
/// One method is asked for. An oracle keeps nothing from one question to the next; what is kept
/// where the same view is asked about again and again, as it grows, is a
/// [`FinalitySearch`](crate::FinalitySearch)'s, which works with every oracle, and with some is
/// quicker ([`chain_oracle`](Self::chain_oracle)).
///
/// The DAG's type stands on the trait, not on the method, so that an oracle can be chosen when a
/// program runs (`dyn SafetyOracle<D>`) as well as when it is compiled.
///
/// ```
/// use cbc_message::ValidatorSet;
/// use cbc_oracle::{LobbyingGraph, Quorum, Safety, SafetyOracle};
/// use cbc_view::{MessageDag, Property};
///
/// /// Safe is what all agree on, and have seen all others agree on.
/// struct Unanimity;
///
/// impl<D: MessageDag> SafetyOracle<D> for Unanimity {
///     fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
///         let graph = LobbyingGraph::new(dag, candidate);
///         let others = validators.len() - 1;
///         let all = graph.vertices().len() == validators.len()
///             && graph.edges().iter().all(|neighbours| neighbours.len() == others);
///         if !all {
///             return Safety::none();
///         }
///         Safety::of_quorum(Quorum::new(validators.ids().collect(), validators), validators)
///     }
/// }
/// ```
pub trait SafetyOracle<D: MessageDag> {
    /// What the messages of `dag` say of the safety of `candidate`.
    ///
    /// The answer is a lower bound: that much is tolerated, perhaps more. It holds for estimators
    /// that are majority driven (semantics §7), and counts equivocators beyond those that `dag`
    /// already proves.
    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety;

    /// The same oracle for all candidates of a chain at once, if there is one that finds it quicker
    /// than [`safety`](Self::safety) does for each: it has been asked nothing yet. By default there
    /// is none.
    ///
    /// This stands here, and not in a trait of its own, so that whoever has only a
    /// `dyn SafetyOracle` has it, too.
    fn chain_oracle(&self) -> Option<Box<dyn ChainOracle<D> + Send + Sync>> {
        None
    }
}

macro_rules! forward_to_inner {
    ($($pointer:ty),*) => {$(
        impl<D: MessageDag, O: SafetyOracle<D> + ?Sized> SafetyOracle<D> for $pointer {
            fn safety(
                &self,
                dag: &D,
                validators: &ValidatorSet,
                candidate: &dyn Property<D>,
            ) -> Safety {
                (**self).safety(dag, validators, candidate)
            }

            fn chain_oracle(&self) -> Option<Box<dyn ChainOracle<D> + Send + Sync>> {
                (**self).chain_oracle()
            }
        }
    )*};
}

forward_to_inner!(&O, Box<O>, Arc<O>);
