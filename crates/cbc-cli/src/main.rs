//! The `cbc` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    cbc_cli::run(std::env::args_os(), &mut std::io::stdout().lock())
}
