//! The proof of concept's figure, 2q − W, taken for a fault tolerance and held to the contract:
//! prints the smallest counterexample that is found.

use cbc_message::ValidatorSet;
use cbc_oracle::{CliqueOracle, Safety, SafetyOracle};
use cbc_view::{MessageDag, Property};

/// The clique oracle, with its margin for a fault tolerance.
struct MarginAsTolerance;

impl<D: MessageDag> SafetyOracle<D> for MarginAsTolerance {
    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        let safety = CliqueOracle::new().safety(dag, validators, candidate);
        let fault_tolerance = (!safety.margin.is_zero()).then_some(safety.margin);
        Safety { fault_tolerance, ..safety }
    }
}

fn main() {
    match cbc_oracle_contract::check(&MarginAsTolerance) {
        Ok(report) => println!("{} claims, of which none is refuted", report.safe),
        Err(violation) => println!("{violation}"),
    }
}
