//! Executions, drawn as arguments ask for or recorded, ready to be carried out.

use std::fs;
use std::sync::Arc;

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use cbc_message::{ValidatorSet, Weight};
use cbc_simulation::rand::SeedableRng;
use cbc_simulation::trace::Setting;
use cbc_simulation::{
    Execution, Footprint, Malformed, MessageMode, OracleName, ProtocolName, Schedule, Start,
    TokenError, WithRun, random_weights,
};
use rand_chacha::ChaCha8Rng;
use serde_json::Value as Json;

use crate::scenarios::BYTE_ORDER_MARK;
use crate::{ExecutionArguments, MemoryArguments};

/// An execution of whatever protocol, ready to be carried out.
pub(crate) struct Prepared {
    pub(crate) id: String,
    pub(crate) protocol: ProtocolName,
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

impl Prepared {
    /// The execution that arguments ask for. What they leave open is drawn.
    pub(crate) fn draw(arguments: &ExecutionArguments, memory: MemoryArguments) -> Result<Self> {
        let protocol = arguments.protocol;
        ensure!(
            arguments.estimates.is_none() || !protocol.starts_from_genesis(),
            "--estimates: protocol {protocol} has no first estimates to give"
        );
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
            Some(given) => Some(given.iter().map(|text| protocol.value_of(text)).collect()),
            None => validators.ids().map(|_| protocol.draw_estimate(&mut rng)).collect(),
        };
        Ok(Self {
            id: format!("simulate-{protocol}-{}", arguments.seed),
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
        let weights = setting.weights.into_iter().map(Weight::new);
        let execution = setting.execution.parse().context("execution")?;
        Ok(Self {
            id: setting.id,
            protocol: setting.protocol,
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
        let setting = Setting {
            id: self.id.clone(),
            protocol: self.protocol,
            weights: self.validators.weights().iter().map(|weight| weight.get()).collect(),
            initial_estimates: self.estimates.clone(),
            execution: self.schedule.execution.to_string(),
            estimate_check: self.check_estimates,
        };
        setting.to_json()
    }

    /// Starts the execution, if it fits the memory, with this oracle to finalize by, and hands it
    /// to `act`.
    pub(crate) fn start<T, A: WithRun<Output = Result<T>>>(
        &self,
        oracle: OracleName,
        threshold: Weight,
        act: A,
    ) -> Result<T> {
        let (execution, first) = (&self.schedule.execution, self.estimates.is_some());
        let footprint = Footprint::of(&self.validators, execution, first);
        let watches_everybody = self.watches_everybody;
        self.memory.fits(&Footprint { watches_everybody, ..footprint })?;
        let start = Start {
            oracle,
            threshold,
            validators: Arc::clone(&self.validators),
            check_estimates: self.check_estimates,
            first_estimates: self.estimates.as_deref(),
        };
        self.protocol.start(start, act).with_context(|| self.estimates_from.clone())?
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
    let first_messages = !arguments.protocol.starts_from_genesis();
    memory.fits(&Footprint::of_broadcasts(validators.into(), messages, first_messages))?;
    let schedule = match ready_made {
        Some(make) => make(validators, arguments.rounds),
        None => Schedule::generate(validators, arguments.rounds, mode, arguments.network, rng),
    };
    let chooses = arguments.protocol.leaves_a_choice();
    Ok(if chooses { schedule.with_choices(rng) } else { schedule })
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
