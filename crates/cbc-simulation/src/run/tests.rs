//! What a run keeps, and what it refuses.

use std::sync::Arc;

use cbc_estimator::WeightedMedian;
use cbc_message::{Bit, ValidatorSet, Weight};
use cbc_oracle::CliqueOracle;
use cbc_validator::{BinaryConsensus, Blockchain};
use cbc_view::MessageDag;

use super::*;

fn setup<P>(protocol: P, weights: &[u64]) -> Setup<P, CliqueOracle> {
    let weights = weights.iter().copied().map(Weight::new);
    Setup {
        protocol,
        oracle: CliqueOracle::new(),
        validators: Arc::new(ValidatorSet::new(weights).unwrap()),
        threshold: Weight::ZERO,
        check_estimates: true,
        items: Vec::new(),
    }
}

fn chain(weights: &[u64]) -> Run<Blockchain, CliqueOracle> {
    Run::new(setup(Blockchain, weights), None).unwrap().finalizing()
}

fn step<P: Recorded + Clone>(run: &mut Run<P, CliqueOracle>, token: &str) -> Result<(), StepError> {
    run.step(&token.parse().unwrap()).map_err(|error| error.problem)
}

/// All that can be seen of a run: each view's messages, latest messages and estimate.
fn state<P: Recorded + Clone>(run: &mut Run<P, CliqueOracle>) -> Vec<String> {
    let ids: Vec<ValidatorId> = run.setup().validators.ids().collect();
    let see = |run: &Run<P, CliqueOracle>| {
        let view = run.observer().view();
        let justified: Vec<_> = view.justified_messages().collect();
        let latest: Vec<_> = view.latest_messages().collect();
        let estimate = run.observer().estimate();
        let pending = view.pending_count();
        format!("{justified:?} {latest:?} {pending} {estimate:?} {:?}", run.display_heights())
    };
    let mut state: Vec<String> = ids.iter().map(|&validator| run.visit(validator, see)).collect();
    state.push(see(run));
    state.push(format!("{:?}", run.notation().names().collect::<Vec<_>>()));
    state
}

#[test]
fn a_failed_step_changes_nothing() {
    let mut run = chain(&[1, 1]);
    step(&mut run, "M-0-A-()").unwrap();
    let before = state(&mut run);
    for (token, expected) in [
        ("M-0-B", StepError::SameMessage { other: "A".to_owned() }),
        ("M-0-B-()", StepError::SameMessage { other: "A".to_owned() }),
        ("M-0-A", StepError::NameTaken { name: "A".to_owned() }),
        ("M-0-G", StepError::NameOfGenesis),
        ("S-1-C", StepError::UnknownMessage { name: "C".to_owned() }),
        ("M-0-B-(C)", StepError::UnknownMessage { name: "C".to_owned() }),
        (
            "M-0-B-()=A",
            StepError::DoesNotFollow { expected: "G".to_owned(), found: "A".to_owned() },
        ),
        (
            "M-1-B-(A)=G",
            StepError::DoesNotFollow { expected: "A".to_owned(), found: "G".to_owned() },
        ),
    ] {
        assert_eq!(step(&mut run, token), Err(expected), "{token}");
        assert_eq!(state(&mut run), before, "{token}");
        assert!(!run.has_justified(ValidatorId::new(0), MessageIndex::new(0)), "{token}");
    }
    // And goes on.
    step(&mut run, "S-0-A").unwrap();
    step(&mut run, "M-0-B").unwrap();
    let error = run.step(&"S-0-C".parse().unwrap()).unwrap_err();
    assert_eq!(error.position, 3, "it counts what was carried out");
}

#[test]
fn byzantine_messages_can_have_estimates_of_their_own() {
    let mut run = chain(&[1, 1, 1]);
    for token in ["M-0-A", "M-0-B-()=vote:G", "M-1-C-(A)=vote:A", "M-2-D-()"] {
        step(&mut run, token).unwrap();
    }
    let view = run.observer().view();
    assert!(view.is_equivocator(ValidatorId::new(0)));
    assert!(!view.is_equivocator(ValidatorId::new(1)));
    assert_eq!(run.observer().blocks().len(), 3, "G, A and D");

    let mut trusting =
        Run::new(Setup { check_estimates: false, ..setup(Blockchain, &[1, 1]) }, None).unwrap();
    // Two blocks on one justification.
    for token in ["M-0-A", "M-1-B-(A)=A", "M-1-C-(A)=G"] {
        step(&mut trusting, token).unwrap();
    }
    let heights: Vec<u32> = trusting
        .observer()
        .blocks()
        .iter()
        .map(|block| trusting.observer().blocks().height(block))
        .collect();
    assert_eq!(heights, [0, 1, 2, 1]);
    assert!(trusting.observer().view().is_equivocator(ValidatorId::new(1)));

    let binary = BinaryConsensus::new(WeightedMedian::new());
    let estimates = Some(vec![Bit::One, Bit::One]);
    let mut run = Run::new(setup(binary, &[1, 1]), estimates).unwrap();
    let found = StepError::NotAnEstimate { found: "2".into(), expected: "0 or 1".into() };
    assert_eq!(step(&mut run, "M-0-B-()=2"), Err(found));
    step(&mut run, "M-0-G-()=0").unwrap();
    assert!(run.observer().view().is_equivocator(ValidatorId::new(0)));
}

#[test]
fn only_who_does_something_takes_a_seat() {
    let binary = BinaryConsensus::new(WeightedMedian::new());
    let estimates = Some(vec![Bit::One; 4]);
    let mut run = Run::new(setup(binary, &[9, 1, 1, 1]), estimates).unwrap().finalizing();
    let ids: Vec<ValidatorId> = run.setup().validators.ids().collect();
    for &validator in &ids {
        assert!(run.standing(validator).is_none());
        let first = MessageIndex::new(validator.get());
        let sees = |run: &Run<_, _>| run.observer().view().justified_messages().collect::<Vec<_>>();
        assert_eq!(run.visit(validator, sees), [first]);
        assert!(run.standing(validator).is_none(), "who is visited does nothing");
        for &other in &ids {
            assert_eq!(run.has_justified(other, first), other == validator);
        }
    }
    step(&mut run, "S-1-I0").unwrap();
    assert!(run.standing(ids[1]).is_some() && run.standing(ids[2]).is_none());
    // Validator 0 outweighs all others, and so has finalized what it says.
    run.update_safe_estimates();
    let finalized = |run: &Run<_, _>, id| {
        run.standing(id).is_some_and(|standing: &Standing<_>| !standing.finalized.is_empty())
    };
    assert!(finalized(&run, ids[0]) && finalized(&run, ids[1]) && !finalized(&run, ids[2]));
}

#[test]
fn what_is_final_never_changes_what_is_said() {
    let execution = "M-0-A SJ-1-A M-1-B SJ-0-B M-0-C SJ-1-C M-1-D SJ-0-D \
                     M-1-P-() M-0-Q-() M-2-R SJ-0-P SJ-0-Q SJ-0-R SJ-1-R SJ-1-Q SJ-2-P";
    let execution: Execution = execution.parse().unwrap();
    let (mut one, mut other) = (chain(&[3, 3, 2]), chain(&[3, 3, 2]));
    for token in execution.tokens() {
        let made = (one.step(token), other.step(token));
        assert_eq!(made.0, made.1);
        one.update_safe_estimates();
    }
    assert_eq!(one.notation().name(&one.observer().view().hash(MessageIndex::new(3))), "D");
    let hashes = |run: &Run<_, _>| -> Vec<_> {
        run.observer().view().justified_messages().map(|m| run.observer().view().hash(m)).collect()
    };
    assert_eq!(hashes(&one), hashes(&other));
}

/// Weights 3, 3, 2, 2: validators 0 and 1 finalize A and B, equivocate, and let 2 and 3
/// finalize Y.
#[test]
fn finality_that_contradicts_itself_is_found() {
    let execution = "M-0-A SJ-1-A M-1-B SJ-0-B M-0-C SJ-1-C M-1-D M-2-Z SJ-3-Z M-3-Y SJ-2-Y \
                     M-2-X M-0-P-(X,Y) M-1-Q-(P) SJ-2-Q SJ-3-Q M-2-U SJ-3-U M-3-V SJ-2-V \
                     M-2-T SJ-3-T M-3-K";
    let mut run = chain(&[3, 3, 2, 2]);
    run.execute(&execution.parse().unwrap()).unwrap();
    assert!(run.conflicting_finality().is_empty());
    run.update_safe_estimates();
    let found: Vec<String> = run.conflicting_finality().iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "A is final for validator 0",
            "B is final for validator 1",
            "Y is final for validators 2, 3"
        ]
    );
    // The observer of all messages looked only when all had happened: nothing is final there.
    assert!(run.observer().finalized().is_none() && run.overturned().len() == 0);

    let mut watched = chain(&[3, 3, 2, 2]);
    for token in execution.parse::<Execution>().unwrap().tokens() {
        watched.step(token).unwrap();
        watched.update_global_safe_estimate();
    }
    let overturned: Vec<&Overturned> = watched.overturned().collect();
    assert_eq!(overturned.len(), 1);
    assert_eq!(overturned[0].validator, None);
    assert_eq!(overturned[0].finalized, "B");
    assert_eq!(overturned[0].conflicting, None);
    assert_eq!(overturned[0].observed_fault_weight, Weight::new(6));
    assert!(overturned[0].in_the_end);
}

#[test]
fn a_validator_that_leaves_what_it_has_finalized_is_overturned_and_speaks_on() {
    // 0 and 1 lock in A; 2, heavier than 1, hears both forks of 0 and wins 1 over.
    let mut run = chain(&[4, 2, 3]);
    let locks = "M-0-A SJ-1-A M-1-B SJ-0-B M-0-C SJ-1-C";
    run.execute(&locks.parse().unwrap()).unwrap();
    run.update_safe_estimates();
    assert!(!run.standing(ValidatorId::new(1)).unwrap().finalized.is_empty());
    run.execute(&"M-0-X-()=vote:G M-2-R SJ-1-X SJ-1-R M-1-S".parse().unwrap()).unwrap();
    run.update_safe_estimates();
    let of_1 = run.overturned().find(|it| it.validator == Some(ValidatorId::new(1))).unwrap();
    assert!(of_1.in_the_end && of_1.observed_fault_weight == Weight::new(4), "{of_1:?}");
    assert!(of_1.to_string().contains("the estimate has left"), "{of_1}");
}
