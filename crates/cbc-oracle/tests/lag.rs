//! What a question costs does not grow with how far back somebody's citations lie.

#![allow(clippy::unwrap_used, reason = "tests")]

mod growing;

use cbc_estimator::OnBlock;
use cbc_message::Weight;
use cbc_oracle::{CliqueOracle, SafetyOracle};
use growing::{Awake, Growing};

const VALIDATORS: u32 = 7;

/// The most questions to the chain that finality after one message took, of the last hundred.
fn most_asked(rounds: u32, awake: Awake) -> u64 {
    let mut growing = Growing::new(VALIDATORS, 3, awake);
    let messages = rounds * VALIDATORS;
    let asked = (0..messages).map(|_| {
        growing.asked.set(0);
        growing.grow();
        growing.finalized = growing.finalize().unwrap_or(growing.finalized);
        growing.asked.get()
    });
    asked.collect::<Vec<_>>().into_iter().rev().take(100).max().unwrap()
}

#[test]
fn nobody_who_is_offline_slow_or_apart_makes_finality_slow() {
    for awake in [Awake::All, Awake::AllButOne, Awake::OneSlow(500), Awake::Apart] {
        let (soon, late) = (most_asked(100, awake), most_asked(1000, awake));
        assert!(late <= soon && late <= 5, "{awake:?}: {soon} questions, then {late}");
    }
}

#[test]
fn finality_goes_on_meanwhile() {
    for awake in [Awake::All, Awake::AllButOne, Awake::OneSlow(500), Awake::Apart] {
        let mut growing = Growing::new(VALIDATORS, 30, awake);
        let height = growing.blocks.height(growing.tip);
        assert!(growing.finalized + 3 * VALIDATORS > height, "{awake:?}");
        growing.finalized = 0;
        let found = growing.finalize().unwrap();
        let Growing { view, blocks, tip, .. } = &growing;
        let alone = |height| {
            let block = blocks.ancestor_at(*tip, height).unwrap();
            let property = OnBlock { blocks, block };
            CliqueOracle::new().safety(view, view.validators(), &property).reaches(Weight::ZERO)
        };
        assert!(alone(found) && !alone(found + 1), "{awake:?}");
    }
}
