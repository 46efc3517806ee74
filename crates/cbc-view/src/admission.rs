//! What a layer above has to say before a view stores a message.

use std::convert::Infallible;

use cbc_message::Message;

use crate::{Citations, MessageIndex, View};

/// A message whose citations are justified and which is structurally valid, but not yet stored.
#[derive(Debug)]
pub struct Candidate<'a, E> {
    /// The message.
    pub message: &'a Message<E>,
    /// Its justification, resolved.
    pub citations: Citations<'a>,
}

/// A further rule that messages must pass to be stored, and somebody who is told of each that does. A validator checks rule V5 here and feeds its estimator.
pub trait Admission<E> {
    /// Why a message is refused.
    type Error;

    /// Whether `candidate` may be stored. The answer must depend on the message and its past cone
    /// alone, or views that received the same messages will differ.
    ///
    /// # Errors
    ///
    /// Why not.
    fn check(&mut self, view: &View<E>, candidate: &Candidate<'_, E>) -> Result<(), Self::Error>;

    /// `message` is stored, and justified: called for each, in ascending order. In a view that
    /// observers share, once, when the first of them justifies it.
    fn stored(&mut self, view: &View<E>, message: MessageIndex);
}

/// No further rule.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdmitAll;

impl<E> Admission<E> for AdmitAll {
    type Error = Infallible;

    fn check(&mut self, _: &View<E>, _: &Candidate<'_, E>) -> Result<(), Infallible> {
        Ok(())
    }

    fn stored(&mut self, _: &View<E>, _: MessageIndex) {}
}
