//! Recorded executions: a scenario a line, with what must come of it.
//!
//! A trace file has one JSON object a line. The keys `id`, `protocol`, `rule`, `weights`,
//! `initial_estimates`, `execution` and `estimate_check` say what happens; `messages`, `final`,
//! `global`, `conflicting_finality`, `overturned`, `can_finalize` and `expect` say what must come
//! of it; `style` and `note` are for people; and there are no others. [`Scenario::replay`] computes what must come of it anew
//! from what happens alone, and [`compare`] compares.
//!
//! Three heights are told apart. A message's `display_height` is one more than the greatest among
//! the latest messages that its maker had seen. A block's `block_height` is one more than that of
//! the block it is built on, from 0 for the genesis, as everywhere else in this project; `height`
//! is the same from 1, as the proof of concept recorded it.
//!
//! A view's `last_finalized` is what it finalizes when all has happened, and not before. What fails
//! on the way shows if all finalize after each message: `conflicting_finality` has what is final
//! for some validators and excludes what is final for others, `overturned` those views whose
//! estimate left what was final there. Both are written if there is any, or if they are recorded.
//!
//! Where nothing can be final, which is where orders are estimated by Borda's rule, `can_finalize`
//! is false, and `last_finalized` the value that would be safe if that rule were majority driven.

mod compare;
mod write;

use std::collections::BTreeSet;
use std::sync::Arc;

use cbc_estimator::{Borda, Copeland, MajorityDriven, WeightedMedian};
use cbc_message::{Bit, Integer, Order, ValidatorId, ValidatorSet, ValidatorSetError, Weight};
use cbc_oracle::{CliqueOracle, SafetyOracle};
use cbc_validator::{Blockchain, ValueConsensus};
use cbc_view::{MessageDag, Property};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use thiserror::Error;

pub use compare::{Comparison, Mismatch, compare};
use write::Writer;
pub use write::write_safety;

use crate::notation::GENESIS;
use crate::run::{Run, Setup, SetupError, StepError};
use crate::token::{Execution, Malformed, TokenError};
use crate::{Notation, Recorded, Schedule, Summary, Watch, simulate};

/// The oracles that traces name, whatever crates they come from.
pub trait OracleRegistry {
    /// The oracle of this name.
    fn oracle<D: MessageDag>(&self, name: &str) -> Option<Arc<dyn SafetyOracle<D>>>;

    /// The names of the oracles whose figures the proof of concept recorded.
    fn recorded(&self) -> &[&'static str];

    /// The two figures that the proof of concept's oracle of this name gives for a candidate.
    fn poc_figures<D: MessageDag>(
        &self,
        name: &str,
        dag: &D,
        validators: &ValidatorSet,
        candidate: &dyn Property<D>,
    ) -> Option<(u64, u64)>;
}

/// A protocol that traces name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProtocolName {
    /// Consensus on a chain of blocks.
    Blockchain,
    /// Consensus on a bit.
    Binary,
    /// Consensus on an integer.
    Integer,
    /// Consensus on an order; in traces, by Borda's rule.
    Order,
}

/// What happens in one scenario of a trace, and, set apart, what must come of it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What happens.
    pub setting: Setting,
    /// All of the scenario's keys, as they were read.
    recorded: Map<String, Json>,
}

/// What happens in a scenario.
#[derive(Clone, Debug, Deserialize)]
pub struct Setting {
    /// The name of the scenario.
    pub id: String,
    /// What is decided.
    pub protocol: ProtocolName,
    /// What each validator weighs.
    pub weights: Vec<u64>,
    /// What each validator's first message `I<i>` says; none for a blockchain.
    #[serde(default)]
    pub initial_estimates: Option<Vec<Json>>,
    /// What everybody does.
    pub execution: String,
    /// How orders are estimated.
    #[serde(default)]
    pub rule: OrderRule,
    /// Whether estimates must follow from their justifications (rule V5).
    #[serde(default = "checked")]
    pub estimate_check: bool,
}

fn checked() -> bool {
    true
}

/// What must come of a scenario.
const EXPECTED: [&str; 7] =
    ["messages", "final", "global", "conflicting_finality", "overturned", "can_finalize", "expect"];

/// All other keys that a scenario may have.
const SETTING: [&str; 9] = [
    "id",
    "style",
    "note",
    "protocol",
    "rule",
    "weights",
    "initial_estimates",
    "execution",
    "estimate_check",
];

/// How orders are estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderRule {
    /// By Borda's rule, as in the proof of concept; nothing is finalized.
    #[default]
    Borda,
    /// By Copeland's rule.
    Copeland,
}

impl Scenario {
    /// Reads one line of a trace.
    ///
    /// # Errors
    ///
    /// [`TraceError::Malformed`] if it is no scenario, [`TraceError::UnknownKey`] if it has a key
    /// that scenarios do not have.
    pub fn parse(line: &str) -> Result<Self, TraceError> {
        let recorded: Map<String, Json> = serde_json::from_str(line).map_err(malformed)?;
        let known = |key: &&String| EXPECTED.iter().chain(&SETTING).any(|known| known == key);
        if let Some(key) = recorded.keys().find(|key| !known(key)) {
            return Err(TraceError::UnknownKey { key: key.clone() });
        }
        let setting = Setting::deserialize(&Json::Object(recorded.clone())).map_err(malformed)?;
        Ok(Self { setting, recorded })
    }

    /// What must come of it: the keys that say so, as far as they are there, with the genesis a
    /// root (it was a message of validator 0 in the recordings).
    pub fn expected(&self) -> Json {
        let mut expected: Map<String, Json> = EXPECTED
            .iter()
            .filter_map(|&key| Some((key.to_owned(), self.recorded.get(key)?.clone())))
            .collect();
        if self.setting.protocol == ProtocolName::Blockchain {
            expected.values_mut().for_each(without_genesis);
        }
        Json::Object(expected)
    }

    /// The scenario in the trace format, with everything that came of it computed anew. Of what
    /// was recorded only keys are read: which candidates' safety by which oracles is wanted.
    ///
    /// # Errors
    ///
    /// [`TraceError`] if the scenario cannot be set up or carried out.
    pub fn replay(&self, oracles: &impl OracleRegistry) -> Result<Json, TraceError> {
        let Setting { protocol, initial_estimates, rule, .. } = &self.setting;
        match protocol {
            ProtocolName::Blockchain => self.finalizing(Blockchain, Vec::new(), oracles),
            ProtocolName::Binary => self.finalizing(
                ValueConsensus::new(WeightedMedian::<Bit>::new()),
                Vec::new(),
                oracles,
            ),
            ProtocolName::Integer => self.finalizing(
                ValueConsensus::new(WeightedMedian::<Integer>::new()),
                Vec::new(),
                oracles,
            ),
            ProtocolName::Order => {
                let items = items_of(initial_estimates.as_deref().unwrap_or_default());
                match rule {
                    OrderRule::Borda => {
                        let borda = ValueConsensus::<Order, _>::new(Borda::new(items.len()));
                        let run = self.run(borda, items)?;
                        self.carry_out(run, None, oracles)
                    }
                    OrderRule::Copeland => {
                        let copeland = ValueConsensus::<Order, _>::new(Copeland::new(items.len()));
                        self.finalizing(copeland, items, oracles)
                    }
                }
            }
        }
    }

    fn finalizing<P>(
        &self,
        protocol: P,
        items: Vec<String>,
        oracles: &impl OracleRegistry,
    ) -> Result<Json, TraceError>
    where
        P: Recorded<Estimator: MajorityDriven> + Clone,
    {
        // Beside the run that is recorded, one in which everybody finalizes on the way.
        let execution = self.setting.execution.parse()?;
        let schedule = Schedule { execution, messages_per_round: 1 };
        let watch = Watch { report_interval: 0, everybody: true };
        let summary = {
            let mut watched = self.run(protocol.clone(), items.clone())?.finalizing();
            simulate(&mut watched, &schedule, watch, |_, _| {})?
        };
        let run = self.run(protocol, items)?.finalizing();
        self.carry_out(run, Some(summary), oracles)
    }

    fn run<P>(&self, protocol: P, items: Vec<String>) -> Result<Run<P, CliqueOracle>, TraceError>
    where
        P: Recorded + Clone,
    {
        let weights = self.setting.weights.iter().copied().map(Weight::new);
        let setup = Setup {
            protocol,
            oracle: CliqueOracle::new(),
            validators: Arc::new(ValidatorSet::new(weights)?),
            threshold: Weight::ZERO,
            check_estimates: self.setting.estimate_check,
            items,
        };
        let estimates = match &self.setting.initial_estimates {
            None => None,
            Some(estimates) => {
                let notation = Notation::new(setup.items.clone());
                let read = |(validator, json): (usize, &Json)| {
                    P::read_estimate(&notation, json).ok_or_else(|| TraceError::InitialEstimate {
                        validator,
                        found: json.to_string(),
                        expected: P::estimate_form(&notation),
                    })
                };
                Some(estimates.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?)
            }
        };
        Ok(Run::new(setup, estimates)?)
    }

    fn carry_out<P>(
        &self,
        mut run: Run<P, CliqueOracle>,
        watched: Option<Summary>,
        oracles: &impl OracleRegistry,
    ) -> Result<Json, TraceError>
    where
        P: Recorded + Clone,
    {
        let execution: Execution = self.setting.execution.parse()?;
        run.execute(&execution)?;
        run.update_safe_estimates();

        let mut replayed: Map<String, Json> = self.recorded.clone();
        let wanted = |key: &str| self.recorded.get(key).and_then(Json::as_object);
        let mut view_of = |validator, wanted| {
            run.visit(validator, |run| Writer { run, oracles }.view(run.observer(), wanted))
        };
        let validators = || (0..self.setting.weights.len() as u32).map(ValidatorId::new);
        let views = validators().map(|validator| {
            let key = validator.to_string();
            let wanted = wanted("final").and_then(|views| views.get(&key)?.as_object());
            (key, view_of(validator, wanted))
        });
        replayed.insert("final".to_owned(), Json::Object(views.collect()));
        let mut met = Map::new();
        if let Some(wanted) = wanted("expect").and_then(|wanted| wanted.get("views")?.as_object()) {
            let views = validators().filter_map(|validator| {
                let key = validator.to_string();
                let wanted = wanted.get(&key)?.as_object();
                Some((key, view_of(validator, wanted)))
            });
            met.insert("views".to_owned(), Json::Object(views.collect()));
        }
        let writer = Writer { run: &run, oracles };
        replayed.insert("messages".to_owned(), writer.messages());
        let global = writer.view(run.observer(), wanted("global"));
        replayed.insert("global".to_owned(), global);
        if let Some(wanted) = wanted("expect") {
            for (key, wanted) in wanted {
                met.extend(writer.expectation(key, wanted).map(|value| (key.clone(), value)));
            }
            replayed.insert("expect".to_owned(), Json::Object(met));
        }
        let can_finalize = watched.is_some();
        let (conflicting, overturned) = watched
            .map(|summary| (summary.conflicting_finality, summary.overturned))
            .unwrap_or_default();
        for (key, value, is_usual) in [
            ("conflicting_finality", json!(conflicting), conflicting.is_empty()),
            ("overturned", json!(overturned), overturned.is_empty()),
            ("can_finalize", json!(can_finalize), can_finalize),
        ] {
            replayed.remove(key);
            if !is_usual || self.recorded.contains_key(key) {
                replayed.insert(key.to_owned(), value);
            }
        }
        Ok(Json::Object(replayed))
    }
}

/// The parser's words, which count lines from that of the scenario: only the column is of use.
fn malformed(error: serde_json::Error) -> TraceError {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let problem = match text.strip_suffix(&place) {
        Some(text) => format!("{text}, in column {}", error.column()),
        None => text,
    };
    TraceError::Malformed { problem }
}

/// The items of orders, numbered by name.
fn items_of(estimates: &[Json]) -> Vec<String> {
    let items = estimates.iter().filter_map(Json::as_array).flatten().filter_map(Json::as_str);
    items.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Reads a recorded genesis as a root: it is nobody's message and nobody's decision.
fn without_genesis(json: &mut Json) {
    let Json::Object(object) = json else { return };
    for (key, value) in object.iter_mut() {
        match (key.as_str(), &mut *value) {
            ("latest_messages" | "justification", Json::Object(cited)) => {
                cited.retain(|_, name| name != GENESIS);
            }
            ("last_finalized", finalized) if *finalized == GENESIS => *finalized = Json::Null,
            (_, value) => without_genesis(value),
        }
    }
}

/// Why a scenario cannot be read, set up or carried out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TraceError {
    /// Not a scenario.
    #[error("not a scenario: {problem}")]
    Malformed {
        /// Why, and in which column of the line.
        problem: String,
    },
    /// A key that scenarios do not have.
    #[error("{key:?} is no key of a scenario, which are {}", [&SETTING[..], &EXPECTED].concat().join(", "))]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// Weights that no validator set can have.
    #[error("weights: {0}")]
    Weights(#[from] ValidatorSetError),
    /// An initial estimate that is none of the protocol.
    #[error("initial_estimates[{validator}]: {found} is no estimate here: expected {expected}")]
    InitialEstimate {
        /// Whose it is.
        validator: usize,
        /// What was found.
        found: String,
        /// What estimates look like.
        expected: String,
    },
    /// Initial estimates that cannot be anybody's.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// An execution that cannot be read.
    #[error("execution: {0}")]
    Execution(#[from] TokenError<Malformed>),
    /// An execution that cannot be carried out.
    #[error("execution: {0}")]
    Step(#[from] TokenError<StepError>),
}
