//! Instruction counts: each case of the bench `instructions` of `cbc-tests` under callgrind.
//!
//! Unlike a time, a count is the same on a busy machine. It leaves out what memory costs.

use std::io::{self, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use cargo_metadata::Message;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use cbc_report::Count;

use crate::cargo;

/// The bench target with the cases.
pub(crate) const BENCH: &str = "instructions";

/// Only what happens in this function of the bench is counted.
const COUNTED: &str = "--toggle-collect=*instructions::counted*";

/// An error that says what is missing, if the counts cannot be had here.
pub(crate) fn check() -> anyhow::Result<()> {
    match Command::new("valgrind").arg("--version").stdout(Stdio::null()).status() {
        Ok(status) => ensure!(status.success(), "`valgrind --version` failed ({status})"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
            "--instructions needs valgrind, and there is none on the PATH: install it (the package \
             is called `valgrind`; it runs on Linux), or leave the flag out"
        ),
        Err(error) => return Err(error).context("cannot run valgrind"),
    }
    Ok(())
}

/// Counts every case.
pub(crate) fn run(root: &Utf8Path) -> anyhow::Result<Vec<Count>> {
    let program = build(root)?;
    let cases = Command::new(&program).arg("--cases").output()?;
    ensure!(cases.status.success(), "`{program} --cases` failed ({})", cases.status);
    let mut counts = Vec::new();
    for line in String::from_utf8(cases.stdout)?.lines() {
        let (case, size) = line.rsplit_once(' ').context("a case is a name and a size")?;
        let instructions = count(&program, case, size)
            .with_context(|| format!("cannot count the instructions of {case} {size}"))?;
        println!("{case} {size}: {instructions} instructions");
        counts.push(Count { case: case.to_owned(), size: size.to_owned(), instructions });
    }
    Ok(counts)
}

/// Builds the bench, and answers where it is.
fn build(root: &Utf8Path) -> anyhow::Result<Utf8PathBuf> {
    let words = ["bench", "-p", "cbc-tests", "--bench", BENCH, "--no-run"];
    println!("$ cargo {}", words.join(" "));
    let output = cargo::command(root)
        .args(words)
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context(cargo::MISSING)?;
    ensure!(output.status.success(), "the bench `{BENCH}` does not build ({})", output.status);
    for message in Message::parse_stream(BufReader::new(&output.stdout[..])) {
        if let Message::CompilerArtifact(artifact) = message?
            && artifact.target.is_bench()
            && artifact.target.name == BENCH
            && let Some(program) = artifact.executable
        {
            return Ok(program);
        }
    }
    bail!("cargo did not say where it put the bench `{BENCH}`")
}

fn count(program: &Utf8Path, case: &str, size: &str) -> anyhow::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", COUNTED])
        .args([program.as_str(), "--case", case, size])
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed ({}):\n{text}", output.status);
    match collected(&text) {
        Some(0) => bail!("nothing was counted: did the bench lose the function `counted`?"),
        Some(count) => Ok(count),
        None => bail!("callgrind printed no total:\n{text}"),
    }
}

/// The total that callgrind prints in the end: `==1234== Collected : 5678`.
fn collected(text: &str) -> Option<u64> {
    let mut totals = text.lines().filter_map(|line| line.split_once("Collected :"));
    totals.next_back()?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_from_what_callgrind_prints() {
        let text = "==12== Callgrind, a call-graph generating cache profiler\n\
                    ==12== Events    : Ir\n==12== Collected : 123456\n==12== \n";
        assert_eq!(collected(text), Some(123_456));
        assert_eq!(collected("==12== Callgrind\n"), None);
    }
}
