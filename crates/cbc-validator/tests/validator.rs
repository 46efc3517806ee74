//! Observers and validators: rule V5, finality, and making messages.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use cbc_estimator::{BlockIndex, Borda, Copeland, Estimator, WeightedMedian};
use cbc_message::serde::{Deserialize, Serialize};
use cbc_message::{
    Bit, BlockId, BlockVote, Citation, EncodeError, Estimate, Header, Integer, Justification,
    Message, MessageHash, Order, ValidatorId, ValidatorSet, Weight,
};
use cbc_oracle::CliqueOracle;
use cbc_testkit::{Dag, DagEstimate};
use cbc_validator::{
    BinaryConsensus, Blockchain, BordaConsensus, EstimateError, Finality, FinalityConflict,
    InvalidEstimate, MakeError, NotAValidator, Observer, OrderConsensus, Protocol, SharedObserver,
    Standing, Validator, ValueConsensus,
};
use cbc_view::{HashedDag, MessageDag, Reason, View};
use proptest::prelude::*;

fn weights(units: &[u64]) -> Arc<ValidatorSet> {
    Arc::new(ValidatorSet::new(units.iter().copied().map(Weight::new)).unwrap())
}

fn observer<P: Protocol>(protocol: P, units: &[u64]) -> Observer<P, CliqueOracle> {
    Observer::new(protocol, CliqueOracle::new(), weights(units))
}

fn binary(units: &[u64]) -> Observer<BinaryConsensus, CliqueOracle> {
    observer(BinaryConsensus::new(WeightedMedian::new()), units)
}

fn receive<P: Protocol>(
    observer: &mut Observer<P, CliqueOracle>,
    messages: &[Message<P::Estimate>],
) {
    for message in messages {
        observer.receive(message.clone()).map_err(|error| error.to_string()).unwrap();
    }
}

/// Why the last message is refused by somebody who has received the others.
fn refusal<P>(protocol: P, units: &[u64], text: &str) -> EstimateError<P>
where
    P: Protocol<Estimate: DagEstimate>,
{
    let dag = Dag::<P::Estimate>::parse(text);
    let mut observer = observer(protocol, units);
    let (last, before) = dag.messages().split_last().unwrap();
    receive(&mut observer, before);
    match observer.receive(last.clone()).map(drop).unwrap_err().reason {
        Reason::Refused(refusal) => refusal,
        Reason::Invalid(invalid) => panic!("{invalid}"),
    }
}

#[test]
fn v5_an_estimate_that_does_not_follow_is_refused_and_the_right_one_named() {
    let binary = BinaryConsensus::new(WeightedMedian::new());
    let refusal = refusal(binary, &[2, 1, 1], "a 0 1; b 1 0; c 2 0 a b");
    let expected = InvalidEstimate::DoesNotFollow { expected: Bit::One, found: Bit::Zero };
    assert_eq!(refusal, expected);
}

#[test]
fn v5_is_judged_by_the_justification_alone_not_by_what_the_view_knows() {
    // c has seen b alone, and so must say 0, whatever this view has seen besides.
    let dag = Dag::<Bit>::parse("a 0 1; b 1 0; c 2 0 b");
    receive(&mut binary(&[9, 1, 1]), dag.messages());
    // d holds proof against 0, so 0 weighs nothing: it must say what b says.
    let dag = Dag::<Bit>::parse("a 0 1; x 0 0; b 1 0; d 2 0 b !a,x");
    receive(&mut binary(&[9, 1, 1]), dag.messages());
    // e has not seen the proof.
    let dag = Dag::<Bit>::parse("a 0 1; x 0 0; b 1 0; e 2 1 b a");
    receive(&mut binary(&[9, 1, 1]), dag.messages());
}

#[test]
fn v5_an_order_has_to_be_the_one_that_the_votes_give() {
    let votes = "a 0 2>0>1; b 1 2>1>0; c 2 0>1>2;";
    for (order, is_right) in [("2>0>1", true), ("2>1>0", false), ("0>1>2", false)] {
        let dag = Dag::<Order>::parse(&format!("{votes} d 0 {order} a b c"));
        let (last, before) = dag.messages().split_last().unwrap();
        // Both rules agree on these.
        let mut copeland = observer(OrderConsensus::new(Copeland::new(3)), &[3, 1, 1]);
        receive(&mut copeland, before);
        assert_eq!(copeland.receive(last.clone()).is_ok(), is_right, "Copeland, {order}");
        let mut borda = observer(BordaConsensus::new(Borda::new(3)), &[3, 1, 1]);
        receive(&mut borda, before);
        assert_eq!(borda.receive(last.clone()).is_ok(), is_right, "Borda, {order}");
    }
}

#[test]
fn v5_with_nothing_seen_any_value_will_do_and_a_block_goes_on_the_genesis() {
    receive(&mut binary(&[1, 1]), Dag::<Bit>::parse("a 0 1; b 1 0").messages());
    let refusal = refusal(Blockchain, &[1, 1], "a 0 ^G; b 1 ^a");
    let InvalidEstimate::DoesNotFollow { expected, .. } = refusal else { panic!("{refusal}") };
    assert_eq!(expected, BlockVote::Propose { parent: BlockId::Genesis });
}

#[test]
fn v5_a_block_goes_on_the_fork_choice_of_its_justification() {
    let fork = "a 0 ^G; b 1 ^G; c 2 ^b b;";
    let dag = Dag::<BlockVote>::parse(&format!("{fork} d 0 ^c a b c"));
    receive(&mut observer(Blockchain, &[1, 1, 1]), dag.messages());
    for wrong in ["d 0 ^a a b c", "d 0 ^G a b c", "d 0 =a a b c", "d 0 =b a b c"] {
        let refusal = refusal(Blockchain, &[1, 1, 1], &format!("{fork} {wrong}"));
        assert!(matches!(refusal, InvalidEstimate::DoesNotFollow { .. }), "{wrong}");
    }
    let dag = Dag::<BlockVote>::parse(&format!("{fork} d 0 =c a b c"));
    receive(&mut observer(Blockchain, &[1, 1, 1]), dag.messages());
}

/// Were a vote for an ancestor of the head valid, these three, none of whom equivocates, could
/// finalize b and then leave it.
#[test]
fn v5_nobody_takes_a_vote_for_a_final_block_back() {
    let dag = Dag::<BlockVote>::parse(
        "b 0 ^G; c 1 =b b; d 2 =b b c
         bb 0 =b b c d; cc 1 =b bb c d; dd 2 =b bb cc d",
    );
    let mut observer = observer(Blockchain, &[1, 1, 1]);
    receive(&mut observer, dag.messages());
    let finalized = observer.update_safe_estimates().unwrap().advanced().unwrap();
    assert_eq!(finalized.safety.fault_tolerance, Some(Weight::new(1)));
    for back in ["=G", "^G"] {
        let text = format!(
            "b 0 ^G; c 1 =b b; d 2 =b b c
             bb 0 =b b c d; cc 1 =b bb c d; dd 2 =b bb cc d; x 0 {back} bb cc dd"
        );
        let refusal = refusal(Blockchain, &[1, 1, 1], &text);
        assert!(matches!(refusal, InvalidEstimate::DoesNotFollow { .. }));
    }
}

#[test]
fn v5_can_be_left_to_the_makers() {
    let dag = Dag::<Bit>::parse("a 0 1; b 1 0; c 2 0 a b");
    let mut trusting = binary(&[2, 1, 1]).with_estimate_check(false);
    receive(&mut trusting, dag.messages());
    assert_eq!(trusting.view().message_count(), 3);
}

#[test]
fn what_is_no_value_of_the_protocol_is_refused_checked_or_not() {
    let three = || OrderConsensus::new(Copeland::new(3));
    let found = refusal(three(), &[1], "a 0 1>0");
    assert!(matches!(found, InvalidEstimate::Inadmissible(_)), "{found}");
    let mut trusting = observer(three(), &[1]).with_estimate_check(false);
    let dag = Dag::<Order>::parse("a 0 1>0");
    assert!(trusting.receive(dag["a"].clone()).is_err());

    let nowhere = BlockId::Proposed(MessageHash::from_bytes([3; 32]));
    let mut header = Dag::<BlockVote>::parse("a 0 ^G")["a"].header().clone();
    header.estimate = BlockVote::Propose { parent: nowhere };
    let mut trusting = observer(Blockchain, &[1]).with_estimate_check(false);
    let rejection = trusting.receive(Message::new(header).unwrap()).map(drop).unwrap_err();
    assert!(rejection.to_string().contains("unknown block"), "{rejection}");
    assert_eq!(trusting.view().message_count(), 0);
    assert_eq!(trusting.blocks().len(), 1);
}

/// 0 and 1 lock on 1; then 0 is found to equivocate, and 1, for whom half is now enough, joins 2.
const OVERTURNED: &str = "a 0 1; b 1 1 a; aa 0 1 a b; bb 1 1 aa b;
    x 0 0; c 2 0;
    d 1 0 !a,x bb c; e 2 0 !a,x c d; f 1 0 !a,x d e";

#[test]
fn a_final_value_stays_and_a_conflicting_one_is_an_error_that_says_how_it_came() {
    let dag = Dag::<Bit>::parse(OVERTURNED);
    let mut observer = binary(&[3, 2, 2]);
    receive(&mut observer, &dag.messages()[..4]);
    let finalized = observer.update_safe_estimates().unwrap().advanced().unwrap().clone();
    assert_eq!(finalized.value, Bit::One);
    assert_eq!(finalized.safety.quorum.weight, Weight::new(5));
    // Nothing new: nothing to say.
    assert_eq!(observer.update_safe_estimates(), Ok(Finality::Unchanged));
    assert!(!observer.is_overturned());

    receive(&mut observer, &dag.messages()[4..]);
    let conflict = FinalityConflict {
        finalized: Bit::One,
        conflicting: Bit::Zero,
        observed_fault_weight: Weight::new(3),
    };
    for _ in 0..2 {
        assert_eq!(observer.update_safe_estimates(), Err(conflict.clone()));
        assert_eq!(observer.finalized(), Some(&finalized));
        assert!(observer.is_overturned());
    }
    let text = conflict.to_string();
    assert!(text.contains("Zero is safe, and conflicts with One"), "{text}");
    assert!(text.contains("weight 3"), "{text}");
}

#[test]
fn an_estimate_that_left_the_final_value_is_no_conflict_before_it_is_safe() {
    let dag = Dag::<Bit>::parse(OVERTURNED);
    let mut observer = binary(&[3, 2, 2]);
    receive(&mut observer, &dag.messages()[..4]);
    observer.update_safe_estimates().unwrap().advanced().unwrap();
    receive(&mut observer, &dag.messages()[4..7]);
    assert_eq!(observer.estimate(), Some(Bit::Zero));
    assert!(!observer.is_overturned(), "not before somebody looks");
    assert_eq!(observer.update_safe_estimates(), Ok(Finality::Overturned));
    assert!(observer.is_overturned());
    assert_eq!(observer.finalized().unwrap().value, Bit::One);
}

/// Nobody but 0 has spoken, and 0 weighs nothing any more: no estimate is left.
#[test]
fn a_final_value_whose_only_voter_equivocates_is_overturned() {
    let dag = Dag::<Bit>::parse("a 0 1; x 0 0");
    let mut observer = binary(&[3, 1, 1]);
    receive(&mut observer, &dag.messages()[..1]);
    observer.update_safe_estimates().unwrap().advanced().unwrap();
    receive(&mut observer, &dag.messages()[1..]);
    assert_eq!(observer.estimate(), None);
    assert_eq!(observer.update_safe_estimates(), Ok(Finality::Overturned));
}

#[test]
fn being_overturned_ends_when_the_estimate_comes_back() {
    let dag = Dag::<Bit>::parse(OVERTURNED);
    let back = Dag::<Bit>::parse("a 0 1; b 1 1 a; aa 0 1 a b; bb 1 1 aa b; x 0 0; c 2 0; y 2 1");
    let mut observer = binary(&[3, 2, 2]);
    receive(&mut observer, &dag.messages()[..4]);
    observer.update_safe_estimates().unwrap().advanced().unwrap();
    receive(&mut observer, &dag.messages()[4..6]);
    assert_eq!(observer.update_safe_estimates(), Ok(Finality::Overturned));
    // 2 is found to equivocate, too, and 1 alone is left.
    receive(&mut observer, &back.messages()[6..]);
    assert_eq!(observer.update_safe_estimates(), Ok(Finality::Unchanged));
    assert!(!observer.is_overturned());
}

#[test]
fn who_shares_an_observer_is_overturned_alone() {
    let dag = Dag::<Bit>::parse(OVERTURNED);
    let mut observer = binary(&[3, 2, 2]);
    receive(&mut observer, &dag.messages()[..4]);
    observer.update_safe_estimates().unwrap().advanced().unwrap();
    receive(&mut observer, &dag.messages()[4..7]);
    assert_eq!(observer.update_safe_estimates(), Ok(Finality::Overturned));
    let mut all = SharedObserver::new(observer, 2);
    let overturned = |all: &SharedObserver<_, _>| {
        [0, 1]
            .map(|it| all.standing(it).is_some_and(|standing: &Standing<_>| standing.is_overturned))
    };
    assert_eq!(all.of(1).update_safe_estimates(), Ok(Finality::Unchanged));
    assert_eq!(overturned(&all), [true, false]);
    assert!(!all.lent().is_overturned() && all.of(0).is_overturned());
    assert_eq!(overturned(&all), [true, false]);
    all.forget(0);
    assert_eq!((overturned(&all), all.lent().view().justified_count()), ([false; 2], 0));
}

#[test]
fn a_draft_is_the_message_that_is_made_and_changes_nothing() {
    let mut validator = observer(Blockchain, &[1, 2]);
    let id = ValidatorId::new(1);
    for number in 0..3 {
        let draft = validator.draft_message(id).unwrap();
        assert_eq!(validator.view().message_count(), number);
        assert_eq!(validator.make_message(id).unwrap().hash(), draft.hash());
    }
}

#[test]
fn a_conflicting_chain_is_found_although_the_fork_choice_starts_at_the_final_block() {
    // As above, with blocks: a by 0 is final through 0 and 1, until 0 proves to equivocate.
    let dag = Dag::<BlockVote>::parse(
        "a 0 ^G; b 1 =a a; aa 0 =a a b; bb 1 =a aa b
         x 0 =G; c 2 ^G; d 1 =c !a,x bb c; e 2 =c !a,x c d; f 1 =c !a,x d e",
    );
    let (locking, overturning) = dag.messages().split_at(4);
    // 1 leaves a although half of what it has seen is on it: as if the tie had gone so.
    let mut observer = observer(Blockchain, &[3, 2, 2]).with_estimate_check(false);
    receive(&mut observer, locking);
    let finalized = observer.update_safe_estimates().unwrap().advanced().unwrap().value;
    assert_eq!(observer.blocks().height(finalized), 1);
    receive(&mut observer, overturning);
    // The fork choice of this view does not leave the final block …
    assert_eq!(observer.estimate(), Some(finalized));
    // … but what has become final elsewhere shows.
    let conflict = observer.update_safe_estimates().unwrap_err();
    let name = |block| observer.blocks().id(observer.view(), block);
    assert_eq!(name(conflict.finalized), BlockId::Proposed(dag["a"].hash()));
    assert_eq!(name(conflict.conflicting), BlockId::Proposed(dag["c"].hash()));
    assert_eq!(conflict.observed_fault_weight, Weight::new(3));
}

#[test]
fn what_is_safe_below_the_fork_is_no_conflict_with_what_the_fork_choice_has_left() {
    // b is final through 0 and 1. Then 0 proves to equivocate, and 2, heavier than 1, is on c:
    // both of these are on a, which is safe again.
    let dag = Dag::<BlockVote>::parse(
        "a 0 ^G; b 1 ^a a; aa 0 =b a b; bb 1 =b aa b
         x 0 =G; c 2 ^a aa bb; d 1 =b aa bb c",
    );
    let mut observer = observer(Blockchain, &[4, 2, 3]).with_estimate_check(false);
    receive(&mut observer, &dag.messages()[..4]);
    let finalized = observer.update_safe_estimates().unwrap().advanced().unwrap().value;
    assert_eq!(observer.blocks().height(finalized), 2);
    receive(&mut observer, &dag.messages()[4..]);
    let parent = observer.blocks().parent(finalized).unwrap();
    assert!(observer.safety(&parent).reaches(Weight::ZERO));
    assert_eq!(observer.update_safe_estimates(), Ok(Finality::Overturned));
    assert_eq!(observer.finalized().unwrap().value, finalized);
}

#[test]
fn the_genesis_is_a_block_before_anything_is_received() {
    let observer = observer(Blockchain, &[1]);
    assert!(!observer.blocks().is_empty());
    assert_eq!(observer.blocks().iter().len(), 1);
}

#[test]
fn who_cannot_speak_without_leaving_its_final_block_says_so() {
    // 1 finalizes a with 0, finds that 0 equivocates, and hears 2, which is heavier than itself.
    let dag = Dag::<BlockVote>::parse("a 0 ^G; b 1 =a a; aa 0 =a a b; bb 1 =a aa b");
    let mut validator =
        Validator::new(ValidatorId::new(1), observer(Blockchain, &[4, 2, 3])).unwrap();
    receive(validator.observer_mut(), dag.messages());
    validator.observer_mut().update_safe_estimates().unwrap().advanced().unwrap();
    assert!(validator.make_message().is_ok());
    let other = Dag::<BlockVote>::parse("c 2 ^G; x 0 =c c");
    receive(validator.observer_mut(), other.messages());
    assert_eq!(validator.observer_mut().update_safe_estimates(), Ok(Finality::Overturned));
    let error = validator.make_message().map(drop).unwrap_err();
    assert_eq!(error, MakeError::Overturned { observed_fault_weight: Weight::new(4) });
}

#[test]
fn a_threshold_is_the_fault_tolerance_asked_for() {
    let dag = Dag::<Bit>::parse("a 0 1; b 1 1 a; aa 0 1 a b; bb 1 1 aa b");
    for (threshold, is_final) in [(0, true), (1, true), (2, false)] {
        // q = 5 of W = 7: t = ⌈1.5⌉ − 1 = 1.
        let mut observer = binary(&[3, 2, 2]).with_threshold(Weight::new(threshold));
        receive(&mut observer, dag.messages());
        let finalized = observer.update_safe_estimates().unwrap().advanced();
        assert_eq!(finalized.is_some(), is_final, "threshold {threshold}");
    }
}

#[test]
fn a_maker_holds_its_message_before_anybody_else_and_counts_its_own() {
    let id = ValidatorId::new(1);
    let mut validator = Validator::new(id, observer(Blockchain, &[1, 2])).unwrap();
    assert_eq!(validator.id(), id);
    assert_eq!(validator.my_latest_message(), None);
    for number in 0..5 {
        let message = validator.make_message().unwrap();
        assert_eq!(message.sequence_number(), number);
        assert_eq!(message.sender(), id);
        let latest = validator.my_latest_message().unwrap();
        assert_eq!(validator.observer().view().hash(latest), message.hash());
        assert_eq!(validator.observer().view().next_sequence_number(id), number + 1);
    }
}

#[test]
fn a_first_value_has_to_be_given_and_later_ones_follow() {
    let mut validator = Validator::new(ValidatorId::new(0), binary(&[1, 1])).unwrap();
    assert_eq!(validator.make_message().map(drop).unwrap_err(), MakeError::NoEstimate);
    assert_eq!(validator.observer().view().message_count(), 0);
    validator.make_message_with(Bit::One).unwrap();
    assert_eq!(*validator.make_message().unwrap().estimate(), Bit::One);
    let invalid = validator.make_message_with(Bit::Zero).map(drop).unwrap_err();
    assert!(matches!(invalid, MakeError::Invalid(_)), "{invalid}");
    assert_eq!(validator.observer().view().message_count(), 2);
}

#[test]
fn whoever_knows_of_its_own_equivocation_is_silent() {
    let dag = Dag::<Bit>::parse("a 0 1; x 0 0");
    let mut validator = Validator::new(ValidatorId::new(0), binary(&[1, 1])).unwrap();
    receive(validator.observer_mut(), dag.messages());
    let error = validator.make_message_with(Bit::One).map(drop).unwrap_err();
    assert!(matches!(error, MakeError::Equivocated { .. }), "{error}");
}

#[test]
fn only_members_of_the_set_are_validators() {
    let error = Validator::new(ValidatorId::new(2), binary(&[1, 1])).map(drop).unwrap_err();
    assert_eq!(error, NotAValidator { id: ValidatorId::new(2), validators: 2 });
}

proptest! {
    /// Validators that hear some of each other's blocks; the bisection against asking every block
    /// from the head down.
    #[test]
    fn the_last_finalized_block_is_the_deepest_safe_one(
        units in prop::collection::vec(1u64..6, 2..6),
        draws in prop::collection::vec(any::<u16>(), 1..160),
    ) {
        let set = weights(&units);
        let mut validators: Vec<_> = set
            .ids()
            .map(|id| Validator::new(id, observer(Blockchain, &units)).unwrap())
            .collect();
        let mut global = observer(Blockchain, &units);
        let mut made: Vec<Message<BlockVote>> = Vec::new();
        for draw in draws {
            let draw = usize::from(draw);
            let validator = &mut validators[draw % units.len()];
            if draw % 3 > 0 && !made.is_empty() {
                for heard in &made[..draw / 7 % made.len() + 1] {
                    validator.observer_mut().receive(heard.clone()).unwrap();
                }
            } else {
                let message = validator.make_message().unwrap();
                global.receive(message.clone()).unwrap();
                made.push(message);
            }
            let head = global.estimate().unwrap();
            let chain = std::iter::successors(Some(head), |&block| global.blocks().parent(block));
            let deepest = chain
                .filter(|&block| global.blocks().height(block) > 0)
                .find(|block| global.safety(block).reaches(Weight::ZERO));
            let before = global.finalized().map(|finalized| finalized.value);
            let finality = global.update_safe_estimates().unwrap();
            let newly_final: Vec<BlockIndex> = global.newly_final(&finality).collect();
            let advanced = finality.advanced().map(|finalized| finalized.value);
            let now = global.finalized().map(|finalized| finalized.value);
            prop_assert_eq!(advanced.or(before), now);
            // The blocks in between, the oldest first.
            let mut between: Vec<BlockIndex> = std::iter::successors(advanced, |&block| {
                global.blocks().parent(block)
            })
            .take_while(|&block| Some(block) != before && global.blocks().height(block) > 0)
            .collect();
            between.reverse();
            prop_assert_eq!(newly_final, between);
            // It never goes back, and is no less deep than what is safe now.
            if let Some(before) = before {
                prop_assert!(global.blocks().is_ancestor_or_same(before, now.unwrap()));
            }
            let height = |block: Option<_>| block.map_or(0, |block| global.blocks().height(block));
            prop_assert_eq!(height(now), height(deepest).max(height(before)));
        }
    }
}

/// The integer protocol decides a value that somebody proposed.
#[test]
fn integers_are_decided_by_the_median() {
    let dag = Dag::<Integer>::parse(
        "a 0 -5; b 1 7; c 2 9; aa 0 7 a b c; bb 1 7 aa b c; cc 2 7 aa bb c; a3 0 7 aa bb cc",
    );
    let protocol = cbc_validator::IntegerConsensus::new(WeightedMedian::new());
    let mut observer = observer(protocol, &[1, 1, 1]);
    receive(&mut observer, dag.messages());
    assert_eq!(observer.update_safe_estimates().unwrap().advanced().unwrap().value, Integer(7));
}

/// Whether each two of G, a, b and c conflict: a and b are one chain, c is their rival.
#[test]
fn values_conflict_unless_one_is_a_candidate_of_the_other() {
    let dag = Dag::<BlockVote>::parse("a 0 ^G; b 0 ^a a; c 1 ^G; d 1 ^c c");
    let mut observer = observer(Blockchain, &[1, 1]);
    receive(&mut observer, dag.messages());
    let block = |name: &str| match name {
        "G" => observer.blocks().resolve(observer.view(), BlockId::Genesis).unwrap(),
        name => {
            observer.blocks().resolve(observer.view(), BlockId::Proposed(dag[name].hash())).unwrap()
        }
    };
    let rivals = [("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")];
    for one in ["G", "a", "b", "c", "d"] {
        for other in ["G", "a", "b", "c", "d"] {
            let expected = rivals.contains(&(one, other)) || rivals.contains(&(other, one));
            let found = Blockchain.conflict(observer.estimator(), &block(one), &block(other));
            assert_eq!(found, expected, "{one} {other}");
        }
    }
    let protocol = BinaryConsensus::new(WeightedMedian::new());
    let binary = binary(&[1]);
    for (one, other) in [(Bit::Zero, Bit::One), (Bit::One, Bit::Zero)] {
        assert!(protocol.conflict(binary.estimator(), &one, &other));
        assert!(!protocol.conflict(binary.estimator(), &one, &one));
    }
}

#[test]
fn an_order_of_other_items_is_refused_on_receipt_and_never_held() {
    let order = |count: u32| Order::new((0..count).collect()).unwrap();
    let waits = |estimate| {
        let never = Citation::Latest(MessageHash::from_bytes([7; 32]));
        Message::new(Header {
            sender: ValidatorId::new(0),
            sequence_number: 0,
            justification: Justification::new(vec![(ValidatorId::new(1), never)]).unwrap(),
            estimate,
        })
        .unwrap()
    };
    let mut copeland = observer(OrderConsensus::new(Copeland::new(3)), &[1, 1]);
    let mut borda = observer(BordaConsensus::new(Borda::new(3)), &[1, 1]);
    for great in [order(1_000_000), order(2)] {
        let reason = copeland.receive(waits(great.clone())).unwrap_err().reason;
        assert!(matches!(reason, Reason::Refused(InvalidEstimate::Inadmissible(_))), "{reason}");
        let reason = borda.receive(waits(great)).unwrap_err().reason;
        assert!(matches!(reason, Reason::Refused(InvalidEstimate::Inadmissible(_))), "{reason}");
    }
    // Whoever asks an estimator about an order that did not arrive so is told the same.
    let admits = |count| {
        let (copeland, borda) = (Copeland::new(3), Borda::new(3));
        (
            Estimator::<View<Order>>::admit(&copeland, &order(count)).is_ok(),
            Estimator::<View<Order>>::admit(&borda, &order(count)).is_ok(),
        )
    };
    assert_eq!([2, 3, 4].map(admits), [(false, false), (true, true), (false, false)]);
    copeland.receive(waits(order(3))).unwrap();
    borda.receive(waits(order(3))).unwrap();
    assert_eq!((copeland.view().pending_count(), borda.view().pending_count()), (1, 1));
}

/// A value that cannot be written down.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(crate = "cbc_message::serde")]
struct Unwritable {
    #[serde(skip)]
    value: u8,
}

impl Estimate for Unwritable {
    const KIND: [u8; 4] = *b"unwr";
}

#[test]
fn a_message_that_nobody_could_read_is_not_made() {
    let protocol = ValueConsensus::new(WeightedMedian::<Unwritable>::new());
    let observer = observer(protocol, &[1, 1]);
    let mut validator = Validator::new(ValidatorId::new(0), observer).unwrap();
    let error = validator.make_message_with(Unwritable { value: 1 }).unwrap_err();
    assert_eq!(error, MakeError::Unencodable(EncodeError::AnotherValue));
    assert_eq!(validator.my_latest_message(), None);
}

/// A value protocol settles no messages, so nothing becomes of the view.
#[test]
fn where_nothing_is_settled_nothing_is_pruned() {
    let mut observer = binary(&[3, 2, 2]);
    receive(&mut observer, &Dag::<Bit>::parse(OVERTURNED).messages()[..4]);
    observer.update_safe_estimates().unwrap().advanced().unwrap();
    assert_eq!(observer.prune(0, |_| panic!("nothing is dropped")), 0);
    assert!(!observer.view().is_pruned());
}
