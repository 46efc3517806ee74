//! `cargo xtask mutants`: breaks the layers and the oracles, one line at a time, and says what no
//! test notices.
//!
//! Needs `cargo install cargo-mutants`. What survives and changes nothing that anybody can see is
//! listed, with the reason, in `tests/data/mutants.txt`; anything else fails.

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::Args;

use crate::cargo;

/// What is mutated.
const CRATES: [&str; 8] = [
    "cbc-message",
    "cbc-view",
    "cbc-estimator",
    "cbc-oracle",
    "cbc-oracle-turan",
    "cbc-oracle-adversary",
    "cbc-oracle-inspector",
    "cbc-validator",
];

#[derive(Args)]
pub(crate) struct Arguments {
    /// Mutate only these crates
    #[arg(long = "package", short, value_name = "CRATE", value_delimiter = ',', value_parser = CRATES)]
    packages: Vec<String>,
    /// Mutate only one part in so many of the code: k/n, from 0
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,
    /// Mutate only what this regular expression names
    #[arg(long, value_name = "REGEX")]
    re: Option<String>,
}

/// Mutates, and compares what survives with what may.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let root = cargo::workspace()?.workspace_root;
    let mut command = Command::new("cargo");
    command.current_dir(&root).args(["mutants", "--no-shuffle", "--colors", "never"]);
    // A mutant is given to the tests of its own crate, of those above it, and of the suites that
    // cross layers.
    command.args(["--test-workspace", "false", "--minimum-test-timeout", "60"]);
    command.args(["--output", "target"]);
    let packages = arguments.packages.iter().map(String::as_str);
    let wanted =
        |name: &&str| arguments.packages.is_empty() || packages.clone().any(|it| it == *name);
    for name in CRATES.iter().filter(|name| wanted(name)) {
        command.args(["--package", name]);
    }
    if let Some(shard) = &arguments.shard {
        command.args(["--shard", shard]);
    }
    if let Some(re) = &arguments.re {
        command.args(["--re", re]);
    }
    command.args(["--", "--lib", "--tests"]);
    command.status().context("cargo mutants; `cargo install cargo-mutants` brings it")?;

    let read = |name: &str| {
        std::fs::read_to_string(root.join("target/mutants.out").join(name)).unwrap_or_default()
    };
    let [missed, caught, timeout] = ["missed.txt", "caught.txt", "timeout.txt"].map(read);
    let known = std::fs::read_to_string(root.join("tests/data/mutants.txt"))?;
    let known: BTreeMap<&str, &str> = known
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" -- "))
        .collect();
    let mut news = 0;
    for line in missed.lines() {
        // Lines move; what is done to a function does not.
        let mutation = mutation(line);
        match known.get(mutation.as_str()) {
            Some(reason) => println!("known    {mutation}: {reason}"),
            None => {
                news += 1;
                println!("SURVIVED {line}");
            }
        }
    }
    let (missed, caught) =
        (missed.lines().count(), caught.lines().count() + timeout.lines().count());
    println!("{caught} of {} mutants killed, {news} survive without a reason", caught + missed);
    Ok(if news == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A line of the report without its line number and column.
fn mutation(line: &str) -> String {
    let mut parts = line.splitn(4, ':');
    let file = parts.next().unwrap_or_default();
    let what = parts.nth(2).unwrap_or_default();
    format!("{file}:{what}")
}
