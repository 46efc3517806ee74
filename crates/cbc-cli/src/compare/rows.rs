//! What oracles say: a row for each answer, and a summary for each oracle.

use std::io::Write;

use anyhow::Result;
use cbc_message::Weight;
use cbc_simulation::{OracleName, plain};
use comfy_table::{CellAlignment, ColumnConstraint, Table, presets};
use serde::Serialize;
use serde_json::Value as Json;

use super::CompareArguments;

/// What one oracle says of one candidate.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) scenario: String,
    pub(super) candidate: Json,
    pub(super) block_height: Option<u32>,
    pub(super) oracle: String,
    pub(super) margin: Weight,
    pub(super) fault_tolerance: Option<Weight>,
    pub(super) faults: usize,
    pub(super) quorum_weight: Weight,
    pub(super) exact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time_us: Option<f64>,
}

/// The names of a row's cells; the last is not there without times.
const COLUMNS: [&str; 10] = [
    "scenario",
    "candidate",
    "block_height",
    "oracle",
    "margin",
    "fault_tolerance",
    "faults",
    "quorum_weight",
    "exact",
    "time_us",
];

/// The columns that are words, not numbers.
const WORDS: [&str; 4] = ["scenario", "candidate", "oracle", "exact"];

pub(super) fn columns(arguments: &CompareArguments) -> &'static [&'static str] {
    if arguments.no_time { &COLUMNS[..9] } else { &COLUMNS }
}

impl Row {
    /// The row as text, a cell for each column; what does not apply is empty.
    pub(super) fn cells(&self) -> Vec<String> {
        let optional = |text: Option<String>| text.unwrap_or_default();
        let mut cells = vec![
            self.scenario.clone(),
            plain(&self.candidate),
            optional(self.block_height.map(|height| height.to_string())),
            self.oracle.clone(),
            self.margin.to_string(),
            optional(self.fault_tolerance.map(|weight| weight.to_string())),
            self.faults.to_string(),
            self.quorum_weight.to_string(),
            self.exact.to_string(),
        ];
        cells.extend(self.time_us.map(|time| format!("{time:.3}")));
        cells
    }
}

pub(super) fn print_table(
    arguments: &CompareArguments,
    rows: &[Row],
    out: &mut dyn Write,
) -> Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(columns(arguments).iter().map(|name| name.replace('_', " ")));
    table.add_rows(rows.iter().map(Row::cells));
    let has_heights = rows.iter().any(|row| row.block_height.is_some());
    for (column, name) in table.column_iter_mut().zip(COLUMNS) {
        column.set_padding((0, 2));
        if !WORDS.contains(&name) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        if name == "block_height" && !has_heights {
            column.set_constraint(ColumnConstraint::Hidden);
        }
    }
    writeln!(out, "{}\n", table.trim_fmt())?;
    Ok(())
}

/// What one oracle says of all candidates.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    oracle: String,
    candidates: usize,
    safe: usize,
    greatest_fault_tolerance: Option<Weight>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_us: Option<f64>,
}

impl Summary {
    pub(super) fn of(oracle: OracleName, rows: &[Row]) -> Self {
        let oracle = oracle.to_string();
        let rows = || rows.iter().filter(|row| row.oracle == oracle);
        Self {
            candidates: rows().count(),
            safe: rows().filter(|row| row.fault_tolerance.is_some()).count(),
            greatest_fault_tolerance: rows().filter_map(|row| row.fault_tolerance).max(),
            time_us: rows().filter_map(|row| row.time_us).reduce(|one, other| one + other),
            oracle,
        }
    }

    pub(super) fn line(&self) -> String {
        let Self { oracle, candidates, safe, greatest_fault_tolerance, time_us } = self;
        let most = greatest_fault_tolerance
            .map_or(String::new(), |most| format!(", greatest fault tolerance {most}"));
        let time = time_us.map_or(String::new(), |time| format!(", {time:.3} µs in all"));
        format!("{oracle:<20}safe: {safe} of {candidates} candidates{most}{time}")
    }
}
