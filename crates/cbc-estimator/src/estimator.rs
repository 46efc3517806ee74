//! The estimator trait (semantics §1, §5, §7).

use std::error::Error;
use std::fmt::Debug;

use cbc_message::{MessageHash, ValidatorId, ValidatorSet, Weight};
use cbc_view::{Archive, MessageDag, MessageIndex, Pruned, Refusal, Unjudged};

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

/// A message whose estimate is to be judged by what it cites (rule V5).
#[derive(Clone, Copy, Debug)]
pub struct Case<'a, E> {
    /// The hash of the message.
    pub message: MessageHash,
    /// What it votes for.
    pub estimate: &'a E,
    /// The votes that it cites, in ascending order of validators.
    pub votes: &'a [Vote],
    /// The validators whose votes it cites and the view has dropped, in ascending order, each with
    /// the message that carried the vote.
    pub dropped: &'a [(ValidatorId, MessageHash)],
    /// Whether rule V5 is to be checked: or else only what holds for any estimate.
    pub check: bool,
}

/// What is wrong with an estimate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breach<I, A> {
    /// Nobody could have it.
    Inadmissible(I),
    /// V5: its maker should have had this one.
    DoesNotFollow(A),
}

/// Where votes lead from the very start, seen from the root of what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leads {
    /// To the root, or on from there.
    OnRoot,
    /// Not as far as the root, but to something that the root is on.
    Above,
    /// To something that the root is not on.
    Elsewhere,
}

/// What an estimator says of a [`Case`].
pub type Judged<I, A> = Result<(), Refusal<Breach<I, A>>>;

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

    /// What is decided, as others know it: where a value names something in this view, what names
    /// it to everybody.
    type Answer: Clone + Debug + Eq + 'static;

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

    /// Whether a message may carry its estimate (rule V5), by what it cites alone: not by what else
    /// this view holds, nor by when that was dropped. `archive` has what was.
    ///
    /// # Errors
    ///
    /// What is wrong with the estimate; or, if what was dropped bears on that and there is no
    /// archive, what is needed to tell.
    fn judge(
        &mut self,
        dag: &D,
        validators: &ValidatorSet,
        case: &Case<'_, D::Estimate>,
        archive: Option<&dyn Archive<D::Estimate>>,
    ) -> Judged<Self::Inadmissible, Self::Answer> {
        let _ = archive;
        let admitted = self.admit(dag, case.estimate);
        admitted.map_err(|error| Refusal::Breaks(Breach::Inadmissible(error)))?;
        if !case.check {
            return Ok(());
        }
        if !case.dropped.is_empty() {
            let needs = case.dropped.iter().map(|&(_, message)| message).collect();
            return Err(Unjudged::BelowHorizon { needs }.into());
        }
        match self.track(dag, validators, case.votes, None) {
            Some(value) if !self.follows(dag, &value, case.estimate) => {
                Err(Refusal::Breaks(Breach::DoesNotFollow(self.answer(dag, &value))))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Where these votes lead from the very start, if something was dropped since.
    ///
    /// # Errors
    ///
    /// What is needed to tell, if there is no archive.
    fn leads(
        &self,
        dag: &D,
        validators: &ValidatorSet,
        votes: &[Vote],
        archive: Option<&dyn Archive<D::Estimate>>,
    ) -> Result<Leads, Unjudged> {
        let _ = (dag, validators, votes, archive);
        Ok(Leads::OnRoot)
    }

    /// What names `value` to everybody.
    fn answer(&self, dag: &D, value: &Self::Value) -> Self::Answer;

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
