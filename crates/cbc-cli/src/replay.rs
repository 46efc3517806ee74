//! `cbc replay`: recorded executions, carried out again.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Error, Result};
use cbc_simulation::trace::{Mismatch, Scenario, compare};

use crate::{Oracles, ReplayArguments};

/// What was found in all files.
#[derive(Default)]
struct Totals {
    scenarios: usize,
    compared: usize,
    mismatches: usize,
}

pub(crate) fn run(arguments: &ReplayArguments, out: &mut dyn Write) -> Result<ExitCode> {
    let mut totals = Totals::default();
    for_each_scenario(&arguments.files, |scenario| {
        replay(&scenario, arguments.json, &mut totals, out)
    })?;
    if arguments.json {
        return Ok(ExitCode::SUCCESS);
    }
    let Totals { scenarios, compared, mismatches } = totals;
    writeln!(out, "{scenarios} scenarios, {compared} values compared, {mismatches} mismatches")?;
    Ok(if mismatches == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Calls `act` with each scenario of these files; an error says in which line it occurred.
pub(crate) fn for_each_scenario(
    files: &[PathBuf],
    mut act: impl FnMut(Scenario) -> Result<()>,
) -> Result<()> {
    for path in files {
        let name = path.display();
        for (number, line) in (1..).zip(open(path)?.lines()) {
            let line = line.with_context(|| format!("cannot read {name}, line {number}"))?;
            if !line.trim().is_empty() {
                let scenario = Scenario::parse(&line).map_err(Error::from);
                scenario.and_then(&mut act).with_context(|| format!("{name}, line {number}"))?;
            }
        }
    }
    Ok(())
}

fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

fn replay(scenario: &Scenario, json: bool, totals: &mut Totals, out: &mut dyn Write) -> Result<()> {
    totals.scenarios += 1;
    let replayed = scenario.replay(&Oracles);
    if json {
        writeln!(out, "{}", replayed.with_context(|| scenario.setting.id.clone())?)?;
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
        }
        // A recorded execution that cannot be carried out does not match either.
        Err(error) => {
            totals.mismatches += 1;
            let mismatch = Mismatch {
                scenario: scenario.setting.id.clone(),
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
