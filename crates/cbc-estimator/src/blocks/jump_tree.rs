//! A tree of parent links that answers ancestor questions in O(log n).

use cbc_view::{Column, Renumbering};

/// A tree over nodes `0, 1, 2, …`, each node given out after its parent; 0 is the root.
///
/// Besides its parent every node keeps one jump pointer to a farther ancestor. The lengths of the
/// jumps follow the skew-binary numbers, as in Myers' random-access lists (Myers, "An applicative
/// random-access stack", 1983): a node jumps over both of its parent's last two jumps if these are
/// equally long, else to its parent. So a jump's length depends on the depth alone, two nodes of
/// equal depth have jumps of equal length, and any ancestor is O(log n) steps away. Three words a
/// node, O(1) to add one, no recursion.
///
/// A descendant of the root can take the root's place. Jumps stay what they were, also those that
/// lead above the new root. These end at the nodes that one comes to from the root by jumps alone,
/// O(log n) of them: a node jumps to its parent, or to where the jump of its parent's jump leads,
/// so from the root's descendants no jump leads to any other node above it. Of those, depths are
/// kept.
#[derive(Clone, Debug)]
pub(crate) struct JumpTree {
    nodes: Column<Node>,
    /// The depths of the nodes above the root that one comes to from it by jumps, the nearest first.
    above: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    /// The parent; the node itself, for the root.
    parent: u32,
    /// An ancestor, usually far; the node itself, for a root of depth 0.
    jump: Link,
    depth: u32,
}

/// A node, or one of those above the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Link(u32);

impl Link {
    const ABOVE: u32 = 1 << 31;

    fn above(place: usize) -> Self {
        Self(Self::ABOVE | place as u32)
    }

    /// The node, or which of those above the root it is.
    fn node(self) -> Result<u32, usize> {
        match self.0 & Self::ABOVE {
            0 => Ok(self.0),
            _ => Err((self.0 & !Self::ABOVE) as usize),
        }
    }
}

impl JumpTree {
    /// The tree of only a root, of depth 0.
    pub(crate) fn new() -> Self {
        let root = Node { parent: 0, jump: Link(0), depth: 0 };
        Self { nodes: vec![root].into(), above: Vec::new() }
    }

    /// The number of nodes.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Adds a node below `parent`, and gives it the next number.
    pub(crate) fn push(&mut self, parent: u32) -> u32 {
        let Node { jump: near, depth, .. } = self.node(parent);
        let far = self.jump(near);
        let (near_depth, far_depth) = (self.link_depth(near), self.link_depth(far));
        let even = depth - near_depth == near_depth - far_depth;
        let jump = if even { far } else { Link(parent) };
        self.nodes.push(Node { parent, jump, depth: depth + 1 });
        self.nodes.len() as u32 - 1
    }

    /// Where the jump of `link` leads; to itself, at depth 0.
    fn jump(&self, link: Link) -> Link {
        match link.node() {
            Ok(node) => self.node(node).jump,
            Err(above) if above + 1 < self.above.len() => Link::above(above + 1),
            Err(_) => link,
        }
    }

    fn link_depth(&self, link: Link) -> u32 {
        match link.node() {
            Ok(node) => self.depth(node),
            Err(above) => self.above.get(above).copied().unwrap_or(0),
        }
    }

    /// Where the jump of `node` leads: to a node, or to that place among the nodes above the root
    /// that one comes to from it by jumps.
    pub(super) fn jump_of(&self, node: u32) -> Result<u32, usize> {
        self.node(node).jump.node()
    }

    /// The nodes that one comes to from `node` by jumps, up to depth 0, the nearest first.
    pub(super) fn jumps_of(&self, node: u32) -> impl Iterator<Item = Result<u32, usize>> + '_ {
        let next = |&link: &Link| Some(self.jump(link)).filter(|&next| next != link);
        std::iter::successors(next(&Link(node)), next).map(Link::node)
    }

    /// Makes the first node that `renumbering` names the root, and drops what it does not name. It
    /// names that node and its descendants. Depths stay as they are. O(n log log n).
    pub(super) fn prune(&mut self, renumbering: &Renumbering) {
        let Some((root, _)) = renumbering.iter().next() else { return };
        let links = std::iter::successors(Some(Link(root)), |&link| {
            Some(self.jump(link)).filter(|&next| next != link)
        });
        let above: Vec<u32> = links.skip(1).map(|link| self.link_depth(link)).collect();
        let link = |link: Link| match link.node().ok().and_then(|node| renumbering.get(node)) {
            Some(node) => Link(node),
            None => {
                let depth = self.link_depth(link);
                Link::above(above.partition_point(|&above| above > depth))
            }
        };
        let nodes = renumbering.iter().map(|(old, _)| {
            let Node { parent, jump, depth } = self.node(old);
            Node { parent: renumbering.get(parent).unwrap_or(0), jump: link(jump), depth }
        });
        *self = Self { nodes: nodes.collect(), above };
    }

    /// The number of edges from `node` up to the very first root. O(1).
    pub(crate) fn depth(&self, node: u32) -> u32 {
        self.node(node).depth
    }

    /// The parent of `node`, unless it is the root. O(1).
    pub(crate) fn parent(&self, node: u32) -> Option<u32> {
        let parent = self.node(node).parent;
        (parent != node).then_some(parent)
    }

    /// The ancestor of `node`, or `node` itself, at `depth`, if it is that deep and the root is not
    /// deeper. O(log n).
    pub(crate) fn ancestor_at(&self, mut node: u32, depth: u32) -> Option<u32> {
        if self.depth(node) < depth || depth < self.depth(0) {
            return None;
        }
        while self.depth(node) > depth {
            let Node { parent, jump, .. } = self.node(node);
            node = match jump.node() {
                Ok(jump) if self.depth(jump) >= depth => jump,
                _ => parent,
            };
        }
        Some(node)
    }

    /// Whether `above` is `below` or an ancestor of it. O(log n).
    pub(crate) fn is_ancestor_or_same(&self, above: u32, below: u32) -> bool {
        self.ancestor_at(below, self.depth(above)) == Some(above)
    }

    /// The deepest node that is an ancestor of, or the same as, both. O(log n).
    pub(crate) fn common_ancestor(&self, one: u32, other: u32) -> u32 {
        let depth = self.depth(one).min(self.depth(other));
        let mut one = self.ancestor_at(one, depth).unwrap_or(0);
        let mut other = self.ancestor_at(other, depth).unwrap_or(0);
        while one != other {
            let (a, b) = (self.node(one), self.node(other));
            // At one depth, jumps above the root lead to one node.
            (one, other) = match (a.jump.node(), b.jump.node()) {
                (Ok(a), Ok(b)) if a != b => (a, b),
                _ => (a.parent, b.parent),
            };
        }
        one
    }

    fn node(&self, node: u32) -> Node {
        self.nodes[node as usize]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The path from `node` up to the root, by parents alone.
    fn path(parents: &[u32], node: u32) -> Vec<u32> {
        let next = |&node: &u32| (node != 0).then(|| parents[node as usize]);
        std::iter::successors(Some(node), next).collect()
    }

    /// The parent of each node; of the root, nothing of meaning.
    fn parents() -> impl Strategy<Value = Vec<u32>> {
        // Parents near the end make deep trees, parents anywhere bushy ones.
        prop::collection::vec((0..20u32, any::<prop::sample::Index>()), 1..200).prop_map(|draws| {
            let parent = |(node, (near, any)): (usize, &(u32, prop::sample::Index))| match near {
                _ if node == 0 => 0,
                0..=12 => node as u32 - 1,
                _ => any.index(node) as u32,
            };
            draws.iter().enumerate().map(parent).collect()
        })
    }

    fn tree(parents: &[u32]) -> JumpTree {
        let mut tree = JumpTree::new();
        for &parent in &parents[1..] {
            tree.push(parent);
        }
        tree
    }

    proptest! {
        #[test]
        fn answers_are_those_of_walking_parent_by_parent(parents in parents()) {
            let tree = tree(&parents);
            let nodes = parents.len() as u32;
            for one in 0..nodes {
                let up = path(&parents, one);
                prop_assert_eq!(tree.depth(one) as usize, up.len() - 1);
                prop_assert_eq!(tree.parent(one), (one != 0).then(|| parents[one as usize]));
                for (depth, &node) in up.iter().rev().enumerate() {
                    prop_assert_eq!(tree.ancestor_at(one, depth as u32), Some(node));
                }
                prop_assert_eq!(tree.ancestor_at(one, up.len() as u32), None);
                for other in (0..nodes).step_by(7) {
                    let up_other = path(&parents, other);
                    let common = up.iter().find(|node| up_other.contains(node)).copied();
                    prop_assert_eq!(Some(tree.common_ancestor(one, other)), common);
                    prop_assert_eq!(tree.is_ancestor_or_same(other, one), up.contains(&other));
                }
            }
        }

        #[test]
        fn below_a_new_root_all_is_as_it_was_and_goes_on_as_it_would_have(
            parents in parents(),
            roots in prop::collection::vec((any::<prop::sample::Index>(), 1..200usize), 0..4),
        ) {
            // A twin that keeps everything, and for each of its nodes the number it has here.
            let (mut twin, mut pruned) = (JumpTree::new(), JumpTree::new());
            let mut numbers = vec![Some(0)];
            // For each node above the root that jumps lead to, its number in the twin.
            let mut above: Vec<u32> = Vec::new();
            for (node, &parent) in (0..).zip(&parents) {
                if node > 0 {
                    twin.push(parent);
                    numbers.push(numbers[parent as usize].map(|parent| pruned.push(parent)));
                }
                for (root, _) in roots.iter().filter(|&&(_, at)| at == node as usize + 1) {
                    let root = root.index(pruned.len()) as u32;
                    let old = |here: u32| {
                        numbers.iter().position(|&number| number == Some(here)).unwrap() as u32
                    };
                    let jumps = pruned.jumps_of(root);
                    above = jumps.map(|link| link.map_or_else(|place| above[place], old)).collect();
                    let kept = Renumbering::keeping(pruned.len(), |node| {
                        pruned.is_ancestor_or_same(root, node)
                    });
                    pruned.prune(&kept);
                    for number in &mut numbers {
                        *number = number.and_then(|old| kept.get(old));
                    }
                }
            }
            for (node, number) in (0..).zip(&numbers) {
                let &Some(number) = number else { continue };
                prop_assert_eq!(pruned.depth(number), twin.depth(node));
                let jump = twin.jump_of(node).unwrap();
                match pruned.jump_of(number) {
                    Ok(found) => prop_assert_eq!(Some(found), numbers[jump as usize]),
                    Err(place) => prop_assert_eq!(above[place], jump),
                }
                for depth in 0..=twin.depth(node) {
                    let expected = twin.ancestor_at(node, depth).unwrap();
                    let found = pruned.ancestor_at(number, depth);
                    prop_assert_eq!(found, numbers[expected as usize]);
                }
                for (other, there) in (0..).zip(&numbers).step_by(3) {
                    let &Some(there) = there else { continue };
                    let common = pruned.common_ancestor(number, there);
                    let expected = twin.common_ancestor(node, other);
                    prop_assert_eq!(Some(common), numbers[expected as usize]);
                }
            }
        }
    }

    #[test]
    fn a_long_chain_is_crossed_in_few_jumps() {
        let mut tree = JumpTree::new();
        let mut tip = 0;
        for _ in 0..1_000_000 {
            tip = tree.push(tip);
        }
        let mut steps = 0;
        let (mut node, depth) = (tip, 123_456);
        while tree.depth(node) > depth {
            let Node { parent, jump, .. } = tree.node(node);
            node = jump.node().ok().filter(|&jump| tree.depth(jump) >= depth).unwrap_or(parent);
            steps += 1;
        }
        assert_eq!(tree.ancestor_at(tip, depth), Some(node));
        assert!(steps <= 60, "{steps} steps"); // at most 3 log2(n)
    }
}
