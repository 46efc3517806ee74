//! A run: an execution, and what was measured of it by every judge.

use std::sync::Arc;

use cbc_message::{ValidatorSet, Weight};
use cbc_simulation::{DynOracle, OracleName, Panel, Recorded, Run, Start, WithRun};
use rand_chacha::ChaCha8Rng;
use serde_json::Value as Json;

use crate::execution::Execution;
use crate::experiment::{Experiment, Watch};
use crate::measure::{Judged, measure};
use crate::plan::Parameters;

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// What each judge measured: each oracle at each threshold, the thresholds first.
    Done(Vec<Judged>),
    /// Why it failed.
    Failed(String),
}

/// Carries out one run, on this thread, and has it judged by all oracles at all thresholds of the
/// experiment. What comes of it depends on nothing but its arguments.
pub fn carry_out(parameters: &Parameters, experiment: &Experiment) -> Outcome {
    match attempt(parameters, experiment) {
        Ok(judged) => Outcome::Done(judged),
        Err(problem) => Outcome::Failed(problem),
    }
}

fn attempt(parameters: &Parameters, experiment: &Experiment) -> Result<Vec<Judged>, String> {
    let mut rng = parameters.generator();
    let weights = parameters.weights.draw(parameters.validators, &mut rng);
    let validators = Arc::new(ValidatorSet::new(weights).map_err(|error| error.to_string())?);
    let protocol = parameters.protocol;
    let estimates: Option<Vec<Json>> =
        validators.ids().map(|_| protocol.draw_estimate(&mut rng)).collect();
    let total = validators.total().get();
    let weight = |&share: &f64| Weight::new((share * total as f64) as u64);
    let thresholds: Vec<Weight> = experiment.thresholds.iter().map(weight).collect();
    let start = Start {
        oracle: OracleName::default(),
        threshold: Weight::ZERO,
        validators,
        check_estimates: true,
        first_estimates: estimates.as_deref(),
    };
    let judged = Judging {
        parameters,
        rng,
        oracles: &experiment.oracles,
        thresholds,
        watch: experiment.watch,
    };
    protocol.start(start, judged).map_err(|error| error.to_string())?
}

struct Judging<'a> {
    parameters: &'a Parameters,
    rng: ChaCha8Rng,
    oracles: &'a [OracleName],
    thresholds: Vec<Weight>,
    watch: Watch,
}

impl WithRun for Judging<'_> {
    type Output = Result<Vec<Judged>, String>;

    fn with<P: Recorded + Clone>(self, mut run: Run<P, DynOracle<P>>) -> Self::Output {
        let validators = run.setup().validators.len();
        let oracles = self.oracles.iter().map(|oracle| oracle.build());
        let panel = Panel::new(oracles, &self.thresholds, validators);
        let execution = Execution::new(&mut run, self.parameters, self.rng);
        measure(execution, panel, self.watch).map_err(|error| error.to_string())
    }
}
