//! An observer: receives messages, estimates, and finalizes, but makes no messages.

mod finalize;
mod prune;

use std::sync::Arc;

use cbc_estimator::{BlockTree, Estimator, Follower, Ghost, Leads, Vote};
use cbc_message::{Header, Message, ValidatorId, ValidatorSet, Weight};
use cbc_oracle::FinalitySearch;
use cbc_view::{
    Archive, Limits, MessageIndex, Receipt, Rejection, SharedView, Status, Unjudged, View,
};
use tracing::error;

use crate::admission::Estimates;
use crate::finality::{Finalized, Standing};
use crate::{Answer, EstimateError, MakeError, Protocol};

/// A view, an estimator that follows it, and what has been finalized in it.
///
/// Generic over the protocol and the oracle. Without I/O: calls in, and what changed out.
#[derive(Clone, Debug)]
pub struct Observer<P: Protocol, O> {
    protocol: P,
    search: FinalitySearch<View<P::Estimate>, O>,
    pub(crate) view: SharedView<P::Estimate>,
    estimator: P::Estimator,
    pub(crate) standing: Standing<P::Value>,
    /// What the others have finalized, if this is one of several who share a view.
    pub(crate) others: Vec<Standing<P::Value>>,
    threshold: Weight,
    /// The depth of the candidate that took the place of the first ([`Self::prune`]); of several
    /// chains, of all together.
    root_depth: u64,
    check_estimates: bool,
    /// What was dropped, if somebody keeps it.
    archive: Option<Arc<dyn Archive<P::Estimate> + Send + Sync>>,
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
            search: FinalitySearch::new(oracle),
            view: SharedView::new(validators, limits, 1),
            standing: Standing::default(),
            others: Vec::new(),
            threshold: Weight::ZERO,
            root_depth: 0,
            check_estimates: true,
            archive: None,
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

    /// Judges what cites, or forks off, what was dropped with the help of an archive, to which all
    /// goes that [`prune`](Observer::prune) hands out.
    #[must_use]
    pub fn with_archive(self, archive: impl Archive<P::Estimate> + Send + Sync + 'static) -> Self {
        Self { archive: Some(Arc::new(archive)), ..self }
    }

    /// The protocol.
    pub fn protocol(&self) -> &P {
        &self.protocol
    }

    /// The view.
    pub fn view(&self) -> &View<P::Estimate> {
        self.view.lent()
    }

    /// The estimator, as told of the view's messages.
    pub fn estimator(&self) -> &P::Estimator {
        &self.estimator
    }

    /// The last finalized value and its safety, if anything is finalized.
    pub fn finalized(&self) -> Option<&Finalized<P::Value>> {
        self.standing.finalized.first()
    }

    /// The same, of each chain, for protocols whose values end several.
    pub fn finalized_of_each(&self) -> &[Finalized<P::Value>] {
        &self.standing.finalized
    }

    /// What is final, as one value: of a protocol whose values end one chain, the last finalized
    /// value; of others, what those of all chains make together.
    pub fn finalized_together(&self) -> Option<P::Value> {
        let finalized: Vec<&P::Value> =
            self.standing.finalized.iter().map(|it| &it.value).collect();
        self.protocol.join(&self.estimator, &finalized)
    }

    /// Whether the fork choice from the genesis had left what is final here, when
    /// [`update_safe_estimates`](Self::update_safe_estimates) or
    /// [`make_message`](Self::make_message) last looked: more validators have equivocated than it
    /// tolerated. What is final stays so, but others may decide otherwise.
    ///
    /// With a fork choice that comes back, this comes to an end.
    pub fn is_overturned(&self) -> bool {
        self.standing.is_overturned
    }

    /// Notes whether what is final is overturned; it becoming so is an event.
    fn note_overturned(&mut self, is_overturned: bool) {
        if is_overturned && !self.standing.is_overturned {
            let finalized = self.finalized_together();
            let observed_fault_weight = self.view.lent().observed_fault_weight();
            error!(?finalized, %observed_fault_weight, "overturned: the fork choice has left what is final");
        }
        self.standing.is_overturned = is_overturned;
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

    /// Receives a message that is held already, since another observer who shares this one's view
    /// has justified it: quicker than [`receive`](Self::receive), and nothing is checked again.
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
        let Self { protocol, estimator, view, archive, .. } = self;
        let archive = archive.as_deref().map(|archive| archive as &dyn Archive<P::Estimate>);
        (view.lent_mut(), Estimates { protocol, estimator, check: self.check_estimates, archive })
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
        let message = self.draft_message(sender)?;
        self.receive_own(message)
    }

    /// The message that [`make_message`](Self::make_message) would make. This view does not
    /// receive it, and so does not check it either.
    ///
    /// # Errors
    ///
    /// As [`Validator::make_message`](crate::Validator::make_message), but for
    /// [`MakeError::Invalid`].
    pub fn draft_message(
        &mut self,
        sender: ValidatorId,
    ) -> Result<Message<P::Estimate>, MakeError<EstimateError<P>>> {
        let start = self.finalized_together();
        let value = self.track_from(start.as_ref()).ok_or(MakeError::NoEstimate)?;
        // The fork choice that others check has left what is finalized here.
        let is_overturned = self.check_estimates
            && start.is_some()
            && (self.leads().map_err(MakeError::Unjudged)? != Leads::OnRoot
                || self.track_from(None).is_none_or(|checked| checked != value));
        if is_overturned {
            self.note_overturned(true);
            let observed_fault_weight = self.view.lent().observed_fault_weight();
            return Err(MakeError::Overturned { observed_fault_weight });
        }
        let estimate = self.protocol.estimate(&self.estimator.answer(self.view.lent(), &value));
        self.draft_message_with(sender, estimate)
    }

    /// The message that an observer would make who had seen what this one has, and finalized
    /// nothing: what rule V5 asks of everybody, and, unless this observer is overturned, what
    /// [`draft_message`](Self::draft_message) gives.
    ///
    /// # Errors
    ///
    /// [`MakeError::NoEstimate`], [`MakeError::Equivocated`].
    pub fn draft_message_from_genesis(
        &mut self,
        sender: ValidatorId,
    ) -> Result<Message<P::Estimate>, MakeError<EstimateError<P>>> {
        let answer = self.answer_from_genesis().ok_or(MakeError::NoEstimate)?;
        self.draft_message_with(sender, self.protocol.estimate(&answer))
    }

    /// What the estimator answers to this view, whatever is final in it, as others know it: for
    /// whoever chooses between several estimates that follow from that. `None` while it is open.
    pub fn answer_from_genesis(&mut self) -> Option<Answer<P>> {
        let value = self.track_from(None)?;
        Some(self.estimator.answer(self.view.lent(), &value))
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
        let message = self.draft_message_with(sender, estimate)?;
        self.receive_own(message)
    }

    fn receive_own(
        &mut self,
        message: Message<P::Estimate>,
    ) -> Result<Message<P::Estimate>, MakeError<EstimateError<P>>> {
        match self.receive(message.clone())?.status {
            Status::Unjudged(unjudged) => Err(MakeError::Unjudged(unjudged)),
            Status::Duplicate | Status::Pending { .. } | Status::Justified => Ok(message),
        }
    }

    /// The message that [`make_message_with`](Self::make_message_with) would make. This view does
    /// not receive it, and so does not check it either.
    ///
    /// # Errors
    ///
    /// [`MakeError::Equivocated`].
    pub fn draft_message_with(
        &self,
        sender: ValidatorId,
        estimate: P::Estimate,
    ) -> Result<Message<P::Estimate>, MakeError<EstimateError<P>>> {
        if let Some(equivocation) = self.view.lent().equivocation(sender) {
            return Err(MakeError::Equivocated { equivocation });
        }
        Ok(Message::new(Header {
            sender,
            sequence_number: self.view.lent().next_sequence_number(sender),
            justification: self.view.lent().justification(),
            estimate,
        })?)
    }

    /// The estimate by the latest messages of this view, starting from the last finalized value;
    /// `None` while they leave it open.
    pub fn estimate(&self) -> Option<P::Value> {
        self.estimate_from(self.finalized_together().as_ref())
    }

    /// The estimate by the latest messages of this view, whatever is final in it: what rule V5 asks
    /// for. Another than [`estimate`](Self::estimate) only if this observer is overturned.
    pub fn estimate_from_genesis(&self) -> Option<P::Value> {
        self.estimate_from(None)
    }

    fn estimate_from(&self, start: Option<&P::Value>) -> Option<P::Value> {
        self.estimator.estimate(
            self.view.lent(),
            self.view.lent().validators(),
            &self.votes(),
            start,
        )
    }

    /// As [`estimate_from`](Self::estimate_from), for those who ask often.
    fn track_from(&mut self, start: Option<&P::Value>) -> Option<P::Value> {
        let (view, seen) = self.view.lent_mut().panorama();
        self.estimator.track(view, view.validators(), &seen, start)
    }

    /// Where the latest messages lead from the genesis, seen from what is left after pruning.
    fn leads(&self) -> Result<Leads, Unjudged> {
        if !self.view.lent().is_pruned() {
            return Ok(Leads::OnRoot);
        }
        let archive = self.archive.as_deref().map(|archive| archive as &dyn Archive<P::Estimate>);
        self.estimator.leads(
            self.view.lent(),
            self.view.lent().validators(),
            &self.votes(),
            archive,
        )
    }

    fn votes(&self) -> Vec<Vote> {
        let latest = self.view.lent().latest_honest_messages();
        latest.map(|(validator, message)| Vote { validator, message }).collect()
    }
}

impl<P: Protocol<Estimator = Ghost>, O> Observer<P, O> {
    /// The blocks of this view, and of all who share it.
    pub fn blocks(&self) -> &BlockTree {
        self.estimator.blocks()
    }
}
