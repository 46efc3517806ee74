//! A validator: an observer that also speaks (semantics §3).

use std::collections::BTreeSet;
use std::error::Error;

use cbc_message::{EncodeError, Message, MessageHash, ValidatorId, Weight};
use cbc_view::{Ahead, Equivocation, MessageDag, MessageIndex, Rejection, Unjudged};
use thiserror::Error;

use crate::{EstimateError, Observer, Protocol};

/// An observer with a place in the validator set, from whose view it makes messages.
///
/// It never makes two messages of one number. What it has made it learns from its view, so it does
/// not speak while its view knows of a message of its own that it has not justified yet: after a
/// restart, before it has caught up. What others cite as its own may be made up, though, to keep it
/// silent. Who keeps the number of the next message, durably, before each message is sent, tells it
/// so ([`with_next_number`](Self::with_next_number)): then it heeds no rumours, and never speaks
/// below that number.
///
/// ```
/// use std::sync::Arc;
/// use cbc_message::{ValidatorId, ValidatorSet, Weight};
/// use cbc_oracle::CliqueOracle;
/// use cbc_validator::{Blockchain, MakeError, Observer, Validator};
///
/// let weights = Arc::new(ValidatorSet::new([2, 1].map(Weight::new))?);
/// let start = || Observer::new(Blockchain, CliqueOracle::new(), Arc::clone(&weights));
/// let id = ValidatorId::new(0);
/// let mut validator = Validator::new(id, start())?.with_next_number(0);
/// let mut sent = Vec::new();
/// for _ in 0..3 {
///     sent.push(validator.make_message()?);
/// }
/// // After a restart it knows that it has made three messages, of which it has one.
/// let mut validator = Validator::new(id, start())?.with_next_number(3);
/// validator.observer_mut().receive(sent[0].clone())?;
/// assert!(matches!(validator.make_message(), Err(MakeError::Behind(_))));
/// for message in sent {
///     validator.observer_mut().receive(message)?;
/// }
/// assert_eq!(validator.make_message()?.sequence_number(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Validator<P: Protocol, O> {
    id: ValidatorId,
    observer: Observer<P, O>,
    /// The least number that its next message may have, if its owner keeps that.
    next_number: Option<u64>,
}

impl<P: Protocol, O> Validator<P, O> {
    /// Validator `id`, seeing what `observer` has seen.
    ///
    /// # Errors
    ///
    /// [`NotAValidator`] if the observer's validator set has no such validator.
    pub fn new(id: ValidatorId, observer: Observer<P, O>) -> Result<Self, NotAValidator> {
        let validators = observer.view().validators();
        if validators.contains(id) {
            Ok(Self { id, observer, next_number: None })
        } else {
            Err(NotAValidator { id, validators: validators.len() })
        }
    }

    /// As its owner has kept it, the number of its next message is `next_number`, or more: 0 for
    /// one that has never spoken. Until its view has its messages before that, it does not speak.
    #[must_use]
    pub fn with_next_number(self, next_number: u64) -> Self {
        Self { next_number: Some(next_number), ..self }
    }

    /// The number of its next message, for its owner to keep before that is made. One more than it
    /// must be kept, durably, before the message is sent.
    pub fn next_number(&self) -> u64 {
        let next = self.observer.view().next_sequence_number(self.id);
        next.max(self.next_number.unwrap_or(0))
    }

    /// Whether it knows all of its own messages.
    fn is_up_to_date(&self) -> Result<(), Behind> {
        let view = self.observer.view();
        let number = view.next_sequence_number(self.id);
        let Ahead { pending, mut missing } = view.ahead_of(self.id);
        if self.next_number.is_some() {
            missing.clear();
        }
        let expected = self.next_number.filter(|&next_number| number < next_number);
        if pending.is_empty() && missing.is_empty() && expected.is_none() {
            return Ok(());
        }
        Err(Behind { validator: self.id, number, expected, pending, missing })
    }

    fn note(&mut self, made: &Message<P::Estimate>) {
        if let Some(next_number) = &mut self.next_number {
            *next_number = made.sequence_number() + 1;
        }
    }

    /// Which validator this is.
    pub fn id(&self) -> ValidatorId {
        self.id
    }

    /// What it has seen.
    pub fn observer(&self) -> &Observer<P, O> {
        &self.observer
    }

    /// What it has seen, to receive messages and to finalize.
    pub fn observer_mut(&mut self) -> &mut Observer<P, O> {
        &mut self.observer
    }

    /// The latest message that it has made, as far as its view knows.
    pub fn my_latest_message(&self) -> Option<MessageIndex> {
        self.observer.view().latest_message(self.id)
    }

    /// Makes a message with the estimate of its view, which then holds the message as justified.
    ///
    /// # Errors
    ///
    /// As [`make_message_with`](Self::make_message_with); [`MakeError::NoEstimate`] if the view
    /// leaves the estimate open, as an empty one does in all protocols but the blockchain; and
    /// [`MakeError::Overturned`] if no valid message stays with what is finalized.
    pub fn make_message(&mut self) -> Result<Message<P::Estimate>, MakeError<EstimateError<P>>> {
        self.is_up_to_date()?;
        let made = self.observer.make_message(self.id)?;
        self.note(&made);
        Ok(made)
    }

    /// Makes a message with an estimate of the caller's choice: a first one, or a block with
    /// contents. It is checked like anybody else's.
    ///
    /// # Errors
    ///
    /// [`MakeError`] if this validator is known to have equivocated, or if the message would be
    /// invalid, or nobody could read it, or its view cannot judge it. Nothing changes then.
    pub fn make_message_with(
        &mut self,
        estimate: P::Estimate,
    ) -> Result<Message<P::Estimate>, MakeError<EstimateError<P>>> {
        self.is_up_to_date()?;
        let made = self.observer.make_message_with(self.id, estimate)?;
        self.note(&made);
        Ok(made)
    }
}

/// A validator that knows, or has reason to believe, that it has made messages which its view does
/// not have: were it to speak now, it might equivocate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "validator {validator} would make its message {number}, but may have made it before: {}{} of \
     its own messages are pending, and {} messages are missing that may be its own, or have such in \
     their past{}",
    match .expected {
        Some(expected) => format!("its owner has kept {expected} as the number of the next; "),
        None => String::new(),
    },
    .pending.len(),
    .missing.len(),
    match .missing.first() {
        Some(hash) => format!(", {hash:.16} first"),
        None => String::new(),
    }
)]
pub struct Behind {
    /// The validator.
    pub validator: ValidatorId,
    /// The number that its next message would have.
    pub number: u64,
    /// The number that its owner has kept for it, if that is greater.
    pub expected: Option<u64>,
    /// Messages of its own that are pending.
    pub pending: Vec<MessageHash>,
    /// What is missing that something pending waits for: what to ask for. Any of it may be its own,
    /// or have a message of its own in its past.
    pub missing: BTreeSet<MessageHash>,
}

/// A validator that the validator set does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("validator {id} is not one of {validators} validators")]
pub struct NotAValidator {
    /// The validator.
    pub id: ValidatorId,
    /// How many validators there are.
    pub validators: usize,
}

/// Why a validator cannot make a message. `R` is why its estimate would be refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MakeError<R: Error + 'static> {
    /// The view leaves the estimate open: it has to be given.
    #[error("nothing seen so far determines an estimate: a first message needs one given")]
    NoEstimate,
    /// The validator's own view holds proof that it equivocated, so nothing it says can be valid
    /// (rules V3 and V4).
    #[error("validator {} has equivocated, as its own view proves", .equivocation.validator)]
    Equivocated {
        /// The proof.
        equivocation: Equivocation,
    },
    /// A message that stays with what this validator has finalized would be invalid (rule V5): the
    /// fork choice from the genesis has left it. More validators have equivocated than it tolerated.
    #[error(
        "the fork choice has left what is finalized here: validators of weight \
         {observed_fault_weight} are known to have equivocated"
    )]
    Overturned {
        /// The weight of the validators that the view can prove to have equivocated.
        observed_fault_weight: Weight,
    },
    /// The validator may have made messages that its view does not have.
    #[error(transparent)]
    Behind(#[from] Behind),
    /// The message would be one that nobody can read.
    #[error(transparent)]
    Unencodable(#[from] EncodeError),
    /// The message would be invalid.
    #[error(transparent)]
    Invalid(#[from] Box<Rejection<R>>),
    /// The validator's own view cannot judge the message, so nobody may rely on it.
    #[error("this validator cannot judge its own message: {0}")]
    Unjudged(#[source] Unjudged),
}
