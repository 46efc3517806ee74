//! What it costs to take in a message, from its bytes, beside the floor: hashing the bytes and
//! looking up each hash cited.

#![allow(missing_docs, clippy::disallowed_types, clippy::unwrap_used, reason = "a benchmark")]

use std::cell::LazyCell;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cbc_message::{
    BlockId, BlockVote, HASH_CONTEXT, HashIndex, Header, Justification, Message, MessageHash,
    ValidatorId, ValidatorSet, Weight, decode, encode,
};
use cbc_oracle::CliqueOracle;
use cbc_validator::{Blockchain, Observer};
use cbc_view::{Limits, MessageIndex, View};
use criterion::{
    BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Whether somebody measures. `cargo test` only sees that it runs.
fn measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

fn validators(count: u32) -> Arc<ValidatorSet> {
    let weights = (0..count).map(|v| Weight::new(100_000 + u64::from(v * v % 977)));
    Arc::new(ValidatorSet::new(weights).unwrap())
}

/// Makes messages of a blockchain: in turn, each proposes on the block made last; or in lock step,
/// all propose on the head of the round before.
struct Maker {
    observer: Observer<Blockchain, CliqueOracle>,
    made: usize,
    lock_step: bool,
    /// What all know who speak now, and build on.
    known: (Justification, BlockId),
}

impl Maker {
    fn new(validators: Arc<ValidatorSet>, lock_step: bool) -> Self {
        let observer = observer(&validators, false);
        Self { observer, made: 0, lock_step, known: (Justification::EMPTY, BlockId::Genesis) }
    }

    fn view(&self) -> &View<BlockVote> {
        self.observer.view()
    }

    fn make(&mut self) -> Message<BlockVote> {
        let count = self.view().validators().len();
        if !self.lock_step {
            self.known.0 = self.view().justification();
        } else if self.made.is_multiple_of(count) {
            let head = self.observer.estimate().unwrap();
            self.known =
                (self.view().justification(), self.observer.blocks().id(self.view(), head));
        }
        let sender = ValidatorId::new((self.made % count) as u32);
        let (justification, parent) = self.known.clone();
        let sequence_number = self.view().next_sequence_number(sender);
        let estimate = BlockVote::Propose { parent };
        let message =
            Message::new(Header { sender, sequence_number, justification, estimate }).unwrap();
        self.observer.receive(message.clone()).unwrap();
        if !self.lock_step {
            self.known.1 = BlockId::Proposed(message.hash());
        }
        self.made += 1;
        message
    }

    fn bytes(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|_| encode(&self.make())).collect()
    }
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

fn observer(validators: &Arc<ValidatorSet>, check: bool) -> Observer<Blockchain, CliqueOracle> {
    let validators = Arc::clone(validators);
    Observer::with_limits(Blockchain, CliqueOracle::new(), validators, Limits::NONE)
        .with_estimate_check(check)
}

/// One order of arrival of messages that are all there in the end.
fn arrival(
    criterion: &mut Criterion,
    name: &str,
    lock_step: bool,
    order: impl Fn(&mut Vec<Vec<u8>>),
) {
    let mut group = criterion.benchmark_group(format!("ingest/{name} [validators; message]"));
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(300));
    for &(count, messages) in
        if measuring() { &[(10, 20_000), (100, 20_000), (1000, 4_000)][..] } else { &[(10, 100)] }
    {
        let validators = validators(count);
        // Not made for benchmarks that are left out.
        let bytes = LazyCell::new(|| {
            let mut bytes = Maker::new(Arc::clone(&validators), lock_step).bytes(messages);
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

fn arrivals(criterion: &mut Criterion) {
    arrival(criterion, "in order", false, |_| {});
    arrival(criterion, "lock step", true, |_| {});
    arrival(criterion, "shuffled", false, |bytes| {
        bytes.shuffle(&mut ChaCha8Rng::seed_from_u64(1));
    });
    arrival(criterion, "last first", false, |bytes| bytes.reverse());
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
        let mut maker = Maker::new(Arc::clone(&validators), false);
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

criterion_group!(benches, arrivals, growth);
criterion_main!(benches);
