//! `cargo xtask shortfall`: by how much the oracles fall short of the ideal one.

use std::process::ExitCode;

use crate::cargo;

/// Prints the table that is kept in the documentation of `cbc-oracle`.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let workspace = cargo::workspace()?;
    let line = "run --quiet --release -p cbc-tests --example shortfall";
    let outcome = cargo::run(&workspace.workspace_root, line)?;
    Ok(if outcome.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
