//! `cbc simulate`: an execution, generated or given, and what came of it.

mod shown;

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use cbc_message::Weight;
use cbc_simulation::trace::Scenario;
use cbc_simulation::{
    DynOracle, OracleName, Recorded, Run, Schedule, ViewGraph, Watch, WithRun, simulate,
};
use clap::{Args, Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use self::shown::Shown;
use crate::prepared::Prepared;
use crate::scenarios::for_each_scenario;
use crate::staged::Staged;
use crate::values::{one_of, whole};
use crate::{ExecutionArguments, MemoryArguments, Picture};

/// What `--help` says besides the arguments.
pub(crate) const HELP: &str = "\
Examples:
  cbc simulate --mode rrob --validators 6 --rounds 300 --seed 7
  cbc simulate --weights 7,6,5 --execution 'M-0-A SJ-1-A M-1-B SJ-0-B M-0-C'
  cbc simulate --weights 1,1 --execution 'M-0-A M-0-B-()=vote:G SJ-1-A SJ-1-B M-1-C'
  cbc simulate --protocol binary --estimates 1,0,1,1,0 --network gaussian:4,2 --json
  cbc simulate out/scenario.jsonl --output again

The exit code is 1 where validators finalize values that conflict.";

/// When validators finalize.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WatchArgument {
    /// After every round, each in its own view.
    #[default]
    All,
    /// At the end; only the observer who receives every message does so after every round.
    Global,
}

/// The arguments of `cbc simulate`.
#[derive(Debug, Args)]
pub struct SimulateArguments {
    /// A scenario, or a trace with one among others, instead of an execution by the options below;
    /// - is standard input.
    #[arg(conflicts_with = "ExecutionArguments")]
    pub file: Option<PathBuf>,

    /// Which scenario of FILE, by its id; needed if there are several.
    #[arg(long, value_name = "ID", requires = "file")]
    pub scenario: Option<String>,

    /// What happens.
    #[command(flatten)]
    pub execution: ExecutionArguments,

    /// How much memory may be used.
    #[command(flatten)]
    pub memory: MemoryArguments,

    /// When validators finalize: what each of them finalized, and when, is in the summary.
    #[arg(long, value_enum, default_value_t)]
    pub watch: WatchArgument,

    /// Report every so many rounds; 0 for never.
    #[arg(long, default_value_t = 20, allow_negative_numbers = true, value_parser = whole::<usize>)]
    pub report_interval: usize,

    /// The safety oracle that finalizes.
    #[arg(long, default_value_t, value_parser = one_of(&OracleName::ALL, OracleName::name, OracleName::about))]
    pub oracle: OracleName,

    /// The fault tolerance, in weight, at which validators finalize.
    #[arg(long, short, default_value_t = 0, allow_negative_numbers = true, value_parser = whole::<u64>)]
    pub threshold: u64,

    /// The folder for the picture and the scenario; made if it is not there.
    #[arg(long, short, default_value = "out")]
    pub output: PathBuf,

    /// Draw justifications in the picture, too.
    #[arg(long)]
    pub justifications: bool,

    /// Draw a picture at every report, too.
    #[arg(long)]
    pub frames: bool,

    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
}

impl Default for SimulateArguments {
    fn default() -> Self {
        /// The arguments alone, to be read from an empty command line.
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            arguments: SimulateArguments,
        }
        Alone::parse_from(["cbc"]).arguments
    }
}

/// How many display heights a picture shows, at most: the newest.
const PICTURE_HEIGHTS: u32 = 150;

/// How many tokens are work long enough for a progress bar.
const LONG: usize = 50_000;

const PICTURE: &str = "view-graph.svg";
const SCENARIO: &str = "scenario.jsonl";

pub(crate) fn run(arguments: &SimulateArguments, out: &mut dyn Write) -> Result<ExitCode> {
    let mut prepared = match &arguments.file {
        None => Prepared::draw(&arguments.execution, arguments.memory)?,
        Some(file) => {
            let scenario = chosen(file, arguments.scenario.as_deref())?;
            let place = format!("{}: {}", file.display(), scenario.setting.id);
            let prepared = Prepared::recorded(scenario.setting, arguments.memory);
            prepared.with_context(|| place.clone())?.read_from(&place)
        }
    };
    prepared.watches_everybody = arguments.watch == WatchArgument::All;
    let threshold = Weight::new(arguments.threshold);
    let simulation = Simulation { arguments, prepared: &prepared };
    prepared.start(arguments.oracle, threshold, Carry { simulation, out })
}

/// The scenario of a file, or the one with this id of several.
fn chosen(file: &Path, id: Option<&str>) -> Result<Scenario> {
    let mut ids = Vec::new();
    let mut chosen = None;
    for_each_scenario(&[file.to_owned()], |scenario| {
        let is_meant = id.is_none_or(|id| scenario.setting.id == id);
        ids.push(scenario.setting.id.clone());
        if is_meant && chosen.is_none() {
            chosen = Some(scenario);
        }
        Ok(())
    })?;
    let name = file.display();
    match (id, chosen) {
        (Some(id), None) => bail!("{name}: no scenario {id:?} among {}", ids.join(", ")),
        (None, None) => bail!("{name}: no scenario in it"),
        (None, Some(_)) if ids.len() > 1 => {
            bail!("{name}: {} scenarios, choose one by --scenario: {}", ids.len(), ids.join(", "))
        }
        (_, Some(scenario)) => Ok(scenario),
    }
}

/// A simulation and where its result is shown.
struct Carry<'a> {
    simulation: Simulation<'a>,
    out: &'a mut dyn Write,
}

impl WithRun for Carry<'_> {
    type Output = Result<ExitCode>;

    fn with<P: Recorded + Clone>(self, run: Run<P, DynOracle<P>>) -> Result<ExitCode> {
        self.simulation.carry_out(run, self.out)
    }
}

#[derive(Clone, Copy)]
struct Simulation<'a> {
    arguments: &'a SimulateArguments,
    prepared: &'a Prepared,
}

impl Simulation<'_> {
    fn carry_out<P>(&self, mut run: Run<P, DynOracle<P>>, out: &mut dyn Write) -> Result<ExitCode>
    where
        P: Recorded + Clone,
    {
        let mut staged = Staged::new(&self.arguments.output)?;
        let progress = self.progress();
        let mut frames = Ok(());
        let interval = self.arguments.report_interval;
        let watch = Watch { report_interval: interval, everybody: self.prepared.watches_everybody };
        let summary = simulate(&mut run, &self.prepared.schedule, watch, |run, rounds| {
            progress.inc(1);
            let due = interval > 0 && rounds.is_multiple_of(interval);
            if self.arguments.frames && due && frames.is_ok() {
                let name = format!("view-graph-{rounds:06}.svg");
                frames = staged.write(&name, &self.draw(run)).map(drop);
            }
        });
        progress.finish_and_clear();
        let summary = summary.with_context(|| match &self.arguments.file {
            Some(file) => format!("{}: {}", file.display(), self.prepared.id),
            None => "--execution".to_owned(),
        })?;
        frames?;
        let picture = staged.write(PICTURE, &self.draw(&run))?;
        let mut scenario = self.arguments.output.join(SCENARIO);
        if !self.is_read_from(&scenario) {
            scenario = staged.write(SCENARIO, &format!("{}\n", self.prepared.as_scenario()))?;
        }
        staged.commit(is_frame)?;
        let shown = Shown { simulation: *self, summary: &summary, picture, scenario };
        if self.arguments.json {
            shown.as_json(out)?
        } else {
            shown.to_people(out)?
        }
        Ok(if summary.is_finality_contradicted() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// Whether the execution was read from this file, which then stays as it is: a trace has more
    /// in it than what happens.
    fn is_read_from(&self, path: &Path) -> bool {
        let file = self.arguments.file.as_ref().and_then(|file| fs::canonicalize(file).ok());
        file.is_some() && file == fs::canonicalize(path).ok()
    }

    fn progress(&self) -> ProgressBar {
        let Schedule { execution, messages_per_round } = &self.prepared.schedule;
        let rounds = execution.message_count() / (*messages_per_round).max(1);
        let long = execution.tokens().len() > LONG;
        if !long || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{bar:40} round {pos} of {len}, {eta} left");
        let bar = ProgressBar::new(rounds as u64);
        match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    fn draw<P>(&self, run: &Run<P, DynOracle<P>>) -> String
    where
        P: Recorded + Clone,
    {
        let graph = ViewGraph::of(run, PICTURE_HEIGHTS);
        Picture { graph: &graph, justifications: self.arguments.justifications }.to_svg()
    }
}

/// Whether this is the name of a picture that was drawn at a report.
fn is_frame(name: &str) -> bool {
    let round = name.strip_prefix("view-graph-").and_then(|name| name.strip_suffix(".svg"));
    round.is_some_and(|round| round.len() >= 6 && round.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::is_frame;

    #[test]
    fn only_frames_are_stale() {
        assert!(is_frame("view-graph-000020.svg") && is_frame("view-graph-1000000.svg"));
        for name in
            ["view-graph.svg", "view-graph-.svg", "view-graph-20.svg", "view-graph-00002a.svg"]
        {
            assert!(!is_frame(name), "{name}");
        }
    }
}
