//! The `cbc` program: simulate and replay executions of CBC Casper, and compare safety oracles,
//! and carry out experiments.
//!
//! The only crate that reads files and prints. Everything it shows is computed by `cbc-simulation`,
//! whose registry says which protocols and oracles there are, and the layers below.

mod arguments;
mod compare;
mod errors;
mod execution_arguments;
mod experiment;
mod help;
mod memory_arguments;
mod picture;
mod prepared;
mod replay;
mod scenarios;
mod simulate;
mod staged;
mod values;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Error;
use clap::Parser;
use tracing_subscriber::EnvFilter;

pub use arguments::{Arguments, Command};
pub use compare::CompareArguments;
pub use execution_arguments::ExecutionArguments;
pub use experiment::{ExperimentArguments, MergeArguments};
pub use memory_arguments::MemoryArguments;
pub use picture::Picture;
pub use replay::ReplayArguments;
pub use simulate::SimulateArguments;

/// Runs the program with these arguments, the program's name first. Results go to `out`, logs and
/// errors to standard error.
///
/// The exit code is 0; 1 where a replay does not match, or compares nothing, and where validators
/// finalize values that conflict, or a run of an experiment failed; 2 for arguments or input that make no sense, and for what cannot
/// be read or written.
pub fn run(arguments: impl IntoIterator<Item = OsString>, out: &mut dyn Write) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            if let Some(place) = help::where_it_belongs(&error) {
                eprintln!("\n  {place}");
            }
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    log_to_stderr(arguments.verbose);
    let out = &mut Results(out);
    let done = match arguments.command.unwrap_or_default() {
        Command::Simulate(arguments) => simulate::run(&arguments, out),
        Command::Replay(arguments) => replay::run(&arguments, out),
        Command::Compare(arguments) => compare::run(&arguments, out).map(|()| ExitCode::SUCCESS),
        Command::Experiment(arguments) => experiment::run(&arguments, out),
        Command::Merge(arguments) => experiment::merge(&arguments, out),
    };
    let done = done.and_then(|code| out.flush().map(|()| code).map_err(Error::from));
    match done {
        Ok(code) => code,
        // Whoever reads us has seen enough.
        Err(error) if errors::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", errors::said_once(&error));
            ExitCode::from(2)
        }
    }
}

/// Where results go: errors say so.
struct Results<'a>(&'a mut dyn Write);

impl Write for Results<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(errors::of_results)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(errors::of_results)
    }
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
    // Escape codes are for people, and for those of them who have not declined.
    let colours =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours);
    // Fails if somebody has set a subscriber before, as tests in one process do: theirs it is.
    let _ = log.with_writer(io::stderr).try_init();
}
