//! What it costs to take in a message, from its bytes, beside the floor: hashing the bytes and
//! looking up each hash cited; and beside what that was when a message cited everybody.

#![allow(missing_docs, clippy::disallowed_types, clippy::unwrap_used, reason = "a benchmark")]

mod schedules;

use std::cell::LazyCell;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cbc_message::{BlockVote, HASH_CONTEXT, HashIndex, Message, MessageHash, decode};
use cbc_view::{Limits, MessageIndex, View};
use criterion::{
    BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use schedules::{Maker, Schedule, observer, validators};

/// Whether somebody measures. `cargo test` only sees that it runs.
fn measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// What nobody can do without: the hash of the bytes, and one look-up for each hash cited.
struct Floor {
    index: HashIndex<MessageIndex>,
}

impl Floor {
    /// Knows of all these messages.
    fn of(messages: &[Message<BlockVote>]) -> Self {
        let mut index = HashIndex::new();
        for (place, message) in (0..).zip(messages) {
            index.insert(message.hash(), MessageIndex::new(place));
        }
        Self { index }
    }

    fn pass(&self, bytes: &[u8], cited: &[MessageHash]) -> (blake3::Hash, usize) {
        let hash = blake3::derive_key(HASH_CONTEXT, bytes);
        let found = cited.iter().filter(|hash| self.index.get(hash).is_some()).count();
        (hash.into(), found)
    }
}

/// What it cost to hash, and look up, a list of the latest message of every validator, which is what
/// messages carried before.
struct FullList {
    bytes: Vec<u8>,
    cited: Vec<MessageHash>,
    index: HashIndex<MessageIndex>,
}

impl FullList {
    fn new(validators: u32) -> Self {
        let hash = |validator: u32| {
            MessageHash::from_bytes(*blake3::hash(&validator.to_le_bytes()).as_bytes())
        };
        let cited: Vec<MessageHash> = (0..validators).map(hash).collect();
        let mut index = HashIndex::new();
        for (place, &hash) in (0..).zip(&cited) {
            index.insert(hash, MessageIndex::new(place));
        }
        Self { bytes: vec![7; 64 + 40 * validators as usize], cited, index }
    }

    fn pass(&self) -> (blake3::Hash, usize) {
        let hash = blake3::derive_key(HASH_CONTEXT, black_box(&self.bytes));
        let found = self.cited.iter().filter(|hash| self.index.get(hash).is_some()).count();
        (hash.into(), found)
    }
}

/// One order of arrival of messages that are all there in the end.
fn arrival(
    criterion: &mut Criterion,
    name: &str,
    schedule: Schedule,
    sizes: &[(u32, usize)],
    order: impl Fn(&mut Vec<Vec<u8>>),
) {
    let mut group = criterion.benchmark_group(format!("ingest/{name} [validators; message]"));
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(300));
    for &(count, messages) in if measuring() { sizes } else { &[(10, 100)] } {
        let validators = validators(count);
        // Not made for benchmarks that are left out.
        let bytes = LazyCell::new(|| {
            let mut bytes = schedules::bytes(&validators, schedule, messages);
            order(&mut bytes);
            bytes
        });
        group.throughput(Throughput::Elements(messages as u64));
        group.bench_function(
            BenchmarkId::new("floor [floor of view (V1-V4, V8)]", count),
            |bencher| {
                let messages = bytes.iter().map(|bytes| decode::<BlockVote>(bytes).unwrap());
                let messages: Vec<_> = messages.collect();
                let floor = Floor::of(&messages);
                let cited =
                    messages.iter().map(|message| message.justification().hashes().collect());
                let cited: Vec<Vec<MessageHash>> = cited.collect();
                bencher.iter(|| {
                    for (bytes, cited) in bytes.iter().zip(&cited) {
                        black_box(floor.pass(bytes, cited));
                    }
                });
            },
        );
        group.bench_function(
            BenchmarkId::new(
                "hash and look-ups of a full list [rival of observer (V1-V5, V8)]",
                count,
            ),
            |bencher| {
                let list = FullList::new(count);
                bencher.iter(|| {
                    for _ in 0..messages {
                        black_box(list.pass());
                    }
                });
            },
        );
        group.bench_function(BenchmarkId::new("view (V1-V4, V8)", count), |bencher| {
            bencher.iter_batched(
                || View::with_limits(Arc::clone(&validators), Limits::NONE),
                |mut view| {
                    for bytes in &*bytes {
                        view.insert(decode::<BlockVote>(bytes).unwrap()).unwrap();
                    }
                    view
                },
                BatchSize::PerIteration,
            );
        });
        for (name, check) in [("observer (V1-V4, V8)", false), ("observer (V1-V5, V8)", true)] {
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter_batched(
                    || observer(&validators, check),
                    |mut observer| {
                        for bytes in &*bytes {
                            observer.receive(decode(bytes).unwrap()).unwrap();
                        }
                        observer
                    },
                    BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}

/// Messages enough that everybody has spoken.
const IN_TURN: [(u32, usize); 4] = [(10, 20_000), (100, 20_000), (1000, 20_000), (10_000, 40_000)];
const ALL_AT_ONCE: [(u32, usize); 3] = [(10, 20_000), (100, 20_000), (1000, 4_000)];
const DELAYED: [(u32, usize); 3] = [(10, 10_000), (100, 10_000), (1000, 4_000)];

fn arrivals(criterion: &mut Criterion) {
    arrival(criterion, "in order", Schedule::InTurn, &IN_TURN, |_| {});
    arrival(criterion, "lock step", Schedule::LockStep, &ALL_AT_ONCE, |_| {});
    arrival(criterion, "delays and forks", Schedule::Delayed, &DELAYED, |_| {});
    arrival(criterion, "shuffled", Schedule::InTurn, &ALL_AT_ONCE, |bytes| {
        bytes.shuffle(&mut ChaCha8Rng::seed_from_u64(1));
    });
    arrival(criterion, "last first", Schedule::InTurn, &ALL_AT_ONCE, |bytes| bytes.reverse());
}

/// One message that cites everybody, of whom each two had seen something else of everybody.
fn adversarial(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ingest/rows that all differ [validators]");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for count in if measuring() { &[100, 300, 1000, 2000][..] } else { &[20] } {
        let (view, last) = schedules::adversarial(*count);
        group.bench_function(BenchmarkId::new("view (V1-V4, V8)", count), |bencher| {
            bencher.iter_batched(
                || view.clone(),
                |mut view| {
                    view.insert(last.clone()).unwrap();
                    view
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// The next message, for a view that holds many already.
fn growth(criterion: &mut Criterion) {
    for (count, sizes) in [(10, [10_000, 100_000, 1_000_000]), (100, [10_000, 100_000, 300_000])] {
        let mut group = criterion
            .benchmark_group(format!("ingest/growth, {count} validators [messages held; message]"));
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        group.measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(1));
        let sizes = if measuring() { sizes } else { [10, 20, 30] };
        let validators = validators(count);
        let mut maker = Maker::new(&validators, false);
        let mut observer = observer(&validators, true);
        for size in sizes {
            group.throughput(Throughput::Elements(1000));
            group.bench_function(BenchmarkId::new("observer (V1-V5, V8)", size), |bencher| {
                while maker.made < size {
                    observer.receive(maker.make()).unwrap();
                }
                bencher.iter_custom(|iterations| {
                    let mut taken = Duration::ZERO;
                    for _ in 0..iterations {
                        let bytes = maker.bytes(if measuring() { 1000 } else { 10 });
                        let start = Instant::now();
                        for bytes in &bytes {
                            observer.receive(decode(bytes).unwrap()).unwrap();
                        }
                        taken += start.elapsed();
                    }
                    taken
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, arrivals, adversarial, growth);
criterion_main!(benches);
