//! Oracles that break the contract, each in its own way, are caught.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::cell::Cell;

use cbc_message::{ValidatorId, ValidatorSet, Weight};
use cbc_oracle::{
    BitSet, ChainOracle, CliqueOracle, Quorum, Safety, SafetyOracle, Subject, max_clique,
};
use cbc_oracle_contract::{
    Breach, Claimant, ContractOracle, Size, Violation, assert_kept, check, survey,
};
use cbc_view::{MessageDag, Property, Seen};

fn refuted(oracle: &impl ContractOracle) -> Box<Violation> {
    let violation = check(oracle).unwrap_err();
    println!("{violation}");
    violation
}

/// The proof of concept's figure: the clique oracle, with its margin for a fault tolerance.
struct MarginAsTolerance;

impl<D: MessageDag> SafetyOracle<D> for MarginAsTolerance {
    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        let safety = CliqueOracle::new().safety(dag, validators, candidate);
        let fault_tolerance = (!safety.margin.is_zero()).then_some(safety.margin);
        Safety { fault_tolerance, ..safety }
    }
}

#[test]
fn the_margin_is_no_fault_tolerance() {
    let violation = refuted(&MarginAsTolerance);
    let Breach::Turned { claimed, weight, .. } = violation.breach else { panic!() };
    assert!(weight <= claimed);
}

/// The clique oracle on a lobbying graph without its streak rule: an arrow from v to u needs only a
/// message of u that agrees, whatever u said after it.
struct Forgetful;

impl<D: MessageDag> SafetyOracle<D> for Forgetful {
    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        let agrees = |&message: &_| candidate.agrees(dag, message);
        let latest = |v| dag.latest_honest_message(v).filter(agrees);
        let vertices: Vec<ValidatorId> =
            validators.ids().filter(|&v| latest(v).is_some()).collect();
        let arrow = |v, u| {
            let seen = latest(v).map_or(Seen::Nothing, |message| dag.seen(message, u));
            seen.latest().filter(agrees).is_some()
        };
        let edges: Vec<BitSet> = vertices
            .iter()
            .map(|&v| {
                let mut row = BitSet::new(vertices.len());
                let others = vertices.iter().enumerate();
                others
                    .filter(|&(_, &u)| u != v && arrow(v, u) && arrow(u, v))
                    .for_each(|(place, _)| row.insert(place));
                row
            })
            .collect();
        let weights: Vec<Weight> = vertices.iter().map(|&v| validators.weight(v)).collect();
        let found = max_clique(&weights, &edges, u64::MAX);
        let members = found.members.iter().map(|&place| vertices[place]).collect();
        Safety::of_quorum(Quorum::new(members, validators), validators)
    }
}

#[test]
fn a_lobbying_graph_without_its_streak_rule_claims_too_much() {
    let violation = refuted(&Forgetful);
    assert!(matches!(violation.breach, Breach::Turned { .. } | Breach::QuorumTurned { .. }));
}

/// The clique oracle, which takes everybody who agrees for the quorum.
struct EverybodyIsInTheQuorum;

impl<D: MessageDag> SafetyOracle<D> for EverybodyIsInTheQuorum {
    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        let agrees = |&v: &_| {
            dag.latest_honest_message(v).is_some_and(|message| candidate.agrees(dag, message))
        };
        let quorum = Quorum::new(validators.ids().filter(agrees).collect(), validators);
        Safety { quorum, ..CliqueOracle::new().safety(dag, validators, candidate) }
    }
}

#[test]
fn a_quorum_is_held_to_its_word_unless_it_only_stands_in_for_another() {
    let violation = refuted(&EverybodyIsInTheQuorum);
    let Breach::QuorumTurned { quorum, turned, .. } = violation.breach else { panic!() };
    assert!(!turned.is_empty() && turned.iter().all(|v| quorum.contains(v)));
    Claimant::new(&EverybodyIsInTheQuorum).without_quorum().check(Size::SMALL).unwrap();
}

/// The clique oracle, which says nothing of most candidates.
struct Absent;

impl<D: MessageDag> SafetyOracle<D> for Absent {
    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        let messages = (0..dag.message_count() as u32).map(cbc_view::MessageIndex::new);
        let agreeing = messages.filter(|&message| candidate.agrees(dag, message)).count();
        if 2 * agreeing > dag.message_count() {
            return Safety::none();
        }
        CliqueOracle::new().safety(dag, validators, candidate)
    }
}

#[test]
fn no_candidate_is_safer_than_one_before_it() {
    assert!(matches!(refuted(&Absent).breach, Breach::NotDeepest { .. }));
}

/// The clique oracle, whose chain oracle stays with what it answered first.
struct Stubborn;

struct FirstAnswer<D>(Option<Box<dyn ChainOracle<D> + Send + Sync>>, bool);

impl<D: MessageDag> ChainOracle<D> for FirstAnswer<D> {
    fn update(&mut self, subject: &Subject<'_, D>) {
        let is_first = !std::mem::replace(&mut self.1, true);
        if let Some(inner) = self.0.as_mut().filter(|_| is_first) {
            inner.update(subject);
        }
    }

    fn safety(&mut self, subject: &Subject<'_, D>, depth: u32, threshold: Weight) -> Safety {
        self.0.as_mut().map_or(Safety::none(), |it| it.safety(subject, depth, threshold))
    }
}

impl<D: MessageDag + 'static> SafetyOracle<D> for Stubborn {
    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        CliqueOracle::new().safety(dag, validators, candidate)
    }

    fn chain_oracle(&self) -> Option<Box<dyn ChainOracle<D> + Send + Sync>> {
        Some(Box::new(FirstAnswer(CliqueOracle::new().chain_oracle(), false)))
    }
}

#[test]
fn a_chain_oracle_follows_the_view() {
    assert!(matches!(refuted(&Stubborn).breach, Breach::NotDeepest { found: None, .. }));
}

/// An oracle that finds nothing.
struct Nothing(Cell<usize>);

impl<D: MessageDag> SafetyOracle<D> for Nothing {
    fn safety(&self, _: &D, _: &ValidatorSet, _: &dyn Property<D>) -> Safety {
        self.0.set(self.0.get() + 1);
        Safety::none()
    }
}

#[test]
fn whoever_claims_nothing_keeps_the_contract_and_falls_short() {
    let nothing = Nothing(Cell::new(0));
    let claimant = Claimant::new(&nothing);
    assert_eq!(claimant.check(Size::SMALL).unwrap().safe, 0);
    let outcome = &survey(Size::SMALL, &[claimant])[0];
    for shortfall in [outcome.binary, outcome.two_forks] {
        assert!(shortfall.ideally_safe > 0 && shortfall.short > 0 && shortfall.safe == 0);
        assert!(shortfall.asked > shortfall.ideally_safe);
    }
    assert!(nothing.0.get() >= 2 * (outcome.binary.asked + outcome.two_forks.asked));
}

#[test]
fn several_oracles_are_asked_in_their_order_and_the_same_every_time() {
    let (wrong, right) = (MarginAsTolerance, CliqueOracle::new());
    let claimants = [Claimant::new(&wrong), Claimant::new(&right)];
    let outcomes = survey(Size::SMALL, &claimants);
    assert!(outcomes[0].violations > 0 && outcomes[1].violations == 0);
    let again = survey(Size::SMALL, &claimants);
    assert_eq!(outcomes[0].smallest, again[0].smallest);
    assert_eq!(outcomes[1].two_forks, again[1].two_forks);
}

#[test]
#[should_panic(expected = "turn the estimate")]
fn the_assertion_shows_the_counterexample() {
    assert_kept(&MarginAsTolerance);
}
