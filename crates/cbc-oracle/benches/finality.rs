//! The deepest safe block after one more message of a chain, in round robin: from what the last
//! question left, beside every question on its own. All awake; and long after somebody went
//! offline, or was slow, or the validators were parted.

#![allow(missing_docs, clippy::disallowed_types, clippy::unwrap_used, reason = "a benchmark")]

#[path = "../tests/growing/mod.rs"]
mod growing;

use std::time::{Duration, Instant};

use cbc_estimator::OnBlock;
use cbc_message::Weight;
use cbc_oracle::{CliqueOracle, SafetyOracle};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use growing::{Awake, Growing};

/// As an oracle does that keeps nothing: one lobbying graph for each question.
fn finalize_alone(growing: &Growing) -> Option<u32> {
    let Growing { view, blocks, tip, finalized, .. } = growing;
    let safe = |height: &u32| {
        let block = blocks.ancestor_at(*tip, *height).unwrap();
        let property = OnBlock { blocks, block };
        let safety = CliqueOracle::new().safety(view, view.validators(), &property);
        safety.reaches(Weight::ZERO)
    };
    (finalized + 1..=blocks.height(*tip)).take_while(safe).last()
}

fn finality(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("finality/one more message [validators]");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    group.warm_up_time(Duration::from_millis(300));
    // `cargo test` only sees that it runs.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    for &validators in if measuring { &[10, 100, 1000][..] } else { &[10] } {
        // As many rounds as make some thousand messages, and no more than memory has room for.
        let rounds = if measuring { (30_000 / validators).clamp(6, 3000) } else { 6 };
        for (name, rounds, awake, alone) in [
            ("with a table", 3, Awake::All, false),
            ("from scratch [twin of with a table]", 3, Awake::All, true),
            ("one offline", rounds, Awake::AllButOne, false),
            ("one slow", rounds, Awake::OneSlow((rounds * validators / 2) as usize), false),
            ("two thirds apart", rounds, Awake::Apart, false),
        ] {
            let mut growing = Growing::new(validators, rounds, awake);
            group.bench_function(BenchmarkId::new(name, validators), |bencher| {
                bencher.iter_custom(|iterations| {
                    let mut taken = Duration::ZERO;
                    for _ in 0..iterations {
                        growing.grow();
                        let start = Instant::now();
                        let found =
                            if alone { finalize_alone(&growing) } else { growing.finalize() };
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
