//! An oracle of one's own: one method, and it keeps the contract and finalizes.
//!
//! `cargo run --release -p cbc-oracle-contract --example own_oracle`

use std::error::Error;
use std::sync::Arc;

use cbc_message::{ValidatorId, ValidatorSet, Weight};
use cbc_oracle::{LobbyingGraph, Quorum, Safety, SafetyOracle};
use cbc_validator::{Blockchain, Observer};
use cbc_view::{MessageDag, Property};

/// Safe is what all agree on, and have seen all others agree on: the clique of everybody, or none.
#[derive(Clone, Copy, Debug)]
struct Unanimity;

impl<D: MessageDag> SafetyOracle<D> for Unanimity {
    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        let graph = LobbyingGraph::new(dag, candidate);
        let all = validators.len();
        let everybody_sees_everybody = graph.vertices().len() == all
            && graph.edges().iter().all(|neighbours| neighbours.len() == all - 1);
        if everybody_sees_everybody {
            Safety::of_quorum(Quorum::new(validators.ids().collect(), validators), validators)
        } else {
            Safety::none()
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // Never more than exhaustive search allows, or the counterexample is shown.
    cbc_oracle_contract::assert_kept(&Unanimity);
    let weights = Arc::new(ValidatorSet::new([5, 4, 3].map(Weight::new))?);
    let mut observer = Observer::new(Blockchain, Unanimity, weights);
    for turn in 0..7 {
        observer.make_message(ValidatorId::new(turn % 3))?;
        if let Some(finalized) = observer.update_safe_estimates()?.advanced() {
            let (block, tolerated) = (finalized.value, finalized.safety.fault_tolerance);
            let height = observer.blocks().height(block);
            println!("after {} messages height {height} is final: {tolerated:?}", turn + 1);
        }
    }
    assert!(observer.finalized().is_some());
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn runs() {
        super::main().unwrap();
    }
}
