//! Votes for a block that exists, by those who do not propose.

use cbc_message::ValidatorId;
use cbc_oracle::SafetyOracle;
use cbc_view::View;

use super::{Run, StepError};
use crate::Recorded;
use crate::notation::as_in_tokens;

impl<P, O> Run<P, O>
where
    P: Recorded + Clone,
    O: SafetyOracle<View<P::Estimate>> + Clone,
{
    /// A validator makes a message, called `name`, that votes for the head of its view instead of
    /// proposing a block on it. The view holds the message afterwards, as with any other.
    ///
    /// # Errors
    ///
    /// [`StepError`] if it cannot be; [`StepError::NotAnEstimate`] in a protocol without blocks.
    pub fn vote(&mut self, validator: ValidatorId, name: String) -> Result<(), StepError> {
        let count = self.seats.len();
        if validator.index() >= count {
            return Err(StepError::UnknownValidator { validator, count });
        }
        self.check_new(&name)?;
        let display_height = self.as_validator(validator, |run| {
            let head = run.observer_mut().follow_from_genesis().ok_or(StepError::NoEstimate)?;
            let written = P::write_value(&run.notation, run.observer(), &head);
            let vote = run.parse_estimate(&format!("vote:{}", as_in_tokens(&written)))?;
            run.make_message(validator, Some(vote))
        })?;
        self.announce(name, display_height)
    }
}
