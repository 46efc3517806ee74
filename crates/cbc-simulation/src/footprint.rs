//! How much memory a simulation will take, by stated arithmetic, before anything runs.

use std::fmt;

use cbc_message::ValidatorSet;

use crate::token::{Action, Execution};

/// How many validators stand together in what somebody has seen; and what they take there: their
/// latest messages, and which of them are to be cited.
const PART: u64 = 64;
const IN_A_VIEW: u64 = 4 * PART + 48;
/// What somebody has seen, besides.
const VIEW: u64 = 1 << 10;
/// A validator who never acts.
const VALIDATOR: u64 = 256;
/// A message: hash, estimate, name, and its places in indices and in the fork choice.
const MESSAGE: u64 = 640;
/// What a message has news of, with what is above it in the tree of what its maker had seen.
const NEWS: u64 = 32;
/// What a message has seen of one validator, at most.
const SEEN: u64 = 6;
/// A token, and what making and writing it takes besides.
const TOKEN: u64 = 176;
/// What the oracle keeps for each two validators.
const PAIR: u64 = 5;
/// When one validator finalized one block.
const FINALIZED: u64 = 16;
/// Whatever else there is.
const REST: u64 = 16 << 20;

/// The greatest memory of a simulation, estimated from what happens in it: not of one with many
/// validators, of whom few ever act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// How many validators there are.
    pub validators: u64,
    /// How many of them make or receive messages.
    pub active: u64,
    /// Whether the oracle has anything to do: not while only a minority has spoken.
    pub asks_oracle: bool,
    /// How many messages are made, first messages, which cite nothing, left out.
    pub messages: u64,
    /// How many first messages there are.
    pub first_messages: u64,
    /// How often what a maker cites for somebody changes, at most.
    pub changes: u64,
    /// How many tokens there are.
    pub tokens: u64,
    /// Whether it is kept when each validator finalized what.
    pub watches_everybody: bool,
}

impl Footprint {
    /// That of an execution whose tokens are there.
    pub fn of(validators: &ValidatorSet, execution: &Execution, first_messages: bool) -> Self {
        let mut acts = vec![false; validators.len()];
        let mut speaks = vec![first_messages; validators.len()];
        for token in execution.tokens() {
            let sees = !matches!(token.action, Action::MakeFrom { .. });
            if let Some(acts) = acts.get_mut(token.validator.index()) {
                *acts |= sees;
            }
            if let Some(speaks) = speaks.get_mut(token.validator.index()) {
                *speaks |= token.makes();
            }
        }
        let speakers = validators.ids().zip(speaks).filter(|&(_, speaks)| speaks);
        let spoken = validators.weight_of(speakers.map(|(validator, _)| validator)).get();
        let active = acts.into_iter().filter(|&acts| acts).count() as u64;
        let count = validators.len() as u64;
        let messages = execution.message_count() as u64;
        Self {
            validators: count,
            active,
            asks_oracle: spoken > validators.total().get() - spoken,
            messages,
            first_messages: if first_messages { count } else { 0 },
            changes: messages.saturating_mul(count),
            tokens: execution.tokens().len() as u64,
            watches_everybody: false,
        }
    }

    /// That of an execution that will be generated, in which everybody receives every message.
    pub fn of_broadcasts(validators: u64, messages: u64, first_messages: bool) -> Self {
        let tokens = messages.saturating_mul(validators);
        Self {
            validators,
            active: if messages == 0 { 0 } else { validators },
            asks_oracle: messages > 0 || first_messages,
            messages,
            first_messages: if first_messages { validators } else { 0 },
            // What somebody cites changes where it received something.
            changes: tokens,
            tokens,
            watches_everybody: false,
        }
    }

    /// The parts: what they are, how many there are of them, and what one takes, in bytes.
    fn parts(&self) -> [(String, u64, u64); 8] {
        let Self { validators, active, messages, changes, tokens, .. } = *self;
        let all_messages = messages.saturating_add(self.first_messages);
        // Either the tree is made anew for each thing that there is news of, or all of it is.
        let above = u64::from(validators.max(1).ilog2());
        let news = changes.min(messages.saturating_mul(validators));
        let seen = news
            .saturating_mul(NEWS + 8 * above)
            .min(messages.saturating_mul(validators).saturating_mul(SEEN))
            / SEEN;
        let pairs = if self.asks_oracle { validators.saturating_mul(validators) } else { 0 };
        let parts = validators.div_ceil(PART).min(all_messages).saturating_mul(active);
        // Where there are first messages there are no blocks, and little to finalize.
        let blocks = if self.first_messages == 0 { messages } else { 1 };
        let watched = if self.watches_everybody { blocks.saturating_mul(validators) } else { 0 };
        [
            (format!("what {active} validators have seen, {PART} together"), parts, IN_A_VIEW),
            ("views".to_owned(), active, VIEW),
            ("validators".to_owned(), validators, VALIDATOR),
            ("messages".to_owned(), all_messages, MESSAGE),
            ("what messages have seen".to_owned(), seen, SEEN),
            ("tokens".to_owned(), tokens, TOKEN),
            ("pairs of validators, for the oracle".to_owned(), pairs, PAIR),
            ("times of finalization".to_owned(), watched, FINALIZED),
        ]
    }

    /// All of it, in bytes; `u64::MAX` if that is not enough to say it.
    pub fn bytes(&self) -> u64 {
        let parts = self.parts().into_iter().map(|(_, count, bytes)| count.saturating_mul(bytes));
        parts.fold(REST, u64::saturating_add)
    }
}

/// The arithmetic: each part that matters, and the sum.
impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count, bytes) in self.parts() {
            // What is less than a hundredth of it is not why it does not fit.
            if count.saturating_mul(bytes) >= self.bytes() / 100 {
                write!(f, "{what}: {count} × {bytes} bytes; ")?;
            }
        }
        write!(f, "in all, with what is less, {}", Mebibytes(self.bytes()))
    }
}

struct Mebibytes(u64);

impl fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB", self.0.div_ceil(1 << 20))
    }
}

#[cfg(test)]
mod tests {
    use cbc_message::Weight;

    use super::*;

    fn of(validators: usize, execution: &str, first_messages: bool) -> Footprint {
        let set = ValidatorSet::new((0..validators).map(|_| Weight::new(1))).unwrap();
        Footprint::of(&set, &execution.parse().unwrap(), first_messages)
    }

    #[test]
    fn those_who_never_act_take_next_to_nothing() {
        assert!(of(20_000, "M-0-A", false).bytes() < 32 << 20);
        let two = of(20_000, "M-0-A SJ-1-A M-2-B-()", false);
        assert_eq!((two.active, two.messages, two.tokens), (2, 2, 3));
        assert!(!two.asks_oracle);
        let all = of(20_000, "M-0-A", true);
        assert_eq!((all.active, all.messages, all.first_messages), (1, 1, 20_000));
        assert!(all.asks_oracle);
    }

    #[test]
    fn the_arithmetic_is_said() {
        let all = Footprint::of_broadcasts(10_000, 100, false);
        assert_eq!(
            all.to_string(),
            "what 10000 validators have seen, 64 together: 1000000 × 304 bytes; \
             views: 10000 × 1024 bytes; tokens: 1000000 × 176 bytes; \
             pairs of validators, for the oracle: 100000000 × 5 bytes; \
             in all, with what is less, 969 MiB"
        );
    }

    #[test]
    fn no_size_overflows() {
        let most = Footprint::of_broadcasts(u64::from(u32::MAX), u64::MAX / 2, true);
        assert_eq!(Footprint { watches_everybody: true, ..most }.bytes(), u64::MAX);
        assert!(most.to_string().contains("MiB"));
    }
}
