//! `cbc replay`: recorded executions, carried out again.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use cbc_message::{ValidatorSet, Weight};
use cbc_simulation::trace::{Mismatch, Scenario, compare};
use cbc_simulation::{Contradicted, Execution, Footprint, Overturned};
use clap::Args;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::MemoryArguments;
use crate::scenarios::for_each_scenario;

/// What `--help` says besides the arguments.
pub(crate) const HELP: &str = "\
Examples:
  cbc replay tests/data/poc/blockchain.jsonl
  cbc replay --json - < out/scenario.jsonl

The exit code is 1 where something does not match, where validators finalize values that conflict
and none are recorded, and where nothing is recorded that could be compared.";

/// The arguments of `cbc replay`.
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// Traces, a scenario a line; - is standard input.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,

    /// Print each scenario with everything computed anew, and compare nothing.
    #[arg(long)]
    pub json: bool,

    /// How much memory may be used.
    #[command(flatten)]
    pub memory: MemoryArguments,
}

/// What was found in all files.
#[derive(Default)]
struct Totals {
    scenarios: usize,
    compared: usize,
    mismatches: usize,
    /// How many scenarios record nothing that could be compared.
    bare: usize,
    /// In how many validators finalized values that conflict, and none are recorded.
    conflicts: usize,
}

pub(crate) fn run(arguments: &ReplayArguments, out: &mut dyn Write) -> Result<ExitCode> {
    let mut totals = Totals::default();
    for_each_scenario(&arguments.files, |scenario| replay(&scenario, arguments, &mut totals, out))?;
    let Totals { scenarios, compared, mismatches, bare, conflicts } = totals;
    if scenarios == 0 {
        // For both ways: who meant to replay something did not.
        let names: Vec<String> =
            arguments.files.iter().map(|file| file.display().to_string()).collect();
        eprintln!("error: {}: no scenario in it", names.join(", "));
        return Ok(ExitCode::FAILURE);
    }
    if !arguments.json {
        writeln!(
            out,
            "{scenarios} scenarios, {compared} values compared, {mismatches} mismatches"
        )?;
    }
    let failed = mismatches + conflicts > 0 || (bare > 0 && !arguments.json);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn replay(
    scenario: &Scenario,
    arguments: &ReplayArguments,
    totals: &mut Totals,
    out: &mut dyn Write,
) -> Result<()> {
    let id = &scenario.setting.id;
    totals.scenarios += 1;
    check_size(scenario, arguments.memory).with_context(|| id.clone())?;
    let replayed = scenario.replay();
    if arguments.json {
        let replayed = replayed.with_context(|| id.clone())?;
        let (alarms, is_conflict) = alarms(&replayed);
        totals.conflicts += usize::from(is_conflict && !expects_conflict(scenario));
        for alarm in alarms {
            eprintln!("{id}: {alarm}");
        }
        writeln!(out, "{replayed}")?;
        return Ok(());
    }
    match replayed {
        Ok(replayed) => {
            let comparison = compare(scenario, &replayed);
            totals.compared += comparison.compared;
            totals.mismatches += comparison.mismatches.len();
            for mismatch in &comparison.mismatches {
                writeln!(out, "{mismatch}")?;
            }
            let (alarms, is_conflict) = alarms(&replayed);
            totals.conflicts += usize::from(is_conflict && !expects_conflict(scenario));
            for alarm in alarms {
                writeln!(out, "{id}: {alarm}")?;
            }
            if comparison.compared == 0 {
                totals.bare += 1;
                writeln!(
                    out,
                    "{id}: nothing is recorded that could be compared; --json prints what comes of it"
                )?;
            }
        }
        // A recorded execution that cannot be carried out does not match either.
        Err(error) => {
            totals.mismatches += 1;
            let mismatch = Mismatch {
                scenario: id.clone(),
                view: "all".to_owned(),
                what: "execution".to_owned(),
                expected: "to be carried out".to_owned(),
                got: error.to_string(),
            };
            writeln!(out, "{mismatch}")?;
        }
    }
    Ok(())
}

/// Whether it is recorded that finality failed.
fn expects_conflict(scenario: &Scenario) -> bool {
    let expected = scenario.expected();
    expected.get("conflicting_finality").is_some() || expected.get("overturned").is_some()
}

/// The finality that failed in a scenario: a sentence each, and whether values conflict.
fn alarms(replayed: &Json) -> (Vec<String>, bool) {
    let list = |key| replayed.get(key).and_then(Json::as_array).into_iter().flatten();
    let conflicts =
        list("conflicting_finality").filter_map(|it| Contradicted::deserialize(it).ok());
    let mut alarms: Vec<String> =
        conflicts.map(|conflict| format!("FINALITY CONFLICT: {conflict}")).collect();
    let mut is_conflict = !alarms.is_empty();
    for overturned in list("overturned").filter_map(|it| Overturned::deserialize(it).ok()) {
        is_conflict |= overturned.conflicting.is_some();
        alarms.push(format!("FINALITY OVERTURNED: {overturned}"));
    }
    (alarms, is_conflict)
}

/// Refuses what does not fit the memory. What is wrong with the scenario otherwise is told when it
/// is replayed.
fn check_size(scenario: &Scenario, memory: MemoryArguments) -> Result<()> {
    let setting = &scenario.setting;
    let validators = ValidatorSet::new(setting.weights.iter().copied().map(Weight::new));
    let execution = setting.execution.parse::<Execution>();
    match (validators, execution) {
        (Ok(validators), Ok(execution)) => {
            let first_messages = setting.initial_estimates.is_some();
            let footprint = Footprint::of(&validators, &execution, first_messages);
            memory.fits(&Footprint { watches_everybody: true, ..footprint })
        }
        _ => Ok(()),
    }
}
