//! What a journal has in its lines: which plan and shard it is of, and what came of each run.
//!
//! A line is a checksum and a JSON object. Whoever reads a journal whose writer was interrupted
//! finds its last line torn, and nothing else.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::columns::Cell;
use crate::measure::Judged;
use crate::plan::{FORMAT, Plan};
use crate::run::Outcome;

/// A share of a plan: of n shards, the i-th has the runs whose number leaves i − 1 when divided by n.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which one, from 1.
    pub number: u64,
    /// Of how many.
    pub of: u64,
}

impl Shard {
    /// The whole plan.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// Whether the run of this number belongs to it.
    pub fn has(self, run: usize) -> bool {
        run as u64 % self.of.max(1) == self.number.saturating_sub(1)
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("{text:?} is no shard: expected I/N, from 1/N to N/N");
        let (number, of) = text.split_once('/').ok_or_else(expected)?;
        let number = number.parse().map_err(|_| expected())?;
        let of = of.parse().map_err(|_| expected())?;
        if (1..=of).contains(&number) { Ok(Self { number, of }) } else { Err(expected()) }
    }
}

/// The first line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format.
    pub format: u32,
    /// The identity of the plan.
    pub plan: String,
    /// The configuration: each key and its value as TOML has it.
    pub settings: Vec<(String, String)>,
    /// The texts of the files that the configuration names, each with its name.
    pub files: Vec<(String, String)>,
    /// The share of the plan.
    pub shard: Shard,
    /// How many runs the whole plan has.
    pub runs: u64,
}

/// Why a journal does not belong to a plan.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Foreign {
    /// It is written in another format.
    #[error("its format is {found}, and this program writes {FORMAT}")]
    Format {
        /// The version of its format.
        found: u32,
    },
    /// A value is another one.
    #[error("it is of another plan: its {key} is {found}, and here it is {expected}")]
    Setting {
        /// The key.
        key: String,
        /// Its value in the journal.
        found: String,
        /// Its value in the plan.
        expected: String,
    },
    /// A file that the configuration names is another one.
    #[error("it is of another plan: a file that networks names has changed")]
    File,
    /// It is of another shard.
    #[error("it is of shard {found}, and this is {expected}")]
    Shard {
        /// Its shard.
        found: Shard,
        /// That of the plan.
        expected: Shard,
    },
}

impl Header {
    /// That of a shard of a plan.
    pub fn new(plan: &Plan, shard: Shard) -> Self {
        let settings = plan.experiment.settings().into_iter();
        Self {
            format: FORMAT,
            plan: plan.identity.to_string(),
            settings: settings.map(|(key, value)| (key.to_owned(), value)).collect(),
            files: plan.experiment.files(),
            shard,
            runs: plan.runs.len() as u64,
        }
    }

    /// The configuration, as [`Experiment::to_toml`](crate::Experiment::to_toml) has it.
    pub fn to_toml(&self) -> String {
        self.settings.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
    }

    /// Whether what is written in a journal with this header belongs to the plan of `own`, whatever
    /// the shard.
    ///
    /// # Errors
    ///
    /// [`Foreign`], with the first key that differs.
    pub fn is_of_plan_of(&self, own: &Self) -> Result<(), Foreign> {
        if self.format != own.format {
            return Err(Foreign::Format { found: self.format });
        }
        let found = |key: &String| {
            let value = self.settings.iter().find(|(it, _)| it == key);
            value.map_or("missing", |(_, value)| value)
        };
        let differs = own.settings.iter().find(|(key, value)| found(key) != value);
        if let Some((key, expected)) = differs {
            let (key, found) = (key.clone(), found(key).to_owned());
            return Err(Foreign::Setting { key, found, expected: expected.clone() });
        }
        if self.plan == own.plan { Ok(()) } else { Err(Foreign::File) }
    }

    /// Whether it is the same plan and the same shard.
    ///
    /// # Errors
    ///
    /// [`Foreign`], with the first key that differs.
    pub fn is_same_as(&self, own: &Self) -> Result<(), Foreign> {
        self.is_of_plan_of(own)?;
        if self.shard == own.shard {
            Ok(())
        } else {
            Err(Foreign::Shard { found: self.shard, expected: own.shard })
        }
    }
}

/// What came of a run, as a journal has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The number of the run in the plan.
    pub run: usize,
    /// What came of it.
    pub outcome: Outcome,
}

/// A record, as JSON has it.
#[derive(Serialize, Deserialize)]
struct Written {
    run: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    judged: Vec<(Vec<Cell>, Vec<Vec<Cell>>)>,
}

/// How many hexadecimal digits a checksum has.
const CHECKSUM: usize = 16;

fn checksum(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().chars().take(CHECKSUM).collect()
}

fn to_line(json: &impl Serialize) -> String {
    // What is written here are maps with keys of text, and numbers: nothing that JSON cannot have.
    let text = serde_json::to_string(json).unwrap_or_default();
    format!("{} {text}\n", checksum(&text))
}

/// What is in a line, which ends in a newline; nothing if it is torn, or something else.
fn of_line<T: for<'de> Deserialize<'de>>(line: &str) -> Option<T> {
    let (sum, text) = line.strip_suffix('\n')?.split_once(' ')?;
    if checksum(text) == sum { serde_json::from_str(text).ok() } else { None }
}

impl Header {
    /// The line of a journal.
    pub fn to_line(&self) -> String {
        to_line(self)
    }

    /// The header in a line; nothing if there is none, or the line is torn.
    pub fn of_line(line: &str) -> Option<Self> {
        of_line(line)
    }
}

impl Record {
    /// The line of a journal.
    pub fn to_line(&self) -> String {
        let (failed, judged) = match &self.outcome {
            Outcome::Failed(problem) => (Some(problem.clone()), Vec::new()),
            Outcome::Done(judged) => {
                let cells = |it: &Judged| (it.measures.clone(), it.blocks.clone());
                (None, judged.iter().map(cells).collect())
            }
        };
        to_line(&Written { run: self.run, failed, judged })
    }

    /// The number of the run that a line is about; nothing if there is none, or the line is torn.
    pub fn run_of_line(line: &str) -> Option<usize> {
        #[derive(Deserialize)]
        struct Numbered {
            run: usize,
        }
        of_line(line).map(|Numbered { run }| run)
    }

    /// The record in a line; nothing if there is none, or the line is torn.
    pub fn of_line(line: &str) -> Option<Self> {
        let Written { run, failed, judged } = of_line(line)?;
        let judged = judged.into_iter().map(|(measures, blocks)| Judged { measures, blocks });
        let outcome = failed.map_or_else(|| Outcome::Done(judged.collect()), Outcome::Failed);
        Some(Self { run, outcome })
    }
}
