//! Rule V5: an estimate follows from its justification (semantics §4).

use cbc_estimator::{Breach, Case, Estimator, Follower};
use cbc_message::Message;
use cbc_view::{Admission, Archive, Incoming, MessageIndex, Refusal, View};
use thiserror::Error;

use crate::Protocol;

/// Why a structurally valid message is refused. `E` is the protocol's estimate, `I` its
/// estimator's word for what is no estimate at all.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidEstimate<E, I> {
    /// Not a value of the protocol, whatever its maker had seen.
    #[error("not an estimate of this protocol: {0}")]
    Inadmissible(#[source] I),
    /// V5: the estimator answers something else to the message's justification.
    #[error(
        "V5: the estimate does not follow from the justification: expected {expected:?}, found {found:?}"
    )]
    DoesNotFollow {
        /// What a maker who had seen just what the message cites would have carried.
        expected: E,
        /// What the message carries.
        found: E,
    },
}

/// The error of a protocol's estimates.
pub type EstimateError<P> = InvalidEstimate<
    <P as Protocol>::Estimate,
    <<P as Protocol>::Estimator as Estimator<View<<P as Protocol>::Estimate>>>::Inadmissible,
>;

/// Checks the estimates of messages before a view stores them, and tells the estimator of each
/// that it does.
pub(crate) struct Estimates<'a, P: Protocol> {
    pub(crate) protocol: &'a P,
    pub(crate) estimator: &'a mut P::Estimator,
    /// Whether V5 is checked.
    pub(crate) check: bool,
    /// What the view dropped, if somebody keeps it.
    pub(crate) archive: Option<&'a dyn Archive<P::Estimate>>,
}

impl<P: Protocol> Admission<P::Estimate> for Estimates<'_, P> {
    type Error = EstimateError<P>;

    fn check_on_receipt(&self, message: &Message<P::Estimate>) -> Result<(), EstimateError<P>> {
        let admitted = self.estimator.admit(message.estimate());
        admitted.map_err(InvalidEstimate::Inadmissible)
    }

    fn check(
        &mut self,
        view: &View<P::Estimate>,
        incoming: &Incoming<'_, P::Estimate>,
    ) -> Result<(), Refusal<EstimateError<P>>> {
        // From the genesis, not from what this view has finalized: the verdict depends on the
        // message's own past alone.
        let found = incoming.message.estimate();
        let case = Case {
            message: incoming.message.hash(),
            estimate: found,
            citations: incoming.citations,
            check: self.check,
        };
        let judged = self.estimator.judge(view, view.validators(), &case, self.archive);
        judged.map_err(|refusal| {
            refusal.map(|breach| match breach {
                Breach::Inadmissible(error) => InvalidEstimate::Inadmissible(error),
                Breach::DoesNotFollow(answer) => InvalidEstimate::DoesNotFollow {
                    expected: self.protocol.estimate(&answer),
                    found: found.clone(),
                },
            })
        })
    }

    fn stored(&mut self, view: &View<P::Estimate>, message: MessageIndex) {
        self.estimator.insert(view, message);
    }

    fn archive(&self) -> Option<&dyn Archive<P::Estimate>> {
        self.archive
    }
}
