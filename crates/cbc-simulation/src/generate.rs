//! Executions made by rule: who speaks when, and how long messages travel.

use cbc_message::{ValidatorId, Weight};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Normal};

use crate::token::{Action, Execution, Token};

/// Who makes messages in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageMode {
    /// One validator, at random.
    Rand,
    /// One validator, each in turn.
    Rrob,
    /// All validators, each in turn.
    Full,
}

/// How many rounds a message travels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Network {
    /// None: everybody has it in the round in which it is made.
    NoDelay,
    /// One.
    Step,
    /// Always the same number.
    Constant {
        /// That number.
        rounds: u32,
    },
    /// A random number, each equally likely.
    Random {
        /// The greatest.
        most: u32,
    },
    /// A normally distributed number, rounded, and never negative.
    Gaussian {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        deviation: f64,
    },
}

impl Network {
    /// The delay of the proof of concept's `constant` network.
    pub const CONSTANT: Self = Self::Constant { rounds: 5 };
    /// The delays of the proof of concept's `random` network.
    pub const RANDOM: Self = Self::Random { most: 5 };
    /// The delays of the proof of concept's `gaussian` network.
    pub const GAUSSIAN: Self = Self::Gaussian { mean: 10.0, deviation: 5.0 };

    fn delay(self, rng: &mut impl Rng) -> u32 {
        match self {
            Self::NoDelay => 0,
            Self::Step => 1,
            Self::Constant { rounds } => rounds,
            Self::Random { most } => rng.random_range(0..=most),
            // As a cast saturates: never negative, at most u32::MAX, 0 for what is no number.
            Self::Gaussian { mean, deviation } => normal(mean, deviation, rng).round() as u32,
        }
    }
}

/// A sample; `mean` itself if `deviation` is not finite.
fn normal(mean: f64, deviation: f64, rng: &mut impl Rng) -> f64 {
    Normal::new(mean, deviation).map_or(mean, |normal| normal.sample(rng))
}

/// An execution that was made by rule, in rounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// What happens.
    pub execution: Execution,
    /// How many messages are made in a round.
    pub messages_per_round: usize,
}

impl Schedule {
    /// In each round those whose turn it is make a message and send it to all; what is still under
    /// way in the last round arrives in it.
    ///
    /// A receiver gets the first message that somebody sends it together with the past cone of
    /// that message, and later ones alone, so that slow messages keep quick ones pending.
    pub fn generate(
        validators: u32,
        rounds: usize,
        mode: MessageMode,
        network: Network,
        rng: &mut impl Rng,
    ) -> Self {
        // The receptions of each round, in the order in which they were sent.
        let mut due: Vec<Vec<Token>> = vec![Vec::new(); rounds];
        // For each maker, whom it has sent a message before; nothing for one that has made none.
        let mut sent_before: Vec<Vec<bool>> = vec![Vec::new(); validators as usize];
        let mut tokens = Vec::new();
        let mut made = 0;
        for round in 0..rounds {
            let mut now = std::mem::take(&mut due[round]);
            let makers = match mode {
                MessageMode::Rand => {
                    let maker = rng.random_range(0..validators);
                    maker..maker + 1
                }
                MessageMode::Rrob => {
                    let maker = (round % validators as usize) as u32;
                    maker..maker + 1
                }
                MessageMode::Full => 0..validators,
            };
            for maker in makers {
                made += 1;
                now.push(token(maker, made, Action::Make));
                let sent_before = &mut sent_before[maker as usize];
                sent_before.resize(validators as usize, false);
                for receiver in (0..validators).filter(|&receiver| receiver != maker) {
                    let first = !std::mem::replace(&mut sent_before[receiver as usize], true);
                    let action = if first { Action::ReceiveJustified } else { Action::Receive };
                    let token = token(receiver, made, action);
                    let arrival = round.saturating_add(network.delay(rng) as usize).min(rounds - 1);
                    if arrival == round { now.push(token) } else { due[arrival].push(token) }
                }
            }
            tokens.append(&mut now);
        }
        let messages_per_round = if mode == MessageMode::Full { validators as usize } else { 1 };
        Self { execution: tokens.into(), messages_per_round }
    }

    /// The same, in which each maker has a choice, and makes one or another block, at random: for
    /// protocols that leave it one.
    #[must_use]
    pub fn with_choices(self, rng: &mut impl Rng) -> Self {
        let choose = |token: &Token| match token.action {
            Action::Make => {
                let action = Action::MakeBy { choice: rng.random_range(0..CHOICES) };
                Token { action, ..token.clone() }
            }
            _ => token.clone(),
        };
        let tokens: Vec<Token> = self.execution.tokens().iter().map(choose).collect();
        Self { execution: tokens.into(), ..self }
    }

    /// Rounds in lock step: all make a message, then all receive all of them.
    pub fn full_round(validators: u32, rounds: usize) -> Self {
        Self::lock_step(validators, rounds, |_, _, _| true)
    }

    /// The even and the odd validators hear only each other from the first message on, until the
    /// last third of the rounds, in which all hear all.
    pub fn immediate_split(validators: u32, rounds: usize) -> Self {
        let healed = rounds - rounds / 3;
        Self::lock_step(validators, rounds, |round, maker, receiver| {
            round >= healed || maker % 2 == receiver % 2
        })
    }

    fn lock_step(validators: u32, rounds: usize, hears: impl Fn(usize, u32, u32) -> bool) -> Self {
        let mut tokens = Vec::new();
        let mut made = 0;
        for round in 0..rounds {
            let first = made + 1;
            for maker in 0..validators {
                made += 1;
                tokens.push(token(maker, made, Action::Make));
            }
            for receiver in 0..validators {
                for (maker, message) in (0..validators).zip(first..) {
                    if maker != receiver && hears(round, maker, receiver) {
                        tokens.push(token(receiver, message, Action::ReceiveJustified));
                    }
                }
            }
        }
        Self { execution: tokens.into(), messages_per_round: validators as usize }
    }
}

/// How many choices are drawn from.
const CHOICES: u64 = 1_000_000;

fn token(validator: u32, message: usize, action: Action) -> Token {
    Token { validator: ValidatorId::new(validator), name: format!("M{message}"), action }
}

/// Weights around 60 000, normally distributed with deviation 40 000, at least 20 000: the proof of
/// concept's distribution, in thousandths, so that ties are rare.
pub fn random_weights(validators: u32, rng: &mut impl Rng) -> Vec<Weight> {
    let draw = |_| Weight::new(normal(60_000.0, 40_000.0, rng).max(20_000.0).round() as u64);
    (0..validators).map(draw).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn rng(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    fn generate(mode: MessageMode, network: Network, seed: u64) -> String {
        Schedule::generate(3, 4, mode, network, &mut rng(seed)).execution.to_string()
    }

    #[test]
    fn round_robin_without_delay_reads_as_expected() {
        assert_eq!(
            generate(MessageMode::Rrob, Network::NoDelay, 0),
            "M-0-M1 SJ-1-M1 SJ-2-M1 M-1-M2 SJ-0-M2 SJ-2-M2 M-2-M3 SJ-0-M3 SJ-1-M3 \
             M-0-M4 S-1-M4 S-2-M4"
        );
    }

    #[test]
    fn what_is_under_way_in_the_last_round_arrives_in_it() {
        assert_eq!(
            generate(MessageMode::Rrob, Network::Constant { rounds: 3 }, 0),
            "M-0-M1 M-1-M2 M-2-M3 SJ-1-M1 SJ-2-M1 SJ-0-M2 SJ-2-M2 SJ-0-M3 SJ-1-M3 \
             M-0-M4 S-1-M4 S-2-M4"
        );
    }

    #[test]
    fn an_immediate_split_heals_in_the_last_third() {
        let split = Schedule::immediate_split(4, 3).execution.to_string();
        let (before, after) = split.split_once("M-0-M9").unwrap();
        assert!(!before.contains("SJ-1-M1") && before.contains("SJ-2-M1"), "{before}");
        assert!(after.contains("SJ-1-M9") && after.contains("SJ-2-M9"), "{after}");
    }

    #[test]
    fn choices_are_drawn_for_what_is_made_and_nothing_else_changes() {
        let plain = Schedule::full_round(3, 4);
        let chosen = plain.clone().with_choices(&mut rng(1));
        assert_eq!(chosen, plain.clone().with_choices(&mut rng(1)));
        let made = chosen.execution.tokens().iter().filter(|token| token.makes());
        let choices: Vec<String> = made.map(ToString::to_string).collect();
        assert!(choices.iter().all(|token| token.contains("-#")) && choices.len() == 12);
        let without = chosen.execution.to_string();
        let without = without.split(' ').map(|token| token.split("-#").next().unwrap());
        assert!(without.eq(plain.execution.to_string().split(' ')));
    }

    #[test]
    fn a_seed_determines_an_execution() {
        for network in [Network::RANDOM, Network::GAUSSIAN] {
            let one = generate(MessageMode::Rand, network, 1);
            assert_eq!(one, generate(MessageMode::Rand, network, 1));
            assert_ne!(one, generate(MessageMode::Rand, network, 2));
        }
        assert_ne!(random_weights(5, &mut rng(1)), random_weights(5, &mut rng(2)));
        assert!(random_weights(100, &mut rng(1)).iter().all(|weight| weight.get() >= 20_000));
    }

    #[test]
    fn senseless_delays_do_no_harm() {
        for (mean, deviation) in
            [(f64::NAN, 1.0), (-1e300, 1e300), (1e300, 0.0), (0.0, f64::INFINITY)]
        {
            let network = Network::Gaussian { mean, deviation };
            assert_eq!(generate(MessageMode::Full, network, 3).split(' ').count(), 4 * 3 * 3);
        }
    }
}
