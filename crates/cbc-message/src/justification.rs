//! Justifications: what the sender of a message had seen (semantics §1, §3).

use std::iter;

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use crate::{MessageHash, ValidatorId};

/// What a message says of one validator: its latest message, or the proof that it equivocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Citation {
    /// The validator's latest message.
    Latest(MessageHash),
    /// Two messages of the validator that prove it equivocated (rule V8).
    Equivocation(EquivocationProof),
}

impl Citation {
    /// The hashes cited: one, or the two of a proof in ascending order.
    pub fn hashes(&self) -> impl Iterator<Item = MessageHash> + use<> {
        let (first, second) = match *self {
            Self::Latest(hash) => (hash, None),
            Self::Equivocation(proof) => (proof.lesser(), Some(proof.greater())),
        };
        iter::once(first).chain(second)
    }
}

/// Two different hashes, kept in ascending order so that a proof has one encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(MessageHash, MessageHash)", into = "(MessageHash, MessageHash)")]
pub struct EquivocationProof {
    lesser: MessageHash,
    greater: MessageHash,
}

impl EquivocationProof {
    /// The proof by `one` and `other`, in either order; `None` if they are the same.
    pub fn new(one: MessageHash, other: MessageHash) -> Option<Self> {
        let (lesser, greater) = (one.min(other), one.max(other));
        (lesser < greater).then_some(Self { lesser, greater })
    }

    /// The lesser of the two hashes.
    pub fn lesser(&self) -> MessageHash {
        self.lesser
    }

    /// The greater of the two hashes.
    pub fn greater(&self) -> MessageHash {
        self.greater
    }
}

impl TryFrom<(MessageHash, MessageHash)> for EquivocationProof {
    type Error = &'static str;

    fn try_from((lesser, greater): (MessageHash, MessageHash)) -> Result<Self, Self::Error> {
        if lesser < greater {
            Ok(Self { lesser, greater })
        } else {
            Err("the two hashes of an equivocation proof are not in strictly ascending order")
        }
    }
}

impl From<EquivocationProof> for (MessageHash, MessageHash) {
    fn from(proof: EquivocationProof) -> Self {
        (proof.lesser, proof.greater)
    }
}

/// Citations in strictly ascending order of the validators cited, one for each: the order and the
/// uniqueness of rule V2 hold by construction, also for a decoded justification.
///
/// Takes 36 bytes a citation, and 36 more for each that is a proof: nearly all citations are of
/// latest messages, so the second hashes of proofs stand apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "Vec<(ValidatorId, Citation)>")]
pub struct Justification {
    /// For each citation its validator, and the latest message or the lesser hash of the proof.
    firsts: Vec<(ValidatorId, MessageHash)>,
    /// For each proof its position in `firsts`, ascending, and its greater hash.
    seconds: Vec<(u32, MessageHash)>,
}

impl Justification {
    /// The justification of a message whose sender had seen nothing.
    pub const EMPTY: Self = Self { firsts: Vec::new(), seconds: Vec::new() };

    /// The justification with these citations, given in any order. O(n log n).
    ///
    /// # Errors
    ///
    /// [`JustificationError`] if a validator is cited twice.
    pub fn new(mut citations: Vec<(ValidatorId, Citation)>) -> Result<Self, JustificationError> {
        citations.sort_by_key(|&(validator, _)| validator);
        Self::from_ascending(citations)
    }

    /// The justification with these citations, which must be in strictly ascending order. O(n).
    ///
    /// # Errors
    ///
    /// [`JustificationError`] if they are not.
    pub fn from_ascending(
        citations: Vec<(ValidatorId, Citation)>,
    ) -> Result<Self, JustificationError> {
        let mut justification = Self::with_capacity(citations.len());
        for (validator, citation) in citations {
            justification.push(validator, citation)?;
        }
        Ok(justification)
    }

    /// An empty justification with room for `citations`, proofs not counted.
    pub(crate) fn with_capacity(citations: usize) -> Self {
        Self { firsts: Vec::with_capacity(citations), seconds: Vec::new() }
    }

    /// Adds a citation for a validator past all those cited. Amortized O(1).
    ///
    /// # Errors
    ///
    /// [`JustificationError`] if it is not past them; then nothing is added.
    pub(crate) fn push(
        &mut self,
        validator: ValidatorId,
        citation: Citation,
    ) -> Result<(), JustificationError> {
        let position = self.firsts.len();
        if let Some(&(before, _)) = self.firsts.last()
            && before >= validator
        {
            return Err(JustificationError { position, before, validator });
        }
        let first = match citation {
            Citation::Latest(hash) => hash,
            Citation::Equivocation(EquivocationProof { lesser, greater }) => {
                // Fits: ascending validators are no more than there are u32.
                self.seconds.push((position as u32, greater));
                lesser
            }
        };
        self.firsts.push((validator, first));
        Ok(())
    }

    /// The number of validators cited.
    pub fn len(&self) -> usize {
        self.firsts.len()
    }

    /// Whether nobody is cited.
    pub fn is_empty(&self) -> bool {
        self.firsts.is_empty()
    }

    /// How many of the citations are proofs of equivocation.
    pub fn proofs(&self) -> usize {
        self.seconds.len()
    }

    /// What is cited for `validator`. O(log n).
    pub fn get(&self, validator: ValidatorId) -> Option<Citation> {
        let position = self.firsts.binary_search_by_key(&validator, |&(v, _)| v).ok()?;
        self.firsts.get(position).map(|&(_, first)| self.citation(position, first))
    }

    /// The citations, in ascending order of the validators. Each costs O(1), and O(log p) where
    /// p > 0 of them are proofs.
    pub fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = (ValidatorId, Citation)> + DoubleEndedIterator {
        let citations = self.firsts.iter().enumerate();
        citations.map(|(position, &(validator, first))| (validator, self.citation(position, first)))
    }

    /// Every hash cited, in the order of the citations.
    pub fn hashes(&self) -> impl Iterator<Item = MessageHash> + '_ {
        let firsts = self.firsts.iter().enumerate();
        firsts.flat_map(|(position, &(_, first))| iter::once(first).chain(self.second(position)))
    }

    /// The citation at `position`, whose first hash is `first`.
    fn citation(&self, position: usize, first: MessageHash) -> Citation {
        match self.second(position) {
            None => Citation::Latest(first),
            Some(greater) => Citation::Equivocation(EquivocationProof { lesser: first, greater }),
        }
    }

    /// The greater hash, if the citation at `position` is a proof.
    fn second(&self, position: usize) -> Option<MessageHash> {
        let found = self.seconds.binary_search_by_key(&position, |&(p, _)| p as usize).ok()?;
        self.seconds.get(found).map(|&(_, greater)| greater)
    }
}

impl TryFrom<Vec<(ValidatorId, Citation)>> for Justification {
    type Error = JustificationError;

    fn try_from(citations: Vec<(ValidatorId, Citation)>) -> Result<Self, JustificationError> {
        Self::from_ascending(citations)
    }
}

/// As the sequence of pairs that it is read from.
impl Serialize for Justification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// Citations that are not in strictly ascending order of the validators (rule V2).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "citation {position} is for validator {validator}, after one for validator {before}: \
     expected strictly ascending validators, one citation each"
)]
pub struct JustificationError {
    /// The position, from 0, of the citation that is out of order.
    pub position: usize,
    /// The validator cited before it.
    pub before: ValidatorId,
    /// The validator it cites.
    pub validator: ValidatorId,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latest(validator: u32, byte: u8) -> (ValidatorId, Citation) {
        (ValidatorId::new(validator), Citation::Latest(MessageHash::from_bytes([byte; 32])))
    }

    #[test]
    fn v2_citations_given_in_any_order_are_sorted() {
        let justification = Justification::new(vec![latest(7, 1), latest(2, 2)]).unwrap();
        let order: Vec<u32> = justification.iter().map(|(v, _)| v.get()).collect();
        assert_eq!(order, [2, 7]);
        assert_eq!(justification.get(ValidatorId::new(7)), Some(latest(7, 1).1));
        assert_eq!(justification.get(ValidatorId::new(3)), None);
    }

    #[test]
    fn v2_a_validator_cited_twice_is_refused() {
        let error = Justification::new(vec![latest(2, 1), latest(2, 2)]).unwrap_err();
        assert_eq!(error.position, 1);
        assert_eq!((error.before, error.validator), (ValidatorId::new(2), ValidatorId::new(2)));
    }

    #[test]
    fn v2_descending_citations_are_refused_as_they_stand() {
        assert!(Justification::from_ascending(vec![latest(3, 1), latest(2, 2)]).is_err());
    }

    #[test]
    fn v8_a_proof_has_two_different_hashes_in_one_order() {
        let [one, two] = [1, 2].map(|byte| MessageHash::from_bytes([byte; 32]));
        assert_eq!(EquivocationProof::new(one, one), None);
        assert_eq!(EquivocationProof::new(two, one), EquivocationProof::new(one, two));
        assert!(EquivocationProof::try_from((two, one)).is_err());
    }
}
