//! What becomes of a message that a view receives.

use std::convert::Infallible;

use cbc_message::{MessageHash, ValidatorId};
use thiserror::Error;

use crate::{Invalid, MessageIndex, Unjudged};

/// Two messages of one validator with one sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Equivocation {
    /// The validator that made them.
    pub validator: ValidatorId,
    /// The two messages, in ascending order.
    pub messages: (MessageIndex, MessageIndex),
}

/// What a message that was received turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Pending or justified before: nothing has changed.
    Duplicate,
    /// Waits for some of what it cites.
    Pending {
        /// What it waits for and this view has not received, in the order of its citations: what
        /// to ask for.
        missing: Vec<MessageHash>,
    },
    /// Justified, and others that waited for it are, too, or will be with the next batch.
    Justified,
    /// Not kept, since it cannot be judged here; not invalid, and nothing has changed.
    Unjudged(Unjudged),
}

/// What changed in a view when it received a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt<R = Infallible> {
    /// What became of the message.
    pub status: Status,
    /// The messages that became justified: this one, and those that had waited for it.
    pub justified: Justified,
    /// The validators that these messages prove to have equivocated, newly, in their order.
    pub equivocations: Vec<Equivocation>,
    /// Messages that had been pending and proved invalid, in the order in which they did.
    pub rejected: Vec<Rejection<R>>,
    /// Messages that had been pending and were not kept: those that waited for nothing any more and
    /// cannot be judged here, and those that had to make room. What is pending on them stays so.
    pub unjudged: Vec<(MessageHash, Unjudged)>,
    /// Whether more messages wait for nothing any more than were taken in: see
    /// [`View::release_more`](crate::View::release_more).
    pub more: bool,
}

impl<R> Receipt<R> {
    /// Nothing has changed.
    pub(crate) fn duplicate() -> Self {
        Self {
            status: Status::Duplicate,
            justified: Justified::default(),
            equivocations: Vec::new(),
            rejected: Vec::new(),
            unjudged: Vec::new(),
            more: false,
        }
    }
}

/// Messages that became justified at one receipt. For the usual one alone nothing is allocated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Justified {
    first: Option<MessageIndex>,
    others: Vec<MessageIndex>,
}

impl Justified {
    pub(crate) fn push(&mut self, message: MessageIndex) {
        match self.first {
            None => self.first = Some(message),
            Some(_) => self.others.push(message),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The messages, each after all it cites: in ascending order, where they had not been held
    /// before for another observer ([`SharedView`](crate::SharedView)).
    pub fn iter(&self) -> impl Iterator<Item = MessageIndex> + '_ {
        self.first.into_iter().chain(self.others.iter().copied())
    }
}

/// A message that was not stored, and what fell with it. Nothing else in the view has changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("message {hash:.16} is invalid, and dropped with {} pending on it: {reason}", .dropped.len())]
pub struct Rejection<R = Infallible> {
    /// The message.
    pub hash: MessageHash,
    /// The rule it breaks.
    #[source]
    pub reason: Reason<R>,
    /// Pending messages that cite it, directly or through others, and were dropped with it.
    pub dropped: Vec<MessageHash>,
}

/// Why a message is not stored.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Reason<R> {
    /// It breaks a structural rule.
    #[error(transparent)]
    Invalid(Invalid),
    /// It breaks a rule of the [`Admission`](crate::Admission).
    #[error(transparent)]
    Refused(R),
}
