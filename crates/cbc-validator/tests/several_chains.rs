//! A protocol whose values end two chains: two bits, decided apart.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::sync::Arc;

use cbc_estimator::{Estimator, Follower, MajorityDriven, Vote};
use cbc_message::{Bit, Estimate, ValidatorId, ValidatorSet, Weight};
use cbc_oracle::CliqueOracle;
use cbc_validator::{Finality, Observer, Protocol};
use cbc_view::{Chain, MessageDag, MessageIndex, View};
use serde::{Deserialize, Serialize};

/// Two bits; as a value, one of them may be left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pair([Option<Bit>; 2]);

impl Estimate for Pair {
    const KIND: [u8; 4] = *b"pair";
}

/// Each bit by majority, the one on a tie.
#[derive(Clone, Copy, Debug)]
struct Majorities;

impl<D: MessageDag<Estimate = Pair>> Estimator<D> for Majorities {
    type Value = Pair;
    type Inadmissible = Infallible;
    type Answer = Pair;

    fn estimate(
        &self,
        dag: &D,
        validators: &ValidatorSet,
        votes: &[Vote],
        _: Option<&Pair>,
    ) -> Option<Pair> {
        let weight_for = |place: usize, bit| {
            let votes = votes.iter().filter(|it| dag.estimate(it.message).0[place] == Some(bit));
            validators.weight_of(votes.map(|vote| vote.validator))
        };
        let bit = |place| {
            let one = weight_for(place, Bit::One) >= weight_for(place, Bit::Zero);
            Some(if one { Bit::One } else { Bit::Zero })
        };
        (!votes.is_empty()).then(|| Pair([bit(0), bit(1)]))
    }

    fn answer(&self, _: &D, pair: &Pair) -> Pair {
        *pair
    }

    fn follows(&self, _: &D, pair: &Pair, estimate: &Pair) -> bool {
        pair == estimate
    }
}

impl<D: MessageDag<Estimate = Pair>> Follower<D> for Majorities {}

/// For "bit i is b": whoever has more than half has more than the other.
impl MajorityDriven for Majorities {}

#[derive(Clone, Copy, Debug)]
struct TwoBits;

/// One of the bits.
struct OneOf(Pair);

impl Chain<View<Pair>> for OneOf {
    fn depth(&self) -> u32 {
        1
    }

    fn agreement(&self, dag: &View<Pair>, message: MessageIndex) -> u32 {
        let said = dag.estimate(message).0;
        u32::from((0..2).all(|place| self.0.0[place].is_none_or(|bit| said[place] == Some(bit))))
    }
}

impl Protocol for TwoBits {
    type Estimate = Pair;
    type Value = Pair;
    type Estimator = Majorities;

    /// A message agrees with a candidate of each bit.
    const ONE_TREE: bool = false;

    fn estimator(&self) -> Majorities {
        Majorities
    }

    fn estimate(&self, pair: &Pair) -> Pair {
        *pair
    }

    fn ends(&self, _: &Majorities, pair: &Pair) -> Vec<Pair> {
        let [one, other] = pair.0;
        vec![Pair([one, None]), Pair([None, other])]
    }

    fn join(&self, _: &Majorities, finalized: &[&Pair]) -> Option<Pair> {
        let bit = |place: usize| finalized.iter().find_map(|pair| pair.0[place]);
        (!finalized.is_empty()).then(|| Pair([bit(0), bit(1)]))
    }

    fn chain<'a>(&self, _: &'a Majorities, pair: &Pair) -> impl Chain<View<Pair>> + use<'a> {
        OneOf(*pair)
    }

    fn common_depth(&self, _: &Majorities, one: &Pair, other: &Pair) -> u32 {
        u32::from(one == other)
    }

    fn depth(&self, _: &Majorities, _: &Pair) -> u32 {
        1
    }

    fn candidate(&self, _: &Majorities, pair: &Pair, _: u32) -> Pair {
        *pair
    }

    /// Only what is said of the same bit conflicts.
    fn conflict(&self, _: &Majorities, one: &Pair, other: &Pair) -> bool {
        (0..2).any(|it| one.0[it].zip(other.0[it]).is_some_and(|(one, other)| one != other))
    }
}

const ONE: Option<Bit> = Some(Bit::One);
const ZERO: Option<Bit> = Some(Bit::Zero);

fn observer(weights: &[u64]) -> Observer<TwoBits, CliqueOracle> {
    let validators = ValidatorSet::new(weights.iter().copied().map(Weight::new)).unwrap();
    Observer::new(TwoBits, CliqueOracle::new(), Arc::new(validators)).with_estimate_check(false)
}

/// The bits that are newly final, in the order of the chains.
fn newly_final(observer: &mut Observer<TwoBits, CliqueOracle>) -> Vec<Pair> {
    let finality = observer.update_safe_estimates().unwrap();
    observer.newly_final(&finality).collect()
}

#[test]
fn each_chain_is_final_when_it_is_whatever_becomes_of_the_others() {
    let mut observer = observer(&[1, 1, 1]);
    let says = |observer: &mut Observer<_, _>, bits: [[Option<Bit>; 2]; 3]| {
        for (validator, bits) in (0..).map(ValidatorId::new).zip(bits) {
            observer.make_message_with(validator, Pair(bits)).unwrap();
        }
    };
    // Of the first bit, all agree; of the second, they go to and fro.
    says(&mut observer, [[ONE, ONE], [ONE, ZERO], [ONE, ZERO]]);
    assert_eq!(newly_final(&mut observer), []);
    says(&mut observer, [[ONE, ZERO], [ONE, ONE], [ONE, ONE]]);
    assert_eq!(newly_final(&mut observer), [Pair([ONE, None])]);
    assert_eq!(newly_final(&mut observer), []);
    says(&mut observer, [[ONE, ONE], [ONE, ONE], [ONE, ONE]]);
    says(&mut observer, [[ONE, ONE], [ONE, ONE], [ONE, ONE]]);
    assert_eq!(newly_final(&mut observer), [Pair([None, ONE])]);
    let values: Vec<Pair> = observer.finalized_of_each().iter().map(|it| it.value).collect();
    assert_eq!(values, [Pair([ONE, None]), Pair([None, ONE])]);
    assert_eq!(observer.update_safe_estimates(), Ok(Finality::Unchanged));
    // One chain is left: that is seen.
    says(&mut observer, [[ZERO, ONE], [ZERO, ONE], [ZERO, ONE]]);
    assert_eq!(observer.update_safe_estimates(), Ok(Finality::Overturned));
    assert!(observer.is_overturned());
    says(&mut observer, [[ZERO, ONE], [ZERO, ONE], [ZERO, ONE]]);
    let conflict = observer.update_safe_estimates().unwrap_err();
    assert_eq!((conflict.finalized, conflict.conflicting), (values[0], Pair([ZERO, None])));
}
