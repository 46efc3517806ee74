//! Borda's count (semantics §5): the order rule of the proof of concept.

use cbc_message::{Order, ValidatorSet};
use cbc_view::MessageDag;

use crate::orders::{check_items, orders, rank};
use crate::{Estimator, Follower, Vote, WrongItemCount};

/// Orders items by points: of k items, the one at place i of a vote, from 0, gets k − i for each
/// unit of the vote's weight. Ties go to the lower item. O(N·k + k log k) for N votes.
///
/// Kept for the traces of the proof of concept, and *not* [`MajorityDriven`]: it can elect against
/// a majority, so a safety oracle says nothing about it (semantics §7). If of 100 units 51 vote for
/// 0 > 1 > 2 and 49 for 1 > 2 > 0, then item 0 has 51·3 + 49·1 = 202 points, item 1 has
/// 51·2 + 49·3 = 249 and item 2 has 51·1 + 49·2 = 149: the estimate is 1 > 0 > 2.
///
/// [`MajorityDriven`]: crate::MajorityDriven
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Borda {
    items: usize,
}

impl Borda {
    /// The rule for orders of the items `0..items`.
    pub const fn new(items: usize) -> Self {
        Self { items }
    }
}

impl<D: MessageDag<Estimate = Order>> Estimator<D> for Borda {
    type Value = Order;
    type Inadmissible = WrongItemCount;
    type Answer = Order;

    fn admit(&self, order: &Order) -> Result<(), WrongItemCount> {
        check_items(self.items, order)
    }

    fn estimate(
        &self,
        dag: &D,
        validators: &ValidatorSet,
        votes: &[Vote],
        _: Option<&Order>,
    ) -> Option<Order> {
        // At most u64::MAX units, u32::MAX + 1 points for each: u128 is ample.
        let mut scores = vec![0_u128; self.items];
        for (order, weight) in orders(self.items, dag, validators, votes)? {
            let points = (1..=self.items as u128).rev();
            for (&item, points) in order.items().iter().zip(points) {
                scores[item as usize] += u128::from(weight.get()) * points;
            }
        }
        rank(&scores)
    }

    fn answer(&self, _: &D, value: &Order) -> Order {
        value.clone()
    }

    fn follows(&self, _: &D, value: &Order, estimate: &Order) -> bool {
        value == estimate
    }
}

impl<D: MessageDag<Estimate = Order>> Follower<D> for Borda {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::estimate_by;

    /// The estimate for orders of three items.
    fn borda(ballots: &[(u64, [u32; 3])]) -> Option<Vec<u32>> {
        let order = |items: [u32; 3]| Order::new(items.to_vec()).unwrap();
        let ballots: Vec<_> = ballots.iter().map(|&(units, items)| (units, order(items))).collect();
        estimate_by(Borda::new(3), &ballots).map(Vec::from)
    }

    #[test]
    fn points_are_weighted_places_counted_from_the_end() {
        // 0: 2·3 + 3·1 + 2·2 = 13; 1: 2·1 + 3·2 + 2·3 = 14; 2: 2·2 + 3·3 + 2·1 = 15.
        let ballots = [(2, [0, 2, 1]), (3, [2, 1, 0]), (2, [1, 0, 2])];
        assert_eq!(borda(&ballots), Some(vec![2, 1, 0]));
    }

    #[test]
    fn ties_go_to_the_lower_item() {
        assert_eq!(borda(&[(1, [2, 1, 0]), (1, [0, 1, 2])]), Some(vec![0, 1, 2]));
        assert_eq!(borda(&[(0, [2, 1, 0])]), Some(vec![0, 1, 2]));
    }

    #[test]
    fn without_votes_there_is_no_order() {
        assert_eq!(borda(&[]), None);
    }

    #[test]
    fn the_greatest_weights_do_not_overflow() {
        assert_eq!(borda(&[(u64::MAX, [1, 2, 0])]), Some(vec![1, 2, 0]));
    }

    #[test]
    fn a_majority_of_51_does_not_get_its_way_against_49() {
        let ballots = [(51, [0, 1, 2]), (49, [1, 2, 0])];
        assert_eq!(borda(&ballots), Some(vec![1, 0, 2]));
    }
}
