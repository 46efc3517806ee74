//! `cargo xtask`: the chores of this workspace, in plain Rust.
//!
//! This file declares the commands; each chore has a file of its own.

mod bench;
mod cargo;
mod deny;
mod dependencies;
mod files;
mod footprint;
mod fuzz;
mod hyperqueue;
mod layers;
mod links;
mod mutants;
mod packages;
mod pages;
mod shortfall;
mod snapshots;
mod soak;
mod sources;
mod suite;
mod tally;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "The chores of this workspace")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the full suite, or its quick part: every step, even after one has failed
    Test(suite::Arguments),
    /// Run the benchmarks, and write tables and plots of what they measured
    Bench(bench::Arguments),
    /// Print what long runs cost: bytes and time a message, nothing dropped, and with pruning
    Footprint(footprint::Arguments),
    /// Print by how much the oracles fall short of exhaustive search on tiny instances
    Shortfall,
    /// Test at random what is tested at random, many times more
    Soak(soak::Arguments),
    /// Look for inputs that break something, with libFuzzer; needs cargo-fuzz
    Fuzz(fuzz::Arguments),
    /// Carry out an experiment in shards by HyperQueue; needs Python and its package hyperqueue
    Hyperqueue,
    /// Hold what others made against deny.toml: licences, duplicates, advisories; needs cargo-deny
    Deny(deny::Arguments),
    /// Break the code, one line at a time, and print what no test notices; needs cargo-mutants
    Mutants(mutants::Arguments),
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Command::Test(arguments) => suite::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Footprint(arguments) => footprint::run(&arguments),
        Command::Shortfall => shortfall::run(),
        Command::Soak(arguments) => soak::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Hyperqueue => hyperqueue::run(),
        Command::Deny(arguments) => deny::run(&arguments),
        Command::Mutants(arguments) => mutants::run(&arguments),
    }
}
