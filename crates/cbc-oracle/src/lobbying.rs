//! The lobbying graph: who has seen whom agree, and seen nothing of them since that might change
//! anybody's mind (semantics §6).

use cbc_message::{ValidatorId, ValidatorSet, Weight};
use cbc_view::{MessageDag, MessageIndex, Property, Seen};

use crate::BitSet;

/// The lobbying graph of a candidate.
///
/// Its vertices are the validators that are not known to equivocate and whose latest message
/// agrees with the candidate. There is an arrow from v to u if v's latest message cites a message
/// of u that agrees, and no later message of u in the view disagrees. Arrows both ways are an
/// edge. Vertices are numbered from 0, in the order of their validators.
#[derive(Clone, Debug)]
pub struct LobbyingGraph {
    vertices: Vec<ValidatorId>,
    arrows: Vec<BitSet>,
    edges: Vec<BitSet>,
}

/// How far back a validator's messages are known to agree without a break.
struct Streak {
    /// The earliest message known to be in the streak.
    earliest: MessageIndex,
    number: u64,
    /// Whether the message before that, if any, is known to disagree.
    complete: bool,
}

impl Streak {
    /// Whether the streak reaches back to the message with this sequence number. Walks there if
    /// it is not known yet: each message is asked once, however often a streak is.
    fn reaches<D: MessageDag>(
        &mut self,
        number: u64,
        dag: &D,
        candidate: &dyn Property<D>,
    ) -> bool {
        while self.number > number && !self.complete {
            match dag.previous(self.earliest).filter(|&before| candidate.agrees(dag, before)) {
                Some(before) => {
                    self.earliest = before;
                    self.number = dag.sequence_number(before);
                }
                None => self.complete = true,
            }
        }
        self.number <= number
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
        let mut streaks: Vec<Streak> = latest
            .iter()
            .map(|&earliest| Streak {
                earliest,
                number: dag.sequence_number(earliest),
                complete: false,
            })
            .collect();
        let count = vertices.len();
        let mut arrows = vec![BitSet::new(count); count];
        for (row, &message) in arrows.iter_mut().zip(&latest) {
            for (to, (&validator, streak)) in vertices.iter().zip(&mut streaks).enumerate() {
                if let Seen::Latest(seen) = dag.seen(message, validator)
                    && streak.reaches(dag.sequence_number(seen), dag, candidate)
                {
                    row.insert(to);
                }
            }
        }
        let mut edges = vec![BitSet::new(count); count];
        for (from, row) in arrows.iter().enumerate() {
            for to in row.iter().take_while(|&to| to < from) {
                if arrows[to].contains(from) {
                    edges[from].insert(to);
                    edges[to].insert(from);
                }
            }
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
