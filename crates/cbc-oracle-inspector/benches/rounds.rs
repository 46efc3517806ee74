//! The inspector, asked once a round in full rounds: everybody cites everybody's message of the
//! round before, or, in turn, of the same round where it came earlier.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use cbc_message::{Bit, Header, Justification, Message, ValidatorId, ValidatorSet, Weight};
use cbc_oracle::SafetyOracle;
use cbc_oracle_inspector::InspectorOracle;
use cbc_view::{Equals, View};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// Twelve rounds in which all say 1; in lock step, or in turn.
fn rounds(validators: u32, lock_step: bool) -> View<Bit> {
    let weights = (0..validators).map(|v| Weight::new(100_000 + u64::from(v * v % 977)));
    let mut view = View::new(Arc::new(ValidatorSet::new(weights).unwrap()));
    for _ in 0..12 {
        let before: Justification = view.justification();
        for sender in (0..validators).map(ValidatorId::new) {
            let sequence_number = view.next_sequence_number(sender);
            let justification = if lock_step { before.clone() } else { view.justification() };
            let header = Header { sender, sequence_number, justification, estimate: Bit::One };
            view.insert(Message::new(header).unwrap()).unwrap();
        }
    }
    view
}

fn inspector(criterion: &mut Criterion) {
    let mut group =
        criterion.benchmark_group("inspector, one question after twelve full rounds [validators]");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    group.warm_up_time(Duration::from_millis(300));
    // `cargo test` only sees that it runs.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    for &validators in if measuring { &[100, 200, 1000][..] } else { &[20] } {
        for (order, lock_step) in [("lock step", true), ("in turn", false)] {
            let view = rounds(validators, lock_step);
            let weights = Arc::clone(view.validators());
            for (levels, oracle) in [
                ("one level", InspectorOracle::one_level()),
                ("ten levels", InspectorOracle::new()),
            ] {
                assert!(oracle.safety(&view, &weights, &Equals(Bit::One)).exact);
                let id = BenchmarkId::new(format!("{order}, {levels}"), validators);
                group.bench_function(id, |bencher| {
                    bencher.iter(|| oracle.safety(black_box(&view), &weights, &Equals(Bit::One)));
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, inspector);
criterion_main!(benches);
