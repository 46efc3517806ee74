//! `cargo xtask soak`: what is tested at random, more often than a run of the tests has time for.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::cargo;
use crate::tally::Tally;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Soak only these
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    only: Vec<Soak>,
    /// How many executions of each
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    executions: u64,
    /// Of attacks, the seed of the first; each one after it has the next
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

/// What can be soaked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Soak {
    /// Finalized values are attacked by who equivocates and controls the network; of the
    /// executions, each of four protocols has a quarter
    Attacks,
    /// Views and observers that drop what is settled are compared with such that keep everything
    Pruning,
    /// Schedules of concurrent blocks, and the heads of shards, are compared with their definitions
    /// at every step of runs in which some equivocate
    Family,
}

impl Soak {
    /// The tests, as arguments of cargo.
    fn tests(self) -> &'static [&'static str] {
        match self {
            Self::Attacks => &["test --release -p cbc-tests --test soak -- --nocapture"],
            Self::Family => {
                &["test --release -p cbc-estimator --lib definition_whoever_equivocates"]
            }
            Self::Pruning => &[
                "test --release -p cbc-view --test prune",
                "test --release -p cbc-validator --test prune",
            ],
        }
    }
}

/// Runs the executions. The attacks print a table for each protocol, and fail where a fault
/// tolerance does not hold.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let workspace = cargo::workspace()?;
    let Arguments { only, executions, seed } = arguments;
    let (executions, seed) = (executions.to_string(), seed.to_string());
    let mut findings = Vec::new();
    let mut tally = Tally::default();
    let wanted = |soak: &Soak| only.is_empty() || only.contains(soak);
    for soak in Soak::value_variants().iter().copied().filter(wanted) {
        println!("{soak:?}: {executions} executions, from seed {seed}");
        for tests in soak.tests() {
            let variables = [
                ("CBC_SOAK_EXECUTIONS", executions.as_str()),
                ("CBC_SOAK_SEED", seed.as_str()),
                // Proptest's own, for how many cases a test has.
                ("PROPTEST_CASES", executions.as_str()),
            ];
            let outcome = cargo::run_with(&workspace.workspace_root, tests, &variables)?;
            findings.extend(outcome.findings);
            tally += outcome.tally;
        }
    }
    for finding in &findings {
        println!("{finding}");
    }
    println!("{tally}");
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
