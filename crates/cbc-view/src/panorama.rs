//! Resolved justifications: what each message cites for each validator, by index.

use cbc_message::ValidatorId;

use crate::{MessageIndex, Seen};

/// A justification resolved within one view: in strictly ascending order of the validators, one
/// entry for each validator cited, none of them [`Seen::Nothing`].
pub type Citations = [(ValidatorId, Seen)];

/// The resolved justification of every message, one after another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Panoramas {
    entries: Vec<(ValidatorId, Seen)>,
    /// Where each message's entries end.
    ends: Vec<usize>,
}

impl Panoramas {
    /// Keeps the resolved justification of the next message.
    pub(crate) fn push(&mut self, citations: &Citations) {
        self.entries.extend_from_slice(citations);
        self.ends.push(self.entries.len());
    }

    /// The resolved justification of `message`.
    pub(crate) fn of(&self, message: MessageIndex) -> &Citations {
        let start = message.index().checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.entries[start..self.ends[message.index()]]
    }

    /// What `message` cites for `validator`. O(1) where it cites all validators before that one,
    /// O(log V) at worst.
    pub(crate) fn seen(&self, message: MessageIndex, validator: ValidatorId) -> Seen {
        let citations = self.of(message);
        // Ascending, distinct validators: the entry stands at its own number, or before it.
        match citations.get(validator.index()) {
            Some(&(cited, seen)) if cited == validator => seen,
            _ => {
                let before = &citations[..citations.len().min(validator.index())];
                before
                    .binary_search_by_key(&validator, |&(cited, _)| cited)
                    .map_or(Seen::Nothing, |position| before[position].1)
            }
        }
    }
}
