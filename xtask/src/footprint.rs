//! `cargo xtask footprint`: what long runs cost, in bytes and time a message.

use std::process::ExitCode;

use clap::Args;

use crate::cargo;

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many messages to hold, with 10 validators; with 100, 1 000 and 10 000, a tenth of that
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    keep: usize,
    /// How many messages to make with 100 validators, dropping what is settled
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    drop: usize,
    /// How many messages to make with 10 and with 100 validators, one of whom is offline
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    offline: usize,
}

/// Prints the three tables.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let workspace = cargo::workspace()?;
    let Arguments { keep, drop, offline } = arguments;
    let program = "run --quiet --release -p cbc-tests --example footprint --";
    let line = format!("{program} --keep {keep} --drop {drop} --offline {offline}");
    let outcome = cargo::run(&workspace.workspace_root, &line)?;
    Ok(if outcome.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
