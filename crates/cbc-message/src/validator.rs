//! Validators: who may speak, and how much each one's word weighs (semantics §1).

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

/// A validator: its index, from 0, into a [`ValidatorSet`].
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ValidatorId(u32);

impl ValidatorId {
    /// The validator at `index`.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The index as it is encoded.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The index, for tables that have an entry for each validator.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for ValidatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A weight: what a validator has at stake, or the sum over several validators.
///
/// Arithmetic is plain. It cannot overflow, because the total of a [`ValidatorSet`] is checked
/// when the set is built and every weight that arises is the sum over a part of one set.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Weight(u64);

impl Weight {
    /// No weight.
    pub const ZERO: Self = Self(0);

    /// A weight of `units`.
    pub const fn new(units: u64) -> Self {
        Self(units)
    }

    /// The number of units.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether this is no weight.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or `None` past `u64::MAX`.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or [`Weight::ZERO`] where `other` is the greater.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Add for Weight {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Weight {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Weight {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl SubAssign for Weight {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Sum for Weight {
    fn sum<I: Iterator<Item = Self>>(weights: I) -> Self {
        weights.fold(Self::ZERO, Add::add)
    }
}

/// The validators of a network and their weights. Fixed by configuration; never empty, and with a
/// total weight `W > 0` that fits a `u64`.
///
/// Serialized as the weights, in the order of the validators.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "Vec<Weight>")]
pub struct ValidatorSet {
    weights: Box<[Weight]>,
    total: Weight,
}

impl ValidatorSet {
    /// The set in which validator `i` weighs `weights[i]`.
    ///
    /// # Errors
    ///
    /// [`ValidatorSetError`] if the weights sum to zero (also: if there are none), do not fit a
    /// `u64`, or are more than `u32::MAX`.
    pub fn new(weights: impl IntoIterator<Item = Weight>) -> Result<Self, ValidatorSetError> {
        let weights: Box<[Weight]> = weights.into_iter().collect();
        if u32::try_from(weights.len()).is_err() {
            return Err(ValidatorSetError::TooMany { count: weights.len() });
        }
        let mut total = Weight::ZERO;
        for (index, &weight) in (0..).zip(&weights) {
            let validator = ValidatorId::new(index);
            total = total.checked_add(weight).ok_or(ValidatorSetError::Overflow { validator })?;
        }
        if total.is_zero() {
            return Err(ValidatorSetError::NoWeight { count: weights.len() });
        }
        Ok(Self { weights, total })
    }

    /// The number of validators.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Never: a set without validators cannot be built.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// The total weight `W`.
    pub fn total(&self) -> Weight {
        self.total
    }

    /// Whether `validator` is in the set (rule V1).
    pub fn contains(&self, validator: ValidatorId) -> bool {
        validator.index() < self.len()
    }

    /// What `validator` weighs; nothing, if it is a stranger.
    pub fn weight(&self, validator: ValidatorId) -> Weight {
        self.weights.get(validator.index()).copied().unwrap_or(Weight::ZERO)
    }

    /// What `validators`, each named once, weigh together.
    pub fn weight_of(&self, validators: impl IntoIterator<Item = ValidatorId>) -> Weight {
        validators.into_iter().map(|validator| self.weight(validator)).sum()
    }

    /// The validators, in ascending order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = ValidatorId> + DoubleEndedIterator + use<> {
        (0..self.weights.len() as u32).map(ValidatorId::new)
    }

    /// The weights, in the order of the validators.
    pub fn weights(&self) -> &[Weight] {
        &self.weights
    }
}

impl TryFrom<Vec<Weight>> for ValidatorSet {
    type Error = ValidatorSetError;

    fn try_from(weights: Vec<Weight>) -> Result<Self, ValidatorSetError> {
        Self::new(weights)
    }
}

impl Serialize for ValidatorSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.weights.serialize(serializer)
    }
}

/// As many as there are, and what they weigh.
impl fmt::Display for ValidatorSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} validators of total weight {}", self.len(), self.total)
    }
}

/// Why a [`ValidatorSet`] cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ValidatorSetError {
    /// The weights sum to zero, so no validator's word could ever count.
    #[error("the weights of {count} validators sum to zero: at least one must be positive")]
    NoWeight {
        /// How many validators there are.
        count: usize,
    },
    /// The total weight does not fit a `u64`.
    #[error("the total weight exceeds {} at validator {validator}", u64::MAX)]
    Overflow {
        /// The first validator at which the running total does not fit.
        validator: ValidatorId,
    },
    /// There are more validators than ids.
    #[error("{count} validators, but at most {} have an id", u32::MAX)]
    TooMany {
        /// How many validators were given.
        count: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(weights: &[u64]) -> Result<ValidatorSet, ValidatorSetError> {
        ValidatorSet::new(weights.iter().copied().map(Weight::new))
    }

    #[test]
    fn a_total_of_exactly_u64_max_fits() {
        assert_eq!(set(&[u64::MAX - 1, 1]).unwrap().total(), Weight::new(u64::MAX));
    }

    #[test]
    fn a_total_past_u64_max_names_the_validator_that_overflows_it() {
        let error = set(&[u64::MAX, 0, 1]).unwrap_err();
        assert_eq!(error, ValidatorSetError::Overflow { validator: ValidatorId::new(2) });
    }

    #[test]
    fn a_set_without_weight_is_refused() {
        assert_eq!(set(&[]).unwrap_err(), ValidatorSetError::NoWeight { count: 0 });
        assert_eq!(set(&[0, 0]).unwrap_err(), ValidatorSetError::NoWeight { count: 2 });
    }

    #[test]
    fn a_stranger_weighs_nothing() {
        let set = set(&[3, 4]).unwrap();
        assert!(!set.contains(ValidatorId::new(2)));
        assert_eq!(set.weight(ValidatorId::new(2)), Weight::ZERO);
        assert_eq!(set.weight_of(set.ids()), set.total());
    }
}
