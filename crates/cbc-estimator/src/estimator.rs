//! The estimator trait (semantics §1, §5, §7).

use std::error::Error;
use std::fmt::Debug;

use cbc_message::{ValidatorId, ValidatorSet, Weight};
use cbc_view::{MessageDag, MessageIndex, Pruned};

/// A validator's latest message, as a view or a justification has it. Only messages that count are
/// votes: whoever collects them leaves equivocators out, for they weigh nothing (semantics §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// The validator.
    pub validator: ValidatorId,
    /// Its latest message.
    pub message: MessageIndex,
}

/// What each vote is for, and what it weighs.
pub(crate) fn ballots<'a, D: MessageDag>(
    dag: &'a D,
    validators: &ValidatorSet,
    votes: &[Vote],
) -> impl Iterator<Item = (&'a D::Estimate, Weight)> {
    votes.iter().map(|vote| {
        let weight = validators.weight(vote.validator);
        (dag.estimate(vote.message), weight)
    })
}

/// A function from latest messages to an estimate, with whatever it keeps to be quick about it.
///
/// The answer depends on the votes (and `start`) alone: not on the order in which messages
/// arrived, nor on messages outside the past cones of the votes. That is what lets somebody else
/// check an estimate from a message's own justification (rule V5).
pub trait Estimator<D: MessageDag> {
    /// What is decided: a bit, an integer, an order, a block.
    type Value: Clone + Debug + Eq;

    /// Why an estimate is not one that anybody could have.
    type Inadmissible: Error + Send + Sync + 'static;

    /// Takes in the next message of `dag`: must be told of each, in ascending order, before it is
    /// asked about it.
    fn insert(&mut self, dag: &D, message: MessageIndex);

    /// What can be said of `estimate` without any message: checked when a message arrives, before
    /// it is held. Estimates that can be of any size have theirs bounded here, or one who sends
    /// great ones makes others hold them. Nothing, unless overridden.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn admit_form(&self, estimate: &D::Estimate) -> Result<(), Self::Inadmissible> {
        let _ = estimate;
        Ok(())
    }

    /// Whether `estimate` is a value of the protocol at all, whatever its maker had seen.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn admit(&self, dag: &D, estimate: &D::Estimate) -> Result<(), Self::Inadmissible>;

    /// The estimate by these votes, at most one for each validator, in ascending order of
    /// validators; `None` if they leave it open (nobody has voted), so that any value will do.
    ///
    /// `start` is the last finalized value. A fork choice starts from it, and from the genesis
    /// without; estimators that start nowhere ignore it.
    fn estimate(
        &self,
        dag: &D,
        validators: &ValidatorSet,
        votes: &[Vote],
        start: Option<&Self::Value>,
    ) -> Option<Self::Value>;

    /// As [`estimate`](Self::estimate), from whatever was worked out when it was asked before: for
    /// whoever asks again and again, of votes of which few differ from those asked of last.
    fn track(
        &mut self,
        dag: &D,
        validators: &ValidatorSet,
        votes: &[Vote],
        start: Option<&Self::Value>,
    ) -> Option<Self::Value> {
        self.estimate(dag, validators, votes, start)
    }

    /// The view has dropped what `root` settles, a final value, and numbered its messages anew; so
    /// may the estimator. Answers what `value`, which is on `root`, is from now on.
    fn prune(&mut self, pruned: &Pruned, root: &Self::Value, value: &Self::Value) -> Self::Value {
        let _ = (pruned, root);
        value.clone()
    }

    /// Whether the estimate from the very start, by these votes, can still be told. Always, unless
    /// something was dropped that bears on it.
    fn can_judge(&self, validators: &ValidatorSet, votes: &[Vote]) -> bool {
        let _ = (validators, votes);
        true
    }

    /// Whether a message may carry `estimate` where [`estimate`](Self::estimate) answers `value`
    /// (rule V5).
    fn follows(&self, dag: &D, value: &Self::Value, estimate: &D::Estimate) -> bool;
}

/// Marks estimators that are *majority driven* (semantics §7): for each property that their
/// protocol finalizes, if votes of more than half of the voting weight have the property, so has
/// the estimate. The safety oracles' arguments hold only for such estimators, so finalizing
/// requires this marker. Each implementation carries its proof in its documentation.
///
/// ```
/// use cbc_estimator::{Copeland, MajorityDriven};
///
/// fn finalize_by(_: impl MajorityDriven) {}
/// finalize_by(Copeland::new(3));
/// ```
///
/// Borda's rule can go against a majority, so it does not finalize:
///
/// ```compile_fail,E0277
/// use cbc_estimator::{Borda, MajorityDriven};
///
/// fn finalize_by(_: impl MajorityDriven) {}
/// finalize_by(Borda::new(3));
/// ```
pub trait MajorityDriven {}
