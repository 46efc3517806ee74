//! A forest of parent links that answers ancestor questions in O(log n).

use crate::renumbering::Renumbering;
use crate::room;

/// Trees over nodes `0, 1, 2, …`, each node given out after its parent.
///
/// Besides its parent every node keeps one jump pointer to a farther ancestor. The lengths of the
/// jumps follow the skew-binary numbers, as in Myers' random-access lists (Myers, "An applicative
/// random-access stack", 1983): a node jumps over both of its parent's last two jumps if these are
/// equally long, else to its parent. So a jump's length depends on the depth alone, two nodes of
/// equal depth have jumps of equal length, and any ancestor is O(log n) steps away. Three words a
/// node, O(1) to add one, no recursion.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forest {
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    /// The parent; the node itself, for a root.
    parent: u32,
    /// An ancestor, usually far; the node itself, for a root.
    jump: u32,
    depth: u32,
}

impl Forest {
    /// The number of nodes.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Adds a node below `parent`, or as a root, and gives it the next number.
    pub(crate) fn push(&mut self, parent: Option<u32>) -> u32 {
        match parent {
            None => self.push_root(0),
            Some(parent) => {
                let Node { jump, depth, .. } = self.node(parent);
                let near = self.node(jump);
                let far = self.node(near.jump);
                let jump =
                    if depth - near.depth == near.depth - far.depth { near.jump } else { parent };
                room::push(&mut self.nodes, Node { parent, jump, depth: depth + 1 });
                self.nodes.len() as u32 - 1
            }
        }
    }

    /// Adds a root of this depth: what was above it is not kept.
    fn push_root(&mut self, depth: u32) -> u32 {
        let this = self.nodes.len() as u32;
        room::push(&mut self.nodes, Node { parent: this, jump: this, depth });
        this
    }

    /// Drops the nodes that `renumbering` does not name; what is below them becomes a root, and
    /// depths stay as they are. O(n).
    pub(crate) fn prune(&mut self, renumbering: &Renumbering) {
        let mut pruned = Self::default();
        for (node, _) in renumbering.iter() {
            match self.parent(node).and_then(|parent| renumbering.get(parent)) {
                Some(parent) => pruned.push(Some(parent)),
                None => pruned.push_root(self.depth(node)),
            };
        }
        *self = pruned;
    }

    /// The number of edges from `node` up to its root, dropped ones included. O(1).
    pub(crate) fn depth(&self, node: u32) -> u32 {
        self.node(node).depth
    }

    /// The parent of `node`, unless it is a root. O(1).
    pub(crate) fn parent(&self, node: u32) -> Option<u32> {
        let parent = self.node(node).parent;
        (parent != node).then_some(parent)
    }

    /// The ancestor of `node`, or `node` itself, at `depth`, if it is that deep and its root is not
    /// deeper. O(log n).
    pub(crate) fn ancestor_at(&self, mut node: u32, depth: u32) -> Option<u32> {
        if self.depth(node) < depth {
            return None;
        }
        while self.depth(node) > depth {
            let Node { parent, jump, .. } = self.node(node);
            if parent == node {
                return None;
            }
            node = if self.depth(jump) >= depth { jump } else { parent };
        }
        Some(node)
    }

    /// Whether `above` is `below` or an ancestor of it. O(log n).
    pub(crate) fn is_ancestor_or_same(&self, above: u32, below: u32) -> bool {
        self.ancestor_at(below, self.depth(above)) == Some(above)
    }

    /// The deepest node that is an ancestor of, or the same as, both; `None` if they are in two
    /// trees. For trees whose roots have the same depth. O(log n).
    pub(crate) fn common_ancestor(&self, one: u32, other: u32) -> Option<u32> {
        let depth = self.depth(one).min(self.depth(other));
        let mut one = self.ancestor_at(one, depth)?;
        let mut other = self.ancestor_at(other, depth)?;
        while one != other {
            let (a, b) = (self.node(one), self.node(other));
            if a.parent == one {
                return None;
            }
            (one, other) = if a.jump == b.jump { (a.parent, b.parent) } else { (a.jump, b.jump) };
        }
        Some(one)
    }

    fn node(&self, node: u32) -> Node {
        self.nodes[node as usize]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The path from `node` up to its root, by parents alone.
    fn path(parents: &[Option<u32>], node: u32) -> Vec<u32> {
        std::iter::successors(Some(node), |&node| parents[node as usize]).collect()
    }

    fn forests() -> impl Strategy<Value = Vec<Option<u32>>> {
        // Parents near the end make deep trees, parents anywhere bushy ones.
        prop::collection::vec((0..20u32, any::<prop::sample::Index>()), 1..200).prop_map(|draws| {
            let parent = |(node, (near, any)): (usize, &(u32, prop::sample::Index))| match near {
                _ if node == 0 => None,
                0 => None,
                1..=12 => Some(node as u32 - 1),
                _ => Some(any.index(node) as u32),
            };
            draws.iter().enumerate().map(parent).collect()
        })
    }

    proptest! {
        #[test]
        fn answers_are_those_of_walking_parent_by_parent(parents in forests()) {
            let mut forest = Forest::default();
            for &parent in &parents {
                forest.push(parent);
            }
            let nodes = parents.len() as u32;
            for one in 0..nodes {
                let up = path(&parents, one);
                prop_assert_eq!(forest.depth(one) as usize, up.len() - 1);
                prop_assert_eq!(forest.parent(one), parents[one as usize]);
                for (depth, &node) in up.iter().rev().enumerate() {
                    prop_assert_eq!(forest.ancestor_at(one, depth as u32), Some(node));
                }
                prop_assert_eq!(forest.ancestor_at(one, up.len() as u32), None);
                for other in (0..nodes).step_by(7) {
                    let up_other = path(&parents, other);
                    let common = up.iter().find(|node| up_other.contains(node)).copied();
                    prop_assert_eq!(forest.common_ancestor(one, other), common);
                    prop_assert_eq!(forest.is_ancestor_or_same(other, one), up.contains(&other));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_has_the_ancestors_that_are_kept(
            parents in forests(),
            dropped in prop::collection::vec(any::<bool>(), 200),
        ) {
            let mut forest = Forest::default();
            for &parent in &parents {
                forest.push(parent);
            }
            let keeps = |node: u32| !dropped[node as usize];
            let kept: Vec<u32> = (0..parents.len() as u32).filter(|&node| keeps(node)).collect();
            let renumbering = Renumbering::keeping(parents.len(), keeps);
            let mut pruned = forest.clone();
            pruned.prune(&renumbering);
            prop_assert_eq!(pruned.len(), kept.len());
            for &below in &kept {
                // Up to the first that is dropped.
                let up = path(&parents, below);
                let whole = up.iter().take_while(|&&node| keeps(node)).count();
                let new = |node: u32| renumbering.get(node).unwrap();
                prop_assert_eq!(pruned.depth(new(below)), forest.depth(below));
                for (place, &above) in up.iter().enumerate() {
                    let expected = (place < whole).then(|| new(above));
                    let found = pruned.ancestor_at(new(below), forest.depth(above));
                    prop_assert_eq!(found, expected);
                }
            }
        }
    }

    #[test]
    fn a_long_chain_is_crossed_in_few_jumps() {
        let mut forest = Forest::default();
        let mut tip = forest.push(None);
        for _ in 0..1_000_000 {
            tip = forest.push(Some(tip));
        }
        let mut steps = 0;
        let (mut node, depth) = (tip, 123_456);
        while forest.depth(node) > depth {
            let Node { parent, jump, .. } = forest.node(node);
            node = if forest.depth(jump) >= depth { jump } else { parent };
            steps += 1;
        }
        assert_eq!(forest.ancestor_at(tip, depth), Some(node));
        assert!(steps <= 60, "{steps} steps"); // at most 3 log2(n)
    }
}
