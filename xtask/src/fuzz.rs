//! `cargo xtask fuzz`: looks for inputs that break something, with libFuzzer.
//!
//! Needs `cargo install cargo-fuzz` and a C++ compiler. It starts from the inputs beside the other
//! test data, which the suite runs without a fuzzer, and leaves those that it finds in
//! `target/fuzz`.

use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::Args;

use crate::cargo;

/// The targets: one file each in `tests/fuzz/fuzz_targets`, one folder each in `tests/data/fuzz`.
const TARGETS: [&str; 2] = ["life", "decode"];

#[derive(Args)]
pub(crate) struct Arguments {
    /// Fuzz only these
    #[arg(long, value_name = "TARGET", value_delimiter = ',', value_parser = TARGETS)]
    only: Vec<String>,
    /// For how many seconds each
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    seconds: u64,
    /// In how many processes
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: u32,
}

/// Fuzzes each target; fails with the first input that breaks something.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let root = cargo::workspace()?.workspace_root;
    let Arguments { only, seconds, jobs } = arguments;
    for target in TARGETS {
        if !only.is_empty() && !only.iter().any(|only| only == target) {
            continue;
        }
        let kept = root.join("tests/data/fuzz").join(target);
        let found = root.join("target/fuzz").join(target);
        std::fs::create_dir_all(&found)?;
        let mut command = Command::new("cargo");
        command.current_dir(&root);
        // Stable Rust instruments the code if it is asked so; an address sanitizer has nothing to
        // find where `unsafe` is forbidden.
        command.env("RUSTC_BOOTSTRAP", "1").args(["fuzz", "run", "--fuzz-dir", "tests/fuzz"]);
        command.args(["--sanitizer", "none", "--debug-assertions", target]);
        command.args([found, kept]).arg("--").arg(format!("-max_total_time={seconds}"));
        command.arg(format!("-fork={jobs}"));
        command.args(["-max_len=1024", "-timeout=20", "-rss_limit_mb=4096"]);
        println!("== {target}");
        let status =
            command.status().context("cargo fuzz; `cargo install cargo-fuzz` brings it")?;
        if !status.success() {
            println!("{target} failed: the input is in tests/fuzz/artifacts/{target}");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
