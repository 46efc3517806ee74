//! Validators who do not do as they should.

use cbc_message::{ValidatorId, ValidatorSet};

use crate::described::Described;
use crate::network::time;
use crate::source::{ConfigError, Item, Table};

/// Which validators.
#[derive(Clone, Debug, PartialEq)]
pub enum Who {
    /// These, by number.
    Listed(Vec<u32>),
    /// As many as weigh no more than this share of the total together, from the last one back.
    Share(f64),
}

/// How equivocators deceive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Each speaks with two tongues: of one, only the even validators hear, of the other, only the
    /// odd ones; with each it has heard only those whom it speaks to. Who receives a message that
    /// builds on what it was not sent asks its maker for that, and has it a round trip later.
    Split,
    /// Each speaks with two tongues, as in `Split`, but all hear both; in its turn it speaks with
    /// the one whose head fewer validators follow.
    Balance,
    /// Each does as it should until `start`, and then denies, once, its messages of the last half:
    /// it speaks as if it had seen what it had halfway, to all, and never again.
    Late,
    /// In each turn each speaks several times, to all, as if it had seen less and less.
    Flood,
}

/// Who fails, and how.
#[derive(Clone, Debug, PartialEq)]
pub enum Adversary {
    /// Nobody.
    None,
    /// Some never say anything; they listen.
    Silent {
        /// Who.
        who: Who,
    },
    /// Some neither speak nor listen for a while; what was sent to them reaches them after it.
    Crash {
        /// Who.
        who: Who,
        /// When it begins.
        start: f64,
        /// When it is over.
        end: f64,
    },
    /// Some equivocate.
    Equivocate {
        /// Who.
        who: Who,
        /// How.
        strategy: Strategy,
        /// From when on; until then they do as they should.
        start: f64,
        /// How many messages a flood has in each turn.
        copies: u32,
    },
}

#[derive(Clone, Copy)]
enum Kind {
    None,
    Silent,
    Crash,
    Equivocate,
}

const KINDS: &[(&str, Kind)] = &[
    ("none", Kind::None),
    ("silent", Kind::Silent),
    ("crash", Kind::Crash),
    ("equivocate", Kind::Equivocate),
];

const STRATEGIES: &[(&str, Strategy)] = &[
    ("split", Strategy::Split),
    ("balance", Strategy::Balance),
    ("late", Strategy::Late),
    ("flood", Strategy::Flood),
];

/// The share of the weight that fails, where none is given.
const SHARE: f64 = 0.3;

impl Adversary {
    pub(crate) fn read(item: &Item<'_>) -> Result<Self, ConfigError> {
        let who = ["validators", "share"];
        match item.kind(KINDS)? {
            Kind::None => item.parameters(&[]).map(|_| Self::None),
            Kind::Silent => {
                let table = item.parameters(&who)?;
                Ok(Self::Silent { who: Who::read(table.as_ref())? })
            }
            Kind::Crash => {
                let expected = "a table, as { kind = \"crash\", start = 10, end = 20 }";
                let table = item.parameters(&[&who[..], &["start", "end"]].concat())?;
                let table = table.ok_or_else(|| item.unexpected(expected))?;
                let start = time(&table.need("start", expected)?)?;
                let end = table.need("end", expected)?.number(
                    |it| it > start && it <= 1e9,
                    &format!("a time after {start:?}, which is its start, up to 1e9"),
                )?;
                Ok(Self::Crash { who: Who::read(Some(&table))?, start, end })
            }
            Kind::Equivocate => {
                let keys = [&who[..], &["strategy", "start", "copies"]].concat();
                let names = "a strategy: split, balance, late, flood";
                let expected = format!("a table with {names}");
                let table = item.parameters(&keys)?.ok_or_else(|| item.unexpected(expected))?;
                let strategy = table.need("strategy", names)?.choice(STRATEGIES)?;
                let flood = strategy == Strategy::Flood;
                if let Some(copies) = table.get("copies").filter(|_| !flood) {
                    return Err(copies.unexpected("no copies: only strategy flood has them"));
                }
                let copies = table.or("copies", 3, |item| item.whole(2..=100))? as u32;
                Ok(Self::Equivocate {
                    who: Who::read(Some(&table))?,
                    strategy,
                    start: table.or("start", 0.0, time)?,
                    copies,
                })
            }
        }
    }

    /// What it is called, with its parameters.
    pub fn describe(&self) -> Described {
        match self {
            Self::None => Described::new("none"),
            Self::Silent { who } => who.describe(Described::new("silent")),
            Self::Crash { who, start, end } => {
                who.describe(Described::new("crash")).with("start", *start).with("end", *end)
            }
            Self::Equivocate { who, strategy, start, copies } => {
                let name = STRATEGIES.iter().find(|(_, it)| it == strategy).map_or("", |it| it.0);
                let described = who.describe(Described::new("equivocate").with("strategy", name));
                let described = described.with("start", *start);
                match strategy {
                    Strategy::Flood => described.with("copies", *copies),
                    Strategy::Split | Strategy::Balance | Strategy::Late => described,
                }
            }
        }
    }

    fn who(&self) -> Option<&Who> {
        match self {
            Self::None => None,
            Self::Silent { who } | Self::Crash { who, .. } | Self::Equivocate { who, .. } => {
                Some(who)
            }
        }
    }

    /// How many messages somebody makes in a turn at most.
    pub(crate) fn copies(&self) -> u64 {
        match *self {
            Self::Equivocate { strategy: Strategy::Flood, copies, .. } => copies.into(),
            Self::Equivocate { .. } => 2,
            Self::None | Self::Silent { .. } | Self::Crash { .. } => 1,
        }
    }

    /// Whether it is about messages that contradict each other.
    pub(crate) fn equivocates(&self) -> bool {
        matches!(self, Self::Equivocate { .. })
    }

    /// Why there are no such validators among so many, if there are none.
    pub(crate) fn misfit(&self, validators: u32) -> Option<String> {
        let Some(Who::Listed(listed)) = self.who() else { return None };
        let unknown = listed.iter().find(|&&validator| validator >= validators);
        unknown.map(|unknown| format!("validator {unknown}"))
    }

    /// Who of these fails.
    pub fn members(&self, validators: &ValidatorSet) -> Vec<ValidatorId> {
        match self.who() {
            None => Vec::new(),
            Some(Who::Listed(listed)) => listed.iter().copied().map(ValidatorId::new).collect(),
            Some(&Who::Share(share)) => {
                let most = share * validators.total().get() as f64;
                let mut together = 0.0;
                let mut members: Vec<ValidatorId> = (0..validators.len() as u32)
                    .rev()
                    .map(ValidatorId::new)
                    .take_while(|&validator| {
                        together += validators.weight(validator).get() as f64;
                        together <= most
                    })
                    .collect();
                members.reverse();
                members
            }
        }
    }
}

impl Who {
    fn read(table: Option<&Table<'_>>) -> Result<Self, ConfigError> {
        let Some(table) = table else { return Ok(Self::Share(SHARE)) };
        let listed = table.get("validators");
        if let (Some(_), Some(share)) = (&listed, table.get("share")) {
            return Err(share.unexpected("either validators or a share, not both"));
        }
        let Some(listed) = listed else {
            let share = |item: &Item<'_>| {
                item.number(
                    |it| it > 0.0 && it < 1.0,
                    "a share of the weight: a number between 0 and 1",
                )
            };
            return Ok(Self::Share(table.or("share", SHARE, share)?));
        };
        let listed = listed.list(|item| item.whole(0..=u64::from(u32::MAX)))?;
        Ok(Self::Listed(listed.into_iter().map(|placed| placed.value as u32).collect()))
    }

    fn describe(&self, described: Described) -> Described {
        match self {
            Self::Listed(listed) => described.with("validators", listed.as_slice()),
            Self::Share(share) => described.with("share", *share),
        }
    }
}
