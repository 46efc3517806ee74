//! What an oracle answers (semantics §6).

use cbc_message::{ValidatorId, ValidatorSet, Weight};

/// Validators that hold a candidate together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Quorum {
    /// The validators, in ascending order.
    pub members: Vec<ValidatorId>,
    /// What they weigh together.
    pub weight: Weight,
}

impl Quorum {
    /// The quorum of these validators, each named once, in any order.
    pub fn new(mut members: Vec<ValidatorId>, validators: &ValidatorSet) -> Self {
        members.sort_unstable();
        let weight = validators.weight_of(members.iter().copied());
        Self { members, weight }
    }
}

/// How safe a candidate is, as far as an oracle could find.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Safety {
    /// `max(0, 2q − W)`: by how much a quorum of strength q outweighs everybody else. The proof of
    /// concept calls this the fault tolerance; it is about twice that.
    pub margin: Weight,
    /// A weight t such that, while equivocators beyond those this view has proof of weigh ≤ t, the
    /// estimate of every view that contains this one agrees with the candidate and no honest member
    /// of the quorum ever disagrees; a validator that has seen less may still validly disagree. It
    /// is the greatest for which the quorum shows that, and so no more than the candidate's fault
    /// tolerance, which is the greatest there is (semantics §1). `None` if no quorum was found: as
    /// far as the oracle can tell, the candidate may change without any equivocation.
    pub fault_tolerance: Option<Weight>,
    /// The greatest number k such that no k members of the quorum weigh more than the fault
    /// tolerance: any k of them may equivocate.
    pub faults: usize,
    /// The quorum found.
    pub quorum: Quorum,
    /// Whether the search was exact: the quorum is the best of the oracle's kind. If not, it is the
    /// best that was found, or, from the clique oracle, of another kind that is no worse.
    pub exact: bool,
    /// No quorum of the oracle's kind gives a fault tolerance above this; the fault tolerance
    /// itself, if the search was exact, and never less.
    pub bound: Option<Weight>,
}

impl Safety {
    /// There is no quorum: the candidate is not safe.
    pub fn none() -> Self {
        Self {
            margin: Weight::ZERO,
            fault_tolerance: None,
            faults: 0,
            quorum: Quorum::default(),
            exact: true,
            bound: None,
        }
    }

    /// What a quorum tolerates each of whose members has seen all of them agree. The quorum's
    /// weight is its strength: see [`Safety::of_strength`].
    pub fn of_quorum(quorum: Quorum, validators: &ValidatorSet) -> Self {
        Self::of_strength(quorum.weight, quorum, validators)
    }

    /// What a quorum tolerates each of whose members has seen, once, members of weight q (the
    /// `strength`) agree, itself among them, and nothing of these since that disagrees:
    /// equivocators weighing `⌈q − W/2⌉ − 1`, if 2q > W, and W is the total (semantics §6).
    ///
    /// Say equivocators weigh t, and take the first honest member to turn away. Of the members that
    /// it had seen agree, those that are honest agree still, as far as it can have seen: they have
    /// not turned. So at least q − t of what it had seen agrees, and at most W − (q − t) does not.
    /// Since estimates are majority driven, it turns only if q − t ≤ W − (q − t), that is if
    /// t ≥ q − W/2. And while t is less, its honest members weigh more than half of the total: so
    /// the estimate of every view that has what this one has agrees, too.
    pub fn of_strength(strength: Weight, quorum: Quorum, validators: &ValidatorSet) -> Self {
        let margin = margin(strength, validators);
        let fault_tolerance = tolerance(margin);
        let weights = quorum.members.iter().map(|&member| validators.weight(member));
        let faults = fault_tolerance.map_or(0, |tolerated| faults(weights.collect(), tolerated));
        Self { margin, fault_tolerance, faults, quorum, exact: true, bound: fault_tolerance }
    }

    /// This answer, of a search that stopped early and left open only that there is a quorum of
    /// strength `most`. If that is no more than was found, the search was exact after all.
    #[must_use]
    pub fn with_strength_at_most(self, most: Weight, validators: &ValidatorSet) -> Self {
        let bound = tolerance(margin(most, validators)).max(self.fault_tolerance);
        Self { exact: most <= self.quorum.weight, bound, ..self }
    }

    /// The greatest strength of a quorum that does not tolerate equivocators of weight `threshold`:
    /// q with `⌈q − W/2⌉ − 1 < threshold`; no more than W.
    pub(crate) fn greatest_strength_below(threshold: Weight, validators: &ValidatorSet) -> Weight {
        let total = validators.total().get();
        // 2q ≤ W + 2·threshold.
        let strength = (u128::from(total) + 2 * u128::from(threshold.get())) / 2;
        Weight::new(u64::try_from(strength).map_or(total, |strength| strength.min(total)))
    }

    /// Whether equivocators of weight `threshold` are tolerated. With threshold 0: whether the
    /// candidate is safe at all.
    pub fn reaches(&self, threshold: Weight) -> bool {
        self.fault_tolerance.is_some_and(|tolerance| tolerance >= threshold)
    }
}

/// `max(0, 2q − W)`, without passing `u64::MAX` on the way.
fn margin(strength: Weight, validators: &ValidatorSet) -> Weight {
    strength.saturating_sub(validators.total() - strength)
}

/// `⌈margin / 2⌉ − 1`, unless the margin is 0.
fn tolerance(margin: Weight) -> Option<Weight> {
    margin.get().checked_sub(1).map(|spare| Weight::new(spare / 2))
}

/// The greatest k such that no k of `weights` sum to more than `tolerated`.
pub fn faults(mut weights: Vec<Weight>, tolerated: Weight) -> usize {
    weights.sort_unstable_by(|one, other| other.cmp(one));
    let mut sum = Weight::ZERO;
    let heaviest_fit = |&&weight: &&Weight| {
        sum += weight;
        sum <= tolerated
    };
    weights.iter().take_while(heaviest_fit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safety(weights: &[u64], members: &[u32]) -> Safety {
        let validators = ValidatorSet::new(weights.iter().copied().map(Weight::new)).unwrap();
        let members = members.iter().copied().map(ValidatorId::new).collect();
        Safety::of_quorum(Quorum::new(members, &validators), &validators)
    }

    #[test]
    fn the_clique_of_eight_tolerates_half_its_margin() {
        let weights = [1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1500];
        let safety = safety(&weights, &[0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(safety.quorum.weight, Weight::new(8028));
        assert_eq!(safety.margin, Weight::new(6528));
        assert_eq!(safety.fault_tolerance, Some(Weight::new(3263)));
        assert_eq!(safety.faults, 3);
    }

    #[test]
    fn half_of_the_weight_is_not_safe_and_one_more_unit_is() {
        assert_eq!(safety(&[2, 2], &[0]).fault_tolerance, None);
        assert!(!safety(&[2, 2], &[0]).reaches(Weight::ZERO));
        let barely = safety(&[3, 2], &[0]);
        assert_eq!((barely.margin, barely.fault_tolerance), (Weight::new(1), Some(Weight::ZERO)));
        assert!(barely.reaches(Weight::ZERO) && !barely.reaches(Weight::new(1)));
    }

    #[test]
    fn the_tolerance_is_the_greatest_integer_below_q_minus_half_of_the_total() {
        for total in 1..40u64 {
            for q in 0..=total {
                let tolerance = safety(&[q, total - q], &[0]).fault_tolerance;
                let below = (0..total).filter(|t| 2 * t < (2 * q).saturating_sub(total)).max();
                assert_eq!(tolerance.map(Weight::get), below, "q = {q}, W = {total}");
            }
        }
    }

    #[test]
    fn a_quorum_reaches_a_threshold_exactly_if_it_is_stronger_than_the_strongest_that_does_not() {
        for total in 1..40u64 {
            for (q, threshold) in (0..=total).flat_map(|q| (0..30).map(move |t| (q, t))) {
                let validators = ValidatorSet::new([q, total - q].map(Weight::new)).unwrap();
                let threshold = Weight::new(threshold);
                let below = Safety::greatest_strength_below(threshold, &validators);
                let reaches = safety(&[q, total - q], &[0]).reaches(threshold);
                assert_eq!(reaches, Weight::new(q) > below, "q = {q}, W = {total}, {threshold}");
            }
        }
    }

    #[test]
    fn an_answer_that_leaves_a_stronger_quorum_open_is_not_exact_and_bounded_by_that() {
        let validators = ValidatorSet::new([6, 4, 2].map(Weight::new)).unwrap();
        let found = safety(&[6, 4, 2], &[0, 2]);
        assert_eq!(found.fault_tolerance, Some(Weight::new(1)));
        let open = found.clone().with_strength_at_most(Weight::new(10), &validators);
        assert_eq!((open.exact, open.bound), (false, Some(Weight::new(3))));
        assert_eq!(Safety { exact: true, bound: found.bound, ..open }, found);
        for most in [7, 8].map(Weight::new) {
            assert_eq!(found.clone().with_strength_at_most(most, &validators), found);
        }
    }

    #[test]
    fn weights_near_the_limit_do_not_overflow() {
        let all = safety(&[u64::MAX - 1, 1], &[0, 1]);
        assert_eq!(all.margin, Weight::new(u64::MAX));
        assert_eq!(all.fault_tolerance, Some(Weight::new(u64::MAX / 2)));
        assert_eq!(all.faults, 0);
    }

    #[test]
    fn zero_weights_may_all_be_faulty() {
        assert_eq!(safety(&[5, 0, 0], &[0, 1, 2]).faults, 0);
        assert_eq!(faults(vec![Weight::ZERO; 3], Weight::ZERO), 3);
    }
}
