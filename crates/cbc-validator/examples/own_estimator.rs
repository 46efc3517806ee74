//! An estimate and an estimator of one's own: colours, by plurality.
//!
//! `cargo run -p cbc-validator --example own_estimator`

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use cbc_estimator::{Estimator, Follower, MajorityDriven, Vote};
use cbc_message::{Estimate, ValidatorId, ValidatorSet, Weight, check_round_trip};
use cbc_oracle::CliqueOracle;
use cbc_validator::{Observer, ValueConsensus};
use cbc_view::MessageDag;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Colour {
    Red,
    Green,
    Blue,
}

impl Estimate for Colour {
    const KIND: [u8; 4] = *b"colr";
}

/// The colour with the most weight, the last one of those that have as much.
#[derive(Clone, Copy, Debug)]
struct Plurality;

impl<D: MessageDag<Estimate = Colour>> Estimator<D> for Plurality {
    type Value = Colour;
    type Inadmissible = Infallible;
    type Answer = Colour;

    fn estimate(
        &self,
        dag: &D,
        validators: &ValidatorSet,
        votes: &[Vote],
        _: Option<&Colour>,
    ) -> Option<Colour> {
        let mut scores: BTreeMap<Colour, Weight> = BTreeMap::new();
        for vote in votes {
            let score = scores.entry(*dag.estimate(vote.message)).or_insert(Weight::ZERO);
            *score += validators.weight(vote.validator);
        }
        scores.into_iter().max_by_key(|&(_, score)| score).map(|(colour, _)| colour)
    }

    fn answer(&self, _: &D, colour: &Colour) -> Colour {
        *colour
    }

    fn follows(&self, _: &D, colour: &Colour, estimate: &Colour) -> bool {
        colour == estimate
    }
}

/// It keeps nothing.
impl<D: MessageDag<Estimate = Colour>> Follower<D> for Plurality {}

/// For "equals c": if the votes for c weigh more than half of the voting weight, those for any
/// other colour weigh less than half, and c has the most. So it may be finalized.
impl MajorityDriven for Plurality {}

fn main() -> Result<(), Box<dyn Error>> {
    for colour in [Colour::Red, Colour::Green, Colour::Blue] {
        check_round_trip(&colour)?;
    }
    let weights = Arc::new(ValidatorSet::new([3, 2, 2].map(Weight::new))?);
    let protocol = ValueConsensus::new(Plurality);
    let mut observer = Observer::new(protocol, CliqueOracle::new(), Arc::clone(&weights));
    // Each starts with a colour of its own; who has heard that of the heaviest takes it over.
    let colours = [Colour::Green, Colour::Red, Colour::Blue];
    observer.make_message_with(ValidatorId::new(0), colours[0])?;
    for _ in 0..2 {
        for id in weights.ids() {
            let message = observer.make_message(id)?;
            println!("validator {id} says {:?}", message.estimate());
        }
    }
    let finalized = observer.update_safe_estimates()?.advanced().ok_or("nothing is safe")?;
    assert_eq!(finalized.value, Colour::Green);
    println!("{:?} is final: {:?}", finalized.value, finalized.safety.fault_tolerance);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn runs() {
        super::main().unwrap();
    }
}
