//! The arguments of the program.

use clap::{Parser, Subcommand};

use crate::compare::{self, CompareArguments};
use crate::experiment::{self, ExperimentArguments, MergeArguments};
use crate::help;
use crate::replay::{self, ReplayArguments};
use crate::simulate::{self, SimulateArguments};

/// CBC Casper: simulate executions, replay recorded ones, compare safety oracles.
///
/// Without a command: `cbc simulate`.
#[derive(Debug, Parser)]
#[command(
    name = "cbc",
    version,
    after_help = "Example: cbc simulate --validators 7 --network step"
)]
pub struct Arguments {
    /// Log to standard error: -v what happens, -vv every message. RUST_LOG is read without it.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,

    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run an execution, generated or given, and show what is finalized.
    #[command(after_help = simulate::HELP, after_long_help = help::with_tokens(simulate::HELP))]
    Simulate(Box<SimulateArguments>),

    /// Replay recorded executions and compare with what was recorded.
    #[command(after_help = replay::HELP)]
    Replay(ReplayArguments),

    /// Tabulate what every safety oracle says of the candidates of an execution.
    #[command(after_help = compare::HELP, after_long_help = help::with_tokens(compare::HELP))]
    Compare(Box<CompareArguments>),

    /// Carry out an experiment: many executions over all cores, measured by every oracle.
    #[command(after_help = experiment::HELP, after_long_help = experiment::long_help())]
    Experiment(Box<ExperimentArguments>),

    /// Put the shards of an experiment together.
    Merge(MergeArguments),
}

impl Default for Command {
    fn default() -> Self {
        Self::Simulate(Box::default())
    }
}
