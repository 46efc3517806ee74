//! What a layer above has to say before a view stores a message.

use std::convert::Infallible;

use cbc_message::Message;

use crate::{Archive, Citations, MessageIndex, Refusal, View};

/// A message whose citations are justified and which is structurally valid, but not yet stored.
#[derive(Debug)]
pub struct Incoming<'a, E> {
    /// The message.
    pub message: &'a Message<E>,
    /// What its maker had seen.
    pub citations: Citations<'a>,
}

/// A further rule that messages must pass to be stored, and somebody who is told of each that does.
/// A validator checks rule V5 here and feeds its estimator.
pub trait Admission<E> {
    /// The rule that a message breaks.
    type Error;

    /// What can be said of a message before anything that it cites has arrived, and before it is
    /// held: bounds on what its estimate says and how much, whatever its maker had seen. Nothing,
    /// unless overridden.
    ///
    /// # Errors
    ///
    /// The rule that it breaks.
    fn check_on_receipt(&self, message: &Message<E>) -> Result<(), Self::Error> {
        let _ = message;
        Ok(())
    }

    /// Whether `incoming` may be stored. The answer must depend on the message and its past cone
    /// alone, or views that received the same messages will differ.
    ///
    /// # Errors
    ///
    /// [`Refusal::Breaks`] if it breaks the rule, and [`Refusal::Unjudged`] if what would show
    /// whether it does is not held any more.
    fn check(
        &mut self,
        view: &View<E>,
        incoming: &Incoming<'_, E>,
    ) -> Result<(), Refusal<Self::Error>>;

    /// `message` is stored, and justified: called for each, in ascending order. In a view that
    /// observers share, once, when the first of them justifies it; and again for one that was
    /// dropped and that the view takes in again.
    fn stored(&mut self, view: &View<E>, message: MessageIndex);

    /// Who took what the view dropped, if somebody did.
    fn archive(&self) -> Option<&dyn Archive<E>> {
        None
    }
}

/// No further rule.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdmitAll;

impl<E> Admission<E> for AdmitAll {
    type Error = Infallible;

    fn check(&mut self, _: &View<E>, _: &Incoming<'_, E>) -> Result<(), Refusal<Infallible>> {
        Ok(())
    }

    fn stored(&mut self, _: &View<E>, _: MessageIndex) {}
}
