//! What a view cannot judge, which is not what is invalid (semantics §4).

use cbc_message::MessageHash;
use thiserror::Error;

/// Why a view cannot judge a message here and now. The message breaks no rule that could be
/// checked, nobody is blamed, and nothing that is pending is dropped for it. It is not kept, and
/// may be sent again.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unjudged {
    /// What would show whether it is valid was dropped ([`View::prune`](crate::View::prune)).
    #[error(
        "below the horizon: what would show whether it is valid was dropped ({} messages needed)",
        .needs.len()
    )]
    BelowHorizon {
        /// The messages without which it cannot be judged.
        needs: Vec<MessageHash>,
    },
    /// There is no room for it by the [`Limits`](crate::Limits), and nobody who counts waits for
    /// it.
    #[error("over a limit: no room for what nobody waits for ({} messages missing)", .missing.len())]
    OverLimit {
        /// What it cites that is not justified here, in the order of its citations: with these
        /// received first, it need not wait.
        missing: Vec<MessageHash>,
    },
    /// The view holds as many messages as it can number.
    #[error("the view holds {held} messages and can number no more")]
    ViewFull {
        /// How many messages the view holds.
        held: usize,
    },
}

/// Why a message is not stored: it breaks a rule, or cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal<R> {
    /// It breaks a rule: it is invalid, and so is whatever cites it.
    #[error(transparent)]
    Breaks(R),
    /// It cannot be judged here, which says nothing about it.
    #[error("cannot be judged: {0}")]
    Unjudged(#[source] Unjudged),
}

impl<R> Refusal<R> {
    /// The same, with another word for the rule that is broken.
    pub fn map<S>(self, word: impl FnOnce(R) -> S) -> Refusal<S> {
        match self {
            Self::Breaks(rule) => Refusal::Breaks(word(rule)),
            Self::Unjudged(unjudged) => Refusal::Unjudged(unjudged),
        }
    }
}

impl<R> From<Unjudged> for Refusal<R> {
    fn from(unjudged: Unjudged) -> Self {
        Self::Unjudged(unjudged)
    }
}
