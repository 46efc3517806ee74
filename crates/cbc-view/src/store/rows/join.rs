//! The row of a message: what those that it cites had seen, and they themselves.

use cbc_message::ValidatorId;

use super::{Code, FAN, LEAF, Row, Rows};
use crate::store::chains::{Chains, Position};

impl Rows {
    /// The join of `rows` and of `news`, messages in ascending order of their senders, of which two
    /// of one sender have one number; and the validators whose news are not simply later than what
    /// the rows have of them, so that one of those may have it already.
    ///
    /// For each validator, the join of what several have is the latest of its messages among them,
    /// if those come one after another in its chain of self-citations; or else that it equivocated,
    /// as also where one of them has that already. It is the same in whatever order they are taken:
    /// a tree's nodes are on one path if each two of them are.
    ///
    /// O(news · log V), and O(log V) for each validator of whom two rows have something different,
    /// times the number of rows that differ.
    pub(crate) fn join(
        &mut self,
        chains: &Chains,
        rows: impl Iterator<Item = Row>,
        news: &[(ValidatorId, Code)],
    ) -> (Row, Vec<ValidatorId>) {
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        joined.extend(rows.map(|row| row.0));
        distinct(&mut joined, 0);
        let mut join = Join { rows: self, chains, nodes: joined, doubtful: Vec::new() };
        let last = join.rows.last;
        let root = join.node(join.rows.height, 0, 0, last, news);
        let Join { nodes, doubtful, .. } = join;
        self.joined = nodes;
        self.last = root;
        (Row(root), doubtful)
    }

    /// The join of what two rows have for a validator.
    pub(crate) fn join_codes(
        &self,
        chains: &Chains,
        validator: ValidatorId,
        one: Code,
        other: Code,
    ) -> Code {
        if one == other || other == Code::NOTHING {
            return one;
        }
        if one == Code::NOTHING {
            return other;
        }
        let (Some(place), Some(of_other)) =
            (self.position(one, chains), self.position(other, chains))
        else {
            return Code::EQUIVOCATED;
        };
        if place == of_other {
            // One message, which was dropped and came back.
            return if one.as_latest().is_some() { one } else { other };
        }
        if chains.is_predecessor_or_same(validator, place, of_other) {
            other
        } else if chains.is_predecessor_or_same(validator, of_other, place) {
            one
        } else {
            Code::EQUIVOCATED
        }
    }

    /// Whether whoever has `code` for a validator has seen its message at `position`, or has no use
    /// for it, since it knows that the validator equivocated.
    pub(crate) fn has_seen(
        &self,
        chains: &Chains,
        validator: ValidatorId,
        code: Code,
        position: Position,
    ) -> bool {
        code == Code::EQUIVOCATED
            || self
                .position(code, chains)
                .is_some_and(|seen| chains.is_predecessor_or_same(validator, position, seen))
    }
}

/// Leaves of the nodes from `start` on each one once, and none that is empty.
fn distinct(nodes: &mut Vec<u32>, start: usize) {
    let first = nodes.get(start).copied().unwrap_or(0);
    if nodes[start..].iter().all(|&node| node == first) {
        nodes.truncate(start + usize::from(first != 0)); // The usual case.
        return;
    }
    nodes[start..].sort_unstable();
    let mut kept = start;
    for place in start..nodes.len() {
        let node = nodes[place];
        if node != 0 && (kept == start || nodes[kept - 1] != node) {
            nodes[kept] = node;
            kept += 1;
        }
    }
    nodes.truncate(kept);
}

/// A join that is being made.
struct Join<'a> {
    rows: &'a mut Rows,
    chains: &'a Chains,
    /// The nodes that are joined, those of each level after those of the level above.
    nodes: Vec<u32>,
    doubtful: Vec<ValidatorId>,
}

impl Join<'_> {
    /// Joins the nodes from `start` on, which are for the validators from `first` on, and `news` of
    /// those. `last` is the node in the same place of the row made last.
    ///
    /// It calls itself as often as there are branches above a leaf, 16 at most.
    fn node(
        &mut self,
        level: u32,
        first: usize,
        start: usize,
        last: u32,
        mut news: &[(ValidatorId, Code)],
    ) -> u32 {
        let count = self.nodes.len() - start;
        if news.is_empty() && count <= 1 {
            return self.nodes.get(start).copied().unwrap_or(0);
        }
        let Some(below) = level.checked_sub(1) else {
            return self.leaf(first, start, last, news);
        };
        let width = LEAF << (2 * below);
        let last_branch = self.rows.branches[last as usize];
        let mut branch = [0; FAN];
        for (place, child) in branch.iter_mut().enumerate() {
            let first = first + place * width;
            let end = news.partition_point(|(validator, _)| validator.index() < first + width);
            let (news_here, others) = news.split_at(end);
            news = others;
            let children = self.nodes.len();
            for node in start..start + count {
                self.nodes.push(self.rows.branches[self.nodes[node] as usize][place]);
            }
            distinct(&mut self.nodes, children);
            *child = self.node(below, first, children, last_branch[place], news_here);
            self.nodes.truncate(children);
        }
        let branches = &mut self.rows.branches;
        let same = |&&node: &&u32| branches[node as usize] == branch;
        if let Some(&node) = self.nodes[start..].iter().chain([&last, &0]).find(same) {
            return node;
        }
        branches.push(branch);
        branches.len() as u32 - 1
    }

    fn leaf(&mut self, first: usize, start: usize, last: u32, news: &[(ValidatorId, Code)]) -> u32 {
        let (rows, chains) = (&mut *self.rows, self.chains);
        let mut leaf = [Code::NOTHING; LEAF];
        // The usual case, and quick also where everything differs.
        let by_index = rows.dropped.is_empty() && chains.are_straight(first..first + LEAF);
        for &node in &self.nodes[start..] {
            let codes = leaf.iter_mut().zip(&rows.leaves[node as usize]);
            if by_index {
                codes.for_each(|(code, &other)| *code = (*code).max(other));
                continue;
            }
            for (validator, (code, &other)) in (first as u32..).zip(codes) {
                if *code != other {
                    *code = rows.join_codes(chains, ValidatorId::new(validator), *code, other);
                }
            }
        }
        for of_one in news.chunk_by(|one, next| one.0 == next.0) {
            let validator = of_one[0].0;
            let code = &mut leaf[validator.index() - first];
            let before = *code;
            for &(_, new) in of_one {
                *code = rows.join_codes(chains, validator, *code, new);
            }
            let is_later = |&(_, new): &(ValidatorId, Code)| {
                before == Code::NOTHING
                    || rows.join_codes(chains, validator, before, new) == new
                        // One message, which was dropped and came back, has two codes.
                        && rows.position(before, chains) != rows.position(new, chains)
            };
            if !of_one.iter().all(is_later) {
                self.doubtful.push(validator);
            }
        }
        let same = |&&node: &&u32| rows.leaves[node as usize] == leaf;
        if let Some(&node) = self.nodes[start..].iter().chain([&last, &0]).find(same) {
            return node;
        }
        rows.leaves.push(leaf);
        rows.leaves.len() as u32 - 1
    }
}
