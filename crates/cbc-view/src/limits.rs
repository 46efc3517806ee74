//! How much of what nobody asked for a view keeps.

/// Limits on the memory that a single validator can make a view spend.
///
/// A view keeps all valid messages of validators that are not known to equivocate: each of these
/// is a single chain, every message of which its maker had to make after the last. Two things cost
/// an attacker nothing and are therefore limited. Whatever a limit keeps out is not invalid: it
/// may be sent again, and is taken in once it is wanted.
///
/// An honest validator never cites a message of a validator that it knows to equivocate, other
/// than in a proof. But others, who do not know, may have built on such messages, and theirs
/// cannot be justified without. So a message of an equivocator is *wanted* while a pending message
/// of somebody else, who is not known to equivocate, waits for it, directly or through other
/// pending messages; and a view takes in any that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many messages of one sender may be pending at a time. Messages that arrive after all
    /// they cite are never pending, so that a full quota of garbage delays its sender and nobody
    /// else.
    pub pending_per_sender: usize,
    /// How many messages of one validator become justified after it is known to equivocate and
    /// without being wanted.
    pub unwanted_per_equivocator: usize,
}

impl Limits {
    /// No limits: for views that only take in what their owner made, as simulations do.
    pub const NONE: Self =
        Self { pending_per_sender: usize::MAX, unwanted_per_equivocator: usize::MAX };
}

impl Default for Limits {
    /// 65 536 pending messages a sender, and 1024 unwanted ones an equivocator.
    ///
    /// What an equivocator made between two messages of an honest validator that still follows it
    /// has to fit into the two together; else a view that knows of the equivocation cannot follow
    /// that honest validator.
    fn default() -> Self {
        Self { pending_per_sender: 1 << 16, unwanted_per_equivocator: 1 << 10 }
    }
}
