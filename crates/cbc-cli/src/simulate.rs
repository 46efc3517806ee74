//! `cbc simulate`: an execution, generated or given, and what came of it.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use cbc_estimator::{Borda, Copeland, WeightedMedian};
use cbc_message::{Bit, Integer, Order, ValidatorSet, Weight};
use cbc_oracle::SafetyOracle;
use cbc_simulation::trace::{OrderRule, ProtocolName, Setting, write_safety};
use cbc_simulation::{
    MessageMode, Notation, Recorded, Run, Schedule, Setup, Summary, ViewGraph, random_weights,
    simulate,
};
use cbc_validator::{Blockchain, ValueConsensus};
use cbc_view::View;
use indicatif::{ProgressBar, ProgressStyle};
use rand::RngExt;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value as Json, json};

use crate::args::ProtocolArgument;
use crate::{ExecutionArguments, OracleName, Picture, SimulateArguments};

/// The proof of concept's items to order.
const ITEMS: [&str; 7] = ["cat", "dog", "frog", "horse", "pig", "rat", "whale"];

/// The greatest number of tokens that a generated execution may have.
const MOST_TOKENS: u64 = 20_000_000;

/// How many display heights a picture shows, at most: the newest.
const PICTURE_HEIGHTS: u32 = 150;

/// How many tokens are work long enough for a progress bar.
const LONG: usize = 50_000;

/// An oracle chosen when the program runs.
pub(crate) type DynOracle<P> =
    Arc<dyn SafetyOracle<View<<P as cbc_validator::Protocol>::Estimate>>>;

pub(crate) fn run(arguments: &SimulateArguments, out: &mut dyn Write) -> Result<()> {
    let prepared = Prepared::draw(&arguments.execution)?;
    let threshold = Weight::new(arguments.threshold);
    let simulation = Simulation { arguments, prepared: &prepared };
    prepared.start(arguments.oracle, threshold, Carry { simulation, out })
}

/// An execution of whatever protocol, ready to be carried out.
pub(crate) struct Prepared {
    pub(crate) id: String,
    pub(crate) protocol: ProtocolArgument,
    pub(crate) validators: Arc<ValidatorSet>,
    pub(crate) schedule: Schedule,
    /// As they are written down; none for a blockchain.
    estimates: Option<Vec<Json>>,
    check_estimates: bool,
}

/// What to do with a run, whatever its protocol.
pub(crate) trait WithRun {
    /// Does it. The run is at its start.
    fn with<P: Recorded + Clone>(self, run: Run<P, DynOracle<P>>) -> Result<()>;
}

impl Prepared {
    /// The execution that arguments ask for. What they leave open is drawn.
    pub(crate) fn draw(arguments: &ExecutionArguments) -> Result<Self> {
        let protocol = arguments.protocol;
        if protocol == ProtocolArgument::Blockchain {
            ensure!(arguments.estimates.is_none(), "a blockchain has no first estimates to give");
        }
        let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed);
        let weights = match &arguments.weights {
            Some(weights) => weights.iter().copied().map(Weight::new).collect(),
            None => random_weights(arguments.validators.unwrap_or(5), &mut rng),
        };
        let count = u32::try_from(weights.len()).context("too many weights")?;
        if let Some(expected) = arguments.validators.filter(|&expected| expected != count) {
            bail!("--weights: {count} weights for {expected} validators");
        }
        let validators = Arc::new(ValidatorSet::new(weights).context("--weights")?);
        let schedule = schedule(arguments, count, &mut rng)?;
        let estimates = match &arguments.estimates {
            Some(given) => Some(given.iter().map(|text| value_of(text)).collect()),
            None => validators.ids().map(|_| draw_estimate(protocol, &mut rng)).collect(),
        };
        let id = format!("simulate-{}-{}", recorded_name(protocol).0, arguments.seed);
        let check_estimates = !arguments.no_estimate_check;
        Ok(Self { id, protocol, validators, schedule, estimates, check_estimates })
    }

    /// The execution of a recorded scenario.
    pub(crate) fn recorded(setting: Setting) -> Result<Self> {
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
            check_estimates: true,
        })
    }

    /// Starts the execution, with this oracle to finalize by, and hands it to `act`.
    pub(crate) fn start(
        &self,
        oracle: OracleName,
        threshold: Weight,
        act: impl WithRun,
    ) -> Result<()> {
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
                let protocol = protocol_name(self.protocol);
                format!("first estimate of validator {validator}: {json} is none of {protocol}")
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
        Ok(Run::new(setup, estimates)?)
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

/// A value, as it is written in arguments.
pub(crate) fn value_of(text: &str) -> Json {
    match text.split_once('>') {
        Some(_) => json!(text.split('>').collect::<Vec<_>>()),
        None => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
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

/// A simulation and where its result is shown.
struct Carry<'a> {
    simulation: Simulation<'a>,
    out: &'a mut dyn Write,
}

impl WithRun for Carry<'_> {
    fn with<P: Recorded + Clone>(self, run: Run<P, DynOracle<P>>) -> Result<()> {
        self.simulation.carry_out(run, self.out)
    }
}

#[derive(Clone, Copy)]
struct Simulation<'a> {
    arguments: &'a SimulateArguments,
    prepared: &'a Prepared,
}

impl Simulation<'_> {
    fn carry_out<P>(&self, mut run: Run<P, DynOracle<P>>, out: &mut dyn Write) -> Result<()>
    where
        P: Recorded + Clone,
    {
        let output = &self.arguments.output;
        fs::create_dir_all(output).with_context(|| format!("cannot make {}", output.display()))?;
        let progress = self.progress();
        let mut frames = Ok(());
        let interval = self.arguments.report_interval;
        let summary = simulate(&mut run, &self.prepared.schedule, interval, |run, rounds| {
            progress.inc(1);
            let due = interval > 0 && rounds.is_multiple_of(interval);
            if self.arguments.frames && due && frames.is_ok() {
                frames = self.draw(run, &format!("view-graph-{rounds:06}.svg")).map(drop);
            }
        })?;
        progress.finish_and_clear();
        frames?;
        let picture = self.draw(&run, "view-graph.svg")?;
        let scenario = self.write_scenario()?;
        let shown = Shown { simulation: *self, summary: &summary, picture, scenario };
        if self.arguments.json { shown.as_json(out) } else { shown.to_people(out) }
    }

    fn progress(&self) -> ProgressBar {
        let Schedule { execution, messages_per_round } = &self.prepared.schedule;
        let rounds = execution.message_count() / (*messages_per_round).max(1);
        let long = execution.tokens().len() > LONG;
        if !long || !std::io::stdout().is_terminal() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{bar:40} round {pos} of {len}, {eta} left");
        let bar = ProgressBar::new(rounds as u64);
        match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    fn draw<P>(&self, run: &Run<P, DynOracle<P>>, name: &str) -> Result<PathBuf>
    where
        P: Recorded + Clone,
    {
        let graph = ViewGraph::of(run, PICTURE_HEIGHTS);
        let picture = Picture { graph: &graph, justifications: self.arguments.justifications };
        write_file(self.arguments.output.join(name), &picture.to_svg())
    }

    /// The execution as a scenario that `cbc replay` reads.
    fn write_scenario(&self) -> Result<PathBuf> {
        let Prepared { id, protocol, validators, schedule, estimates, .. } = self.prepared;
        let (protocol, rule) = recorded_name(*protocol);
        let mut scenario = json!({
            "id": id,
            "protocol": protocol,
            "weights": validators.weights(),
            "initial_estimates": estimates,
            "execution": schedule.execution.to_string(),
        });
        if let Some(rule) = rule {
            scenario["rule"] = json!(rule);
        }
        write_file(self.arguments.output.join("scenario.jsonl"), &format!("{scenario}\n"))
    }
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

fn schedule(
    arguments: &ExecutionArguments,
    validators: u32,
    rng: &mut ChaCha8Rng,
) -> Result<Schedule> {
    let ready_made = match arguments.execution.as_deref() {
        None => None,
        Some("full-round") => Some(Schedule::full_round as fn(u32, usize) -> Schedule),
        Some("immediate-split") => Some(Schedule::immediate_split as fn(u32, usize) -> Schedule),
        Some(text) => {
            let text = match text.strip_prefix('@') {
                Some(path) => {
                    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?
                }
                None => text.to_owned(),
            };
            let execution = text.parse().context("--execution")?;
            return Ok(Schedule { execution, messages_per_round: 1 });
        }
    };
    let mode = MessageMode::from(arguments.mode);
    let all_speak = ready_made.is_some() || mode == MessageMode::Full;
    let makers = if all_speak { u64::from(validators) } else { 1 };
    let tokens =
        (arguments.rounds as u64).saturating_mul(makers).saturating_mul(u64::from(validators));
    if tokens > MOST_TOKENS {
        bail!(
            "{} rounds of {makers} messages for {validators} validators are {tokens} tokens: \
             at most {MOST_TOKENS} are generated",
            arguments.rounds
        );
    }
    Ok(match ready_made {
        Some(make) => make(validators, arguments.rounds),
        None => Schedule::generate(validators, arguments.rounds, mode, arguments.network, rng),
    })
}

fn write_file(path: PathBuf, content: &str) -> Result<PathBuf> {
    fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// What is shown in the end.
struct Shown<'a> {
    simulation: Simulation<'a>,
    summary: &'a Summary,
    picture: PathBuf,
    scenario: PathBuf,
}

impl Shown<'_> {
    fn as_json(&self, out: &mut dyn Write) -> Result<()> {
        let Simulation { arguments, prepared } = self.simulation;
        let Prepared { protocol, validators, .. } = prepared;
        let mut json = json!({
            "protocol": protocol_name(*protocol),
            "weights": validators.weights(),
            "seed": arguments.execution.seed,
            "oracle": arguments.oracle.to_string(),
            "threshold": arguments.threshold,
            "picture": path(&self.picture),
            "scenario": path(&self.scenario),
        });
        let safety = self.summary.safety.as_ref().map(|safety| write_safety(safety, validators));
        let summary = serde_json::to_value(self.summary)?;
        if let (Some(all), Json::Object(summary)) = (json.as_object_mut(), summary) {
            all.extend(summary);
            all.insert("safety".to_owned(), json!(safety));
        }
        writeln!(out, "{json:#}")?;
        Ok(())
    }

    fn to_people(&self, out: &mut dyn Write) -> Result<()> {
        let Simulation { arguments, prepared } = self.simulation;
        let Prepared { protocol, validators, .. } = prepared;
        let summary = self.summary;
        writeln!(
            out,
            "{}, {} validators of total weight {}, {} rounds, seed {}\n",
            protocol_name(*protocol),
            validators.len(),
            validators.total(),
            summary.rounds,
            arguments.execution.seed
        )?;
        self.reports(out)?;
        let mut line = |label: &str, text: String| writeln!(out, "{label:<20}{text}");
        let height =
            |height: Option<u32>| height.map_or(String::new(), |h| format!(", height {h}"));
        let chain = summary.chain.as_ref();
        let estimate = summary.estimate.as_ref().map_or("none".to_owned(), plain);
        let head = if chain.is_some() { "head" } else { "estimate" };
        line(head, format!("{estimate}{}", height(chain.map(|chain| chain.head_height))))?;
        match (&summary.last_finalized, &summary.safety) {
            (Some(value), Some(safety)) => {
                let final_height = height(chain.map(|chain| chain.last_finalized_height));
                let tolerated = safety.fault_tolerance.unwrap_or_default();
                let exact = if safety.exact { "" } else { ", at least" };
                line("last finalized", format!("{}{final_height}", plain(value)))?;
                line(
                    "  margin",
                    format!("{} ({} oracle{exact})", safety.margin, arguments.oracle),
                )?;
                line("  fault tolerance", format!("equivocators of weight {tolerated}"))?;
                line("  faults tolerated", safety.faults.to_string())?;
            }
            _ => line("last finalized", "nothing".to_owned())?,
        }
        line(
            "messages",
            format!("{}, {} of them justified by all", summary.messages, summary.justified_by_all),
        )?;
        if let Some(chain) = chain {
            line("blocks", format!("{}, orphan rate {:.3}", chain.blocks, chain.orphan_rate))?;
        }
        if let Some(waits) = &summary.rounds_to_finality {
            let text = format!("{:.2} on average, {} at most", waits.mean, waits.greatest);
            line("rounds to finality", text)?;
        }
        if !summary.equivocators.is_empty() {
            let weight = summary.observed_fault_weight;
            line("equivocators", format!("{} of weight {weight}", summary.equivocators.len()))?;
        }
        line("picture", path(&self.picture))?;
        line("scenario", path(&self.scenario))?;
        Ok(())
    }

    fn reports(&self, out: &mut dyn Write) -> Result<()> {
        if self.summary.reports.is_empty() {
            return Ok(());
        }
        writeln!(out, "{:>8} {:>10}  {:<24}last finalized", "round", "messages", "estimate")?;
        for report in &self.summary.reports {
            let with_height = |value: &Option<Json>, height: Option<u32>| {
                let value = value.as_ref().map_or("nothing".to_owned(), plain);
                height.map_or(value.clone(), |height| format!("{value} at {height}"))
            };
            writeln!(
                out,
                "{:>8} {:>10}  {:<24}{}",
                report.round,
                report.messages,
                with_height(&report.estimate, report.heights.map(|(head, _)| head)),
                with_height(&report.last_finalized, report.heights.map(|(_, last)| last)),
            )?;
        }
        writeln!(out)?;
        Ok(())
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

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// JSON as people read it.
pub(crate) fn plain(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" > "),
        other => other.to_string(),
    }
}
