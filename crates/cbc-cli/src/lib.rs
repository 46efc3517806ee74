//! The `cbc` program: simulate and replay executions of CBC Casper, and compare safety oracles.
//!
//! The only crate that reads files, prints, and knows which oracles there are. Everything it shows
//! is computed by `cbc-simulation` and the layers below.

mod args;
mod compare;
mod oracles;
mod picture;
mod replay;
mod simulate;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

pub use args::{
    Arguments, Command, CompareArguments, ExecutionArguments, ReplayArguments, SimulateArguments,
};
pub use oracles::{OracleName, Oracles};
pub use picture::Picture;

/// Runs the program with these arguments, the program's name first. Results go to `out`, logs and
/// errors to standard error.
///
/// The exit code is 0; 1 where a replay does not match; 2 for arguments or input that make no
/// sense, and for what cannot be read or written.
pub fn run(arguments: impl IntoIterator<Item = OsString>, out: &mut dyn Write) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    log_to_stderr(arguments.verbose);
    let done = match arguments.command.unwrap_or_default() {
        Command::Simulate(arguments) => simulate::run(&arguments, out).map(|()| ExitCode::SUCCESS),
        Command::Replay(arguments) => replay::run(&arguments, out),
        Command::Compare(arguments) => compare::run(&arguments, out).map(|()| ExitCode::SUCCESS),
    };
    match done {
        Ok(code) => code,
        // Whoever reads us has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    kind == Some(io::ErrorKind::BrokenPipe)
}

/// Events of `level` to standard error: `-v` and `-vv`, or else what `RUST_LOG` says.
fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => "error",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let from_environment = EnvFilter::try_from_default_env().ok().filter(|_| verbose == 0);
    let filter = from_environment.unwrap_or_else(|| EnvFilter::new(level));
    // Fails if somebody has set a subscriber before, as tests in one process do: theirs it is.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).try_init();
}
