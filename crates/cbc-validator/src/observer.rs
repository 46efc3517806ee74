//! An observer: receives messages, estimates, and finalizes, but makes no messages.

use std::sync::Arc;

use cbc_estimator::{BlockTree, Estimator, Follower, Ghost, Leads, MajorityDriven, Vote};
use cbc_message::{Header, Message, ValidatorId, ValidatorSet, Weight};
use cbc_oracle::{FinalitySearch, Safety, SafetyOracle};
use cbc_view::{
    Archive, Archived, Limits, MessageIndex, Property, Receipt, Rejection, SharedView, Status,
    Unjudged, View,
};
use tracing::{error, info};

use crate::admission::Estimates;
use crate::finality::{Advance, Finality, FinalityConflict, Finalized, Standing};
use crate::{EstimateError, MakeError, Protocol};

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

    /// What is final, as one value.
    fn start(&self) -> Option<P::Value> {
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
            let finalized = self.start();
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
        let start = self.start();
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
        let value = self.track_from(None).ok_or(MakeError::NoEstimate)?;
        let estimate = self.protocol.estimate(&self.estimator.answer(self.view.lent(), &value));
        self.draft_message_with(sender, estimate)
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
        self.estimate_from(self.start().as_ref())
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
        let votes = self.votes();
        self.estimator.track(self.view.lent(), self.view.lent().validators(), &votes, start)
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

    /// The last of the candidates of `tip`, past the first `above`, that is safe at the threshold;
    /// `tip` ends one of so many chains.
    fn deepest_safe(
        &mut self,
        tip: &P::Value,
        above: u32,
        chains: usize,
    ) -> Option<Finalized<P::Value>> {
        let Self { protocol, search, view, estimator, threshold, .. } = self;
        if chains > 1 {
            search.reset(); // What it keeps is of one chain, and what that grows into.
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
        let ends = tip.map_or(Vec::new(), |tip| self.protocol.ends(&self.estimator, &tip));
        // An estimate that is left open agrees with nothing that is final.
        let is_overturned = |finalized: &P::Value| {
            let conflicts = |end| self.protocol.conflict(&self.estimator, finalized, end);
            ends.is_empty() || ends.iter().any(conflicts)
        };
        let finalized = self.standing.finalized.iter().map(|finalized| &finalized.value);
        let mut finalized = finalized.filter(|finalized| is_overturned(finalized));
        let overturned = finalized.next().cloned();
        self.note_overturned(overturned.is_some());
        let Some(finalized) = overturned else { return Ok(self.advance(&ends)) };
        for end in &ends {
            if let Some(Finalized { value, .. }) = self.deepest_safe(end, 0, ends.len())
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

    /// Finalizes what is safe of the chains with these ends, with which nothing final conflicts.
    fn advance(&mut self, ends: &[P::Value]) -> Finality<P::Value> {
        let mut advances = Vec::new();
        for end in ends {
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
            let Some(finalized) = self.deepest_safe(end, above, ends.len()) else { continue };
            let Finalized { value, safety } = &finalized;
            info!(?value, fault_tolerance = ?safety.fault_tolerance, "finalized");
            let (protocol, estimator) = (&self.protocol, &self.estimator);
            let depths = above + 1..=protocol.depth(estimator, value);
            let candidates = depths.map(|depth| protocol.candidate(estimator, value, depth));
            advances
                .push(Advance { candidates: candidates.collect(), finalized: finalized.clone() });
            match known {
                Some(known) => self.standing.finalized[known] = finalized,
                None => self.standing.finalized.push(finalized),
            }
        }
        if advances.is_empty() { Finality::Unchanged } else { Finality::Advanced(advances) }
    }
}

impl<P: Protocol, O> Observer<P, O> {
    /// Drops what the last finalized value settles, but for `depths` candidates before it: the
    /// candidate so far above takes the place of the very first, as that of which all else is held
    /// to be. Of a blockchain, the ancestor so many heights below the last final block takes the
    /// place of the genesis; all blocks that are not on that go, and all messages that vote for
    /// them. Each message is handed to `archive` first, in ascending order. Answers how many were.
    ///
    /// Everybody's latest messages stay, and what messages on the root cite: see [`View::prune`].
    /// Whoever cites no more than that is judged as before, and by whom most votes are on the root
    /// as well; of others the observer says that they cannot be judged here, unless it has an
    /// archive ([`with_archive`](Self::with_archive)). With one, what becomes justified, estimates
    /// and finality are from now on what they would have been, as long as nobody overturns the
    /// root; if somebody does, that is what the observer says.
    ///
    /// `depths` is therefore not about what is right, but about how often the archive is asked, or,
    /// without one, how far the slowest validator may lag behind finality to be followed.
    ///
    /// Of several who share a view ([`SharedObserver`](crate::SharedObserver)), this is for all: what
    /// all have finalized is settled, and nobody loses what it has not justified.
    ///
    /// All message and block indices change. O(held), so that it costs nothing to speak of if what
    /// is held has doubled since the last time.
    pub fn prune(&mut self, depths: u32, mut archive: impl FnMut(Archived<P::Estimate>)) -> usize {
        let lent = self.view.observer();
        let Self { protocol, view, estimator, standing, others, .. } = self;
        let mut roots = Vec::new();
        let mut root_depth = 0;
        for Finalized { value, .. } in &standing.finalized {
            let mut depth = protocol.depth(estimator, value);
            for observer in (0..view.observers()).filter(|&observer| observer != lent) {
                // What all have finalized of this chain.
                let other = others.get(observer).map_or(&[][..], |standing| &standing.finalized);
                let common =
                    other.iter().map(|it| protocol.common_depth(estimator, value, &it.value));
                depth = depth.min(common.max().unwrap_or(0));
            }
            let depth = depth.saturating_sub(depths);
            root_depth += u64::from(depth);
            roots.push(protocol.candidate(estimator, value, depth));
        }
        if root_depth <= self.root_depth {
            return 0;
        }
        let Some(root) = protocol.join(estimator, &roots.iter().collect::<Vec<_>>()) else {
            return 0;
        };
        let view = view.lent_mut();
        let pruning = view.pruning(|message| estimator.is_settled(view, &root, message));
        for message in pruning.dropped() {
            if let Some(archived) = view.archived(message) {
                archive(Archived { note: estimator.note(view, message), ..archived });
            }
        }
        let pruned = view.complete(pruning);
        let all = others.iter_mut().chain([standing]).flat_map(|it| &mut it.finalized);
        let mut values: Vec<&mut P::Value> = all.map(|finalized| &mut finalized.value).collect();
        Follower::<View<P::Estimate>>::prune(estimator, &pruned, &root, &mut values);
        self.root_depth = root_depth;
        self.search.reset();
        pruned.dropped()
    }
}

impl<P: Protocol<Estimator = Ghost>, O> Observer<P, O> {
    /// The blocks of this view, and of all who share it.
    pub fn blocks(&self) -> &BlockTree {
        self.estimator.blocks()
    }
}
