//! What each validator of a run has seen, kept only for those who have seen something.

use cbc_message::ValidatorId;
use cbc_validator::{Protocol, Standing};
use cbc_view::MessageIndex;

/// A place for every validator's standing. A standing takes memory in proportion to the number of
/// validators, so one who has done nothing has none: it has seen nothing, or, where everybody
/// starts with a first message, its own.
pub(crate) struct Seats<P: Protocol> {
    taken: Vec<Option<Box<Standing<P>>>>,
    /// Whether validator `i` starts with message `i`.
    first_messages: bool,
}

impl<P: Protocol> Seats<P> {
    /// Those of so many validators, at the start.
    pub(crate) fn new(validators: usize) -> Self {
        Self { taken: (0..validators).map(|_| None).collect(), first_messages: false }
    }

    /// From now on each starts with the message of its own number, and no seat is taken yet.
    pub(crate) fn start_with_first_messages(&mut self) {
        self.first_messages = true;
    }

    /// How many validators there are.
    pub(crate) fn len(&self) -> usize {
        self.taken.len()
    }

    /// What the validator has seen, if that is more than at the start.
    pub(crate) fn get(&self, validator: ValidatorId) -> Option<&Standing<P>> {
        self.taken.get(validator.index())?.as_deref()
    }

    /// Takes the validator's standing out of its seat, or one of somebody who has seen nothing;
    /// and says which message it has to receive before it is where the validator starts.
    pub(crate) fn leave(
        &mut self,
        validator: ValidatorId,
    ) -> (Box<Standing<P>>, Option<MessageIndex>) {
        let count = self.taken.len();
        match self.taken.get_mut(validator.index()).and_then(Option::take) {
            Some(standing) => (standing, None),
            None => (Box::new(Standing::new(count)), self.first_message(validator)),
        }
    }

    /// Puts a standing into the validator's seat.
    pub(crate) fn take(&mut self, validator: ValidatorId, standing: Box<Standing<P>>) {
        if let Some(seat) = self.taken.get_mut(validator.index()) {
            *seat = Some(standing);
        }
    }

    /// The message that the validator starts with.
    pub(crate) fn first_message(&self, validator: ValidatorId) -> Option<MessageIndex> {
        self.first_messages.then(|| MessageIndex::new(validator.get()))
    }

    /// Whether the message is justified for the validator.
    pub(crate) fn has_justified(&self, validator: ValidatorId, message: MessageIndex) -> bool {
        match self.get(validator) {
            Some(standing) => standing.perspective().is_justified(message),
            None => self.first_message(validator) == Some(message),
        }
    }
}
