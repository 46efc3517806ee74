//! The lobbying graphs of the candidates of a chain, kept from one question to the next.

use cbc_message::{ValidatorId, ValidatorSet, Weight};
use cbc_view::{Chain, MessageDag};

use crate::BitSet;
use crate::stream::Stream;

mod graph;
#[cfg(test)]
mod tests;

pub use graph::CandidateGraph;

/// The [lobbying graphs](crate::LobbyingGraph) of all candidates of a chain, one at a time, for a
/// [`ChainOracle`](crate::ChainOracle): it follows a view, and costs what has moved.
///
/// A message agrees with the first so many candidates of a chain, its *agreement*. The unbroken
/// streak of u's messages that agree with the candidate of a depth begins where its messages from
/// then on all agree to that depth or more: so there is an arrow from v to u (semantics §6) if v's
/// latest message cites one from there on, and u is a vertex if there is such a message at all. The
/// table has what everybody's latest message cites, a row for each; and of everybody the messages
/// that agree with less than all after them, which tell where streaks begin, for all depths.
///
/// Following a view costs one look at each validator, and O(V) for a message that is another's
/// latest than at the question before. A view that went back, or that is another observer's of the
/// same messages, is followed in the same way. From scratch it costs O(V²).
///
/// None of this grows with how far back somebody's citations lie, who is offline, slow, or beyond a
/// partition: each message is asked once, and again only while its agreement reaches what the
/// chain of the next question has in common with the last. Where the chain changes its mind about a
/// fork, that is once for each message since, as far as anybody cites back. It keeps 8 bytes for a
/// message, at most, and 4 V² for the rows.
///
/// What two chains have in common it finds by itself, with one question to the next chain: see
/// [`ChainOracle::update`](crate::ChainOracle::update).
///
/// # What is known not to be safe
///
/// An oracle that found a candidate not to be safe may [`refute`](Self::refute) it: until validators
/// of some weight have moved. It need not look again before they have.
#[derive(Debug, Default)]
pub struct LobbyingTable {
    /// For each validator: its latest message, if it counts, and more of what it said.
    streams: Vec<Stream>,
    /// What the latest message of v cites for u, at v · V + u: one more than the index of the
    /// message, or 0. Rows of those whose latest message does not count are 0.
    cited: Vec<u32>,
    /// What each stream has [not asked](Stream::unasked), of which nobody's row cites any.
    unasked: Vec<u32>,
    /// How many candidates the chain has.
    depth: u32,
    /// The graph asked for last.
    graph: CandidateGraph,
    refutation: Option<Refutation>,
}

/// That the candidate at a depth is not safe.
#[derive(Clone, Debug)]
struct Refutation {
    depth: u32,
    threshold: Weight,
    /// Until validators of this weight have moved.
    slack: Weight,
    /// Who has moved.
    moved: BitSet,
}

impl LobbyingTable {
    /// Of no view yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Follows `dag` to where it is now, and the chain to where that is. Says whether anything that
    /// answers depend on has changed.
    pub fn update<D: MessageDag>(&mut self, dag: &D, chain: &dyn Chain<D>) -> bool {
        let count = dag.validator_count();
        if self.streams.len() != count {
            *self = Self {
                streams: vec![Stream::default(); count],
                cited: vec![0; count * count],
                unasked: vec![0; count],
                graph: CandidateGraph::new(count),
                ..Self::default()
            };
        }
        let valid = self.valid_for(dag, chain);
        self.depth = chain.depth();
        let (mut moved, mut spoken, mut forgotten) = (false, Vec::new(), false);
        for validator in (0..count as u32).map(ValidatorId::new) {
            let latest = dag.latest_honest_message(validator);
            let stream = &mut self.streams[validator.index()];
            let (before, agreement) = (stream.latest(), stream.agreement());
            if latest == before && (latest.is_none() || agreement < valid) {
                continue;
            }
            forgotten |= stream.follow(latest, valid, dag, chain);
            self.unasked[validator.index()] = stream.unasked();
            if latest != before {
                spoken.push(validator.index());
            }
            // Who agreed with nothing and still does had no arrows to it, and has none.
            if latest != before || agreement.max(stream.agreement()) > 0 {
                moved = true;
                if let Some(refutation) = &mut self.refutation {
                    refutation.moved.insert(validator.index());
                }
            }
        }
        for &v in &spoken {
            let row = &mut self.cited[v * count..(v + 1) * count];
            match self.streams[v].latest() {
                Some(latest) => dag.latest_seen(latest, row),
                None => row.fill(0),
            }
            self.graph.expire(v);
        }
        if forgotten {
            (0..count).for_each(|v| self.ask_what_is_cited(v, dag, chain));
        } else {
            spoken.into_iter().for_each(|v| self.ask_what_is_cited(v, dag, chain));
        }
        moved
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

    /// Asks all messages from those that the row of v cites on.
    fn ask_what_is_cited<D: MessageDag>(&mut self, v: usize, dag: &D, chain: &dyn Chain<D>) {
        let count = self.streams.len();
        let row = &self.cited[v * count..(v + 1) * count];
        // Of nothing it is the greatest number there is.
        let cites_unasked = |cited: u32, unasked: u32| cited.wrapping_sub(1) < unasked;
        let each = row.iter().zip(&self.unasked);
        // Mostly none does: that is found without branches.
        if !each.fold(false, |any, (&cited, &unasked)| any | cites_unasked(cited, unasked)) {
            return;
        }
        for u in 0..count {
            let cited = self.cited[v * count + u];
            if cites_unasked(cited, self.unasked[u]) {
                let stream = &mut self.streams[u];
                stream.ask_while(dag, chain, |message, _| message.get() + 1 >= cited);
                self.unasked[u] = stream.unasked();
            }
        }
    }

    /// Asks of everybody's messages, from the latest back, all that agree to `depth`, but no more
    /// than `most`: so far [`streak_start`](Self::streak_start) is certain. Each is asked once.
    pub fn ask_streaks<D: MessageDag>(
        &mut self,
        dag: &D,
        chain: &dyn Chain<D>,
        depth: u32,
        most: usize,
    ) {
        for (stream, unasked) in self.streams.iter_mut().zip(&mut self.unasked) {
            let Some(latest) = stream.latest() else { continue };
            let since = |message| dag.sequence_number(latest) - dag.sequence_number(message);
            let is_near = |message| since(message) < most as u64;
            stream.ask_while(dag, chain, |message, least| least >= depth && is_near(message));
            *unasked = stream.unasked();
        }
    }

    /// One more than the index of the message with which the unbroken streak of `validator` for
    /// the candidate at `depth ≥ 1` begins, as far as anybody's latest message cites it, or it was
    /// [asked](Self::ask_streaks); or no more than that, and more than of any message before. Beyond
    /// all indices, if its latest message does not agree or does not count. O(log n).
    pub fn streak_start(&self, validator: ValidatorId, depth: u32) -> u32 {
        self.streams.get(validator.index()).map_or(u32::MAX, |stream| stream.start(depth))
    }

    /// What those weigh whose latest message counts and agrees to `depth`. O(V).
    pub fn agreeing(&self, validators: &ValidatorSet, depth: u32) -> Weight {
        let each = self.streams.iter().zip(validators.weights());
        let agreeing = each.filter(|(stream, _)| stream.agreement() >= depth);
        agreeing.map(|(_, &weight)| weight).sum()
    }

    /// The graph of the candidate at `depth ≥ 1`. O(V log n), and O(V) for each validator that has
    /// spoken, or whose streak begins elsewhere, since a graph was asked for; O(V²/64 · 64) at most.
    pub fn graph(&mut self, depth: u32) -> &CandidateGraph {
        self.graph.follow(&self.streams, &self.cited, depth);
        &self.graph
    }

    /// Notes that no candidate at `depth` or deeper reaches `threshold` as long as validators who
    /// have *moved* since the last [`update`](Self::update) weigh less than `slack`.
    ///
    /// Moved has whoever has another latest message, or was found to equivocate, or of whom the
    /// messages agree with more or less of the chain than they did. Between two who have not moved,
    /// and have not been found to, there is an arrow exactly if there was, for every candidate that
    /// their latest messages agree with: those are the same as before.
    ///
    /// So if every quorum of strength q without some of its members, who weigh w, is a quorum of
    /// strength q − w at least, of the same kind and by what is known of the rest alone, and the
    /// strongest of then had strength b, then the strongest of now has no more than b + w, where w
    /// is what has moved. That is so for cliques, and for committees of any levels. The slack is by
    /// how much b falls short of the strength that reaches the threshold.
    pub fn refute(&mut self, depth: u32, threshold: Weight, slack: Weight) {
        let moved = BitSet::new(self.streams.len());
        self.refutation = Some(Refutation { depth, threshold, slack, moved });
    }

    /// The depth from which on no candidate reaches `threshold`, by what was
    /// [refuted](Self::refute) and still holds; `None` if nothing is known. O(V).
    pub fn refuted_from(&self, validators: &ValidatorSet, threshold: Weight) -> Option<u32> {
        let refutation = self.refutation.as_ref().filter(|known| known.threshold <= threshold)?;
        let moved = refutation.moved.iter().filter_map(|v| validators.weights().get(v));
        let moved: Weight = moved.copied().sum();
        (moved < refutation.slack).then_some(refutation.depth)
    }
}
