//! From the hashes that a justification cites to the messages of a view (semantics §1, §2).

use cbc_message::{Citation, Justification, MessageHash, ValidatorId};

use crate::perspective::Perspective;
use crate::store::panorama::Draft;
use crate::{Admission, HashedDag, Invalid, MessageIndex, Seen, View};

impl<E> View<E> {
    /// What a message that is held cites and this observer has not justified.
    pub(crate) fn missing_citations(&self, held: MessageIndex) -> Vec<MessageHash> {
        let has_dropped = self.perspective.has_justified_dropped(&self.store);
        if has_dropped && held.index() <= self.perspective.justified.whole() {
            return Vec::new();
        }
        let row = self.citations(held);
        let mut missing = Vec::new();
        for (validator, code) in row.all_codes() {
            let is_here = match row.seen(code) {
                Seen::Dropped => has_dropped,
                seen => seen.messages().all(|cited| self.is_justified(cited)),
            };
            if !is_here {
                let cited = self.store.cited_for(row, validator);
                let hashes = cited.into_iter().flat_map(|cited| cited.hashes());
                missing.extend(hashes.filter(|hash| self.find(hash).is_none()));
            }
        }
        missing
    }

    /// The first message that `held` cites and that is not justified here, of those it cites for the
    /// validators from this number on, and for whom it cites it. Of the dropped, all is justified.
    pub(crate) fn next_missing(
        &self,
        held: MessageIndex,
        from: u32,
    ) -> Option<(MessageIndex, u32)> {
        let justified = &self.perspective.justified;
        if held.index() <= justified.whole() {
            return None;
        }
        let is_missing =
            |&message: &MessageIndex| !justified.contains(message) && !self.store.is_stub(message);
        let row = self.citations(held);
        row.codes_from(from).find_map(|(validator, code)| {
            let missing = match code.as_latest() {
                Some(message) => Some(message).filter(is_missing),
                None => row.seen(code).messages().find(is_missing),
            };
            Some((missing?, validator.get()))
        })
    }

    /// The justified message with this hash, which is cited for `validator`.
    fn find_cited(&self, validator: ValidatorId, hash: &MessageHash) -> Option<MessageIndex> {
        let Perspective { latest, latest_hashes, .. } = &*self.perspective;
        if let Some(latest) = latest[validator.index()] {
            if latest_hashes[validator.index()] == *hash {
                return Some(latest);
            }
            let before = self.store.previous(latest);
            if let Some(before) = before.filter(|&before| self.store.hash(before) == hash) {
                return Some(before);
            }
        }
        self.find(hash)
    }
}

impl<E: Clone> View<E> {
    /// Resolves a justification into the draft; answers the hashes that are not justified here.
    ///
    /// Most citations are of latest messages, or of the one before: these are found by comparing
    /// hashes, and only the others are looked up.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if a proof, of which not all is held any more, is none.
    pub(crate) fn resolve<A: Admission<E>>(
        &mut self,
        justification: &Justification,
        admission: &mut A,
    ) -> Result<Vec<MessageHash>, Invalid> {
        let mut draft = std::mem::take(&mut self.draft);
        draft.clear(&self.store.panoramas);
        let resolved = self.resolve_into(&mut draft, justification, admission);
        self.draft = draft;
        resolved
    }

    fn resolve_into<A: Admission<E>>(
        &mut self,
        draft: &mut Draft,
        justification: &Justification,
        admission: &mut A,
    ) -> Result<Vec<MessageHash>, Invalid> {
        let (mut missing, mut dropped_proofs) = (Vec::new(), Vec::new());
        for (validator, citation) in justification.iter() {
            match citation {
                Citation::Latest(hash) => match self.find_cited(validator, &hash) {
                    Some(message) if self.store.is_stub(message) => {
                        let dropped = self.store.dropped(message);
                        draft.cite_dropped(validator, dropped, &self.store.panoramas);
                    }
                    Some(message) => draft.cite(validator, message),
                    None => match self.find_dropped(&hash, admission.archive()) {
                        Some(it) => draft.cite_dropped(validator, it, &self.store.panoramas),
                        None => missing.push(hash),
                    },
                },
                Citation::Equivocation(proof) => {
                    let hashes = [proof.lesser(), proof.greater()];
                    match hashes.map(|hash| self.find_cited(validator, &hash).ok_or(hash)) {
                        [Ok(one), Ok(other)] => {
                            let proof = (one.min(other), one.max(other));
                            draft.cite_proof(validator, proof, &self.store.panoramas);
                        }
                        found => match self.find_proof(found, admission.archive()) {
                            Ok(proof) => dropped_proofs.push((validator, proof)),
                            Err(hashes) => missing.extend(hashes),
                        },
                    }
                }
            }
        }
        if missing.is_empty() {
            for (validator, proof) in dropped_proofs {
                let (one, other) = self.recall_proof(validator, proof, admission)?;
                let proof = (one.min(other), one.max(other));
                draft.cite_proof(validator, proof, &self.store.panoramas);
            }
        }
        Ok(missing)
    }
}
