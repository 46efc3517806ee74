//! What `cbc simulate` shows in the end.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use cbc_oracle::Safety;
use cbc_simulation::trace::write_safety;
use cbc_simulation::{RoundsToFinality, Summary, plain};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::Simulation;

/// What is shown.
pub(super) struct Shown<'a> {
    pub(super) simulation: Simulation<'a>,
    pub(super) summary: &'a Summary,
    pub(super) picture: PathBuf,
    pub(super) scenario: PathBuf,
}

/// All of it, as JSON.
#[derive(Serialize)]
struct Written<'a> {
    id: &'a str,
    protocol: &'a str,
    weights: Json,
    /// None for an execution that was read from a file.
    seed: Option<u64>,
    oracle: String,
    threshold: u64,
    picture: String,
    scenario: String,
    #[serde(flatten)]
    summary: &'a Summary,
    /// When it was finalized.
    safety: Option<Json>,
    present_safety: Option<Json>,
}

impl Shown<'_> {
    fn seed(&self) -> Option<u64> {
        let arguments = self.simulation.arguments;
        arguments.file.is_none().then_some(arguments.execution.seed)
    }

    pub(super) fn as_json(&self, out: &mut dyn Write) -> Result<()> {
        let Simulation { arguments, prepared } = self.simulation;
        let validators = &prepared.validators;
        let safety = |safety: &Safety| write_safety(safety, validators);
        let written = Written {
            id: &prepared.id,
            protocol: prepared.protocol.name(),
            weights: json!(validators.weights()),
            seed: self.seed(),
            oracle: arguments.oracle.to_string(),
            threshold: arguments.threshold,
            picture: path(&self.picture),
            scenario: path(&self.scenario),
            summary: self.summary,
            safety: self.summary.safety.as_ref().map(safety),
            present_safety: self.summary.present_safety.as_ref().map(safety),
        };
        // Not straight to `out`: in the writer's errors a broken pipe cannot be told.
        out.write_all(serde_json::to_string_pretty(&written)?.as_bytes())?;
        writeln!(out)?;
        Ok(())
    }

    pub(super) fn to_people(&self, out: &mut dyn Write) -> Result<()> {
        let prepared = self.simulation.prepared;
        let summary = self.summary;
        let origin = match self.seed() {
            Some(seed) => format!("seed {seed}"),
            None => format!("scenario {}", prepared.id),
        };
        writeln!(
            out,
            "{}, {} validators of total weight {}, {} rounds, {origin}\n",
            prepared.protocol,
            prepared.validators.len(),
            prepared.validators.total(),
            summary.rounds,
        )?;
        self.alarms(out)?;
        self.reports(out)?;
        for (label, text) in self.lines() {
            writeln!(out, "{label:<20}{text}")?;
        }
        Ok(())
    }

    /// Finality that failed.
    fn alarms(&self, out: &mut dyn Write) -> Result<()> {
        let Summary { conflicting_finality, overturned, .. } = self.summary;
        if !conflicting_finality.is_empty() {
            writeln!(out, "FINALITY CONFLICT: validators finalized what excludes each other")?;
        }
        for contradicted in conflicting_finality {
            writeln!(out, "  {contradicted}")?;
        }
        for overturned in overturned {
            writeln!(out, "FINALITY OVERTURNED: {overturned}")?;
        }
        if !conflicting_finality.is_empty() || !overturned.is_empty() {
            writeln!(out)?;
        }
        Ok(())
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let summary = self.summary;
        let chain = summary.chain.as_ref();
        let height = |height: Option<u32>| {
            height.map_or(String::new(), |height| format!(", block height {height}"))
        };
        let mut lines = Vec::new();
        let mut line = |label, text: String| lines.push((label, text));
        let estimate = summary.estimate.as_ref().map_or("none".to_owned(), plain);
        let head = if chain.is_some() { "head" } else { "estimate" };
        line(head, format!("{estimate}{}", height(chain.map(|chain| chain.head_block_height))));
        match (&summary.last_finalized, &summary.safety) {
            _ if !summary.can_finalize => line(
                "last finalized",
                "nothing: this protocol cannot finalize, its rule is not majority driven"
                    .to_owned(),
            ),
            (Some(value), Some(safety)) => {
                let at = height(chain.map(|chain| chain.last_finalized_block_height));
                line("last finalized", format!("{}{at}", plain(value)));
                line("  when finalized", self.safety(safety));
                if let Some(present) = &summary.present_safety {
                    line("  at present", self.safety(present));
                }
            }
            _ => line("last finalized", "nothing".to_owned()),
        }
        let by_all = summary.justified_by_all;
        line("messages", format!("{}, {by_all} of them justified by all", summary.messages));
        if let Some(chain) = chain {
            let rate = chain.orphan_rate;
            line("blocks", format!("{}, orphan rate {rate:.3}", chain.blocks));
            let (finalized, open, orphaned) = (chain.finalized, chain.open, chain.orphaned);
            line("  of them", format!("{finalized} final, {open} open, {orphaned} orphaned"));
        }
        let waits = |waits: &RoundsToFinality| {
            let RoundsToFinality { mean, median, greatest, .. } = waits;
            format!("{mean:.2} on average, {median} in the median, {greatest} at most")
        };
        if let Some(global) = &summary.rounds_to_finality {
            line("rounds to finality", waits(global));
        }
        let everybody = summary.validators_rounds_to_finality.as_ref();
        if let Some(everybody) = everybody.filter(|_| self.simulation.prepared.watches_everybody) {
            line("  for validators", waits(everybody));
        }
        if !summary.equivocators.is_empty() {
            let weight = summary.observed_fault_weight;
            line("equivocators", format!("{} of weight {weight}", summary.equivocators.len()));
        }
        line("picture", path(&self.picture));
        line("scenario", path(&self.scenario));
        lines
    }

    fn safety(&self, safety: &Safety) -> String {
        let oracle = self.simulation.arguments.oracle;
        let exact = if safety.exact { "" } else { "at least " };
        match safety.fault_tolerance {
            None if safety.exact => format!("not safe ({oracle} oracle)"),
            None => format!("not found safe ({oracle} oracle, search cut short)"),
            Some(weight) => format!(
                "tolerates {exact}equivocators of weight {weight}, {} faults (margin {}, {oracle} \
                 oracle)",
                safety.faults, safety.margin
            ),
        }
    }

    fn reports(&self, out: &mut dyn Write) -> Result<()> {
        if self.summary.reports.is_empty() {
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        let columns = if self.summary.can_finalize { 4 } else { 3 };
        let row = |cells: [String; 4]| cells.into_iter().take(columns);
        table.set_header(row(
            ["round", "messages", "estimate", "last finalized"].map(str::to_owned)
        ));
        for report in &self.summary.reports {
            let with_height = |value: &Option<Json>, height: Option<u32>| {
                let value = value.as_ref().map_or("nothing".to_owned(), plain);
                height.map_or(value.clone(), |height| format!("{value} at {height}"))
            };
            let (head, last) = report.block_heights.unzip();
            let mut finalized = with_height(&report.last_finalized, last);
            if report.is_overturned {
                finalized += ", OVERTURNED";
            }
            table.add_row(row([
                report.round.to_string(),
                report.messages.to_string(),
                with_height(&report.estimate, head),
                finalized,
            ]));
        }
        for (position, column) in table.column_iter_mut().enumerate() {
            column.set_padding((2, 0));
            if position < 2 {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        writeln!(out, "{}\n", table.trim_fmt())?;
        Ok(())
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
