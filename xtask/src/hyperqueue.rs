//! `cargo xtask hyperqueue`: an experiment in shards, on a cluster of HyperQueue on this machine.
//!
//! Needs Python and `pip install hyperqueue`, which brings the engine. What comes out must be what
//! one process gives, to the byte.

use std::fs;
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};

use crate::cargo;

const SCRIPT: &str = "xtask/src/on_hyperqueue.py";
const SHARDS: &str = "3";

/// Carries out the experiment `poc` in shards, merges them, and compares.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let workspace = cargo::workspace()?;
    let root = &workspace.workspace_root;
    let built = cargo::run(root, "build --quiet -p cbc-cli")?;
    ensure!(built.findings.is_empty(), "cbc does not build");
    let cbc = workspace.target_directory.join("debug/cbc");
    let folder = workspace.target_directory.join("hyperqueue");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {folder}"))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {folder}"))?;
    let mut python = Command::new("python3");
    python.arg(root.join(SCRIPT)).args([cbc.as_str(), "poc", folder.as_str(), SHARDS]);
    let status = python.status().context("python3")?;
    ensure!(status.success(), "it failed; `pip install hyperqueue` brings HyperQueue");
    let cbc = |line: &str| {
        let status = Command::new(&cbc).args(line.split(' ')).current_dir(&folder).status();
        ensure!(status.context("cbc")?.success(), "cbc {line} failed");
        Ok(())
    };
    cbc("merge merged shard-1 shard-2 shard-3")?;
    cbc("experiment poc --output whole")?;
    for table in ["runs.csv", "blocks.csv"] {
        let read = |of: &str| fs::read(folder.join(of).join(table));
        ensure!(read("merged")? == read("whole")?, "{table} differs");
    }
    println!("{SHARDS} shards by HyperQueue, merged, are what one process gives");
    Ok(ExitCode::SUCCESS)
}
