//! One vote moved, and the head: the vote tree, beside the flat array of proto-array clients and
//! GHOST from its definition, on growing trees of several shapes.
//!
//! A hundred validators of different weights vote in turn. On shapes that grow at the tip, each
//! votes for one of the newest fifty blocks, as in a running network, though the tree stands still
//! while it is measured; otherwise the shape says for what.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Duration;

use cbc_estimator::{BlockIndex, LoadedVotes, VoteTree};
use cbc_message::{MessageHash, ValidatorId, Weight};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};

const VALIDATORS: u32 = 100;

/// Numbers that look random and are the same on every machine.
struct Draws(u64);

impl Draws {
    fn below(&mut self, n: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (((self.0 >> 32) * u64::from(n)) >> 32) as u32
    }
}

/// A tree of blocks, and what the validators vote for in turn, over and over.
struct Scene {
    /// The parent of each block but the root.
    parents: Vec<u32>,
    keys: Vec<MessageHash>,
    weights: Vec<u64>,
    targets: Vec<u32>,
}

impl Scene {
    fn new(name: &str, blocks: u32) -> Self {
        let mut draws = Draws(u64::from(blocks));
        let mut tip = 0;
        let parents: Vec<u32> = (1..blocks)
            .map(|block| match name {
                // Of ten blocks, nine go on from the tip; the tenth is a fork of one block.
                "chain with 10 % short forks" | "chain, votes anywhere" => {
                    let parent = tip;
                    if block % 10 == 0 {
                        return parent - draws.below(3).min(parent);
                    }
                    tip = block;
                    parent
                }
                "random on one of the last 50" => block - 1 - draws.below(block.min(50)),
                // A tooth at every block of the spine.
                "comb" => (block - 1) & !1,
                "two-branch adversary" => block.saturating_sub(2),
                "wide burst" => 0,
                name => unreachable!("{name}"),
            })
            .collect();
        // So many that caches do not learn them.
        let targets = (0..VALIDATORS * 5003)
            .map(|step| match name {
                // Everybody to one tip, then everybody to the other.
                "two-branch adversary" => blocks - 1 - (step / VALIDATORS) % 2,
                "wide burst" | "chain, votes anywhere" => 1 + draws.below(blocks - 1),
                _ => blocks - 1 - draws.below(50.min(blocks)),
            })
            .collect();
        let key = |block: u32| {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&block.wrapping_mul(2_654_435_761).to_be_bytes());
            MessageHash::from_bytes(bytes)
        };
        let keys = (0..blocks).map(key).collect();
        let weights = (0..VALIDATORS).map(|v| 100_000 + u64::from(v * v % 977)).collect();
        Self { parents, keys, weights, targets }
    }

    /// The steps, without an end: who votes for what.
    fn votes(&self) -> impl Iterator<Item = (u32, u32)> {
        (0..VALIDATORS).cycle().zip(self.targets.iter().copied().cycle())
    }
}

/// A fork choice told of all blocks at once and then of votes.
trait ForkChoice {
    fn new(scene: &Scene) -> Self;

    /// Lets the validator vote for the block, and returns the head.
    fn vote(&mut self, validator: u32, block: u32) -> u32;
}

struct Tree {
    votes: LoadedVotes,
    weights: Vec<Weight>,
}

impl ForkChoice for Tree {
    fn new(scene: &Scene) -> Self {
        let mut votes = LoadedVotes::new();
        for (&parent, &key) in scene.parents.iter().zip(&scene.keys[1..]) {
            votes.insert(BlockIndex::new(parent), key);
        }
        Self { votes, weights: scene.weights.iter().copied().map(Weight::new).collect() }
    }

    fn vote(&mut self, validator: u32, block: u32) -> u32 {
        let block = BlockIndex::new(block);
        self.votes.set(ValidatorId::new(validator), block, self.weights[validator as usize]);
        self.votes.head(BlockIndex::GENESIS).get()
    }
}

const NONE: u32 = u32::MAX;

/// The rival: flat arrays, parents before children. A vote is a difference at two blocks, which one
/// pass backwards adds up, and a second one hands the best child and descendant up; the head is the
/// root's best descendant.
struct ProtoArray {
    parents: Vec<u32>,
    keys: Vec<MessageHash>,
    weights: Vec<u64>,
    changes: Vec<u64>,
    best_child: Vec<u32>,
    best_descendant: Vec<u32>,
    validators: Vec<u64>,
    votes: Vec<u32>,
}

impl ForkChoice for ProtoArray {
    fn new(scene: &Scene) -> Self {
        let blocks = scene.keys.len();
        Self {
            parents: [0].iter().chain(&scene.parents).copied().collect(),
            keys: scene.keys.clone(),
            weights: vec![0; blocks],
            changes: vec![0; blocks],
            best_child: vec![NONE; blocks],
            best_descendant: (0..blocks as u32).collect(),
            validators: scene.weights.clone(),
            votes: vec![NONE; scene.weights.len()],
        }
    }

    fn vote(&mut self, validator: u32, block: u32) -> u32 {
        let weight = self.validators[validator as usize];
        let before = std::mem::replace(&mut self.votes[validator as usize], block);
        if before != NONE {
            self.changes[before as usize] = weight.wrapping_neg();
        }
        self.changes[block as usize] = self.changes[block as usize].wrapping_add(weight);
        for block in (0..self.parents.len()).rev() {
            let change = std::mem::take(&mut self.changes[block]);
            if change != 0 {
                self.weights[block] = self.weights[block].wrapping_add(change);
                if block > 0 {
                    let above = &mut self.changes[self.parents[block] as usize];
                    *above = above.wrapping_add(change);
                }
            }
        }
        for block in (1..self.parents.len()).rev() {
            let parent = self.parents[block] as usize;
            let best = self.best_child[parent];
            if self.weights[block] == 0 {
                if best == block as u32 {
                    self.best_child[parent] = NONE;
                    self.best_descendant[parent] = parent as u32;
                }
                continue;
            }
            let rank = |block: usize| (self.weights[block], &self.keys[block]);
            if best == block as u32 || best == NONE || rank(block) > rank(best as usize) {
                self.best_child[parent] = block as u32;
                self.best_descendant[parent] = self.best_descendant[block];
            }
        }
        self.best_descendant[0]
    }
}

/// The twin: all scores from all votes, then down from child to child.
struct Definition {
    parents: Vec<u32>,
    keys: Vec<MessageHash>,
    validators: Vec<u64>,
    votes: Vec<u32>,
}

impl ForkChoice for Definition {
    fn new(scene: &Scene) -> Self {
        Self {
            parents: [0].iter().chain(&scene.parents).copied().collect(),
            keys: scene.keys.clone(),
            validators: scene.weights.clone(),
            votes: vec![NONE; scene.weights.len()],
        }
    }

    fn vote(&mut self, validator: u32, block: u32) -> u32 {
        self.votes[validator as usize] = block;
        let mut scores = vec![0; self.parents.len()];
        for (&block, weight) in self.votes.iter().zip(&self.validators) {
            if block != NONE {
                scores[block as usize] += weight;
            }
        }
        let mut best = vec![NONE; self.parents.len()];
        for block in (1..self.parents.len()).rev() {
            if scores[block] == 0 {
                continue;
            }
            let parent = self.parents[block] as usize;
            scores[parent] += scores[block];
            let rank = |block: u32| (scores[block as usize], self.keys[block as usize]);
            if best[parent] == NONE || rank(block as u32) > rank(best[parent]) {
                best[parent] = block as u32;
            }
        }
        let next = |&block: &u32| Some(best[block as usize]).filter(|&child| child != NONE);
        std::iter::successors(Some(0), next).last().unwrap()
    }
}

/// The heads after each of the first `steps` votes.
fn heads<F: ForkChoice>(scene: &Scene, steps: usize) -> Vec<u32> {
    let mut choice = F::new(scene);
    scene.votes().take(steps).map(|(validator, block)| choice.vote(validator, block)).collect()
}

/// Votes without an end, from when everybody has voted.
fn measure<F: ForkChoice>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    scene: &Scene,
    blocks: u32,
) {
    let mut choice = F::new(scene);
    let mut votes = scene.votes();
    for (validator, block) in votes.by_ref().take(VALIDATORS as usize) {
        choice.vote(validator, block);
    }
    group.bench_function(BenchmarkId::new(name, blocks), |bencher| {
        bencher.iter(|| {
            let (validator, block) = votes.next().unwrap();
            choice.vote(black_box(validator), black_box(block))
        });
    });
}

fn vote_and_head(criterion: &mut Criterion) {
    // `cargo test` only sees that it runs.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let sizes: &[u32] = if measuring { &[1000, 10_000, 100_000, 1_000_000] } else { &[200] };
    for shape in [
        "chain with 10 % short forks",
        "random on one of the last 50",
        "comb",
        "two-branch adversary",
        "wide burst",
        "chain, votes anywhere",
    ] {
        let mut group = criterion.benchmark_group(format!("vote and head/{shape} [blocks]"));
        group.sample_size(10).measurement_time(Duration::from_millis(1500));
        group.warm_up_time(Duration::from_millis(300));
        for &blocks in sizes {
            let scene = Scene::new(shape, blocks);
            let expected = heads::<ProtoArray>(&scene, 150);
            assert_eq!(heads::<Tree>(&scene, 150), expected);
            assert_eq!(heads::<Definition>(&scene, 150), expected);
            measure::<Tree>(&mut group, "vote tree", &scene, blocks);
            let rival = "proto-array [rival of vote tree]";
            measure::<ProtoArray>(&mut group, rival, &scene, blocks);
            if blocks <= 100_000 {
                let twin = "definition [twin of vote tree]";
                measure::<Definition>(&mut group, twin, &scene, blocks);
            }
        }
        group.finish();
    }
}

/// Adding a block at the tip, voting for it, and the head: the tree grows while it is measured.
fn growing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("block, vote and head/chain [blocks]");
    group.sample_size(10).measurement_time(Duration::from_millis(1500));
    group.bench_function("vote tree", |bencher| {
        let mut tree = VoteTree::new();
        let genesis = BlockIndex::GENESIS;
        let (mut tip, mut voted) = (genesis, [genesis; VALIDATORS as usize]);
        voted.iter().for_each(|&block| tree.add(block, 100));
        let mut validators = (0..VALIDATORS as usize).cycle();
        bencher.iter(|| {
            tip = tree.insert(tip, MessageHash::from_bytes([0; 32]));
            let before = std::mem::replace(&mut voted[validators.next().unwrap()], tip);
            tree.remove(before, 100);
            tree.add(tip, 100);
            tree.head(genesis)
        });
    });
    group.finish();
}

criterion_group!(benches, vote_and_head, growing);
criterion_main!(benches);
