//! What the rules for orders share (semantics §5).

use std::cmp::Reverse;

use cbc_message::{Order, ValidatorSet, Weight};
use cbc_view::MessageDag;
use thiserror::Error;

use crate::Vote;
use crate::estimator::ballots;

/// An order that is not of the known items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an order of {found} items: expected one of {expected}")]
pub struct WrongItemCount {
    /// How many items are known.
    pub expected: usize,
    /// How many items the order has.
    pub found: usize,
}

/// Refuses an order that is not of `items` items.
pub(crate) fn check_items(items: usize, order: &Order) -> Result<(), WrongItemCount> {
    let (expected, found) = (items, order.items().len());
    if expected == found { Ok(()) } else { Err(WrongItemCount { expected, found }) }
}

/// The orders of `items` items voted for, with their weights; `None` if there are none. Others
/// have no votes here, since they are refused.
pub(crate) fn orders<'a, D: MessageDag<Estimate = Order>>(
    items: usize,
    dag: &'a D,
    validators: &ValidatorSet,
    votes: &[Vote],
) -> Option<Vec<(&'a Order, Weight)>> {
    let orders: Vec<_> = ballots(dag, validators, votes)
        .filter(|(order, _)| check_items(items, order).is_ok())
        .collect();
    (!orders.is_empty()).then_some(orders)
}

/// The items, which are the indices of `scores`, from the greatest score to the least; the lower
/// item first among equals.
pub(crate) fn rank<S: Ord>(scores: &[S]) -> Option<Order> {
    let mut items: Vec<u32> = (0..).take(scores.len()).collect();
    items.sort_by_key(|&item| Reverse(&scores[item as usize])); // stable: ties stay ascending
    Order::new(items).ok() // a permutation
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Messages, hash, vote, weights};

    #[test]
    fn items_rank_by_descending_score_and_ties_by_ascending_item() {
        assert_eq!(rank(&[3, 5, 3, 9]).unwrap().items(), [3, 1, 0, 2]);
        assert!(rank::<u8>(&[]).unwrap().items().is_empty());
    }

    #[test]
    fn an_order_of_other_items_is_refused_and_has_no_votes() {
        let short = Order::new(vec![1, 0]).unwrap();
        let refused = WrongItemCount { expected: 3, found: 2 };
        assert_eq!(check_items(3, &short), Err(refused));
        assert_eq!(check_items(2, &short), Ok(()));

        let mut messages = Messages::default();
        let vote = vote(messages.push(hash(0, 0), short.clone()));
        let validators = weights(&[4]);
        assert_eq!(orders(3, &messages, &validators, &[vote]), None);
        let counted = orders(2, &messages, &validators, &[vote]);
        assert_eq!(counted, Some(vec![(&short, Weight::new(4))]));
    }
}
