//! The lobbying graph: who has seen whom agree, and seen nothing of them since that might change
//! anybody's mind (semantics §6).

use cbc_message::{ValidatorId, ValidatorSet, Weight};
use cbc_view::{MessageDag, MessageIndex, Property};

use crate::BitSet;

/// The lobbying graph of a candidate.
///
/// Its vertices are the validators that are not known to equivocate and whose latest message
/// agrees with the candidate. There is an arrow from v to u if v's latest message cites a message
/// of u that agrees, and no later message of u in the view disagrees. Arrows both ways are an
/// edge. Vertices are numbered from 0, in the order of their validators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LobbyingGraph {
    vertices: Vec<ValidatorId>,
    arrows: Vec<BitSet>,
    edges: Vec<BitSet>,
}

/// How far back the messages of a validator that does not equivocate agree without a break.
///
/// Its messages are a chain, and indices ascend along it: the streak is the messages of the chain
/// from some index on.
#[derive(Clone, Copy, Debug)]
struct Streak {
    /// The earliest message known to be in the streak.
    earliest: MessageIndex,
    /// Whether the message before that, if any, is known to disagree.
    complete: bool,
}

impl Streak {
    /// The streak that ends in `latest`, which agrees.
    fn from_latest(latest: MessageIndex) -> Self {
        Self { earliest: latest, complete: false }
    }

    /// Whether `message`, of the same validator, is in the streak. Walks back to it if that is not
    /// known yet: each message is asked once, however often a streak is.
    fn reaches<D: MessageDag>(
        &mut self,
        message: MessageIndex,
        dag: &D,
        candidate: &dyn Property<D>,
    ) -> bool {
        while message < self.earliest && !self.complete {
            match dag.previous(self.earliest).filter(|&before| candidate.agrees(dag, before)) {
                Some(before) => self.earliest = before,
                None => self.complete = true,
            }
        }
        message >= self.earliest
    }
}

impl LobbyingGraph {
    /// The graph of `candidate` in the view that `dag` is.
    ///
    /// O(V²), and one question to the candidate for each message of a vertex back to the earliest
    /// that another vertex cites.
    pub fn new<D: MessageDag>(dag: &D, candidate: &dyn Property<D>) -> Self {
        let mut vertices = Vec::new();
        let mut latest = Vec::new();
        for validator in (0..dag.validator_count() as u32).map(ValidatorId::new) {
            let message = dag.latest_honest_message(validator);
            if let Some(message) = message.filter(|&message| candidate.agrees(dag, message)) {
                vertices.push(validator);
                latest.push(message);
            }
        }
        let mut streaks: Vec<Streak> = latest.iter().copied().map(Streak::from_latest).collect();
        let count = vertices.len();
        let mut arrows = vec![BitSet::new(count); count];
        let mut latest_seen = vec![0; dag.validator_count()];
        for (row, &message) in arrows.iter_mut().zip(&latest) {
            dag.latest_seen(message, &mut latest_seen);
            for (to, (validator, streak)) in vertices.iter().zip(&mut streaks).enumerate() {
                let seen = latest_seen[validator.index()].checked_sub(1).map(MessageIndex::new);
                if seen.is_some_and(|seen| streak.reaches(seen, dag, candidate)) {
                    row.insert(to);
                }
            }
        }
        let mut edges = BitSet::transposed(&arrows);
        for (vertex, (edges, arrows)) in edges.iter_mut().zip(&arrows).enumerate() {
            edges.intersect_with(arrows);
            edges.remove(vertex);
        }
        Self { vertices, arrows, edges }
    }

    /// The validators that are vertices, in ascending order.
    pub fn vertices(&self) -> &[ValidatorId] {
        &self.vertices
    }

    /// What the vertices weigh together.
    pub fn weight(&self, validators: &ValidatorSet) -> Weight {
        validators.weight_of(self.vertices.iter().copied())
    }

    /// For each vertex, the vertices that it has arrows to; to itself, too, if it cites a message
    /// of its own in its own unbroken streak.
    pub fn arrows(&self) -> &[BitSet] {
        &self.arrows
    }

    /// For each vertex, the vertices that it shares an edge with; never itself.
    pub fn edges(&self) -> &[BitSet] {
        &self.edges
    }
}
