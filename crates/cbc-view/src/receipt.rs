//! What becomes of a message that a view receives.

use std::convert::Infallible;
use std::ops::Range;

use cbc_message::{MessageHash, ValidatorId};
use thiserror::Error;

use crate::{Invalid, MessageIndex};

/// Two messages of one validator with one sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        /// What it waits for and this view has not received, in ascending order: what to ask for.
        missing: Vec<MessageHash>,
    },
    /// Justified, and so perhaps others that waited for it.
    Justified,
    /// Not kept, since its sender has used up its [`Limits`](crate::Limits); not invalid, and
    /// nothing has changed.
    OverLimit,
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
    /// Messages of equivocators that had been pending, waited for nothing any more, and were not
    /// kept, since nobody wanted them: see [`Limits`](crate::Limits).
    pub over_limit: Vec<MessageHash>,
}

/// A range of messages: those that became justified at one receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Justified(pub(crate) Range<u32>);

impl Justified {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The messages, in ascending order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = MessageIndex> + use<> {
        self.0.clone().map(MessageIndex::new)
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
