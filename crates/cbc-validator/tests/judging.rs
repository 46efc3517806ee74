//! Rule V5 from the votes judged before, beside the fork choice from scratch.

#![allow(clippy::unwrap_used, reason = "tests")]

mod world;

use std::collections::BTreeSet;

use cbc_estimator::{Estimator, votes};
use cbc_message::{BlockVote, MessageHash};
use cbc_view::{HashedDag, MessageDag, MessageIndex};
use proptest::prelude::*;

use world::{Draws, Follower, arrivals, execution, observer};

const WEIGHTS: [u64; 6] = [5, 4, 4, 2, 3, 3];

/// Whether the message is for the head of what its maker had seen, found from scratch.
fn follows(all: &Follower, message: MessageIndex) -> bool {
    let view = all.view();
    let seen = votes(&view.citations(message));
    let head = all.estimator().estimate(view, view.validators(), &seen, None).unwrap();
    let (BlockVote::Propose { parent: block } | BlockVote::Vote { block }) =
        *view.estimate(message);
    all.blocks().id(view, head) == block
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// One observer judges messages in the order of their arrival, refuses some, and is asked about
    /// its own estimate in between; the other takes all in, and each is judged by itself.
    #[test]
    fn v5_is_what_it_is_from_scratch_whatever_was_judged_before(
        draws in prop::collection::vec(any::<u32>(), 1..200),
    ) {
        let mut draws = Draws::new(&draws);
        let made = execution(&WEIGHTS, 40, &mut draws);
        let mut all = observer(&WEIGHTS).with_estimate_check(false);
        for message in &made {
            let _ = all.receive(message.clone());
        }
        let mut valid: BTreeSet<MessageHash> = BTreeSet::new();
        for message in all.view().justified_messages() {
            let cited = all.view().cited(message);
            let is_founded = cited.map(|it| all.view().hash(it)).all(|it| valid.contains(&it));
            if is_founded && follows(&all, message) {
                valid.insert(all.view().hash(message));
            }
        }
        let mut checking = observer(&WEIGHTS);
        for place in arrivals(made.len(), &mut draws) {
            let _ = checking.receive(made[place].clone());
            if draws.below(3) == 0 {
                let estimate = checking.estimate_from_genesis().unwrap();
                let _ = checking.update_safe_estimates();
                prop_assert_eq!(checking.estimate_from_genesis(), Some(estimate));
            }
        }
        let justified = checking.view().justified_messages();
        let justified: BTreeSet<_> = justified.map(|it| checking.view().hash(it)).collect();
        prop_assert_eq!(justified, valid);
    }
}
