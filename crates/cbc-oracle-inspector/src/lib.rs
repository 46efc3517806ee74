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

mod summit;

use cbc_message::{ValidatorSet, Weight};
use cbc_oracle::{
    BitSet, Committee, LobbyingGraph, Quorum, Safety, SafetyOracle, faults, strongest_committee,
};
use cbc_view::{MessageDag, Property};
use summit::Summit;

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
        let all = BitSet::full(weights.len());
        let Committee { members: committee, strength } =
            strongest_committee(graph.arrows(), &weights, all);
        let of_levels = |levels, strength, committee: &BitSet| {
            let members = committee.iter().map(|vertex| graph.vertices()[vertex]);
            let quorum = Quorum::new(members.collect(), validators);
            let fault_tolerance = tolerance(strength, levels, validators);
            let units = quorum.members.iter().map(|&v| validators.weight(v)).collect();
            let faults = fault_tolerance.map_or(0, |tolerated| faults(units, tolerated));
            let one_level = Safety::of_strength(strength, quorum, validators);
            Safety { fault_tolerance, faults, bound: fault_tolerance, ..one_level }
        };
        if self.levels <= 1 || tolerance(strength, 64, validators).is_none() {
            return of_levels(1, strength, &committee);
        }
        let looks = self.budget.unwrap_or(1000 * validators.len() as u64);
        let mut summit = Summit::new(dag, candidate, graph.vertices(), weights, looks);
        // The strongest committee, and as many levels as it has: no fewer are better.
        let first = summit.levels_of(&committee, strength, self.levels).max(1);
        let mut best = of_levels(first, strength, &committee);
        // No committee for more levels is stronger than one for fewer.
        let mut most = strength;
        for levels in first + 1..=self.levels {
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

/// `⌈(2q − W)(1 − 2^−levels)⌉ − 1`, unless 2q is at most W.
fn tolerance(strength: Weight, levels: u32, validators: &ValidatorSet) -> Option<Weight> {
    let margin = strength.saturating_sub(validators.total() - strength).get();
    // At most 64 levels: the product fits, and what is rounded up is at most the margin.
    let scaled = u128::from(margin) * ((1 << levels) - 1);
    let tolerated = scaled.div_ceil(1 << levels).checked_sub(1)?;
    u64::try_from(tolerated).ok().map(Weight::new)
}
