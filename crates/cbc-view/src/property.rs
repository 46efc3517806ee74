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
