//! The heaviest clique of a graph, by branch and bound on bit sets.

use std::borrow::Cow;

use cbc_message::Weight;

use crate::BitSet;

/// The outcome of a search for the heaviest clique.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaxClique {
    /// The heaviest clique found, in ascending order.
    pub members: Vec<usize>,
    /// What it weighs.
    pub weight: Weight,
    /// No clique weighs more than this.
    pub bound: Weight,
    /// How many steps the search took: see [`max_clique`]. 0 if there was nothing to search for.
    pub steps: u64,
}

impl MaxClique {
    /// Whether no clique is heavier.
    pub fn is_exact(&self) -> bool {
        self.weight == self.bound
    }
}

/// The heaviest clique of the graph on `weights.len()` vertices, in which `edges[v]` are the
/// neighbours of v: symmetric, and without v. Vertices without weight are left out. Of several
/// heaviest cliques it is the first that the search meets: the same for the same graph.
///
/// The search is exponential in the worst case, and ends after `budget` *steps*; what it has found
/// by then is a clique, and the bound holds. A step gives one vertex a colour, at O(V/64), and is
/// what the search spends its time on: a node of the search tree takes from V to V² of them, so
/// that nodes would say little of the time. The budget is looked at before each node, so the last
/// one may exceed it, by V² steps at most. The first clique and the first bound, O(V³/64), are not
/// searched for and take none.
///
/// Branch and bound over a weighted colouring (Tavares, Campêlo, Rodrigues, Michelon, "Um
/// algoritmo de branch and bound para o problema da clique máxima ponderada", 2015; on bit sets as
/// in San Segundo, Rodríguez-Losada and Jiménez, "An exact bit-parallel algorithm for the maximum
/// clique problem", 2011). Without recursion.
pub fn max_clique(weights: &[Weight], edges: &[BitSet], budget: u64) -> MaxClique {
    max_clique_above(weights, edges, Weight::ZERO, budget)
}

/// As [`max_clique`], for whoever only asks whether a clique weighs more than `above`: if one does,
/// the heaviest; if none does, whatever was found when that was clear, and a bound of no more than
/// `above`, or than was found.
pub fn max_clique_above(
    weights: &[Weight],
    edges: &[BitSet],
    above: Weight,
    budget: u64,
) -> MaxClique {
    let first = first_clique(weights, edges, above);
    if first.is_exact() || first.bound <= above {
        return first;
    }
    search_beyond(first, weights, edges, above, budget)
}

/// A clique and a bound, without a search. Where nearly all are neighbours, as in the graphs that
/// protocols make, they meet. If the bound is no more than `above`, the clique is empty.
pub(crate) fn first_clique(weights: &[Weight], edges: &[BitSet], above: Weight) -> MaxClique {
    Graph { weights: Cow::Borrowed(weights), edges: Cow::Borrowed(edges) }.first_clique(above)
}

/// Goes on from the first clique and bound: see [`max_clique_above`].
pub(crate) fn search_beyond(
    first: MaxClique,
    weights: &[Weight],
    edges: &[BitSet],
    above: Weight,
    budget: u64,
) -> MaxClique {
    if budget == 0 {
        return first;
    }
    let order = search_order(weights, edges);
    let mut position_of = vec![usize::MAX; weights.len()];
    order.iter().enumerate().for_each(|(position, &vertex)| position_of[vertex] = position);
    let moved = |row: &BitSet| {
        let mut moved = BitSet::new(order.len());
        row.iter().for_each(|neighbour| moved.insert(position_of[neighbour]));
        moved
    };
    let graph = Graph {
        weights: order.iter().map(|&vertex| weights[vertex]).collect(),
        edges: order.iter().map(|&vertex| moved(&edges[vertex])).collect(),
    };
    let found = graph.search(first.weight.max(above), budget);
    let bound = found.bound.min(first.bound);
    if found.members.is_empty() {
        return MaxClique { bound, steps: found.steps, ..first };
    }
    let mut members: Vec<usize> = found.members.iter().map(|&position| order[position]).collect();
    members.sort_unstable();
    MaxClique { members, bound, ..found }
}

/// The vertices that weigh something: those with heavy neighbourhoods first, so that colours are
/// handed out first where they are scarce.
fn search_order(weights: &[Weight], edges: &[BitSet]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..weights.len()).filter(|&v| !weights[v].is_zero()).collect();
    let closed = |&v: &usize| weights[v] + edges[v].iter().map(|u| weights[u]).sum();
    order.sort_by_cached_key(|v| std::cmp::Reverse((closed(v), weights[*v])));
    order
}

#[derive(Clone, Debug)]
struct Graph<'a> {
    weights: Cow<'a, [Weight]>,
    edges: Cow<'a, [BitSet]>,
}

/// A node of the search tree: a clique, and what may still join it.
struct Node {
    /// The vertices adjacent to all of the clique that are not settled yet.
    candidates: BitSet,
    /// The candidates, each with a bound on the cliques among it and those before it. The last is
    /// branched on first.
    branches: Vec<(usize, Weight)>,
    /// What the clique weighs.
    weight: Weight,
}

impl Graph<'_> {
    /// The first clique and the first bound.
    fn first_clique(&self, above: Weight) -> MaxClique {
        let weighty = (0..self.weights.len()).filter(|&v| !self.weights[v].is_zero());
        let mut vertices = BitSet::new(self.weights.len());
        weighty.for_each(|vertex| vertices.insert(vertex));
        let colored = self.color(&vertices, &mut 0);
        let bound = colored.last().map_or(Weight::ZERO, |&(_, bound)| bound);
        if bound <= above {
            return MaxClique { members: Vec::new(), weight: Weight::ZERO, bound, steps: 0 };
        }
        let mut members = self.greedy(&vertices);
        members.sort_unstable();
        let weight = members.iter().map(|&vertex| self.weights[vertex]).sum();
        MaxClique { members, weight, bound, steps: 0 }
    }

    /// Searches for a clique heavier than `to_beat`. Without one, the answer has no members, and
    /// `to_beat` as its weight.
    fn search(&self, to_beat: Weight, budget: u64) -> MaxClique {
        let mut best = Vec::new();
        let mut best_weight = to_beat;
        let mut clique: Vec<usize> = Vec::new();
        let mut steps = 0;
        let all = BitSet::full(self.weights.len());
        let mut stack = vec![self.node(all, Weight::ZERO, &mut steps)];
        while let Some(node) = stack.last_mut() {
            let open =
                node.branches.last().filter(|&&(_, bound)| node.weight + bound > best_weight);
            let Some(&(vertex, _)) = open else {
                stack.pop();
                clique.pop();
                continue;
            };
            if steps >= budget {
                break;
            }
            node.branches.pop();
            node.candidates.remove(vertex);
            let mut candidates = node.candidates.clone();
            candidates.intersect_with(&self.edges[vertex]);
            let weight = node.weight + self.weights[vertex];
            clique.push(vertex);
            if weight > best_weight {
                best_weight = weight;
                best.clone_from(&clique);
            }
            stack.push(self.node(candidates, weight, &mut steps));
        }
        let open = stack.iter().filter_map(|node| Some(node.weight + node.branches.last()?.1));
        let bound = open.fold(best_weight, Weight::max);
        MaxClique { members: best, weight: best_weight, bound, steps }
    }

    fn node(&self, candidates: BitSet, weight: Weight, steps: &mut u64) -> Node {
        Node { branches: self.color(&candidates, steps), candidates, weight }
    }

    /// Orders vertices, each with a bound on the weight of the cliques among it and those before,
    /// and counts the steps.
    ///
    /// Takes out one set of pairwise non-adjacent vertices after another. Each such colour is worth
    /// the least weight left in any of its vertices; that much is taken from all of them, and
    /// vertices with nothing left are done. The weight of a vertex is thus spread over the colours
    /// it had until it was done, and a clique has at most one vertex of each colour: it weighs no
    /// more than the colours were worth by the time the last of its vertices was done.
    fn color(&self, vertices: &BitSet, steps: &mut u64) -> Vec<(usize, Weight)> {
        let mut left = self.weights.to_vec();
        let mut uncolored = vertices.clone();
        let mut eligible = vertices.clone();
        let mut done = Vec::with_capacity(vertices.len());
        let mut bound = Weight::ZERO;
        let mut class = Vec::new();
        // A vertex that is adjacent to all others has a colour of its own.
        for vertex in vertices.iter() {
            *steps += 1;
            if vertices.is_subset_but_for(vertex, &self.edges[vertex]) {
                bound += left[vertex];
                uncolored.remove(vertex);
                done.push((vertex, bound));
            }
        }
        while !uncolored.is_empty() {
            class.clear();
            eligible.copy_from(&uncolored);
            while let Some(vertex) = eligible.first() {
                eligible.remove(vertex);
                eligible.subtract(&self.edges[vertex]);
                class.push(vertex);
            }
            *steps += class.len() as u64;
            if class.len() == uncolored.len() {
                // No edges are left: the same class again and again, without those that are done.
                class.sort_by_key(|&vertex| left[vertex]);
                done.extend(class.iter().map(|&vertex| (vertex, bound + left[vertex])));
                break;
            }
            let worth = class.iter().map(|&vertex| left[vertex]).min().unwrap_or_default();
            bound += worth;
            for &vertex in &class {
                left[vertex] -= worth;
                if left[vertex].is_zero() {
                    uncolored.remove(vertex);
                    done.push((vertex, bound));
                }
            }
        }
        done
    }

    /// A clique to begin with: the heaviest vertices first, as long as they fit.
    fn greedy(&self, vertices: &BitSet) -> Vec<usize> {
        let mut heaviest_first: Vec<usize> = vertices.iter().collect();
        heaviest_first.sort_by_key(|&vertex| std::cmp::Reverse(self.weights[vertex]));
        let mut candidates = vertices.clone();
        heaviest_first.retain(|&vertex| {
            let fits = candidates.contains(vertex);
            if fits {
                candidates.intersect_with(&self.edges[vertex]);
            }
            fits
        });
        heaviest_first
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A graph on `weights.len()` vertices with an edge where `draw` says so.
    fn graph(count: usize, mut draw: impl FnMut() -> bool) -> Vec<BitSet> {
        let mut edges = vec![BitSet::new(count); count];
        for one in 0..count {
            for other in 0..one {
                if draw() {
                    edges[one].insert(other);
                    edges[other].insert(one);
                }
            }
        }
        edges
    }

    fn is_clique(members: &[usize], edges: &[BitSet]) -> bool {
        members.iter().all(|&v| members.iter().all(|&u| u == v || edges[v].contains(u)))
    }

    /// The weight of the heaviest clique, by trying all sets of vertices.
    fn heaviest(weights: &[Weight], edges: &[BitSet]) -> Weight {
        (0..1u32 << weights.len())
            .map(|set| (0..weights.len()).filter(|v| set >> v & 1 == 1).collect::<Vec<_>>())
            .filter(|members| is_clique(members, edges))
            .map(|members| members.iter().map(|&v| weights[v]).sum())
            .max()
            .unwrap_or_default()
    }

    /// The weight of the heaviest clique, by Bron and Kerbosch's enumeration of maximal cliques
    /// with pivots (1973).
    fn bron_kerbosch(weights: &[Weight], edges: &[BitSet]) -> Weight {
        fn extend(
            weight: Weight,
            mut candidates: BitSet,
            mut excluded: BitSet,
            weights: &[Weight],
            edges: &[BitSet],
        ) -> Weight {
            let pivot = candidates.first().or(excluded.first());
            let Some(pivot) = pivot else { return weight };
            let mut open = candidates.clone();
            open.subtract(&edges[pivot]);
            let mut best = Weight::ZERO;
            for vertex in open.iter() {
                let mut with = [candidates.clone(), excluded.clone()];
                with.iter_mut().for_each(|set| set.intersect_with(&edges[vertex]));
                let [with_candidates, with_excluded] = with;
                let weight = weight + weights[vertex];
                best = best.max(extend(weight, with_candidates, with_excluded, weights, edges));
                candidates.remove(vertex);
                excluded.insert(vertex);
            }
            best
        }
        let count = weights.len();
        extend(Weight::ZERO, BitSet::full(count), BitSet::new(count), weights, edges)
    }

    fn assert_answers(weights: &[Weight], edges: &[BitSet], expected: Weight) {
        let found = max_clique(weights, edges, u64::MAX);
        assert!(is_clique(&found.members, edges));
        assert!(found.members.is_sorted());
        assert_eq!(found.members.iter().map(|&v| weights[v]).sum::<Weight>(), found.weight);
        assert_eq!(found.weight, expected);
        assert!(found.is_exact());
        // Stopped at any time it has a clique, and a bound that holds; no worse than without a
        // search.
        let first = max_clique(weights, edges, 0);
        for budget in [0, 1, 20, 100, 400, u64::MAX] {
            let early = max_clique(weights, edges, budget);
            assert!(is_clique(&early.members, edges));
            assert!(early.weight <= expected && expected <= early.bound, "{early:?}");
            assert!(first.weight <= early.weight && early.bound <= first.bound, "{early:?}");
            // Of cliques of one weight it is the first that was met.
            assert!(early.weight > first.weight || early.members == first.members);
            assert_eq!(early.steps == 0, budget == 0 || first.is_exact());
        }
    }

    fn cases(
        vertices: std::ops::Range<usize>,
    ) -> impl Strategy<Value = (Vec<Weight>, Vec<BitSet>)> {
        let weights = prop_oneof![
            prop::collection::vec(0u64..4, vertices.clone()),
            prop::collection::vec(1u64..1_000_000, vertices.clone()),
            prop::collection::vec(Just(1u64), vertices),
        ];
        (weights, 0u32..=100, any::<u64>()).prop_map(|(weights, percent, seed)| {
            let weights: Vec<Weight> = weights.into_iter().map(Weight::new).collect();
            let mut state = seed;
            let edges = graph(weights.len(), || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % 100 < u64::from(percent)
            });
            (weights, edges)
        })
    }

    proptest! {
        #[test]
        fn a_question_is_answered_as_the_heaviest_clique_does(
            weights in prop::collection::vec(0u64..6, 1..12),
            draws in prop::collection::vec(any::<bool>(), 1..70),
            above in 0u64..30,
        ) {
            let weights: Vec<Weight> = weights.into_iter().map(Weight::new).collect();
            let mut draws = draws.into_iter().cycle();
            let edges = graph(weights.len(), || draws.next().unwrap());
            let (above, heaviest) = (Weight::new(above), heaviest(&weights, &edges));
            let found = max_clique_above(&weights, &edges, above, u64::MAX);
            prop_assert!(is_clique(&found.members, &edges));
            prop_assert_eq!(found.members.iter().map(|&v| weights[v]).sum::<Weight>(), found.weight);
            prop_assert!(found.bound >= heaviest);
            if heaviest > above {
                prop_assert_eq!((found.weight, found.is_exact()), (heaviest, true));
            } else {
                prop_assert!(found.bound <= above.max(found.weight));
            }
        }
    }

    proptest! {
        #[test]
        fn finds_what_trying_all_sets_finds((weights, edges) in cases(0..11)) {
            assert_answers(&weights, &edges, heaviest(&weights, &edges));
        }

        #[test]
        fn finds_what_bron_and_kerbosch_find((weights, edges) in cases(20..36)) {
            assert_answers(&weights, &edges, bron_kerbosch(&weights, &edges));
        }
    }

    #[test]
    fn weights_near_the_limit_do_not_overflow() {
        let weights = [u64::MAX - 2, 1, 1].map(Weight::new);
        assert_answers(&weights, &graph(3, || true), Weight::new(u64::MAX));
        assert_answers(&weights, &graph(3, || false), Weight::new(u64::MAX - 2));
    }

    #[test]
    fn a_complete_graph_of_a_thousand_needs_no_search() {
        let weights: Vec<Weight> = (1..=1000).map(Weight::new).collect();
        let found = max_clique(&weights, &graph(1000, || true), u64::MAX);
        assert_eq!(found.members.len(), 1000);
        assert!(found.is_exact());
        assert_eq!(found.steps, 0);
    }

    /// A ring of five has three colours, and no clique of three.
    #[test]
    fn a_search_ends_where_no_branch_promises_more_than_was_found() {
        let mut ring = vec![BitSet::new(5); 5];
        for vertex in 0..5 {
            ring[vertex].insert((vertex + 1) % 5);
            ring[(vertex + 1) % 5].insert(vertex);
        }
        let weights = [Weight::new(1); 5];
        let found = max_clique(&weights, &ring, u64::MAX);
        assert_eq!((found.weight, found.bound), (Weight::new(2), Weight::new(2)));
        // The root looks at five vertices and colours them; the vertex of the third colour has two
        // neighbours, which have one colour. No other branch promises three.
        assert_eq!(found.steps, 2 * 5 + 2 * 2);
        // That no clique weighs three is known beforehand.
        assert_eq!(max_clique_above(&weights, &ring, Weight::new(3), u64::MAX).steps, 0);
    }

    /// The search colours in an order of its own, which may promise more than the first one does.
    #[test]
    fn a_search_that_is_stopped_forgets_no_bound_that_was_known_before() {
        for seed in 200..400u64 {
            let mut state = seed;
            let mut draw = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                state >> 33
            };
            let weights: Vec<Weight> = (0..20).map(|_| Weight::new(1 + draw() % 9)).collect();
            let edges = graph(20, || draw() % 100 < 50);
            let first = max_clique(&weights, &edges, 0);
            for budget in (50..150).step_by(10) {
                assert!(max_clique(&weights, &edges, budget).bound <= first.bound);
            }
        }
    }
}
