//! What simulations really take, against the arithmetic by which they are let in.
//!
//! One test, alone in its process: the allocator counts what everybody takes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use cbc_estimator::WeightedMedian;
use cbc_message::{Bit, ValidatorSet, Weight};
use cbc_oracle::CliqueOracle;
use cbc_simulation::{
    Execution, Footprint, MessageMode, Network, Recorded, Run, Schedule, Setup, Watch, simulate,
};
use cbc_validator::{BinaryConsensus, Blockchain};
use peak_alloc::PeakAlloc;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn validators(count: u32) -> Arc<ValidatorSet> {
    let weights = (0..count).map(|validator| Weight::new(100 + u64::from(validator)));
    Arc::new(ValidatorSet::new(weights).unwrap())
}

/// The greatest memory, in bytes, that `act` takes beyond what there is before.
fn taken(act: impl FnOnce()) -> u64 {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    act();
    (ALLOCATOR.peak_usage() - before) as u64
}

fn carry_out<P>(
    protocol: P,
    validators: &Arc<ValidatorSet>,
    schedule: impl FnOnce() -> Schedule,
    first: Option<Vec<P::Estimate>>,
) -> u64
where
    P: Recorded<Estimator: cbc_estimator::MajorityDriven> + Clone,
{
    taken(|| {
        let schedule = schedule();
        let setup = Setup {
            protocol,
            oracle: CliqueOracle::new(),
            validators: Arc::clone(validators),
            threshold: Weight::ZERO,
            check_estimates: true,
            items: Vec::new(),
        };
        let mut run = Run::new(setup, first).unwrap().finalizing();
        let watch = Watch { report_interval: 0, everybody: true };
        simulate(&mut run, &schedule, watch, |_, _| {}).unwrap();
    })
}

fn given(tokens: &str) -> Schedule {
    Schedule { execution: tokens.parse::<Execution>().unwrap(), messages_per_round: 1 }
}

#[test]
fn simulations_take_no_more_than_is_estimated_and_not_much_less() {
    let mut report = Vec::new();
    let mut check = |name: &str, taken: u64, footprint: Footprint| {
        let bytes = Footprint { watches_everybody: true, ..footprint }.bytes();
        report.push(format!("{name}: {taken} of {bytes}"));
        // The fixed part covers what is small; beyond it the estimate is of the right size.
        let rest = 16 << 20;
        taken <= bytes && (bytes <= rest * 2 || (bytes - rest) / 4 <= taken)
    };
    let mut fits = true;
    for (mode, network, count, rounds) in [
        (MessageMode::Rrob, Network::NoDelay, 20, 3000),
        (MessageMode::Full, Network::Random { most: 3 }, 60, 40),
        (MessageMode::Full, Network::NoDelay, 150, 4),
        (MessageMode::Rand, Network::Step, 600, 30),
    ] {
        let set = validators(count);
        let schedule = || {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            Schedule::generate(count, rounds, mode, network, &mut rng)
        };
        let taken = carry_out(Blockchain, &set, schedule, None);
        let execution = schedule().execution;
        fits &= check("generated", taken, Footprint::of(&set, &execution, false));
        let makers = if mode == MessageMode::Full { u64::from(count) } else { 1 };
        let messages = rounds as u64 * makers;
        let broadcasts = Footprint::of_broadcasts(count.into(), messages, false);
        fits &= check("before it is generated", taken, broadcasts);
    }
    let many = validators(20_000);
    let tokens = "M-0-A SJ-1-A M-1-B SJ-7-B";
    let taken = carry_out(Blockchain, &many, || given(tokens), None);
    fits &= check("many idle", taken, Footprint::of(&many, &given(tokens).execution, false));
    let some = validators(1500);
    let first = || Some(vec![Bit::One; 1500]);
    let binary = BinaryConsensus::new(WeightedMedian::new());
    let taken = carry_out(binary, &some, || given("M-0-A SJ-1-A M-1-B"), first());
    fits &=
        check("first", taken, Footprint::of(&some, &given("M-0-A SJ-1-A M-1-B").execution, true));
    assert!(fits, "{report:#?}");
}
