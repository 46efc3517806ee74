//! The rows of the tables.

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use crate::columns::{Cell, Column, KEYS, MEASURES};
use crate::journal::Record;
use crate::plan::Plan;
use crate::run::Outcome;
use crate::tables::{TableError, to_csv};

/// The columns of the table of runs.
pub fn run_columns() -> Vec<Column> {
    [KEYS, MEASURES].concat()
}

/// The columns of the table of blocks.
pub fn block_columns() -> Vec<Column> {
    [KEYS, crate::BLOCKS].concat()
}

/// What says which run of a plan a row is about, and, for each judge, which.
fn keys(plan: &Plan, run: usize) -> Vec<Vec<Cell>> {
    let Some(parameters) = plan.runs.get(run) else { return Vec::new() };
    let own: Vec<Cell> = vec![
        run.into(),
        parameters.identity().to_string().into(),
        parameters.protocol.name().into(),
        parameters.validators.into(),
        parameters.weights.describe().label().into(),
        parameters.mode.name().into(),
        parameters.network.describe().label().into(),
        parameters.adversary.describe().label().into(),
        parameters.seed.into(),
    ];
    let mut keys = Vec::new();
    for oracle in &plan.experiment.oracles {
        for &threshold in &plan.experiment.thresholds {
            keys.push([&own[..], &[oracle.name().into(), threshold.into()]].concat());
        }
    }
    keys
}

/// The rows of a run in the table of runs, one for each judge.
pub fn run_rows(plan: &Plan, record: &Record) -> Vec<Vec<Cell>> {
    let row = |(judge, keys): (usize, Vec<Cell>)| {
        let (mut measures, status) = match &record.outcome {
            Outcome::Done(judged) => {
                let judged = judged.get(judge);
                (judged.map(|it| it.measures.clone()).unwrap_or_default(), "ok")
            }
            Outcome::Failed(problem) => (Vec::new(), problem.as_str()),
        };
        measures.resize(MEASURES.len() - 1, Cell::Missing);
        measures.push(status.into());
        [keys, measures].concat()
    };
    keys(plan, record.run).into_iter().enumerate().map(row).collect()
}

/// The rows of a run in the table of blocks.
pub fn block_rows(plan: &Plan, record: &Record) -> Vec<Vec<Cell>> {
    let Outcome::Done(judged) = &record.outcome else { return Vec::new() };
    let keys = keys(plan, record.run).into_iter().zip(judged);
    let rows = |(keys, judged): (Vec<Cell>, &crate::Judged)| {
        judged.blocks.iter().map(|cells| [&keys[..], cells].concat()).collect::<Vec<_>>()
    };
    keys.flat_map(rows).collect()
}

/// What came of a run, and its rows as lines of CSV.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// What came of it.
    pub record: Record,
    /// Its rows in the table of runs.
    pub runs: Vec<Vec<Cell>>,
    /// The same, as lines.
    pub runs_csv: Vec<u8>,
    /// Its rows in the table of blocks, as lines.
    pub blocks_csv: Vec<u8>,
}

/// Makes rows of the lines of a journal, over several cores: where runs are quick, that is much of
/// all that is done.
#[derive(Debug)]
pub struct Renderer(ThreadPool);

impl Renderer {
    /// One that has so many threads; as many as there are cores, if 0.
    ///
    /// # Errors
    ///
    /// If there are no threads.
    pub fn new(jobs: usize) -> Result<Self, ThreadPoolBuildError> {
        Ok(Self(ThreadPoolBuilder::new().num_threads(jobs).build()?))
    }

    /// The rows of these lines, in their order, whatever the number of threads; of what is no
    /// record, none.
    ///
    /// # Errors
    ///
    /// [`TableError`]
    pub fn render(&self, plan: &Plan, lines: &[String]) -> Result<Vec<Rendered>, TableError> {
        let one = |line: &String| {
            let record = Record::of_line(line)?;
            Some(rendered(plan, record))
        };
        self.0.install(|| lines.par_iter().filter_map(one).collect())
    }
}

fn rendered(plan: &Plan, record: Record) -> Result<Rendered, TableError> {
    let runs = run_rows(plan, &record);
    let (runs_csv, blocks_csv) = (to_csv(&runs)?, to_csv(&block_rows(plan, &record))?);
    Ok(Rendered { record, runs, runs_csv, blocks_csv })
}
