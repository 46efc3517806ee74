//! The arguments that say which execution is meant.

use std::str::FromStr;

use cbc_simulation::{MessageMode, Network, ProtocolName};
use clap::{Args, ValueEnum};

use crate::values::{one_of, whole};

/// Who makes messages in a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ModeArgument {
    /// One validator, at random.
    #[default]
    Rand,
    /// One validator, each in turn.
    Rrob,
    /// All validators.
    Full,
}

impl From<ModeArgument> for MessageMode {
    fn from(mode: ModeArgument) -> Self {
        match mode {
            ModeArgument::Rand => Self::Rand,
            ModeArgument::Rrob => Self::Rrob,
            ModeArgument::Full => Self::Full,
        }
    }
}

/// An execution, generated or given.
#[derive(Debug, Args)]
pub struct ExecutionArguments {
    /// What is decided.
    #[arg(long, short, default_value_t, value_parser = one_of(&ProtocolName::ALL, ProtocolName::name, ProtocolName::about))]
    pub protocol: ProtocolName,

    /// How many validators there are, 5 unless weights are given; their weights are drawn at
    /// random.
    #[arg(long, short = 'n', allow_negative_numbers = true, value_parser = parse_validators)]
    pub validators: Option<u32>,

    /// What each validator weighs, separated by commas, instead of a random weight.
    #[arg(long, short, value_delimiter = ',', allow_hyphen_values = true, value_parser = whole::<u64>)]
    pub weights: Option<Vec<u64>>,

    /// What happens, instead of a generated execution: tokens (M-0-A SJ-1-A …), @FILE for tokens
    /// in a file, or a ready-made execution: full-round, immediate-split.
    #[arg(long, short, conflicts_with_all = ["mode", "network"])]
    pub execution: Option<String>,

    /// Who makes messages in a round.
    #[arg(long, short, value_enum, default_value_t)]
    pub mode: ModeArgument,

    /// How many rounds a message travels: no-delay, step, constant, random or gaussian, or
    /// with parameters constant:ROUNDS, random:MOST or gaussian:MEAN,DEVIATION.
    #[arg(long, default_value = "random:2", value_parser = parse_network)]
    pub network: Network,

    /// How many rounds there are.
    #[arg(long, short, default_value_t = 100, allow_negative_numbers = true, value_parser = whole::<usize>)]
    pub rounds: usize,

    /// The first estimates, separated by commas (orders: items separated by >), instead of random
    /// ones.
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true)]
    pub estimates: Option<Vec<String>>,

    /// Where the random numbers come from: a seed determines everything.
    #[arg(long, short, default_value_t = 0, allow_negative_numbers = true, value_parser = whole::<u64>)]
    pub seed: u64,

    /// Do not check that estimates follow from their justifications (rule V5).
    #[arg(long)]
    pub no_estimate_check: bool,
}

fn parse_validators(text: &str) -> Result<u32, String> {
    let greatest = u32::MAX;
    let number = text.parse().ok().filter(|&number| number > 0);
    number.ok_or_else(|| format!("expected a whole number from 1 to {greatest}"))
}

fn parse_network(text: &str) -> Result<Network, String> {
    let (name, parameters) = match text.split_once(':') {
        Some((name, parameters)) => (name, Some(parameters)),
        None => (text, None),
    };
    match (name, parameters) {
        ("no-delay", None) => Ok(Network::NoDelay),
        ("step", None) => Ok(Network::Step),
        ("constant", None) => Ok(Network::CONSTANT),
        ("constant", Some(rounds)) => Ok(Network::Constant { rounds: number(rounds)? }),
        ("random", None) => Ok(Network::RANDOM),
        ("random", Some(most)) => Ok(Network::Random { most: number(most)? }),
        ("gaussian", None) => Ok(Network::GAUSSIAN),
        ("gaussian", Some(parameters)) => {
            let (mean, deviation) =
                parameters.split_once(',').ok_or("expected gaussian:MEAN,DEVIATION")?;
            let (mean, deviation): (f64, f64) = (number(mean)?, number(deviation)?);
            if mean.is_finite() && deviation.is_finite() && deviation >= 0.0 {
                Ok(Network::Gaussian { mean, deviation })
            } else {
                Err("expected a finite mean and a finite deviation of at least 0".to_owned())
            }
        }
        _ => Err("expected no-delay, step, constant[:ROUNDS], random[:MOST] or \
                  gaussian[:MEAN,DEVIATION]"
            .to_owned()),
    }
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| {
        format!("{text:?} is no such number: expected, say, constant:5, random:2 or gaussian:4.5,2")
    })
}
