//! Recorded executions: a scenario a line, with what must come of it.
//!
//! A trace file has one JSON object a line. The keys `id`, `protocol`, `weights`,
//! `initial_estimates` and `execution` say what happens; `messages`, `final`, `global` and `expect`
//! say what must come of it. [`Scenario::replay`] computes the latter anew from the former alone,
//! and [`compare`] compares.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cbc_estimator::{Borda, Copeland, MajorityDriven, WeightedMedian};
use cbc_message::{Bit, Citation, Integer, Order, ValidatorSet, ValidatorSetError, Weight};
use cbc_oracle::{CliqueOracle, Safety, SafetyOracle, poc_faults};
use cbc_validator::{Blockchain, Observer, ValueConsensus};
use cbc_view::{HashedDag, MessageDag, MessageIndex, Property, View};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use thiserror::Error;

use crate::notation::GENESIS;
use crate::run::{ConflictingFinality, Run, Setup, SetupError, StepError};
use crate::token::{Execution, Malformed, TokenError};
use crate::{Notation, Recorded};

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
}

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
    /// [`TraceError::Malformed`] if it is no scenario.
    pub fn parse(line: &str) -> Result<Self, TraceError> {
        let recorded: Map<String, Json> = serde_json::from_str(line)?;
        let setting = Setting::deserialize(&Json::Object(recorded.clone()))?;
        Ok(Self { setting, recorded })
    }

    /// What must come of it: the keys `messages`, `final`, `global` and `expect`, as far as they
    /// are there, with the genesis a root (it was a message of validator 0 in the recordings).
    pub fn expected(&self) -> Json {
        let keys = ["messages", "final", "global", "expect"];
        let mut expected: Map<String, Json> = keys
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
                        self.carry_out(run, oracles)
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
        let run = self.run(protocol, items)?.finalizing();
        self.carry_out(run, oracles)
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
            check_estimates: true,
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
        oracles: &impl OracleRegistry,
    ) -> Result<Json, TraceError>
    where
        P: Recorded + Clone,
    {
        let execution: Execution = self.setting.execution.parse()?;
        run.execute(&execution)?;
        run.update_safe_estimates()?;

        let writer = Writer { run: &run, oracles };
        let mut replayed: Map<String, Json> = self.recorded.clone();
        replayed.insert("messages".to_owned(), writer.messages());
        let wanted = |key: &str| self.recorded.get(key).and_then(Json::as_object);
        let views = run.validators().iter().map(|validator| {
            let key = validator.id().to_string();
            let wanted = wanted("final").and_then(|views| views.get(&key)?.as_object());
            let view = writer.view(validator.observer(), wanted);
            (key, view)
        });
        replayed.insert("final".to_owned(), Json::Object(views.collect()));
        replayed.insert("global".to_owned(), writer.view(run.global(), wanted("global")));
        if let Some(wanted) = wanted("expect") {
            replayed.insert("expect".to_owned(), writer.expectations(wanted));
        }
        Ok(Json::Object(replayed))
    }
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

/// Writes what came of a run.
struct Writer<'a, P: Recorded, R> {
    run: &'a Run<P, CliqueOracle>,
    oracles: &'a R,
}

impl<P: Recorded + Clone, R: OracleRegistry> Writer<'_, P, R> {
    fn messages(&self) -> Json {
        let observer = self.run.global();
        let mut messages = Map::new();
        if P::blocks(observer).is_some() {
            let genesis = json!({
                "sender": 0, "sequence_number": -1, "estimate": null, "justification": {},
                "display_height": 0, "height": 1,
            });
            messages.insert(GENESIS.to_owned(), genesis);
        }
        for (number, name) in (0..).map(MessageIndex::new).zip(self.run.notation().names()) {
            messages.insert(name.to_owned(), self.message(number));
        }
        Json::Object(messages)
    }

    fn message(&self, index: MessageIndex) -> Json {
        let (observer, notation) = (self.run.global(), self.run.notation());
        let message = observer.view().message(index);
        let cite = |citation: &Citation| match citation {
            Citation::Latest(hash) => json!(notation.name(hash)),
            Citation::Equivocation(proof) => {
                json!([notation.name(&proof.lesser()), notation.name(&proof.greater())])
            }
        };
        let citations = message.justification().iter();
        let justification: Map<String, Json> = citations
            .map(|(validator, citation)| (validator.to_string(), cite(citation)))
            .collect();
        let mut written = json!({
            "sender": message.sender(),
            "sequence_number": message.sequence_number(),
            "estimate": P::write_estimate(notation, message.estimate()),
            "justification": justification,
            "display_height": self.run.display_heights().get(index.index()),
        });
        if let Some(blocks) = P::blocks(observer) {
            let height = blocks.voted_by(index).map(|block| blocks.height(block) + 1);
            written["height"] = json!(height);
        }
        written
    }

    /// A view; with `wanted`, the safety of the candidates that it names by the oracles that it
    /// names, and whatever else it asks for.
    fn view(
        &self,
        observer: &Observer<P, CliqueOracle>,
        wanted: Option<&Map<String, Json>>,
    ) -> Json {
        let (view, notation) = (observer.view(), self.run.notation());
        let mut justified: BTreeSet<String> =
            view.justified_messages().map(|(_, message)| notation.name(&message.hash())).collect();
        if P::blocks(observer).is_some() {
            justified.insert(GENESIS.to_owned());
        }
        let pending: BTreeSet<String> =
            view.pending_messages().map(|message| notation.name(&message.hash())).collect();
        let latest: Map<String, Json> = view
            .latest_messages()
            .map(|(validator, message)| {
                (validator.to_string(), json!(notation.name(&view.hash(message))))
            })
            .collect();
        let write = |value| P::write_value(notation, observer, &value);
        let mut written = json!({
            "justified": justified,
            "pending": pending,
            "latest_messages": latest,
            "estimate": observer.estimate().map(write),
            "safety": self.safety(observer, wanted),
        });
        if wanted.is_none_or(|wanted| wanted.contains_key("last_finalized")) {
            written["last_finalized"] = json!(self.run.last_finalized(observer).map(write));
        }
        for key in wanted.into_iter().flat_map(Map::keys) {
            let further = match key.as_str() {
                "equivocators" => {
                    let equivocators = view.equivocations().map(|proof| proof.validator);
                    json!(equivocators.collect::<Vec<_>>())
                }
                "observed_fault_weight" => json!(view.observed_fault_weight()),
                "safety_of_value" => {
                    self.safety_of_values(observer, wanted.and_then(|wanted| wanted.get(key)))
                }
                rule => match P::estimate_by(rule, notation, observer) {
                    Some(estimate) => estimate,
                    None => continue,
                },
            };
            written[key] = further;
        }
        written
    }

    /// The safety, in the proof of concept's figures, of the candidates that messages stand for.
    fn safety(
        &self,
        observer: &Observer<P, CliqueOracle>,
        wanted: Option<&Map<String, Json>>,
    ) -> Json {
        let (view, notation) = (observer.view(), self.run.notation());
        let wanted = wanted.and_then(|wanted| wanted.get("safety")?.as_object());
        let candidates: BTreeMap<String, MessageIndex> = view
            .justified_messages()
            .map(|(index, message)| (notation.name(&message.hash()), index))
            .collect();
        let mut written = Map::new();
        for (name, index) in candidates {
            let recorded = self.oracles.recorded();
            let oracles: Vec<&str> = match wanted.map(|wanted| wanted.get(&name)) {
                None => recorded.to_vec(),
                Some(None) => continue,
                Some(Some(wanted)) => {
                    wanted.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect()
                }
            };
            let Some(candidate) = P::candidate_of(observer, index) else { continue };
            let property = observer.protocol().property(observer.estimator(), &candidate);
            let figures = oracles.into_iter().filter_map(|oracle_name| {
                let validators = view.validators();
                let (margin, faults) =
                    self.oracles.poc_figures(oracle_name, view, validators, &property)?;
                Some((oracle_name.to_owned(), json!([margin, faults])))
            });
            written.insert(name, Json::Object(figures.collect()));
        }
        Json::Object(written)
    }

    fn safety_of_values(
        &self,
        observer: &Observer<P, CliqueOracle>,
        wanted: Option<&Json>,
    ) -> Json {
        let mut written = Map::new();
        for (text, oracles) in wanted.and_then(Json::as_object).into_iter().flatten() {
            let json = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
            let Some(value) = P::read_value(self.run.notation(), observer, &json) else { continue };
            let answers = oracles.as_object().into_iter().flat_map(Map::keys).filter_map(|name| {
                let oracle = self.oracles.oracle::<View<P::Estimate>>(name)?;
                let safety = observer.safety_by(oracle.as_ref(), &value);
                Some((name.clone(), write_safety(&safety, observer.view().validators())))
            });
            written.insert(text.clone(), Json::Object(answers.collect()));
        }
        Json::Object(written)
    }

    /// What `expect` asks for.
    fn expectations(&self, wanted: &Map<String, Json>) -> Json {
        let mut written = Map::new();
        for (key, wanted) in wanted {
            let met = match (key.as_str(), wanted.as_object()) {
                ("messages", _) => self.messages(),
                ("every_message_valid", _) => json!(self.every_message_is_valid()),
                ("global", wanted) => self.view(self.run.global(), wanted),
                ("views", Some(wanted)) => {
                    let views = self.run.validators().iter().filter_map(|validator| {
                        let key = validator.id().to_string();
                        let wanted = wanted.get(&key)?.as_object();
                        Some((key, self.view(validator.observer(), wanted)))
                    });
                    Json::Object(views.collect())
                }
                _ => continue,
            };
            written.insert(key.clone(), met);
        }
        Json::Object(written)
    }

    /// Whether somebody who checks V1–V5 and V8 finds every message valid.
    fn every_message_is_valid(&self) -> bool {
        let mut checking = self.run.setup().observer().with_estimate_check(true);
        let mut messages = self.run.global().view().justified_messages();
        messages.all(|(_, message)| checking.receive(message.clone()).is_ok())
    }
}

/// An oracle's answer, in full.
pub fn write_safety(safety: &Safety, validators: &ValidatorSet) -> Json {
    json!({
        "quorum_weight": safety.quorum.weight,
        "quorum": safety.quorum.members,
        "margin": safety.margin,
        "fault_tolerance": safety.fault_tolerance,
        "faults": safety.faults,
        "poc_faults": poc_faults(safety, validators),
        "exact": safety.exact,
        "bound": safety.bound,
    })
}

/// A recorded value that was not met.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{scenario}: {view}: {what}: expected {expected}, got {got}")]
pub struct Mismatch {
    /// The scenario.
    pub scenario: String,
    /// The view: a validator's number, or `global`; `messages` for what is the same in all.
    pub view: String,
    /// Which value.
    pub what: String,
    /// What was recorded.
    pub expected: String,
    /// What came of the replay.
    pub got: String,
}

/// The outcome of comparing one scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// How many recorded values were compared.
    pub compared: usize,
    /// Those that were not met.
    pub mismatches: Vec<Mismatch>,
}

/// Compares all that a scenario expects with what came of its replay. A value that is expected
/// and that the replay does not have is a mismatch; what the replay has besides is not.
pub fn compare(scenario: &Scenario, replayed: &Json) -> Comparison {
    let mut comparison = Comparison::default();
    // A stack, so that no nesting of the input can exhaust ours.
    let mut open = vec![(Vec::<String>::new(), scenario.expected(), Some(replayed))];
    while let Some((path, expected, got)) = open.pop() {
        match expected {
            Json::Object(expected) => {
                for (key, value) in expected.into_iter().rev() {
                    let got = got.and_then(|got| got.get(&key));
                    open.push((path.iter().cloned().chain([key]).collect(), value, got));
                }
            }
            expected => {
                comparison.compared += 1;
                if got != Some(&expected) {
                    let (view, what) = split(&path);
                    comparison.mismatches.push(Mismatch {
                        scenario: scenario.setting.id.clone(),
                        view,
                        what,
                        expected: expected.to_string(),
                        got: got.map_or("nothing".to_owned(), Json::to_string),
                    });
                }
            }
        }
    }
    comparison
}

/// Where a value stands: in which view, and what it is there.
fn split(path: &[String]) -> (String, String) {
    let path: Vec<&str> = path.iter().map(String::as_str).filter(|&key| key != "expect").collect();
    match path.as_slice() {
        ["final" | "views", view, what @ ..] => ((*view).to_owned(), what.join(".")),
        [view, what @ ..] => ((*view).to_owned(), what.join(".")),
        [] => (String::new(), String::new()),
    }
}

/// Why a scenario cannot be read, set up or carried out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TraceError {
    /// Not a scenario.
    #[error("not a scenario: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Weights that no validator set can have.
    #[error("weights: {0}")]
    Weights(#[from] ValidatorSetError),
    /// An initial estimate that is none of the protocol.
    #[error("initial_estimates[{validator}]: {found} is no estimate of this protocol")]
    InitialEstimate {
        /// Whose it is.
        validator: usize,
        /// What was found.
        found: String,
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
    /// A finality conflict.
    #[error(transparent)]
    Conflict(#[from] ConflictingFinality),
}
