//! `cargo xtask soak`: attacks at random, more than a run of the tests has time for.

use std::process::ExitCode;

use clap::Args;

use crate::cargo;

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many executions, of which each protocol has half
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    executions: u64,
    /// The seed of the first; each one after it has the next
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

/// Runs the executions. The test prints a table for each protocol, and fails where a fault
/// tolerance does not hold.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let workspace = cargo::workspace()?;
    let Arguments { executions, seed } = arguments;
    println!("{executions} executions, from seed {seed}");
    let outcome = cargo::run_with(
        &workspace.workspace_root,
        "test --release -p cbc-tests --test soak -- --nocapture",
        &[("CBC_SOAK_EXECUTIONS", &executions.to_string()), ("CBC_SOAK_SEED", &seed.to_string())],
    )?;
    for finding in &outcome.findings {
        println!("{finding}");
    }
    println!("{}", outcome.tally);
    Ok(if outcome.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
