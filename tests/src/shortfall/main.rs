//! Prints by how much the oracles fall short of the ideal one: `cargo xtask shortfall`.

use std::process::ExitCode;

use cbc_oracle::CliqueOracle;
use cbc_oracle_adversary::AdversaryOracle;
use cbc_oracle_contract::{Claimant, Size, survey, table};
use cbc_oracle_inspector::InspectorOracle;
use cbc_oracle_turan::TuranOracle;

fn main() -> ExitCode {
    let (clique, unsearched) = (CliqueOracle::new(), CliqueOracle::with_budget(0));
    let [one, two, ten] = [1, 2, 10].map(InspectorOracle::levels);
    let (names, claimants): (Vec<&str>, Vec<Claimant<'_>>) = [
        ("clique", Claimant::new(&clique)),
        ("clique, no search", Claimant::new(&unsearched)),
        ("turan", Claimant::new(&TuranOracle).without_quorum()),
        ("adversary", Claimant::new(&AdversaryOracle)),
        ("inspector, one level", Claimant::new(&one)),
        ("inspector, two levels", Claimant::new(&two)),
        ("inspector, ten levels", Claimant::new(&ten)),
    ]
    .into_iter()
    .unzip();
    let outcomes = survey(Size::LARGE, &claimants);
    let mut violations = 0;
    for (name, outcome) in names.iter().zip(&outcomes) {
        violations += outcome.violations;
        if let Some(violation) = &outcome.smallest {
            eprintln!("{name}, {} violations, the smallest: {violation}", outcome.violations);
        }
    }
    let rows: Vec<_> = names.into_iter().zip(&outcomes).collect();
    println!("{}", table(&rows));
    println!("{violations} violations");
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
