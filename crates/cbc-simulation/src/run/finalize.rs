//! How the views of a run finalize.

use std::sync::Arc;

use cbc_estimator::MajorityDriven;
use cbc_message::ValidatorId;
use cbc_oracle::SafetyOracle;
use cbc_validator::Observer;
use cbc_view::View;

use super::Run;
use crate::Recorded;
use crate::finality::Overturned;

impl<P, O> Run<P, O>
where
    P: Recorded + Clone,
    O: SafetyOracle<View<P::Estimate>> + Clone,
{
    /// Every view finalizes what is safe in it; in a protocol that cannot finalize, none does.
    /// What then turns out to be overturned is kept: [`overturned`](Self::overturned).
    pub fn update_safe_estimates(&mut self) {
        self.update_global_safe_estimate();
        for validator in Arc::clone(&self.setup.validators).ids() {
            self.update_safe_estimate_of(validator);
        }
    }

    /// The global observer alone finalizes what is safe.
    pub fn update_global_safe_estimate(&mut self) {
        self.update_in_place(None);
    }

    /// A validator alone finalizes what is safe in its view.
    pub fn update_safe_estimate_of(&mut self, validator: ValidatorId) {
        let is_seated = self.seats.is_taken(validator);
        if self.finalize.is_some() && (is_seated || self.outweighs_the_rest(validator)) {
            self.as_validator(validator, |run| run.update_in_place(Some(validator)));
        }
    }

    /// Whether the validator weighs more than half: nobody else finalizes its own first message.
    fn outweighs_the_rest(&self, validator: ValidatorId) -> bool {
        let validators = &self.setup.validators;
        let weight = validators.weight(validator).get();
        self.seats.first_message(validator).is_some() && weight > validators.total().get() - weight
    }

    fn update_in_place(&mut self, who: Option<ValidatorId>) {
        let Some(finalize) = self.finalize else { return };
        if self.observer().finalized().is_none() && !self.has_heard_a_majority() {
            return;
        }
        let conflict = finalize(self.observer_mut()).err();
        let known = self.overturned.remove(&who);
        if !self.observer().is_overturned() {
            let known = known.map(|known| Overturned { in_the_end: false, ..known });
            self.overturned.extend(known.map(|known| (who, known)));
            return;
        }
        let write = |value: &P::Value| P::write_value(&self.notation, self.observer(), value);
        let Some(finalized) = self.left(conflict.as_ref().map(|it| &it.finalized)) else { return };
        let overturned = Overturned {
            validator: who,
            finalized: write(finalized),
            conflicting: conflict
                .map(|conflict| write(&conflict.conflicting))
                .or_else(|| known.and_then(|known| known.conflicting)),
            observed_fault_weight: self.observer().view().observed_fault_weight(),
            in_the_end: true,
        };
        self.overturned.insert(who, overturned);
    }

    /// What is final in the view in place and was left: what is known to be, or the first of what is
    /// final that the estimate excludes, or else the first.
    fn left<'a>(&'a self, known: Option<&'a P::Value>) -> Option<&'a P::Value> {
        let observer = self.observer();
        let (protocol, estimator) = (observer.protocol(), observer.estimator());
        let finalized = || observer.finalized_of_each().iter().map(|it| &it.value);
        let tip = observer.estimate_from_genesis();
        let excluded = |value: &&P::Value| {
            tip.as_ref().is_some_and(|tip| protocol.excludes(estimator, tip, value))
        };
        known.or_else(|| finalized().find(excluded)).or_else(|| finalized().next())
    }

    /// Whether those who spoke, in the view in place, outweigh the rest: else no quorum does, and
    /// an oracle, which takes memory for each two validators, need not be asked.
    fn has_heard_a_majority(&self) -> bool {
        let view = self.observer().view();
        let heard = view.latest_honest_messages().map(|(validator, _)| validator);
        let weight = self.setup.validators.weight_of(heard).get();
        weight > self.setup.validators.total().get() - weight
    }

    /// What a view has finalized, as traces have it. In a protocol that cannot finalize: the value
    /// that would be safe, if its estimator were majority driven.
    pub(crate) fn recorded_last_finalized(&self, observer: &Observer<P, O>) -> Option<P::Value> {
        if self.finalize.is_some() {
            return observer.finalized_together();
        }
        observer
            .view()
            .latest_honest_messages()
            .filter_map(|(_, message)| P::candidate_of(observer, message))
            .find(|value| observer.safety(value).reaches(self.setup.threshold))
    }
}

impl<P, O> Run<P, O>
where
    P: Recorded<Estimator: MajorityDriven> + Clone,
    O: SafetyOracle<View<P::Estimate>> + Clone,
{
    /// This run, with everybody finalizing when told to. Asks for a majority-driven estimator, as
    /// [`Observer::update_safe_estimates`] does.
    #[must_use]
    pub fn finalizing(self) -> Self {
        Self { finalize: Some(|observer| observer.update_safe_estimates().map(drop)), ..self }
    }
}
