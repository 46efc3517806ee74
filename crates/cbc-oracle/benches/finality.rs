//! The deepest safe block after one more message of a chain, in round robin: from what the last
//! question left, beside every question on its own.

#![allow(missing_docs, clippy::disallowed_types, clippy::unwrap_used, reason = "a benchmark")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use cbc_message::{BlockId, BlockVote, Header, Message, ValidatorId, ValidatorSet, Weight};
use cbc_oracle::{CliqueOracle, LobbyingTable, SafetyOracle};
use cbc_view::{BlockIndex, BlockTree, Chain, HashedDag, Limits, MessageDag, OnBlock, UpTo, View};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// A chain that grows by one block a message.
struct Growing {
    view: View<BlockVote>,
    blocks: BlockTree,
    tip: BlockIndex,
    finalized: u32,
    table: LobbyingTable,
}

impl Growing {
    fn new(validators: u32) -> Self {
        let weights = (0..validators).map(|v| Weight::new(100_000 + u64::from(v * v % 977)));
        let validators = Arc::new(ValidatorSet::new(weights).unwrap());
        let view = View::with_limits(Arc::clone(&validators), Limits::NONE);
        let (blocks, table) = (BlockTree::new(), LobbyingTable::new());
        let mut growing = Self { view, blocks, tip: BlockIndex::GENESIS, finalized: 0, table };
        for _ in 0..3 * validators.len() {
            growing.grow();
        }
        growing.finalized = growing.finalize().unwrap();
        growing
    }

    fn grow(&mut self) {
        let made = self.view.message_count();
        let sender = ValidatorId::new((made % self.view.validators().len()) as u32);
        let message = Message::new(Header {
            sender,
            sequence_number: self.view.next_sequence_number(sender),
            justification: self.view.justification(),
            estimate: BlockVote::Propose { parent: self.id(self.tip) },
        })
        .unwrap();
        let receipt = self.view.insert(message).unwrap();
        let message = receipt.justified.iter().next().unwrap();
        let before = self.tip;
        self.tip = self.blocks.insert(&self.view, message).unwrap();
        self.table.set_common_depth(self.blocks.height(before));
    }

    fn id(&self, block: BlockIndex) -> BlockId {
        let hash = |message| BlockId::Proposed(self.view.hash(message));
        self.blocks.proposal(block).map_or(BlockId::Genesis, hash)
    }

    fn finalize(&mut self) -> Option<u32> {
        let chain = UpTo { blocks: &self.blocks, block: self.tip };
        let chain: &dyn Chain<View<BlockVote>> = &chain;
        let (view, table) = (&self.view, &mut self.table);
        let validators = view.validators();
        let above = self.finalized;
        let answer =
            CliqueOracle::new().deepest_safe(view, validators, chain, table, above, Weight::ZERO);
        answer.map(|(depth, _)| depth)
    }

    /// As an oracle without a table does: one lobbying graph for each question.
    fn finalize_alone(&self) -> Option<u32> {
        let safe = |height: &u32| {
            let block = self.blocks.ancestor_at(self.tip, *height).unwrap();
            let property = OnBlock { blocks: &self.blocks, block };
            let safety = CliqueOracle::new().safety(&self.view, self.view.validators(), &property);
            safety.reaches(Weight::ZERO)
        };
        (self.finalized + 1..=self.blocks.height(self.tip)).take_while(safe).last()
    }
}

fn finality(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("finality/one more message");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    group.warm_up_time(Duration::from_millis(300));
    // `cargo test` only sees that it runs.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    for &validators in if measuring { &[10, 100, 1000][..] } else { &[10] } {
        let mut growing = Growing::new(validators);
        for (name, alone) in [("with a table", false), ("from scratch (twin)", true)] {
            group.bench_function(BenchmarkId::new(name, validators), |bencher| {
                bencher.iter_custom(|iterations| {
                    let mut taken = Duration::ZERO;
                    for _ in 0..iterations {
                        growing.grow();
                        let start = Instant::now();
                        let found =
                            if alone { growing.finalize_alone() } else { growing.finalize() };
                        taken += start.elapsed();
                        growing.finalized = found.unwrap_or(growing.finalized);
                    }
                    taken
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, finality);
criterion_main!(benches);
