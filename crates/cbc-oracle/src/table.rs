//! The lobbying graphs of all candidates of a chain at once, kept from one question to the next.

use cbc_message::{ValidatorId, ValidatorSet, Weight};
use cbc_view::{Chain, MessageDag, MessageIndex, Seen};

use crate::clique::Ballot;
use crate::stream::{Change, Stream};
use crate::{BitSet, Safety};

#[cfg(test)]
mod tests;

/// To which depth of a chain of candidates each arrow of the lobbying graph holds.
///
/// A message agrees with the first so many candidates of a chain, its *agreement*. So there is an
/// arrow from v to u (semantics §6) in the graph of exactly those candidates that are no deeper
/// than the least agreement among the messages of u from the one that v's latest message cites up
/// to u's latest; and v is a vertex of those no deeper than the agreement of its own latest
/// message. Two numbers tell for all candidates what [`LobbyingGraph`](crate::LobbyingGraph) tells
/// for one.
///
/// The table follows a view by comparing everybody's latest message with that of the question
/// before. For each that is another it costs O(V), as the messages in between lower the column of
/// their sender, and its row changes where it cites something else. A view that went back, or that
/// is another observer's of the same messages, is followed in the same way, in O(V log n) for each
/// column that may have risen. From scratch it costs O(V²).
///
/// None of this grows with how far back somebody's citations lie, who is offline, slow, or
/// beyond a partition: each message is asked once, and again only while its agreement reaches what
/// the chain of the next question has in common with the last. Where the chain changes its mind
/// about a fork, that is once for each message since, as far as anybody cites back. It keeps 8
/// bytes for a message, at most.
///
/// What two chains have in common it finds by itself, with one question to the next chain: see
/// [`ChainOracle::update`](crate::ChainOracle::update).
#[derive(Debug, Default)]
pub(crate) struct LobbyingTable {
    /// For each validator: its latest message, if it counts, and more of what it said.
    streams: Vec<Stream>,
    /// To which depth the arrow from v to u holds, at v · V + u. The arrow to oneself goes by one's
    /// own citation, too.
    arrows: Vec<u32>,
    /// To which depth both arrows between v and u hold, at v · V + u; 0 for v = u.
    edges: Vec<u32>,
    /// How many candidates the chain has.
    depth: u32,
    /// What was answered since something last changed, by what was asked.
    answers: Vec<(Question, Safety)>,
    /// The graph of one candidate; kept for its memory.
    graph: Vec<BitSet>,
}

/// The depth of a candidate, the strength that a quorum has to exceed to matter, and the budget.
type Question = (u32, Weight, u64);

impl LobbyingTable {
    /// Follows `dag` to where it is now, and the chain to where that is.
    pub(crate) fn update<D: MessageDag>(&mut self, dag: &D, chain: &dyn Chain<D>) {
        let count = dag.validator_count();
        if self.streams.len() != count {
            *self = Self {
                streams: vec![Stream::default(); count],
                arrows: vec![0; count * count],
                edges: vec![0; count * count],
                graph: vec![BitSet::new(count); count],
                ..Self::default()
            };
        }
        let valid = self.valid_for(dag, chain);
        self.depth = chain.depth();
        let mut changed = Vec::new();
        for validator in (0..count as u32).map(ValidatorId::new) {
            let latest = dag.latest_honest_message(validator);
            let stream = &mut self.streams[validator.index()];
            let (before, agreement) = (stream.latest(), stream.agreement());
            if latest == before && (latest.is_none() || agreement < valid) {
                continue;
            }
            let change = stream.follow(latest, valid, dag, chain);
            // Who agreed with nothing and still does had no arrows to it, and has none.
            if latest != before || agreement.max(stream.agreement()) > 0 {
                changed.push((validator, before, change));
            }
        }
        if !changed.is_empty() {
            self.answers.clear();
        }
        // Columns first: what others cite of those who have spoken.
        for (validator, _, change) in &changed {
            self.renew_column(*validator, change, dag, chain);
        }
        for &(validator, before, _) in &changed {
            self.renew_row(validator, before, dag, chain);
        }
    }

    /// Agreements less than this hold for `chain` as they do for that of the last question.
    ///
    /// The witness is one of the latest messages of then, of those that agree with most. It agrees
    /// with one candidate of each depth at most: as many as it agrees with in both chains, both have.
    fn valid_for<D: MessageDag>(&self, dag: &D, chain: &dyn Chain<D>) -> u32 {
        let latest = self.streams.iter().filter_map(|s| Some((s.agreement(), s.latest()?)));
        let Some((before, witness)) = latest.max() else { return 0 };
        let now = chain.agreement(dag, witness);
        let agrees_with_all = before == self.depth && now == chain.depth();
        if agrees_with_all && before == now { u32::MAX } else { before.min(now) }
    }

    /// Works out anew to which depth the arrows to `u` hold that may have risen, and lowers others.
    fn renew_column<D: MessageDag>(
        &mut self,
        u: ValidatorId,
        change: &Change,
        dag: &D,
        chain: &dyn Chain<D>,
    ) {
        for v in 0..self.streams.len() {
            let mut arrow = self.arrow(v, u.index());
            if arrow < change.risen {
                arrow = arrow.min(change.least);
            } else {
                let seen = self.streams[v].latest().and_then(|latest| dag.seen(latest, u).latest());
                let stream = &mut self.streams[u.index()];
                arrow = seen.map_or(0, |seen| stream.least_since(seen, dag, chain));
            }
            self.set_arrow(v, u.index(), arrow);
        }
    }

    /// Works out anew to which depth the arrows from `v` hold whose citations are not those of the
    /// message `before`.
    fn renew_row<D: MessageDag>(
        &mut self,
        v: ValidatorId,
        before: Option<MessageIndex>,
        dag: &D,
        chain: &dyn Chain<D>,
    ) {
        let Some(latest) = self.streams[v.index()].latest() else {
            return (0..self.streams.len()).for_each(|u| self.set_arrow(v.index(), u, 0));
        };
        if before == Some(latest) {
            return;
        }
        for u in (0..self.streams.len() as u32).map(ValidatorId::new) {
            let seen = dag.seen(latest, u);
            if before.is_some_and(|before| dag.seen(before, u) == seen) {
                continue;
            }
            let arrow = match seen {
                Seen::Latest(seen) => self.streams[u.index()].least_since(seen, dag, chain),
                Seen::Nothing | Seen::Equivocation | Seen::Dropped => 0,
            };
            self.set_arrow(v.index(), u.index(), arrow);
        }
    }

    fn arrow(&self, v: usize, u: usize) -> u32 {
        self.arrows[v * self.streams.len() + u]
    }

    fn set_arrow(&mut self, v: usize, u: usize, depth: u32) {
        let count = self.streams.len();
        self.arrows[v * count + u] = depth;
        if v != u {
            let edge = depth.min(self.arrow(u, v));
            self.edges[v * count + u] = edge;
            self.edges[u * count + v] = edge;
        }
    }

    /// What the clique oracle answers for the candidate at `depth`, with a search of at most
    /// `budget` steps; but where no clique weighs more than `above`, whatever is found until that is
    /// clear. O(V²), and the search.
    pub(crate) fn clique(
        &mut self,
        validators: &ValidatorSet,
        depth: u32,
        above: Weight,
        budget: u64,
    ) -> Safety {
        let question = (depth, above, budget);
        let known = self.answers.iter().find(|(answered, _)| *answered == question);
        if let Some((_, safety)) = known {
            return safety.clone();
        }
        let safety = self.clique_anew(validators, question);
        self.answers.push((question, safety.clone()));
        safety
    }

    fn clique_anew(
        &mut self,
        validators: &ValidatorSet,
        (depth, above, budget): Question,
    ) -> Safety {
        let counts = |stream: &Stream| stream.latest().is_some() && stream.agreement() >= depth;
        // Whoever is no vertex weighs nothing, and is left out of the search.
        let weight_of = |(stream, &weight)| if counts(stream) { weight } else { Weight::ZERO };
        let weights: Vec<Weight> =
            self.streams.iter().zip(validators.weights()).map(weight_of).collect();
        let agreeing: Weight = weights.iter().copied().sum();
        if agreeing < validators.total() - agreeing || agreeing <= above {
            return Safety::none();
        }
        for (row, depths) in self.graph.iter_mut().zip(self.edges.chunks(self.streams.len())) {
            row.assign_at_least(depths, depth);
        }
        let arrows = || {
            let row = |depths: &[u32]| {
                let mut row = BitSet::new(depths.len());
                row.assign_at_least(depths, depth);
                row
            };
            self.arrows.chunks(self.streams.len()).map(row).collect()
        };
        Ballot { weights: &weights, edges: &self.graph, above, budget }
            .count(arrows)
            .safety(validators, |vertex| ValidatorId::new(vertex as u32))
    }
}
