//! Every oracle under weights that are easily got wrong.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use cbc_message::{Bit, Header, Message, ValidatorId, ValidatorSet, Weight};
use cbc_oracle::Safety;
use cbc_simulation::OracleName;
use cbc_view::{Equals, View};

/// The answer of every oracle for 1, after `rounds` rounds in which each validator in turn has seen
/// all before it and says what `says` has it say.
fn answers(units: &[u64], rounds: usize, says: impl Fn(usize) -> Bit) -> Vec<(OracleName, Safety)> {
    let weights = ValidatorSet::new(units.iter().copied().map(Weight::new)).unwrap();
    let mut view = View::new(Arc::new(weights));
    for sender in (0..rounds).flat_map(|_| (0..units.len() as u32).map(ValidatorId::new)) {
        let header = Header {
            sender,
            sequence_number: view.next_sequence_number(sender),
            justification: view.justification(),
            estimate: says(sender.index()),
        };
        view.insert(Message::new(header).unwrap()).unwrap();
    }
    let ask =
        |name: OracleName| (name, name.build().safety(&view, view.validators(), &Equals(Bit::One)));
    OracleName::ALL.map(ask).to_vec()
}

const WEIGHTS: [&[u64]; 10] = [
    &[1],
    &[u64::MAX],
    &[1, 1, 1, 1],
    &[7, 7, 7, 7, 7, 7, 7],
    &[0, 5, 0, 5, 3],
    &[0, 0, 9],
    &[100, 1, 1, 1],
    &[u64::MAX - 3, 1, 1, 1],
    &[u64::MAX / 4, u64::MAX / 4, u64::MAX / 4, u64::MAX / 4],
    &[0, u64::MAX],
];

#[test]
fn where_all_agree_and_have_seen_each_other_no_minority_is_enough() {
    for units in WEIGHTS {
        let total: u64 = units.iter().sum();
        for (name, safety) in answers(units, 3, |_| Bit::One) {
            assert!(safety.exact, "{name}, {units:?}");
            // The inspector may find more levels in a weaker committee.
            assert!(safety.margin <= Weight::new(total), "{name}, {units:?}");
            // At one level: less than half. More levels tolerate more, but not all.
            let least = Weight::new((total - 1) / 2);
            let tolerance = safety.fault_tolerance.unwrap();
            assert!(least <= tolerance && tolerance < Weight::new(total), "{name}, {units:?}");
            let mut heaviest_first = units.to_vec();
            heaviest_first.sort_by_key(|&unit| std::cmp::Reverse(unit));
            let weight = |faults: usize| {
                heaviest_first[..faults].iter().map(|&u| u128::from(u)).sum::<u128>()
            };
            let tolerance = u128::from(tolerance.get());
            assert!(weight(safety.faults) <= tolerance, "{name}, {units:?}");
        }
    }
}

#[test]
fn where_nobody_has_spoken_or_nobody_agrees_nothing_is_safe() {
    for units in WEIGHTS {
        for (rounds, says) in [(0, Bit::One), (3, Bit::Zero)] {
            for (name, safety) in answers(units, rounds, |_| says) {
                assert_eq!(safety.fault_tolerance, None, "{name}, {units:?}");
                assert_eq!((safety.margin, safety.faults), (Weight::ZERO, 0), "{name}, {units:?}");
            }
        }
    }
}

#[test]
fn validators_without_weight_change_no_answer() {
    // All but the Turán oracle, which counts heads, and counts those in vain.
    let plain = answers(&[5, 4, 3], 3, |v| if v == 2 { Bit::Zero } else { Bit::One });
    let with_nobodies = answers(&[5, 0, 4, 0, 3], 3, |v| if v == 4 { Bit::Zero } else { Bit::One });
    for ((name, plain), (_, with_nobodies)) in plain.into_iter().zip(with_nobodies) {
        if name != OracleName::Turan {
            assert_eq!(plain.fault_tolerance, with_nobodies.fault_tolerance, "{name}");
        }
    }
}

#[test]
fn one_validator_above_half_is_safe_against_all_others() {
    for (name, safety) in answers(&[7, 2, 2, 2], 2, |v| if v == 0 { Bit::One } else { Bit::Zero }) {
        // The Turán oracle takes the lightest validator for the clique of one.
        if name != OracleName::Turan {
            assert_eq!(safety.fault_tolerance, Some(Weight::ZERO), "{name}");
            assert_eq!(safety.quorum.members, [ValidatorId::new(0)], "{name}");
        }
    }
}
