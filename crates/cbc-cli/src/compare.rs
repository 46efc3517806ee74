//! `cbc compare`: what the oracles say of the candidates of an execution, side by side.

use std::io::Write;

use anyhow::{Context, Result, bail};
use cbc_message::{ValidatorId, Weight};
use cbc_oracle::Safety;
use cbc_simulation::{DynOracle, OracleName, ProtocolName, Recorded, Run, WithRun, plain};
use cbc_validator::Observer;
use cbc_view::View;
use comfy_table::{CellAlignment, ColumnConstraint, Table, presets};
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::CompareArguments;
use crate::args::{Candidates, Format, ViewArgument};
use crate::prepared::Prepared;
use crate::replay::for_each_scenario;

pub(crate) fn run(arguments: &CompareArguments, out: &mut dyn Write) -> Result<()> {
    let mut rows = Vec::new();
    let mut unfinalizable = Vec::new();
    let mut compare = |prepared: Prepared| {
        let (rows, unfinalizable) = (&mut rows, &mut unfinalizable);
        let comparison = Comparison { arguments, prepared: &prepared, rows, unfinalizable };
        // Nobody finalizes here: the oracle and the threshold are not used.
        prepared.start(OracleName::default(), Weight::ZERO, comparison)
    };
    if arguments.files.is_empty() {
        compare(Prepared::draw(&arguments.execution, arguments.memory)?)?;
    } else {
        for_each_scenario(&arguments.files, |scenario| {
            let id = scenario.setting.id.clone();
            Prepared::recorded(scenario.setting, arguments.memory)
                .and_then(&mut compare)
                .context(id)
        })?;
    }
    let summaries: Vec<Summary> = distinct(&arguments.oracles)
        .into_iter()
        .map(|&oracle| Summary::of(oracle, &rows))
        .collect();
    match if arguments.json { Format::Json } else { arguments.format } {
        Format::Json => writeln!(out, "{:#}", json!({ "rows": rows, "summary": summaries }))?,
        Format::Csv => {
            // Not straight to `out`: in the writer's errors a broken pipe cannot be told.
            let mut csv = csv::Writer::from_writer(Vec::new());
            csv.write_record(columns(arguments))?;
            for row in &rows {
                csv.write_record(row.cells())?;
            }
            out.write_all(&csv.into_inner()?)?;
        }
        Format::Table => {
            print_table(arguments, &rows, out)?;
            for summary in &summaries {
                writeln!(out, "{}", summary.line())?;
            }
            for protocol in distinct(unfinalizable) {
                writeln!(
                    out,
                    "\nProtocol {protocol} is not majority driven: no answer makes anything final."
                )?;
            }
        }
    }
    Ok(())
}

/// The comparison of one execution.
struct Comparison<'a> {
    arguments: &'a CompareArguments,
    prepared: &'a Prepared,
    rows: &'a mut Vec<Row>,
    /// The protocols of executions in which nothing can be final.
    unfinalizable: &'a mut Vec<ProtocolName>,
}

impl WithRun for Comparison<'_> {
    type Output = Result<()>;

    fn with<P: Recorded + Clone>(self, mut run: Run<P, DynOracle<P>>) -> Result<()> {
        if !run.can_finalize() {
            self.unfinalizable.push(self.prepared.protocol);
        }
        run.execute(&self.prepared.schedule.execution).context("execution")?;
        match self.arguments.view {
            ViewArgument::Global => self.compare(&run),
            ViewArgument::Validator(number) => {
                let validator = ValidatorId::new(number);
                if !self.prepared.validators.contains(validator) {
                    let count = self.prepared.validators.len();
                    bail!("--view: there is no validator {number}, only {count} from 0");
                }
                run.visit(validator, |run| self.compare(run))
            }
        }
    }
}

impl Comparison<'_> {
    /// Asks every oracle about every candidate in the view of the run's observer.
    fn compare<P: Recorded + Clone>(self, run: &Run<P, DynOracle<P>>) -> Result<()> {
        let observer = run.observer();
        for value in self.candidates(run, observer)? {
            let block = P::blocks(observer).zip(P::block_of(&value));
            for &oracle in distinct(&self.arguments.oracles) {
                let by = oracle.build::<View<P::Estimate>>();
                let (safety, time_us) = self.timed(|| observer.safety_by(&by, &value));
                self.rows.push(Row {
                    scenario: self.prepared.id.clone(),
                    candidate: P::write_value(run.notation(), observer, &value),
                    block_height: block.map(|(blocks, block)| blocks.height(block)),
                    oracle: oracle.to_string(),
                    margin: safety.margin,
                    fault_tolerance: safety.fault_tolerance,
                    faults: safety.faults,
                    quorum_weight: safety.quorum.weight,
                    exact: safety.exact,
                    time_us,
                });
            }
        }
        Ok(())
    }

    fn candidates<P: Recorded + Clone>(
        &self,
        run: &Run<P, DynOracle<P>>,
        observer: &Observer<P, DynOracle<P>>,
    ) -> Result<Vec<P::Value>> {
        let (view, protocol, estimator) =
            (observer.view(), observer.protocol(), observer.estimator());
        let of = |message| P::candidate_of(observer, message);
        Ok(match (&self.arguments.candidates, P::blocks(observer)) {
            (Candidates::Named(names), _) => {
                let named = |name: &String| {
                    // A block's name may look like a number.
                    let written = [json!(name), self.prepared.protocol.value_of(name)];
                    let mut values = written
                        .iter()
                        .filter_map(|json| P::read_value(run.notation(), observer, json));
                    values.next().with_context(|| match P::blocks(observer) {
                        Some(_) => format!("--candidates: the view has no block {name}"),
                        None => {
                            let protocol = self.prepared.protocol;
                            let expected = P::estimate_form(run.notation());
                            format!(
                                "--candidates: {name} is no value of protocol {protocol}: \
                                 expected {expected}"
                            )
                        }
                    })
                };
                distinct(names.iter().map(named).collect::<Result<Vec<_>>>()?)
            }
            (Candidates::All, Some(blocks)) => {
                let proposals = blocks.iter().filter_map(|block| blocks.proposal(block));
                proposals.filter(|&message| view.is_justified(message)).filter_map(of).collect()
            }
            (Candidates::All, None) => distinct(view.justified_messages().filter_map(of)),
            (Candidates::Chain, Some(_)) => {
                let head = observer.estimate();
                let chain = |head: P::Value| {
                    let depths = 1..=protocol.depth(estimator, &head);
                    depths.map(move |depth| protocol.candidate(estimator, &head, depth))
                };
                head.into_iter().flat_map(chain).collect()
            }
            (Candidates::Chain, None) => {
                distinct(view.latest_honest_messages().filter_map(|(_, message)| of(message)))
            }
        })
    }

    /// An answer, and the median of the times that it took, in microseconds.
    #[allow(clippy::disallowed_types, reason = "how long an oracle takes is a result here")]
    fn timed(&self, ask: impl Fn() -> Safety) -> (Safety, Option<f64>) {
        if self.arguments.no_time {
            return (ask(), None);
        }
        let once = || {
            let start = std::time::Instant::now();
            let safety = ask();
            (safety, start.elapsed())
        };
        let (safety, first) = once();
        let further = (1..self.arguments.repeat).map(|_| once().1);
        let mut times: Vec<_> = std::iter::once(first).chain(further).collect();
        times.sort_unstable();
        let median = times.get(times.len() / 2).map(|time| time.as_nanos() as f64 / 1000.0);
        (safety, median)
    }
}

/// What one oracle says of one candidate.
#[derive(Debug, Serialize)]
struct Row {
    scenario: String,
    candidate: Json,
    block_height: Option<u32>,
    oracle: String,
    margin: Weight,
    fault_tolerance: Option<Weight>,
    faults: usize,
    quorum_weight: Weight,
    exact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_us: Option<f64>,
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

fn columns(arguments: &CompareArguments) -> &'static [&'static str] {
    if arguments.no_time { &COLUMNS[..9] } else { &COLUMNS }
}

impl Row {
    /// The row as text, a cell for each column; what does not apply is empty.
    fn cells(&self) -> Vec<String> {
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

fn print_table(arguments: &CompareArguments, rows: &[Row], out: &mut dyn Write) -> Result<()> {
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
struct Summary {
    oracle: String,
    candidates: usize,
    safe: usize,
    greatest_fault_tolerance: Option<Weight>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_us: Option<f64>,
}

impl Summary {
    fn of(oracle: OracleName, rows: &[Row]) -> Self {
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

    fn line(&self) -> String {
        let Self { oracle, candidates, safe, greatest_fault_tolerance, time_us } = self;
        let most = greatest_fault_tolerance
            .map_or(String::new(), |most| format!(", greatest fault tolerance {most}"));
        let time = time_us.map_or(String::new(), |time| format!(", {time:.3} µs in all"));
        format!("{oracle:<20}safe: {safe} of {candidates} candidates{most}{time}")
    }
}

/// The items, each where it first occurs.
fn distinct<T: PartialEq>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for item in items {
        if !distinct.contains(&item) {
            distinct.push(item);
        }
    }
    distinct
}
