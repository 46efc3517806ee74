//! What validators weigh.

use cbc_message::Weight;
use rand::Rng;
use rand_distr::{Distribution, Normal, Pareto};

use crate::described::Described;
use crate::source::{ConfigError, Item};

/// The weight of each of the others, beside a whale.
const OTHERS: u64 = 1_000;
/// So much that no sum of them passes what weights can be, whatever is drawn.
const MOST: f64 = 1e12;

/// How weights come about. All are whole and at least 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Weights {
    /// All weigh 1.
    Equal,
    /// Normally distributed.
    Gaussian {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        deviation: f64,
    },
    /// By Pareto's law: P(weight > x) = (scale / x)^shape.
    Pareto {
        /// The least weight.
        scale: f64,
        /// The exponent: the less, the more unequal.
        shape: f64,
    },
    /// Validator 0 has a share of the total, and the others weigh the same.
    Whale {
        /// That share.
        share: f64,
    },
    /// As they are listed.
    Given {
        /// The weights.
        weights: Vec<u64>,
    },
}

#[derive(Clone, Copy)]
enum Kind {
    Equal,
    Gaussian,
    Pareto,
    Whale,
    Given,
}

const KINDS: &[(&str, Kind)] = &[
    ("equal", Kind::Equal),
    ("gaussian", Kind::Gaussian),
    ("pareto", Kind::Pareto),
    ("whale", Kind::Whale),
    ("given", Kind::Given),
];

impl Weights {
    pub(crate) fn read(item: &Item<'_>) -> Result<Self, ConfigError> {
        let positive = |item: &Item<'_>| {
            item.number(|it| it > 0.0 && it <= MOST, "a number above 0, up to 1e12")
        };
        let share = |item: &Item<'_>| {
            item.number(|it| it > 0.0 && it < 1.0, "a share of the total: a number between 0 and 1")
        };
        match item.kind(KINDS)? {
            Kind::Equal => item.parameters(&[]).map(|_| Self::Equal),
            Kind::Gaussian => {
                let Some(table) = item.parameters(&["mean", "deviation"])? else {
                    return Ok(Self::Gaussian { mean: 60_000.0, deviation: 40_000.0 });
                };
                let spread = |item: &Item<'_>| {
                    item.number(|it| (0.0..=MOST).contains(&it), "a number from 0 to 1e12")
                };
                Ok(Self::Gaussian {
                    mean: table.or("mean", 60_000.0, positive)?,
                    deviation: table.or("deviation", 40_000.0, spread)?,
                })
            }
            Kind::Pareto => {
                let Some(table) = item.parameters(&["scale", "shape"])? else {
                    return Ok(Self::Pareto { scale: 1000.0, shape: 1.16 });
                };
                Ok(Self::Pareto {
                    scale: table.or("scale", 1000.0, positive)?,
                    shape: table.or("shape", 1.16, positive)?,
                })
            }
            Kind::Whale => {
                let table = item.parameters(&["share"])?;
                let share = table.map_or(Ok(0.4), |table| table.or("share", 0.4, share))?;
                Ok(Self::Whale { share })
            }
            Kind::Given => {
                let expected = "the weights, as in { kind = \"given\", weights = [7, 6, 5] }";
                let table =
                    item.parameters(&["weights"])?.ok_or_else(|| item.unexpected(expected))?;
                let weights = table.need("weights", expected)?;
                Ok(Self::Given { weights: weights.all(|item| item.whole(1..=MOST as u64))? })
            }
        }
    }

    /// What it is called, with its parameters.
    pub fn describe(&self) -> Described {
        match self {
            Self::Equal => Described::new("equal"),
            Self::Gaussian { mean, deviation } => {
                Described::new("gaussian").with("mean", *mean).with("deviation", *deviation)
            }
            Self::Pareto { scale, shape } => {
                Described::new("pareto").with("scale", *scale).with("shape", *shape)
            }
            Self::Whale { share } => Described::new("whale").with("share", *share),
            Self::Given { weights } => Described::new("given").with("weights", weights.as_slice()),
        }
    }

    /// Why so many validators cannot have such weights, if they cannot.
    pub(crate) fn misfit(&self, validators: u32) -> Option<String> {
        match self {
            Self::Given { weights } if weights.len() != validators as usize => {
                Some(format!("{} weights", weights.len()))
            }
            Self::Whale { .. } if validators < 2 => Some("a whale, which needs others".to_owned()),
            _ => None,
        }
    }

    /// The weights of so many validators.
    pub fn draw(&self, validators: u32, rng: &mut impl Rng) -> Vec<Weight> {
        let rounded = |weight: f64| Weight::new(weight.round().clamp(1.0, MOST) as u64);
        let each =
            |draw: &mut dyn FnMut() -> f64| (0..validators).map(|_| rounded(draw())).collect();
        match *self {
            Self::Equal => each(&mut || 1.0),
            Self::Gaussian { mean, deviation } => match Normal::new(mean, deviation) {
                Ok(normal) => each(&mut || normal.sample(rng)),
                Err(_) => each(&mut || mean),
            },
            Self::Pareto { scale, shape } => match Pareto::new(scale, shape) {
                Ok(pareto) => each(&mut || pareto.sample(rng)),
                Err(_) => each(&mut || scale),
            },
            Self::Whale { share } => {
                let rest = OTHERS * u64::from(validators.saturating_sub(1));
                let whale = rounded(share / (1.0 - share) * rest as f64);
                let others = std::iter::repeat(Weight::new(OTHERS));
                std::iter::once(whale).chain(others).take(validators as usize).collect()
            }
            Self::Given { ref weights } => weights.iter().copied().map(Weight::new).collect(),
        }
    }
}
