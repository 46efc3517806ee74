//! `cbc compare`: what the oracles say of the candidates of an execution, side by side.

mod rows;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use cbc_message::{ValidatorId, Weight};
use cbc_oracle::Safety;
use cbc_simulation::{DynOracle, OracleName, ProtocolName, Recorded, Run, WithRun};
use cbc_validator::Observer;
use cbc_view::View;
use clap::{Args, ValueEnum};
use serde_json::json;

use self::rows::{Row, Summary, columns, print_table};
use crate::prepared::Prepared;
use crate::scenarios::for_each_scenario;
use crate::values::one_of;
use crate::{ExecutionArguments, MemoryArguments};

/// What `--help` says besides the arguments.
pub(crate) const HELP: &str = "\
Examples:
  cbc compare --validators 7 --rounds 30 --network step
  cbc compare --protocol binary --weights 3,4,5 --oracles clique,inspector --repeat 100
  cbc compare --candidates all --format csv tests/data/poc/blockchain.jsonl";

/// The arguments of `cbc compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Traces, a scenario a line, instead of an execution by the options below; - is standard
    /// input.
    #[arg(conflicts_with = "ExecutionArguments")]
    pub files: Vec<PathBuf>,

    /// What happens.
    #[command(flatten)]
    pub execution: ExecutionArguments,

    /// How much memory may be used.
    #[command(flatten)]
    pub memory: MemoryArguments,

    /// The safety oracles, separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = OracleName::ALL,
          value_parser = one_of(&OracleName::ALL, OracleName::name, OracleName::about))]
    pub oracles: Vec<OracleName>,

    /// What they are asked about. chain: the blocks of the fork choice, or each distinct latest
    /// value; all: every block, or every value that a message holds; or blocks by name, or values
    /// (orders: items separated by >), separated by commas.
    #[arg(long, default_value = "chain", allow_hyphen_values = true, value_parser = parse_candidates)]
    pub candidates: Candidates,

    /// In whose view: global, or a validator's number.
    #[arg(long, default_value = "global", allow_negative_numbers = true, value_parser = parse_observer)]
    pub view: ViewArgument,

    /// How often each oracle is asked; the time reported is the median.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub repeat: u32,

    /// Leave out the times: the rest is the same for the same execution.
    #[arg(long, conflicts_with = "repeat")]
    pub no_time: bool,

    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// The same as --format json.
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

/// What oracles are asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidates {
    /// The blocks of the fork choice; each distinct latest value.
    Chain,
    /// Every block; every value that a message holds.
    All,
    /// These blocks or values.
    Named(Vec<String>),
}

/// In whose view oracles are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewArgument {
    /// That of the observer who receives every message.
    Global,
    /// A validator's.
    Validator(u32),
}

/// How a table is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// In columns, and a summary, for people.
    #[default]
    Table,
    /// Comma-separated values, the names of the columns first.
    Csv,
    /// A JSON object of rows and summary.
    Json,
}

fn parse_candidates(text: &str) -> Result<Candidates, String> {
    match text {
        "chain" => Ok(Candidates::Chain),
        "all" => Ok(Candidates::All),
        names => {
            let names: Vec<String> = names.split(',').map(str::to_owned).collect();
            if names.contains(&String::new()) {
                return Err("expected chain, all, or names separated by commas".to_owned());
            }
            Ok(Candidates::Named(names))
        }
    }
}

fn parse_observer(text: &str) -> Result<ViewArgument, String> {
    match text {
        "global" => Ok(ViewArgument::Global),
        number => match number.parse() {
            Ok(validator) => Ok(ViewArgument::Validator(validator)),
            Err(_) => Err("expected global or the number of a validator".to_owned()),
        },
    }
}

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
            (Candidates::Chain, _) if P::STARTS_FROM_GENESIS => {
                let tip = observer.estimate();
                let ends = tip.map_or(Vec::new(), |tip| protocol.ends(estimator, &tip));
                let chain = |end: P::Value| {
                    let depths = 1..=protocol.depth(estimator, &end);
                    depths.map(move |depth| protocol.candidate(estimator, &end, depth))
                };
                ends.into_iter().flat_map(chain).collect()
            }
            (Candidates::Chain, _) => {
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
