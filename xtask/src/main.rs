//! `cargo xtask`: the chores of this workspace, in plain Rust.
//!
//! This file declares the commands; each chore has a file of its own.

mod cargo;
mod files;
mod layers;
mod snapshots;
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
    /// Run the full suite: every step, even after one has failed
    Test(suite::Arguments),
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Command::Test(arguments) => suite::run(&arguments),
    }
}
