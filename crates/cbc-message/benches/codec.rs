//! Encoding, decoding and hashing of block votes, beside the twin that leaves all of it to serde
//! and bincode; and the look-ups of what a message cites, beside std's `HashMap`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

#[path = "../tests/twin/mod.rs"]
mod twin;

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::Duration;

use blake3::hazmat::{HasherExt, hash_derive_key_context};
use cbc_message::{
    BlockId, BlockVote, Citation, HASH_CONTEXT, HashIndex, HashNumbers, Header, Justification,
    Message, MessageHash, ValidatorId, decode, decode_all, encode,
};
use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};

/// `cargo test` only sees that the benchmarks run.
fn measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(300));
    group
}

/// A hash that looks random and is the same on every machine.
fn hash(number: usize) -> MessageHash {
    MessageHash::from_bytes(*blake3::hash(&number.to_le_bytes()).as_bytes())
}

/// A vote that cites the latest messages of this many validators.
fn vote(citations: u32) -> Message<BlockVote> {
    let cite = |v: u32| (ValidatorId::new(v), Citation::Latest(hash(v as usize)));
    Message::new(Header {
        sender: ValidatorId::new(0),
        sequence_number: 7,
        justification: Justification::from_ascending((0..citations).map(cite).collect()).unwrap(),
        estimate: BlockVote::Vote { block: BlockId::Proposed(hash(0)) },
    })
    .unwrap()
}

fn votes() -> impl Iterator<Item = (u32, Message<BlockVote>, Vec<u8>)> {
    let counts = if measuring() { &[10, 100, 1000][..] } else { &[10] };
    counts.iter().map(|&citations| {
        let vote = vote(citations);
        let bytes = encode(&vote);
        (citations, vote, bytes)
    })
}

fn hashing(criterion: &mut Criterion) {
    let mut group = group(criterion, "codec/hash [citations]");
    let key = hash_derive_key_context(HASH_CONTEXT);
    for (citations, _, bytes) in votes() {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("context hashed once", citations), |bencher| {
            bencher.iter(|| {
                let mut hasher = blake3::Hasher::new_from_context_key(black_box(&key));
                hasher.update(black_box(&bytes)).finalize()
            });
        });
        group.bench_function(
            BenchmarkId::new("derive_key [rival of context hashed once]", citations),
            |bencher| {
                bencher.iter(|| blake3::derive_key(HASH_CONTEXT, black_box(&bytes)));
            },
        );
    }
    group.finish();
}

fn encoding(criterion: &mut Criterion) {
    let mut group = group(criterion, "codec/encode [citations]");
    for (citations, vote, bytes) in votes() {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("by hand", citations), |bencher| {
            bencher.iter(|| encode(black_box(&vote)));
        });
        group.bench_function(BenchmarkId::new("serde [twin of by hand]", citations), |bencher| {
            bencher.iter(|| twin::encode(black_box(vote.header())));
        });
    }
    group.finish();
}

/// Making a message, which reads its estimate back, beside the encoding and hashing of one.
fn making(criterion: &mut Criterion) {
    let mut group = group(criterion, "codec/make [citations]");
    let key = hash_derive_key_context(HASH_CONTEXT);
    for (citations, vote, bytes) in votes() {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("checked", citations), |bencher| {
            bencher.iter_batched(
                || vote.header().clone(),
                |header| Message::new(header).unwrap(),
                BatchSize::SmallInput,
            );
        });
        group.bench_function(
            BenchmarkId::new("encoded and hashed [floor of checked]", citations),
            |bencher| {
                bencher.iter_batched(
                    || vote.header().clone(),
                    |header| {
                        let mut hasher = blake3::Hasher::new_from_context_key(black_box(&key));
                        (
                            hasher.update(&encode(black_box(&vote))).finalize(),
                            std::sync::Arc::new(header),
                        )
                    },
                    BatchSize::SmallInput,
                );
            },
        );
    }
    group.finish();
}

fn decoding(criterion: &mut Criterion) {
    let mut group = group(criterion, "codec/decode and hash [citations]");
    for (citations, _, bytes) in votes() {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("by hand", citations), |bencher| {
            bencher.iter(|| decode::<BlockVote>(black_box(&bytes)).unwrap());
        });
        group.bench_function(BenchmarkId::new("serde [twin of by hand]", citations), |bencher| {
            bencher.iter(|| twin::decode::<BlockVote>(black_box(&bytes)).unwrap());
        });
    }
    group.finish();
}

fn decoding_batches(criterion: &mut Criterion) {
    let mut group = group(criterion, "codec/decode a batch [citations; message]");
    for (citations, _, bytes) in votes() {
        let count = if measuring() { 40_000 / citations } else { 4 };
        let batch = vec![bytes; count as usize];
        group.throughput(Throughput::Elements(batch.len() as u64));
        for threads in [1, 2, 4] {
            let id = BenchmarkId::new(format!("threads: {threads}"), citations);
            let threads = NonZeroUsize::new(threads).unwrap();
            group.bench_function(id, |bencher| {
                bencher.iter(|| decode_all::<BlockVote>(black_box(&batch), threads));
            });
        }
    }
    group.finish();
}

/// Every second message of a view, in an order that is not that of the view.
#[allow(clippy::disallowed_types, reason = "the twin")]
fn looking_up(criterion: &mut Criterion) {
    let mut group = group(criterion, "codec/look-up [messages; look-up]");
    let counts = if measuring() { &[1000, 10_000, 100_000][..] } else { &[1000] };
    for &messages in counts {
        let hashes: Vec<MessageHash> = (0..messages).map(hash).collect();
        let cited: Vec<MessageHash> =
            (0..messages / 2).map(|n| hashes[n * 7919 % messages]).collect();
        let hash_of = |number: u32| &hashes[number as usize];
        let mut index = HashIndex::new();
        let mut numbers = HashNumbers::new();
        let mut map = std::collections::HashMap::new();
        for (number, &hash) in (0u32..).zip(&hashes) {
            index.insert(hash, number);
            numbers.insert(number, hash_of);
            map.insert(hash, number);
        }
        group.throughput(Throughput::Elements(cited.len() as u64));
        group.bench_function(BenchmarkId::new("HashIndex", messages), |bencher| {
            bencher.iter(|| cited.iter().filter_map(|hash| index.get(hash)).max());
        });
        group.bench_function(BenchmarkId::new("HashNumbers", messages), |bencher| {
            bencher.iter(|| cited.iter().filter_map(|hash| numbers.get(hash, hash_of)).max());
        });
        group.bench_function(
            BenchmarkId::new("std HashMap [rival of HashIndex]", messages),
            |bencher| {
                bencher.iter(|| cited.iter().filter_map(|hash| map.get(hash)).max());
            },
        );
    }
    group.finish();
}

criterion_group!(benches, hashing, encoding, making, decoding, decoding_batches, looking_up);
criterion_main!(benches);
