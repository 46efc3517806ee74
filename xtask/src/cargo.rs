//! Running cargo: its output passes through, and the tests in it are counted.

use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use anyhow::Context;
use cargo_metadata::camino::Utf8Path;
use cargo_metadata::{Metadata, MetadataCommand};

use crate::suite::Outcome;
use crate::tally::Tally;

pub(crate) const MISSING: &str = "cannot run cargo: is it installed, and on the PATH?";

/// The workspace as its manifests declare it; no dependency is resolved or downloaded.
pub(crate) fn workspace() -> anyhow::Result<Metadata> {
    match MetadataCommand::new().no_deps().exec() {
        Err(cargo_metadata::Error::Io(error)) => Err(error).context(MISSING),
        other => other.context("cannot read the manifests of the workspace"),
    }
}

/// The cargo that runs this program, at `root`.
pub(crate) fn command(root: &Utf8Path) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.current_dir(root);
    command
}

/// Runs `cargo` at `root` with the arguments in `line`, which are separated by spaces.
///
/// A cargo that fails is a finding; an error means that it could not be run at all.
pub(crate) fn run(root: &Utf8Path, line: &str) -> anyhow::Result<Outcome> {
    run_with(root, line, &[])
}

/// As [`run`], with these environment variables set.
pub(crate) fn run_with(
    root: &Utf8Path,
    line: &str,
    environment: &[(&str, &str)],
) -> anyhow::Result<Outcome> {
    let arguments: Vec<&str> = line.split_whitespace().collect();
    run_words(root, &arguments, environment)
}

/// As [`run_with`], with arguments that may contain spaces.
pub(crate) fn run_words(
    root: &Utf8Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> anyhow::Result<Outcome> {
    let line = arguments.join(" ");
    println!("$ cargo {line}");
    let mut child = command(root)
        .args(arguments)
        // A snapshot that differs is a failure, whatever the caller's shell says.
        .env("INSTA_UPDATE", "no")
        .env_remove("INSTA_FORCE_PASS")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context(MISSING)?;

    let mut outcome = Outcome::default();
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::new(output);
        let mut raw = Vec::new();
        // Bytes, not strings: a test may print anything.
        while output.read_until(b'\n', &mut raw)? > 0 {
            io::stdout().write_all(&raw)?;
            let text = String::from_utf8_lossy(&raw);
            outcome.tally += Tally::of_line(&text);
            if text.starts_with("test ") && text.trim_end().ends_with("... FAILED") {
                outcome.findings.push(text.trim_end().to_owned());
            }
            raw.clear();
        }
    }

    let status = child.wait()?;
    if !status.success() {
        outcome.findings.push(format!("`cargo {line}` failed ({status})"));
    }
    Ok(outcome)
}
