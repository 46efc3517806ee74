//! Prints by how much the oracles fall short of the ideal one: `cargo xtask shortfall`.

use std::process::ExitCode;

use cbc_tests::ideal::Plan;

fn main() -> ExitCode {
    let report = Plan::LARGE.carry_out();
    for violation in &report.violations {
        eprintln!("{violation}\n");
    }
    println!("{}", report.table);
    println!("{} violations", report.violations.len());
    if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
