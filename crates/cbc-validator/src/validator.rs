//! A validator: an observer that also speaks (semantics §3).

use std::error::Error;

use cbc_message::{EncodeError, Message, ValidatorId, Weight};
use cbc_view::{Equivocation, MessageDag, MessageIndex, Rejection, Unjudged};
use thiserror::Error;

use crate::{EstimateError, Observer, Protocol};

/// An observer with a place in the validator set, from whose view it makes messages.
pub struct Validator<P: Protocol, O> {
    id: ValidatorId,
    observer: Observer<P, O>,
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
            Ok(Self { id, observer })
        } else {
            Err(NotAValidator { id, validators: validators.len() })
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
        self.observer.make_message(self.id)
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
        self.observer.make_message_with(self.id, estimate)
    }
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
