//! From the hashes that a justification carries to the messages of a view (semantics §1, §2).

use cbc_message::{Justification, MessageHash, ValidatorId};

use crate::store::rows::{Code, Row, Rows};
use crate::{Admission, HashedDag, MessageIndex, View};

/// What a message cites that is being received, resolved; and what it has seen, once that is known.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// For each hash, in their order, the validator that it is cited for, and the message.
    pub(crate) cited: Vec<(ValidatorId, Code)>,
    /// The row of each, but of those that the view does not know.
    pub(crate) rows: Vec<Row>,
    /// Of the messages that were dropped, those whose row nobody has who was asked.
    pub(crate) needs: Vec<MessageHash>,
    /// What the message has seen.
    pub(crate) row: Row,
}

impl Default for Draft {
    fn default() -> Self {
        let (cited, rows, needs) = Default::default();
        Self { cited, rows, needs, row: Rows::EMPTY }
    }
}

impl Draft {
    fn clear(&mut self) {
        self.cited.clear();
        self.rows.clear();
        self.needs.clear();
    }
}

impl<E> View<E> {
    /// What a message that is held cites and this observer has not justified, if that is not held,
    /// either.
    pub(crate) fn missing_citations(&self, held: MessageIndex) -> Vec<MessageHash> {
        let has_dropped = self.perspective.has_justified_dropped(&self.store);
        if has_dropped && held.index() <= self.perspective.justified.whole() {
            return Vec::new();
        }
        let cited = self.store.cited(held).iter();
        let missing = cited.filter(|code| match code.as_latest() {
            Some(message) => !self.is_justified(message),
            None => !has_dropped,
        });
        missing.filter_map(|&code| Some(self.store.standing(code)?.hash)).collect()
    }

    /// The first message that `held` cites and that is not justified here, of those from this place
    /// among its citations on, and its place. Of the dropped, all is justified.
    pub(crate) fn next_missing(
        &self,
        held: MessageIndex,
        from: u32,
    ) -> Option<(MessageIndex, u32)> {
        let justified = &self.perspective.justified;
        if held.index() <= justified.whole() {
            return None;
        }
        let cited = (0..).zip(self.store.cited(held)).skip(from as usize);
        let mut held = cited.filter_map(|(place, code)| Some((code.as_latest()?, place)));
        held.find(|(message, _)| !justified.contains(*message))
    }

    /// The justified message with this hash, which is cited for `validator`: most citations are of
    /// latest messages, or of the one before.
    fn find_cited(&self, validator: ValidatorId, hash: &MessageHash) -> Option<MessageIndex> {
        let is_it = |message: &MessageIndex| self.store.hash(*message) == hash;
        let latest = self.perspective.latest.get(validator);
        let before = || latest.and_then(|latest| self.store.previous(latest));
        latest.filter(is_it).or_else(|| before().filter(is_it)).or_else(|| self.find(hash))
    }
}

impl<E: Clone> View<E> {
    /// Resolves a justification into the draft; answers the hashes that are not justified here.
    pub(crate) fn resolve<A: Admission<E>>(
        &mut self,
        justification: &Justification,
        admission: &A,
    ) -> Vec<MessageHash> {
        let mut draft = std::mem::take(&mut self.draft);
        draft.clear();
        self.store.rows.clear();
        let mut missing = Vec::new();
        for &(validator, hash) in justification.cited() {
            if let Some(message) = self.find_cited(validator, &hash) {
                draft.cited.push((validator, Code::latest(message)));
                draft.rows.push(self.store.rows.row(message));
                continue;
            }
            match self.find_dropped(&hash, admission.archive()) {
                Some((dropped, archived)) => {
                    draft.cited.push((validator, self.store.code_of_dropped(dropped)));
                    match archived {
                        Some(archived) => draft.rows.push(self.store.row_of(&archived)),
                        None => draft.needs.push(hash),
                    }
                }
                None => missing.push(hash),
            }
        }
        self.draft = draft;
        missing
    }
}
