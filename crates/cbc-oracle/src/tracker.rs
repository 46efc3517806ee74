//! The lobbying graph of one candidate, kept up to date message by message.

use std::borrow::Cow;

use cbc_message::{ValidatorId, ValidatorSet, Weight};
use cbc_view::{MessageDag, MessageIndex, Property, Seen};

use crate::clique::Ballot;
use crate::lobbying::Streak;
use crate::{BitSet, LobbyingGraph, Safety};

/// Follows one candidate through a growing view: what [`LobbyingGraph::new`] costs O(V²) to find
/// from scratch costs O(V) after one more message.
///
/// A message changes only what concerns its sender v. Its citations are v's new arrows. If it
/// agrees, arrows to v stay as they are; if it disagrees, v's streak is broken and no arrow to v
/// is left, until somebody cites a message of v's next streak.
///
/// ```
/// use std::sync::Arc;
/// use cbc_oracle::{CliqueOracle, LobbyingTracker, SafetyOracle};
/// use cbc_view::cbc_message::{Bit, Header, Message, ValidatorSet, Weight};
/// use cbc_view::{Equals, View};
///
/// let weights = Arc::new(ValidatorSet::new([5, 4, 3].map(Weight::new))?);
/// let (mut view, one) = (View::new(Arc::clone(&weights)), Equals(Bit::One));
/// let mut tracker = LobbyingTracker::new(&view, &one);
/// for sender in weights.ids().chain(weights.ids()) {
///     let sequence_number = view.next_sequence_number(sender);
///     let justification = view.justification();
///     let header = Header { sender, sequence_number, justification, estimate: Bit::One };
///     for message in view.insert(Message::new(header)?)?.justified.iter() {
///         tracker.update(&view, &one, message);
///     }
///     let answer = tracker.clique(&weights, u64::MAX);
///     assert_eq!(answer, CliqueOracle::new().safety(&view, &weights, &one));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct LobbyingTracker {
    // All of these are by validator.
    vertices: BitSet,
    arrows: Vec<BitSet>,
    edges: Vec<BitSet>,
    /// The streak of each validator whose latest message agrees.
    streaks: Vec<Option<Streak>>,
}

impl LobbyingTracker {
    /// The graph of `candidate` in the view that `dag` is now. O(V²).
    pub fn new<D: MessageDag>(dag: &D, candidate: &dyn Property<D>) -> Self {
        let graph = LobbyingGraph::new(dag, candidate);
        let count = dag.validator_count();
        let mut tracker = Self {
            vertices: BitSet::new(count),
            arrows: vec![BitSet::new(count); count],
            edges: vec![BitSet::new(count); count],
            streaks: vec![None; count],
        };
        let position = |vertex: usize| graph.vertices()[vertex].index();
        for (vertex, &validator) in graph.vertices().iter().enumerate() {
            let from = validator.index();
            tracker.vertices.insert(from);
            tracker.streaks[from] = dag.latest_message(validator).map(Streak::from_latest);
            graph.arrows()[vertex].iter().for_each(|to| tracker.arrows[from].insert(position(to)));
            graph.edges()[vertex].iter().for_each(|to| tracker.edges[from].insert(position(to)));
        }
        tracker
    }

    /// Takes in the next message of `dag`: must be told of each that is new, in ascending order.
    /// O(V), and one question to the candidate for each message of a streak, once.
    pub fn update<D: MessageDag>(
        &mut self,
        dag: &D,
        candidate: &dyn Property<D>,
        message: MessageIndex,
    ) {
        let sender = dag.sender(message);
        let from = sender.index();
        let counts = !dag.is_equivocator(sender) && candidate.agrees(dag, message);
        for to in 0..self.edges.len() {
            self.edges[to].remove(from);
            if !counts {
                self.arrows[to].remove(from);
            }
        }
        self.arrows[from].clear();
        self.edges[from].clear();
        if !counts {
            self.vertices.remove(from);
            self.streaks[from] = None;
            return;
        }
        self.vertices.insert(from);
        self.streaks[from].get_or_insert_with(|| Streak::from_latest(message));
        for (validator, seen) in dag.seen_of_all(message) {
            let to = validator.index();
            if let (Some(streak), Seen::Latest(seen)) = (&mut self.streaks[to], seen)
                && streak.reaches(seen, dag, candidate)
            {
                self.arrows[from].insert(to);
                if to != from && self.arrows[to].contains(from) {
                    self.edges[from].insert(to);
                    self.edges[to].insert(from);
                }
            }
        }
    }

    /// What the clique oracle answers in the view that the tracker has been told of, with a search
    /// of at most `budget` steps. O(V log V) where nothing needs to be searched for; else O(V³/64)
    /// and the search.
    pub fn clique(&self, validators: &ValidatorSet, budget: u64) -> Safety {
        let weight_of = |validator: ValidatorId| {
            let counts = self.vertices.contains(validator.index());
            if counts { validators.weight(validator) } else { Weight::ZERO }
        };
        // Whoever is no vertex weighs nothing, and is left out of the search.
        let weights: Vec<Weight> = validators.ids().map(weight_of).collect();
        let agreeing: Weight = weights.iter().copied().sum();
        if agreeing < validators.total() - agreeing {
            return Safety::none();
        }
        Ballot { weights: &weights, edges: &self.edges, above: Weight::ZERO, budget }
            .count(|| Cow::Borrowed(&self.arrows))
            .safety(validators, |vertex| ValidatorId::new(vertex as u32))
    }

    /// The graph, as [`LobbyingGraph::new`] finds it. O(V²).
    pub fn graph(&self) -> LobbyingGraph {
        let vertices: Vec<usize> = self.vertices.iter().collect();
        let within = |rows: &[BitSet]| {
            let select = |&from: &usize| {
                let mut row = BitSet::new(vertices.len());
                let there = vertices.iter().enumerate();
                let stands = there.filter(|&(_, &to)| rows[from].contains(to));
                stands.for_each(|(position, _)| row.insert(position));
                row
            };
            vertices.iter().map(select).collect()
        };
        let ids = vertices.iter().map(|&vertex| ValidatorId::new(vertex as u32)).collect();
        LobbyingGraph::from_parts(ids, within(&self.arrows), within(&self.edges))
    }
}
