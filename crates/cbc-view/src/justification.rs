//! What the next message has to cite (semantics §1, §3).

use std::cmp::Reverse;

use cbc_message::{Citation, Justification, MessageHash, ValidatorId};

use crate::store::justification;
use crate::store::rows::{Citations, Code, Row};
use crate::{Equivocation, HashedDag, MessageIndex, View};

/// So many tips that it is less to enter all that is known than to join what they have seen.
const MANY: usize = 8;

impl<E> View<E> {
    /// What the next message made from this view has to cite: of what has been justified, what is
    /// in the past of nothing else (semantics §3).
    ///
    /// Of validators that are not known to equivocate, these are the tips; of the others, the
    /// proofs that the tips do not have in their past. O(V / 64), and O(1) for each citation; for
    /// each known equivocator also O(log V) for each citation that does not tell of it.
    pub fn justification(&self) -> Justification {
        let tips = self.perspective.tips(&self.store);
        let cited = self.reduced(tips, self.perspective.equivocations.iter().copied());
        let cited = cited.into_iter().map(|(validator, message)| (validator, self.hash(message)));
        justification(cited.collect())
    }

    /// What a message has to cite whose maker has seen this, and what that has in its past: of each
    /// validator its latest message, or two of one number. All must be justified here, and those of
    /// a validator be its own. O(n · cited · log V): for whoever has seen something else than this
    /// view.
    ///
    /// # Errors
    ///
    /// The first hash that is not that of a message which is justified here.
    pub fn justification_of(
        &self,
        seen: impl IntoIterator<Item = (ValidatorId, Citation)>,
    ) -> Result<Justification, MessageHash> {
        let (mut latest, mut proofs) = (Vec::new(), Vec::new());
        for (validator, citation) in seen {
            let mut hashes = citation.hashes().map(|hash| self.find(&hash).ok_or(hash));
            match (hashes.next().transpose()?, hashes.next().transpose()?) {
                (Some(one), Some(other)) => {
                    let messages = (one.min(other), one.max(other));
                    proofs.push(Equivocation { validator, messages });
                }
                (one, _) => latest.extend(one.map(|one| (validator, one))),
            }
        }
        let mut latest = self.without_past(latest);
        self.leave_out_implied(&mut latest);
        // None of these has a later one in its past.
        proofs.sort_unstable_by_key(|proof| proof.messages.1);
        let cited = self.reduced(latest, proofs.into_iter());
        let cited = cited.into_iter().map(|(validator, message)| (validator, self.hash(message)));
        Ok(justification(cited.collect()))
    }

    /// What the next message made from this view has seen: of each validator its latest message, or
    /// that it equivocated; and the view, which is lent with it. What
    /// [`justification`](Self::justification) will cite is found on the way. O(log V) for each
    /// message that came since it was asked last, or O(V) if they are many.
    pub fn panorama(&mut self) -> (&Self, Citations<'_>) {
        let Self { perspective, store, .. } = self;
        perspective.settle_tips(store);
        let tips = perspective.tips(store);
        store.rows.clear();
        let equivocators = perspective.proofs().map(|proof| (proof.validator, Code::EQUIVOCATED));
        let equivocators: Vec<(ValidatorId, Code)> = equivocators.collect();
        let (rows, seen): (Vec<Row>, Vec<(ValidatorId, Code)>) = if tips.len() <= MANY {
            let rows = tips.iter().map(|&(_, tip)| store.rows.row(tip)).collect();
            (rows, tips.iter().map(|&(sender, tip)| (sender, Code::latest(tip))).collect())
        } else {
            // From one of them, with all that is known entered at once.
            let newest = tips.iter().map(|&(_, tip)| tip).max();
            let all = perspective.latest.iter();
            let all = all.filter(|&(validator, _)| !perspective.is_equivocator(validator));
            let seen = all.map(|(validator, latest)| (validator, Code::latest(latest)));
            (newest.map(|newest| store.rows.row(newest)).into_iter().collect(), seen.collect())
        };
        let (mut row, _) = store.rows.join(&store.chains, rows.into_iter(), &seen);
        if !equivocators.is_empty() {
            (row, _) = store.rows.join(&store.chains, std::iter::once(row), &equivocators);
        }
        (self, self.store.rows.citations(row))
    }

    /// The messages to cite, in ascending order of their senders: `latest`, none of which is in the
    /// past of another, and of `proofs` what they do not have in their past. No proof has in its
    /// past what proves a later one.
    ///
    /// From the last proof to the first: each that is needed stays needed, since those that come
    /// after do not have it in their past. What they do have is left out in the end.
    fn reduced(
        &self,
        mut latest: Vec<(ValidatorId, MessageIndex)>,
        proofs: impl DoubleEndedIterator<Item = Equivocation>,
    ) -> Vec<(ValidatorId, MessageIndex)> {
        let before = latest.len();
        for Equivocation { validator, messages: (one, other) } in proofs.rev() {
            // Where either will do, the lesser hash.
            let is_first = self.hash(one) < self.hash(other);
            let (one, other) = if is_first { (one, other) } else { (other, one) };
            let is_implied = |message, cited: &[_]| self.is_implied(validator, message, cited);
            for message in [one, other] {
                if !is_implied(message, &latest) {
                    latest.push((validator, message));
                }
            }
        }
        if latest.len() > before {
            self.leave_out_implied(&mut latest);
        }
        latest.sort_unstable_by_key(|&(validator, message)| (validator, self.store.hash(message)));
        latest
    }

    /// Those that none of the others has in its past: of each, only what comes after it can.
    fn without_past(
        &self,
        mut latest: Vec<(ValidatorId, MessageIndex)>,
    ) -> Vec<(ValidatorId, MessageIndex)> {
        latest.sort_unstable_by_key(|&(_, message)| Reverse(message));
        let row = |message| self.store.rows.row(message);
        let mut kept: Vec<(ValidatorId, MessageIndex)> = Vec::new();
        for (validator, message) in latest {
            let has_seen = |other| self.store.has_seen(row(other), validator, message);
            if !kept.iter().any(|&(_, other)| has_seen(other)) {
                kept.push((validator, message));
            }
        }
        kept
    }

    /// Leaves out what the others imply, one after another.
    fn leave_out_implied(&self, cited: &mut Vec<(ValidatorId, MessageIndex)>) {
        let mut place = 0;
        while place < cited.len() {
            let (validator, message) = cited.swap_remove(place);
            if !self.is_implied(validator, message, cited) {
                // Back to where it was.
                cited.push((validator, message));
                let last = cited.len() - 1;
                cited.swap(place, last);
                place += 1;
            }
        }
    }

    /// Whether a citation of `message` says nothing new to who cites `others`.
    fn is_implied(
        &self,
        validator: ValidatorId,
        message: MessageIndex,
        others: &[(ValidatorId, MessageIndex)],
    ) -> bool {
        let store = &self.store;
        let others = others
            .iter()
            .map(|&(sender, other)| ((sender, Code::latest(other)), store.rows.row(other)));
        store.is_implied(validator, Code::latest(message), others)
    }
}
