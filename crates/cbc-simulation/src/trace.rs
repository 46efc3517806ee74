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

use std::sync::Arc;

use cbc_message::{ValidatorId, ValidatorSet, ValidatorSetError, Weight};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use thiserror::Error;

pub use compare::{Comparison, Mismatch, compare};
use write::Writer;
pub use write::write_safety;

use crate::notation::GENESIS;
use crate::run::{Run, SetupError, StepError};
use crate::token::{Execution, Malformed, TokenError};
use crate::{
    DynOracle, OracleName, ProtocolName, Recorded, Schedule, Start, Summary, Watch, WithRun,
    simulate,
};

/// What happens in one scenario of a trace, and, set apart, what must come of it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What happens.
    pub setting: Setting,
    /// All of the scenario's keys, as they were read.
    recorded: Map<String, Json>,
}

/// What happens in a scenario.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The name of the scenario.
    pub id: String,
    /// What is decided.
    pub protocol: ProtocolName,
    /// What each validator weighs.
    pub weights: Vec<u64>,
    /// What each validator's first message `I<i>` says; none for a blockchain.
    pub initial_estimates: Option<Vec<Json>>,
    /// What everybody does.
    pub execution: String,
    /// Whether estimates must follow from their justifications (rule V5).
    pub estimate_check: bool,
}

impl Setting {
    /// The scenario, of which nothing is recorded but what happens.
    pub fn to_json(&self) -> Json {
        let names = self.protocol.in_traces().first();
        let (protocol, rule) = names.copied().unwrap_or((self.protocol.name(), None));
        let mut scenario = json!({
            "id": self.id,
            "protocol": protocol,
            "weights": self.weights,
            "initial_estimates": self.initial_estimates,
            "execution": self.execution,
        });
        if let Some(rule) = rule {
            scenario["rule"] = json!(rule);
        }
        if !self.estimate_check {
            scenario["estimate_check"] = json!(false);
        }
        scenario
    }
}

/// The keys that say what happens, as they are written.
#[derive(Deserialize)]
struct Written {
    id: String,
    protocol: String,
    rule: Option<String>,
    weights: Vec<u64>,
    initial_estimates: Option<Vec<Json>>,
    execution: String,
    estimate_check: Option<bool>,
}

impl Written {
    fn setting(self) -> Result<Setting, TraceError> {
        let Self { id, protocol, rule, weights, initial_estimates, execution, estimate_check } =
            self;
        let Some(protocol) = ProtocolName::named_in_traces(&protocol, rule.as_deref()) else {
            return Err(TraceError::UnknownProtocol { protocol, rule });
        };
        let estimate_check = estimate_check.unwrap_or(true);
        Ok(Setting { id, protocol, weights, initial_estimates, execution, estimate_check })
    }
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

impl Scenario {
    /// Reads one line of a trace.
    ///
    /// # Errors
    ///
    /// [`TraceError::Malformed`] if it is no scenario, [`TraceError::UnknownKey`] if it has a key
    /// that scenarios do not have, [`TraceError::UnknownProtocol`] if nobody knows its protocol.
    pub fn parse(line: &str) -> Result<Self, TraceError> {
        let recorded: Map<String, Json> = serde_json::from_str(line).map_err(malformed)?;
        let known = |key: &&String| EXPECTED.iter().chain(&SETTING).any(|known| known == key);
        if let Some(key) = recorded.keys().find(|key| !known(key)) {
            return Err(TraceError::UnknownKey { key: key.clone() });
        }
        let written = Written::deserialize(&Json::Object(recorded.clone())).map_err(malformed)?;
        Ok(Self { setting: written.setting()?, recorded })
    }

    /// What must come of it: the keys that say so, as far as they are there, with the genesis a
    /// root (it was a message of validator 0 in the recordings).
    pub fn expected(&self) -> Json {
        let mut expected: Map<String, Json> = EXPECTED
            .iter()
            .filter_map(|&key| Some((key.to_owned(), self.recorded.get(key)?.clone())))
            .collect();
        if self.setting.protocol.starts_from_genesis() {
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
    pub fn replay(&self) -> Result<Json, TraceError> {
        let watched = self.start(Watched { scenario: self })??;
        self.start(Replayed { scenario: self, watched })?
    }

    fn start<A: WithRun>(&self, act: A) -> Result<A::Output, TraceError> {
        let weights = self.setting.weights.iter().copied().map(Weight::new);
        let start = Start {
            oracle: OracleName::Clique,
            threshold: Weight::ZERO,
            validators: Arc::new(ValidatorSet::new(weights)?),
            check_estimates: self.setting.estimate_check,
            first_estimates: self.setting.initial_estimates.as_deref(),
        };
        Ok(self.setting.protocol.start(start, act)?)
    }

    fn carry_out<P: Recorded + Clone>(
        &self,
        mut run: Run<P, DynOracle<P>>,
        watched: Option<Summary>,
    ) -> Result<Json, TraceError> {
        let execution: Execution = self.setting.execution.parse()?;
        run.execute(&execution)?;
        run.update_safe_estimates();

        let mut replayed: Map<String, Json> = self.recorded.clone();
        let wanted = |key: &str| self.recorded.get(key).and_then(Json::as_object);
        let mut view_of = |validator, wanted| {
            run.visit(validator, |run| Writer { run }.view(run.observer(), wanted))
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
        let writer = Writer { run: &run };
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

/// What comes of a scenario in which everybody finalizes on the way, if anybody ever can.
struct Watched<'a> {
    scenario: &'a Scenario,
}

impl WithRun for Watched<'_> {
    type Output = Result<Option<Summary>, TraceError>;

    fn with<P: Recorded + Clone>(self, mut run: Run<P, DynOracle<P>>) -> Self::Output {
        if !run.can_finalize() {
            return Ok(None);
        }
        let execution = self.scenario.setting.execution.parse()?;
        let schedule = Schedule { execution, messages_per_round: 1 };
        let watch = Watch { report_interval: 0, everybody: true };
        Ok(Some(simulate(&mut run, &schedule, watch, |_, _| {})?))
    }
}

/// What comes of a scenario in which everybody finalizes at the end.
struct Replayed<'a> {
    scenario: &'a Scenario,
    watched: Option<Summary>,
}

impl WithRun for Replayed<'_> {
    type Output = Result<Json, TraceError>;

    fn with<P: Recorded + Clone>(self, run: Run<P, DynOracle<P>>) -> Self::Output {
        self.scenario.carry_out(run, self.watched)
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
    /// A protocol that is not in the registry, or not by this rule.
    #[error("no protocol {}: traces name {}", written(protocol, rule.as_deref()), known())]
    UnknownProtocol {
        /// What it is called.
        protocol: String,
        /// By which rule, if one is named.
        rule: Option<String>,
    },
    /// Initial estimates that cannot be those of the validators.
    #[error("initial_estimates: {0}")]
    Setup(#[from] SetupError),
    /// An execution that cannot be read.
    #[error("execution: {0}")]
    Execution(#[from] TokenError<Malformed>),
    /// An execution that cannot be carried out.
    #[error("execution: {0}")]
    Step(#[from] TokenError<StepError>),
}

/// A protocol and its rule, as traces write them.
fn written(protocol: &str, rule: Option<&str>) -> String {
    match rule {
        Some(rule) => format!("{protocol:?} with rule {rule:?}"),
        None => format!("{protocol:?}"),
    }
}

/// Those that traces can name.
fn known() -> String {
    let names = ProtocolName::ALL.iter().flat_map(|protocol| protocol.in_traces());
    names.map(|&(protocol, rule)| written(protocol, rule)).collect::<Vec<_>>().join(", ")
}
