//! Attacks at random: executions in which an adversary controls the network and some validators.
//!
//! An execution is drawn from a seed. All its validators are real and check every rule; they act
//! by making and receiving messages and by finalizing. First everybody is honest, and the
//! adversary only decides who sees what, until somebody finalizes a value. Then it corrupts some
//! validators, of a weight just within the fault tolerance that was reported, or just beyond.
//! These make forks that vote against the value; the adversary shows honest validators, one after
//! another, what will turn them, and lets those turned finalize something else. In the end
//! everybody sees everything.
//!
//! Within the tolerance all of this must fail; beyond it, it must succeed sometimes, or a test
//! that it fails would prove nothing.

#![allow(clippy::unwrap_used, reason = "tests")]

mod arena;
mod attack;
mod lock;
mod set;
mod world;

use std::fmt;
use std::sync::Arc;

use cbc_message::{ValidatorId, ValidatorSet, Weight};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub use arena::{Arena, ORACLES};
pub use attack::Failures;
use attack::{Attack, corrupt};
use lock::Lock;
use world::{Record, World};

/// How often validators and a first phase are drawn until a value is finalized.
const DRAWS: usize = 50;

/// How many choices of whom to corrupt the adversary thinks through.
const CHOICES: usize = 6;

/// How much the adversary corrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corruption {
    /// As much as the reported fault tolerance allows, or less.
    Within,
    /// As little as is more than the reported fault tolerance.
    Beyond,
}

/// What came of an execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Whether a value was finalized and somebody could be corrupted: whether there was an attack.
    pub attacked: bool,
    /// How what was claimed failed.
    pub failures: Failures,
    /// What happened, in short.
    pub story: String,
}

/// Carries out the execution of `seed`, in which honest validators finalize by the oracle at
/// `oracle` of [`ORACLES`].
pub fn execute<P: Arena>(seed: u64, oracle: usize, corruption: Corruption) -> Outcome {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..DRAWS {
        let validators = Arc::new(draw_validators(&mut rng));
        let plan = Lock::draw(&validators, &mut rng);
        let mut outcome = Outcome::default();
        for next in 0..CHOICES {
            // The same first phase each time.
            let validators = Arc::clone(&validators);
            let mut world = World::<P>::new(validators, oracle, plan.threshold, rng.clone());
            plan.carry_out(&mut world);
            let Some(lock) = world.records.first().cloned() else { break };
            let Some(equivocators) = corrupt(&mut world, &lock, corruption, next) else { break };
            outcome = attack(world, &plan, lock, equivocators, corruption);
            if outcome.failures != Failures::default() {
                break;
            }
        }
        if outcome.attacked {
            return outcome;
        }
        rng = ChaCha8Rng::from_rng(&mut rng);
    }
    Outcome::default()
}

fn attack<P: Arena>(
    mut world: World<P>,
    plan: &Lock,
    lock: Record<P::Value>,
    equivocators: Vec<ValidatorId>,
    corruption: Corruption,
) -> Outcome {
    let validators = Arc::clone(&world.validators);
    let honest: Vec<ValidatorId> =
        validators.ids().filter(|id| !equivocators.contains(id)).collect();
    let story = format!(
        "weights {:?}, threshold {}: {} finalized {:?} with quorum {:?} and fault tolerance {}; \
         equivocators {equivocators:?} weigh {}",
        validators.weights().iter().map(|weight| weight.get()).collect::<Vec<_>>(),
        plan.threshold,
        lock.validator,
        lock.value,
        lock.quorum,
        lock.tolerance,
        validators.weight_of(equivocators.iter().copied()),
    );
    let attack = Attack { lock, equivocators, honest, side: !plan.side };
    attack.carry_out(&mut world);
    if corruption == Corruption::Within {
        attack.harass(&mut world);
    }
    attack.heal(&mut world);
    Outcome { attacked: true, failures: attack.audit(&world, corruption), story }
}

/// Three to nine validators: of any weights, or of equal ones, or one above all others, or some
/// without weight.
fn draw_validators(rng: &mut ChaCha8Rng) -> ValidatorSet {
    let count = rng.random_range(3..=9);
    let kind = rng.random_range(0..10);
    let mut weights: Vec<u64> = (0..count)
        .map(|_| match kind {
            0..2 => 10,
            2..4 => rng.random_range(1..6),
            _ => rng.random_range(20..100),
        })
        .collect();
    match kind {
        8 => weights[rng.random_range(0..count)] = 100 * (count as u64 / 2),
        9 => weights[rng.random_range(0..count)] = 0,
        _ => {}
    }
    ValidatorSet::new(weights.into_iter().map(Weight::new)).unwrap()
}

/// What came of many executions, by oracle.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    rows: [Row; ORACLES.len()],
    /// Where the tolerance did not hold: the seed and the story of each.
    pub violations: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    within: Counts,
    beyond: Counts,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    executions: usize,
    attacked: usize,
    failed: usize,
    conflicts: usize,
}

impl Summary {
    /// Of `count` executions, by the oracles in turn, half of them within the tolerance and half
    /// beyond; their seeds are `seed` and those after it.
    pub fn of<P: Arena>(seed: u64, count: usize) -> Self {
        let mut summary = Self::default();
        for turn in 0..count {
            // The seed says it all: a case that failed is run again from its seed alone.
            let seed = seed.wrapping_add(turn as u64);
            let oracle = seed as usize % ORACLES.len();
            let corruption = match seed as usize / ORACLES.len() % 2 {
                0 => Corruption::Within,
                _ => Corruption::Beyond,
            };
            let outcome = execute::<P>(seed, oracle, corruption);
            let failed = outcome.failures != Failures::default();
            if failed && corruption == Corruption::Within {
                summary.violations.push(format!(
                    "{} by {}, seed {seed}: {:?}: {}",
                    P::NAME,
                    ORACLES[oracle],
                    outcome.failures,
                    outcome.story
                ));
            }
            let row = &mut summary.rows[oracle];
            let counts = match corruption {
                Corruption::Within => &mut row.within,
                Corruption::Beyond => &mut row.beyond,
            };
            counts.executions += 1;
            counts.attacked += usize::from(outcome.attacked);
            counts.failed += usize::from(failed);
            counts.conflicts += usize::from(outcome.failures.conflicts > 0);
        }
        summary
    }

    /// How many attacks beyond the tolerance turned somebody.
    pub fn successes(&self) -> usize {
        self.rows.iter().map(|row| row.beyond.failed).sum()
    }

    /// How many attacks beyond the tolerance ended in two conflicting values finalized.
    pub fn conflicts(&self) -> usize {
        self.rows.iter().map(|row| row.beyond.conflicts).sum()
    }
}

/// A table, a line for each oracle: of the executions within the fault tolerance and beyond it,
/// how many there were, in how many a value was finalized and attacked, and in how many an honest
/// validator was turned away from it; and beyond it, in how many a conflicting value was
/// finalized.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "oracle       within attacked violated   beyond attacked   turned conflicts   turned"
        )?;
        for (name, Row { within, beyond }) in ORACLES.iter().zip(&self.rows) {
            let rate = 100.0 * beyond.failed as f64 / beyond.attacked.max(1) as f64;
            writeln!(
                f,
                "{name:<10} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {rate:>6.1} %",
                within.executions,
                within.attacked,
                within.failed,
                beyond.executions,
                beyond.attacked,
                beyond.failed,
                beyond.conflicts,
            )?;
        }
        Ok(())
    }
}
