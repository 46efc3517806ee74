//! A user of `cbc-view` and `cbc-oracle` alone, who brings an oracle and an estimate of their own.

use cbc_oracle::{LobbyingGraph, Quorum, Safety, SafetyOracle};
use cbc_view::cbc_message::serde::{Deserialize, Serialize};
use cbc_view::cbc_message::{Estimate, ValidatorSet, Weight};
use cbc_view::{MessageDag, Property};

/// An estimate of one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "cbc_view::cbc_message::serde")]
pub enum Colour {
    /// Stop.
    Red,
    /// Go.
    Green,
}

impl Estimate for Colour {
    const KIND: [u8; 4] = *b"colr";
}

/// An oracle of one's own: safe only when everybody has seen everybody agree, and nobody has
/// disagreed since; and then without any tolerance for faults.
#[derive(Clone, Copy, Debug)]
pub struct Unanimity;

impl<D: MessageDag> SafetyOracle<D> for Unanimity {
    fn safety(&self, dag: &D, weights: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        let graph = LobbyingGraph::new(dag, candidate);
        let others = weights.len() - 1;
        let all_agree = graph.vertices().len() == weights.len();
        if !all_agree || graph.edges().iter().any(|seen| seen.len() < others) {
            return Safety::none();
        }
        let everybody = Quorum::new(weights.ids().collect(), weights);
        let safety = Safety::of_quorum(everybody, weights);
        Safety { fault_tolerance: Some(Weight::ZERO), faults: 0, ..safety }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cbc_oracle::CliqueOracle;
    use cbc_view::cbc_message::{Header, Message};
    use cbc_view::{Equals, View};

    use super::*;

    #[test]
    fn an_oracle_from_outside_is_held_to_what_all_are() {
        cbc_oracle_contract::assert_kept(&Unanimity);
    }

    #[test]
    fn an_oracle_and_an_estimate_from_outside_work_on_a_view() {
        let weights = Arc::new(ValidatorSet::new([1, 1, 1].map(Weight::new)).unwrap());
        let mut view = View::new(Arc::clone(&weights));
        let oracles: [&dyn SafetyOracle<View<Colour>>; 2] = [&Unanimity, &CliqueOracle::new()];
        let mut answers = Vec::new();
        for (turn, sender) in weights.ids().chain(weights.ids()).enumerate() {
            let header = Header {
                sender,
                sequence_number: view.next_sequence_number(sender),
                justification: view.justification(),
                estimate: Colour::Green,
            };
            view.insert(Message::new(header).unwrap()).unwrap();
            let ask = |oracle: &dyn SafetyOracle<View<Colour>>| {
                oracle.safety(&view, &weights, &Equals(Colour::Green)).fault_tolerance
            };
            answers.push((turn, oracles.map(ask).map(|answer| answer.is_some())));
        }
        // The first two have seen each other after four messages, and all have after five.
        let safe_from = |oracle: usize| answers.iter().find(|(_, safe)| safe[oracle]).unwrap().0;
        assert_eq!((safe_from(0), safe_from(1)), (4, 3));
    }
}
