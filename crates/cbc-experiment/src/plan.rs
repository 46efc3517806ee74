//! The plan: an ordered list of runs, each known by what determines it.

use std::fmt;

use cbc_simulation::rand::SeedableRng;
use cbc_simulation::{Footprint, ProtocolName};
use rand_chacha::ChaCha8Rng;

use crate::adversary::Adversary;
use crate::experiment::{Experiment, Mode};
use crate::network::Network;
use crate::weights::Weights;

/// The version of what runs do and of how they are written: another one makes other identities.
pub const FORMAT: u32 = 1;

/// The identity of a run or a plan.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity([u8; 32]);

impl Identity {
    fn of(text: &str) -> Self {
        Self(*blake3::hash(text.as_bytes()).as_bytes())
    }
}

impl fmt::Display for Identity {
    /// The first 16 bytes, in hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(16).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What determines an execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// The protocol.
    pub protocol: ProtocolName,
    /// How many validators there are.
    pub validators: u32,
    /// What they weigh.
    pub weights: Weights,
    /// Who speaks when.
    pub mode: Mode,
    /// How long messages travel.
    pub network: Network,
    /// Who fails, and how.
    pub adversary: Adversary,
    /// How many rounds there are.
    pub rounds: u32,
    /// How long a round is.
    pub interval: f64,
    /// What tells executions with the same parameters apart.
    pub seed: u64,
}

impl Parameters {
    /// The parameters as text, the same for the same execution.
    pub fn canonical(&self) -> String {
        format!(
            "cbc run, format {FORMAT}\nprotocol = {}\nvalidators = {}\nweights = {}\nmode = {}\n\
             network = {}\ndata = {}\nadversary = {}\nrounds = {}\ninterval = {:?}\nseed = {}\n",
            self.protocol,
            self.validators,
            self.weights.describe().to_toml(),
            self.mode.name(),
            self.network.describe().to_toml(),
            self.network.data(),
            self.adversary.describe().to_toml(),
            self.rounds,
            self.interval,
            self.seed
        )
    }

    /// The hash of [`canonical`](Self::canonical), by BLAKE3.
    pub fn identity(&self) -> Identity {
        Identity::of(&self.canonical())
    }

    /// The generator of all that is random in the execution: from its identity alone.
    pub fn generator(&self) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(self.identity().0)
    }

    /// How many validators make a message in each round.
    fn speakers(&self) -> u64 {
        match self.mode {
            Mode::Rand | Mode::Rrob => 1,
            Mode::Full | Mode::All | Mode::Leader => self.validators.into(),
        }
    }

    /// About how much work it is, beside other runs.
    pub fn cost(&self) -> u64 {
        let validators = u64::from(self.validators);
        u64::from(self.rounds) * validators * (validators + self.speakers())
    }

    /// How much memory it takes at most, by the arithmetic of [`Footprint`].
    pub fn footprint(&self) -> Footprint {
        let messages = u64::from(self.rounds) * self.speakers() * self.adversary.copies();
        let first_messages = !self.protocol.starts_from_genesis();
        Footprint::of_broadcasts(self.validators.into(), messages, first_messages)
    }
}

/// All runs of an experiment, in order: the seeds vary first, then adversaries, networks, modes,
/// weights, validators, and protocols last.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The experiment.
    pub experiment: Experiment,
    /// The runs; their places are their numbers.
    pub runs: Vec<Parameters>,
    /// The hash of the configuration with every default filled in, and of the files that it names.
    pub identity: Identity,
}

impl Plan {
    /// The plan of an experiment.
    pub fn new(experiment: Experiment) -> Self {
        let mut runs = Vec::new();
        let Experiment { rounds, interval, .. } = experiment;
        for &protocol in &experiment.protocols {
            for &validators in &experiment.validators {
                for weights in &experiment.weights {
                    for &mode in &experiment.modes {
                        for network in &experiment.networks {
                            for adversary in &experiment.adversaries {
                                runs.extend(experiment.seeds.iter().map(|&seed| Parameters {
                                    protocol,
                                    validators,
                                    weights: weights.clone(),
                                    mode,
                                    network: network.clone(),
                                    adversary: adversary.clone(),
                                    rounds,
                                    interval,
                                    seed,
                                }));
                            }
                        }
                    }
                }
            }
        }
        let data: Vec<&str> = experiment.networks.iter().map(Network::data).collect();
        let text =
            format!("cbc plan, format {FORMAT}\n{}{}", experiment.to_toml(), data.join("\n"));
        Self { identity: Identity::of(&text), experiment, runs }
    }

    /// How many judges there are: each oracle at each threshold.
    pub fn judges(&self) -> usize {
        self.experiment.oracles.len() * self.experiment.thresholds.len()
    }

    /// The plan as text, a line a run.
    pub fn to_text(&self) -> String {
        let lines = self.runs.iter().enumerate().map(|(number, run)| {
            format!(
                "{number} {} {} n={} {} {} {} {} seed={}\n",
                run.identity(),
                run.protocol,
                run.validators,
                run.weights.describe().label(),
                run.mode.name(),
                run.network.describe().label(),
                run.adversary.describe().label(),
                run.seed
            )
        });
        lines.collect()
    }
}
