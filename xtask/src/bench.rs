//! `cargo xtask bench`: runs the benchmarks, and writes tables and plots of what they measured.

mod declared;
mod instructions;
mod machine;
mod measurement;
mod readme;

use std::process::ExitCode;
use std::{env, fs};

use anyhow::{Context, ensure};
use cargo_metadata::Metadata;
use cargo_metadata::camino::Utf8PathBuf;
use cbc_report::Report;
use clap::Args;

use crate::cargo;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Run only the packages and bench targets whose name contains TEXT; if there are none, only
    /// benchmarks whose group, function or size does (what the others prepare is still prepared).
    /// The report keeps what was measured before of all others
    #[arg(long, value_name = "TEXT", conflicts_with = "no_run")]
    only: Option<String>,
    /// Measure for a moment only, apart from what is measured at length: to see that all works, not
    /// for numbers to rely on
    #[arg(long, conflicts_with = "readme")]
    quick: bool,
    /// Measure no time, but report what `cargo bench` left
    #[arg(long)]
    no_run: bool,
    /// Also count instructions, which takes valgrind
    #[arg(long)]
    instructions: bool,
    /// Also write the section of the README on speed, and the plots that it shows
    #[arg(long)]
    readme: bool,
    /// Where to write [default: bench, in the target directory]
    #[arg(long, value_name = "DIR")]
    output: Option<Utf8PathBuf>,
}

/// A bench target, and what to leave out of it.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    package: String,
    target: String,
    /// Only the benchmarks whose name contains this.
    filter: Option<String>,
}

impl Run {
    /// The arguments of cargo. `--bench` keeps it from running the libraries' tests, which would
    /// not understand what criterion is told.
    fn words(&self, quick: bool) -> Vec<String> {
        let mut words = vec!["bench", "-p", &self.package, "--bench", &self.target];
        words.extend(["--", "--noplot"]);
        words.extend(quick.then_some("--quick"));
        let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        // Criterion takes a regular expression.
        words.extend(self.filter.as_deref().map(regex::escape));
        words
    }
}

/// Every criterion bench of the workspace: package and target, by name.
fn targets(workspace: &Metadata) -> Vec<(String, String)> {
    let mut targets = Vec::new();
    for package in workspace.workspace_packages() {
        for target in package.targets.iter().filter(|target| target.is_bench()) {
            if target.name != instructions::BENCH {
                targets.push((package.name.to_string(), target.name.clone()));
            }
        }
    }
    targets.sort();
    targets
}

/// What to run of these targets, asked for `only` this.
fn runs(targets: Vec<(String, String)>, only: Option<&str>) -> Vec<Run> {
    let named = |(package, target): &(String, String)| {
        only.is_some_and(|only| package.contains(only) || target.contains(only))
    };
    let by_name = targets.iter().any(named);
    let filter = only.filter(|_| !by_name);
    targets
        .into_iter()
        .filter(|names| !by_name || named(names))
        .map(|(package, target)| Run { package, target, filter: filter.map(str::to_owned) })
        .collect()
}

/// Runs what is asked for, and writes a report.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.instructions {
        instructions::check()?;
    }
    let workspace = cargo::workspace()?;
    let root = &workspace.workspace_root;
    let home = if arguments.quick { "criterion-quick" } else { "criterion" };
    let measured = workspace.target_directory.join(home);

    let mut findings = Vec::new();
    if !arguments.no_run {
        if arguments.only.is_none() {
            // Otherwise what was renamed or removed would be reported for ever.
            measurement::forget(&measured)?;
        }
        for run in runs(targets(&workspace), arguments.only.as_deref()) {
            let words = run.words(arguments.quick);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let home = [("CRITERION_HOME", measured.as_str())];
            findings.extend(cargo::run_words(root, &words, &home)?.findings);
        }
    }
    let earlier = arguments.no_run || arguments.only.is_some();
    let groups = measurement::groups(&measured, !earlier)?;
    let counts = if arguments.instructions { instructions::run(root)? } else { Vec::new() };
    ensure!(!groups.is_empty() || !counts.is_empty(), "nothing was measured");

    let words: Vec<String> = env::args().skip(1).collect();
    let command = format!("cargo xtask {}", words.join(" "));
    let report = Report { command, earlier, machine: machine::describe(), groups, counts };
    let directory =
        arguments.output.clone().unwrap_or_else(|| workspace.target_directory.join("bench"));
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {directory}"))?;
    for page in report.pages()? {
        let path = directory.join(page.name);
        fs::write(&path, page.text).with_context(|| format!("cannot write {path}"))?;
        println!("wrote {path}");
    }
    if arguments.readme {
        findings.extend(readme::write(root, &report)?);
    }
    for finding in &findings {
        println!("{finding}");
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs_of(only: Option<&str>) -> Vec<String> {
        let targets = [("cbc-oracle", "clique"), ("cbc-view", "ancestor")];
        let targets = targets.map(|(package, target)| (package.to_owned(), target.to_owned()));
        runs(targets.to_vec(), only).iter().map(|run| run.words(false).join(" ")).collect()
    }

    #[test]
    fn each_bench_is_run_without_the_tests_of_the_library() {
        assert_eq!(
            runs_of(None),
            [
                "bench -p cbc-oracle --bench clique -- --noplot",
                "bench -p cbc-view --bench ancestor -- --noplot",
            ]
        );
    }

    #[test]
    fn a_package_or_a_target_or_else_a_group_is_run_alone() {
        for name in ["view", "ancest"] {
            assert_eq!(runs_of(Some(name)), ["bench -p cbc-view --bench ancestor -- --noplot"]);
        }
        assert_eq!(
            runs_of(Some("graph (V1")),
            [
                r"bench -p cbc-oracle --bench clique -- --noplot graph \(V1",
                r"bench -p cbc-view --bench ancestor -- --noplot graph \(V1",
            ]
        );
    }

    #[test]
    fn the_benches_of_this_workspace_are_found() {
        let targets = targets(&cargo::workspace().unwrap());
        let ancestor = ("cbc-estimator".to_owned(), "ancestor".to_owned());
        assert!(targets.contains(&ancestor));
        assert!(targets.iter().all(|(_, target)| target != instructions::BENCH));
    }
}
