//! Committees of several levels.

use cbc_message::{ValidatorId, Weight};
use cbc_oracle::BitSet;
use cbc_view::{MessageDag, MessageIndex, Property, Seen};

/// The unbroken streaks of the validators that agree, and what their messages see.
///
/// Vertices are numbered as in the lobbying graph. A message is one more than its index, so that 0
/// is nothing.
pub(crate) struct Summit<'a, D> {
    dag: &'a D,
    weights: Vec<Weight>,
    /// The vertex of each validator; [`NOBODY`] for those that are none.
    vertex_of: Vec<u32>,
    /// The streak of each vertex, from its earliest message that is looked at.
    streaks: Vec<Vec<Link>>,
}

/// How many messages of a streak are looked at, from the latest back. A committee has a level for
/// every few messages of its slowest members: this is ample for the levels that matter. The part of
/// a streak is a streak, so what is found holds.
const LONGEST: usize = 1024;

const NOBODY: u32 = u32::MAX;

/// A message of a streak.
struct Link {
    message: MessageIndex,
    /// The message of each vertex that it sees, itself for its own; empty until it is asked for.
    sees: Vec<u32>,
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
    /// For each vertex, its earliest message of the level reached.
    reached: Vec<u32>,
    /// Where in its streak that is.
    places: Vec<usize>,
    /// The greatest weight seen that was less than asked for, and the least that was enough.
    missed: Weight,
    met: Weight,
}

impl<'a, D: MessageDag> Summit<'a, D> {
    /// O(V + messages in the streaks).
    pub(crate) fn new(
        dag: &'a D,
        candidate: &dyn Property<D>,
        vertices: &[ValidatorId],
        weights: Vec<Weight>,
    ) -> Self {
        let mut vertex_of = vec![NOBODY; dag.validator_count()];
        vertices
            .iter()
            .zip(0..)
            .for_each(|(validator, vertex)| vertex_of[validator.index()] = vertex);
        let streak = |&validator: &ValidatorId| {
            let chain = std::iter::successors(dag.latest_message(validator), |&m| dag.previous(m));
            let agreeing = chain.take_while(|&message| candidate.agrees(dag, message));
            let link = |message| Link { message, sees: Vec::new() };
            let mut streak: Vec<Link> = agreeing.take(LONGEST).map(link).collect();
            streak.reverse();
            streak
        };
        Self { dag, weights, vertex_of, streaks: vertices.iter().map(streak).collect() }
    }

    /// Whether all of every streak is looked at.
    pub(crate) fn is_whole(&self) -> bool {
        self.streaks.iter().all(|streak| streak.len() < LONGEST)
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
        while high > low {
            if !better(Weight::new(q)) {
                low = q;
            } else {
                let climb = self.climb(levels, Weight::new(q));
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
        let count = self.streaks.len();
        let mut reached = vec![NOBODY; count]; // no message of an outsider is late enough
        for vertex in committee.iter() {
            reached[vertex] = self.streaks[vertex][0].message.get() + 1;
        }
        let (missed, met) = (Weight::ZERO, Weight::new(u64::MAX));
        Ascent { reached, places: vec![0; count], missed, met }
    }

    /// Climbs one level, and gives those who do not get there. A member's messages are looked at
    /// in their order, each until it sees enough for one level more: O(V) for a message.
    fn climb_level(&mut self, committee: &BitSet, q: Weight, ascent: &mut Ascent) -> Vec<usize> {
        let mut next = ascent.reached.clone();
        let mut behind = Vec::new();
        for vertex in committee.iter() {
            let place = &mut ascent.places[vertex];
            loop {
                if !self.look(vertex, *place) {
                    behind.push(vertex);
                    break;
                }
                let sees = &self.streaks[vertex][*place].sees;
                let seen = seen_weight(sees, &ascent.reached, &self.weights);
                if seen >= q {
                    ascent.met = ascent.met.min(seen);
                    next[vertex] = sees[vertex];
                    break;
                }
                ascent.missed = ascent.missed.max(seen);
                *place += 1;
            }
        }
        ascent.reached = next;
        behind
    }

    /// Finds out what the message at `place` of the streak of `vertex` sees, if there is one.
    fn look(&mut self, vertex: usize, place: usize) -> bool {
        let Some(link) = self.streaks[vertex].get_mut(place) else { return false };
        if link.sees.is_empty() {
            link.sees = vec![0; self.weights.len()];
            for (validator, seen) in self.dag.seen_of_all(link.message) {
                if let Seen::Latest(seen) = seen
                    && let Some(sees) =
                        link.sees.get_mut(self.vertex_of[validator.index()] as usize)
                {
                    *sees = seen.get() + 1;
                }
            }
            link.sees[vertex] = link.message.get() + 1;
        }
        true
    }
}

/// What those weigh of whom a message sees one at least as late as they have `reached`.
fn seen_weight(sees: &[u32], reached: &[u32], weights: &[Weight]) -> Weight {
    let late = sees.iter().zip(reached).map(|(sees, reached)| sees >= reached);
    late.zip(weights).map(|(late, &weight)| if late { weight } else { Weight::ZERO }).sum()
}
