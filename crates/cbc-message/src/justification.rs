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
/// It is written *reduced*: without the citations that the others imply (semantics §1). What it
/// stands for, each validator's latest message or that it equivocated, only a view can tell, which
/// has what is cited.
///
/// Takes 36 bytes a hash: a proof is two for one validator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "Vec<(ValidatorId, Citation)>")]
pub struct Justification {
    /// In strictly ascending order, at most two for one validator.
    cited: Vec<(ValidatorId, MessageHash)>,
}

impl Justification {
    /// The justification of a message whose sender had seen nothing.
    pub const EMPTY: Self = Self { cited: Vec::new() };

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
        let mut cited = Vec::with_capacity(citations.len());
        let mut last = None;
        for (position, (validator, citation)) in citations.into_iter().enumerate() {
            if let Some(before) = last.filter(|&before| before >= validator) {
                return Err(JustificationError { position, before, validator });
            }
            last = Some(validator);
            cited.extend(citation.hashes().map(|hash| (validator, hash)));
        }
        Ok(Self { cited })
    }

    /// The justification that cites these hashes, each for a validator, which must be in strictly
    /// ascending order, at most two for one validator: as they are encoded.
    pub(crate) fn from_encoded(cited: Vec<(ValidatorId, MessageHash)>) -> Self {
        debug_assert!(cited.is_sorted_by(|one, next| one < next));
        Self { cited }
    }

    /// The number of validators cited. O(n).
    pub fn len(&self) -> usize {
        self.cited.len() - self.proofs()
    }

    /// Whether nobody is cited.
    pub fn is_empty(&self) -> bool {
        self.cited.is_empty()
    }

    /// How many of the citations are proofs of equivocation. O(n).
    pub fn proofs(&self) -> usize {
        self.cited.windows(2).filter(|pair| pair[0].0 == pair[1].0).count()
    }

    /// What is cited for `validator`. O(log n).
    pub fn get(&self, validator: ValidatorId) -> Option<Citation> {
        let position = self.cited.partition_point(|&(cited, _)| cited < validator);
        let citation = Self::first_of(&self.cited[position..])?;
        (self.cited[position].0 == validator).then_some(citation)
    }

    /// The citations, in ascending order of the validators.
    pub fn iter(&self) -> impl Iterator<Item = (ValidatorId, Citation)> {
        let of_each = self.cited.chunk_by(|one, next| one.0 == next.0);
        of_each.filter_map(|cited| Some((cited.first()?.0, Self::first_of(cited)?)))
    }

    /// Every hash cited, in ascending order of the validators, and of the hashes for one.
    pub fn hashes(&self) -> impl DoubleEndedIterator<Item = MessageHash> + '_ {
        self.cited().iter().map(|&(_, hash)| hash)
    }

    /// Every hash cited, with the validator that it is cited for, in ascending order: two of the
    /// same validator are a proof.
    pub fn cited(&self) -> &[(ValidatorId, MessageHash)] {
        &self.cited
    }

    /// The first citation.
    fn first_of(cited: &[(ValidatorId, MessageHash)]) -> Option<Citation> {
        match *cited {
            [(one, lesser), (other, greater), ..] if one == other => {
                Some(Citation::Equivocation(EquivocationProof { lesser, greater }))
            }
            [(_, hash), ..] => Some(Citation::Latest(hash)),
            [] => None,
        }
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
