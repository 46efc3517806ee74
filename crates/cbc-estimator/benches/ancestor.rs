//! Ancestors in the block tree, by jump pointers and beside a twin that walks parent by parent.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;
use std::iter::successors;
use std::time::Duration;

use cbc_estimator::{BlockIndex, BlockTree};
use cbc_message::{BlockId, BlockVote, MessageHash, ValidatorId};
use cbc_view::{HashedDag, MessageDag, MessageIndex, Seen};
use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};

/// Beyond this many blocks the twin is not asked.
const TWIN_UP_TO: usize = 100_000;

/// Numbers that look random and are the same on every machine.
struct Draws(u64);

impl Draws {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Proposals that cite nobody: the hash of a message is its number.
struct Proposals(Vec<BlockVote>);

impl Proposals {
    /// Two chains that part after a quarter of the blocks; every eighth block is left behind, as
    /// nothing builds on it.
    fn two_chains(count: u32) -> Self {
        let mut tips = [BlockId::Genesis; 2];
        let propose = |number: u32| {
            let chain = if number < count / 4 { 0 } else { number as usize % 2 };
            let parent = tips[chain];
            let block = BlockId::Proposed(hash(number));
            if number < count / 4 {
                tips = [block; 2];
            } else if number % 16 < 14 {
                tips[chain] = block;
            }
            BlockVote::Propose { parent }
        };
        Self((0..count).map(propose).collect())
    }

    fn tree(&self) -> BlockTree {
        let mut tree = BlockTree::new();
        for message in (0..self.0.len() as u32).map(MessageIndex::new) {
            tree.insert(self, message).unwrap();
        }
        tree
    }
}

fn hash(number: u32) -> MessageHash {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    MessageHash::from_bytes(bytes)
}

impl MessageDag for Proposals {
    type Estimate = BlockVote;

    fn message_count(&self) -> usize {
        self.0.len()
    }

    fn validator_count(&self) -> usize {
        self.0.len()
    }

    fn sender(&self, message: MessageIndex) -> ValidatorId {
        ValidatorId::new(message.get())
    }

    fn sequence_number(&self, _: MessageIndex) -> u64 {
        0
    }

    fn estimate(&self, message: MessageIndex) -> &BlockVote {
        &self.0[message.index()]
    }

    fn previous(&self, _: MessageIndex) -> Option<MessageIndex> {
        None
    }

    fn seen(&self, _: MessageIndex, _: ValidatorId) -> Seen {
        Seen::Nothing
    }

    fn latest_message(&self, validator: ValidatorId) -> Option<MessageIndex> {
        (validator.index() < self.0.len()).then_some(MessageIndex::new(validator.get()))
    }

    fn is_equivocator(&self, _: ValidatorId) -> bool {
        false
    }
}

impl HashedDag for Proposals {
    fn hash(&self, message: MessageIndex) -> MessageHash {
        hash(message.get())
    }

    fn find(&self, hash: &MessageHash) -> Option<MessageIndex> {
        let number = u32::from_le_bytes(*hash.as_bytes().first_chunk()?);
        ((number as usize) < self.0.len()).then_some(MessageIndex::new(number))
    }
}

/// The twin: up to the height, one parent after another.
fn walk_up(tree: &BlockTree, block: BlockIndex, height: u32) -> Option<BlockIndex> {
    successors(Some(block), |&block| tree.parent(block)).find(|&block| tree.height(block) <= height)
}

/// The twin: the later of the two goes up, until they meet. A parent comes before its children.
fn walk_together(tree: &BlockTree, mut one: BlockIndex, mut other: BlockIndex) -> BlockIndex {
    while one != other {
        let later = if one > other { &mut one } else { &mut other };
        *later = tree.parent(*later).unwrap();
    }
    one
}

/// Each query of all, by whatever answers them.
fn bench<Q: Copy, A>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    queries: &[Q],
    answer: impl Fn(Q) -> A,
) {
    group.throughput(Throughput::Elements(queries.len() as u64));
    group.bench_function(id, |bencher| {
        bencher.iter(|| {
            for &query in black_box(queries) {
                black_box(answer(query));
            }
        });
    });
}

fn ancestors(criterion: &mut Criterion) {
    // `cargo test` only sees that it runs.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let sizes = if measuring { &[1_000, 10_000, 100_000, 1_000_000][..] } else { &[100] };
    for (name, common) in
        [("ancestor [blocks; query]", false), ("common ancestor [blocks; query]", true)]
    {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20).measurement_time(Duration::from_secs(1));
        group.warm_up_time(Duration::from_millis(300));
        for &size in sizes {
            let tree = Proposals::two_chains(size).tree();
            let blocks: Vec<BlockIndex> = tree.iter().collect();
            let mut draws = Draws(u64::from(size));
            let mut draw = || blocks[draws.below(blocks.len() as u64) as usize];
            let pairs: Vec<(BlockIndex, BlockIndex)> = (0..64).map(|_| (draw(), draw())).collect();

            let jumps = BenchmarkId::new("jump pointers", size);
            let parents = BenchmarkId::new("parent by parent [twin of jump pointers]", size);
            let small = size as usize <= TWIN_UP_TO;
            if common {
                let jump = |(one, other)| tree.common_ancestor(one, other);
                let walk = |(one, other)| walk_together(&tree, one, other);
                bench(&mut group, jumps, &pairs, jump);
                if small {
                    assert!(pairs.iter().all(|&pair| jump(pair) == walk(pair)));
                    bench(&mut group, parents, &pairs, walk);
                }
            } else {
                let at = |(one, other): (BlockIndex, BlockIndex)| {
                    // Of the second block only a height is taken, none above the first.
                    (one, tree.height(other) % (tree.height(one) + 1))
                };
                let queries: Vec<(BlockIndex, u32)> = pairs.iter().map(|&pair| at(pair)).collect();
                let jump = |(block, height)| tree.ancestor_at(block, height);
                let walk = |(block, height)| walk_up(&tree, block, height);
                bench(&mut group, jumps, &queries, jump);
                if small {
                    assert!(queries.iter().all(|&query| jump(query) == walk(query)));
                    bench(&mut group, parents, &queries, walk);
                }
            }
        }
        group.finish();
    }
}

criterion_group!(benches, ancestors);
criterion_main!(benches);
