//! The clique oracle (semantics §6).

use std::borrow::Cow;

use cbc_message::{ValidatorId, ValidatorSet, Weight};
use cbc_view::{MessageDag, Property};

use crate::max_clique::{MaxClique, first_clique, search_beyond};
use crate::weighing::Weighing;
use crate::{
    BitSet, ChainOracle, LobbyingGraph, LobbyingTable, Quorum, Safety, SafetyOracle, Subject,
    strongest_committee,
};

/// The clique oracle: the quorum is the heaviest clique of the lobbying graph.
///
/// Members of a clique have all seen each other agree, and nothing of each other since that
/// disagrees. [`Safety::of_quorum`] has the argument for what that tolerates.
///
/// The search for the heaviest clique is exponential in the worst case, and a third of the
/// validators can bring that about by valid messages alone, with no equivocation: they choose whom
/// they cite. So it has a budget, counted in steps of the search ([`max_clique`](crate::max_clique)):
/// the same answer on every machine. Where the budget does not do, the answer is what the
/// [strongest committee](strongest_committee) tolerates, which holds by the same argument, is found
/// in O(V²), and is no less than what the heaviest clique tolerates. What is given up is the clique:
/// the quorum is a committee then, the margin and the proof of concept's figures are those of its
/// strength, perhaps more than the heaviest clique's, and the answer says that it is not exact.
#[derive(Clone, Copy, Debug)]
pub struct CliqueOracle {
    /// In steps; `None` for what suits the number of validators.
    budget: Option<u64>,
}

impl CliqueOracle {
    /// The oracle with a budget that the graphs of honest protocols do not come near: see
    /// [`budget_for`](Self::budget_for).
    pub const fn new() -> Self {
        Self { budget: None }
    }

    /// The oracle that searches until it is certain: exponential in the worst case. For graphs that
    /// nobody hostile had a hand in.
    pub const fn exact() -> Self {
        Self::with_budget(u64::MAX)
    }

    /// The oracle that searches for so many steps for one candidate; with 0, not at all.
    pub const fn with_budget(steps: u64) -> Self {
        Self { budget: Some(steps) }
    }

    /// The steps that [`new`](Self::new) allows for one candidate: `100 000 + 4 V²` for V
    /// validators.
    ///
    /// Honest validators who speak at random, and hear of each other after delays of up to four
    /// rounds, or lose every tenth message on the way, were measured after each message: 10 to
    /// 1 000 validators, all that was said in one view. Their graphs are nearly complete, or nested;
    /// where anything was searched for at all, one or two nodes did, 1.2 V² steps at most. So
    /// there is more than three times that for any number of validators, and for few so much that
    /// hardly any graph of fifty needs more. It is 20 ms for three hundred validators, and a
    /// quarter of a second for a thousand.
    pub const fn budget_for(validators: usize) -> u64 {
        let validators = validators as u64;
        validators.saturating_mul(validators).saturating_mul(4).saturating_add(100_000)
    }

    fn budget(&self, validators: &ValidatorSet) -> u64 {
        self.budget.unwrap_or(Self::budget_for(validators.len()))
    }
}

impl Default for CliqueOracle {
    fn default() -> Self {
        Self::new()
    }
}

impl<D: MessageDag> SafetyOracle<D> for CliqueOracle {
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
        let budget = self.budget(validators);
        let graph = LobbyingGraph::new(dag, candidate);
        let weights: Vec<_> = graph.vertices().iter().map(|&v| validators.weight(v)).collect();
        let (above, half) = (Weight::ZERO, half_of(validators));
        Ballot { weights: &weights, edges: graph.edges(), above, half, budget }
            .count(|| Cow::Borrowed(graph.arrows()))
            .safety(validators, |vertex| graph.vertices()[vertex])
    }

    /// From a [`LobbyingTable`]: O(V) for one more message, and for a candidate O(V) for whoever has
    /// moved, and the search. What was not safe is looked at again once what has moved weighs enough
    /// to make it so: a clique of now, without those of its members who have moved, was one then.
    ///
    /// A search by bisection asks it. That is right for the heaviest clique, and for the strongest
    /// committee: neither tolerates more for a candidate than for one before it in the chain. Of the
    /// two kinds of answers together it is not quite true: of a chain, the clique of one candidate
    /// may be found, and not do, and the search of a deeper one run out of budget, and its committee
    /// do. What is answered is then the deepest that was found safe; it is safe, as any one answer
    /// holds by itself, and no less deep than [`exact`](Self::exact) answers, since where that finds
    /// a candidate safe, either kind of answer does. Nor is it asked for a committee where it is
    /// known from before that no clique weighs enough.
    fn chain_oracle(&self) -> Option<Box<dyn ChainOracle<D> + Send + Sync>> {
        let (table, outcomes) = (LobbyingTable::new(), Vec::new());
        Some(Box::new(ChainCliques { oracle: *self, table, outcomes }))
    }
}

/// The clique oracle for all candidates of a chain.
struct ChainCliques {
    oracle: CliqueOracle,
    table: LobbyingTable,
    /// What was found since anything last changed, by depth and by the strength that a quorum has to
    /// exceed to matter.
    outcomes: Vec<((u32, Weight), Outcome)>,
}

impl ChainCliques {
    /// What is found for the candidate at `depth`; but where no clique weighs more than `above`,
    /// whatever is found until that is clear.
    fn outcome(&mut self, validators: &ValidatorSet, depth: u32, above: Weight) -> &Outcome {
        let question = (depth, above);
        let known = self.outcomes.iter().position(|(answered, _)| *answered == question);
        let place = known.unwrap_or_else(|| {
            let outcome = self.outcome_anew(validators, depth, above);
            self.outcomes.push((question, outcome));
            self.outcomes.len() - 1
        });
        &self.outcomes[place].1
    }

    fn outcome_anew(&mut self, validators: &ValidatorSet, depth: u32, above: Weight) -> Outcome {
        let agreeing = self.table.agreeing(validators, depth);
        if agreeing < validators.total() - agreeing || agreeing <= above {
            return Outcome::clique(Vec::new(), Weight::ZERO, agreeing);
        }
        let graph = self.table.graph(depth);
        // Whoever is no vertex weighs nothing, and is left out of the search.
        let mut weights = vec![Weight::ZERO; validators.len()];
        graph.vertices().iter().for_each(|v| weights[v] = validators.weights()[v]);
        let (half, budget) = (half_of(validators), self.oracle.budget(validators));
        Ballot { weights: &weights, edges: graph.edges(), above, half, budget }
            .count(|| Cow::Borrowed(graph.arrows()))
    }
}

impl<D: MessageDag> ChainOracle<D> for ChainCliques {
    fn update(&mut self, subject: &Subject<'_, D>) {
        if self.table.update(subject.dag, subject.chain) {
            self.outcomes.clear();
        }
    }

    fn fails_from(&self, subject: &Subject<'_, D>, threshold: Weight) -> Option<u32> {
        self.table.refuted_from(subject.validators, threshold)
    }

    fn reaches(&mut self, subject: &Subject<'_, D>, depth: u32, threshold: Weight) -> bool {
        let too_weak = Safety::greatest_strength_below(threshold, subject.validators);
        let &Outcome { strength, bound, .. } = self.outcome(subject.validators, depth, too_weak);
        if strength <= too_weak {
            // Without those of its members who have moved, a clique of now is one of then.
            let slack = Weight::new(too_weak.get().saturating_add(1)).saturating_sub(bound);
            self.table.refute(depth, threshold, slack);
        }
        strength > too_weak
    }

    fn safety(&mut self, subject: &Subject<'_, D>, depth: u32, threshold: Weight) -> Safety {
        let validators = subject.validators;
        let too_weak = Safety::greatest_strength_below(threshold, validators);
        self.outcome(validators, depth, too_weak).safety(validators, |v| ValidatorId::new(v as u32))
    }
}

fn half_of(validators: &ValidatorSet) -> Weight {
    Weight::new(validators.total().get() / 2)
}

/// What the clique oracle asks of a lobbying graph.
pub(crate) struct Ballot<'a> {
    /// What each vertex weighs. Whoever weighs nothing is left out.
    pub(crate) weights: &'a [Weight],
    pub(crate) edges: &'a [BitSet],
    /// No quorum matters that is not stronger.
    pub(crate) above: Weight,
    /// Half of what all validators weigh, rounded down: a quorum tolerates nothing if it is not
    /// stronger.
    pub(crate) half: Weight,
    pub(crate) budget: u64,
}

/// What it found: a clique, or where the budget did not do, a committee.
pub(crate) struct Outcome {
    members: Vec<usize>,
    strength: Weight,
    /// No clique that matters weighs more.
    bound: Weight,
    is_clique: bool,
}

impl Ballot<'_> {
    /// The heaviest clique, or the strongest committee. `arrows` is asked only where the first
    /// clique and bound leave anything open.
    pub(crate) fn count<'g>(&self, arrows: impl FnOnce() -> Cow<'g, [BitSet]>) -> Outcome {
        let &Self { weights, edges, above, half, budget } = self;
        // Where few are neighbours of all others, colours take long: as in lock step, while some
        // have spoken in a round and others have not.
        let is_split = self.is_split();
        let majority = if is_split { self.majority() } else { MaxClique::default() };
        if majority.is_exact() && majority.weight > half {
            return Outcome::clique(majority.members, majority.weight, majority.bound);
        }
        if is_split && majority.bound <= above {
            return Outcome::clique(Vec::new(), Weight::ZERO, majority.bound);
        }
        let mut found = first_clique(weights, edges, above);
        if found.is_exact() || found.bound <= above {
            return Outcome::clique(found.members, found.weight, found.bound);
        }
        let majority = if is_split { majority } else { self.majority() };
        if majority.is_exact() && majority.weight > half {
            return Outcome::clique(majority.members, majority.weight, majority.bound);
        }
        found.bound = found.bound.min(majority.bound).max(found.weight);
        let mut weighty = BitSet::full(weights.len());
        let weightless = (0..weights.len()).filter(|&vertex| weights[vertex].is_zero());
        weightless.for_each(|vertex| weighty.remove(vertex));
        let committee = strongest_committee(&arrows(), weights, weighty);
        let mut bound = found.bound.min(committee.strength);
        if bound > found.weight.max(above) {
            found = search_beyond(found, weights, edges, above, budget);
            bound = bound.min(found.bound);
        }
        if bound <= found.weight.max(above) {
            return Outcome::clique(found.members, found.weight, bound);
        }
        let members = committee.members.iter().collect();
        Outcome { members, strength: committee.strength, bound, is_clique: false }
    }

    /// Whether less than a quarter of the vertices are neighbours of all others. O(V²/64).
    fn is_split(&self) -> bool {
        let mut vertices = BitSet::new(self.weights.len());
        let weighty = (0..self.weights.len()).filter(|&vertex| !self.weights[vertex].is_zero());
        weighty.for_each(|vertex| vertices.insert(vertex));
        let is_hub = |&vertex: &usize| vertices.is_subset_but_for(vertex, &self.edges[vertex]);
        4 * vertices.iter().filter(is_hub).count() < vertices.len()
    }

    /// A clique and a bound, without a search, among the vertices that weigh more than half together
    /// with their neighbours: cliques that weigh more have no others. The bound is for all cliques:
    /// one that has one of the others weighs no more than that and its neighbours.
    fn majority(&self) -> MaxClique {
        let weighing = Weighing::new(self.weights, BitSet::full(self.weights.len()));
        let (mut kernel, mut others) = (self.weights.to_vec(), Weight::ZERO);
        for (weight, neighbours) in kernel.iter_mut().zip(self.edges) {
            let closed = *weight + weighing.of(neighbours);
            if closed <= self.half {
                others = others.max(closed);
                *weight = Weight::ZERO;
            }
        }
        let found = first_clique(&kernel, self.edges, self.half);
        let bound = if found.weight > self.half { found.bound } else { found.bound.max(others) };
        MaxClique { bound, ..found }
    }
}

impl Outcome {
    fn clique(members: Vec<usize>, weight: Weight, bound: Weight) -> Self {
        Self { members, strength: weight, bound, is_clique: true }
    }

    /// The answer, where `validator` says whom each vertex stands for.
    pub(crate) fn safety(
        &self,
        validators: &ValidatorSet,
        validator: impl Fn(usize) -> ValidatorId,
    ) -> Safety {
        if self.members.is_empty() {
            return Safety::none();
        }
        let members = self.members.iter().copied().map(validator).collect();
        let quorum = Quorum::new(members, validators);
        let safety = Safety::of_strength(self.strength, quorum, validators)
            .with_strength_at_most(self.bound, validators);
        Safety { exact: safety.exact && self.is_clique, ..safety }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the arrows are asked for, where `vertices` of weight 1 have these edges, and no
    /// quorum of `above` matters.
    fn asks_for_arrows(vertices: usize, edges: &[(usize, usize)], above: u64) -> bool {
        let mut rows = vec![BitSet::new(vertices); vertices];
        for &(one, other) in edges {
            rows[one].insert(other);
            rows[other].insert(one);
        }
        let weights = vec![Weight::new(1); vertices];
        let mut asked = false;
        let arrows = || {
            asked = true;
            Cow::Borrowed(&rows[..])
        };
        let above = Weight::new(above);
        let half = Weight::new(vertices as u64 / 2);
        Ballot { weights: &weights, edges: &rows, above, half, budget: u64::MAX }.count(arrows);
        asked
    }

    /// A ring of five has three colours, and no clique of three; and here nobody's neighbours weigh
    /// half of all together.
    #[test]
    fn a_clique_that_weighs_no_more_than_half_is_found_all_the_same() {
        let mut rows = vec![BitSet::new(5); 5];
        for vertex in 0..5 {
            rows[vertex].insert((vertex + 1) % 5);
            rows[(vertex + 1) % 5].insert(vertex);
        }
        let (weights, above, half) = ([Weight::new(1); 5], Weight::ZERO, Weight::new(10));
        let ballot = Ballot { weights: &weights, edges: &rows, above, half, budget: u64::MAX };
        let found = ballot.count(|| Cow::Borrowed(&rows[..]));
        assert_eq!((found.members.len(), found.strength), (2, Weight::new(2)));
        assert!(found.is_clique && found.bound == found.strength);
    }

    #[test]
    fn the_arrows_are_asked_for_only_where_cliques_leave_anything_open() {
        assert!(!asks_for_arrows(3, &[(0, 1), (1, 2), (2, 0)], 0));
        // A ring of five has three colours, and no clique of three.
        let ring = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)];
        assert!(asks_for_arrows(5, &ring, 0));
        assert!(asks_for_arrows(5, &ring, 2));
        assert!(!asks_for_arrows(5, &ring, 3));
    }
}
