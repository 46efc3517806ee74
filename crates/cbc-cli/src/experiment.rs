//! `cbc experiment`: a plan of runs, carried out over all cores, and what was measured.

mod journal_file;
mod output;
mod shown;

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use cbc_experiment::{
    Experiment, Format, Header, Outcome, Plan, READY, Shard, Sweep, carry_out, definitions,
};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

pub(crate) use self::journal_file::JournalFile;
pub(crate) use self::output::Output;
use crate::MemoryArguments;
use crate::values::whole;

/// What `--help` says besides the arguments.
pub(crate) const HELP: &str = "\
Examples:
  cbc experiment --list
  cbc experiment poc
  cbc experiment latency --dump-config > mine.toml
  cbc experiment mine.toml --jobs 2 --output out/mine --export out/mine/runs.parquet
  cbc experiment mine.toml --output out/mine --resume

What comes out, in --output: journal.jsonl, a line for each run as it ends, synced to the disk;
runs.csv, a row for each run, oracle and threshold; blocks.csv, a row for each block of these;
timings.csv, how long runs took; meta.json. But for the last two, all is the same to the byte for any
number of jobs, and after any interruption: Ctrl-C, and --resume.

The exit code is 1 where a run failed.";

/// What `--help` says at length.
pub(crate) const LONG_HELP: &str = "\
Past one machine, engines that exist carry it: each task does a shard, and `cbc merge` puts their
journals together. All of them can be repeated: a task that was interrupted goes on.

GNU parallel, here or on hosts that share a folder (--sshloginfile):
  seq 4 | parallel cbc experiment mine.toml --shard {}/4 --jobs 1 --output out/shard-{} --resume
  cbc merge out/mine out/shard-*

Slurm, as an array of tasks, and what waits for it:
  sbatch --array=1-64 --cpus-per-task=4 --wrap='cbc experiment mine.toml \\
    --shard $SLURM_ARRAY_TASK_ID/64 --jobs 4 --output out/shard-$SLURM_ARRAY_TASK_ID --resume'
  sbatch --dependency=singleton --wrap='cbc merge out/mine out/shard-*'

HyperQueue, with a server and workers running (hq server start, hq worker start):
  hq submit --array 1-64 --cpus 4 --wait bash -c 'cbc experiment mine.toml \\
    --shard $HQ_TASK_ID/64 --jobs 4 --output out/shard-$HQ_TASK_ID --resume'
  cbc merge out/mine out/shard-*";

/// The examples, and what carries an experiment past one machine.
pub(crate) fn long_help() -> String {
    format!("{HELP}\n\n{LONG_HELP}")
}

/// The arguments of `cbc experiment`.
#[derive(Debug, Args)]
pub struct ExperimentArguments {
    /// A configuration in TOML, or the name of an experiment that comes with the program.
    #[arg(required_unless_present_any = ["list", "definitions"])]
    pub file: Option<PathBuf>,

    /// List the experiments that come with the program.
    #[arg(long)]
    pub list: bool,

    /// Print what each column means.
    #[arg(long)]
    pub definitions: bool,

    /// Print the configuration with every default filled in, and run nothing.
    #[arg(long)]
    pub dump_config: bool,

    /// List the runs, and run nothing.
    #[arg(long)]
    pub dry_run: bool,

    /// How many runs at a time; 0 for as many as there are cores.
    #[arg(long, short, default_value_t = 0, allow_negative_numbers = true, value_parser = whole::<usize>)]
    pub jobs: usize,

    /// How much memory each run may take.
    #[command(flatten)]
    pub memory: MemoryArguments,

    /// The folder that everything is written to; out/NAME by default, and of a shard
    /// out/NAME-shard-I-of-N.
    #[arg(long, short)]
    pub output: Option<PathBuf>,

    /// Go on with the journal in the folder, if there is one.
    #[arg(long)]
    pub resume: bool,

    /// Only the I-th of N shards of the plan, from 1.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,

    /// Also write the table of runs to FILE, and that of blocks beside it, as FILE with -blocks
    /// before the ending: .csv or .parquet.
    #[arg(long, value_name = "FILE", value_parser = parse_export)]
    pub export: Vec<PathBuf>,
}

pub(crate) fn parse_export(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match Format::of(&path) {
        Some(_) => Ok(path),
        None => Err("expected a name that ends in .csv or .parquet".to_owned()),
    }
}

pub(crate) fn run(arguments: &ExperimentArguments, out: &mut dyn Write) -> Result<ExitCode> {
    if arguments.list {
        for ready in READY {
            writeln!(out, "{:<14} {}", ready.name, ready.about)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.definitions {
        write!(out, "{}", definitions())?;
        return Ok(ExitCode::SUCCESS);
    }
    let file = arguments.file.as_deref().context("no configuration")?;
    let experiment = read(file)?;
    if arguments.dump_config {
        write!(out, "{}", experiment.to_toml())?;
        return Ok(ExitCode::SUCCESS);
    }
    let plan = Plan::new(experiment);
    let shard = arguments.shard.unwrap_or(Shard::WHOLE);
    if arguments.dry_run {
        let lines = plan.to_text();
        for (_, line) in lines.lines().enumerate().filter(|&(run, _)| shard.has(run)) {
            writeln!(out, "{line}")?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    for (number, run) in plan.runs.iter().enumerate() {
        let place = || format!("{}: run {number} of --dry-run", file.display());
        arguments.memory.fits(&run.footprint()).with_context(place)?;
    }
    let folder = arguments.output.clone().unwrap_or_else(|| {
        let name = &plan.experiment.name;
        match shard {
            Shard::WHOLE => Path::new("out").join(name),
            Shard { number, of } => Path::new("out").join(format!("{name}-shard-{number}-of-{of}")),
        }
    });
    let header = Header::new(&plan, shard);
    let mut journal = JournalFile::open(&folder, &header, arguments.resume)?;
    let output = Output::new(&folder, &plan, shard, &arguments.export);
    carry_out_rest(&plan, shard, &mut journal, &output, arguments.jobs)?;
    finish(&output, &mut journal, arguments.jobs, out)
}

/// Writes the tables of a journal that is complete, and shows what is in them.
pub(crate) fn finish(
    output: &Output<'_>,
    journal: &mut JournalFile,
    jobs: usize,
    out: &mut dyn Write,
) -> Result<ExitCode> {
    let summary = output.write_tables(journal, jobs)?;
    let failed = summary.groups().iter().map(|group| group.failed).sum::<usize>();
    shown::to_people(&summary, output, out)?;
    Ok(if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Reads a configuration: that of a file, or else the one that comes with the program under this
/// name.
fn read(file: &Path) -> Result<Experiment> {
    let name = file.display().to_string();
    let ready = READY.iter().find(|ready| ready.name == name);
    let text = match (fs::read_to_string(file), ready) {
        (Ok(text), _) => text,
        (Err(_), Some(ready)) => ready.toml.to_owned(),
        (Err(error), None) => {
            let names: Vec<&str> = READY.iter().map(|ready| ready.name).collect();
            let names = names.join(", ");
            return Err(anyhow!(error).context(format!(
                "cannot read {name}, and it is no experiment that is there already ({names})"
            )));
        }
    };
    let beside = |named: &str| {
        let path = file.parent().unwrap_or(Path::new("")).join(named);
        fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    Ok(Experiment::parse(&name, &text, &beside)?)
}

/// Carries out the runs of a shard that the journal has not, and adds them to it.
#[expect(clippy::disallowed_types, reason = "how long runs took, which is a file of its own")]
fn carry_out_rest(
    plan: &Plan,
    shard: Shard,
    journal: &mut JournalFile,
    output: &Output<'_>,
    jobs: usize,
) -> Result<()> {
    let todo: Vec<usize> =
        (0..plan.runs.len()).filter(|&run| shard.has(run) && !journal.has(run)).collect();
    if todo.is_empty() {
        return Ok(());
    }
    let cost = |run: usize| plan.runs.get(run).map_or(0, cbc_experiment::Parameters::cost);
    let total = todo.iter().map(|&run| cost(run)).sum();
    let (progress, mut done, count) = (progress(total), 0, todo.len());
    let mut timings = output.timings()?;
    let start = std::time::Instant::now();
    let experiment = &plan.experiment;
    let sweep = Sweep {
        jobs,
        carry_out: |parameters: &_| carry_out(parameters, experiment),
        clock: || start.elapsed(),
    };
    let swept = sweep.over(plan, todo, |record, took: Duration| -> Result<()> {
        journal.append(&record)?;
        writeln!(timings, "{},{}", record.run, took.as_secs_f64())
            .context("cannot write timings.csv")?;
        done += 1;
        progress.inc(cost(record.run));
        progress.set_message(format!("{done} of {count} runs"));
        if let Outcome::Failed(problem) = &record.outcome {
            progress.suspend(|| eprintln!("run {} failed: {problem}", record.run));
        }
        Ok(())
    });
    progress.finish_and_clear();
    swept.map_err(|error| anyhow!(error.to_string()))
}

/// A bar by the work that runs are expected to be.
fn progress(total: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total);
    match ProgressStyle::with_template("{bar:40} {msg}, {elapsed} gone, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// The arguments of `cbc merge`.
#[derive(Debug, Args)]
pub struct MergeArguments {
    /// The folder that everything is written to.
    pub output: PathBuf,

    /// The folders of all shards of one plan.
    #[arg(required = true)]
    pub shards: Vec<PathBuf>,

    /// Also write the table of runs to FILE, and that of blocks beside it, as FILE with -blocks
    /// before the ending: .csv or .parquet.
    #[arg(long, value_name = "FILE", value_parser = parse_export)]
    pub export: Vec<PathBuf>,
}

pub(crate) fn merge(arguments: &MergeArguments, out: &mut dyn Write) -> Result<ExitCode> {
    let mut shards = Vec::new();
    for folder in &arguments.shards {
        ensure!(
            folder != &arguments.output,
            "{}: a shard cannot be merged into itself",
            folder.display()
        );
        shards.push((folder, JournalFile::read(folder)?));
    }
    let Some((first, rest)) = shards.split_first() else { bail!("no shards") };
    let plan = plan_of(&first.1, first.0)?;
    let whole = Header::new(&plan, Shard::WHOLE);
    let mut owner: Vec<Option<&PathBuf>> = vec![None; plan.runs.len()];
    for (folder, journal) in std::iter::once(first).chain(rest) {
        let name = folder.display();
        journal.header().is_of_plan_of(&whole).with_context(|| name.to_string())?;
        for run in journal.runs() {
            let Some(owner) = owner.get_mut(run) else {
                bail!("{name}: run {run} is not in the plan")
            };
            if let Some(other) = owner {
                bail!("overlap: run {run} is in {} and in {name}", other.display());
            }
            *owner = Some(folder);
        }
    }
    if let Some(gap) = owner.iter().position(Option::is_none) {
        let missing = owner.iter().filter(|owner| owner.is_none()).count();
        bail!("gap: run {gap} is in no shard, and {missing} of {} runs are missing", owner.len());
    }
    let mut merged = JournalFile::merged(&arguments.output, &whole, shards)?;
    let output = Output::new(&arguments.output, &plan, Shard::WHOLE, &arguments.export);
    finish(&output, &mut merged, 0, out)
}

/// The plan that a journal is of.
fn plan_of(journal: &JournalFile, folder: &Path) -> Result<Plan> {
    let header = journal.header();
    let name = folder.display();
    let file = |named: &str| {
        let found = header.files.iter().find(|(name, _)| name == named);
        found.map(|(_, text)| text.clone()).ok_or_else(|| format!("no file {named} in the journal"))
    };
    let experiment =
        Experiment::parse(&format!("{name}: configuration"), &header.to_toml(), &file)?;
    Ok(Plan::new(experiment))
}
