//! Attacks at random: within the reported fault tolerance none succeeds, beyond it some do.
//!
//! `CBC_SOAK_EXECUTIONS` says how many executions, of which each of the four protocols has a quarter;
//! `CBC_SOAK_SEED` where their seeds start. `cargo xtask soak` sets both.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::env;

use cbc_tests::adversary::{Arena, Summary};
use cbc_validator::{BinaryConsensus, Blockchain, Concurrent, Sharding};

/// How many executions there are where nobody says: few enough for every run of the tests.
const EXECUTIONS: u64 = 3600;

fn variable(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |value| value.parse().unwrap())
}

fn soak<P: Arena>() {
    let executions = variable("CBC_SOAK_EXECUTIONS", EXECUTIONS) as usize / 4;
    let summary = Summary::of::<P>(variable("CBC_SOAK_SEED", 0), executions);
    println!("\n{}: {executions} executions\n{summary}", P::NAME);
    assert!(summary.violations.is_empty(), "{}", summary.violations.join("\n"));
    assert!(summary.successes() > 0 && summary.conflicts() > 0, "the adversary is no adversary");
}

#[test]
fn blockchains_stay_finalized_within_the_fault_tolerance() {
    soak::<Blockchain>();
}

#[test]
fn bits_stay_finalized_within_the_fault_tolerance() {
    soak::<BinaryConsensus>();
}

#[test]
fn concurrent_blocks_stay_finalized_within_the_fault_tolerance() {
    soak::<Concurrent>();
}

#[test]
fn shards_stay_finalized_within_the_fault_tolerance() {
    soak::<Sharding>();
}
