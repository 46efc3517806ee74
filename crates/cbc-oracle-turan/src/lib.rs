//! The Turán oracle of CBC Casper: a clique whose size is promised, not searched for.
//!
//! Turán's theorem (1941): a graph on N vertices with e edges has a clique of at least
//! `N² / (N² − 2e)` vertices. The [`TuranOracle`] counts the edges of the lobbying graph among all N
//! validators and takes the weight of that many of the *lightest* validators: no clique of that
//! many weighs less, so what it says is tolerated is. It is the cheapest of the oracles, and the
//! lowest: weights are all but ignored.
//!
//! This crate swaps in for the clique oracle of `cbc-oracle` and depends on nothing above it. What
//! its answers mean is in [semantics §6](cbc_message::semantics).
//!
//! ```
//! use std::sync::Arc;
//! use cbc_oracle::{CliqueOracle, SafetyOracle};
//! use cbc_oracle_turan::TuranOracle;
//! use cbc_view::cbc_message::{Bit, Header, Message, ValidatorSet, Weight};
//! use cbc_view::{Equals, View};
//!
//! let weights = Arc::new(ValidatorSet::new([5, 4, 3].map(Weight::new))?);
//! let mut view = View::new(Arc::clone(&weights));
//! for sender in weights.ids().chain(weights.ids()) {
//!     let sequence_number = view.next_sequence_number(sender);
//!     let justification = view.justification();
//!     let header = Header { sender, sequence_number, justification, estimate: Bit::One };
//!     view.insert(Message::new(header)?)?;
//! }
//! let one = Equals(Bit::One);
//! let by_clique = CliqueOracle::new().safety(&view, &weights, &one);
//! let by_turan = TuranOracle.safety(&view, &weights, &one);
//! assert_eq!(by_turan.fault_tolerance, by_clique.fault_tolerance); // everybody has seen everybody
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

use cbc_message::{ValidatorId, ValidatorSet};
use cbc_oracle::{LobbyingGraph, Quorum, Safety, SafetyOracle, faults};
use cbc_view::{MessageDag, Property};

/// The Turán oracle. O(V²).
///
/// The members of the clique are not known, only that there are enough of them. The quorum it
/// reports stands in for it: as many of the lightest validators, in the proof of concept's way.
/// The number of faults is counted over the heaviest validators that might be members.
#[derive(Clone, Copy, Debug, Default)]
pub struct TuranOracle;

impl<D: MessageDag> SafetyOracle<D> for TuranOracle {
    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        let graph = LobbyingGraph::new(dag, candidate);
        let agreeing = graph.weight(validators);
        if agreeing < validators.total() - agreeing {
            return Safety::none();
        }
        // Every edge is in two rows.
        let twice_edges: usize = graph.edges().iter().map(|row| row.len()).sum();
        let mut lightest: Vec<ValidatorId> = validators.ids().collect();
        lightest.sort_by_key(|&validator| validators.weight(validator));
        lightest.truncate(clique_size(validators.len() as u64, twice_edges as u64));
        let quorum = Quorum::new(lightest, validators);
        let safety = Safety::of_quorum(quorum, validators);
        let vertices = graph.vertices().iter().map(|&vertex| validators.weight(vertex));
        let most =
            safety.fault_tolerance.map_or(0, |tolerated| faults(vertices.collect(), tolerated));
        Safety { faults: most.min(safety.quorum.members.len()), ..safety }
    }
}

/// How many vertices the greatest clique of a graph on `count > 0` vertices has at least, if the
/// graph has half of `twice_edges` edges: `⌈count² / (count² − twice_edges)⌉`.
fn clique_size(count: u64, twice_edges: u64) -> usize {
    let square = u128::from(count) * u128::from(count);
    // No graph has more than count · (count − 1) / 2 edges, so the divisor is at least count.
    square.div_ceil(square - u128::from(twice_edges)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of edges of Turán's graph: the vertices in `parts` parts as equal as can be, and
    /// edges between all of different parts. It has the most edges without a clique of parts + 1.
    fn turan_graph_edges(count: u64, parts: u64) -> u64 {
        let part = |vertex| vertex % parts;
        let pairs = (0..count).flat_map(|one| (0..one).map(move |other| (one, other)));
        pairs.filter(|&(one, other)| part(one) != part(other)).count() as u64
    }

    #[test]
    fn the_size_is_one_that_every_graph_with_so_many_edges_has() {
        for count in 1..12 {
            for parts in 1..=count {
                let edges = turan_graph_edges(count, parts);
                // This graph's greatest clique has one vertex of each part: no more is promised.
                assert!(clique_size(count, 2 * edges) as u64 <= parts, "{count}, {parts}");
                if count.is_multiple_of(parts) {
                    assert_eq!(clique_size(count, 2 * edges) as u64, parts);
                }
            }
        }
    }

    #[test]
    fn a_complete_graph_is_a_clique_and_one_without_edges_has_cliques_of_one() {
        assert_eq!(clique_size(1, 0), 1);
        assert_eq!(clique_size(9, 9 * 8), 9);
        assert_eq!(clique_size(9, 0), 1);
    }
}
