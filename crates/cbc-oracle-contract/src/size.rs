//! Which instances are searched.

use std::sync::Arc;

use cbc_message::{ValidatorId, ValidatorSet, Weight};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::play::Play;
use crate::stories::{Story, every_execution, play_out, random_executions};
use crate::world::Group;

/// How many views are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// All executions are searched of three honest validators that make at most so many messages;
    /// for each more there are ten times the executions.
    pub exhaustive: usize,
    /// So many executions are drawn for each of several vectors of weights, honest, and again with
    /// an equivocator.
    pub executions: usize,
    /// How many messages each validator makes, on average, in those; the search grows by leaps.
    pub rounds: usize,
    /// Whether there are five validators, too; else up to four.
    pub five: bool,
}

impl Size {
    /// A glance.
    pub const SMALL: Self = Self { exhaustive: 2, executions: 3, rounds: 3, five: false };

    /// What a test has time for: seconds. The default.
    pub const MEDIUM: Self = Self { exhaustive: 4, executions: 12, rounds: 3, five: true };

    /// Of which `cargo xtask shortfall` makes a survey: minutes, optimised.
    pub const LARGE: Self = Self { exhaustive: 4, executions: 60, rounds: 4, five: true };
}

impl Default for Size {
    fn default() -> Self {
        Self::MEDIUM
    }
}

/// Equal, unequal, with a majority, with an even split, with zeros.
const THREE: [&[u64]; 5] = [&[1, 1, 1], &[3, 4, 5], &[1, 2, 4], &[1, 1, 2], &[3, 2, 0]];
const FOUR: [&[u64]; 5] =
    [&[1, 1, 1, 1], &[2, 3, 4, 6], &[1, 2, 3, 7], &[5, 4, 4, 3], &[4, 3, 3, 0]];
const FIVE: [&[u64]; 4] = [&[1, 1, 1, 1, 1], &[2, 3, 4, 5, 7], &[1, 1, 1, 1, 3], &[5, 5, 4, 3, 0]];

impl Size {
    /// Hands out every view of this size.
    pub(crate) fn each_story<P: Play>(self, f: &mut impl FnMut(&Arc<ValidatorSet>, &Story<P>)) {
        let mut tell = |validators: &_, stories: Vec<Story<P>>| {
            stories.iter().for_each(|story| f(validators, story));
        };
        for (weights, script) in P::scripts() {
            let validators = validators(weights);
            tell(&validators, play_out::<P>(&validators, script));
        }
        for weights in THREE {
            let validators = validators(weights);
            tell(&validators, every_execution::<P>(&validators, self.exhaustive));
        }
        let five = if self.five { FIVE.as_slice() } else { &[] };
        for weights in THREE.iter().chain(&FOUR).chain(five) {
            let validators = validators(weights);
            let seed = weights.iter().fold(0, |seed, weight| 10 * seed + weight);
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let count = self.rounds * weights.len();
            for equivocators in [Group::NOBODY, Group::of([ValidatorId::new(2)])] {
                let executions = self.executions;
                let drawn =
                    random_executions::<P>(&validators, executions, count, equivocators, &mut rng);
                tell(&validators, drawn);
            }
        }
    }
}

/// The validators with these weights.
pub(crate) fn validators(weights: &[u64]) -> Arc<ValidatorSet> {
    Arc::new(ValidatorSet::new(weights.iter().copied().map(Weight::new)).unwrap())
}
