//! How long messages travel, in simulated time.

use std::sync::Arc;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, LogNormal, Normal, Pareto};

use crate::described::Described;
use crate::regions::{CLOUD, Regions};
use crate::source::{ConfigError, Item, Table};

/// No message travels longer.
const LONGEST: f64 = 1e9;

/// How long a message travels on one link, drawn anew for each message and receiver.
#[derive(Clone, Debug, PartialEq)]
pub enum Delay {
    /// Not at all.
    None,
    /// Always as long.
    Constant {
        /// How long.
        delay: f64,
    },
    /// Equally likely between two bounds.
    Uniform {
        /// The lower.
        least: f64,
        /// The upper.
        most: f64,
    },
    /// Normally distributed; what is below 0 is 0.
    Gaussian {
        /// The mean, before that.
        mean: f64,
        /// The standard deviation, before that.
        deviation: f64,
    },
    /// Its logarithm is normally distributed.
    LogNormal {
        /// The median.
        median: f64,
        /// The standard deviation of the natural logarithm.
        sigma: f64,
    },
    /// By Pareto's law: P(delay > x) = (scale / x)^shape.
    Pareto {
        /// The least.
        scale: f64,
        /// The exponent: the less, the heavier the tail.
        shape: f64,
    },
    /// Half the round-trip time between two regions in milliseconds, times a log-normal factor whose
    /// median is 1. Validator i is in the i-th of the chosen regions, and again from the first.
    Regions {
        /// The matrix.
        matrix: Arc<Regions>,
        /// The chosen regions, by number.
        chosen: Vec<usize>,
        /// The standard deviation of the factor's natural logarithm.
        jitter: f64,
    },
}

/// The validators below a share of all, by number, hear nothing of the others for a while, nor they
/// of them: what is sent meanwhile sets out when it is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    /// When it begins.
    pub start: f64,
    /// When it is over.
    pub end: f64,
    /// The share.
    pub share: f64,
}

/// A network: delays, losses, partitions.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// The delays.
    pub delay: Delay,
    /// How likely a message is lost on a link, each time that it is sent.
    pub loss: f64,
    /// After how long a lost message is sent again.
    pub resend: f64,
    /// The partitions.
    pub partitions: Vec<Partition>,
}

#[derive(Clone, Copy)]
enum Kind {
    None,
    Constant,
    Uniform,
    Gaussian,
    LogNormal,
    Pareto,
    Regions,
}

const KINDS: &[(&str, Kind)] = &[
    ("no-delay", Kind::None),
    ("constant", Kind::Constant),
    ("uniform", Kind::Uniform),
    ("gaussian", Kind::Gaussian),
    ("log-normal", Kind::LogNormal),
    ("pareto", Kind::Pareto),
    ("regions", Kind::Regions),
];

/// Reads a file beside a configuration, by the name that stands there; the error says why not.
pub type Load<'a> = &'a dyn Fn(&str) -> Result<String, String>;

pub(crate) fn time(item: &Item<'_>) -> Result<f64, ConfigError> {
    item.number(|it| (0.0..=LONGEST).contains(&it), "a time from 0 to 1e9")
}

fn positive(item: &Item<'_>) -> Result<f64, ConfigError> {
    item.number(|it| it > 0.0 && it <= LONGEST, "a number above 0, up to 1e9")
}

impl Network {
    pub(crate) fn read(item: &Item<'_>, load: Load<'_>) -> Result<Self, ConfigError> {
        let kind = item.kind(KINDS)?;
        let own: &[&str] = match kind {
            Kind::None => &[],
            Kind::Constant => &["delay"],
            Kind::Uniform => &["least", "most"],
            Kind::Gaussian => &["mean", "deviation"],
            Kind::LogNormal => &["median", "sigma"],
            Kind::Pareto => &["scale", "shape"],
            Kind::Regions => &["file", "regions", "jitter"],
        };
        let Some(table) = item.parameters(&[own, &["loss", "resend", "partitions"]].concat())?
        else {
            return match kind {
                Kind::None => Ok(Self::without_faults(Delay::None)),
                Kind::Regions => regions(None, item, load).map(Self::without_faults),
                Kind::Constant
                | Kind::Uniform
                | Kind::Gaussian
                | Kind::LogNormal
                | Kind::Pareto => Err(item
                    .unexpected(format!("a table with its parameters: kind, {}", own.join(", ")))),
            };
        };
        let need = |key: &str, read: fn(&Item<'_>) -> Result<f64, ConfigError>| {
            read(&table.need(key, "the parameter")?)
        };
        let delay = match kind {
            Kind::None => Delay::None,
            Kind::Constant => Delay::Constant { delay: need("delay", time)? },
            Kind::Uniform => {
                let (least, most) = (need("least", time)?, need("most", time)?);
                if least > most {
                    let most = table.need("most", "the upper bound")?;
                    return Err(
                        most.unexpected(format!("a time from {least:?}, which is least, to 1e9"))
                    );
                }
                Delay::Uniform { least, most }
            }
            Kind::Gaussian => {
                Delay::Gaussian { mean: need("mean", time)?, deviation: need("deviation", time)? }
            }
            Kind::LogNormal => {
                Delay::LogNormal { median: need("median", positive)?, sigma: need("sigma", time)? }
            }
            Kind::Pareto => {
                Delay::Pareto { scale: need("scale", positive)?, shape: need("shape", positive)? }
            }
            Kind::Regions => regions(Some(&table), item, load)?,
        };
        let loss = |item: &Item<'_>| {
            item.number(|it| (0.0..1.0).contains(&it), "a probability from 0 to below 1")
        };
        let partitions = |item: &Item<'_>| item.all(Partition::read);
        Ok(Self {
            delay,
            loss: table.or("loss", 0.0, loss)?,
            resend: table.or("resend", 1.0, positive)?,
            partitions: table.or("partitions", Vec::new(), partitions)?,
        })
    }

    fn without_faults(delay: Delay) -> Self {
        Self { delay, loss: 0.0, resend: 1.0, partitions: Vec::new() }
    }

    /// What it is called, with its parameters.
    pub fn describe(&self) -> Described {
        let mut described = match &self.delay {
            Delay::None => Described::new("no-delay"),
            Delay::Constant { delay } => Described::new("constant").with("delay", *delay),
            Delay::Uniform { least, most } => {
                Described::new("uniform").with("least", *least).with("most", *most)
            }
            Delay::Gaussian { mean, deviation } => {
                Described::new("gaussian").with("mean", *mean).with("deviation", *deviation)
            }
            Delay::LogNormal { median, sigma } => {
                Described::new("log-normal").with("median", *median).with("sigma", *sigma)
            }
            Delay::Pareto { scale, shape } => {
                Described::new("pareto").with("scale", *scale).with("shape", *shape)
            }
            Delay::Regions { matrix, chosen, jitter } => {
                let described = Described::new("regions").with("file", &matrix.file);
                let all = chosen.iter().copied().eq(0..matrix.names.len());
                let names: Vec<&String> =
                    chosen.iter().filter_map(|&region| matrix.names.get(region)).collect();
                let described = if all { described } else { described.with("regions", names) };
                described.with("jitter", *jitter)
            }
        };
        if self.loss > 0.0 {
            described = described.with("loss", self.loss).with("resend", self.resend);
        }
        if !self.partitions.is_empty() {
            let partitions: Vec<Written> = self.partitions.iter().map(Partition::written).collect();
            described = described.with("partitions", partitions);
        }
        described
    }

    /// What, besides the description, determines the delays.
    pub(crate) fn data(&self) -> &str {
        match &self.delay {
            Delay::Regions { matrix, .. } => &matrix.hash,
            _ => "",
        }
    }

    /// The name and the text of the file that it is read from, if it is, and does not come with this
    /// crate.
    pub(crate) fn file(&self) -> Option<(String, String)> {
        match &self.delay {
            Delay::Regions { matrix, .. } if matrix.file != CLOUD.0 => {
                Some((matrix.file.clone(), matrix.text.clone()))
            }
            _ => None,
        }
    }

    /// When a message arrives that is sent at `sent`, from one validator to another of so many.
    pub fn arrival(
        &self,
        sent: f64,
        (from, to): (u32, u32),
        validators: u32,
        rng: &mut impl Rng,
    ) -> f64 {
        let mut sent = sent;
        while self.loss > 0.0 && sent <= LONGEST && rng.random_bool(self.loss) {
            sent += self.resend;
        }
        for partition in &self.partitions {
            let cut = (partition.share * f64::from(validators)).round();
            let apart = (f64::from(from) < cut) != (f64::from(to) < cut);
            if apart && (partition.start..partition.end).contains(&sent) {
                sent = partition.end;
            }
        }
        sent + self.delay.draw(from, to, rng).clamp(0.0, LONGEST)
    }
}

impl Delay {
    fn draw(&self, from: u32, to: u32, rng: &mut impl Rng) -> f64 {
        // The parameters were checked when they were read, so that these distributions exist.
        match *self {
            Self::None => 0.0,
            Self::Constant { delay } => delay,
            Self::Uniform { least, most } => rng.random_range(least..=most),
            Self::Gaussian { mean, deviation } => {
                Normal::new(mean, deviation).map_or(mean, |it| it.sample(rng))
            }
            Self::LogNormal { median, sigma } => {
                LogNormal::new(median.ln(), sigma).map_or(median, |it| it.sample(rng))
            }
            Self::Pareto { scale, shape } => {
                Pareto::new(scale, shape).map_or(scale, |it| it.sample(rng))
            }
            Self::Regions { ref matrix, ref chosen, jitter } => {
                let region = |validator: u32| {
                    let place = (validator as usize).checked_rem(chosen.len()).unwrap_or(0);
                    chosen.get(place).copied().unwrap_or(0)
                };
                let factor = LogNormal::new(0.0, jitter).map_or(1.0, |it| it.sample(rng));
                matrix.one_way(region(from), region(to)) * factor
            }
        }
    }
}

fn regions(
    table: Option<&Table<'_>>,
    item: &Item<'_>,
    load: Load<'_>,
) -> Result<Delay, ConfigError> {
    let file = table.and_then(|table| table.get("file"));
    let expected = "the name of a file of round-trip times between regions, or \"cloud\"";
    let name = file.as_ref().map_or(Ok(CLOUD.0), |file| file.text(expected))?;
    let text = if name == CLOUD.0 { Ok(CLOUD.1.to_owned()) } else { load(name) };
    let matrix = text.and_then(|text| Regions::parse(name, &text));
    let matrix = Arc::new(matrix.map_err(|problem| {
        file.as_ref().unwrap_or(item).unexpected(format!("{expected}: {problem}"))
    })?);
    let all = (0..matrix.names.len()).collect();
    let spread =
        |item: &Item<'_>| item.number(|it| (0.0..=10.0).contains(&it), "a number from 0 to 10");
    Ok(Delay::Regions {
        chosen: table.map_or(Ok(all), |table| match table.get("regions") {
            Some(list) => matrix.chosen(&list),
            None => Ok((0..matrix.names.len()).collect()),
        })?,
        jitter: table.map_or(Ok(0.1), |table| table.or("jitter", 0.1, spread))?,
        matrix,
    })
}

/// TOML that is written already.
struct Written(String);

impl crate::described::ToToml for Written {
    fn to_toml(&self) -> String {
        self.0.clone()
    }
}

impl Partition {
    fn read(item: &Item<'_>) -> Result<Self, ConfigError> {
        let expected = "a table, as { start = 10, end = 20, share = 0.5 }";
        let table = item.fields(&["start", "end", "share"], expected)?;
        let start = time(&table.need("start", expected)?)?;
        let end = table.need("end", expected)?;
        let share = |item: &Item<'_>| {
            item.number(
                |it| it > 0.0 && it < 1.0,
                "a share of the validators: a number between 0 and 1",
            )
        };
        Ok(Self {
            start,
            end: end.number(
                |it| it > start && it <= LONGEST,
                &format!("a time after {start:?}, which is its start, up to 1e9"),
            )?,
            share: table.or("share", 0.5, share)?,
        })
    }

    fn written(&self) -> Written {
        let Self { start, end, share } = self;
        Written(format!("{{ start = {start:?}, end = {end:?}, share = {share:?} }}"))
    }
}
