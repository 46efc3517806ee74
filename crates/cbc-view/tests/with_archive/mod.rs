//! A view without limits, and an archive to judge by.

use std::convert::Infallible;
use std::sync::Arc;

use cbc_message::{Bit, ValidatorSet, Weight};
use cbc_view::{Admission, Archive, Incoming, Limits, MemoryArchive, MessageIndex, Refusal, View};

pub(crate) fn view(validators: u32) -> View<Bit> {
    let weights = (1..=u64::from(validators)).map(Weight::new);
    View::with_limits(Arc::new(ValidatorSet::new(weights).unwrap()), Limits::NONE)
}

/// Admits everything, with an archive.
#[derive(Debug)]
pub(crate) struct With<'a>(pub(crate) Option<&'a MemoryArchive<Bit>>);

impl Admission<Bit> for With<'_> {
    type Error = Infallible;

    fn check(&mut self, _: &View<Bit>, _: &Incoming<'_, Bit>) -> Result<(), Refusal<Infallible>> {
        Ok(())
    }

    fn stored(&mut self, _: &View<Bit>, _: MessageIndex) {}

    fn archive(&self) -> Option<&dyn Archive<Bit>> {
        self.0.map(|archive| archive as _)
    }
}
