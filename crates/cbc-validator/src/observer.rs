//! An observer: receives messages, estimates, and finalizes, but makes no messages.

use std::sync::Arc;

use cbc_estimator::{Estimator, MajorityDriven, Vote};
use cbc_message::{BlockVote, Header, Message, ValidatorId, ValidatorSet, Weight};
use cbc_oracle::{LobbyingTable, Safety, SafetyOracle};
use cbc_view::{
    BlockIndex, BlockTree, Chain, Limits, MessageIndex, Perspective, Property, Receipt, Rejection,
    Status, View,
};
use thiserror::Error;
use tracing::{error, info};

use crate::admission::Estimates;
use crate::{Blockchain, EstimateError, MakeError, Protocol};

/// A value that will not change unless more validators equivocate than its safety says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finalized<V> {
    /// The value.
    pub value: V,
    /// What the oracle answered when it was finalized.
    pub safety: Safety,
}

/// What one observer has seen and finalized, of several who share an [`Observer`].
#[derive(Clone, Debug)]
pub struct Standing<P: Protocol> {
    perspective: Perspective<P::Estimate>,
    finalized: Option<Finalized<P::Value>>,
}

impl<P: Protocol> Standing<P> {
    /// That of somebody who has seen nothing, in a network of so many validators.
    pub fn new(validators: usize) -> Self {
        Self { perspective: Perspective::new(validators), finalized: None }
    }

    /// What this observer has seen.
    pub fn perspective(&self) -> &Perspective<P::Estimate> {
        &self.perspective
    }

    /// The last finalized value and its safety, if anything is finalized.
    pub fn finalized(&self) -> Option<&Finalized<P::Value>> {
        self.finalized.as_ref()
    }
}

/// A view, an estimator that follows it, and what has been finalized in it.
///
/// Generic over the protocol and the oracle. Without I/O: calls in, and what changed out.
pub struct Observer<P: Protocol, O> {
    protocol: P,
    oracle: O,
    view: View<P::Estimate>,
    estimator: P::Estimator,
    finalized: Option<Finalized<P::Value>>,
    threshold: Weight,
    check_estimates: bool,
    /// The value that the oracle was asked about last, and what it worked out then.
    asked: (Option<P::Value>, LobbyingTable),
}

impl<P: Protocol, O> Observer<P, O> {
    /// An observer that has seen nothing, finalizes at fault tolerance 0 (the proof of concept's
    /// "margin > 0") and checks rule V5.
    pub fn new(protocol: P, oracle: O, validators: Arc<ValidatorSet>) -> Self {
        Self::with_limits(protocol, oracle, validators, Limits::default())
    }

    /// As [`new`](Self::new), with other [`Limits`] of the view.
    pub fn with_limits(
        protocol: P,
        oracle: O,
        validators: Arc<ValidatorSet>,
        limits: Limits,
    ) -> Self {
        Self {
            estimator: protocol.estimator(),
            protocol,
            oracle,
            view: View::with_limits(validators, limits),
            finalized: None,
            threshold: Weight::ZERO,
            check_estimates: true,
            asked: (None, LobbyingTable::new()),
        }
    }

    /// Finalizes only what tolerates equivocators of weight `threshold`.
    ///
    /// What is tolerated belongs to each finalized value: of a chain, a deep block may tolerate
    /// much less than the one that was final before it. Only with a threshold is there something
    /// that all of them tolerate.
    #[must_use]
    pub fn with_threshold(self, threshold: Weight) -> Self {
        Self { threshold, ..self }
    }

    /// Checks rule V5, or does not: then makers are trusted to estimate honestly.
    #[must_use]
    pub fn with_estimate_check(self, check_estimates: bool) -> Self {
        Self { check_estimates, ..self }
    }

    /// Makes this another observer of the same network, and `standing` what this one has seen and
    /// finalized.
    ///
    /// Who runs many observers in one process has one `Observer`, and a standing for each: every
    /// message is then held, resolved, checked and told to the estimator once between them. See
    /// [`View::exchange`].
    pub fn exchange(&mut self, standing: &mut Standing<P>) {
        self.view.exchange(&mut standing.perspective);
        std::mem::swap(&mut self.finalized, &mut standing.finalized);
    }

    /// The protocol.
    pub fn protocol(&self) -> &P {
        &self.protocol
    }

    /// The view.
    pub fn view(&self) -> &View<P::Estimate> {
        &self.view
    }

    /// The estimator, as told of the view's messages.
    pub fn estimator(&self) -> &P::Estimator {
        &self.estimator
    }

    /// The last finalized value and its safety, if anything is finalized.
    pub fn finalized(&self) -> Option<&Finalized<P::Value>> {
        self.finalized.as_ref()
    }

    /// Receives a message and checks it: V1–V5 and V8.
    ///
    /// # Errors
    ///
    /// [`Rejection`] if it is invalid; nothing is stored then. What cannot be judged is no error:
    /// see [`View::insert_with`].
    pub fn receive(
        &mut self,
        message: Message<P::Estimate>,
    ) -> Result<Receipt<EstimateError<P>>, Box<Rejection<EstimateError<P>>>> {
        let (view, mut estimates) = self.parts();
        view.insert_with(message, &mut estimates)
    }

    /// Receives a message that this observer's view holds already, for another
    /// [`Standing`]: quicker than [`receive`](Self::receive), and nothing is checked again.
    ///
    /// # Errors
    ///
    /// See [`View::insert_held`].
    pub fn receive_held(
        &mut self,
        message: MessageIndex,
    ) -> Result<Receipt<EstimateError<P>>, Box<Rejection<EstimateError<P>>>> {
        let (view, mut estimates) = self.parts();
        view.insert_held(message, &mut estimates)
    }

    fn parts(&mut self) -> (&mut View<P::Estimate>, Estimates<'_, P>) {
        let Self { protocol, estimator, view, .. } = self;
        (view, Estimates { protocol, estimator, check: self.check_estimates })
    }

    /// Makes a message of `sender` with the estimate of this view, which then holds the message as
    /// justified.
    ///
    /// # Errors
    ///
    /// As [`Validator::make_message`](crate::Validator::make_message).
    pub fn make_message(
        &mut self,
        sender: ValidatorId,
    ) -> Result<Message<P::Estimate>, MakeError<EstimateError<P>>> {
        let start = self.finalized.as_ref().map(|finalized| finalized.value.clone());
        let value = self.track_from(start.as_ref()).ok_or(MakeError::NoEstimate)?;
        // The fork choice that others check has left what is finalized here.
        let is_overturned = self.check_estimates
            && start.is_some()
            && self.track_from(None).is_none_or(|checked| checked != value);
        if is_overturned {
            let observed_fault_weight = self.view.observed_fault_weight();
            return Err(MakeError::Overturned { observed_fault_weight });
        }
        let estimate = self.protocol.estimate(&self.view, &self.estimator, &value);
        self.make_message_with(sender, estimate)
    }

    /// Makes a message of `sender` with an estimate of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`Validator::make_message_with`](crate::Validator::make_message_with).
    pub fn make_message_with(
        &mut self,
        sender: ValidatorId,
        estimate: P::Estimate,
    ) -> Result<Message<P::Estimate>, MakeError<EstimateError<P>>> {
        if let Some(equivocation) = self.view.equivocation(sender) {
            return Err(MakeError::Equivocated { equivocation });
        }
        let message = Message::new(Header {
            sender,
            sequence_number: self.view.next_sequence_number(sender),
            justification: self.view.justification(),
            estimate,
        })?;
        match self.receive(message.clone())?.status {
            Status::Unjudged(unjudged) => Err(MakeError::Unjudged(unjudged)),
            Status::Duplicate | Status::Pending { .. } | Status::Justified => Ok(message),
        }
    }

    /// The estimate by the latest messages of this view, starting from the last finalized value;
    /// `None` while they leave it open.
    pub fn estimate(&self) -> Option<P::Value> {
        self.estimate_from(self.finalized.as_ref().map(|finalized| &finalized.value))
    }

    fn estimate_from(&self, start: Option<&P::Value>) -> Option<P::Value> {
        self.estimator.estimate(&self.view, self.view.validators(), &self.votes(), start)
    }

    /// As [`estimate_from`](Self::estimate_from), for those who ask often.
    fn track_from(&mut self, start: Option<&P::Value>) -> Option<P::Value> {
        let votes = self.votes();
        self.estimator.track(&self.view, self.view.validators(), &votes, start)
    }

    fn votes(&self) -> Vec<Vote> {
        let latest = self.view.latest_honest_messages();
        latest.map(|(validator, message)| Vote { validator, message }).collect()
    }
}

impl<P: Protocol, O: SafetyOracle<View<P::Estimate>>> Observer<P, O> {
    /// The oracle's answer for `value` in this view.
    pub fn safety(&self, value: &P::Value) -> Safety {
        self.safety_by(&self.oracle, value)
    }

    /// The answer of another oracle for `value` in this view.
    pub fn safety_by<Q>(&self, oracle: &Q, value: &P::Value) -> Safety
    where
        Q: SafetyOracle<View<P::Estimate>> + ?Sized,
    {
        let property = self.protocol.property(&self.estimator, value);
        let property: &dyn Property<View<P::Estimate>> = &property;
        oracle.safety(&self.view, self.view.validators(), property)
    }

    /// The last of the candidates of `tip`, past the first `above`, that is safe at the threshold.
    fn deepest_safe(&mut self, tip: &P::Value, above: u32) -> Option<Finalized<P::Value>> {
        let Self { protocol, oracle, view, estimator, asked, threshold, .. } = self;
        let (of, table) = asked;
        if of.as_ref() != Some(tip) {
            let common = |of: &P::Value| protocol.common_depth(estimator, of, tip);
            table.set_common_depth(of.as_ref().map_or(0, common));
            *of = Some(tip.clone());
        }
        let chain = protocol.chain(estimator, tip);
        let chain: &dyn Chain<View<P::Estimate>> = &chain;
        let validators = view.validators();
        let (depth, safety) =
            oracle.deepest_safe(view, validators, chain, table, above, *threshold)?;
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
    /// validators have equivocated than that one tolerated. Nothing changes then.
    pub fn update_safe_estimates(
        &mut self,
    ) -> Result<Option<&Finalized<P::Value>>, FinalityConflict<P::Value>> {
        // From the genesis: from the last finalized value one could never leave it, and would not
        // see that it had been overturned.
        let Some(tip) = self.track_from(None) else { return Ok(None) };
        let finalized = self.finalized.as_ref().map(|finalized| &finalized.value);
        let overturned = finalized
            .filter(|finalized| self.protocol.conflict(&self.estimator, finalized, &tip))
            .cloned();
        if let Some(finalized) = overturned {
            return match self.deepest_safe(&tip, 0) {
                Some(Finalized { value, .. })
                    if self.protocol.conflict(&self.estimator, &finalized, &value) =>
                {
                    let observed_fault_weight = self.view.observed_fault_weight();
                    error!(?finalized, conflicting = ?value, %observed_fault_weight, "finality conflict");
                    Err(FinalityConflict { finalized, conflicting: value, observed_fault_weight })
                }
                _ => Ok(None),
            };
        }
        let above = finalized.map_or(0, |value| self.protocol.depth(&self.estimator, value));
        let Some(deeper) = self.deepest_safe(&tip, above) else { return Ok(None) };
        info!(value = ?deeper.value, fault_tolerance = ?deeper.safety.fault_tolerance, "finalized");
        Ok(Some(self.finalized.insert(deeper)))
    }
}

impl<O> Observer<Blockchain, O> {
    /// Drops what the last finalized block settles, but for `heights` before it. Its ancestor so
    /// far below takes the place of the genesis; all blocks that are not on that go, and all
    /// messages that vote for them, each handed to `archive` first, in ascending order. Answers how
    /// many were handed out.
    ///
    /// A message can be judged as long as the newest that its maker had seen is not dropped, and of
    /// the votes that it cites those on what is left outweigh those that may rival it. `heights` is
    /// therefore how far the slowest honest validator may lag behind finality: one that
    /// lags further cannot be followed any more, but by somebody who keeps more.
    ///
    /// Everybody's latest messages, and what new messages may cite, leave a record: see
    /// [`View::prune`] for what stays, and for what then can no longer be judged. Estimates and
    /// finality are from now on as they would have been, as long as no more validators equivocate
    /// than the finalized block tolerates.
    ///
    /// All message and block indices change. Not for an observer who shares this with others
    /// ([`exchange`](Self::exchange)). O(held), so that it costs nothing to speak of if what is held
    /// has doubled since the last time.
    pub fn prune(&mut self, heights: u32, archive: impl FnMut(Message<BlockVote>)) -> usize {
        let Some(finalized) = &mut self.finalized else { return 0 };
        let blocks = self.estimator.blocks();
        let height = blocks.height(finalized.value).saturating_sub(heights);
        let Some(root) = blocks.ancestor_at(finalized.value, height) else { return 0 };
        if root == BlockIndex::GENESIS {
            return 0;
        }
        let drops = |message| {
            blocks.voted_by(message).is_none_or(|block| !blocks.is_ancestor_or_same(root, block))
        };
        let pruned = self.view.prune(&mut [], drops, archive);
        let estimator: &mut dyn Estimator<View<BlockVote>, Value = _, Inadmissible = _> =
            &mut self.estimator;
        finalized.value = estimator.prune(&pruned, &root, &finalized.value);
        self.asked = Default::default();
        pruned.dropped()
    }

    /// The blocks of this view, and of all who share it.
    pub fn blocks(&self) -> &BlockTree {
        self.estimator.blocks()
    }
}

/// Two values were found safe that cannot both be decided: validators of more weight have
/// equivocated than the first one tolerated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{conflicting:?} is safe, and conflicts with {finalized:?}, which is finalized: \
     validators of weight {observed_fault_weight} are known to have equivocated"
)]
pub struct FinalityConflict<V: std::fmt::Debug> {
    /// The value that is finalized, and stays so.
    pub finalized: V,
    /// The value that conflicts with it.
    pub conflicting: V,
    /// The weight of the validators that the view can prove to have equivocated.
    pub observed_fault_weight: Weight,
}
