//! The names of protocols, and how an execution of each is started.

use std::collections::BTreeSet;
use std::sync::Arc;

use cbc_estimator::{Borda, Copeland, WeightedMedian};
use cbc_message::{Bit, Integer, Order, ValidatorSet, Weight};
use cbc_oracle::SafetyOracle;
use cbc_validator::{Blockchain, Concurrent, Protocol, Sharding, ValueConsensus};
use cbc_view::View;
use rand::Rng;
use serde_json::Value as Json;

use crate::{Notation, OracleName, Recorded, Run, Setup, SetupError};

/// For each row: the variant, the name, what it is, what traces call it (protocol and rule; what is
/// written is the first), and the protocol for so many items. `finalizing` says that its estimator
/// is majority driven, which is checked: without, nothing ever is final.
macro_rules! protocols {
    ($(
        $variant:ident $name:literal $about:literal,
        in traces $traces:expr, $protocol:expr $(, $finalizing:ident)?;
    )*) => {
        names! {
            /// A protocol of this workspace, by name.
            ProtocolName, "protocol": $($variant $name $about)*
        }

        impl ProtocolName {
            /// What traces call it: protocol and rule. What is written is the first.
            pub(crate) const fn in_traces(self) -> &'static [(&'static str, Option<&'static str>)] {
                match self {
                    $(Self::$variant => &$traces,)*
                }
            }

            /// Whether nobody holds a message at first: see [`Recorded::STARTS_FROM_GENESIS`].
            pub fn starts_from_genesis(self) -> bool {
                match self {
                    $(Self::$variant => starts_from_genesis($protocol),)*
                }
            }

            /// Whether makers have a choice between several blocks: see [`Recorded::choose`].
            pub fn leaves_a_choice(self) -> bool {
                match self {
                    $(Self::$variant => leaves_a_choice($protocol),)*
                }
            }

            /// A random first estimate, as traces have it; none in a protocol without any.
            pub fn draw_estimate(self, rng: &mut impl Rng) -> Option<Json> {
                match self {
                    $(Self::$variant => draw_estimate($protocol, rng),)*
                }
            }

            /// A value or a first estimate as traces have it, from how people write it.
            pub fn value_of(self, text: &str) -> Json {
                match self {
                    $(Self::$variant => value_of($protocol, text),)*
                }
            }

            /// Starts an execution of it, and hands the run, at its start, to `act`.
            ///
            /// # Errors
            ///
            /// [`SetupError`] if the first estimates cannot be those of these validators.
            pub fn start<A: WithRun>(self, start: Start<'_>, act: A) -> Result<A::Output, SetupError> {
                match self {
                    $(Self::$variant => {
                        let run = started(self, $protocol, start)?;
                        Ok(act.with(run $(.$finalizing())?))
                    })*
                }
            }
        }
    };
}

protocols! {
    Blockchain "blockchain"
        "A chain of blocks, by LMD GHOST.",
        in traces [("blockchain", None)],
        |_| Blockchain, finalizing;
    Binary "binary"
        "A bit, by the weighted median.",
        in traces [("binary", None)],
        |_| ValueConsensus::new(WeightedMedian::<Bit>::new()), finalizing;
    Integer "integer"
        "An integer, by the weighted median.",
        in traces [("integer", None)],
        |_| ValueConsensus::new(WeightedMedian::<Integer>::new()), finalizing;
    Order "order"
        "An order of items, by Copeland's rule.",
        in traces [("order", Some("copeland"))],
        |items| ValueConsensus::<Order, _>::new(Copeland::new(items)), finalizing;
    Concurrent "concurrent"
        "Blocks that consume and produce outputs, from three of the genesis on, by a greedy \
         schedule.",
        in traces [("concurrent", None)],
        |_| Concurrent { genesis_outputs: 3 }, finalizing;
    Sharding "sharding"
        "The chains of a root shard, its two children and their four, by LMD GHOST on each.",
        in traces [("sharding", None)],
        |_| Sharding { depth: 2 }, finalizing;
    OrderBorda "order-borda"
        "An order of items, by Borda's rule, as in the proof of concept; cannot be finalized.",
        in traces [("order", None), ("order", Some("borda"))],
        |items| ValueConsensus::<Order, _>::new(Borda::new(items));
}

impl ProtocolName {
    /// The protocol that traces call so, by this rule, if they name one.
    pub(crate) fn named_in_traces(protocol: &str, rule: Option<&str>) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.in_traces().contains(&(protocol, rule)))
    }
}

/// An oracle chosen when the program runs, for views of this protocol.
pub type DynOracle<P> = Arc<dyn SafetyOracle<View<<P as Protocol>::Estimate>>>;

/// What an execution is started with, whatever its protocol.
#[derive(Clone, Debug)]
pub struct Start<'a> {
    /// The oracle that all finalize by.
    pub oracle: OracleName,
    /// The fault tolerance at which they finalize.
    pub threshold: Weight,
    /// The validators.
    pub validators: Arc<ValidatorSet>,
    /// Whether they check rule V5.
    pub check_estimates: bool,
    /// Everybody's first estimate, as traces have it; none where nobody holds a message at first.
    pub first_estimates: Option<&'a [Json]>,
}

/// What to do with a run, whatever its protocol.
pub trait WithRun {
    /// What comes of it.
    type Output;

    /// Does it. The run is at its start.
    fn with<P: Recorded + Clone>(self, run: Run<P, DynOracle<P>>) -> Self::Output;
}

fn starts_from_genesis<P: Recorded>(_: fn(usize) -> P) -> bool {
    P::STARTS_FROM_GENESIS
}

fn leaves_a_choice<P: Recorded>(_: fn(usize) -> P) -> bool {
    P::LEAVES_A_CHOICE
}

fn draw_estimate<P: Recorded>(_: fn(usize) -> P, rng: &mut impl Rng) -> Option<Json> {
    P::draw_estimate(rng)
}

fn value_of<P: Recorded>(_: fn(usize) -> P, text: &str) -> Json {
    P::value_of(text)
}

/// A run at its start, in which nobody ever finalizes.
fn started<P: Recorded + Clone>(
    name: ProtocolName,
    protocol: fn(usize) -> P,
    start: Start<'_>,
) -> Result<Run<P, DynOracle<P>>, SetupError> {
    let items = items_of(start.first_estimates.unwrap_or_default());
    let notation = Notation::new(items.clone());
    let read = |(validator, json): (usize, &Json)| {
        P::read_estimate(&notation, json).ok_or_else(|| SetupError::NotAnEstimate {
            validator,
            found: json.to_string(),
            protocol: name,
            expected: P::estimate_form(&notation),
        })
    };
    let first_estimates = match start.first_estimates {
        Some(estimates) => Some(estimates.iter().enumerate().map(read).collect::<Result<_, _>>()?),
        None => None,
    };
    let setup = Setup {
        protocol: protocol(items.len()),
        oracle: start.oracle.build(),
        validators: start.validators,
        threshold: start.threshold,
        check_estimates: start.check_estimates,
        items,
    };
    Run::new(setup, first_estimates)
}

/// The items of orders, numbered by name; none where estimates are no orders.
fn items_of(estimates: &[Json]) -> Vec<String> {
    let items = estimates.iter().filter_map(Json::as_array).flatten().filter_map(Json::as_str);
    items.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}
