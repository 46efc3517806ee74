//! Committees of several levels.

use cbc_message::{ValidatorSet, Weight};
use cbc_oracle::{BitSet, committee_reaching};
use cbc_view::MessageDag;

use crate::sights::Sights;

/// The unbroken streaks of the validators that agree, and what their messages see.
///
/// Committees are sets of vertices, numbered as in the lobbying graph; whatever has a place for
/// each validator is by validator. A message is one more than its index, so that 0 is nothing.
pub(crate) struct Summit<'a, D> {
    pub(crate) dag: &'a D,
    /// The vertices, and the validator that each is.
    pub(crate) vertices: BitSet,
    pub(crate) validators: &'a [usize],
    /// What each vertex weighs.
    pub(crate) weights: &'a [Weight],
    /// The lobbying graph.
    pub(crate) arrows: &'a [BitSet],
    pub(crate) sights: &'a mut Sights,
    /// Where the streak of each vertex begins among the messages there.
    pub(crate) streaks: Vec<usize>,
    /// How often a message may still be looked at.
    pub(crate) looks: u64,
}

/// How many messages of a streak are looked at at most, from the latest back. A committee has a
/// level for every few messages of its slowest members: this is ample for the levels that matter.
/// The part of a streak is a streak, so what is found holds.
const LONGEST: usize = 1024;

/// For how many validators, of all messages looked at, what is seen is kept: 256 MB of it. Of very
/// many validators fewer messages are looked at, 67 of each of a thousand.
const SIGHTS: usize = 1 << 26;

/// How many messages of a streak are looked at, with so many validators.
pub(crate) fn longest_streak(validators: usize) -> usize {
    let count = validators.max(1);
    (SIGHTS / count / count).clamp(1, LONGEST)
}

/// `⌈(2q − W)(1 − 2^−levels)⌉ − 1`, unless 2q is at most W; up to 64 levels.
pub(crate) fn tolerance(
    strength: Weight,
    levels: u32,
    validators: &ValidatorSet,
) -> Option<Weight> {
    let margin = strength.saturating_sub(validators.total() - strength).get();
    // At most 64 levels: the product fits, and what is rounded up is at most the margin.
    let scaled = u128::from(margin) * ((1 << levels) - 1);
    let tolerated = scaled.div_ceil(1 << levels).checked_sub(1)?;
    u64::try_from(tolerated).ok().map(Weight::new)
}

/// The least strength with which `levels` levels, one to 64, tolerate equivocators of weight
/// `threshold`; `None` if nothing that weighs no more than all do has it.
pub(crate) fn least_strength(
    threshold: Weight,
    levels: u32,
    validators: &ValidatorSet,
) -> Option<Weight> {
    // What is rounded up exceeds the threshold if what is not does.
    let least_margin = (u128::from(threshold.get()) << levels) / ((1 << levels) - 1) + 1;
    let total = u128::from(validators.total().get());
    let strength = (total + least_margin).div_ceil(2);
    let strength = u64::try_from(strength).ok().filter(|_| strength <= total);
    strength.map(Weight::new)
}

/// The fewest levels, one to `most`, for which no more strength is asked than for `most`, for a
/// committee to tolerate equivocators of weight `threshold`: of those that are enough, the rest are
/// no easier to have.
pub(crate) fn fewest_levels(most: u32, threshold: Weight, validators: &ValidatorSet) -> u32 {
    let least = |levels| least_strength(threshold, levels, validators);
    let mut levels = most.max(1);
    while levels > 1 && least(levels - 1) == least(levels) {
        levels -= 1;
    }
    levels
}

/// That there is a committee, or that there is none.
pub(crate) enum Verdict {
    /// So many levels, of this strength, has this committee.
    Found(u32, Weight, BitSet),
    /// None has. By how much, for any number of levels, the strongest that has these falls short of
    /// the strength that would do, at least; nothing if the looks ran out.
    Missing(Weight),
}

/// One attempt to climb.
pub(crate) struct Climb {
    /// The committee every member of which has all levels; empty if there is none.
    pub(crate) committee: BitSet,
    /// The most levels, up to as many, that some committee has. While the greatest that has some
    /// number of levels is among those left, nobody of it falls behind before that level; so whoever
    /// does first is none of it, or those left all have as many levels.
    attained: u32,
    /// The greatest weight seen that was less than asked for: asking for any more than that ends
    /// the same.
    missed: Weight,
    /// The least weight seen that was enough: asking for no more than that ends the same.
    met: Weight,
}

/// How far a committee has got.
struct Ascent {
    /// For each validator of the committee, its earliest message of the level reached; 0 for others.
    reached: Vec<u32>,
    weights: Weights,
    /// For each vertex, where in its streak that is.
    places: Vec<usize>,
    /// The greatest weight seen that was less than asked for, and the least that was enough.
    missed: Weight,
    met: Weight,
}

/// What the validators of a committee weigh; others weigh nothing.
struct Weights {
    each: Vec<Weight>,
    /// The sums of a few at a time.
    of_few: Vec<Weight>,
    total: Weight,
}

/// How many validators are compared at a time.
const FEW: usize = 16;

impl<D: MessageDag> Summit<'_, D> {
    /// Whether all of every streak was looked at, as often as need be.
    pub(crate) fn is_whole(&self) -> bool {
        let longest = longest_streak(self.dag.validator_count());
        let is_short = |v: usize| self.sights.len(self.validators[v]) - self.streaks[v] < longest;
        self.looks > 0 && self.vertices.iter().all(is_short)
    }

    /// Whether a committee of one to `most` levels tolerates equivocators of weight `threshold`.
    ///
    /// The more levels, the less strength is asked for, and a committee of more levels is one of
    /// fewer: if for the strength that is asked for with k levels the most that a committee has is
    /// j < k, then none does with j + 1 to k, for which no less is asked. So it is tried with the
    /// most, then with as many as were had, and so on. One attempt goes through all levels at once.
    pub(crate) fn verdict(
        &mut self,
        most: u32,
        threshold: Weight,
        validators: &ValidatorSet,
    ) -> Verdict {
        let mut slack = Weight::new(u64::MAX);
        let mut levels = most;
        loop {
            levels = fewest_levels(levels, threshold, validators);
            let Some(q) = least_strength(threshold, levels, validators) else {
                // So much nobody ever weighs.
                return Verdict::Missing(slack);
            };
            if levels == 1 {
                let all = self.vertices.clone();
                let (committee, missed) = committee_reaching(self.arrows, self.weights, all, q);
                return match committee.is_empty() {
                    true => Verdict::Missing(slack.min(q - missed)),
                    false => Verdict::Found(1, q, committee),
                };
            }
            let Climb { committee, missed, attained, .. } = self.climb(levels, q);
            if self.looks == 0 {
                slack = Weight::ZERO;
            } else if !committee.is_empty() {
                return Verdict::Found(levels, q, committee);
            }
            slack = slack.min(q - missed);
            levels = attained.clamp(1, levels - 1);
        }
    }

    /// The greatest q up to `most` that is `better` and for which a committee has `levels` levels,
    /// and the greatest such committee. Whatever exceeds something better is better, and `most` is.
    ///
    /// By bisection; each attempt, by what it just missed or met, also settles all q between that
    /// and the next weight that anybody sees.
    pub(crate) fn strongest(
        &mut self,
        levels: u32,
        most: Weight,
        better: impl Fn(Weight) -> bool,
    ) -> Option<(Weight, BitSet)> {
        let mut found = None;
        // The greatest q that is possible, and one below the least that is of interest.
        let (mut high, mut low) = (most.get(), 0);
        let mut q = high;
        while high > low && self.looks > 0 {
            if !better(Weight::new(q)) {
                low = q;
            } else {
                let climb = self.climb(levels, Weight::new(q));
                if self.looks == 0 {
                    break;
                }
                if climb.committee.is_empty() {
                    high = climb.missed.get();
                } else {
                    low = climb.met.get().min(high);
                    found = Some((Weight::new(low), climb.committee));
                }
            }
            q = low + high.saturating_sub(low).div_ceil(2);
        }
        found
    }

    /// How many levels, up to `most`, a committee has in which each sees weight `q` of the level
    /// below.
    pub(crate) fn levels_of(&mut self, committee: &BitSet, q: Weight, most: u32) -> u32 {
        let mut ascent = self.ascent(committee);
        let none = Weight::ZERO;
        let climbs = |_: &u32| self.climb_level(committee, q, none, &mut ascent).is_empty();
        (0..most).take_while(climbs).count() as u32
    }

    /// Climbs as many levels as asked for, each of which sees weight `q > 0` of the one below.
    /// Whoever does not get to a level leaves the committee, and the rest begins anew. Begins with
    /// the committee of one level, which the lobbying graph tells: no other has more.
    pub(crate) fn climb(&mut self, levels: u32, q: Weight) -> Climb {
        let all = self.vertices.clone();
        let (mut committee, mut missed) = committee_reaching(self.arrows, self.weights, all, q);
        let (mut met, mut attained) = (Weight::new(u64::MAX), 0);
        let mut to_climb = levels;
        let mut ascent = self.ascent(&committee);
        while to_climb > 0 && !committee.is_empty() {
            to_climb -= 1;
            let spare = ascent.weights.total.saturating_sub(q);
            let behind = self.climb_level(&committee, q, spare, &mut ascent);
            if self.looks == 0 {
                break;
            }
            (missed, met) = (missed.max(ascent.missed), met.min(ascent.met));
            if behind.is_empty() {
                attained = attained.max(levels - to_climb);
            } else {
                behind.iter().for_each(|&vertex| committee.remove(vertex));
                // If the rest weighs less than that, this leaves nobody.
                let (rest, fell_short) =
                    committee_reaching(self.arrows, self.weights, committee, q);
                (committee, missed) = (rest, missed.max(fell_short));
                to_climb = levels;
                ascent = self.ascent(&committee);
            }
        }
        Climb { committee, missed, met, attained }
    }

    /// A committee at level 0.
    fn ascent(&self, committee: &BitSet) -> Ascent {
        let count = self.dag.validator_count();
        let (mut reached, mut weights) = (vec![0; count], vec![Weight::ZERO; count]);
        for vertex in committee.iter() {
            let first = self.sights.message(self.validators[vertex], self.streaks[vertex]);
            reached[self.validators[vertex]] = first.map_or(u32::MAX, |first| first.get() + 1);
            weights[self.validators[vertex]] = self.weights[vertex];
        }
        let sum = |weights: &[Weight]| weights.iter().copied().sum();
        let of_few = weights.chunks(FEW).map(sum).collect();
        let weights = Weights { total: sum(&weights), of_few, each: weights };
        let (missed, met) = (Weight::ZERO, Weight::new(u64::MAX));
        Ascent { reached, weights, places: self.streaks.clone(), missed, met }
    }

    /// Climbs one level, and gives those who do not get there. A member's messages are looked at
    /// in their order, each until it sees enough for one level more: O(V) for a message. Where the
    /// looks run out, nobody else gets there. Ends early, and gives those until then, once they weigh
    /// more than `spare`.
    fn climb_level(
        &mut self,
        committee: &BitSet,
        q: Weight,
        spare: Weight,
        ascent: &mut Ascent,
    ) -> Vec<usize> {
        let mut next = ascent.reached.clone();
        let mut behind = Vec::new();
        let mut behind_weight = Weight::ZERO;
        for vertex in committee.iter() {
            if behind_weight > spare {
                break;
            }
            let validator = self.validators[vertex];
            let place = &mut ascent.places[vertex];
            loop {
                let sees = if self.looks > 0 { self.look(vertex, *place) } else { None };
                let Some(sees) = sees else {
                    behind.push(vertex);
                    behind_weight += self.weights[vertex];
                    break;
                };
                let unseen = unseen_weight(sees, &ascent.reached, &ascent.weights);
                let seen = ascent.weights.total - unseen;
                if seen >= q {
                    ascent.met = ascent.met.min(seen);
                    next[validator] = sees[validator];
                    break;
                }
                ascent.missed = ascent.missed.max(seen);
                *place += 1;
            }
        }
        ascent.reached = next;
        behind
    }

    /// What the message of `vertex` at `place` sees, if there is one.
    fn look(&mut self, vertex: usize, place: usize) -> Option<&[u32]> {
        self.looks -= 1;
        self.sights.of(self.dag, self.validators[vertex], place)
    }
}

/// What those weigh of whom a message sees none as late as they have `reached`. Mostly nobody, or
/// everybody: a few at a time are compared, and only where they differ weighed one by one.
fn unseen_weight(sees: &[u32], reached: &[u32], weights: &Weights) -> Weight {
    let (few_seen, last_seen) = sees.as_chunks::<FEW>();
    let (few_reached, last_reached) = reached.as_chunks::<FEW>();
    let (few_weights, last_weights) = weights.each.as_chunks::<FEW>();
    let weigh = |sees: &[u32], reached: &[u32], weights: &[Weight]| -> Weight {
        let all = sees.iter().zip(reached).zip(weights);
        let unseen = all.filter(|((sees, reached), _)| sees < reached);
        unseen.map(|(_, &weight)| weight).sum()
    };
    let mut weight = weigh(last_seen, last_reached, last_weights);
    let few = few_seen.iter().zip(few_reached).zip(few_weights.iter().zip(&weights.of_few));
    for ((sees, reached), (weights, &together)) in few {
        // In this form the comparison takes four at once. No message is numbered beyond an i32.
        let mut unseen = 0;
        for place in 0..FEW {
            unseen += i32::from((sees[place] as i32) < (reached[place] as i32));
        }
        match unseen as usize {
            0 => {}
            FEW => weight += together,
            _ => weight += weigh(sees, reached, weights),
        }
    }
    weight
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_unseen_weigh_as_much_together_as_one_by_one(
            each in prop::collection::vec((0u32..3, 0u32..3, 0u64..5), 0..50),
            behind in any::<bool>(),
            ahead in any::<bool>(),
        ) {
            // In places nobody sees, or everybody does.
            let sees: Vec<u32> = each.iter().map(|it| it.0 + 2 * u32::from(ahead)).collect();
            let reached: Vec<u32> = each.iter().map(|it| it.1 + 3 * u32::from(behind)).collect();
            let each: Vec<Weight> = each.iter().map(|it| Weight::new(it.2)).collect();
            let sum = |weights: &[Weight]| weights.iter().copied().sum();
            let of_few = each.chunks(FEW).map(sum).collect();
            let unseen = (0..each.len()).filter(|&place| sees[place] < reached[place]);
            let expected: Weight = unseen.map(|place| each[place]).sum();
            let weights = Weights { total: sum(&each), of_few, each };
            prop_assert_eq!(unseen_weight(&sees, &reached, &weights), expected);
        }
    }
}
