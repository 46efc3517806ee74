//! The search for what is final (semantics §6).

use std::fmt;

use cbc_message::{ValidatorSet, Weight};
use cbc_view::{Chain, MessageDag};

use crate::{ChainOracle, Safety, SafetyOracle, Subject};

/// Finds the deepest candidate of a chain that is safe, by an oracle, and keeps from one question to
/// the next what makes the next one quicker.
///
/// Along a chain no candidate is safer than one before it (semantics §6), so that of n candidates
/// O(log n) are looked at. The search begins as many candidates on as were found the last times: two
/// are looked at where as many more are safe now. That works with every
/// [`SafetyOracle`]. One that has a [`ChainOracle`] is asked by that: what is kept is there, and a
/// question costs what has changed since the last; nothing is looked at where it is known that too
/// little has.
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
    /// How many candidates more the last two searches that found any found safe.
    advances: [u32; 2],
}

impl<D: MessageDag, O> FinalitySearch<D, O> {
    /// The search by `oracle`, which has been asked nothing yet.
    pub fn new(oracle: O) -> Self {
        Self { oracle, of_chains: None, advances: [1; 2] }
    }

    /// The oracle.
    pub fn oracle(&self) -> &O {
        &self.oracle
    }

    /// Forgets what was asked before. To be called when indices come to stand for other messages or
    /// blocks: when the view is pruned, or is another.
    pub fn reset(&mut self) {
        self.of_chains = None;
        self.advances = [1; 2];
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
        let Self { oracle, of_chains, advances } = self;
        // The lesser of the two: one great step, as the first one is, tells little of the next.
        let (end, guess) = (chain.depth(), above.saturating_add(advances[0].min(advances[1])));
        let found = match of_chains.get_or_insert_with(|| oracle.chain_oracle()) {
            Some(oracle) => {
                let subject = Subject { dag, validators, chain };
                oracle.update(&subject);
                let fails_from = oracle.fails_from(&subject, threshold);
                let end = fails_from.map_or(end, |depth| end.min(depth.saturating_sub(1)));
                let found = deepest(above, end, guess, |depth| {
                    oracle.reaches(&subject, depth, threshold).then_some(())
                });
                found.map(|(depth, ())| (depth, oracle.safety(&subject, depth, threshold)))
            }
            None => deepest(above, end, guess, |depth| {
                let agrees = |dag: &D, message| chain.agreement(dag, message) >= depth;
                Some(oracle.safety(dag, validators, &agrees)).filter(|it| it.reaches(threshold))
            }),
        };
        if let Some((depth, _)) = found {
            *advances = [advances[1], depth - above];
        }
        found
    }
}

/// The last depth past `above`, up to `end`, for which `reaches` answers, and its answer. First
/// looks at `guess`, goes on or back from there in steps that grow from 1 on until it knows where
/// answers end, and bisects what is left.
fn deepest<T>(
    above: u32,
    end: u32,
    guess: u32,
    mut reaches: impl FnMut(u32) -> Option<T>,
) -> Option<(u32, T)> {
    let mut deepest = None;
    let (mut safe, mut step) = (above, 1_u32);
    // The first depth that is known not to be safe; beyond the end, none is yet.
    let mut failed: Option<u32> = None;
    let mut depth = guess.min(end).max(above.saturating_add(1));
    while safe < end && failed.is_none_or(|failed| failed - safe > 1) {
        match reaches(depth) {
            Some(found) => {
                safe = depth;
                deepest = Some((depth, found));
            }
            None => failed = Some(depth),
        }
        depth = match failed {
            None => end.min(safe.saturating_add(step)),
            Some(failed) if deepest.is_none() => failed.saturating_sub(step).max(above + 1),
            Some(failed) => safe + (failed - safe) / 2,
        };
        step = step.saturating_mul(2);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cbc_message::{Bit, ValidatorSet};
    use cbc_view::{Equals, MessageIndex, Property, View};

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
    fn deepest_of(above: u32, end: u32, guess: u32, safe: u32) -> (Option<u32>, u32) {
        let mut asked = 0;
        let found = deepest(above, end, guess, |depth| {
            asked += 1;
            assert!((above + 1..=end).contains(&depth));
            (depth <= safe).then_some(depth)
        });
        assert!(found.is_none_or(|(depth, found)| depth == found));
        (found.map(|(depth, _)| depth), asked)
    }

    #[test]
    fn the_deepest_safe_candidate_is_found_in_logarithmically_many_questions() {
        for end in 0..30 {
            for (above, safe) in (0..=end).flat_map(|above| (above..=end).map(move |s| (above, s)))
            {
                for guess in 0..32 {
                    let (found, asked) = deepest_of(above, end, guess, safe);
                    let case = format!("past {above} up to {end}, {safe} safe, {guess} guessed");
                    assert_eq!(found, (safe > above).then_some(safe), "{case}");
                    let off = guess.clamp(above, end).abs_diff(safe);
                    assert!(asked <= 2 * (off + 1).ilog2() + 2, "{asked} asked {case}");
                }
            }
        }
        let asked = |guess, safe| deepest_of(7, 99, guess, safe).1;
        // Nothing more, one more, as many more as before, one less.
        assert_eq!((asked(8, 7), asked(8, 8), asked(50, 50), asked(50, 49)), (1, 2, 2, 2));
        assert_eq!(deepest_of(u32::MAX - 1, u32::MAX, 0, u32::MAX), (Some(u32::MAX), 1));
        assert_eq!(deepest_of(0, u32::MAX, u32::MAX, u32::MAX), (Some(u32::MAX), 1));
    }

    /// Whose candidates are all safe, and who knows beforehand of those from a depth on that they
    /// are not.
    #[derive(Clone)]
    struct Foresighted(Option<u32>);

    impl<D: MessageDag> SafetyOracle<D> for Foresighted {
        fn safety(&self, _: &D, validators: &ValidatorSet, _: &dyn Property<D>) -> Safety {
            Safety::of_quorum(Quorum::new(validators.ids().collect(), validators), validators)
        }

        fn chain_oracle(&self) -> Option<Box<dyn ChainOracle<D> + Send + Sync>> {
            Some(Box::new(self.clone()))
        }
    }

    impl<D: MessageDag> ChainOracle<D> for Foresighted {
        fn update(&mut self, _: &Subject<'_, D>) {}

        fn fails_from(&self, _: &Subject<'_, D>, _: Weight) -> Option<u32> {
            self.0
        }

        fn safety(&mut self, subject: &Subject<'_, D>, depth: u32, _: Weight) -> Safety {
            assert!(self.0.is_none_or(|fails| depth < fails), "{depth} is looked at");
            SafetyOracle::safety(self, subject.dag, subject.validators, &|_: &D, _| true)
        }
    }

    #[test]
    fn what_is_known_to_fail_is_not_looked_at() {
        let validators = Arc::new(ValidatorSet::new([Weight::new(1)]).unwrap());
        let view: View<Bit> = View::new(Arc::clone(&validators));
        for (fails_from, above, deepest) in
            [(None, 0, Some(9)), (Some(5), 0, Some(4)), (Some(5), 4, None), (Some(0), 7, None)]
        {
            let mut search = FinalitySearch::new(Foresighted(fails_from));
            let found = search.deepest_safe(&view, &validators, &Silent(9), above, Weight::ZERO);
            assert_eq!(found.map(|(depth, _)| depth), deepest, "{fails_from:?}");
        }
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
