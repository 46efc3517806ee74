//! The vote tree beside a twin that recomputes everything.

use proptest::prelude::*;
use proptest::sample::Index;

use super::light::NONE;
use super::paths::Up;
use super::twin::Twin;
use super::*;

/// Keys that differ, and are ordered by `rank` before anything else.
fn key(rank: u8, number: u32) -> MessageHash {
    let mut bytes = [rank; 32];
    bytes[28..].copy_from_slice(&number.to_be_bytes());
    MessageHash::from_bytes(bytes)
}

/// The numbers of blocks.
fn numbers(blocks: Vec<BlockIndex>) -> Vec<u32> {
    blocks.into_iter().map(BlockIndex::get).collect()
}

impl HeavyPaths {
    /// The blocks of the path with the root `root`, by place, from the top down.
    fn path(&self, root: u32) -> Vec<u32> {
        let (mut path, mut above, mut node) = (Vec::new(), Vec::new(), root);
        while node != 0 || !above.is_empty() {
            while node != 0 {
                above.push(node);
                node = self.paths.nodes[node as usize].left;
            }
            node = above.pop().unwrap();
            path.push(node);
            node = self.paths.nodes[node as usize].right;
        }
        path
    }

    /// The edges in the heap with the root `best`, each seen to be no better than that above it.
    fn heap(&self, keys: &[MessageHash], best: u32) -> Vec<u32> {
        let rank = |edge: u32| {
            let edge = self.light.get(edge);
            (edge.weight, keys[edge.child as usize])
        };
        let mut heap: Vec<u32> = Some(best).filter(|&best| best != NONE).into_iter().collect();
        if best != NONE {
            let edge = self.light.get(best);
            assert_eq!((edge.next, edge.previous), (NONE, NONE));
        }
        let mut seen = 0;
        while let Some(&edge) = heap.get(seen) {
            let (mut previous, mut below) = (edge, self.light.get(edge).below);
            while below != NONE {
                assert_eq!(self.light.get(below).previous, previous);
                assert!(rank(below) < rank(edge));
                heap.push(below);
                (previous, below) = (below, self.light.get(below).next);
            }
            seen += 1;
        }
        heap
    }

    /// Everything that the parts say of themselves, against the blocks and votes of `twin`.
    fn check(&self, keys: &[MessageHash], twin: &Twin) {
        let count = twin.parents.len();
        assert_eq!(self.paths.nodes.len(), count + 1);
        let scores = twin.scores();
        let score = |place: u32| if place == 0 { 0 } else { scores[place as usize - 1] };
        let nodes = &self.paths.nodes;
        let sentinel = nodes[0];
        assert_eq!((sentinel.sum, sentinel.need, sentinel.left, sentinel.right), (0, 0, 0, 0));

        let heavy: Vec<u32> = (0..=count as u32).map(|place| self.paths.heavy(place)).collect();
        let mut parents = vec![0; count + 1];
        for (parent, &child) in (0..).zip(&heavy).filter(|&(_, &child)| child != 0) {
            parents[child as usize] = parent;
        }
        for edge in self.light.iter() {
            assert_eq!(std::mem::replace(&mut parents[edge.child as usize], edge.parent), 0);
        }
        assert_eq!(parents[1], 0);
        assert!(parents[2..].iter().zip(&twin.parents[1..]).all(|(&own, &twin)| own == twin + 1));

        // Heavy and light children, heaps, bounds.
        let mut light = vec![Vec::new(); count + 1];
        for (number, edge) in (0..).zip(self.light.iter()) {
            assert_eq!(edge.weight, score(edge.child));
            light[edge.parent as usize].push(number);
        }
        for place in 1..=count as u32 {
            let rank = |child: u32| (score(child), keys[child as usize]);
            let edges = &light[place as usize];
            let Some(fork) = self.paths.fork(place) else {
                assert!(edges.is_empty());
                continue;
            };
            let mut heap = self.heap(keys, fork.best);
            heap.sort_unstable();
            let voted = |&edge: &u32| self.light.get(edge).weight > 0;
            assert_eq!(heap, edges.iter().copied().filter(voted).collect::<Vec<_>>());
            let bound = heap.iter().map(|&edge| self.light.get(edge).child).map(rank).max().map_or(
                0,
                |(weight, key)| {
                    assert!((weight, key) < rank(fork.heavy), "not heavy");
                    weight.saturating_add(u64::from(key > keys[fork.heavy as usize]))
                },
            );
            assert_eq!(fork.bound, bound);
        }

        // Paths.
        let mut seen = 0;
        for root in (1..=count as u32).filter(|&place| self.paths.is_root(place)) {
            let path = self.path(root);
            seen += path.len();
            match self.paths.up(root).as_edge() {
                None => assert_eq!((path[0], root), (1, self.paths.main())),
                Some(edge) => assert_eq!(path[0], self.light.get(edge).child),
            }
            assert_eq!(heavy[path[path.len() - 1] as usize], 0);
            assert!(path.windows(2).all(|pair| heavy[pair[0] as usize] == pair[1]));
            assert_eq!(nodes[root as usize].need, 0);
            // Sums and needs of all subtrees, from the stretches that they stand for.
            let mut first = vec![(root, 0, path.len())];
            while let Some((node, from, to)) = first.pop() {
                let this = nodes[node as usize];
                let after = if to < path.len() { score(path[to]) } else { 0 };
                assert_eq!(this.sum, score(path[from]) - after);
                if to - from <= 50 {
                    let need = |&block: &u32| {
                        let have = score(heavy[block as usize]).saturating_sub(after);
                        self.paths.fork(block).map_or(0, |fork| fork.bound).saturating_sub(have)
                    };
                    assert_eq!(this.need, path[from..to].iter().map(need).max().unwrap());
                }
                let at = (from..to).find(|&at| path[at] == node).unwrap();
                for (child, from, to) in [(this.left, from, at), (this.right, at + 1, to)] {
                    assert_eq!(child == 0, from == to);
                    if child != 0 {
                        assert_eq!(nodes[child as usize].up.as_node(), Some(node));
                        first.push((child, from, to));
                    }
                }
            }
        }
        assert_eq!(seen, count);
    }

    /// That the last violation is found where a vote is taken away and nothing is put right yet on
    /// the path of the root of all blocks.
    fn check_last_violation(&self, keys: &[MessageHash], twin: &Twin, (block, weight): (u32, u64)) {
        let (mut tree, mut twin) = (self.clone(), twin.clone());
        let change = weight.wrapping_neg();
        let root = tree.change_up_to(keys, Up::MAIN, place(BlockIndex::new(block)), change);
        tree.paths.change_root(root, change);
        twin.votes[block as usize] -= weight;
        let scores = twin.scores();
        let path = tree.path(root);
        let is_violated = |pair: &&[u32]| {
            let bound = tree.paths.fork(pair[0]).map_or(0, |fork| fork.bound);
            scores[pair[1] as usize - 1] < bound
        };
        let last = path.windows(2).rev().find(is_violated).map(|pair| pair[0]);
        assert_eq!(tree.paths.last_violation(root), last);
        assert_eq!(tree.paths.is_violated(root), last.is_some());
    }

    /// How far below the root of its splay tree a block is.
    fn depth(&self, place: u32) -> usize {
        let above = std::iter::successors(Some(place), |&node| self.paths.up(node).as_node());
        above.count() - 1
    }
}

impl Arrays {
    fn check(&self, keys: &[MessageHash], twin: &Twin) {
        let scores = twin.scores();
        assert_eq!(self.scores[1..], scores);
        let mut heavy = vec![0; scores.len() + 1];
        let rank = |place: u32| (scores[place as usize - 1], keys[place as usize]);
        for (child, &parent) in (2..).zip(&twin.parents[1..]) {
            let best = &mut heavy[parent as usize + 1];
            if rank(child).0 > 0 && (*best == 0 || rank(child) > rank(*best)) {
                *best = child;
            }
        }
        assert_eq!(self.heavy, heavy);
    }
}

impl VoteTree {
    /// Everything that it knows, against the blocks and votes of `twin`.
    fn check(&mut self, twin: &Twin) {
        self.settle();
        let count = twin.parents.len();
        assert_eq!([self.len(), self.keys.len() - 1], [count; 2]);
        assert!(!self.is_empty());
        assert_eq!(self.keys[2..], twin.keys[1..]);
        assert_eq!(self.votes[1..], twin.votes);
        assert!(self.parents[2..].iter().zip(&twin.parents[1..]).all(|(&own, &it)| own == it + 1));
        match &self.sums {
            Sums::Paths(paths) => paths.check(&self.keys, twin),
            Sums::Arrays(arrays) => arrays.check(&self.keys, twin),
        }
    }

    /// Every S and some heads, as `twin` has them.
    fn compare(&mut self, twin: &Twin, starts: &[u32]) {
        let heads: Vec<u32> =
            starts.iter().map(|&start| self.head(BlockIndex::new(start)).get()).collect();
        assert_eq!(heads, twin.heads(starts.iter().copied()));
        let blocks = (0..twin.parents.len() as u32).map(BlockIndex::new);
        assert_eq!(blocks.map(|block| self.weight_of(block)).collect::<Vec<_>>(), twin.scores());
    }
}

/// How the parents of new blocks are drawn.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Chain,
    /// A spine, and a tooth at every block of it.
    Comb,
    /// As the comb, but the tooth comes before the next block of the spine.
    LateComb,
    Star,
    TwoBranches,
    Near(u32),
    Random,
}

impl Shape {
    /// The parent of `block`; `below(n)` draws a number less than n.
    fn parent(self, block: u32, below: impl FnOnce(u32) -> u32) -> u32 {
        match self {
            Self::Chain => block - 1,
            Self::Comb => (block - 1) & !1,
            Self::LateComb => block.saturating_sub(2) & !1,
            Self::Star => 0,
            Self::TwoBranches => block.saturating_sub(2),
            Self::Near(reach) => block - 1 - below(block.min(reach)),
            Self::Random => below(block),
        }
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Chain),
        Just(Shape::Comb),
        Just(Shape::LateComb),
        Just(Shape::Star),
        Just(Shape::TwoBranches),
        (2..6_u32).prop_map(Shape::Near),
        Just(Shape::Random),
    ]
}

/// One change of a tree.
#[derive(Clone, Debug)]
enum Step {
    Insert(Index, u8),
    Add(Index, u64),
    Remove(Index),
    Move(Index, Index),
    /// Only a part of the vote.
    Split(Index, Index),
    /// There, and back again at once.
    ThereAndBack(Index, Index),
    Prune(Index),
}

fn steps(weight: impl Strategy<Value = u64>) -> impl Strategy<Value = Vec<Step>> {
    let index = any::<Index>;
    let step = prop_oneof![
        5 => (index(), 0..3_u8).prop_map(|(parent, rank)| Step::Insert(parent, rank)),
        4 => (index(), weight).prop_map(|(block, weight)| Step::Add(block, weight)),
        2 => index().prop_map(Step::Remove),
        8 => (index(), index()).prop_map(|(vote, to)| Step::Move(vote, to)),
        1 => (index(), index()).prop_map(|(vote, to)| Step::Split(vote, to)),
        2 => (index(), index()).prop_map(|(vote, to)| Step::ThereAndBack(vote, to)),
        1 => index().prop_map(Step::Prune),
    ];
    prop::collection::vec(step, 1..90)
}

fn histories() -> impl Strategy<Value = (Shape, usize, Vec<Step>)> {
    let weights = prop_oneof![
        Just(0..=0).boxed(),
        Just(1..=1).boxed(),
        Just(0..=3).boxed(),
        Just(1..=1000).boxed(),
        Just(u64::MAX / 90 - 1..=u64::MAX / 90).boxed(),
    ];
    let steps = weights.prop_flat_map(|weights| steps(prop_oneof![9 => weights, 1 => Just(0)]));
    (shapes(), 0..40_usize, steps)
}

/// By which, on small trees, there are paths always; arrays always; now these and now those.
fn prices() -> impl Strategy<Value = Prices> {
    prop_oneof![
        Just(Prices { change: 0, step: 0, build: 0 }),
        Just(Prices { change: 1 << 40, step: 1, build: 1 }),
        (0..3_u64, 0..40_u64, 0..3_u64).prop_map(|(change, step, build)| Prices {
            change,
            step,
            build
        }),
        Just(Prices::MEASURED),
    ]
}

/// A tree and its twin, and the votes in them.
struct Pair {
    tree: VoteTree,
    twin: Twin,
    votes: Vec<(u32, u64)>,
    inserted: u32,
}

impl Pair {
    fn new(prices: Prices) -> Self {
        let tree = VoteTree::with_prices(prices);
        Self { tree, twin: Twin::new(), votes: Vec::new(), inserted: 0 }
    }

    fn len(&self) -> usize {
        self.twin.parents.len()
    }

    fn insert(&mut self, parent: u32, rank: u8) {
        self.inserted += 1;
        let key = key(rank, self.inserted);
        assert_eq!(self.tree.insert(BlockIndex::new(parent), key).index(), self.len());
        self.twin.insert(parent, key);
    }

    fn add(&mut self, block: u32, weight: u64) {
        self.tree.add(BlockIndex::new(block), weight);
        self.twin.votes[block as usize] += weight;
        self.votes.push((block, weight));
    }

    fn transfer(&mut self, vote: usize, to: u32, part: u64) {
        let (from, weight) = self.votes[vote];
        let moved = weight / part;
        self.tree.remove(BlockIndex::new(from), moved);
        self.tree.add(BlockIndex::new(to), moved);
        self.twin.votes[from as usize] -= moved;
        self.twin.votes[to as usize] += moved;
        self.votes[vote] = (to, moved);
        if moved < weight {
            self.votes.push((from, weight - moved));
        }
    }

    fn apply(&mut self, shape: Shape, step: &Step) {
        let block = |draw: &Index| draw.index(self.len()) as u32;
        match step {
            Step::Insert(draw, rank) => {
                self.insert(
                    shape.parent(self.len() as u32, |n| draw.index(n as usize) as u32),
                    *rank,
                );
            }
            Step::Add(draw, weight) => self.add(block(draw), *weight),
            Step::Prune(draw) => {
                // Seldom far down.
                let root = block(draw) / 2;
                let kept = numbers(self.tree.prune_to(BlockIndex::new(root)));
                assert_eq!(kept, self.twin.prune_to(root));
                self.votes.retain_mut(|vote| match kept.binary_search(&vote.0) {
                    Ok(new) => {
                        vote.0 = new as u32;
                        true
                    }
                    Err(_) => false,
                });
            }
            _ if self.votes.is_empty() => {}
            Step::Remove(draw) => {
                let (block, weight) = self.votes.swap_remove(draw.index(self.votes.len()));
                self.tree.remove(BlockIndex::new(block), weight);
                self.twin.votes[block as usize] -= weight;
            }
            Step::Move(vote, to) => {
                self.transfer(vote.index(self.votes.len()), block(to), 1);
            }
            Step::Split(vote, to) => {
                self.transfer(vote.index(self.votes.len()), block(to), 2);
            }
            Step::ThereAndBack(vote, to) => {
                let vote = vote.index(self.votes.len());
                let from = self.votes[vote].0;
                self.transfer(vote, block(to), 1);
                assert_eq!(self.tree.head(BlockIndex::GENESIS).get(), self.twin.heads([0])[0]);
                self.transfer(vote, from, 1);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn heads_and_weights_are_those_of_the_definition(
        (shape, blocks, steps) in histories(),
        prices in prices(),
        batch in 1..30_usize,
    ) {
        let mut pair = Pair::new(prices);
        for block in 0..blocks as u32 {
            let step = steps[block as usize % steps.len()].clone();
            let (Step::Add(draw, _) | Step::Insert(draw, _) | Step::Remove(draw)
            | Step::Prune(draw) | Step::Move(draw, _) | Step::Split(draw, _)
            | Step::ThereAndBack(draw, _)) = step;
            pair.insert(shape.parent(pair.len() as u32, |n| draw.index(n as usize) as u32), (block % 3) as u8);
        }
        for (number, step) in steps.iter().enumerate() {
            pair.apply(shape, step);
            let mut asked = pair.tree.clone();
            asked.check(&pair.twin);
            if let Sums::Paths(paths) = &asked.sums && !pair.votes.is_empty() {
                let vote = pair.votes[number % pair.votes.len()];
                paths.check_last_violation(&asked.keys, &pair.twin, vote);
            }
            let last = pair.len() as u32 - 1;
            asked.compare(&pair.twin, &(0..=last).collect::<Vec<_>>());
            asked.check(&pair.twin);
            // After every so many steps, in turn without and with a trace of the questions.
            match (number % batch, number / batch % 2) {
                (0, 0) => prop_assert_eq!(
                    pair.tree.head(BlockIndex::GENESIS),
                    asked.head(BlockIndex::GENESIS)
                ),
                (0, _) => pair.tree = asked,
                _ => {}
            }
        }
    }
}

/// A chain begins as a list. Whoever asks for the far end of it pays once.
#[test]
fn a_chain_becomes_shallow_where_its_deepest_blocks_are_asked_for() {
    let mut tree = VoteTree::new();
    let blocks = 1..1024;
    blocks.fold(BlockIndex::GENESIS, |parent, block| tree.insert(parent, key(0, block)));
    let Sums::Paths(tree) = &mut tree.sums else { panic!("no votes, no passes") };
    let deepest = |tree: &HeavyPaths| (1..=1024).max_by_key(|&place| tree.depth(place)).unwrap();
    assert_eq!(tree.depth(deepest(tree)), 1023);
    for _ in 0..12 {
        tree.paths.splay(deepest(tree));
    }
    assert!(tree.depth(deepest(tree)) <= 2 * 10);
}

/// Numbers that look random and are the same on every machine.
struct Draws(u64);

impl Draws {
    fn below(&mut self, n: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (((self.0 >> 32) * u64::from(n)) >> 32) as u32
    }
}

/// Batches of all sizes, so that there are paths as well as arrays.
#[test]
fn large_trees_agree_with_the_definition_all_along() {
    const BLOCKS: u32 = 20_000;
    for shape in [
        Shape::Chain,
        Shape::Comb,
        Shape::LateComb,
        Shape::Star,
        Shape::TwoBranches,
        Shape::Near(50),
        Shape::Random,
    ] {
        let mut draws = Draws(7);
        let mut pair = Pair::new(Prices::MEASURED);
        for block in 1..=BLOCKS {
            let parent = shape.parent(block, |n| draws.below(n));
            pair.insert(parent, draws.below(3) as u8);
            if block % 20 == 0 {
                let weight = draws.below(4) + draws.below(2) * draws.below(1000);
                pair.add(draws.below(block), u64::from(weight));
            }
        }
        let mut by_paths = 0;
        for batch in 0..240 {
            let moves = match batch / 40 % 3 {
                0 => 1 + draws.below(3),
                1 => 10 + draws.below(100),
                _ => draws.below(4) * draws.below(1000),
            };
            for _ in 0..moves {
                let vote = draws.below(pair.votes.len() as u32) as usize;
                let to = match draws.below(3) {
                    0 => BLOCKS - draws.below(100),
                    1 => draws.below(BLOCKS + 1),
                    _ => BLOCKS / 2 * (1 + draws.below(2)) - draws.below(2),
                };
                pair.transfer(vote, to, 1);
            }
            let starts = [0, draws.below(BLOCKS), draws.below(BLOCKS)];
            assert_eq!(
                starts.map(|start| pair.tree.head(BlockIndex::new(start)).get()).to_vec(),
                pair.twin.heads(starts)
            );
            by_paths += u32::from(pair.has_paths());
            if batch % 20 == 19 {
                pair.tree.check(&pair.twin);
            }
        }
        assert!((40..200).contains(&by_paths), "{by_paths}");
        let all: Vec<u32> = (0..=BLOCKS).step_by(7).collect();
        pair.tree.compare(&pair.twin, &all);
    }
}

/// A chain with a vote for each block.
fn voted_chain(blocks: u32) -> Pair {
    let mut pair = Pair::new(Prices::MEASURED);
    (1..blocks).for_each(|block| pair.insert(block - 1, 0));
    (0..blocks).for_each(|block| pair.add(block, 1));
    pair
}

impl Pair {
    /// Moves this many votes, each between two blocks of its own, and asks for the head.
    fn step(&mut self, votes: usize) {
        for (vote, own) in (0..votes).zip(0..) {
            let other = self.len() as u32 - 1 - own;
            self.transfer(vote, if self.votes[vote].0 == own { other } else { own }, 1);
        }
        assert_eq!(self.tree.head(BlockIndex::GENESIS).get(), self.twin.heads([0])[0]);
    }

    fn has_paths(&self) -> bool {
        matches!(self.tree.sums, Sums::Paths(_))
    }
}

#[test]
fn paths_are_left_for_many_changes_and_made_anew_once_that_is_paid_for() {
    let mut pair = voted_chain(1000);
    assert!(!pair.has_paths());
    pair.step(1000);
    // A pass, and on a chain about as much to find the head.
    let paid = Prices::MEASURED.build as usize / 2;
    for _ in 0..2 {
        (1..paid).for_each(|_| pair.step(1));
        assert!(!pair.has_paths());
        (0..3).for_each(|_| pair.step(1));
        assert!(pair.has_paths());
        pair.step(100);
        assert!(!pair.has_paths());
    }
}

#[test]
fn few_and_many_changes_in_turn_make_no_paths() {
    let mut pair = voted_chain(1000);
    for _ in 0..100 {
        for votes in [1, 100] {
            pair.step(votes);
            assert!(!pair.has_paths());
        }
    }
}

#[test]
fn heads_asked_for_again_and_again_far_away_make_paths() {
    let mut pair = voted_chain(1000);
    for _ in 0..=Prices::MEASURED.build {
        assert!(!pair.has_paths());
        pair.step(0);
    }
    pair.step(0);
    assert!(pair.has_paths());
}

#[test]
fn paths_are_left_if_changes_take_more_steps_than_was_to_be_expected() {
    let mut pair = voted_chain(1000);
    // A step costs so much that after the first change nothing is left.
    pair.tree.prices = Prices { step: 1 << 40, ..Prices::MEASURED };
    (0..20).for_each(|_| pair.step(1));
    assert!(pair.has_paths(), "a single vote is moved whatever it takes");
    pair.step(3);
    assert!(!pair.has_paths());
}

#[test]
fn votes_there_and_back_and_many_for_one_block_are_few_changes() {
    let mut pair = voted_chain(1000);
    (0..20).for_each(|_| pair.step(1));
    for vote in 0..500 {
        let from = pair.votes[vote].0;
        pair.transfer(vote, 999, 1);
        pair.transfer(vote, 998, 1);
        pair.transfer(vote, from, 1);
        pair.step(0);
        assert!(pair.has_paths());
    }
    for (vote, to) in (0..500).zip([990, 991, 992].into_iter().cycle()) {
        pair.add(990, 1);
        let new = pair.votes.len() - 1;
        pair.transfer(new, to, 1);
        pair.transfer(new, 993, 1);
        assert!(pair.has_paths(), "{vote}");
    }
    pair.step(0);
}
