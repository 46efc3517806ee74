//! What is safe, and what is therefore final (semantics §6).

use cbc_estimator::{Leads, MajorityDriven};
use cbc_oracle::{Safety, SafetyOracle};
use cbc_view::{Property, View};
use tracing::{error, info};

use super::Observer;
use crate::Protocol;
use crate::finality::{Advance, Finality, FinalityConflict, Finalized};

impl<P: Protocol, O: SafetyOracle<View<P::Estimate>>> Observer<P, O> {
    /// The oracle's answer for `value` in this view.
    pub fn safety(&self, value: &P::Value) -> Safety {
        self.safety_by(self.search.oracle(), value)
    }

    /// The answer of another oracle for `value` in this view.
    pub fn safety_by<Q>(&self, oracle: &Q, value: &P::Value) -> Safety
    where
        Q: SafetyOracle<View<P::Estimate>> + ?Sized,
    {
        let property = self.protocol.property(&self.estimator, value);
        let property: &dyn Property<View<P::Estimate>> = &property;
        oracle.safety(self.view.lent(), self.view.lent().validators(), property)
    }

    /// The last of the candidates of `tip`, which ends a chain, past the first `above`, that is safe
    /// at the threshold.
    fn deepest_safe(&mut self, tip: &P::Value, above: u32) -> Option<Finalized<P::Value>> {
        let Self { protocol, search, view, estimator, threshold, .. } = self;
        if !P::ONE_TREE {
            search.reset(); // What it keeps is of one chain, and of those of the same tree.
        }
        let view = view.lent();
        let chain = protocol.chain(estimator, tip);
        let (depth, safety) =
            search.deepest_safe(view, view.validators(), &chain, above, *threshold)?;
        Some(Finalized { value: protocol.candidate(estimator, tip, depth), safety })
    }
}

impl<P, O> Observer<P, O>
where
    P: Protocol<Estimator: MajorityDriven>,
    O: SafetyOracle<View<P::Estimate>>,
{
    /// Finalizes the deepest safe candidate of the estimate, if that is further than before, and
    /// says so. What is finalized stays so.
    ///
    /// Asks for a majority-driven estimator: the oracles' arguments hold for no other
    /// (semantics §7). An order by Copeland's rule is finalized so:
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use cbc_estimator::{Borda, Copeland};
    /// # use cbc_message::{ValidatorSet, Weight};
    /// # use cbc_oracle::CliqueOracle;
    /// # use cbc_validator::{BordaConsensus, Observer, OrderConsensus};
    /// # let validators = Arc::new(ValidatorSet::new([Weight::new(1)]).unwrap());
    /// let protocol = OrderConsensus::new(Copeland::new(3));
    /// Observer::new(protocol, CliqueOracle::new(), validators).update_safe_estimates();
    /// ```
    ///
    /// and one by Borda's count is not, since that can elect against a majority:
    ///
    /// ```compile_fail,E0599
    /// # use std::sync::Arc;
    /// # use cbc_estimator::{Borda, Copeland};
    /// # use cbc_message::{ValidatorSet, Weight};
    /// # use cbc_oracle::CliqueOracle;
    /// # use cbc_validator::{BordaConsensus, Observer, OrderConsensus};
    /// # let validators = Arc::new(ValidatorSet::new([Weight::new(1)]).unwrap());
    /// let protocol = BordaConsensus::new(Borda::new(3));
    /// Observer::new(protocol, CliqueOracle::new(), validators).update_safe_estimates();
    /// ```
    ///
    /// # Errors
    ///
    /// [`FinalityConflict`] if a value that conflicts with the last finalized one is safe too: more
    /// validators have equivocated than that one tolerated. What is final stays, and
    /// [is overturned](Self::is_overturned).
    pub fn update_safe_estimates(
        &mut self,
    ) -> Result<Finality<P::Value>, FinalityConflict<P::Value>> {
        match self.leads() {
            Ok(Leads::OnRoot) => {}
            Ok(Leads::Above) => {
                self.note_overturned(false);
                return Ok(Finality::Unchanged);
            }
            Ok(Leads::Elsewhere) => {
                self.note_overturned(true);
                return Ok(Finality::Overturned);
            }
            Err(_) => return Ok(Finality::Untold),
        }
        // From the genesis: from the last finalized value one could never leave it, and would not
        // see that it had been overturned.
        let tip = self.track_from(None);
        // An estimate that is left open agrees with nothing that is final.
        let is_overturned = |finalized: &P::Value| {
            let excludes = |tip| self.protocol.excludes(&self.estimator, tip, finalized);
            tip.as_ref().is_none_or(excludes)
        };
        let finalized = self.standing.finalized.iter().map(|finalized| &finalized.value);
        let mut finalized = finalized.filter(|finalized| is_overturned(finalized));
        let overturned = finalized.next().cloned();
        self.note_overturned(overturned.is_some());
        let Some(tip) = tip else {
            return Ok(if overturned.is_some() {
                Finality::Overturned
            } else {
                Finality::Unchanged
            });
        };
        let Some(finalized) = overturned else { return Ok(self.advance(&tip)) };
        for end in &self.protocol.ends(&self.estimator, &tip) {
            if let Some(Finalized { value, .. }) = self.deepest_safe(end, 0)
                && self.protocol.conflict(&self.estimator, &finalized, &value)
            {
                let observed_fault_weight = self.view.lent().observed_fault_weight();
                error!(?finalized, conflicting = ?value, %observed_fault_weight, "finality conflict");
                return Err(FinalityConflict {
                    finalized,
                    conflicting: value,
                    observed_fault_weight,
                });
            }
        }
        Ok(Finality::Overturned)
    }

    /// Everything that was not final before an answer of
    /// [`update_safe_estimates`](Self::update_safe_estimates), of one chain after another, the oldest
    /// first. O(log n) for each. Nothing may have been pruned since.
    pub fn newly_final(&self, finality: &Finality<P::Value>) -> impl Iterator<Item = P::Value> {
        let advances = match finality {
            Finality::Advanced(advances) => &advances[..],
            Finality::Unchanged | Finality::Overturned | Finality::Untold => &[],
        };
        advances.iter().flat_map(|Advance { above, finalized }| {
            let depth = self.protocol.depth(&self.estimator, &finalized.value);
            (above + 1..=depth)
                .map(|depth| self.protocol.candidate(&self.estimator, &finalized.value, depth))
        })
    }

    /// Finalizes what is safe of the chains that this value ends, with which nothing final conflicts.
    fn advance(&mut self, tip: &P::Value) -> Finality<P::Value> {
        let finalized = self.standing.finalized.iter().map(|finalized| &finalized.value);
        let finalized: Vec<&P::Value> = finalized.collect();
        let ends = self.protocol.open_ends(&self.estimator, tip, &finalized);
        let mut advances = Vec::new();
        for end in &ends {
            let (protocol, estimator) = (&self.protocol, &self.estimator);
            // What is final of this chain: a candidate of the end, or, of an estimate that has gone
            // back, one that the end is a candidate of.
            let depth = |value: &P::Value| protocol.depth(estimator, value);
            let is_of_chain = |finalized: &Finalized<P::Value>| {
                let common = protocol.common_depth(estimator, &finalized.value, end);
                common >= depth(&finalized.value).min(depth(end))
            };
            let known = self.standing.finalized.iter().position(is_of_chain);
            let above = known.map_or(0, |known| depth(&self.standing.finalized[known].value));
            let Some(finalized) = self.deepest_safe(end, above) else { continue };
            let Finalized { value, safety } = &finalized;
            info!(?value, fault_tolerance = ?safety.fault_tolerance, "finalized");
            advances.push(Advance { above, finalized: finalized.clone() });
            match known {
                Some(known) => self.standing.finalized[known] = finalized,
                None => self.standing.finalized.push(finalized),
            }
        }
        if advances.is_empty() { Finality::Unchanged } else { Finality::Advanced(advances) }
    }
}
