//! The suites that cross layers, in `tests/`, their data, in `data/`, and the examples of the
//! README and of CONTRIBUTING, which are compiled and run as doctests.

pub mod adversary;
pub mod life;

use std::path::PathBuf;
use std::process::ExitCode;

/// The README's examples.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The examples of CONTRIBUTING.
#[cfg(doctest)]
#[doc = include_str!("../../CONTRIBUTING.md")]
pub struct Contributing;

/// A file of test data.
pub fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

/// Runs `cbc` with these arguments: its exit code and what it printed to standard output.
pub fn cbc(arguments: &[&str]) -> (ExitCode, String) {
    let mut out = Vec::new();
    let arguments = std::iter::once(&"cbc").chain(arguments).map(Into::into);
    let code = cbc_cli::run(arguments, &mut out);
    (code, String::from_utf8_lossy(&out).into_owned())
}
