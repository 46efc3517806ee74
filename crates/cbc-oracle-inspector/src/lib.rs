//! The inspector oracle of CBC Casper: finds all that cliques find, and more, in polynomial time.
//!
//! A clique asks that its members have all seen each other agree. It is enough that each of a
//! *committee* has seen members of weight q agree, not everybody the same ones. The
//! [`InspectorOracle`] finds the committee with the greatest such q; and where the committee has
//! seen that each other has seen so, and so on, it tolerates more.
//!
//! This crate swaps in for the clique oracle of `cbc-oracle` and depends on nothing above it. What
//! its answers mean is in [semantics §6](cbc_message::semantics).
//!
//! ```
//! use std::sync::Arc;
//! use cbc_oracle::SafetyOracle;
//! use cbc_oracle_inspector::InspectorOracle;
//! use cbc_view::cbc_message::{Bit, Header, Message, ValidatorSet, Weight};
//! use cbc_view::{Equals, View};
//!
//! let weights = Arc::new(ValidatorSet::new([5, 4, 3].map(Weight::new))?);
//! let mut view = View::new(Arc::clone(&weights));
//! for sender in weights.ids().chain(weights.ids()) {
//!     let sequence_number = view.next_sequence_number(sender);
//!     let justification = view.justification();
//!     let header = Header { sender, sequence_number, justification, estimate: Bit::One };
//!     view.insert(Message::new(header)?)?;
//! }
//! let safety = InspectorOracle::new().safety(&view, &weights, &Equals(Bit::One));
//! assert_eq!(safety.fault_tolerance, Some(Weight::new(5)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod of_chain;
mod sights;
mod summit;

use cbc_message::{ValidatorId, ValidatorSet, Weight};
use cbc_oracle::{
    BitSet, ChainOracle, Committee, LobbyingGraph, Quorum, Safety, SafetyOracle,
    committee_reaching, faults, strongest_committee,
};
use cbc_view::{MessageDag, Property};
use sights::Sights;
use summit::{Summit, least_strength, longest_streak, tolerance};

/// The inspector oracle (semantics §6): the best over numbers of levels up to a greatest one.
///
/// **One level.** The quorum is the greatest committee in which every member's arrows in the
/// lobbying graph reach members weighing q, itself included, for the greatest q for which there is
/// one; the argument is that of [`Safety::of_strength`]. The members of a clique of weight q all
/// have arrows to each other, so no clique does better. O(V²).
///
/// **k levels** (the summits of Kane, Fackler, Gągol and Straszak, "Highway: Efficient Consensus
/// with Flexible Finality", 2021). Every message of a member's unbroken streak has level 0. A
/// message has level i + 1 if it sees, of committee members weighing q, messages of level i; its
/// maker is among them. If every member has a message of level k, equivocators weighing
/// `⌈(2q − W)(1 − 2^−k)⌉ − 1` are tolerated. One level gives half of the margin 2q − W, each
/// further level half of what was missing. The reason is that an equivocator must fork, too, by
/// valid messages: a fork that leaves the candidate after a message of level i needs, by rule V4,
/// to know what that message had seen, and so others who have left after a message of level
/// i − 1. Against one level, equivocators alone are enough; each level more makes them turn others
/// first.
///
/// The margin and the quorum it reports are those of the q and the committee that tolerate most.
#[derive(Clone, Copy, Debug)]
pub struct InspectorOracle {
    levels: u32,
    /// In looks; `None` for what suits the number of validators.
    budget: Option<u64>,
}

impl InspectorOracle {
    /// Ten levels: no more than a thousandth of the margin is missing then.
    pub const fn new() -> Self {
        Self::levels(10)
    }

    /// One level.
    pub const fn one_level() -> Self {
        Self::levels(1)
    }

    /// The best over one to `most` levels; 64 are as good as any more.
    pub const fn levels(most: u32) -> Self {
        Self { levels: if most > 64 { 64 } else { most }, budget: None }
    }

    /// The same, looking at messages so many times for an answer; each look costs O(V).
    ///
    /// Without this it is 1 000 times the number of validators, enough for a hundred attempts of
    /// ten levels that everybody climbs by one message each. By choosing whom they cite, some can
    /// make committees lose one member after another, and climb anew each time: V times for an
    /// attempt, that is as many looks as V² times the messages of a streak. Where the looks run out, the answer is the best
    /// that was found until then, at least that of one level, and says that it is not exact.
    #[must_use]
    pub const fn with_budget(self, looks: u64) -> Self {
        Self { budget: Some(looks), ..self }
    }
}

impl Default for InspectorOracle {
    fn default() -> Self {
        Self::new()
    }
}

impl<D: MessageDag> SafetyOracle<D> for InspectorOracle {
    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        let graph = LobbyingGraph::new(dag, candidate);
        let weights: Vec<Weight> =
            graph.vertices().iter().map(|&vertex| validators.weight(vertex)).collect();
        let vertices: Vec<usize> = graph.vertices().iter().map(|vertex| vertex.index()).collect();
        let mut sights = Sights::new(dag.validator_count());
        let most = longest_streak(dag.validator_count());
        let agrees = |message| candidate.agrees(dag, message);
        let streak = |&vertex: &ValidatorId| match dag.latest_message(vertex) {
            Some(latest) if self.levels > 1 => {
                sights.follow(dag, vertex.index(), latest, most, agrees)
            }
            _ => 0,
        };
        let streaks = graph.vertices().iter().map(streak).collect();
        let mut summit = Summit {
            dag,
            vertices: BitSet::full(weights.len()),
            validators: &vertices,
            weights: &weights,
            arrows: graph.arrows(),
            sights: &mut sights,
            streaks,
            looks: self.looks(validators),
        };
        self.best(&mut summit, validators)
    }

    /// From a table of the lobbying graphs of all candidates, which follows the view, and from what
    /// messages were seen to see. Where the deepest safe block ends is found without the best over
    /// all strengths and levels, which is looked for once.
    ///
    /// Where the looks run out for a candidate, a deeper one may be found safe from scratch that is
    /// not here, or the other way round; whatever is answered holds by itself.
    fn chain_oracle(&self) -> Option<Box<dyn ChainOracle<D> + Send + Sync>> {
        Some(Box::new(of_chain::ChainInspector::new(*self)))
    }
}

impl InspectorOracle {
    fn looks(&self, validators: &ValidatorSet) -> u64 {
        self.budget.unwrap_or(1000 * validators.len() as u64)
    }

    /// The best over all strengths and levels.
    fn best<D: MessageDag>(&self, summit: &mut Summit<'_, D>, validators: &ValidatorSet) -> Safety {
        let (arrows, weights, all) = (summit.arrows, summit.weights, summit.vertices.clone());
        // Mostly some are stronger than half: then the strongest is among the greatest that is.
        let majority = Weight::new(validators.total().get() / 2 + 1);
        let (strong, _) = committee_reaching(arrows, weights, all.clone(), majority);
        let among = if strong.is_empty() { all } else { strong };
        let Committee { members: committee, strength } =
            strongest_committee(arrows, weights, among);
        let numbers = summit.validators;
        let of_levels = |levels, strength, committee: &BitSet| {
            of_levels(levels, strength, committee, numbers, validators)
        };
        if self.levels <= 1 || tolerance(strength, 64, validators).is_none() {
            return of_levels(1, strength, &committee);
        }
        // The strongest committee, and as many levels as it has: no fewer are better.
        let first = summit.levels_of(&committee, strength, self.levels).max(1);
        let mut best = of_levels(first, strength, &committee);
        // No committee for more levels is stronger than one for fewer.
        let mut most = strength;
        for levels in first + 1..=self.levels {
            // What would do with the most levels is the least that is of any interest.
            let more = best.fault_tolerance.map_or(0, |it| it.get().saturating_add(1));
            let of_interest = least_strength(Weight::new(more), self.levels, validators);
            let Some(least) = of_interest.filter(|&least| least <= most) else { break };
            if summit.looks == 0 || summit.climb(levels, least).committee.is_empty() {
                break;
            }
            let better = |q| tolerance(q, levels, validators) > best.fault_tolerance;
            if better(most)
                && let Some((strength, committee)) = summit.strongest(levels, most, better)
            {
                most = strength;
                best = of_levels(levels, strength, &committee);
            }
        }
        if !summit.is_whole() {
            // What was not looked at may have more levels, but no stronger committee.
            let bound = tolerance(strength, self.levels, validators).max(best.fault_tolerance);
            best = Safety { exact: best.fault_tolerance == bound, bound, ..best };
        }
        best
    }
}

/// What a committee of some levels tolerates. `numbers` says which validator each vertex is.
fn of_levels(
    levels: u32,
    strength: Weight,
    committee: &BitSet,
    numbers: &[usize],
    validators: &ValidatorSet,
) -> Safety {
    let members = committee.iter().map(|vertex| ValidatorId::new(numbers[vertex] as u32));
    let quorum = Quorum::new(members.collect(), validators);
    let fault_tolerance = tolerance(strength, levels, validators);
    let units = quorum.members.iter().map(|&v| validators.weight(v)).collect();
    let faults = fault_tolerance.map_or(0, |tolerated| faults(units, tolerated));
    let one_level = Safety::of_strength(strength, quorum, validators);
    Safety { fault_tolerance, faults, bound: fault_tolerance, ..one_level }
}
