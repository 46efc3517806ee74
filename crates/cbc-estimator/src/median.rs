//! The lower weighted median (semantics §5).

use std::convert::Infallible;
use std::marker::PhantomData;

use cbc_message::{Estimate, ValidatorSet, Weight};
use cbc_view::MessageDag;

use crate::estimator::ballots;
use crate::{Estimator, Follower, MajorityDriven, Vote};

/// The first value, in ascending order, at which the cumulative weight of the votes reaches half of
/// their weight: the estimator of bits and integers. O(N log N) for N votes.
///
/// Votes that weigh nothing together give the lowest value among them; no votes give none.
#[derive(Clone, Copy, Debug)]
pub struct WeightedMedian<E>(PhantomData<fn() -> E>);

impl<E> WeightedMedian<E> {
    /// The median of values of `E`.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E> Default for WeightedMedian<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Estimate + Ord, D: MessageDag<Estimate = E>> Estimator<D> for WeightedMedian<E> {
    type Value = E;
    type Inadmissible = Infallible;
    type Answer = E;

    fn estimate(
        &self,
        dag: &D,
        validators: &ValidatorSet,
        votes: &[Vote],
        _: Option<&E>,
    ) -> Option<E> {
        let mut ballots: Vec<(&E, Weight)> = ballots(dag, validators, votes).collect();
        ballots.sort_unstable();
        let total: Weight = ballots.iter().map(|&(_, weight)| weight).sum();
        let mut so_far = Weight::ZERO;
        let median = ballots.into_iter().find(|&(_, weight)| {
            so_far += weight;
            so_far >= total - so_far // twice so_far may not fit
        });
        median.map(|(value, _)| value.clone())
    }

    fn answer(&self, _: &D, value: &E) -> E {
        value.clone()
    }

    fn follows(&self, _: &D, value: &E, estimate: &E) -> bool {
        value == estimate
    }
}

impl<E: Estimate + Ord, D: MessageDag<Estimate = E>> Follower<D> for WeightedMedian<E> {}

/// For "equals v": let the votes for v weigh more than half of the voting weight. Then those for
/// lesser values weigh less than half, so that no lesser value is reached at half; and with those
/// for v the cumulative weight exceeds half. So the median is v.
impl<E> MajorityDriven for WeightedMedian<E> {}

#[cfg(test)]
mod tests {
    use cbc_message::{Bit, Integer};
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{estimate_by, majorities};

    fn median(ballots: &[(u64, i64)]) -> Option<i64> {
        let ballots: Vec<_> =
            ballots.iter().map(|&(units, value)| (units, Integer(value))).collect();
        estimate_by(WeightedMedian::new(), &ballots).map(|Integer(value)| value)
    }

    #[test]
    fn the_median_is_the_first_value_to_reach_half_of_the_weight() {
        assert_eq!(median(&[(1, 30), (1, -10), (1, 20)]), Some(20));
        assert_eq!(median(&[(5, 30), (2, -10), (2, 20)]), Some(30));
    }

    #[test]
    fn at_exactly_half_the_lower_value_is_the_median() {
        assert_eq!(median(&[(2, 7), (1, 3), (1, 5)]), Some(5));
        let bits = [(3, Bit::One), (3, Bit::Zero)];
        assert_eq!(estimate_by(WeightedMedian::new(), &bits), Some(Bit::Zero));
    }

    #[test]
    fn without_votes_there_is_no_median() {
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn votes_without_weight_give_the_lowest_value() {
        assert_eq!(median(&[(0, 4), (0, -4)]), Some(-4));
        assert_eq!(median(&[(0, -4), (1, 4)]), Some(4));
    }

    #[test]
    fn weights_up_to_the_greatest_total_do_not_overflow() {
        assert_eq!(median(&[(u64::MAX - 1, 1), (1, 0)]), Some(1));
        assert_eq!(median(&[(u64::MAX / 2, 1), (u64::MAX / 2 + 1, 0)]), Some(0));
    }

    #[test]
    fn v5_an_estimate_follows_if_it_is_the_median() {
        let dag = crate::testing::Messages::default();
        let median = WeightedMedian::new();
        assert!(median.follows(&dag, &Bit::One, &Bit::One));
        assert!(!median.follows(&dag, &Bit::One, &Bit::Zero));
    }

    proptest! {
        #[test]
        fn the_median_is_that_of_each_value_written_down_once_for_each_unit(
            ballots in prop::collection::vec((0..6_u64, -5..5_i64), 1..12)
        ) {
            let mut written: Vec<i64> = ballots
                .iter()
                .flat_map(|&(units, value)| std::iter::repeat_n(value, units as usize))
                .collect();
            written.sort_unstable();
            let lower_middle = written.len().checked_sub(1).map(|last| written[last / 2]);
            let lowest = ballots.iter().map(|&(_, value)| value).min();
            prop_assert_eq!(median(&ballots), lower_middle.or(lowest));
        }

        #[test]
        fn the_median_is_the_value_of_any_majority(
            (value, ballots) in majorities((-5..5_i64).prop_map(Integer))
        ) {
            prop_assert_eq!(estimate_by(WeightedMedian::new(), &ballots), Some(value));
        }
    }
}
