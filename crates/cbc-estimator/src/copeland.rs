//! Copeland's rule (semantics §5, §7): the Condorcet-consistent rule for orders.

use cbc_message::{Order, ValidatorSet, Weight};
use cbc_view::MessageDag;

use crate::orders::{check_items, orders, rank};
use crate::{Estimator, Follower, MajorityDriven, Vote, WrongItemCount};

/// Orders items by the number of duels they win: a wins against b if the votes that put a before b
/// weigh more than those that put b before a. Ties go to the item with more points by Borda's
/// count, then to the lower item. O(N·k²) for N votes on k items, and O(k²) memory.
///
/// *Condorcet-consistent*: an item that wins all its duels wins k − 1 of them, and every other
/// item, having lost against that one, at most k − 2; so it comes first. More generally, if every
/// item of a set wins against every item outside, those of the set win more duels than those
/// outside, and come before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copeland {
    items: usize,
}

impl Copeland {
    /// The rule for orders of the items `0..items`.
    pub const fn new(items: usize) -> Self {
        Self { items }
    }
}

impl<D: MessageDag<Estimate = Order>> Estimator<D> for Copeland {
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
        let orders = orders(self.items, dag, validators, votes)?;
        // What the votes weigh that put one item (the row) before another.
        let mut before = vec![vec![Weight::ZERO; self.items]; self.items];
        for (order, weight) in orders {
            let mut items = order.items();
            while let [one, others @ ..] = items {
                let row = &mut before[*one as usize];
                for &other in others {
                    row[other as usize] += weight;
                }
                items = others;
            }
        }
        let score = |(one, row): (usize, &Vec<Weight>)| {
            let wins = (0..self.items).filter(|&other| row[other] > before[other][one]).count();
            // In one vote an item gets a point for each item it comes before, and one more, which
            // all get: Borda's count, but for the same number everywhere.
            let points: u128 = row.iter().map(|weight| u128::from(weight.get())).sum();
            (wins, points)
        };
        let scores: Vec<(usize, u128)> = before.iter().enumerate().map(score).collect();
        rank(&scores)
    }

    fn answer(&self, _: &D, value: &Order) -> Order {
        value.clone()
    }

    fn follows(&self, _: &D, value: &Order, estimate: &Order) -> bool {
        value == estimate
    }
}

impl<D: MessageDag<Estimate = Order>> Follower<D> for Copeland {}

/// For "equals p": let the votes for exactly the order p weigh more than half of the voting weight.
/// Of two items, the one that is first in p then wins their duel, whatever the other votes. So the
/// item at place i of p, from 0, wins against those after it and no others: k − 1 − i duels. These
/// numbers differ and descend, no tie is broken, and the estimate is p.
impl MajorityDriven for Copeland {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Borda;
    use crate::testing::{estimate_by, majorities};

    const ITEMS: usize = 4;

    fn order(items: &[u32]) -> Order {
        Order::new(items.to_vec()).unwrap()
    }

    fn copeland(ballots: &[(u64, &[u32])]) -> Vec<u32> {
        let items = ballots[0].1.len();
        let ballots: Vec<_> = ballots.iter().map(|&(units, items)| (units, order(items))).collect();
        estimate_by(Copeland::new(items), &ballots).unwrap().into()
    }

    #[test]
    fn a_majority_of_51_gets_its_way_against_49() {
        assert_eq!(copeland(&[(51, &[0, 1, 2]), (49, &[1, 2, 0])]), [0, 1, 2]);
    }

    #[test]
    fn duels_decide_where_nobody_has_a_majority() {
        // 2 before 0: 3 + 2 of 9; 2 before 1: 3 + 4; 0 before 1: 4 + 2.
        let ballots: [(u64, &[u32]); 3] = [(4, &[0, 2, 1]), (3, &[2, 1, 0]), (2, &[2, 0, 1])];
        assert_eq!(copeland(&ballots), [2, 0, 1]);
    }

    #[test]
    fn a_cycle_of_duels_is_broken_by_points_and_then_by_the_lower_item() {
        // Each item wins one duel. Points: 0 has 4·2 + 2·1, 1 has 4·1 + 3·2, 2 has 3·1 + 2·2.
        let cycle: [(u64, &[u32]); 3] = [(4, &[0, 1, 2]), (3, &[1, 2, 0]), (2, &[2, 0, 1])];
        assert_eq!(copeland(&cycle), [0, 1, 2]);
        // One unit moves: 0 has 3·2 + 2·1, 1 has 3·1 + 4·2, 2 has 4·1 + 2·2: 1 first, 0 ties 2.
        let cycle: [(u64, &[u32]); 3] = [(3, &[0, 1, 2]), (4, &[1, 2, 0]), (2, &[2, 0, 1])];
        assert_eq!(copeland(&cycle), [1, 0, 2]);
    }

    #[test]
    fn without_weight_the_items_come_in_their_own_order() {
        assert_eq!(copeland(&[(0, &[2, 0, 1])]), [0, 1, 2]);
    }

    #[test]
    fn without_votes_there_is_no_order() {
        assert_eq!(estimate_by(Copeland::new(3), &[]), None);
    }

    fn any_order() -> impl Strategy<Value = Order> + Clone {
        let items: Vec<u32> = (0..ITEMS as u32).collect();
        Just(items).prop_shuffle().prop_map(|items| order(&items))
    }

    /// What the votes weigh that put `one` before `other`.
    fn before(ballots: &[(u64, Order)], one: u32, other: u32) -> u64 {
        let place = |order: &Order, item| order.items().iter().position(|&i| i == item);
        let agreeing = ballots.iter().filter(|(_, order)| place(order, one) < place(order, other));
        agreeing.map(|&(units, _)| units).sum()
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_any_majority((value, ballots) in majorities(any_order())) {
            prop_assert_eq!(estimate_by(Copeland::new(ITEMS), &ballots), Some(value));
        }

        #[test]
        fn more_duels_won_come_first_and_borda_breaks_ties(
            ballots in prop::collection::vec((0..5_u64, any_order()), 1..6)
        ) {
            let result = estimate_by(Copeland::new(ITEMS), &ballots).unwrap();
            let borda = estimate_by(Borda::new(ITEMS), &ballots).unwrap();
            let beats = |&one: &u32, &other: &u32| {
                before(&ballots, one, other) > before(&ballots, other, one)
            };
            // Borda's order is all that the tie-breakers leave: a stable sort keeps it.
            let mut items = borda.items().to_vec();
            items.sort_by_key(|item| {
                std::cmp::Reverse(borda.items().iter().filter(|other| beats(item, other)).count())
            });
            prop_assert_eq!(result.items(), &items);
            for winner in 0..ITEMS as u32 {
                if (0..ITEMS as u32).all(|other| other == winner || beats(&winner, &other)) {
                    prop_assert_eq!(result.items()[0], winner);
                }
            }
        }
    }
}
