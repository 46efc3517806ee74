//! `cargo xtask deny`: what others made, held against `deny.toml`.
//!
//! Needs `cargo install cargo-deny`, and the network for the advisories.

use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::Args;

use crate::cargo;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Leave out the advisories, and with them the network
    #[arg(long)]
    offline: bool,
}

/// Checks licences, bans, sources and advisories; fails if one of them does.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut command = Command::new("cargo");
    command.current_dir(cargo::workspace()?.workspace_root).arg("deny");
    let checks = ["licenses", "bans", "sources", "advisories"];
    if arguments.offline {
        command.args(["--offline", "check"]).args(&checks[..3]);
    } else {
        command.arg("check").args(checks);
    }
    let status = command.status().context("cargo deny; `cargo install cargo-deny` brings it")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
