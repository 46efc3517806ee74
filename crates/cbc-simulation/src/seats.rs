//! Which observer of a run is who, and who has done anything.

use cbc_message::ValidatorId;
use cbc_validator::{Protocol, SharedObserver, Standing};
use cbc_view::MessageIndex;

/// The observers of a run: each validator, one who receives every message as soon as it is made,
/// and one who has seen nothing, for makers of messages from whatever they please.
///
/// What an observer has seen takes memory in proportion to the number of validators, so a validator
/// that has done nothing has no seat: it has seen nothing, or, where everybody starts with a first
/// message, its own.
#[derive(Debug)]
pub(crate) struct Seats<P: Protocol, O> {
    all: SharedObserver<P, O>,
    /// Whether each validator has a seat.
    taken: Vec<bool>,
    /// Whether validator `i` starts with message `i`.
    first_messages: bool,
}

impl<P: Protocol, O> Seats<P, O> {
    /// Those of so many validators, at the start, who are `all`.
    pub(crate) fn new(mut all: SharedObserver<P, O>, validators: usize) -> Self {
        all.of(validators);
        Self { all, taken: vec![false; validators], first_messages: false }
    }

    /// The number of the observer who receives every message.
    fn global(&self) -> usize {
        self.taken.len()
    }

    /// The number of the observer who has seen nothing.
    fn nobody(&self) -> usize {
        self.taken.len() + 1
    }

    /// The observer in place.
    pub(crate) fn all(&self) -> &SharedObserver<P, O> {
        &self.all
    }

    pub(crate) fn all_mut(&mut self) -> &mut SharedObserver<P, O> {
        &mut self.all
    }

    /// From now on each starts with the message of its own number, and no seat is taken yet.
    pub(crate) fn start_with_first_messages(&mut self) {
        self.first_messages = true;
    }

    /// How many validators there are.
    pub(crate) fn len(&self) -> usize {
        self.taken.len()
    }

    /// Whether the validator has seen more than at the start.
    pub(crate) fn is_taken(&self, validator: ValidatorId) -> bool {
        self.taken.get(validator.index()).is_some_and(|&taken| taken)
    }

    /// What the validator has finalized, if it has a seat.
    pub(crate) fn standing(&self, validator: ValidatorId) -> Option<&Standing<P::Value>> {
        if self.is_taken(validator) { self.all.standing(validator.index()) } else { None }
    }

    /// Lends the observer who receives every message.
    pub(crate) fn lend_global(&mut self) {
        self.all.of(self.global());
    }

    /// Lends an observer who has seen nothing.
    pub(crate) fn lend_nobody(&mut self) {
        let nobody = self.nobody();
        self.all.forget(nobody);
        self.all.of(nobody);
    }

    /// Lends the validator, and says which message it has to receive before it is where it starts.
    pub(crate) fn lend(&mut self, validator: ValidatorId) -> Option<MessageIndex> {
        self.all.of(validator.index());
        if self.is_taken(validator) { None } else { self.first_message(validator) }
    }

    /// The validator has done something, and keeps its seat.
    pub(crate) fn take(&mut self, validator: ValidatorId) {
        if let Some(taken) = self.taken.get_mut(validator.index()) {
            *taken = true;
        }
    }

    /// The validator was visited, and leaves, unless it has a seat.
    pub(crate) fn leave(&mut self, validator: ValidatorId) {
        if !self.is_taken(validator) {
            self.all.forget(validator.index());
        }
    }

    /// The message that the validator starts with.
    pub(crate) fn first_message(&self, validator: ValidatorId) -> Option<MessageIndex> {
        self.first_messages.then(|| MessageIndex::new(validator.get()))
    }

    /// Whether the message is justified for the validator.
    pub(crate) fn has_justified(&self, validator: ValidatorId, message: MessageIndex) -> bool {
        match self.is_taken(validator) {
            true => self.all.has_justified(validator.index(), message),
            false => self.first_message(validator) == Some(message),
        }
    }

    /// Whether all messages before this one are justified for the validator.
    pub(crate) fn has_justified_all_before(
        &self,
        validator: ValidatorId,
        message: MessageIndex,
    ) -> bool {
        self.is_taken(validator) && self.all.has_justified_all_before(validator.index(), message)
    }
}
