//! Judges beside each other: oracles and thresholds, on one execution.

use cbc_message::{ValidatorId, Weight};
use cbc_oracle::{FinalitySearch, SafetyOracle};
use cbc_validator::{Protocol, Standing};
use cbc_view::View;

use super::Run;
use crate::Recorded;

/// An oracle and a threshold, and what each view has finalized by them.
struct Judge<P: Protocol> {
    oracle: usize,
    threshold: Weight,
    /// Of each validator, and, last, of the observer who receives every message.
    standings: Vec<Standing<P::Value>>,
    /// Whether in some view something was safe that conflicts with what is final there.
    conflicts: bool,
}

/// What is final in each view of a run by several oracles at several thresholds.
///
/// All are asked about the same messages, so what they answer differs only by what they are. The
/// run's own oracle has no part in it.
pub struct Panel<P: Protocol, O> {
    searches: Vec<FinalitySearch<View<P::Estimate>, O>>,
    judges: Vec<Judge<P>>,
    /// What each view estimated when it was last looked at, whatever is final in it.
    heads: Vec<Option<P::Value>>,
}

impl<P: Protocol, O> Panel<P, O> {
    /// Each of `oracles` at each of `thresholds`, for so many validators: judge `i` is oracle
    /// `i / thresholds.len()` at threshold `i % thresholds.len()`.
    pub fn new(
        oracles: impl IntoIterator<Item = O>,
        thresholds: &[Weight],
        validators: usize,
    ) -> Self {
        let searches: Vec<_> = oracles.into_iter().map(FinalitySearch::new).collect();
        let judge = |oracle, threshold| Judge {
            oracle,
            threshold,
            standings: vec![Standing::default(); validators + 1],
            conflicts: false,
        };
        let judges = (0..searches.len())
            .flat_map(|oracle| thresholds.iter().map(move |&threshold| judge(oracle, threshold)))
            .collect();
        Self { searches, judges, heads: vec![None; validators + 1] }
    }

    /// How many judges there are.
    pub fn len(&self) -> usize {
        self.judges.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.judges.is_empty()
    }

    /// The place of a view, the last that of the observer who receives every message.
    fn place(&self, who: Option<ValidatorId>) -> usize {
        who.map_or(self.heads.len() - 1, ValidatorId::index)
    }

    /// What a view has finalized by a judge; by `None`, the view of every message.
    pub fn standing(&self, judge: usize, who: Option<ValidatorId>) -> Option<&Standing<P::Value>> {
        self.judges.get(judge)?.standings.get(self.place(who))
    }

    /// What a view estimated when it was last looked at, whatever is final in it.
    pub fn head(&self, who: Option<ValidatorId>) -> Option<&P::Value> {
        self.heads.get(self.place(who))?.as_ref()
    }

    /// Whether, by a judge, something was safe in a view that conflicts with what is final there.
    pub fn conflicts_within(&self, judge: usize) -> bool {
        self.judges.get(judge).is_some_and(|judge| judge.conflicts)
    }

    /// The views, validators only, whose final values were overturned when they were last looked at.
    pub fn overturned(&self, judge: usize) -> usize {
        let standings = self.judges.get(judge).map_or(&[][..], |judge| &judge.standings);
        let validators = standings.split_last().map_or(&[][..], |(_, validators)| validators);
        validators.iter().filter(|standing| standing.is_overturned).count()
    }
}

impl<P, O> Run<P, O>
where
    P: Recorded + Clone,
    O: SafetyOracle<View<P::Estimate>> + Clone,
{
    /// A view finalizes what is safe in it, by each judge; by `None`, the view of every message. In
    /// a protocol that cannot finalize, only the estimate is looked at.
    pub fn judge(&mut self, panel: &mut Panel<P, O>, who: Option<ValidatorId>) {
        match who {
            None => self.judge_in_place(panel, who),
            // As in `update_safe_estimate_of`: who has done nothing has nothing final.
            Some(validator)
                if self.seats.is_taken(validator) || self.outweighs_the_rest(validator) =>
            {
                self.as_validator(validator, |run| run.judge_in_place(panel, who));
            }
            Some(_) => {}
        }
    }

    fn judge_in_place(&mut self, panel: &mut Panel<P, O>, who: Option<ValidatorId>) {
        let place = panel.place(who);
        let Some(head) = panel.heads.get_mut(place) else { return };
        *head = self.observer_mut().follow_from_genesis();
        let Some(finalize) = self.finalize else { return };
        let may_begin = self.has_heard_a_majority();
        for judge in &mut panel.judges {
            let (Some(search), Some(standing)) =
                (panel.searches.get_mut(judge.oracle), judge.standings.get_mut(place))
            else {
                continue;
            };
            if standing.finalized.is_empty() && !may_begin {
                continue;
            }
            let finalized =
                self.observer_mut().judged_by(search, judge.threshold, standing, finalize);
            judge.conflicts |= finalized.is_err();
        }
    }

    /// Whether values that can never both be decided are final, by a judge: in one view, or in those
    /// of two validators.
    pub fn is_finality_conflicting(&self, panel: &Panel<P, O>, judge: usize) -> bool {
        let (protocol, estimator) = (self.observer().protocol(), self.observer().estimator());
        let mut deepest: Option<&P::Value> = None;
        for validator in self.setup.validators.ids() {
            let standing = panel.standing(judge, Some(validator));
            for finalized in standing.map_or(&[][..], |standing| &standing.finalized) {
                let value = &finalized.value;
                // Whatever conflicts with one on its chain conflicts with the deepest, too.
                if deepest.is_some_and(|deepest| protocol.conflict(estimator, deepest, value)) {
                    return true;
                }
                let depth = |value| protocol.depth(estimator, value);
                if deepest.is_none_or(|deepest| depth(deepest) < depth(value)) {
                    deepest = Some(value);
                }
            }
        }
        panel.conflicts_within(judge)
    }
}
