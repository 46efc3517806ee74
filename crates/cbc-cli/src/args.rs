//! The arguments of the program.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Result, ensure};
use cbc_simulation::{Footprint, MessageMode, Network, OracleName, ProtocolName, UnknownName};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::help;

/// CBC Casper: simulate executions, replay recorded ones, compare safety oracles.
///
/// Without a command: `cbc simulate`.
#[derive(Debug, Parser)]
#[command(
    name = "cbc",
    version,
    after_help = "Example: cbc simulate --validators 7 --network step"
)]
pub struct Arguments {
    /// Log to standard error: -v what happens, -vv every message. RUST_LOG is read without it.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,

    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run an execution, generated or given, and show what is finalized.
    #[command(after_help = help::SIMULATE, after_long_help = help::with_tokens(help::SIMULATE))]
    Simulate(Box<SimulateArguments>),

    /// Replay recorded executions and compare with what was recorded.
    #[command(after_help = help::REPLAY)]
    Replay(ReplayArguments),

    /// Tabulate what every safety oracle says of the candidates of an execution.
    #[command(after_help = help::COMPARE, after_long_help = help::with_tokens(help::COMPARE))]
    Compare(Box<CompareArguments>),
}

impl Default for Command {
    fn default() -> Self {
        Self::Simulate(Box::default())
    }
}

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

/// How much memory may be used.
#[derive(Clone, Copy, Debug, Args)]
pub struct MemoryArguments {
    /// The memory, in MiB, that an execution may take by an estimate made beforehand.
    #[arg(long = "memory", value_name = "MIB", default_value_t = 4096, allow_negative_numbers = true, value_parser = whole::<u64>)]
    pub mebibytes: u64,
}

impl MemoryArguments {
    /// # Errors
    ///
    /// The arithmetic, if `footprint` does not fit.
    pub(crate) fn fits(self, footprint: &Footprint) -> Result<()> {
        let Self { mebibytes } = self;
        ensure!(
            footprint.bytes().div_ceil(1 << 20) <= mebibytes,
            "too large for --memory {mebibytes} (MiB): {footprint}"
        );
        Ok(())
    }
}

/// When validators finalize.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WatchArgument {
    /// After every round, each in its own view.
    #[default]
    All,
    /// At the end; only the observer who receives every message does so after every round.
    Global,
}

/// The arguments of `cbc simulate`.
#[derive(Debug, Args)]
pub struct SimulateArguments {
    /// A scenario, or a trace with one among others, instead of an execution by the options below;
    /// - is standard input.
    #[arg(conflicts_with = "ExecutionArguments")]
    pub file: Option<PathBuf>,

    /// Which scenario of FILE, by its id; needed if there are several.
    #[arg(long, value_name = "ID", requires = "file")]
    pub scenario: Option<String>,

    /// What happens.
    #[command(flatten)]
    pub execution: ExecutionArguments,

    /// How much memory may be used.
    #[command(flatten)]
    pub memory: MemoryArguments,

    /// When validators finalize: what each of them finalized, and when, is in the summary.
    #[arg(long, value_enum, default_value_t)]
    pub watch: WatchArgument,

    /// Report every so many rounds; 0 for never.
    #[arg(long, default_value_t = 20, allow_negative_numbers = true, value_parser = whole::<usize>)]
    pub report_interval: usize,

    /// The safety oracle that finalizes.
    #[arg(long, default_value_t, value_parser = one_of(&OracleName::ALL, OracleName::name, OracleName::about))]
    pub oracle: OracleName,

    /// The fault tolerance, in weight, at which validators finalize.
    #[arg(long, short, default_value_t = 0, allow_negative_numbers = true, value_parser = whole::<u64>)]
    pub threshold: u64,

    /// The folder for the picture and the scenario; made if it is not there.
    #[arg(long, short, default_value = "out")]
    pub output: PathBuf,

    /// Draw justifications in the picture, too.
    #[arg(long)]
    pub justifications: bool,

    /// Draw a picture at every report, too.
    #[arg(long)]
    pub frames: bool,

    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
}

impl Default for SimulateArguments {
    fn default() -> Self {
        /// The arguments alone, to be read from an empty command line.
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            arguments: SimulateArguments,
        }
        Alone::parse_from(["cbc"]).arguments
    }
}

/// The arguments of `cbc replay`.
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// Traces, a scenario a line; - is standard input.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,

    /// Print each scenario with everything computed anew, and compare nothing.
    #[arg(long)]
    pub json: bool,

    /// How much memory may be used.
    #[command(flatten)]
    pub memory: MemoryArguments,
}

/// The arguments of `cbc compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Traces, a scenario a line, instead of an execution by the options below; - is standard
    /// input.
    #[arg(conflicts_with = "ExecutionArguments")]
    pub files: Vec<PathBuf>,

    /// What happens.
    #[command(flatten)]
    pub execution: ExecutionArguments,

    /// How much memory may be used.
    #[command(flatten)]
    pub memory: MemoryArguments,

    /// The safety oracles, separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = OracleName::ALL,
          value_parser = one_of(&OracleName::ALL, OracleName::name, OracleName::about))]
    pub oracles: Vec<OracleName>,

    /// What they are asked about. chain: the blocks of the fork choice, or each distinct latest
    /// value; all: every block, or every value that a message holds; or blocks by name, or values
    /// (orders: items separated by >), separated by commas.
    #[arg(long, default_value = "chain", allow_hyphen_values = true, value_parser = parse_candidates)]
    pub candidates: Candidates,

    /// In whose view: global, or a validator's number.
    #[arg(long, default_value = "global", allow_negative_numbers = true, value_parser = parse_observer)]
    pub view: ViewArgument,

    /// How often each oracle is asked; the time reported is the median.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub repeat: u32,

    /// Leave out the times: the rest is the same for the same execution.
    #[arg(long, conflicts_with = "repeat")]
    pub no_time: bool,

    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// The same as --format json.
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

/// What oracles are asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidates {
    /// The blocks of the fork choice; each distinct latest value.
    Chain,
    /// Every block; every value that a message holds.
    All,
    /// These blocks or values.
    Named(Vec<String>),
}

/// In whose view oracles are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewArgument {
    /// That of the observer who receives every message.
    Global,
    /// A validator's.
    Validator(u32),
}

/// How a table is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// In columns, and a summary, for people.
    #[default]
    Table,
    /// Comma-separated values, the names of the columns first.
    Csv,
    /// A JSON object of rows and summary.
    Json,
}

/// One of the rows of the registry, by its name; `about` says in the help what each is.
fn one_of<T>(
    rows: &'static [T],
    name: fn(T) -> &'static str,
    about: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T>
where
    T: Copy + FromStr<Err = UnknownName> + Send + Sync + 'static,
{
    let value = |&row| PossibleValue::new(name(row)).help(about(row).trim_end_matches('.'));
    let values = rows.iter().map(value).collect::<Vec<_>>();
    PossibleValuesParser::new(values).try_map(|name| name.parse())
}

/// A whole number.
fn whole<T: FromStr + TryFrom<u64>>(text: &str) -> Result<T, String> {
    let greatest = if T::try_from(u64::MAX).is_ok() { u64::MAX } else { u64::from(u32::MAX) };
    text.parse().map_err(|_| format!("expected a whole number from 0 to {greatest}"))
}

fn parse_validators(text: &str) -> Result<u32, String> {
    let greatest = u32::MAX;
    let number = text.parse().ok().filter(|&number| number > 0);
    number.ok_or_else(|| format!("expected a whole number from 1 to {greatest}"))
}

fn parse_candidates(text: &str) -> Result<Candidates, String> {
    match text {
        "chain" => Ok(Candidates::Chain),
        "all" => Ok(Candidates::All),
        names => {
            let names: Vec<String> = names.split(',').map(str::to_owned).collect();
            if names.contains(&String::new()) {
                return Err("expected chain, all, or names separated by commas".to_owned());
            }
            Ok(Candidates::Named(names))
        }
    }
}

fn parse_observer(text: &str) -> Result<ViewArgument, String> {
    match text {
        "global" => Ok(ViewArgument::Global),
        number => match number.parse() {
            Ok(validator) => Ok(ViewArgument::Validator(validator)),
            Err(_) => Err("expected global or the number of a validator".to_owned()),
        },
    }
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
