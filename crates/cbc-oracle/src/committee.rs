//! The strongest committee of a lobbying graph: what cliques prove, in polynomial time.

use cbc_message::Weight;

use crate::BitSet;

/// Vertices of a lobbying graph each of which reaches members that weigh much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committee {
    /// The members.
    pub members: BitSet,
    /// The least weight of members, itself included, that a member has arrows to; 0 if there is
    /// none.
    pub strength: Weight,
}

/// The committee of the greatest strength among the vertices `among`, and of several such the
/// greatest: the one-level committee of semantics §6 for the greatest q for which there is one.
/// `arrows[v]` are the vertices that v has arrows to, and `weights[v]` is what v weighs. O(V²).
///
/// What it tolerates is what [`Safety::of_strength`](crate::Safety::of_strength) says. The members
/// of a clique of weight q all have arrows to each other, so no clique weighs more than the
/// strongest committee is strong.
///
/// Leaves out, one after another, the vertex that reaches the least among those left, as in the
/// decomposition of a graph into cores. While a committee for some q is among those left, and
/// somebody reaches less than q, nobody of the committee can be the next to go: its members reach q
/// within it. So the committee for the greatest q is what is left when the least reach is
/// greatest, for the first time.
pub fn strongest_committee(arrows: &[BitSet], weights: &[Weight], among: BitSet) -> Committee {
    let mut left = among;
    let reach_of = |vertex: usize| -> Weight {
        let mut others = arrows[vertex].clone();
        others.intersect_with(&left);
        others.remove(vertex);
        weights[vertex] + others.iter().map(|other| weights[other]).sum()
    };
    let mut reach: Vec<Weight> = vec![Weight::ZERO; weights.len()];
    let mut weight = Weight::ZERO;
    for vertex in left.iter() {
        reach[vertex] = reach_of(vertex);
        weight += weights[vertex];
    }
    let mut strongest = Committee { members: BitSet::new(weights.len()), strength: Weight::ZERO };
    while let Some(weakest) = left.iter().min_by_key(|&vertex| reach[vertex]) {
        if reach[weakest] > strongest.strength {
            strongest.strength = reach[weakest];
            strongest.members.copy_from(&left);
        }
        left.remove(weakest);
        weight -= weights[weakest];
        if weight <= strongest.strength {
            break; // What is left cannot reach more than it weighs.
        }
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
    fn by_trying_all_sets(
        arrows: &[BitSet],
        weights: &[Weight],
        among: &BitSet,
    ) -> (Weight, Vec<usize>) {
        let sets = (0..1u32 << weights.len()).filter_map(|set| {
            let members: Vec<usize> = (0..weights.len()).filter(|v| set >> v & 1 == 1).collect();
            let reaches = |&v: &usize| -> Weight {
                let reached = members.iter().filter(|&&u| u == v || arrows[v].contains(u));
                reached.map(|&u| weights[u]).sum()
            };
            let is_among = members.iter().all(|&v| among.contains(v));
            let strength = members.iter().map(reaches).min().unwrap_or_default();
            is_among.then_some((strength, members))
        });
        // The greatest strength; of its committees, which are closed under union, the greatest.
        let best = sets.max_by_key(|(strength, members)| (*strength, members.len())).unwrap();
        if best.0.is_zero() { (Weight::ZERO, Vec::new()) } else { best }
    }

    proptest! {
        #[test]
        fn the_committee_is_the_strongest_of_all_sets(
            weights in prop::collection::vec(0u64..6, 1..9),
            draws in prop::collection::vec(any::<bool>(), 81),
            out in prop::collection::vec(0usize..9, 0..3),
        ) {
            let weights: Vec<Weight> = weights.into_iter().map(Weight::new).collect();
            let count = weights.len();
            let mut arrows = vec![BitSet::new(count); count];
            for (row, draws) in arrows.iter_mut().zip(draws.chunks(9)) {
                (0..count).filter(|&to| draws[to]).for_each(|to| row.insert(to));
            }
            let mut among = BitSet::full(count);
            out.iter().for_each(|&vertex| among.remove(vertex));
            let (expected, members) = by_trying_all_sets(&arrows, &weights, &among);
            let found = strongest_committee(&arrows, &weights, among);
            prop_assert_eq!(found.strength, expected);
            prop_assert_eq!(found.members.iter().collect::<Vec<_>>(), members);
        }
    }
}
