//! What oracles claim, and what the search allows.

use std::fmt::Write;
use std::sync::Arc;

use cbc_message::{ValidatorId, ValidatorSet, Weight};
use cbc_oracle::{FinalitySearch, Safety, SafetyOracle};
use cbc_validator::{BinaryConsensus, Blockchain, Concurrent, Sharding};
use cbc_view::{MessageDag, MessageIndex, View};

use crate::futures::{Least, Situation};
use crate::play::Play;
use crate::stories::Story;
use crate::world::{Group, Known, World};
use crate::{Breach, Claimant, Report, Shortfall, Size, Violation};

/// What came of one oracle of a survey.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// By how much it falls short in binary consensus, where the search is exact.
    pub binary: Shortfall,
    /// By how much at most it falls short in a chain of two forks.
    pub two_forks: Shortfall,
    /// How often it breaks the contract.
    pub violations: usize,
    /// Of these, the first in a view of the fewest messages.
    pub smallest: Option<Box<Violation>>,
}

/// Holds oracles to the contract, all in one search, which goes on to where each candidate is turned:
/// that says by how much the oracles fall short, and takes much longer than
/// [`check`](Claimant::check). What came of each, in their order.
pub fn survey(size: Size, claimants: &[Claimant<'_>]) -> Vec<Outcome> {
    let bits = ask_all::<BinaryConsensus>(size, claimants, Extent::Everything);
    let votes = ask_all::<Blockchain>(size, claimants, Extent::Everything);
    let outcome = |(bits, votes): (Findings, Findings)| Outcome {
        binary: bits.shortfall,
        two_forks: votes.shortfall,
        violations: bits.violations + votes.violations,
        smallest: smallest([bits.smallest, votes.smallest]),
    };
    bits.into_iter().zip(votes).map(outcome).collect()
}

/// Holds one oracle to the contract.
pub(crate) fn check(size: Size, claimant: Claimant<'_>) -> Result<Report, Box<Violation>> {
    let bits = ask_all::<BinaryConsensus>(size, &[claimant], Extent::Claims);
    let votes = ask_all::<Blockchain>(size, &[claimant], Extent::Claims);
    let schedules = ask_all::<Concurrent>(size, &[claimant], Extent::Claims);
    let shards = ask_all::<Sharding>(size, &[claimant], Extent::Claims);
    let all: Vec<Findings> = [bits, votes, schedules, shards].into_iter().flatten().collect();
    let mut report = Report::default();
    for findings in &all {
        report.asked += findings.shortfall.asked;
        report.safe += findings.shortfall.safe;
    }
    smallest(all.into_iter().map(|findings| findings.smallest)).map_or(Ok(report), Err)
}

/// The first of those in a view of the fewest messages.
fn smallest(found: impl IntoIterator<Item = Option<Box<Violation>>>) -> Option<Box<Violation>> {
    found.into_iter().flatten().min_by_key(|violation| violation.messages)
}

/// How far is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// For what refutes a claim, in views that are smaller than one in which something did.
    Claims,
    /// Until each candidate is turned, in all views.
    Everything,
}

/// What came of one oracle, in one protocol.
#[derive(Default)]
struct Findings {
    shortfall: Shortfall,
    violations: usize,
    smallest: Option<Box<Violation>>,
}

fn ask_all<P: Play>(size: Size, claimants: &[Claimant<'_>], extent: Extent) -> Vec<Findings> {
    let mut entries: Vec<Entry<'_, P>> = claimants.iter().map(Entry::new).collect();
    size.each_story::<P>(&mut |validators, story| ask(&mut entries, validators, story, extent));
    entries.into_iter().map(|entry| entry.findings).collect()
}

/// At which fault tolerance the deepest candidate is asked for.
const THRESHOLDS: [Weight; 2] = [Weight::ZERO, Weight::new(1)];

/// Asks every oracle about every candidate in this view, and for the deepest safe one of the
/// estimate, and holds the answers against the search.
fn ask<P: Play>(
    entries: &mut [Entry<'_, P>],
    validators: &Arc<ValidatorSet>,
    story: &Story<P>,
    extent: Extent,
) {
    let refuted = |entry: &Entry<'_, P>| {
        let smallest = entry.findings.smallest.as_ref();
        smallest.is_some_and(|smallest| smallest.messages <= story.len())
    };
    if extent == Extent::Claims && entries.iter().all(refuted) {
        return;
    }
    let mut situation = Situation::<P>::new(validators, story);
    // The oracles are asked before the world knows of any future.
    let candidates = P::candidates(&situation.world);
    let mut answers = Vec::new();
    for entry in &mut *entries {
        let observer = situation.world.observer();
        let each =
            candidates.iter().map(|value| (value.clone(), observer.safety_by(entry.oracle, value)));
        let mut answers_of_one: Vec<(P::Value, Safety)> = each.collect();
        for threshold in THRESHOLDS {
            answers_of_one.extend(entry.finality(&situation, story, threshold));
        }
        answers.push(answers_of_one);
    }
    for (place, candidate) in candidates.iter().enumerate() {
        let claimed = answers.iter().flatten().filter(|(value, _)| value == candidate);
        let claimed = claimed.filter_map(|(_, safety)| safety.fault_tolerance).max();
        let least = match (extent, claimed) {
            (Extent::Everything, _) => situation.least(candidate, validators.total()),
            (Extent::Claims, Some(claimed)) => situation.least(candidate, claimed),
            (Extent::Claims, None) => Least::default(),
        };
        for (entry, answers) in entries.iter_mut().zip(&answers) {
            let safety = &answers[place].1;
            entry.findings.shortfall.asked += 1;
            entry.findings.shortfall.safe += usize::from(safety.fault_tolerance.is_some());
            if extent == Extent::Everything {
                entry.measure(safety, &least, validators, situation.proven);
            }
            for (_, safety) in answers.iter().filter(|(value, _)| value == candidate) {
                entry.check(safety, &least, &situation, candidate);
            }
        }
    }
}

/// An oracle, for one protocol, and what came of it so far.
struct Entry<'a, P: Play> {
    oracle: &'a dyn SafetyOracle<View<P::Estimate>>,
    quorum_holds: bool,
    findings: Findings,
}

impl<'a, P: Play> Entry<'a, P> {
    fn new(claimant: &Claimant<'a>) -> Self {
        let Claimant { oracle, quorum_holds } = *claimant;
        Self { oracle: P::asks(oracle), quorum_holds, findings: Findings::default() }
    }

    /// Of each chain of the estimate the deepest candidate that is safe at a threshold, and its
    /// safety, by a search. It has to be what asking for each candidate finds.
    fn finality(
        &mut self,
        situation: &Situation<P>,
        story: &Story<P>,
        threshold: Weight,
    ) -> Vec<(P::Value, Safety)> {
        let world = &situation.world;
        let observer = world.observer();
        let (protocol, estimator) = (observer.protocol(), observer.estimator());
        let Some(tip) = world.value(&situation.tips) else { return Vec::new() };
        // What is kept from one question to the next must not show.
        let kept = self.oracle.chain_oracle().filter(|_| P::ONE_TREE).map(|_| {
            let mut world = World::<P>::new(Arc::clone(world.view().validators()));
            let mut search = FinalitySearch::new(self.oracle);
            let mut last = None;
            for message in story {
                world.insert(message.clone());
                let tip = world.value(&world.tips());
                last = tip.and_then(|tip| deepest_safe(&mut search, &world, &tip, threshold));
            }
            last
        });
        let brief = |found: &Option<(u32, Safety)>| {
            found.as_ref().and_then(|(depth, safety)| Some((*depth, safety.fault_tolerance?)))
        };
        let mut safe = Vec::new();
        for end in protocol.ends(estimator, &tip) {
            let one_by_one = (1..=protocol.depth(estimator, &end)).rev().find_map(|depth| {
                let value = protocol.candidate(estimator, &end, depth);
                let safety = observer.safety_by(self.oracle, &value);
                safety.reaches(threshold).then_some((depth, safety))
            });
            let mut search = FinalitySearch::new(self.oracle);
            let found = deepest_safe(&mut search, world, &end, threshold);
            let one_by_one = brief(&one_by_one);
            let mut both = [Some(brief(&found)), kept.as_ref().map(brief)].into_iter().flatten();
            if let Some(found) = both.find(|found| *found != one_by_one) {
                let breach = Breach::NotDeepest { threshold, found, one_by_one };
                self.violated(breach, situation, &end, &[]);
            }
            let value = |depth| protocol.candidate(estimator, &end, depth);
            safe.extend(found.map(|(depth, safety)| (value(depth), safety)));
        }
        safe
    }

    fn measure(
        &mut self,
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
        let missing = least.saturating_sub(claimed) as f64 / total.get() as f64;
        let Shortfall { ideally_safe, short, together, greatest, .. } =
            &mut self.findings.shortfall;
        *ideally_safe += usize::from(least > 0);
        *short += usize::from(least > claimed);
        *together += missing;
        *greatest = greatest.max(missing);
    }

    fn check(
        &mut self,
        safety: &Safety,
        least: &Least,
        situation: &Situation<P>,
        candidate: &P::Value,
    ) {
        let Some(claimed) = safety.fault_tolerance else { return };
        let ids = |group: Group| -> Vec<ValidatorId> { group.members().collect() };
        if let Some((weight, equivocators, attack)) = &least.attack
            && claimed >= *weight
        {
            let (weight, equivocators) = (*weight, ids(*equivocators));
            let breach = Breach::Turned { claimed, equivocators, weight };
            self.violated(breach, situation, candidate, &attack[situation.count..]);
        }
        let quorum = &safety.quorum.members;
        for &(weight, equivocators, turned) in &least.lighter {
            let turned = turned.both(Group::of(quorum.iter().copied()));
            if self.quorum_holds && weight <= claimed && turned != Group::NOBODY {
                let (equivocators, turned) = (ids(equivocators), ids(turned));
                let quorum = quorum.clone();
                let breach = Breach::QuorumTurned { claimed, equivocators, weight, quorum, turned };
                self.violated(breach, situation, candidate, &[]);
            }
        }
    }

    /// Keeps the breach, if it is in a smaller view than those before.
    fn violated(
        &mut self,
        breach: Breach,
        situation: &Situation<P>,
        candidate: &P::Value,
        future: &[MessageIndex],
    ) {
        let Findings { violations, smallest, .. } = &mut self.findings;
        *violations += 1;
        let messages = situation.count;
        if smallest.as_ref().is_some_and(|smallest| smallest.messages <= messages) {
            return;
        }
        let world = &situation.world;
        *smallest = Some(Box::new(Violation {
            candidate: format!("{}, {}", P::NAME, P::name(world, candidate)),
            breach,
            weights: world.validators().weights().to_vec(),
            messages,
            story: tell(situation, future),
        }));
    }
}

/// The depth and the safety of the deepest candidate of the chain that `tip` ends that is safe at a
/// threshold.
fn deepest_safe<P: Play>(
    search: &mut FinalitySearch<View<P::Estimate>, &dyn SafetyOracle<View<P::Estimate>>>,
    world: &World<P>,
    tip: &P::Value,
    threshold: Weight,
) -> Option<(u32, Safety)> {
    let (view, observer) = (world.view(), world.observer());
    let chain = observer.protocol().chain(observer.estimator(), tip);
    search.deepest_safe(view, view.validators(), &chain, 0, threshold)
}

/// The messages of the view, and of a future that turns the candidate, numbered as they are told.
fn tell<P: Play>(situation: &Situation<P>, future: &[MessageIndex]) -> String {
    let world = &situation.world;
    let weights: Vec<String> =
        world.validators().weights().iter().map(ToString::to_string).collect();
    let of_view = (0..situation.count as u32).map(MessageIndex::new);
    let told: Vec<MessageIndex> = of_view.chain(future.iter().copied()).collect();
    let number = |message| told.iter().position(|&it| it == message).unwrap();
    let mut text = format!("validators weigh {}; the view has\n", weights.join(", "));
    for (place, &message) in told.iter().enumerate() {
        if place == situation.count {
            text.push_str("whoever has seen these, too, disagrees\n");
        }
        let panorama = world.seen_by(message);
        let seen: Vec<String> = world
            .ids()
            .filter_map(|validator| match panorama.of(validator) {
                Known::Latest(seen) => Some(number(seen).to_string()),
                Known::Equivocation(one, other) => {
                    let (one, other) = (number(one), number(other));
                    Some(format!("{one} and {other} (so {validator} equivocated)"))
                }
                Known::Nothing => None,
            })
            .collect();
        let seen = if seen.is_empty() { "nothing".to_owned() } else { seen.join(", ") };
        let (sender, says) = (world.view().sender(message), P::tell(world, message));
        let _ = writeln!(text, "  {place}: {sender} {says}, having seen {seen}");
    }
    text
}
