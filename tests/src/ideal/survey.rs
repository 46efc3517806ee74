//! What the oracles claim, and what the search allows.

use std::fmt::{self, Write};
use std::sync::Arc;

use cbc_message::{ValidatorSet, Weight};
use cbc_oracle::{CliqueOracle, FinalitySearch, Quorum, Safety, SafetyOracle};
use cbc_oracle_adversary::AdversaryOracle;
use cbc_oracle_inspector::InspectorOracle;
use cbc_oracle_turan::TuranOracle;
use cbc_validator::Protocol;
use cbc_view::{Chain, MessageDag, Property, View};

use crate::ideal::futures::Least;
use crate::ideal::{Group, Play, Situation, Story};

/// An oracle to be surveyed.
pub struct Claimant<D: MessageDag> {
    /// What the table calls it.
    pub name: &'static str,
    /// The oracle.
    pub oracle: Box<dyn SafetyOracle<D>>,
    /// Whether it claims, besides, that no honest member of its quorum is ever turned: the
    /// argument of [`Safety::of_strength`].
    pub quorum_holds: bool,
}

/// The oracles, in the order of the table.
pub fn claimants<D: MessageDag + 'static>() -> Vec<Claimant<D>> {
    let claimant = |name, oracle, quorum_holds| Claimant { name, oracle, quorum_holds };
    vec![
        claimant("clique", Box::new(CliqueOracle::new()), true),
        claimant("clique, no search", Box::new(CliqueOracle::with_budget(0)), true),
        claimant("turan", Box::new(TuranOracle), false), // its quorum stands in for another
        claimant("adversary", Box::new(AdversaryOracle), true),
        claimant("inspector, one level", Box::new(InspectorOracle::one_level()), true),
        // Several levels make others turn first: the argument is another than of_strength's.
        claimant("inspector, two levels", Box::new(InspectorOracle::levels(2)), true),
        claimant("inspector, ten levels", Box::new(InspectorOracle::new()), true),
    ]
}

/// The proof of concept's figure: the clique oracle, with its margin for a fault tolerance. To be
/// refuted.
#[derive(Clone, Copy, Debug, Default)]
pub struct MarginAsTolerance;

impl<D: MessageDag> SafetyOracle<D> for MarginAsTolerance {
    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        let safety = CliqueOracle::new().safety(dag, validators, candidate);
        let fault_tolerance = (!safety.margin.is_zero()).then_some(safety.margin);
        Safety { fault_tolerance, ..safety }
    }
}

/// One line of the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// The oracle.
    pub oracle: &'static str,
    /// How many views it was asked about, each for each candidate.
    pub asked: usize,
    /// In how many the candidate is safe, by the oracle.
    pub safe: usize,
    /// In how many the candidate is safe, by the search.
    pub ideally_safe: usize,
    /// In how many the oracle's tolerance is less than what the search allows.
    pub short: usize,
    /// By how much it is, together, in parts of W.
    pub shortfall: f64,
    /// By how much it is at most, in parts of W.
    pub greatest: f64,
}

/// A claim that the search refutes.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Whose claim.
    pub oracle: &'static str,
    /// How many messages the view has.
    pub messages: usize,
    /// The fault tolerance claimed.
    pub claimed: Weight,
    /// What the equivocators weigh that refute it.
    pub refuted_by: Weight,
    /// The view, and what happens.
    pub story: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { oracle, claimed, refuted_by, story, .. } = self;
        write!(f, "{oracle} claims {claimed}, refuted by {refuted_by}: {story}")
    }
}

/// A candidate, and what is said to be tolerated.
type Final<P> = (<P as Protocol>::Value, Safety);

/// At which fault tolerance the deepest candidate is asked for.
const THRESHOLDS: [Weight; 2] = [Weight::ZERO, Weight::new(1)];

/// Oracles held against the search, view after view.
pub struct Survey<P: Play> {
    claimants: Vec<Claimant<View<P::Estimate>>>,
    rows: Vec<Row>,
    violations: Vec<Violation>,
}

impl<P: Play> Default for Survey<P> {
    fn default() -> Self {
        Self::of(claimants())
    }
}

impl<P: Play> Survey<P> {
    /// A survey of these oracles.
    pub fn of(claimants: Vec<Claimant<View<P::Estimate>>>) -> Self {
        let row = |claimant: &Claimant<_>| Row { oracle: claimant.name, ..Row::default() };
        Self { rows: claimants.iter().map(row).collect(), claimants, violations: Vec::new() }
    }

    /// One row for each oracle.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The claims that were refuted.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Asks everybody about every candidate in this view, and for the deepest safe one of the
    /// estimate.
    pub fn ask(&mut self, validators: &Arc<ValidatorSet>, story: &Story<P>) {
        let mut situation = Situation::<P>::new(validators, story);
        // The oracles are asked before the world knows of any future.
        let candidates = P::candidates(&situation.world);
        let answers: Vec<Vec<Safety>> = candidates
            .iter()
            .map(|candidate| {
                let observer = situation.world.observer();
                let oracles = self.claimants.iter().map(|claimant| &claimant.oracle);
                oracles.map(|oracle| observer.safety_by(oracle, candidate)).collect()
            })
            .collect();
        let finals: Vec<_> = THRESHOLDS.iter().map(|&t| self.finals(&situation, t)).collect();
        for (candidate, answers) in candidates.iter().zip(answers) {
            let least = situation.least(candidate);
            for (place, safety) in answers.iter().enumerate() {
                self.count(place, safety, &least, validators, situation.proven);
                self.check(place, safety, &least, &situation, candidate);
                for (value, safety) in finals.iter().filter_map(|finals| finals[place].as_ref()) {
                    if value == candidate {
                        self.check(place, safety, &least, &situation, candidate);
                    }
                }
            }
        }
    }

    /// What each oracle answers whoever asks for the deepest candidate of the estimate that
    /// tolerates so much.
    ///
    /// # Panics
    ///
    /// If the oracle, asked for one after another, answers otherwise.
    fn finals(&self, situation: &Situation<P>, threshold: Weight) -> Vec<Option<Final<P>>> {
        let observer = situation.world.observer();
        let (protocol, estimator) = (observer.protocol(), observer.estimator());
        let (view, validators) = (observer.view(), observer.view().validators());
        let Some(tip) = situation.world.value(&situation.tips) else {
            return vec![None; self.claimants.len()];
        };
        let chain = protocol.chain(estimator, &tip);
        let chain: &dyn Chain<View<P::Estimate>> = &chain;
        let answer = |Claimant { name, oracle, .. }: &Claimant<_>| {
            let mut search = FinalitySearch::new(oracle);
            let found = search.deepest_safe(view, validators, chain, 0, threshold);
            let alone = (1..=chain.depth()).rev().find_map(|depth| {
                let value = protocol.candidate(estimator, &tip, depth);
                let safety = observer.safety_by(oracle, &value);
                safety.reaches(threshold).then_some((depth, safety.fault_tolerance))
            });
            let tolerance = found.as_ref().map(|(depth, safety)| (*depth, safety.fault_tolerance));
            assert_eq!(tolerance, alone, "{name}, by bisection and one by one");
            found.map(|(depth, safety)| (protocol.candidate(estimator, &tip, depth), safety))
        };
        self.claimants.iter().map(answer).collect()
    }

    fn count(
        &mut self,
        place: usize,
        safety: &Safety,
        least: &Least,
        validators: &ValidatorSet,
        proven: Group,
    ) {
        // One more than is tolerated; all that there is, where nobody turns the candidate.
        let total = validators.total();
        let most = total - proven.weight(validators);
        let least = least.attack.as_ref().map_or(most, |&(weight, ..)| weight).get();
        let claimed = safety.fault_tolerance.map_or(0, |tolerance| tolerance.get() + 1);
        let shortfall = least.saturating_sub(claimed) as f64 / total.get() as f64;
        let row = &mut self.rows[place];
        row.asked += 1;
        row.safe += usize::from(claimed > 0);
        row.ideally_safe += usize::from(least > 0);
        row.short += usize::from(least > claimed);
        row.shortfall += shortfall;
        row.greatest = row.greatest.max(shortfall);
    }

    fn check(
        &mut self,
        place: usize,
        safety: &Safety,
        least: &Least,
        situation: &Situation<P>,
        candidate: &P::Value,
    ) {
        let Some(claimed) = safety.fault_tolerance else { return };
        let Claimant { name, quorum_holds, .. } = self.claimants[place];
        let mut violation = |refuted_by, what: String| {
            let story = format!("{candidate:?}; {what}\n{}", tell(situation, least));
            let messages = situation.count;
            self.violations.push(Violation { oracle: name, messages, claimed, refuted_by, story });
        };
        if let Some((weight, equivocators, _)) = &least.attack
            && claimed >= *weight
        {
            violation(*weight, format!("turned by {}", names(*equivocators)));
        }
        let Quorum { members, .. } = &safety.quorum;
        let quorum = Group::of(members.iter().copied());
        for &(weight, equivocators, turned) in &least.lighter {
            if quorum_holds && weight <= claimed && !turned.is_apart_from(quorum) {
                let (who, how) = (names(turned), names(equivocators));
                violation(weight, format!("{who} of the quorum {members:?} are turned by {how}"));
            }
        }
    }
}

fn names(group: Group) -> String {
    let names: Vec<String> = group.members().map(|member| member.to_string()).collect();
    format!("{{{}}}", names.join(", "))
}

/// The messages of the view, and of the attack, by their places.
fn tell<P: Play>(situation: &Situation<P>, least: &Least) -> String {
    let view = situation.world.view();
    let weights: Vec<u64> = view.validators().weights().iter().map(|w| w.get()).collect();
    let mut text = format!("weights {weights:?}, a view of {} messages:\n", situation.count);
    let count = situation.count;
    let attack = least.attack.iter().flat_map(|(.., attack)| attack[count..].iter().copied());
    let of_view = (0..count as u32).map(cbc_view::MessageIndex::new);
    for message in of_view.chain(attack) {
        let (sender, estimate) = (view.sender(message), view.estimate(message));
        let place = message.get();
        let _ = write!(text, "  {place}: {sender} says {estimate:?}, having seen");
        for (validator, seen) in view.citations(message).iter() {
            let _ = write!(text, " {validator}: {seen:?}");
        }
        text.push('\n');
    }
    text
}

/// The table's head and the lines of these surveys, by protocol: in how many views a candidate is
/// asked for, is safe, is safe by the search; in how many the oracle says that less is tolerated
/// than the search, and by how much it does in these, in parts of W.
pub fn markdown(surveys: &[(&str, &[Row])]) -> String {
    let mut text = String::from(
        "| protocol | oracle | asked | safe | ideally safe | falls short | by, then, of W | by at most |\n\
         |---|---|--:|--:|--:|--:|--:|--:|\n",
    );
    for (protocol, rows) in surveys {
        for row in *rows {
            let mean = 100.0 * row.shortfall / row.short.max(1) as f64;
            let _ = writeln!(
                text,
                "| {protocol} | {} | {} | {} | {} | {} | {mean:.1} % | {:.1} % |",
                row.oracle,
                row.asked,
                row.safe,
                row.ideally_safe,
                row.short,
                100.0 * row.greatest,
            );
        }
    }
    text
}
