//! Tables and plots of what was measured: from plain data alone, to text.
//!
//! A [`Group`] has functions beside each other, at several sizes; each [`Function`] says what it is
//! there for: to be measured, or to be compared with as a floor, a twin or a rival. A group is a
//! [`Table`] with a ratio for each comparison, and a [`Plot`] on which growth is a slope. A
//! [`Report`] is all groups, on pages. This layer depends on no other, never measures, and never
//! reads or writes a file: the same numbers give the same bytes.
//!
//! ```
//! use cbc_report::{Plot, Table, numbers};
//!
//! let table = Table {
//!     words: 1,
//!     heading: vec!["oracle".to_owned(), "time".to_owned()],
//!     rows: vec![vec!["clique".to_owned(), numbers::time(1_234.0)]],
//! };
//! assert_eq!(
//!     table.to_markdown(),
//!     "| oracle | time |\n| --- | ---: |\n| clique | 1.23 µs |\n"
//! );
//! let line = ("clique".to_owned(), vec![(10.0, 1e3), (100.0, 2e4)]);
//! let plot = Plot::of_times("a question", "validators", "time", vec![line]);
//! assert!(plot.to_svg()?.is_some_and(|svg| svg.contains("validators")));
//! # Ok::<(), cbc_report::PlotError>(())
//! ```

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod comparison;
mod function;
mod group;
pub mod numbers;
mod plot;
mod report;
mod table;

pub use comparison::Comparison;
pub use function::{Function, Role};
pub use group::{Group, Measurement};
pub use plot::{Plot, PlotError};
pub use report::{Count, Page, Report, Section};
pub use table::Table;
