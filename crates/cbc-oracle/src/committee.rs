//! The strongest committee of a lobbying graph: what cliques prove, in polynomial time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use cbc_message::Weight;

use crate::BitSet;
use crate::weighing::Weighing;

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
/// Leaves out those who reach the least among those left, as in the decomposition of a graph into
/// cores. While a committee for some q is among those left, and somebody reaches less than q, nobody
/// of the committee is of those who go: its members reach q within it. So the committee for the
/// greatest q is what is left when the least reach is greatest, for the first time.
pub fn strongest_committee(arrows: &[BitSet], weights: &[Weight], among: BitSet) -> Committee {
    let mut core = Core::new(arrows, weights, among);
    let mut strongest = Committee { members: BitSet::new(weights.len()), strength: Weight::ZERO };
    core.leave_out(Weight::ZERO);
    while let Some(least) = core.left.within().iter().map(|vertex| core.reach[vertex]).min() {
        strongest.strength = least;
        strongest.members.copy_from(core.left.within());
        core.leave_out(least);
    }
    strongest
}

/// The greatest committee of strength `strength > 0` or more among the vertices `among`, empty if
/// there is none; and a weight that nobody who was left out exceeded when it was: asking for any
/// strength greater than that, and no greater than `strength`, ends the same. Otherwise as
/// [`strongest_committee`]. O(V²), and mostly O(V²/64).
pub fn committee_reaching(
    arrows: &[BitSet],
    weights: &[Weight],
    among: BitSet,
    strength: Weight,
) -> (BitSet, Weight) {
    let mut core = Core::new(arrows, weights, among);
    let missed = core.leave_out(strength.saturating_sub(Weight::new(1)));
    (core.left.within().clone(), missed)
}

/// The vertices left, and what each has arrows to among them, itself included.
struct Core<'a> {
    arrows: &'a [BitSet],
    weights: &'a [Weight],
    left: Weighing<'a>,
    reach: Vec<Weight>,
}

/// How often all are weighed anew before it is kept count of what each loses.
const PASSES: usize = 4;

impl<'a> Core<'a> {
    fn new(arrows: &'a [BitSet], weights: &'a [Weight], left: BitSet) -> Self {
        let left = Weighing::new(weights, left);
        let mut core = Self { arrows, weights, left, reach: vec![Weight::ZERO; weights.len()] };
        core.weigh();
        core
    }

    fn weigh(&mut self) {
        for vertex in self.left.within().iter() {
            self.reach[vertex] = self.reach_of(vertex);
        }
    }

    /// What a vertex reaches among those left. O(V), and mostly O(V/64).
    fn reach_of(&self, vertex: usize) -> Weight {
        let counted = self.arrows[vertex].contains(vertex);
        let itself = if counted { Weight::ZERO } else { self.weights[vertex] };
        self.left.of(&self.arrows[vertex]) + itself
    }

    /// Leaves out all who reach no more than `floor` among those left, until nobody does. Says what
    /// none of them exceeded when it went: `floor` or less.
    ///
    /// Whoever reaches the least is looked at first, so that mostly one pass finds all: those who
    /// fall when others have fallen reach more than they. Each pass weighs everybody once. Where
    /// some passes do not do, it goes one by one: each that goes is taken from all others.
    fn leave_out(&mut self, floor: Weight) -> Weight {
        let mut missed = Weight::ZERO;
        for _ in 0..PASSES {
            let least_first = |vertex| Reverse((self.reach[vertex], vertex));
            let mut order: BinaryHeap<_> = self.left.within().iter().map(least_first).collect();
            if order.peek().is_none_or(|&Reverse((least, _))| least > floor) {
                return missed;
            }
            let before = self.left.total();
            // Nobody has lost more than what has gone.
            while let Some(Reverse((reach, vertex))) = order.pop()
                && reach.saturating_sub(before - self.left.total()) <= floor
            {
                let reach = self.reach_of(vertex);
                if reach <= floor {
                    missed = missed.max(reach);
                    self.left.remove(vertex);
                }
                // Nobody reaches more than all who are left weigh, or than before.
                if self.left.total() <= floor {
                    let most = self.left.within().iter().map(|v| self.reach[v]).max();
                    missed = missed.max(most.unwrap_or_default().min(self.left.total()));
                    self.left.clear();
                    return missed;
                }
            }
            self.weigh();
        }
        missed.max(self.leave_out_one_by_one(floor))
    }

    fn leave_out_one_by_one(&mut self, floor: Weight) -> Weight {
        let Self { arrows, weights, left, reach } = self;
        let mut missed = Weight::ZERO;
        let falls = |&vertex: &usize| reach[vertex] <= floor;
        let mut out: Vec<usize> = left.within().iter().filter(falls).collect();
        out.iter().for_each(|&vertex| left.remove(vertex));
        while let Some(gone) = out.pop() {
            missed = missed.max(reach[gone]);
            let first_to_fall = out.len();
            for vertex in left.within().iter().filter(|&vertex| arrows[vertex].contains(gone)) {
                reach[vertex] -= weights[gone];
                if reach[vertex] <= floor {
                    out.push(vertex);
                }
            }
            out[first_to_fall..].iter().for_each(|&vertex| left.remove(vertex));
        }
        missed
    }
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

        #[test]
        fn a_committee_for_a_strength_is_the_greatest_and_what_missed_it_says_for_which_others(
            weights in prop::collection::vec(0u64..6, 1..9),
            draws in prop::collection::vec(any::<bool>(), 81),
            strength in 1u64..30,
        ) {
            let weights: Vec<Weight> = weights.into_iter().map(Weight::new).collect();
            let count = weights.len();
            let mut arrows = vec![BitSet::new(count); count];
            for (row, draws) in arrows.iter_mut().zip(draws.chunks(9)) {
                (0..count).filter(|&to| draws[to]).for_each(|to| row.insert(to));
            }
            let of = |strength| {
                committee_reaching(&arrows, &weights, BitSet::full(count), Weight::new(strength))
            };
            let greatest = |strength: u64| {
                let is_committee = |members: &Vec<usize>| members.iter().all(|&v| {
                    let reached = members.iter().filter(|&&u| u == v || arrows[v].contains(u));
                    reached.map(|&u| weights[u].get()).sum::<u64>() >= strength
                });
                let sets = (0..1u32 << count)
                    .map(|set| (0..count).filter(|v| set >> v & 1 == 1).collect::<Vec<_>>());
                sets.filter(is_committee).max_by_key(Vec::len).unwrap()
            };
            let (members, missed) = of(strength);
            let mut core = Core::new(&arrows, &weights, BitSet::full(count));
            let missed_one_by_one = core.leave_out_one_by_one(Weight::new(strength - 1));
            prop_assert_eq!(core.left.within(), &members);
            prop_assert!(missed_one_by_one < Weight::new(strength));
            for missed in [missed, missed_one_by_one] {
                for other in missed.get() + 1..=strength {
                    prop_assert_eq!(greatest(other), members.iter().collect::<Vec<_>>());
                }
            }
            prop_assert_eq!(members.iter().collect::<Vec<_>>(), greatest(strength));
            prop_assert!(missed < Weight::new(strength));
        }
    }
}
