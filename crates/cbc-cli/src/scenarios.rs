//! The scenarios of files.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result};
use cbc_simulation::trace::Scenario;

/// What some editors put before the first character of a file.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Calls `act` with each scenario of these files; an error says in which line it occurred.
pub(crate) fn for_each_scenario(
    files: &[PathBuf],
    mut act: impl FnMut(Scenario) -> Result<()>,
) -> Result<()> {
    for path in files {
        let name = path.display();
        for (number, line) in (1..).zip(open(path)?.lines()) {
            let line = line.with_context(|| format!("cannot read {name}, line {number}"))?;
            let line = match number {
                1 => line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line),
                _ => line.as_str(),
            };
            if !line.trim().is_empty() {
                let scenario = Scenario::parse(line).map_err(Error::from);
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
