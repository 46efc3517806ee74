//! The estimator trait (semantics §1, §5, §7).

use std::error::Error;
use std::fmt::Debug;

use cbc_message::{MessageHash, ValidatorId, ValidatorSet, Weight};
use cbc_view::{Archive, Citations, MessageDag, MessageIndex, Pruned, Refusal, Unjudged};

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

/// A message whose estimate is to be judged by what its maker had seen (rule V5).
#[derive(Clone, Copy, Debug)]
pub struct Case<'a, E> {
    /// The hash of the message.
    pub message: MessageHash,
    /// What it votes for.
    pub estimate: &'a E,
    /// What its maker had seen.
    pub citations: Citations<'a>,
    /// Whether rule V5 is to be checked: or else only what holds for any estimate.
    pub check: bool,
}

impl<E> Case<'_, E> {
    /// The validators whose votes its maker had seen and the view has dropped, in ascending order,
    /// each with the message that carried the vote.
    pub fn dropped(&self) -> Vec<(ValidatorId, MessageHash)> {
        self.citations.dropped().collect()
    }
}

/// The votes among what somebody has seen, in ascending order of validators: equivocators, and
/// whose message was dropped, have none.
pub fn votes(citations: &Citations<'_>) -> Vec<Vote> {
    let latest = citations.latest_messages();
    latest.map(|(validator, message)| Vote { validator, message }).collect()
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

/// What a follower says of a [`Case`].
pub type Judged<I, A> = Result<(), Refusal<Breach<I, A>>>;

/// A function from latest messages to an estimate: the rule.
///
/// The answer depends on the votes (and `start`) alone: not on the order in which messages
/// arrived, nor on messages outside the past cones of the votes. That is what lets somebody else
/// check an estimate from a message's own justification (rule V5).
///
/// An estimator that reads the votes and nothing else is also a [`Follower`] that keeps nothing:
///
/// ```
/// use std::convert::Infallible;
///
/// use cbc_estimator::{Estimator, Follower, Vote};
/// use cbc_message::{Integer, ValidatorSet};
/// use cbc_view::MessageDag;
///
/// /// The greatest value that anybody votes for.
/// #[derive(Clone, Copy, Debug)]
/// struct Greatest;
///
/// impl<D: MessageDag<Estimate = Integer>> Estimator<D> for Greatest {
///     type Value = Integer;
///     type Inadmissible = Infallible;
///     type Answer = Integer;
///
///     fn estimate(
///         &self,
///         dag: &D,
///         _: &ValidatorSet,
///         votes: &[Vote],
///         _: Option<&Integer>,
///     ) -> Option<Integer> {
///         votes.iter().map(|vote| *dag.estimate(vote.message)).max()
///     }
///
///     fn answer(&self, _: &D, value: &Integer) -> Integer {
///         *value
///     }
///
///     fn follows(&self, _: &D, value: &Integer, estimate: &Integer) -> bool {
///         value == estimate
///     }
/// }
///
/// impl<D: MessageDag<Estimate = Integer>> Follower<D> for Greatest {}
/// ```
pub trait Estimator<D: MessageDag> {
    /// What is decided: a bit, an integer, an order, a block.
    type Value: Clone + Debug + Eq;

    /// Why an estimate is not one that anybody could have.
    type Inadmissible: Error + Send + Sync + 'static;

    /// What is decided, as others know it: where a value names something in this view, what names
    /// it to everybody.
    type Answer: Clone + Debug + Eq + 'static;

    /// Whether `estimate` is a value of the protocol at all, whatever its maker had seen: checked
    /// when a message arrives, before it is held. Estimates that can be of any size have theirs
    /// bounded here, or one who sends great ones makes others hold them. Any is, unless overridden.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn admit(&self, estimate: &D::Estimate) -> Result<(), Self::Inadmissible> {
        let _ = estimate;
        Ok(())
    }

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

    /// What names `value` to everybody.
    fn answer(&self, dag: &D, value: &Self::Value) -> Self::Answer;

    /// Whether a message may carry `estimate` where [`estimate`](Self::estimate) answers `value`
    /// (rule V5).
    fn follows(&self, dag: &D, value: &Self::Value, estimate: &D::Estimate) -> bool;
}

/// An estimator that is kept up to date with a view: told of its messages, asked about them again
/// and again, and pruned with it. Whoever keeps nothing overrides nothing.
pub trait Follower<D: MessageDag>: Estimator<D> {
    /// Takes in the next message of `dag`: must be told of each, in ascending order, before it is
    /// asked about it.
    fn insert(&mut self, dag: &D, message: MessageIndex) {
        let _ = (dag, message);
    }

    /// As [`estimate`](Estimator::estimate), by the votes among what somebody has seen, and from
    /// whatever was worked out when it was asked before: for whoever asks again and again, of votes
    /// of which few differ from those asked of last.
    fn track(
        &mut self,
        dag: &D,
        validators: &ValidatorSet,
        seen: &Citations<'_>,
        start: Option<&Self::Value>,
    ) -> Option<Self::Value> {
        self.estimate(dag, validators, &votes(seen), start)
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
        let admitted = self.admit(case.estimate);
        admitted.map_err(|error| Refusal::Breaks(Breach::Inadmissible(error)))?;
        if !case.check {
            return Ok(());
        }
        let needs: Vec<MessageHash> =
            case.citations.dropped().map(|(_, message)| message).collect();
        if !needs.is_empty() {
            return Err(Unjudged::BelowHorizon { needs }.into());
        }
        match self.track(dag, validators, &case.citations, None) {
            Some(value) if !self.follows(dag, &value, case.estimate) => {
                Err(Refusal::Breaks(Breach::DoesNotFollow(self.answer(dag, &value))))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether `message` says nothing that matters any more once `root` is final: then a view that
    /// is pruned to that may drop it. Nothing is, unless overridden.
    fn is_settled(&self, dag: &D, root: &Self::Value, message: MessageIndex) -> bool {
        let _ = (dag, root, message);
        false
    }

    /// What [`judge`](Self::judge) and [`leads`](Self::leads) will need to know of `message`, once
    /// it is dropped, besides the message itself: a note for the [`Archive`], which gives it back
    /// with the message.
    fn note(&self, dag: &D, message: MessageIndex) -> Vec<u8> {
        let _ = (dag, message);
        Vec::new()
    }

    /// The view has dropped what `root` settles, a final value, and numbered its messages anew; so
    /// may the estimator. Makes each of `values`, which are on `root`, what it is from now on.
    fn prune(&mut self, pruned: &Pruned, root: &Self::Value, values: &mut [&mut Self::Value]) {
        let _ = (pruned, root, values);
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
