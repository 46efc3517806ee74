//! The inspector oracle of CBC Casper: finds all that cliques find, and more, in polynomial time.
//!
//! A clique asks that its members have all seen each other agree. It is enough that each of a
//! *committee* has seen members of weight q agree, not everybody the same ones. The
//! [`InspectorOracle`] finds the committee with the greatest such q.
//!
//! This crate swaps in for the clique oracle of `cbc-oracle` and depends on nothing above it.
//!
//! ```
//! use std::sync::Arc;
//! use cbc_oracle::SafetyOracle;
//! use cbc_oracle_inspector::InspectorOracle;
//! use cbc_view::cbc_message::{Bit, Header, Message, ValidatorSet, Weight};
//! use cbc_view::{Equals, View};
//!
//! let weights = Arc::new(ValidatorSet::new([5, 4, 3].map(Weight::new))?);
//! let mut view = View::new(Arc::clone(&weights));
//! for sender in weights.ids().chain(weights.ids()) {
//!     let sequence_number = view.next_sequence_number(sender);
//!     let justification = view.justification();
//!     let header = Header { sender, sequence_number, justification, estimate: Bit::One };
//!     view.insert(Message::new(header))?;
//! }
//! let safety = InspectorOracle.safety(&view, &weights, &Equals(Bit::One));
//! assert_eq!(safety.fault_tolerance, Some(Weight::new(5)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use cbc_message::{ValidatorSet, Weight};
use cbc_oracle::{BitSet, LobbyingGraph, Quorum, Safety, SafetyOracle};
use cbc_view::{MessageDag, Property};

/// The inspector oracle, one level (semantics §6). O(V²).
///
/// The quorum is the greatest committee in which every member's arrows in the lobbying graph reach
/// members weighing q, itself included, for the greatest q for which there is one; the argument is
/// that of [`Safety::of_strength`]. The members of a clique of weight q all have arrows to each
/// other, so no clique does better.
#[derive(Clone, Copy, Debug, Default)]
pub struct InspectorOracle;

impl<D: MessageDag> SafetyOracle<D> for InspectorOracle {
    fn name(&self) -> &'static str {
        "inspector"
    }

    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        let graph = LobbyingGraph::new(dag, candidate);
        let weights: Vec<Weight> =
            graph.vertices().iter().map(|&vertex| validators.weight(vertex)).collect();
        let (strength, committee) = strongest_committee(graph.arrows(), &weights);
        let members = committee.iter().map(|vertex| graph.vertices()[vertex]).collect();
        Safety::of_strength(strength, Quorum::new(members, validators), validators)
    }
}

/// The greatest q for which there is a committee, and the greatest committee for it.
///
/// Leaves out, one after another, the vertex that reaches the least among those left, as in the
/// decomposition of a graph into cores. While a committee for some q is among those left, and
/// everybody reaches less than q, nobody of it can be the next to go before q is reached: its
/// members reach q within it. So the committee for the greatest q is what is left when the least
/// reach is greatest, for the first time.
fn strongest_committee(arrows: &[BitSet], weights: &[Weight]) -> (Weight, BitSet) {
    let count = weights.len();
    let mut left = BitSet::full(count);
    let mut reach: Vec<Weight> = (0..count)
        .map(|vertex| {
            let others = arrows[vertex].iter().filter(|&other| other != vertex);
            weights[vertex] + others.map(|other| weights[other]).sum()
        })
        .collect();
    let mut strongest = (Weight::ZERO, BitSet::new(count));
    while let Some(weakest) = left.iter().min_by_key(|&vertex| reach[vertex]) {
        if reach[weakest] > strongest.0 {
            strongest = (reach[weakest], left.clone());
        }
        left.remove(weakest);
        for vertex in left.iter() {
            if arrows[vertex].contains(weakest) {
                reach[vertex] -= weights[weakest];
            }
        }
    }
    strongest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, over all sets of vertices.
    fn by_trying_all_sets(arrows: &[BitSet], weights: &[Weight]) -> (Weight, Vec<usize>) {
        let sets = (1..1u32 << weights.len()).map(|set| {
            let members: Vec<usize> = (0..weights.len()).filter(|v| set >> v & 1 == 1).collect();
            let reaches = |&v: &usize| -> Weight {
                let reached = members.iter().filter(|&&u| u == v || arrows[v].contains(u));
                reached.map(|&u| weights[u]).sum()
            };
            (members.iter().map(reaches).min().unwrap(), members)
        });
        // The greatest strength; of its committees, which are closed under union, the greatest.
        sets.max_by_key(|(strength, members)| (*strength, members.len())).unwrap()
    }

    proptest! {
        #[test]
        fn the_committee_is_the_strongest_of_all_sets(
            weights in prop::collection::vec(1u64..6, 1..9),
            draws in prop::collection::vec(any::<bool>(), 81),
        ) {
            let weights: Vec<Weight> = weights.into_iter().map(Weight::new).collect();
            let count = weights.len();
            let mut arrows = vec![BitSet::new(count); count];
            for (row, draws) in arrows.iter_mut().zip(draws.chunks(9)) {
                (0..count).filter(|&to| draws[to]).for_each(|to| row.insert(to));
            }
            let (strength, committee) = strongest_committee(&arrows, &weights);
            let (expected, members) = by_trying_all_sets(&arrows, &weights);
            prop_assert_eq!(strength, expected);
            prop_assert_eq!(committee.iter().collect::<Vec<_>>(), members);
        }
    }
}
