//! Experiments on CBC Casper: plans, networks, adversaries, measurements, tables.
//!
//! An [`Experiment`] is read from a configuration, and has a [`Plan`]: an ordered list of runs, each
//! known by the hash of its [`Parameters`]. A run is an execution in simulated time, by discrete
//! events, of a [`Network`] and maybe an [`Adversary`]; [`carry_out`] judges it by each oracle at
//! each threshold, all on the same messages. A [`Sweep`] carries out many over all cores. What came
//! of a run is a [`Record`], a line in a journal; [`run_rows`] and [`block_rows`] are its rows in the
//! tables that a [`TableWriter`] writes, each of whose columns has a [definition](definitions).
//!
//! This layer reads and writes no file and no clock: it is handed what it needs, and gives text and
//! bytes. The same runs give the same bytes, whatever their order was.
//!
//! ```
//! use cbc_experiment::{Experiment, Plan, Record, Summary, carry_out, run_rows};
//!
//! let text = "validators = [3]\nmodes = [\"rrob\"]\nrounds = 30\nseeds = [1, 2]";
//! let plan = Plan::new(Experiment::parse("three.toml", text, &|_| Err("no files".to_owned()))?);
//! let mut summary = Summary::of(&["latency_rounds_p50"]);
//! for (run, parameters) in plan.runs.iter().enumerate() {
//!     let record = Record { run, outcome: carry_out(parameters, &plan.experiment) };
//!     run_rows(&plan, &record).iter().for_each(|row| summary.add(row));
//! }
//! // In turn, without delay: three rounds later two of three have seen each other agree.
//! assert_eq!(summary.groups()[0].means[0].map(|it| it.mean), Some(3.0));
//! # Ok::<(), cbc_experiment::ConfigError>(())
//! ```

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod adversary;
mod columns;
mod combine;
mod described;
mod equivocators;
mod execution;
mod experiment;
mod finality;
mod journal;
mod measure;
mod network;
mod plan;
mod ready;
mod regions;
mod rows;
mod run;
mod source;
mod summary;
mod survival;
mod sweep;
mod tables;
mod timeline;
mod weights;
pub use adversary::{Adversary, Strategy, Who};
pub use columns::{BLOCKS, Cell, Column, KEYS, Kind, MEASURES, definitions};
pub use described::Described;
pub use experiment::{Experiment, Mode, Watch};
pub use journal::{Foreign, Header, Record, Shard};
pub use measure::Judged;
pub use network::{Delay, Load, Network, Partition};
pub use plan::{FORMAT, Identity, Parameters, Plan};
pub use ready::{READY, Ready};
pub use regions::{CLOUD, Regions};
pub use rows::{Rendered, Renderer, block_columns, block_rows, run_columns, run_rows};
pub use run::{Outcome, carry_out};
pub use source::ConfigError;
pub use summary::{Group, Mean, Summary, group_columns};
pub use survival::{Survival, Wait};
pub use sweep::{Sweep, SweepError};
pub use tables::{Format, TableError, TableWriter};
pub use weights::Weights;
