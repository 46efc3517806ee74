//! Committees of several levels.

use cbc_message::{ValidatorId, Weight};
use cbc_oracle::BitSet;
use cbc_view::{MessageDag, MessageIndex, Property};

/// The unbroken streaks of the validators that agree, and what their messages see.
///
/// Committees are sets of vertices, numbered as in the lobbying graph; whatever has a place for
/// each validator is by validator. A message is one more than its index, so that 0 is nothing.
pub(crate) struct Summit<'a, D> {
    dag: &'a D,
    /// The validator that each vertex is.
    validators: Vec<usize>,
    /// What each vertex weighs.
    weights: Vec<Weight>,
    /// The streak of each vertex, from its earliest message that is looked at.
    streaks: Vec<Vec<Link>>,
    /// What messages see, one after another: of each validator a message, itself for their own.
    sights: Vec<u32>,
    /// How often a message may still be looked at.
    looks: u64,
    /// How many messages of a streak are looked at.
    longest: usize,
}

/// How many messages of a streak are looked at at most, from the latest back. A committee has a
/// level for every few messages of its slowest members: this is ample for the levels that matter.
/// The part of a streak is a streak, so what is found holds.
const LONGEST: usize = 1024;

/// For how many validators, of all messages looked at, what is seen is kept: 256 MB of it. Of very
/// many validators fewer messages are looked at, 67 of each of a thousand.
const SIGHTS: usize = 1 << 26;

/// A message of a streak.
struct Link {
    message: MessageIndex,
    /// Where what it sees begins in the sights; nowhere until it is asked for.
    sight: Option<u32>,
}

/// One attempt to climb.
struct Climb {
    /// The committee every member of which has all levels; empty if there is none.
    committee: BitSet,
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

impl<'a, D: MessageDag> Summit<'a, D> {
    /// That looks at messages `looks` times. O(V + messages in the streaks).
    pub(crate) fn new(
        dag: &'a D,
        candidate: &dyn Property<D>,
        vertices: &[ValidatorId],
        weights: Vec<Weight>,
        looks: u64,
    ) -> Self {
        let count = dag.validator_count().max(1);
        let longest = (SIGHTS / count / count).clamp(1, LONGEST);
        let streak = |&validator: &ValidatorId| {
            let chain = std::iter::successors(dag.latest_message(validator), |&m| dag.previous(m));
            let agreeing = chain.take_while(|&message| candidate.agrees(dag, message));
            let link = |message| Link { message, sight: None };
            let mut streak: Vec<Link> = agreeing.take(longest).map(link).collect();
            streak.reverse();
            streak
        };
        let streaks = vertices.iter().map(streak).collect();
        let validators = vertices.iter().map(|validator| validator.index()).collect();
        Self { dag, validators, weights, streaks, sights: Vec::new(), looks, longest }
    }

    /// Whether all of every streak was looked at, as often as need be.
    pub(crate) fn is_whole(&self) -> bool {
        self.looks > 0 && self.streaks.iter().all(|streak| streak.len() < self.longest)
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
        let climbs = |_: &u32| self.climb_level(committee, q, &mut ascent).is_empty();
        (0..most).take_while(climbs).count() as u32
    }

    /// Climbs as many levels as asked for, each of which sees weight `q` of the one below.
    /// Whoever does not get to a level leaves the committee, and the rest begins anew.
    fn climb(&mut self, levels: u32, q: Weight) -> Climb {
        let mut committee = BitSet::full(self.streaks.len());
        let (mut missed, mut met) = (Weight::ZERO, Weight::new(u64::MAX));
        let mut to_climb = levels;
        let mut ascent = self.ascent(&committee);
        while to_climb > 0 && !committee.is_empty() {
            to_climb -= 1;
            let behind = self.climb_level(&committee, q, &mut ascent);
            if self.looks == 0 {
                break;
            }
            (missed, met) = (missed.max(ascent.missed), met.min(ascent.met));
            if !behind.is_empty() {
                behind.iter().for_each(|&vertex| committee.remove(vertex));
                to_climb = levels;
                ascent = self.ascent(&committee);
            }
        }
        Climb { committee, missed, met }
    }

    /// A committee at level 0.
    fn ascent(&self, committee: &BitSet) -> Ascent {
        let count = self.dag.validator_count();
        let (mut reached, mut weights) = (vec![0; count], vec![Weight::ZERO; count]);
        for vertex in committee.iter() {
            reached[self.validators[vertex]] = self.streaks[vertex][0].message.get() + 1;
            weights[self.validators[vertex]] = self.weights[vertex];
        }
        let sum = |weights: &[Weight]| weights.iter().copied().sum();
        let of_few = weights.chunks(FEW).map(sum).collect();
        let weights = Weights { total: sum(&weights), of_few, each: weights };
        let (missed, met) = (Weight::ZERO, Weight::new(u64::MAX));
        Ascent { reached, weights, places: vec![0; self.streaks.len()], missed, met }
    }

    /// Climbs one level, and gives those who do not get there. A member's messages are looked at
    /// in their order, each until it sees enough for one level more: O(V) for a message. Where the
    /// looks run out, nobody else gets there.
    fn climb_level(&mut self, committee: &BitSet, q: Weight, ascent: &mut Ascent) -> Vec<usize> {
        let mut next = ascent.reached.clone();
        let mut behind = Vec::new();
        for vertex in committee.iter() {
            let validator = self.validators[vertex];
            let place = &mut ascent.places[vertex];
            loop {
                let sees = if self.looks > 0 { self.look(vertex, *place) } else { None };
                let Some(sees) = sees else {
                    behind.push(vertex);
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

    /// What the message at `place` of the streak of `vertex` sees, if there is one.
    fn look(&mut self, vertex: usize, place: usize) -> Option<&[u32]> {
        let count = self.dag.validator_count();
        self.looks -= 1;
        let Link { message, sight } = self.streaks[vertex].get_mut(place)?;
        let start = match *sight {
            Some(start) => start as usize,
            None => {
                let start = self.sights.len();
                *sight = Some(start as u32);
                self.sights.resize(start + count, 0);
                let sees = &mut self.sights[start..];
                self.dag.latest_seen(*message, sees);
                sees[self.validators[vertex]] = message.get() + 1;
                start
            }
        };
        self.sights.get(start..start + count)
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
