//! Which instances are surveyed.

use std::sync::Arc;

use cbc_message::{ValidatorId, ValidatorSet, Weight};
use cbc_validator::{BinaryConsensus, Blockchain};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::ideal::{
    Group, Play, Survey, Violation, every_execution, markdown, play_out, random_executions,
};

/// How much is surveyed.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The most messages of the executions of three validators that are all surveyed.
    pub exhaustive: usize,
    /// How many executions are drawn for each vector of weights, honest, and with an equivocator.
    pub executions: usize,
    /// How many messages each validator makes, on average, in those.
    pub rounds: usize,
    /// Whether five validators are surveyed, too.
    pub five: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// The claims that were refuted.
    pub violations: Vec<Violation>,
    /// The shortfall, as a Markdown table.
    pub table: String,
}

/// Equal, unequal, with a majority, with an even split, with zeros.
const THREE: [&[u64]; 5] = [&[1, 1, 1], &[3, 4, 5], &[1, 2, 4], &[1, 1, 2], &[3, 2, 0]];
const FOUR: [&[u64]; 5] =
    [&[1, 1, 1, 1], &[2, 3, 4, 6], &[1, 2, 3, 7], &[5, 4, 4, 3], &[4, 3, 3, 0]];
const FIVE: [&[u64]; 4] = [&[1, 1, 1, 1, 1], &[2, 3, 4, 5, 7], &[1, 1, 1, 1, 3], &[5, 5, 4, 3, 0]];

impl Plan {
    /// What a test has time for.
    pub const SMALL: Self = Self { exhaustive: 3, executions: 6, rounds: 3, five: true };

    /// What `cargo xtask shortfall` does.
    pub const LARGE: Self = Self { exhaustive: 4, executions: 60, rounds: 4, five: true };

    /// Surveys both protocols.
    pub fn carry_out(self) -> Report {
        let (binary, chain) = (self.survey::<BinaryConsensus>(), self.survey::<Blockchain>());
        let table =
            markdown(&[(BinaryConsensus::NAME, binary.rows()), (Blockchain::NAME, chain.rows())]);
        Report { violations: [binary.violations(), chain.violations()].concat(), table }
    }

    /// Surveys a protocol.
    pub fn survey<P: Play>(self) -> Survey<P> {
        let mut survey = Survey::default();
        for (weights, script) in P::scripts() {
            let validators = validators(weights);
            for story in play_out::<P>(&validators, script) {
                survey.ask(&validators, &story);
            }
        }
        for weights in THREE {
            let validators = validators(weights);
            for story in every_execution::<P>(&validators, self.exhaustive) {
                survey.ask(&validators, &story);
            }
        }
        let five = if self.five { FIVE.as_slice() } else { &[] };
        for weights in THREE.iter().chain(&FOUR).chain(five) {
            self.draw(&mut survey, weights);
        }
        survey
    }

    /// Random executions with these weights.
    fn draw<P: Play>(self, survey: &mut Survey<P>, weights: &[u64]) {
        let validators = validators(weights);
        let mut rng = ChaCha8Rng::seed_from_u64(weights.iter().fold(0, |seed, w| 10 * seed + w));
        let count = self.rounds * weights.len();
        for equivocators in [Group::NOBODY, Group::of([ValidatorId::new(2)])] {
            let stories =
                random_executions::<P>(&validators, self.executions, count, equivocators, &mut rng);
            for story in stories {
                survey.ask(&validators, &story);
            }
        }
    }
}

/// The validators with these weights.
pub fn validators(weights: &[u64]) -> Arc<ValidatorSet> {
    Arc::new(ValidatorSet::new(weights.iter().copied().map(Weight::new)).unwrap())
}
