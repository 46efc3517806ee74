//! A user of `cbc-view` and `cbc-oracle` alone, who brings an oracle and an estimate of their own.

use cbc_oracle::{Quorum, Safety, SafetyOracle};
use cbc_view::cbc_message::serde::{Deserialize, Serialize};
use cbc_view::cbc_message::{Estimate, ValidatorId, ValidatorSet, Weight};
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

/// An oracle of one's own: safe only when nobody disagrees and everybody has been heard, and then
/// without any tolerance for faults.
#[derive(Clone, Copy, Debug)]
pub struct Unanimity;

impl<D: MessageDag> SafetyOracle<D> for Unanimity {
    fn safety(&self, dag: &D, weights: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        let agrees = |&v: &ValidatorId| {
            dag.latest_honest_message(v).is_some_and(|message| candidate.agrees(dag, message))
        };
        let members = weights.ids().filter(agrees).collect();
        let mut safety = Safety::of_quorum(Quorum::new(members, weights), weights);
        let all = safety.quorum.weight == weights.total();
        safety.fault_tolerance = all.then_some(Weight::ZERO);
        safety
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
        // Everybody has spoken after three messages; the first two see each other after four.
        let safe_from = |oracle: usize| answers.iter().find(|(_, safe)| safe[oracle]).unwrap().0;
        assert_eq!((safe_from(0), safe_from(1)), (2, 3));
    }
}
