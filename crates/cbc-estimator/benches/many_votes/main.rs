//! Many votes moved, and the head: the vote tree, beside an array of weights in one pass and the
//! array of nodes of Ethereum clients, on trees of several shapes, for few and many blocks,
//! validators and votes.
//!
//! Everybody has voted. In each step the next so many validators, in their order and over and over,
//! move their votes to other blocks, drawn from all; then the head is asked for. Anywhere in the
//! tree is the hardest: in a running network most votes are for a few of the newest blocks.
//!
//! All blocks and validators up to a million take about a quarter of an hour: for that, set `CBC_MANY_VOTES`
//! to `full`. Otherwise some of them are left out.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

mod lean_array;
mod proto_array;
mod scene;

use std::time::Duration;

use cbc_estimator::{BlockIndex, LoadedVotes};
use cbc_message::{ValidatorId, Weight};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use lean_array::LeanArray;
use proto_array::ProtoArray;
use scene::{ForkChoice, Moves, SHAPES, Scene};

/// Ours.
struct Tree {
    votes: LoadedVotes,
    weights: Vec<Weight>,
}

impl ForkChoice for Tree {
    fn new(scene: &Scene) -> Self {
        let mut votes = LoadedVotes::new();
        for (&parent, &key) in scene.parents.iter().zip(&scene.keys).skip(1) {
            votes.insert(BlockIndex::new(parent), key);
        }
        Self { votes, weights: scene.weights.iter().copied().map(Weight::new).collect() }
    }

    fn vote(&mut self, validator: u32, block: u32) {
        let (id, block) = (ValidatorId::new(validator), BlockIndex::new(block));
        if !self.votes.move_to(id, block) {
            self.votes.set(id, block, self.weights[validator as usize]);
        }
    }

    fn head(&mut self) -> u32 {
        self.votes.head(BlockIndex::GENESIS).get()
    }
}

/// The heads after everybody has voted and after each of the first `steps` steps.
fn heads<F: ForkChoice>(scene: &Scene, votes: u32, steps: u32) -> Vec<u32> {
    let (mut choice, mut moves) = begin::<F>(scene);
    let mut heads = vec![choice.head()];
    heads.extend((0..steps).map(|_| moves.step(&mut choice, votes)));
    heads
}

/// A fork choice in which everybody has voted.
fn begin<F: ForkChoice>(scene: &Scene) -> (F, Moves<'_>) {
    let (mut choice, mut moves) = (F::new(scene), Moves::of(scene));
    moves.step(&mut choice, scene.weights.len() as u32);
    (choice, moves)
}

fn measure<F: ForkChoice>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    size: &str,
    scene: &Scene,
    votes: u32,
) {
    let (mut choice, mut moves) = begin::<F>(scene);
    group.bench_function(BenchmarkId::new(name, size), |bencher| {
        bencher.iter(|| moves.step(&mut choice, votes));
    });
}

fn many_votes(criterion: &mut Criterion) {
    // `cargo test` only sees that it runs.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let full = std::env::var("CBC_MANY_VOTES").is_ok_and(|value| value == "full");
    let (blocks, validators): (&[u32], &[u32]) = match (measuring, full) {
        (false, _) => (&[2], &[2]),
        (true, false) => (&[3, 5], &[2, 4]),
        (true, true) => (&[3, 4, 5, 6], &[2, 3, 4, 5, 6]),
    };
    for shape in SHAPES {
        for (name, votes) in [
            ("1 vote", |_| 1),
            ("100 votes", |_| 100),
            ("a 32nd of the votes", |validators| validators / 32),
            ("all votes", |validators| validators),
        ] as [(&str, fn(u32) -> u32); 4]
        {
            let title = format!("many votes/{shape}, {name} a head [blocks x validators]");
            let mut group = criterion.benchmark_group(title);
            group.sample_size(10).measurement_time(Duration::from_millis(150));
            group.warm_up_time(Duration::from_millis(50));
            for &blocks in blocks {
                for &validators in validators {
                    let size = format!("1e{blocks} x 1e{validators}");
                    let validators = 10_u32.pow(validators);
                    let scene = Scene::new(shape, 10_u32.pow(blocks), validators);
                    let votes = votes(validators);
                    let expected = heads::<LeanArray>(&scene, votes, 3);
                    assert_eq!(heads::<Tree>(&scene, votes, 3), expected);
                    assert_eq!(heads::<ProtoArray>(&scene, votes, 3), expected);
                    measure::<Tree>(&mut group, "vote tree", &size, &scene, votes);
                    let lean = "lean array [rival of vote tree]";
                    measure::<LeanArray>(&mut group, lean, &size, &scene, votes);
                    let proto = "proto-array [rival of vote tree]";
                    measure::<ProtoArray>(&mut group, proto, &size, &scene, votes);
                }
            }
            group.finish();
        }
    }
}

criterion_group!(benches, many_votes);
criterion_main!(benches);
