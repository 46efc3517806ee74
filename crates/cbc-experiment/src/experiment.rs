//! An experiment: what is varied, and over what.

use std::str::FromStr;

use cbc_simulation::{OracleName, ProtocolName};

use crate::adversary::Adversary;
use crate::described::ToToml;
use crate::network::{Load, Network};
use crate::source::{ConfigError, Item, Placed, Source, Table};
use crate::weights::Weights;

/// Who makes messages when. A round is an interval of simulated time, and begins with these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One validator proposes, at random.
    Rand,
    /// One validator proposes, each in turn.
    Rrob,
    /// All propose, each in turn: who hears of a block at once builds on it.
    Full,
    /// All propose at once.
    All,
    /// One validator proposes, each in turn; half an interval later the others vote at once for
    /// the heads of their views.
    Leader,
}

const MODES: &[(&str, Mode)] = &[
    ("rand", Mode::Rand),
    ("rrob", Mode::Rrob),
    ("full", Mode::Full),
    ("all", Mode::All),
    ("leader", Mode::Leader),
];

impl Mode {
    /// What it is called.
    pub fn name(self) -> &'static str {
        MODES.iter().find(|(_, mode)| *mode == self).map_or("", |(name, _)| name)
    }
}

/// Whose finality is looked at after each round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Everybody's.
    All,
    /// That of an observer who receives every message as soon as it is made.
    Global,
}

const WATCHES: &[(&str, Watch)] = &[("all", Watch::All), ("global", Watch::Global)];

/// An experiment. All lists are varied against each other.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// What it is called: letters, digits, `-` and `_`.
    pub name: String,
    /// The protocols.
    pub protocols: Vec<ProtocolName>,
    /// The numbers of validators.
    pub validators: Vec<u32>,
    /// What they weigh.
    pub weights: Vec<Weights>,
    /// Who speaks when.
    pub modes: Vec<Mode>,
    /// The networks.
    pub networks: Vec<Network>,
    /// Who fails, and how.
    pub adversaries: Vec<Adversary>,
    /// The oracles. All judge the same executions.
    pub oracles: Vec<OracleName>,
    /// The thresholds, in shares of the total weight; a threshold is rounded down to a weight. All
    /// are applied to the same executions.
    pub thresholds: Vec<f64>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// How many rounds there are.
    pub rounds: u32,
    /// How long a round is, in simulated time.
    pub interval: f64,
    /// Whose finality is looked at.
    pub watch: Watch,
}

/// So many runs and no more: each is a line in a journal.
const MOST_RUNS: u128 = 10_000_000;
/// So many messages in a run, and no more; more than a machine can hold.
const MOST_MESSAGES: u64 = 50_000_000;

const KEYS: &[&str] = &[
    "name",
    "protocols",
    "validators",
    "weights",
    "modes",
    "networks",
    "adversaries",
    "oracles",
    "thresholds",
    "seeds",
    "rounds",
    "interval",
    "watch",
];

impl Experiment {
    /// Reads an experiment; `file` is what errors call it, and `load` reads files that it names.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for what is no TOML, an unknown key, a value that is not allowed, and
    /// combinations of values that are impossible.
    pub fn parse(file: &str, text: &str, load: Load<'_>) -> Result<Self, ConfigError> {
        Source { file, text }.read(KEYS, |table| read(table, load))
    }

    /// The configuration with every default filled in, which is read as the same experiment. What is
    /// printed for two experiments is the same if and only if they are, but for files they name.
    pub fn to_toml(&self) -> String {
        let lines = self.settings().into_iter().map(|(key, value)| format!("{key} = {value}\n"));
        lines.collect()
    }

    /// The texts of the files that networks name, each with its name, but for the one that comes
    /// with this crate.
    pub(crate) fn files(&self) -> Vec<(String, String)> {
        self.networks.iter().filter_map(Network::file).collect()
    }

    /// The keys, and their values as TOML has them.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let names = |names: Vec<&str>| names.to_toml();
        let list = |values: Vec<String>| format!("[{}]", values.join(", "));
        let in_a_row = self.seeds.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]));
        let seeds = match self.seeds.first().filter(|_| in_a_row && self.seeds.len() > 1) {
            Some(first) => format!("{{ first = {first}, count = {} }}", self.seeds.len()),
            None => self.seeds.to_toml(),
        };
        vec![
            ("name", self.name.to_toml()),
            ("protocols", names(self.protocols.iter().map(|it| it.name()).collect())),
            ("validators", self.validators.to_toml()),
            ("weights", list(self.weights.iter().map(|it| it.describe().to_toml()).collect())),
            ("modes", names(self.modes.iter().map(|it| it.name()).collect())),
            ("networks", list(self.networks.iter().map(|it| it.describe().to_toml()).collect())),
            (
                "adversaries",
                list(self.adversaries.iter().map(|it| it.describe().to_toml()).collect()),
            ),
            ("oracles", names(self.oracles.iter().map(|it| it.name()).collect())),
            ("thresholds", self.thresholds.to_toml()),
            ("seeds", seeds),
            ("rounds", self.rounds.to_toml()),
            ("interval", self.interval.to_toml()),
            (
                "watch",
                WATCHES.iter().find(|(_, it)| *it == self.watch).map_or("", |it| it.0).to_toml(),
            ),
        ]
    }
}

fn named<T: FromStr<Err: ToString> + Copy>(item: &Item<'_>) -> Result<T, ConfigError> {
    let name = item.text("a name")?;
    name.parse().map_err(|error: T::Err| item.unexpected(error.to_string()))
}

/// The values of a list; those of `default`, with the place of the table, if there is none.
fn list<T: PartialEq>(
    table: &Table<'_>,
    key: &str,
    default: Vec<T>,
    read: impl Fn(&Item<'_>) -> Result<T, ConfigError>,
) -> Result<Vec<Placed<T>>, ConfigError> {
    match table.get(key) {
        Some(item) => item.list(read),
        None => Ok(default
            .into_iter()
            .map(|value| Placed { value, span: table.span.start..table.span.start })
            .collect()),
    }
}

fn values<T>(list: Vec<Placed<T>>) -> Vec<T> {
    list.into_iter().map(|placed| placed.value).collect()
}

fn read(table: &Table<'_>, load: Load<'_>) -> Result<Experiment, ConfigError> {
    let is_name = |name: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !name.is_empty() && name.len() <= 64 && name.chars().all(allowed)
    };
    let name = |item: &Item<'_>| {
        let expected = "a name of letters, digits, - and _, no longer than 64";
        let name = item.text(expected)?;
        if is_name(name) { Ok(name.to_owned()) } else { Err(item.unexpected(expected)) }
    };
    let protocols = list(table, "protocols", vec![ProtocolName::default()], named)?;
    let validators =
        list(table, "validators", vec![5], |item| Ok(item.whole(1..=100_000)? as u32))?;
    let weights = list(table, "weights", vec![Weights::Equal], Weights::read)?;
    let modes = list(table, "modes", vec![Mode::Rrob], |item| item.choice(MODES))?;
    let networks = list(table, "networks", vec![no_delay()], |item| Network::read(item, load))?;
    let adversaries = list(table, "adversaries", vec![Adversary::None], Adversary::read)?;
    let rounds = table.or("rounds", 60, |item| item.whole(1..=1_000_000))?;
    for protocol in &protocols {
        crate::combine::protocol(table, protocol, &modes, &adversaries)?;
    }
    crate::combine::sizes(table, &validators, &weights, &adversaries)?;
    let share =
        "a share of the total weight: a number from 0 to below 0.5, as no more is ever tolerated";
    let thresholds = list(table, "thresholds", vec![0.0], |item| {
        item.number(|it| (0.0..0.5).contains(&it), share)
    })?;
    let interval = "a time above 0, up to 1e6";
    let experiment = Experiment {
        name: table.or("name", "experiment".to_owned(), name)?,
        protocols: values(protocols),
        validators: values(validators),
        weights: values(weights),
        modes: values(modes),
        networks: values(networks),
        adversaries: values(adversaries),
        oracles: values(list(table, "oracles", vec![OracleName::default()], named)?),
        thresholds: values(thresholds),
        seeds: table.or("seeds", (1..=10).collect(), seeds)?,
        rounds: rounds as u32,
        interval: table
            .or("interval", 1.0, |item| item.number(|it| it > 0.0 && it <= 1e6, interval))?,
        watch: table.or("watch", Watch::All, |item| item.choice(WATCHES))?,
    };
    let runs = runs(&experiment);
    if runs > MOST_RUNS {
        return Err(table.error(format!("{runs} runs: expected no more than {MOST_RUNS}")));
    }
    let speakers = experiment.validators.iter().copied().max().unwrap_or(1);
    let messages = rounds * u64::from(speakers);
    let all_speak =
        experiment.modes.iter().any(|mode| matches!(mode, Mode::Full | Mode::All | Mode::Leader));
    if all_speak && messages > MOST_MESSAGES {
        let place = table.get("rounds");
        let problem = format!(
            "{speakers} validators who all speak for {rounds} rounds make {messages} messages: \
             expected no more than {MOST_MESSAGES}"
        );
        return Err(place.map_or_else(|| table.error(&problem), |item| item.unexpected(&problem)));
    }
    Ok(experiment)
}

fn no_delay() -> Network {
    Network { delay: crate::Delay::None, loss: 0.0, resend: 1.0, partitions: Vec::new() }
}

/// A list of seeds, or the first and how many.
fn seeds(item: &Item<'_>) -> Result<Vec<u64>, ConfigError> {
    if item.as_table().is_some() {
        let expected = "seeds, as [1, 2, 3] or { first = 1, count = 3 }";
        let table = item.fields(&["first", "count"], expected)?;
        let first = table.or("first", 1, |item| item.whole(0..=u64::from(u32::MAX)))?;
        let count = table.need("count", expected)?.whole(1..=1_000_000)?;
        return Ok((first..first + count).collect());
    }
    Ok(values(item.list(|item| item.whole(0..=i64::MAX as u64))?))
}

/// How many runs there are.
pub(crate) fn runs(experiment: &Experiment) -> u128 {
    let lists = [
        experiment.protocols.len(),
        experiment.validators.len(),
        experiment.weights.len(),
        experiment.modes.len(),
        experiment.networks.len(),
        experiment.adversaries.len(),
        experiment.seeds.len(),
    ];
    lists.into_iter().map(|length| length as u128).product()
}
