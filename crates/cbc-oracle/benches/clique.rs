//! The clique oracle from scratch, beside a straightforward twin: edges pair by pair, each by
//! walking the messages it is about, and Bron and Kerbosch's enumeration of cliques.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use cbc_estimator::{BlockIndex, BlockTree, OnBlock};
use cbc_message::{Bit, BlockVote, Header, Message, ValidatorId, ValidatorSet, Weight};
use cbc_oracle::{BitSet, CliqueOracle, LobbyingGraph, SafetyOracle, max_clique};
use cbc_view::{Equals, MessageDag, Property, Seen, View};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const ONE: Equals<Bit> = Equals(Bit::One);

/// Numbers that look random and are the same on every machine.
struct Draws(u64);

impl Draws {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// `rounds` rounds in which each validator in turn speaks, having seen all before; of the last
/// round, `percent_disagreeing` say 0, and `percent_lagging` say nothing.
fn rounds(
    validators: u32,
    rounds: u32,
    percent_disagreeing: u64,
    percent_lagging: u64,
) -> View<Bit> {
    let mut draws = Draws(u64::from(validators));
    let weights = (0..validators).map(|_| Weight::new(100_000 + draws.below(1_000_000)));
    let mut view = View::new(Arc::new(ValidatorSet::new(weights).unwrap()));
    for round in 0..rounds {
        let last = round + 1 == rounds;
        for sender in (0..validators).map(ValidatorId::new) {
            if last && draws.below(100) < percent_lagging {
                continue;
            }
            let disagrees = last && draws.below(100) < percent_disagreeing;
            let header = Header {
                sender,
                sequence_number: view.next_sequence_number(sender),
                justification: view.justification(),
                estimate: if disagrees { Bit::Zero } else { Bit::One },
            };
            view.insert(Message::new(header).unwrap()).unwrap();
        }
    }
    view
}

/// The twin: what semantics §6 says of an edge, asked for each pair.
fn edges_pair_by_pair(view: &View<Bit>) -> (Vec<ValidatorId>, Vec<BitSet>) {
    let agrees = |v: &ValidatorId| {
        view.latest_honest_message(*v).is_some_and(|message| ONE.agrees(view, message))
    };
    let vertices: Vec<ValidatorId> = view.validators().ids().filter(agrees).collect();
    let arrow = |from: ValidatorId, to: ValidatorId| {
        let Seen::Latest(seen) = view.seen(view.latest_message(from).unwrap(), to) else {
            return false;
        };
        let later = std::iter::successors(view.latest_message(to), |&m| view.previous(m));
        later
            .take_while(|&m| view.sequence_number(m) >= view.sequence_number(seen))
            .all(|m| ONE.agrees(view, m))
    };
    let mut edges = vec![BitSet::new(vertices.len()); vertices.len()];
    for (i, &one) in vertices.iter().enumerate() {
        for (j, &other) in vertices.iter().enumerate().take(i) {
            if arrow(one, other) && arrow(other, one) {
                edges[i].insert(j);
                edges[j].insert(i);
            }
        }
    }
    (vertices, edges)
}

/// The twin: the weight of the heaviest of all maximal cliques.
fn bron_kerbosch(
    weight: Weight,
    mut candidates: BitSet,
    mut excluded: BitSet,
    weights: &[Weight],
    edges: &[BitSet],
) -> Weight {
    let Some(pivot) = candidates.first().or(excluded.first()) else { return weight };
    let mut open = candidates.clone();
    open.subtract(&edges[pivot]);
    let mut best = Weight::ZERO;
    for vertex in open.iter() {
        let mut with = [candidates.clone(), excluded.clone()];
        with.iter_mut().for_each(|set| set.intersect_with(&edges[vertex]));
        let [with_candidates, with_excluded] = with;
        let weight = weight + weights[vertex];
        best = best.max(bron_kerbosch(weight, with_candidates, with_excluded, weights, edges));
        candidates.remove(vertex);
        excluded.insert(vertex);
    }
    best
}

fn oracle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("clique oracle [validators]");
    group.measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(300));
    for (name, validators, disagreeing, lagging) in [
        ("agreeing", 80, 0, 0),
        ("agreeing", 1000, 0, 0),
        ("10 % disagree, 10 % lag", 1000, 10, 10),
    ] {
        let view = rounds(validators, 3, disagreeing, lagging);
        let weights = Arc::clone(view.validators());
        let expected = CliqueOracle::new().safety(&view, &weights, &ONE);
        assert!(expected.exact);
        group.bench_function(BenchmarkId::new(name, validators), |bencher| {
            bencher.iter(|| CliqueOracle::new().safety(black_box(&view), &weights, &ONE));
        });
        group.bench_function(
            BenchmarkId::new(format!("{name}, graph alone"), validators),
            |bencher| {
                bencher.iter(|| LobbyingGraph::new(black_box(&view), &ONE));
            },
        );
        group.sample_size(10);
        let twin = format!("{name}, pair by pair [twin of {name}]");
        group.bench_function(BenchmarkId::new(twin, validators), |bencher| {
            bencher.iter(|| {
                let (vertices, edges) = edges_pair_by_pair(black_box(&view));
                let heavy: Vec<Weight> = vertices.iter().map(|&v| weights.weight(v)).collect();
                let count = vertices.len();
                let full = BitSet::full(count);
                bron_kerbosch(Weight::ZERO, full, BitSet::new(count), &heavy, &edges)
            });
        });
        group.sample_size(100);
    }
    group.finish();
}

/// The proof of concept's case: a chain of blocks, three rounds, the candidate two rounds back.
fn two_rounds_back(criterion: &mut Criterion) {
    let mut group =
        criterion.benchmark_group("clique oracle, chain, candidate two rounds back [validators]");
    for validators in [20u32, 80, 320] {
        let mut draws = Draws(u64::from(validators));
        let weights = (0..validators).map(|_| Weight::new(100_000 + draws.below(1_000_000)));
        let weights = Arc::new(ValidatorSet::new(weights).unwrap());
        let mut view = View::new(Arc::clone(&weights));
        let mut blocks = BlockTree::new();
        let mut head = BlockIndex::GENESIS;
        for sender in weights.ids().chain(weights.ids()).chain(weights.ids()) {
            let header = Header {
                sender,
                sequence_number: view.next_sequence_number(sender),
                justification: view.justification(),
                estimate: BlockVote::Propose { parent: blocks.id(&view, head) },
            };
            for message in view.insert(Message::new(header).unwrap()).unwrap().justified.iter() {
                head = blocks.insert(&view, message).unwrap();
            }
        }
        let block = blocks.ancestor_at(head, validators).unwrap();
        let candidate = OnBlock { blocks: &blocks, block };
        let safety = CliqueOracle::new().safety(&view, &weights, &candidate);
        assert_eq!(safety.quorum.weight, weights.total());
        group.bench_function(BenchmarkId::new("from scratch", validators), |bencher| {
            bencher.iter(|| CliqueOracle::new().safety(black_box(&view), &weights, &candidate));
        });
    }
    group.finish();
}

fn random_graphs(criterion: &mut Criterion) {
    let mut group = criterion
        .benchmark_group("maximum-weight clique, random graph of 200 [edge probability in %]");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    group.warm_up_time(Duration::from_millis(100));
    for percent in [50, 60, 70, 80, 90] {
        let mut draws = Draws(percent);
        let weights: Vec<Weight> =
            (0..200).map(|_| Weight::new(100_000 + draws.below(1_000_000))).collect();
        let mut edges = vec![BitSet::new(200); 200];
        for one in 0..200 {
            for other in 0..one {
                if draws.below(100) < percent {
                    edges[one].insert(other);
                    edges[other].insert(one);
                }
            }
        }
        let budget = 3_000_000; // within 100 ms
        let found = max_clique(&weights, &edges, budget);
        let gap =
            100.0 * (found.bound.get() - found.weight.get()) as f64 / found.weight.get() as f64;
        println!("edge probability {percent} %: exact {}, gap {gap:.1} %", found.is_exact());
        group.bench_function(BenchmarkId::new("branch and bound", percent), |bencher| {
            bencher.iter(|| max_clique(black_box(&weights), &edges, budget));
        });
    }
    group.finish();
}

criterion_group!(benches, oracle, two_rounds_back, random_graphs);
criterion_main!(benches);
