//! The rows of the tables.

use crate::columns::{Cell, Column, KEYS, MEASURES};
use crate::journal::Record;
use crate::plan::Plan;
use crate::run::Outcome;

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
