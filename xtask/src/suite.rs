//! `cargo xtask test`: every check there is, in one command.

use std::ops::AddAssign;
use std::process::ExitCode;
use std::time::Duration;

use cargo_metadata::Metadata;
use clap::{Args, ValueEnum};

use crate::tally::Tally;
use crate::{cargo, dependencies, layers, packages, pages, snapshots, sources};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Run only these steps
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    only: Vec<Step>,
    /// The part that takes under two minutes where all has been built before: leaves out the steps
    /// doctests, docs and alone, the test programs that search (contract, wrong_oracles, soak) and the benchmarks;
    /// random tests have a tenth of their cases, and packages are made but not built from
    #[arg(long)]
    quick: bool,
}

/// The test programs that take longest.
const SEARCHES: [&str; 3] = ["contract", "wrong_oracles", "soak"];

/// How many cases random tests have that listen, and how many executions: a tenth of the usual.
const FEW: [(&str, &str); 2] = [("PROPTEST_CASES", "25"), ("CBC_SOAK_EXECUTIONS", "60")];

/// The steps, in the order in which they run: what answers at once comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    /// Every file is formatted
    Format,
    /// Every crate depends only on what its layer allows, and on what is argued for
    Layering,
    /// Every source file keeps the rules no compiler checks; what it cites is there, as are files
    /// that pages link to
    Sources,
    /// Clippy has nothing to say
    Clippy,
    /// Unit and integration tests pass, and leave no pending snapshot
    Tests,
    /// The examples in the documentation compile and run
    Doctests,
    /// The documentation builds without a warning
    Docs,
    /// Each library that is published builds from its package, with its licences in it
    Packages,
    /// Each library builds and passes its tests with only the features it asks for itself
    Alone,
}

/// What a step found wrong (nothing, if it succeeded), and the tests it counted.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) findings: Vec<String>,
    pub(crate) tally: Tally,
}

impl From<Vec<String>> for Outcome {
    fn from(findings: Vec<String>) -> Self {
        let tally = Tally::default();
        Self { findings, tally }
    }
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.tally += other.tally;
    }
}

impl Step {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether it is a part of what is quick.
    fn is_quick(self) -> bool {
        !matches!(self, Self::Doctests | Self::Docs | Self::Alone)
    }

    fn run(self, workspace: &Metadata, quick: bool) -> anyhow::Result<Outcome> {
        let root = &workspace.workspace_root;
        match self {
            // Plain, as rustfmt colours its differences even in a pipe.
            Self::Format => cargo::run(root, "fmt --all --check -- --color never"),
            Self::Layering => {
                let mut findings = layers::findings(&layers::graph(workspace));
                findings.extend(dependencies::findings(workspace)?);
                Ok(findings.into())
            }
            Self::Sources => {
                let mut findings = sources::findings(root)?;
                findings.extend(pages::findings(root)?);
                Ok(findings.into())
            }
            Self::Clippy => {
                cargo::run(root, "clippy --workspace --all-targets --keep-going -- -D warnings")
            }
            Self::Tests => {
                let mut outcome = if quick {
                    cargo::run_with(root, &quick_tests(workspace), &FEW)?
                } else {
                    cargo::run(root, "test --workspace --all-targets --no-fail-fast")?
                };
                outcome += snapshots::findings(root)?.into();
                Ok(outcome)
            }
            Self::Doctests => cargo::run(root, "test --workspace --doc --no-fail-fast"),
            Self::Docs => cargo::run_with(
                root,
                "doc --workspace --no-deps --keep-going",
                &[("RUSTDOCFLAGS", "-D warnings")],
            ),
            Self::Packages => packages::run(workspace, quick),
            Self::Alone => {
                let mut outcome = Outcome::default();
                for name in layers::libraries(workspace) {
                    // Without its dev-dependencies first: their features must not be what makes
                    // it compile.
                    outcome += cargo::run(root, &format!("check -p {name}"))?;
                    outcome += cargo::run(root, &format!("check -p {name} --all-features"))?;
                    outcome += cargo::run(root, &format!("test -p {name} --no-fail-fast"))?;
                }
                Ok(outcome)
            }
        }
    }
}

/// Runs the steps asked for, or all of them, and sums up.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let workspace = cargo::workspace()?;
    let Arguments { only, quick } = arguments;
    let wanted = |step: &Step| {
        if only.is_empty() { !quick || step.is_quick() } else { only.contains(step) }
    };

    let mut table = Vec::new();
    let mut findings = Vec::new();
    let mut total = Tally::default();
    for step in Step::value_variants().iter().copied().filter(wanted) {
        let name = step.name();
        println!("\n== {name}");
        let (outcome, time) = timed(|| step.run(&workspace, *quick));
        let outcome = outcome.unwrap_or_else(|error| vec![format!("{error:#}")].into());
        let result = if outcome.findings.is_empty() { "ok" } else { "FAILED" };
        println!("== {name}: {result}");

        let seconds = time.as_secs_f64();
        table.push(format!("{name:<10} {result:<8} {seconds:>7.1}"));
        findings.extend(outcome.findings.iter().map(|finding| format!("{name}: {finding}")));
        // What runs alone after the tests repeats them: only further failures are news.
        total += match step {
            Step::Alone if wanted(&Step::Tests) => Tally {
                failed: outcome.tally.failed.saturating_sub(total.failed),
                ..Tally::default()
            },
            _ => outcome.tally,
        };
    }

    println!("\n{:<10} {:<8} {:>7}", "step", "result", "seconds");
    for row in table {
        println!("{row}");
    }
    if !findings.is_empty() {
        println!("\nfindings:");
    }
    for finding in &findings {
        println!("  {finding}");
    }
    println!(
        "\ntests: {} passed, {} failed, {} ignored",
        total.passed, total.failed, total.ignored
    );
    println!("{total}");
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All tests but those of the programs that search, as arguments of cargo. The whole workspace in
/// one command, so that nothing is built with other features than in the whole suite.
fn quick_tests(workspace: &Metadata) -> String {
    let packages = workspace.workspace_packages();
    let targets = packages.iter().flat_map(|package| &package.targets);
    let mut words = vec!["test --workspace --no-fail-fast --lib --bins"];
    for target in targets.filter(|target| target.is_test()) {
        if !SEARCHES.contains(&target.name.as_str()) {
            words.extend(["--test", &target.name]);
        }
    }
    words.join(" ")
}

#[allow(clippy::disallowed_types, reason = "the suite reports how long its steps take")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    let result = work();
    (result, start.elapsed())
}
