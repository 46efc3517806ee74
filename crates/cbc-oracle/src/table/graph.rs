//! The lobbying graph of one candidate after another, in rows of bits.

use crate::BitSet;
use crate::stream::Stream;

/// The lobbying graph of the candidate at one depth of a chain: what
/// [`LobbyingGraph`](crate::LobbyingGraph) is, with a place for each validator. Whoever is no vertex
/// has no arrows.
///
/// To be moved to another depth, or to a view that has grown, it renews the rows of those who have
/// spoken, and the columns of those whose streak begins elsewhere; if these are many, all rows.
/// A row is renewed from a row of what is cited, 64 places to a word; a column is one place of each
/// row, and costs more. Down a chain every column moves when a message of its validator falls out of
/// the streak: once for each message.
#[derive(Clone, Debug, Default)]
pub struct CandidateGraph {
    /// Where the streak of each begins: see [`Stream::start`].
    starts: Vec<u32>,
    vertices: BitSet,
    arrows: Vec<BitSet>,
    edges: Vec<BitSet>,
    /// Rows that are not those of what is cited now.
    expired: BitSet,
    /// The columns that move; kept for its memory.
    columns: Vec<usize>,
}

/// All rows are renewed if more than one in so many is to be, or as many columns. Tests have few
/// validators, and renew one by one, too.
const FEW: usize = if cfg!(test) { 1 } else { 12 };

impl CandidateGraph {
    /// Without vertices.
    pub(super) fn new(count: usize) -> Self {
        Self {
            starts: vec![u32::MAX; count],
            vertices: BitSet::new(count),
            arrows: vec![BitSet::new(count); count],
            edges: vec![BitSet::new(count); count],
            expired: BitSet::new(count),
            columns: Vec::new(),
        }
    }

    /// The validators that are vertices.
    pub fn vertices(&self) -> &BitSet {
        &self.vertices
    }

    /// For each validator, those that it has arrows to.
    pub fn arrows(&self) -> &[BitSet] {
        &self.arrows
    }

    /// For each validator, those that it shares an edge with; never itself.
    pub fn edges(&self) -> &[BitSet] {
        &self.edges
    }

    /// The row of v of what is cited is another.
    pub(super) fn expire(&mut self, v: usize) {
        self.expired.insert(v);
    }

    /// Becomes the graph of the candidate at `depth`.
    pub(super) fn follow(&mut self, streams: &[Stream], cited: &[u32], depth: u32) {
        let count = streams.len();
        let mut columns = std::mem::take(&mut self.columns);
        columns.clear();
        for (u, stream) in streams.iter().enumerate() {
            let (before, start) = (self.starts[u], stream.start(depth));
            if start == before {
                continue;
            }
            self.starts[u] = start;
            columns.push(u);
            if start == u32::MAX {
                self.vertices.remove(u);
                self.expired.insert(u);
            } else if before == u32::MAX {
                self.vertices.insert(u);
                self.expired.insert(u);
            }
        }
        if (columns.len() + self.expired.len()) * FEW > count {
            self.renew(cited);
        } else {
            let expired = std::mem::replace(&mut self.expired, BitSet::new(count));
            for v in expired.iter() {
                self.renew_row(v, &cited[v * count..(v + 1) * count]);
            }
            columns.iter().for_each(|&u| self.renew_column(u, cited));
        }
        self.columns = columns;
    }

    fn renew(&mut self, cited: &[u32]) {
        let rows = cited.chunks(self.starts.len().max(1));
        for (v, (arrows, row)) in self.arrows.iter_mut().zip(rows).enumerate() {
            if self.vertices.contains(v) {
                arrows.assign_at_least(row, &self.starts);
            } else {
                arrows.clear();
            }
        }
        BitSet::transpose_into(&self.arrows, &mut self.edges);
        for (v, (edges, arrows)) in self.edges.iter_mut().zip(&self.arrows).enumerate() {
            edges.intersect_with(arrows);
            edges.remove(v);
        }
        self.expired.clear();
    }

    fn renew_row(&mut self, v: usize, row: &[u32]) {
        let before = self.arrows[v].clone();
        if self.vertices.contains(v) {
            self.arrows[v].assign_at_least(row, &self.starts);
        } else {
            self.arrows[v].clear();
        }
        let words = before.words().len();
        for place in 0..words {
            let mut changed = before.words()[place] ^ self.arrows[v].words()[place];
            while changed != 0 {
                let u = place * 64 + changed.trailing_zeros() as usize;
                changed &= changed - 1;
                self.renew_edge(v, u);
            }
        }
    }

    fn renew_column(&mut self, u: usize, cited: &[u32]) {
        let (count, start) = (self.starts.len(), self.starts[u]);
        for v in 0..count {
            let arrow = cited[v * count + u] >= start && self.vertices.contains(v);
            if arrow == self.arrows[v].contains(u) {
                continue;
            }
            if arrow {
                self.arrows[v].insert(u);
            } else {
                self.arrows[v].remove(u);
            }
            self.renew_edge(v, u);
        }
    }

    /// Where the arrow from v to u has changed.
    fn renew_edge(&mut self, v: usize, u: usize) {
        if v != u && self.arrows[v].contains(u) && self.arrows[u].contains(v) {
            self.edges[v].insert(u);
            self.edges[u].insert(v);
        } else {
            self.edges[v].remove(u);
            self.edges[u].remove(v);
        }
    }
}
