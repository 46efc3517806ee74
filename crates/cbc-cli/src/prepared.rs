//! Executions, drawn as arguments ask for or recorded, ready to be carried out.

use std::fs;
use std::sync::Arc;

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use cbc_estimator::{Borda, Copeland, WeightedMedian};
use cbc_message::{Bit, Integer, Order, ValidatorSet, Weight};
use cbc_oracle::SafetyOracle;
use cbc_simulation::trace::{OrderRule, ProtocolName, Setting};
use cbc_simulation::{
    Execution, Footprint, Malformed, MessageMode, Notation, Recorded, Run, Schedule, Setup,
    TokenError, random_weights,
};
use cbc_validator::{Blockchain, ValueConsensus};
use cbc_view::View;
use rand::RngExt;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value as Json, json};

use crate::args::{MemoryArguments, ProtocolArgument};
use crate::{ExecutionArguments, OracleName};

/// What some editors put before the first character of a file.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// The proof of concept's items to order.
const ITEMS: [&str; 7] = ["cat", "dog", "frog", "horse", "pig", "rat", "whale"];

/// An oracle chosen when the program runs.
pub(crate) type DynOracle<P> =
    Arc<dyn SafetyOracle<View<<P as cbc_validator::Protocol>::Estimate>>>;

/// An execution of whatever protocol, ready to be carried out.
pub(crate) struct Prepared {
    pub(crate) id: String,
    pub(crate) protocol: ProtocolArgument,
    pub(crate) validators: Arc<ValidatorSet>,
    pub(crate) schedule: Schedule,
    /// As they are written down; none for a blockchain.
    pub(crate) estimates: Option<Vec<Json>>,
    /// What errors call the estimates' origin.
    estimates_from: String,
    pub(crate) check_estimates: bool,
    memory: MemoryArguments,
    /// Whether it will be kept when each validator finalizes what.
    pub(crate) watches_everybody: bool,
}

/// What to do with a run, whatever its protocol.
pub(crate) trait WithRun {
    /// What comes of it.
    type Output;

    /// Does it. The run is at its start.
    fn with<P: Recorded + Clone>(self, run: Run<P, DynOracle<P>>) -> Result<Self::Output>;
}

impl Prepared {
    /// The execution that arguments ask for. What they leave open is drawn.
    pub(crate) fn draw(arguments: &ExecutionArguments, memory: MemoryArguments) -> Result<Self> {
        let protocol = arguments.protocol;
        if protocol == ProtocolArgument::Blockchain {
            ensure!(
                arguments.estimates.is_none(),
                "--estimates: a blockchain has no first estimates to give"
            );
        }
        let count = match (&arguments.weights, arguments.validators) {
            (Some(weights), validators) => {
                let count = u32::try_from(weights.len()).context("--weights: too many")?;
                if let Some(expected) = validators.filter(|&expected| expected != count) {
                    bail!("--weights: {count} weights for {expected} validators");
                }
                count
            }
            (None, validators) => validators.unwrap_or(5),
        };
        memory.fits(&Footprint::of_broadcasts(count.into(), 0, false))?;
        let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed);
        let weights = match &arguments.weights {
            Some(weights) => weights.iter().copied().map(Weight::new).collect(),
            None => random_weights(count, &mut rng),
        };
        let validators = Arc::new(ValidatorSet::new(weights).context("--weights")?);
        let schedule = schedule(arguments, count, memory, &mut rng)?;
        let estimates = match &arguments.estimates {
            Some(given) => Some(given.iter().map(|text| value_of(protocol, text)).collect()),
            None => validators.ids().map(|_| draw_estimate(protocol, &mut rng)).collect(),
        };
        Ok(Self {
            id: format!("simulate-{}-{}", recorded_name(protocol).0, arguments.seed),
            protocol,
            validators,
            schedule,
            estimates,
            estimates_from: "--estimates".to_owned(),
            check_estimates: !arguments.no_estimate_check,
            memory,
            watches_everybody: false,
        })
    }

    /// The execution of a recorded scenario.
    pub(crate) fn recorded(setting: Setting, memory: MemoryArguments) -> Result<Self> {
        let protocol = match (setting.protocol, setting.rule) {
            (ProtocolName::Blockchain, _) => ProtocolArgument::Blockchain,
            (ProtocolName::Binary, _) => ProtocolArgument::Binary,
            (ProtocolName::Integer, _) => ProtocolArgument::Integer,
            (ProtocolName::Order, OrderRule::Copeland) => ProtocolArgument::Order,
            (ProtocolName::Order, OrderRule::Borda) => ProtocolArgument::OrderBorda,
        };
        let weights = setting.weights.into_iter().map(Weight::new);
        let execution = setting.execution.parse().context("execution")?;
        Ok(Self {
            id: setting.id,
            protocol,
            validators: Arc::new(ValidatorSet::new(weights).context("weights")?),
            schedule: Schedule { execution, messages_per_round: 1 },
            estimates: setting.initial_estimates,
            estimates_from: "initial_estimates".to_owned(),
            check_estimates: setting.estimate_check,
            memory,
            watches_everybody: false,
        })
    }

    /// The same, whose errors say that it was read from `place`.
    pub(crate) fn read_from(self, place: &str) -> Self {
        let estimates_from = format!("{place}: {}", self.estimates_from);
        Self { estimates_from, ..self }
    }

    /// The execution as a scenario that `cbc replay` reads.
    pub(crate) fn as_scenario(&self) -> Json {
        let (protocol, rule) = recorded_name(self.protocol);
        let mut scenario = json!({
            "id": self.id,
            "protocol": protocol,
            "weights": self.validators.weights(),
            "initial_estimates": self.estimates,
            "execution": self.schedule.execution.to_string(),
        });
        if let Some(rule) = rule {
            scenario["rule"] = json!(rule);
        }
        if !self.check_estimates {
            scenario["estimate_check"] = json!(false);
        }
        scenario
    }

    /// Starts the execution, if it fits the memory, with this oracle to finalize by, and hands it
    /// to `act`.
    pub(crate) fn start<A: WithRun>(
        &self,
        oracle: OracleName,
        threshold: Weight,
        act: A,
    ) -> Result<A::Output> {
        let (execution, first) = (&self.schedule.execution, self.estimates.is_some());
        let footprint = Footprint::of(&self.validators, execution, first);
        let watches_everybody = self.watches_everybody;
        self.memory.fits(&Footprint { watches_everybody, ..footprint })?;
        let items = items_of(self.estimates.as_deref().unwrap_or_default());
        let by = (oracle, threshold);
        match self.protocol {
            ProtocolArgument::Blockchain => {
                act.with(self.run(Blockchain, Vec::new(), by)?.finalizing())
            }
            ProtocolArgument::Binary => {
                let protocol = ValueConsensus::new(WeightedMedian::<Bit>::new());
                act.with(self.run(protocol, Vec::new(), by)?.finalizing())
            }
            ProtocolArgument::Integer => {
                let protocol = ValueConsensus::new(WeightedMedian::<Integer>::new());
                act.with(self.run(protocol, Vec::new(), by)?.finalizing())
            }
            ProtocolArgument::Order => {
                let protocol = ValueConsensus::<Order, _>::new(Copeland::new(items.len()));
                act.with(self.run(protocol, items, by)?.finalizing())
            }
            ProtocolArgument::OrderBorda => {
                let protocol = ValueConsensus::<Order, _>::new(Borda::new(items.len()));
                act.with(self.run(protocol, items, by)?)
            }
        }
    }

    /// The run of this execution at its start, by an oracle and a threshold.
    fn run<P>(
        &self,
        protocol: P,
        items: Vec<String>,
        (oracle, threshold): (OracleName, Weight),
    ) -> Result<Run<P, DynOracle<P>>>
    where
        P: Recorded + Clone,
    {
        let notation = Notation::new(items.clone());
        let read = |(validator, json): (usize, &Json)| {
            P::read_estimate(&notation, json).with_context(|| {
                let (from, protocol) = (&self.estimates_from, protocol_name(self.protocol));
                let expected = P::estimate_form(&notation);
                format!(
                    "{from}: {json}, of validator {validator}, is no estimate of protocol \
                     {protocol}: expected {expected}"
                )
            })
        };
        let estimates = match &self.estimates {
            Some(estimates) => {
                Some(estimates.iter().enumerate().map(read).collect::<Result<Vec<_>>>()?)
            }
            None => None,
        };
        let setup = Setup {
            protocol,
            oracle: oracle.build(),
            validators: Arc::clone(&self.validators),
            threshold,
            check_estimates: self.check_estimates,
            items,
        };
        Run::new(setup, estimates).with_context(|| self.estimates_from.clone())
    }
}

/// A random first estimate, in a protocol that has some.
fn draw_estimate(protocol: ProtocolArgument, rng: &mut ChaCha8Rng) -> Option<Json> {
    match protocol {
        ProtocolArgument::Blockchain => None,
        ProtocolArgument::Binary => Some(json!(rng.random_range(0..=1))),
        ProtocolArgument::Integer => Some(json!(rng.random_range(0..=100))),
        ProtocolArgument::Order | ProtocolArgument::OrderBorda => {
            let mut items = ITEMS;
            items.shuffle(rng);
            Some(json!(items))
        }
    }
}

/// A value of a protocol, as it is written in arguments.
pub(crate) fn value_of(protocol: ProtocolArgument, text: &str) -> Json {
    match protocol {
        ProtocolArgument::Order | ProtocolArgument::OrderBorda => {
            json!(text.split('>').collect::<Vec<_>>())
        }
        _ => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
    }
}

/// The items of orders that were given, by name.
fn items_of(estimates: &[Json]) -> Vec<String> {
    let mut items: Vec<String> = estimates
        .iter()
        .filter_map(Json::as_array)
        .flatten()
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect();
    items.sort();
    items.dedup();
    items
}

/// What traces call a protocol, and its rule where that is not the usual one.
fn recorded_name(protocol: ProtocolArgument) -> (&'static str, Option<&'static str>) {
    match protocol {
        ProtocolArgument::Blockchain => ("blockchain", None),
        ProtocolArgument::Binary => ("binary", None),
        ProtocolArgument::Integer => ("integer", None),
        ProtocolArgument::Order => ("order", Some("copeland")),
        ProtocolArgument::OrderBorda => ("order", None),
    }
}

pub(crate) fn protocol_name(protocol: ProtocolArgument) -> &'static str {
    match protocol {
        ProtocolArgument::Blockchain => "blockchain",
        ProtocolArgument::Binary => "binary",
        ProtocolArgument::Integer => "integer",
        ProtocolArgument::Order => "order",
        ProtocolArgument::OrderBorda => "order-borda",
    }
}

fn schedule(
    arguments: &ExecutionArguments,
    validators: u32,
    memory: MemoryArguments,
    rng: &mut ChaCha8Rng,
) -> Result<Schedule> {
    let ready_made = match arguments.execution.as_deref() {
        None => None,
        Some("full-round") => Some(Schedule::full_round as fn(u32, usize) -> Schedule),
        Some("immediate-split") => Some(Schedule::immediate_split as fn(u32, usize) -> Schedule),
        Some(text) => {
            let execution = given(text)?;
            return Ok(Schedule { execution, messages_per_round: 1 });
        }
    };
    let mode = MessageMode::from(arguments.mode);
    let all_speak = ready_made.is_some() || mode == MessageMode::Full;
    let makers = if all_speak { u64::from(validators) } else { 1 };
    let messages = (arguments.rounds as u64).saturating_mul(makers);
    let first_messages = arguments.protocol != ProtocolArgument::Blockchain;
    memory.fits(&Footprint::of_broadcasts(validators.into(), messages, first_messages))?;
    Ok(match ready_made {
        Some(make) => make(validators, arguments.rounds),
        None => Schedule::generate(validators, arguments.rounds, mode, arguments.network, rng),
    })
}

/// Tokens that were given, or are in a file that was.
fn given(text: &str) -> Result<Execution> {
    if let Some(path) = text.strip_prefix('@') {
        let text =
            fs::read_to_string(path).with_context(|| format!("--execution: cannot read {path}"))?;
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
        return text.parse().with_context(|| format!("--execution: {path}"));
    }
    let is_word = !text.is_empty() && !text.contains(char::is_whitespace);
    text.parse().map_err(|error: TokenError<Malformed>| match error.problem {
        // One word that starts like no token was meant as the name of an execution.
        Malformed::Fields | Malformed::Command if is_word => anyhow!(
            "--execution: expected full-round, immediate-split, @FILE, or tokens such as \
             'M-0-A SJ-1-A', found {text:?}"
        ),
        _ => Error::from(error).context("--execution"),
    })
}
