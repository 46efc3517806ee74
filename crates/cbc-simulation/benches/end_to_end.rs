//! Whole simulations: a blockchain in round robin, everybody receiving every message at once, the
//! global observer finalizing after each round and everybody in the end. Beside it the same
//! execution by validators who share nothing.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::sync::Arc;
use std::time::Duration;

use cbc_message::{Message, ValidatorSet, Weight};
use cbc_oracle::CliqueOracle;
use cbc_simulation::{
    Action, MessageMode, Network, Run, Schedule, Setup, Summary, Watch, simulate,
};
use cbc_validator::{Blockchain, Validator};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const ROUNDS: usize = 300;

fn setup(count: u32, check_estimates: bool) -> Setup<Blockchain, CliqueOracle> {
    let weights = (0..count).map(|v| Weight::new(1000 + u64::from(v * v % 977)));
    Setup {
        protocol: Blockchain,
        oracle: CliqueOracle::new(),
        validators: Arc::new(ValidatorSet::new(weights).unwrap()),
        threshold: Weight::ZERO,
        check_estimates,
        items: Vec::new(),
    }
}

fn shared(setup: &Setup<Blockchain, CliqueOracle>, schedule: &Schedule) -> Summary {
    let mut run = Run::new(setup.clone(), None).unwrap().finalizing();
    let watch = Watch { report_interval: 0, everybody: false };
    simulate(&mut run, schedule, watch, |_, _| {}).unwrap()
}

/// Everybody for themselves, by the same public calls that a node makes.
fn alone(setup: &Setup<Blockchain, CliqueOracle>, schedule: &Schedule) {
    let mut global = setup.observer();
    let ids = setup.validators.ids();
    let mut validators: Vec<_> =
        ids.map(|id| Validator::new(id, setup.observer()).unwrap()).collect();
    let mut made: Vec<Message<_>> = Vec::new();
    for token in schedule.execution.tokens() {
        let validator = &mut validators[token.validator.index()];
        if token.action == Action::Make {
            global.update_safe_estimates().unwrap();
            let message = validator.make_message().unwrap();
            global.receive(message.clone()).unwrap();
            made.push(message);
        } else {
            // Without delays the message that a token sends is the one made last.
            let message = made[made.len() - 1].clone();
            validator.observer_mut().receive(message).unwrap();
        }
    }
    global.update_safe_estimates().unwrap();
    for validator in &mut validators {
        validator.observer_mut().update_safe_estimates().unwrap();
    }
}

fn end_to_end(criterion: &mut Criterion) {
    let mut group =
        criterion.benchmark_group("end to end/blockchain, round robin, 300 rounds [validators]");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    // `cargo test` only sees that it runs.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    for &count in if measuring { &[10, 30, 100][..] } else { &[5] } {
        let rounds = if measuring { ROUNDS } else { 10 };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let schedule =
            Schedule::generate(count, rounds, MessageMode::Rrob, Network::NoDelay, &mut rng);
        for (v5, check) in [("V5 off", false), ("V5 on", true)] {
            let setup = setup(count, check);
            group.bench_function(BenchmarkId::new(v5, count), |bencher| {
                bencher.iter(|| shared(&setup, &schedule));
            });
            let twin = format!("{v5}, nothing shared [twin of {v5}]");
            group.bench_function(BenchmarkId::new(twin, count), |bencher| {
                bencher.iter(|| alone(&setup, &schedule));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, end_to_end);
criterion_main!(benches);
