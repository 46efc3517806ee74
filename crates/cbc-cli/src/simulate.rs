//! `cbc simulate`: an execution, generated or given, and what came of it.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use cbc_estimator::{Borda, Copeland, MajorityDriven, WeightedMedian};
use cbc_message::{Bit, Integer, Order, ValidatorSet, Weight};
use cbc_oracle::SafetyOracle;
use cbc_simulation::trace::write_safety;
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
use crate::{Picture, SimulateArguments};

/// The proof of concept's items to order.
const ITEMS: [&str; 7] = ["cat", "dog", "frog", "horse", "pig", "rat", "whale"];

/// The greatest number of tokens that a generated execution may have.
const MOST_TOKENS: u64 = 20_000_000;

/// How many display heights a picture shows, at most: the newest.
const PICTURE_HEIGHTS: u32 = 150;

/// How many tokens are work long enough for a progress bar.
const LONG: usize = 50_000;

type DynOracle<P> = Arc<dyn SafetyOracle<View<<P as cbc_validator::Protocol>::Estimate>>>;

pub(crate) fn run(arguments: &SimulateArguments, out: &mut dyn Write) -> Result<()> {
    let simulation = Simulation::prepare(arguments)?;
    let order_items = || ITEMS.map(str::to_owned).to_vec();
    match arguments.protocol {
        ProtocolArgument::Blockchain => {
            ensure!(arguments.estimates.is_none(), "a blockchain has no first estimates to give");
            simulation.finalizing(Blockchain, Vec::new(), None, out)
        }
        ProtocolArgument::Binary => {
            let estimates = simulation.estimates(|rng| json!(rng.random_range(0..=1)))?;
            let protocol = ValueConsensus::new(WeightedMedian::<Bit>::new());
            simulation.finalizing(protocol, Vec::new(), Some(estimates), out)
        }
        ProtocolArgument::Integer => {
            let estimates = simulation.estimates(|rng| json!(rng.random_range(0..=100)))?;
            let protocol = ValueConsensus::new(WeightedMedian::<Integer>::new());
            simulation.finalizing(protocol, Vec::new(), Some(estimates), out)
        }
        ProtocolArgument::Order | ProtocolArgument::OrderBorda => {
            let estimates = simulation.estimates(|rng| {
                let mut items = ITEMS;
                items.shuffle(rng);
                json!(items)
            })?;
            let items =
                if arguments.estimates.is_some() { items_of(&estimates) } else { order_items() };
            if arguments.protocol == ProtocolArgument::Order {
                let protocol = ValueConsensus::<Order, _>::new(Copeland::new(items.len()));
                simulation.finalizing(protocol, items, Some(estimates), out)
            } else {
                let protocol = ValueConsensus::<Order, _>::new(Borda::new(items.len()));
                let run = simulation.start(protocol, items, Some(&estimates))?;
                simulation.carry_out(run, Some(estimates), out)
            }
        }
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

/// A simulation with everything drawn but the first estimates.
struct Simulation<'a> {
    arguments: &'a SimulateArguments,
    validators: Arc<ValidatorSet>,
    schedule: Schedule,
    rng: std::cell::RefCell<ChaCha8Rng>,
}

impl<'a> Simulation<'a> {
    fn prepare(arguments: &'a SimulateArguments) -> Result<Self> {
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
        Ok(Self { arguments, validators, schedule, rng: rng.into() })
    }

    /// The first estimates, as they were given, or drawn.
    fn estimates(&self, mut draw: impl FnMut(&mut ChaCha8Rng) -> Json) -> Result<Vec<Json>> {
        let Some(given) = &self.arguments.estimates else {
            let mut rng = self.rng.borrow_mut();
            return Ok(self.validators.ids().map(|_| draw(&mut rng)).collect());
        };
        Ok(given
            .iter()
            .map(|text| match text.split_once('>') {
                Some(_) => json!(text.split('>').collect::<Vec<_>>()),
                None => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
            })
            .collect())
    }

    fn start<P>(
        &self,
        protocol: P,
        items: Vec<String>,
        estimates: Option<&[Json]>,
    ) -> Result<Run<P, DynOracle<P>>>
    where
        P: Recorded + Clone,
    {
        let notation = Notation::new(items.clone());
        let read = |json: &Json| {
            P::read_estimate(&notation, json)
                .with_context(|| format!("--estimates: {json} is no estimate of this protocol"))
        };
        let estimates = match estimates {
            Some(estimates) => Some(estimates.iter().map(read).collect::<Result<Vec<_>>>()?),
            None => None,
        };
        let setup = Setup {
            protocol,
            oracle: self.arguments.oracle.build(),
            validators: Arc::clone(&self.validators),
            threshold: Weight::new(self.arguments.threshold),
            check_estimates: !self.arguments.no_estimate_check,
            items,
        };
        Ok(Run::new(setup, estimates)?)
    }

    fn finalizing<P>(
        &self,
        protocol: P,
        items: Vec<String>,
        estimates: Option<Vec<Json>>,
        out: &mut dyn Write,
    ) -> Result<()>
    where
        P: Recorded<Estimator: MajorityDriven> + Clone,
    {
        let run = self.start(protocol, items, estimates.as_deref())?.finalizing();
        self.carry_out(run, estimates, out)
    }

    fn carry_out<P>(
        &self,
        mut run: Run<P, DynOracle<P>>,
        estimates: Option<Vec<Json>>,
        out: &mut dyn Write,
    ) -> Result<()>
    where
        P: Recorded + Clone,
    {
        let output = &self.arguments.output;
        fs::create_dir_all(output).with_context(|| format!("cannot make {}", output.display()))?;
        let progress = self.progress();
        let mut frames = Ok(());
        let interval = self.arguments.report_interval;
        let summary = simulate(&mut run, &self.schedule, interval, |run, rounds| {
            progress.inc(1);
            let due = interval > 0 && rounds.is_multiple_of(interval);
            if self.arguments.frames && due && frames.is_ok() {
                frames = self.draw(run, &format!("view-graph-{rounds:06}.svg")).map(drop);
            }
        })?;
        progress.finish_and_clear();
        frames?;
        let picture = self.draw(&run, "view-graph.svg")?;
        let scenario = self.write_scenario(estimates)?;
        let shown = Shown { simulation: self, summary: &summary, picture, scenario };
        if self.arguments.json { shown.as_json(out) } else { shown.to_people(out) }
    }

    fn progress(&self) -> ProgressBar {
        let rounds =
            self.schedule.execution.message_count() / self.schedule.messages_per_round.max(1);
        let long = self.schedule.execution.tokens().len() > LONG;
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
    fn write_scenario(&self, estimates: Option<Vec<Json>>) -> Result<PathBuf> {
        let (protocol, rule) = match self.arguments.protocol {
            ProtocolArgument::Blockchain => ("blockchain", None),
            ProtocolArgument::Binary => ("binary", None),
            ProtocolArgument::Integer => ("integer", None),
            ProtocolArgument::Order => ("order", Some("copeland")),
            ProtocolArgument::OrderBorda => ("order", None),
        };
        let mut scenario = json!({
            "id": format!("simulate-{protocol}-{}", self.arguments.seed),
            "protocol": protocol,
            "weights": self.validators.weights(),
            "initial_estimates": estimates,
            "execution": self.schedule.execution.to_string(),
        });
        if let Some(rule) = rule {
            scenario["rule"] = json!(rule);
        }
        write_file(self.arguments.output.join("scenario.jsonl"), &format!("{scenario}\n"))
    }
}

fn schedule(
    arguments: &SimulateArguments,
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
    simulation: &'a Simulation<'a>,
    summary: &'a Summary,
    picture: PathBuf,
    scenario: PathBuf,
}

impl Shown<'_> {
    fn as_json(&self, out: &mut dyn Write) -> Result<()> {
        let Simulation { arguments, validators, .. } = self.simulation;
        let mut json = json!({
            "protocol": protocol_name(arguments.protocol),
            "weights": validators.weights(),
            "seed": arguments.seed,
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
        let Simulation { arguments, validators, .. } = self.simulation;
        let summary = self.summary;
        writeln!(
            out,
            "{}, {} validators of total weight {}, {} rounds, seed {}\n",
            protocol_name(arguments.protocol),
            validators.len(),
            validators.total(),
            summary.rounds,
            arguments.seed
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

fn protocol_name(protocol: ProtocolArgument) -> &'static str {
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
fn plain(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" > "),
        other => other.to_string(),
    }
}
