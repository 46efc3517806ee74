//! What becomes of what an observer finalizes (semantics §6).

use std::fmt::Debug;

use cbc_message::Weight;
use cbc_oracle::Safety;
use thiserror::Error;

/// A value that was found safe: while equivocators beyond those known then weigh no more than its
/// safety says, the estimate of every view that contains this one agrees with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finalized<V> {
    /// The value.
    pub value: V,
    /// What the oracle answered when it was finalized.
    pub safety: Safety,
}

/// What an observer has finalized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing<V> {
    /// The last finalized value of each chain and its safety: most protocols have one chain.
    pub finalized: Vec<Finalized<V>>,
    /// Whether the fork choice from the genesis had left it when this was last looked at: see
    /// [`Observer::is_overturned`](crate::Observer::is_overturned).
    pub is_overturned: bool,
}

impl<V> Default for Standing<V> {
    fn default() -> Self {
        Self { finalized: Vec::new(), is_overturned: false }
    }
}

/// What an observer finds when it looks for what is final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finality<V> {
    /// More is final than before: of each chain of which it is, what.
    Advanced(Vec<Advance<V>>),
    /// What was final is, and nothing more.
    Unchanged,
    /// The estimate conflicts with what is final, and nothing that conflicts with it is safe: more
    /// validators have equivocated than it tolerated.
    Overturned,
    /// Votes for what was dropped weigh so much that they may have overturned what is final, and
    /// there is no archive to tell.
    Untold,
}

/// What is newly final of one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance<V> {
    /// How many candidates of the chain were final before.
    pub above: u32,
    /// The deepest that is final now, and its safety. Those before it tolerate no less. All that are
    /// new: [`Observer::newly_final`](crate::Observer::newly_final).
    pub finalized: Finalized<V>,
}

impl<V> Finality<V> {
    /// What is newly final, if anything is; of the first chain, if several are.
    pub fn advanced(self) -> Option<Finalized<V>> {
        match self {
            Self::Advanced(advances) => Some(advances.into_iter().next()?.finalized),
            Self::Unchanged | Self::Overturned | Self::Untold => None,
        }
    }
}

/// Two values were found safe that cannot both be decided: validators of more weight have
/// equivocated than the first one tolerated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{conflicting:?} is safe, and conflicts with {finalized:?}, which is finalized: \
     validators of weight {observed_fault_weight} are known to have equivocated"
)]
pub struct FinalityConflict<V: Debug> {
    /// The value that is finalized, and stays so.
    pub finalized: V,
    /// The value that conflicts with it.
    pub conflicting: V,
    /// The weight of the validators that the view can prove to have equivocated.
    pub observed_fault_weight: Weight,
}
