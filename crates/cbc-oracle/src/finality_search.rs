//! The search for what is final (semantics §6).

use std::fmt;

use cbc_message::{ValidatorSet, Weight};
use cbc_view::{Chain, MessageDag};

use crate::{ChainOracle, Safety, SafetyOracle};

/// Finds the deepest candidate of a chain that is safe, by an oracle, and keeps from one question to
/// the next what makes the next one quicker.
///
/// Along a chain no candidate is safer than one before it (semantics §6), so that of n candidates
/// O(log n) are looked at, by bisection: one, where nothing more is safe than was known to be, and
/// three, where one candidate more is. That works with every [`SafetyOracle`]. One that has a
/// [`ChainOracle`] is asked by that: what is kept is there, and a question costs what has changed
/// since the last.
///
/// It belongs to whoever asks about one view as it grows, and about whatever chain is the estimate
/// at the time. Observers who share the messages of a view may share it, too. A clone keeps nothing
/// of what was asked before.
///
/// ```
/// use std::sync::Arc;
/// use cbc_message::{Bit, Header, Message, ValidatorSet, Weight};
/// use cbc_oracle::{CliqueOracle, FinalitySearch};
/// use cbc_view::{Equals, View};
///
/// let weights = Arc::new(ValidatorSet::new([5, 4, 3].map(Weight::new))?);
/// let mut view = View::new(Arc::clone(&weights));
/// let mut search = FinalitySearch::new(CliqueOracle::new());
/// let mut safe = Vec::new();
/// for sender in weights.ids().chain(weights.ids()) {
///     let sequence_number = view.next_sequence_number(sender);
///     let justification = view.justification();
///     let header = Header { sender, sequence_number, justification, estimate: Bit::One };
///     view.insert(Message::new(header)?)?;
///     // A bit is the only candidate of its chain, at depth 1.
///     let found = search.deepest_safe(&view, &weights, &Equals(Bit::One), 0, Weight::new(2));
///     safe.push(found.map(|(depth, safety)| (depth, safety.fault_tolerance.map(Weight::get))));
/// }
/// assert_eq!(safe, [None, None, None, Some((1, Some(2))), Some((1, Some(5))), Some((1, Some(5)))]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FinalitySearch<D: MessageDag, O> {
    oracle: O,
    /// The oracle for chains, if there is one; made for the first question.
    of_chains: Option<Option<Box<dyn ChainOracle<D> + Send + Sync>>>,
}

impl<D: MessageDag, O> FinalitySearch<D, O> {
    /// The search by `oracle`, which has been asked nothing yet.
    pub fn new(oracle: O) -> Self {
        Self { oracle, of_chains: None }
    }

    /// The oracle.
    pub fn oracle(&self) -> &O {
        &self.oracle
    }

    /// Forgets what was asked before. To be called when indices come to stand for other messages or
    /// blocks: when the view is pruned, or is another.
    pub fn reset(&mut self) {
        self.of_chains = None;
    }
}

impl<D: MessageDag, O: Clone> Clone for FinalitySearch<D, O> {
    fn clone(&self) -> Self {
        Self::new(self.oracle.clone())
    }
}

impl<D: MessageDag, O: fmt::Debug> fmt::Debug for FinalitySearch<D, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FinalitySearch").field("oracle", &self.oracle).finish_non_exhaustive()
    }
}

impl<D: MessageDag, O: SafetyOracle<D>> FinalitySearch<D, O> {
    /// The depth and the safety of the deepest candidate of `chain`, past the first `above`, whose
    /// fault tolerance reaches `threshold`; `None` if none does.
    ///
    /// The DAG is that of the last question, grown, or another observer's of the same messages. The
    /// chain is any of one tree of candidates (blocks, or values), whether or not it goes on from
    /// the last.
    ///
    /// O(log n) questions to the oracle, for n candidates past `above`.
    pub fn deepest_safe(
        &mut self,
        dag: &D,
        validators: &ValidatorSet,
        chain: &dyn Chain<D>,
        above: u32,
        threshold: Weight,
    ) -> Option<(u32, Safety)> {
        let Self { oracle, of_chains } = self;
        let end = chain.depth();
        if let Some(oracle) = of_chains.get_or_insert_with(|| oracle.chain_oracle()) {
            oracle.update(dag, chain);
            return deepest(above, end, threshold, |depth| {
                oracle.safety(validators, depth, threshold)
            });
        }
        deepest(above, end, threshold, |depth| {
            let agrees = |dag: &D, message| chain.agreement(dag, message) >= depth;
            oracle.safety(dag, validators, &agrees)
        })
    }
}

/// The last depth past `above`, up to `end`, at which `safety` reaches `threshold`, and what it is
/// there. In steps that grow from 1 on, then by bisection.
fn deepest(
    above: u32,
    end: u32,
    threshold: Weight,
    mut safety: impl FnMut(u32) -> Safety,
) -> Option<(u32, Safety)> {
    let mut deepest = None;
    let (mut safe, mut step) = (above, 1);
    // The first depth that is known not to be safe; beyond the end, none is yet.
    let mut failed: Option<u32> = None;
    while safe < end && failed.is_none_or(|failed| failed - safe > 1) {
        let depth = match failed {
            Some(failed) => safe + (failed - safe) / 2,
            None => end.min(safe.saturating_add(step)),
        };
        let found = safety(depth);
        if found.reaches(threshold) {
            safe = depth;
            step = step.saturating_mul(2);
            deepest = Some((depth, found));
        } else {
            failed = Some(depth);
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cbc_message::{Bit, ValidatorSet};
    use cbc_view::{Equals, MessageIndex, View};

    use super::*;
    use crate::{CliqueOracle, Quorum};

    /// So many candidates, of whom nobody has said anything.
    struct Silent(u32);

    impl<D: MessageDag> Chain<D> for Silent {
        fn depth(&self) -> u32 {
            self.0
        }

        fn agreement(&self, _: &D, _: MessageIndex) -> u32 {
            0
        }
    }

    /// A chain that is safe down to a depth.
    fn deepest_of(above: u32, end: u32, safe: u32) -> (Option<u32>, u32) {
        let validators = ValidatorSet::new([Weight::new(1)]).unwrap();
        let mut asked = 0;
        let found = deepest(above, end, Weight::ZERO, |depth| {
            asked += 1;
            let members = validators.ids().filter(|_| depth <= safe).collect();
            Safety::of_quorum(Quorum::new(members, &validators), &validators)
        });
        (found.map(|(depth, _)| depth), asked)
    }

    #[test]
    fn the_deepest_safe_candidate_is_found_in_logarithmically_many_questions() {
        for end in 0..40 {
            for (above, safe) in (0..=end).flat_map(|above| (above..=end).map(move |s| (above, s)))
            {
                let (found, asked) = deepest_of(above, end, safe);
                assert_eq!(found, (safe > above).then_some(safe), "{above}, {safe}, {end}");
                assert!(asked <= 2 * (safe - above + 1).ilog2() + 2, "{above}, {safe}, {end}");
            }
        }
        assert_eq!((deepest_of(7, 99, 7).1, deepest_of(7, 99, 8).1), (1, 3));
        assert_eq!(deepest_of(u32::MAX - 1, u32::MAX, u32::MAX), (Some(u32::MAX), 1));
    }

    #[test]
    fn an_oracle_chosen_when_the_program_runs_brings_its_chain_oracle() {
        let chosen: Arc<dyn SafetyOracle<View<Bit>>> = Arc::new(CliqueOracle::new());
        assert!(Arc::clone(&chosen).chain_oracle().is_some());
        assert!(Box::new(&*chosen).chain_oracle().is_some());
    }

    #[test]
    fn a_view_in_which_nobody_spoke_has_nothing_safe() {
        let validators = Arc::new(ValidatorSet::new([Weight::new(1)]).unwrap());
        let view: View<Bit> = View::new(Arc::clone(&validators));
        let mut search = FinalitySearch::new(CliqueOracle::new());
        for chain in [&Silent(0) as &dyn Chain<_>, &Silent(9), &Equals(Bit::One)] {
            assert_eq!(search.deepest_safe(&view, &validators, chain, 0, Weight::ZERO), None);
        }
    }

    #[test]
    fn a_search_can_go_to_another_thread() {
        fn goes<T: Send + Sync>() {}
        goes::<FinalitySearch<View<Bit>, CliqueOracle>>();
    }
}
