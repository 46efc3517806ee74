//! Sets of blocks that share what they have in common.

use std::sync::Arc;

use cbc_message::Weight;

/// How many branches a node has.
const FAN: usize = 16;

/// How many words of 64 blocks a leaf has.
const WORDS: usize = 16;

/// How many blocks a leaf stands for, as a power of 2.
const LEAF_BITS: u32 = 10;

/// A set of numbers, for as many messages as there are one each, most of which differ little from
/// one before: a trie of bits whose nodes are shared. Copying it is O(1), changing one number of a
/// copy O(log n) in time and memory, and what sets have in common is found where they share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct BlockSet {
    /// How many levels of branches there are above the leaves.
    height: u32,
    /// None if nothing is in the set.
    root: Option<Arc<Node>>,
}

/// Never empty; below what is empty there is no node.
#[derive(Clone, Debug)]
enum Node {
    Leaf([u64; WORDS]),
    Branch([Option<Arc<Self>>; FAN]),
}

impl Node {
    fn empty(height: u32) -> Self {
        if height == 0 { Self::Leaf([0; WORDS]) } else { Self::Branch(Default::default()) }
    }

    /// Whether the two are of the same parts: the same words, or the same nodes in memory.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Leaf(one), Self::Leaf(other)) => one == other,
            (Self::Branch(one), Self::Branch(other)) => one.iter().zip(other).all(is_shared),
            _ => false,
        }
    }
}

/// Whether two nodes are one in memory, or both not there.
fn is_shared((one, other): (&Option<Arc<Node>>, &Option<Arc<Node>>)) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

/// Which branch leads to `number`, from a node of this height above the leaves.
fn branch(number: u32, height: u32) -> usize {
    (number >> (LEAF_BITS + 4 * (height - 1))) as usize % FAN
}

/// The place of `number` in its leaf: the word, and the bit of it.
fn place(number: u32) -> (usize, u64) {
    ((number >> 6) as usize % WORDS, 1 << (number & 63))
}

impl BlockSet {
    /// How many numbers, from 0, a set of this height has room for.
    fn room(height: u32) -> u64 {
        1 << (LEAF_BITS + 4 * height)
    }

    /// The root of the same set with this height, which is no less than its own.
    fn raised(&self, height: u32) -> Option<Arc<Node>> {
        let mut root = self.root.clone()?;
        for _ in self.height..height {
            let mut branches: [Option<Arc<Node>>; FAN] = Default::default();
            branches[0] = Some(root);
            root = Arc::new(Node::Branch(branches));
        }
        Some(root)
    }

    /// Whether `number` is in the set. O(log n).
    pub(crate) fn contains(&self, number: u32) -> bool {
        if u64::from(number) >= Self::room(self.height) {
            return false;
        }
        let (mut node, mut height) = (self.root.as_ref(), self.height);
        loop {
            match node.map(Arc::as_ref) {
                None => return false,
                Some(Node::Leaf(words)) => {
                    let (word, bit) = place(number);
                    return words[word] & bit != 0;
                }
                Some(Node::Branch(branches)) => node = branches[branch(number, height)].as_ref(),
            }
            height = height.saturating_sub(1);
        }
    }

    /// Puts `number` into the set. O(log n).
    pub(crate) fn insert(&mut self, number: u32) {
        let mut height = self.height;
        while u64::from(number) >= Self::room(height) {
            height += 1;
        }
        self.root = self.raised(height);
        self.height = height;
        let mut root = &mut self.root;
        loop {
            let node = root.get_or_insert_with(|| Arc::new(Node::empty(height)));
            match Arc::make_mut(node) {
                Node::Leaf(words) => {
                    let (word, bit) = place(number);
                    words[word] |= bit;
                    return;
                }
                Node::Branch(branches) => root = &mut branches[branch(number, height)],
            }
            height -= 1;
        }
    }

    /// The numbers, in ascending order. O(n).
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + use<> {
        let mut found = Vec::new();
        if let Some(root) = &self.root {
            collect(root, self.height, 0, &mut found);
        }
        found.into_iter()
    }

    /// Whether `other` has all that is in this set. O(1) for what the two share.
    pub(crate) fn is_subset(&self, other: &Self) -> bool {
        let height = self.height.max(other.height);
        is_within(self.raised(height).as_ref(), other.raised(height).as_ref())
    }

    /// What more than half of the weight of these sets has, as a set; and what less has, if it is
    /// more than none: each number and the weight of the sets that have it, in ascending order.
    ///
    /// Where sets share a node, or have none, it is looked at once for all of them: O(s log s) for
    /// s sets at each node that not all share, which are those between the root and where they
    /// differ, and O(s) for each number in which they do. What is the same in all costs nothing.
    pub(crate) fn weigh(sets: &[(&Self, Weight)]) -> (Self, Vec<(u32, Weight)>) {
        let sets = || sets.iter().filter(|(_, weight)| !weight.is_zero());
        let height = sets().map(|(set, _)| set.height).max().unwrap_or(0);
        let roots = sets().filter_map(|&(set, weight)| Some((set.raised(height)?, weight)));
        let total = sets().map(|&(_, weight)| weight).sum();
        let roots: Vec<_> = roots.collect();
        let roots = roots.iter().map(|(root, weight)| (root, *weight)).collect();
        let mut weighing = Weighing { total, others: Vec::new() };
        let root = weighing.node(roots, height, 0);
        (Self { height, root }, weighing.others)
    }
}

impl PartialEq for BlockSet {
    fn eq(&self, other: &Self) -> bool {
        let height = self.height.max(other.height);
        are_equal(self.raised(height).as_ref(), other.raised(height).as_ref())
    }
}

impl Eq for BlockSet {}

/// O(1) for what the two share. As deep as a trie, which is no deeper than 7.
fn are_equal(one: Option<&Arc<Node>>, other: Option<&Arc<Node>>) -> bool {
    let (one, other) = match (one, other) {
        (None, None) => return true,
        (Some(one), Some(other)) => (one, other),
        _ => return false,
    };
    match (&**one, &**other) {
        _ if Arc::ptr_eq(one, other) => true,
        (Node::Branch(one), Node::Branch(other)) => {
            one.iter().zip(other).all(|(one, other)| are_equal(one.as_ref(), other.as_ref()))
        }
        (one, other) => one.is_same(other),
    }
}

/// As deep as a trie.
fn is_within(one: Option<&Arc<Node>>, other: Option<&Arc<Node>>) -> bool {
    let (one, other) = match (one, other) {
        (None, _) => return true,
        (Some(_), None) => return false,
        (Some(one), Some(other)) => (one, other),
    };
    match (&**one, &**other) {
        _ if Arc::ptr_eq(one, other) => true,
        (Node::Branch(one), Node::Branch(other)) => {
            one.iter().zip(other).all(|(one, other)| is_within(one.as_ref(), other.as_ref()))
        }
        (Node::Leaf(one), Node::Leaf(other)) => {
            one.iter().zip(other).all(|(one, other)| one & !other == 0)
        }
        _ => false,
    }
}

/// As deep as a trie.
fn collect(node: &Node, height: u32, first: u32, found: &mut Vec<u32>) {
    match node {
        Node::Leaf(words) => {
            for (word, first) in words.iter().zip((first..).step_by(64)) {
                found.extend((0..64).filter(|bit| word >> bit & 1 == 1).map(|bit| first + bit));
            }
        }
        Node::Branch(branches) => {
            let width = BlockSet::room(height - 1) as u32;
            for (node, place) in branches.iter().zip(0..) {
                if let Some(node) = node {
                    collect(node, height - 1, first + place * width, found);
                }
            }
        }
    }
}

struct Weighing {
    total: Weight,
    others: Vec<(u32, Weight)>,
}

impl Weighing {
    fn is_majority(&self, weight: Weight) -> bool {
        weight > self.total - weight
    }

    /// What more than half has of these nodes, which stand in one place, `first` being its first
    /// number. As deep as a trie.
    fn node(
        &mut self,
        mut nodes: Vec<(&Arc<Node>, Weight)>,
        height: u32,
        first: u32,
    ) -> Option<Arc<Node>> {
        // Where they are in memory decides nothing but which of them are one.
        nodes.sort_unstable_by_key(|(node, _)| Arc::as_ptr(node));
        nodes.dedup_by(|(node, weight), (kept, sum)| {
            let is_same = Arc::ptr_eq(node, kept);
            if is_same {
                *sum += *weight;
            }
            is_same
        });
        let all: Weight = nodes.iter().map(|&(_, weight)| weight).sum();
        if let &[(node, _)] = nodes.as_slice() {
            if self.is_majority(all) {
                return Some(Arc::clone(node));
            }
            let mut found = Vec::new();
            collect(node, height, first, &mut found);
            self.others.extend(found.into_iter().map(|number| (number, all)));
            return None;
        }
        let mut result = Node::empty(height);
        let is_empty = match &mut result {
            Node::Leaf(words) => {
                self.words(words, &nodes, first);
                *words == [0; WORDS]
            }
            Node::Branch(branches) => {
                let width = Self::width(height);
                for (place, branch) in branches.iter_mut().enumerate() {
                    let below = nodes.iter().filter_map(|(node, weight)| match &***node {
                        Node::Branch(branches) => Some((branches[place].as_ref()?, *weight)),
                        Node::Leaf(_) => None,
                    });
                    let below: Vec<_> = below.collect();
                    if !below.is_empty() {
                        *branch = self.node(below, height - 1, first + place as u32 * width);
                    }
                }
                branches.iter().all(Option::is_none)
            }
        };
        if is_empty {
            return None;
        }
        // What comes out as it was before is shared on.
        let known = nodes.into_iter().find(|(node, _)| node.is_same(&result));
        Some(known.map_or_else(|| Arc::new(result), |(node, _)| Arc::clone(node)))
    }

    /// How many numbers a node below one of this height stands for.
    fn width(height: u32) -> u32 {
        BlockSet::room(height - 1) as u32
    }

    fn words(&mut self, majority: &mut [u64; WORDS], nodes: &[(&Arc<Node>, Weight)], first: u32) {
        for (place, (majority, first)) in majority.iter_mut().zip((first..).step_by(64)).enumerate()
        {
            let words = nodes.iter().filter_map(|(node, weight)| match &***node {
                Node::Leaf(words) => Some((words[place], *weight)),
                Node::Branch(_) => None,
            });
            let any = words.clone().fold(0, |any, (word, _)| any | word);
            for bit in (0..64).filter(|bit| any >> bit & 1 == 1) {
                let having = words.clone().filter(|(word, _)| word >> bit & 1 == 1);
                let weight: Weight = having.map(|(_, weight)| weight).sum();
                if self.is_majority(weight) {
                    *majority |= 1 << bit;
                } else {
                    self.others.push((first + bit, weight));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn set(numbers: &BTreeSet<u32>) -> BlockSet {
        let mut set = BlockSet::default();
        numbers.iter().for_each(|&number| set.insert(number));
        set
    }

    /// Numbers of all heights, most of them near each other.
    fn number() -> impl Strategy<Value = u32> {
        prop_oneof![0..70_u32, 0..5000_u32, any::<u32>()]
    }

    proptest! {
        #[test]
        fn answers_as_an_ordered_set_does(
            numbers in prop::collection::btree_set(number(), 0..60),
            asked in prop::collection::vec(number(), 0..60),
            more in number(),
        ) {
            let found = set(&numbers);
            prop_assert!(found.iter().eq(numbers.iter().copied()));
            for asked in asked.into_iter().chain(numbers.iter().copied()) {
                prop_assert_eq!(found.contains(asked), numbers.contains(&asked));
            }
            // A copy that changes leaves what it is a copy of.
            let mut copy = found.clone();
            copy.insert(more);
            prop_assert!(found.iter().eq(numbers.iter().copied()));
            prop_assert_eq!(copy == found, numbers.contains(&more));
            let mut with_more = numbers;
            with_more.insert(more);
            prop_assert!(copy.iter().eq(with_more.iter().copied()));
            prop_assert!(found.is_subset(&copy));
            prop_assert_eq!(copy.is_subset(&found), copy == found);
            prop_assert_eq!(copy, set(&with_more), "however it came about");
        }

        #[test]
        fn weighing_is_as_counting_each_number(
            // Each set changes one of those before, so that much is shared.
            steps in prop::collection::vec(
                (any::<prop::sample::Index>(), prop::collection::vec(number(), 0..4), 0..4_u64),
                1..12,
            ),
        ) {
            let mut sets = vec![(BlockSet::default(), BTreeSet::new(), Weight::ZERO)];
            for (from, numbers, weight) in &steps {
                let (mut set, mut twin, _) = sets[from.index(sets.len())].clone();
                for &number in numbers {
                    set.insert(number);
                    twin.insert(number);
                }
                sets.push((set, twin, Weight::new(*weight)));
            }
            let mut scores: BTreeMap<u32, u64> = BTreeMap::new();
            for (_, twin, weight) in &sets {
                twin.iter().for_each(|&number| *scores.entry(number).or_default() += weight.get());
            }
            let total: u64 = sets.iter().map(|(_, _, weight)| weight.get()).sum();
            let weighed: Vec<_> = sets.iter().map(|(set, _, weight)| (set, *weight)).collect();
            let (majority, others) = BlockSet::weigh(&weighed);
            let expected: BTreeSet<u32> =
                scores.iter().filter(|(_, score)| 2 * **score > total).map(|(&it, _)| it).collect();
            prop_assert!(majority.iter().eq(expected.iter().copied()));
            prop_assert_eq!(&majority, &set(&expected));
            let lesser = scores.into_iter().filter(|&(_, score)| score > 0 && 2 * score <= total);
            let lesser: Vec<_> = lesser.map(|(it, score)| (it, Weight::new(score))).collect();
            prop_assert_eq!(others, lesser);
        }
    }

    #[test]
    fn what_does_not_change_is_shared() {
        let mut old = BlockSet::default();
        (0..100_000).for_each(|number| old.insert(number));
        let mut new = old.clone();
        new.insert(100_000);
        let weight = Weight::new(1);
        let (weighed, others) = BlockSet::weigh(&[(&old, weight), (&old, weight), (&new, weight)]);
        assert_eq!(others, [(100_000, weight)]);
        let (old, weighed) = (old.root.unwrap(), weighed.root.unwrap());
        assert!(Arc::ptr_eq(&old, &weighed));
    }
}
