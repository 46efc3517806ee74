//! The clique oracle (semantics §6).

use cbc_message::{ValidatorSet, Weight};
use cbc_view::{Chain, MessageDag, Property};

use crate::oracle::deepest;
use crate::{LobbyingGraph, LobbyingTable, Quorum, Safety, SafetyOracle, max_clique};

/// The clique oracle: the quorum is the heaviest clique of the lobbying graph.
///
/// Members of a clique have all seen each other agree, and nothing of each other since that
/// disagrees. [`Safety::of_quorum`] has the argument for what that tolerates. Any clique gives a
/// sound lower bound, so the search may stop early; the answer then says that it is not exact.
#[derive(Clone, Copy, Debug)]
pub struct CliqueOracle {
    budget: u64,
}

impl CliqueOracle {
    /// The exact oracle. The search for the heaviest clique is exponential in the worst case, and
    /// immediate on the graphs that protocols make, where nearly everybody has seen nearly
    /// everybody.
    pub const fn new() -> Self {
        Self::with_budget(u64::MAX)
    }

    /// The oracle that gives its best answer after visiting `nodes` nodes of the search tree.
    pub const fn with_budget(nodes: u64) -> Self {
        Self { budget: nodes }
    }
}

impl Default for CliqueOracle {
    fn default() -> Self {
        Self::new()
    }
}

impl<D: MessageDag> SafetyOracle<D> for CliqueOracle {
    fn name(&self) -> &'static str {
        "clique"
    }

    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        let agreeing = |&validator: &_| {
            let message = dag.latest_honest_message(validator);
            message.is_some_and(|message| candidate.agrees(dag, message))
        };
        let weight = validators.weight_of(validators.ids().filter(agreeing));
        // Less than half of the weight agrees: no clique can matter, so none is looked for.
        if weight < validators.total() - weight {
            return Safety::none();
        }
        let graph = LobbyingGraph::new(dag, candidate);
        let weights: Vec<_> = graph.vertices().iter().map(|&v| validators.weight(v)).collect();
        let clique = max_clique(&weights, graph.edges(), self.budget);
        let members = clique.members.iter().map(|&vertex| graph.vertices()[vertex]).collect();
        Safety::of_quorum(Quorum::new(members, validators), validators)
            .with_strength_at_most(clique.bound, validators)
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
        table.update(dag, chain);
        let too_weak = Safety::greatest_strength_below(threshold, validators);
        deepest(above, chain.depth(), threshold, |depth| {
            table.clique(validators, depth, too_weak, self.budget)
        })
    }
}
