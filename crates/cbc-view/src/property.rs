//! Properties of estimates: what the safety of a candidate is asked about (semantics §1, §6).

use crate::{MessageDag, MessageIndex};

/// A candidate, as an oracle sees it: does this message's estimate agree?
pub trait Property<D: MessageDag + ?Sized> {
    /// Whether the estimate of `message` has the property.
    fn agrees(&self, dag: &D, message: MessageIndex) -> bool;
}

/// Closures are properties.
impl<D: MessageDag + ?Sized, F: Fn(&D, MessageIndex) -> bool> Property<D> for F {
    fn agrees(&self, dag: &D, message: MessageIndex) -> bool {
        self(dag, message)
    }
}

/// "The estimate equals this value."
#[derive(Clone, Debug)]
pub struct Equals<E>(pub E);

impl<D: MessageDag<Estimate = E>, E: Eq> Property<D> for Equals<E> {
    fn agrees(&self, dag: &D, message: MessageIndex) -> bool {
        *dag.estimate(message) == self.0
    }
}

/// A chain of candidates, each of which is implied by the next: of a block, the blocks that it is
/// on, from height 1 up to itself. Whatever agrees with one agrees with all before it, so that one number
/// says which of them a message agrees with.
pub trait Chain<D: MessageDag + ?Sized> {
    /// How many candidates there are: they have the depths 1, 2, … up to this one.
    fn depth(&self) -> u32;

    /// The depth of the deepest candidate that the estimate of `message` agrees with; 0 for none.
    fn agreement(&self, dag: &D, message: MessageIndex) -> u32;
}

/// The candidate at a depth of a chain, as a property.
#[derive(Clone, Copy, Debug)]
pub struct AtDepth<C> {
    /// The chain.
    pub chain: C,
    /// The depth of the candidate.
    pub depth: u32,
}

impl<D: MessageDag + ?Sized, C: Chain<D>> Property<D> for AtDepth<C> {
    fn agrees(&self, dag: &D, message: MessageIndex) -> bool {
        self.chain.agreement(dag, message) >= self.depth
    }
}

/// A single candidate.
impl<D: MessageDag<Estimate = E>, E: Eq> Chain<D> for Equals<E> {
    fn depth(&self) -> u32 {
        1
    }

    fn agreement(&self, dag: &D, message: MessageIndex) -> u32 {
        u32::from(self.agrees(dag, message))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use cbc_message::{Bit, Header, Justification, Message, ValidatorId, ValidatorSet, Weight};

    use super::*;
    use crate::View;

    /// A view of 0, who says one, and 1, who says zero; and their messages.
    fn one_and_zero() -> (View<Bit>, [MessageIndex; 2]) {
        let validators = ValidatorSet::new([1, 1].map(Weight::new)).unwrap();
        let mut view = View::new(Arc::new(validators));
        for (sender, estimate) in [(0, Bit::One), (1, Bit::Zero)] {
            let header = Header {
                sender: ValidatorId::new(sender),
                sequence_number: 0,
                justification: Justification::default(),
                estimate,
            };
            view.insert(Message::new(header).unwrap()).unwrap();
        }
        (view, [0, 1].map(MessageIndex::new))
    }

    #[test]
    fn a_closure_is_the_property_that_it_tells() {
        let (view, messages) = one_and_zero();
        let is_one = |dag: &View<Bit>, message| *dag.estimate(message) == Bit::One;
        let property: &dyn Property<View<Bit>> = &is_one;
        assert_eq!(messages.map(|message| property.agrees(&view, message)), [true, false]);
    }

    #[test]
    fn a_single_candidate_is_as_deep_as_the_agreement_with_it() {
        let (view, messages) = one_and_zero();
        let chain: &dyn Chain<View<Bit>> = &Equals(Bit::One);
        assert_eq!(chain.depth(), 1);
        assert_eq!(messages.map(|message| chain.agreement(&view, message)), [1, 0]);
    }
}
