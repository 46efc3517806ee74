//! The proof of concept's number of faults, to compare recorded traces with.

use cbc_message::{ValidatorSet, Weight};

use crate::Safety;

/// The number of faults that the proof of concept reports for a quorum: one less than the least
/// number of its heaviest members that weigh as much as the margin; 0 where there is no margin.
///
/// It overstates what is tolerated, as the margin does: see [`Safety::faults`].
pub fn poc_faults(safety: &Safety, validators: &ValidatorSet) -> usize {
    match safety.margin.get().checked_sub(1) {
        None => 0,
        // Weighing less than the margin is weighing at most the margin less one.
        Some(below) => {
            let members = safety.quorum.members.iter();
            let weights = members.map(|&member| validators.weight(member)).collect();
            crate::safety::faults(weights, Weight::new(below))
        }
    }
}

#[cfg(test)]
mod tests {
    use cbc_message::ValidatorId;

    use super::*;
    use crate::Quorum;

    #[test]
    fn the_clique_of_eight_has_six() {
        let weights = [1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1500];
        let validators = ValidatorSet::new(weights.map(Weight::new)).unwrap();
        let quorum = Quorum::new((0..8).map(ValidatorId::new).collect(), &validators);
        assert_eq!(poc_faults(&Safety::of_quorum(quorum, &validators), &validators), 6);
        assert_eq!(poc_faults(&Safety::none(), &validators), 0);
    }
}
