//! Running an execution, token by token.

mod errors;
mod finalize;
mod setup;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::Arc;

use cbc_message::{Header, Message, ValidatorId};
use cbc_oracle::SafetyOracle;
use cbc_validator::{
    FinalityConflict, InvalidEstimate, MakeError, Observer, SharedObserver, Standing,
};
use cbc_view::{HashedDag, MessageIndex, Reason, View};

pub use errors::{SetupError, StepError};
pub use setup::Setup;

use crate::finality::Overturned;
use crate::notation::as_in_tokens;
use crate::seats::Seats;
use crate::token::{Action, Execution, Token, TokenError};
use crate::{GENESIS, Notation, Recorded};

/// How an observer of this protocol finalizes.
type Finalize<P, O> =
    fn(&mut Observer<P, O>) -> Result<(), FinalityConflict<<P as cbc_validator::Protocol>::Value>>;

/// An execution in progress: every validator's view, and that of an observer who receives every
/// message as soon as it is made.
///
/// They share a view, so that a message is held and checked once, when it is made. Indices are the
/// order in which the messages were made, as are the notation's numbers.
pub struct Run<P: Recorded, O> {
    setup: Setup<P, O>,
    /// The observer who receives every message, and the validators; the former is in place, unless
    /// one of the latter is.
    seats: Seats<P, O>,
    notation: Notation,
    display_heights: Vec<u32>,
    finalize: Option<Finalize<P, O>>,
    /// Whose final value was overturned: a validator's, or, by `None`, that of the observer who
    /// receives every message.
    overturned: BTreeMap<Option<ValidatorId>, Overturned>,
    /// How many tokens have been carried out.
    position: usize,
}

impl<P, O> Run<P, O>
where
    P: Recorded + Clone,
    O: SafetyOracle<View<P::Estimate>> + Clone,
{
    /// A run at its start, in which nobody ever finalizes.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if there is not one initial estimate for each validator (or none at all), or
    /// one is none of this protocol. Validator `i` then holds its first message, `I<i>`.
    pub fn new(
        setup: Setup<P, O>,
        initial_estimates: Option<Vec<P::Estimate>>,
    ) -> Result<Self, SetupError> {
        let count = setup.validators.len();
        let mut run = Self {
            seats: Seats::new(SharedObserver::new(setup.observer(), count), count),
            notation: Notation::new(setup.items.clone()),
            setup,
            display_heights: Vec::new(),
            finalize: None,
            overturned: BTreeMap::new(),
            position: 0,
        };
        if let Some(estimates) = initial_estimates {
            let (found, expected) = (estimates.len(), count);
            if found != expected {
                return Err(SetupError::InitialEstimates { found, expected });
            }
            run.make_first_messages(estimates)?;
        }
        Ok(run)
    }

    /// Makes everybody's first message, all of whom have seen nothing.
    fn make_first_messages(&mut self, estimates: Vec<P::Estimate>) -> Result<(), SetupError> {
        let nothing = self.observer().view().justification();
        let validators = Arc::clone(&self.setup.validators);
        for (sender, estimate) in validators.ids().zip(estimates) {
            let justification = nothing.clone();
            let problem = |problem: String| SetupError::InitialEstimate {
                validator: sender.index(),
                problem,
            };
            let message =
                Message::new(Header { sender, sequence_number: 0, justification, estimate })
                    .map_err(|error| problem(error.to_string()))?;
            let hash = message.hash();
            let received = self.observer_mut().receive(message);
            received.map_err(|rejection| problem(rejection.reason.to_string()))?;
            self.notation.add(format!("I{sender}"), hash);
            self.display_heights.push(0);
        }
        self.seats.start_with_first_messages();
        Ok(())
    }

    /// What the run was set up with.
    pub fn setup(&self) -> &Setup<P, O> {
        &self.setup
    }

    /// The names of the messages made.
    pub fn notation(&self) -> &Notation {
        &self.notation
    }

    /// The observer who receives every message; within [`visit`](Self::visit), the one visited.
    pub fn observer(&self) -> &Observer<P, O> {
        self.seats.all().lent()
    }

    fn observer_mut(&mut self) -> &mut Observer<P, O> {
        self.seats.all_mut().lent_mut()
    }

    /// What a validator has finalized; `None` for one that has seen nothing, or nothing but its own
    /// first message.
    pub fn standing(&self, validator: ValidatorId) -> Option<&Standing<P::Value>> {
        self.seats.standing(validator)
    }

    /// Whether a message is justified for a validator.
    pub fn has_justified(&self, validator: ValidatorId, message: MessageIndex) -> bool {
        self.seats.has_justified(validator, message)
    }

    /// Whether views finalize in this protocol: not if its estimator is not majority driven.
    pub fn can_finalize(&self) -> bool {
        self.finalize.is_some()
    }

    /// Whose final value was overturned, the observer who receives every message first.
    pub fn overturned(&self) -> impl ExactSizeIterator<Item = &Overturned> {
        self.overturned.values()
    }

    /// Calls `act` with a validator in the observer's place. Nothing else changes.
    pub fn visit<T>(&mut self, validator: ValidatorId, act: impl FnOnce(&Self) -> T) -> T {
        let result = self.in_place(validator, |run| act(run));
        self.seats.leave(validator);
        result
    }

    fn as_validator<T>(&mut self, validator: ValidatorId, act: impl FnOnce(&mut Self) -> T) -> T {
        let result = self.in_place(validator, act);
        self.seats.take(validator);
        result
    }

    /// Calls `act` with a validator in the observer's place.
    fn in_place<T>(&mut self, validator: ValidatorId, act: impl FnOnce(&mut Self) -> T) -> T {
        if let Some(first) = self.seats.lend(validator) {
            // Valid, and cites nothing: it cannot be refused.
            let _ = self.receive(first);
        }
        let result = act(self);
        self.seats.lend_global();
        result
    }

    /// The display height of each message made: one more than the greatest among the latest
    /// messages its maker had seen, 0 if it had seen none; the genesis counts as seen, with 0.
    pub fn display_heights(&self) -> &[u32] {
        &self.display_heights
    }

    /// Carries out all of an execution.
    ///
    /// # Errors
    ///
    /// [`TokenError`] at the first token that cannot be carried out.
    pub fn execute(&mut self, execution: &Execution) -> Result<(), TokenError<StepError>> {
        execution.tokens().iter().try_for_each(|token| self.step(token))
    }

    /// Carries out one token.
    ///
    /// # Errors
    ///
    /// [`TokenError`] if it cannot be; nothing changes then.
    pub fn step(&mut self, token: &Token) -> Result<(), TokenError<StepError>> {
        self.carry_out(token).map_err(|problem| TokenError::new(self.position, token, problem))?;
        self.position += 1;
        Ok(())
    }

    fn carry_out(&mut self, token: &Token) -> Result<(), StepError> {
        let (validator, count) = (token.validator, self.seats.len());
        if validator.index() >= count {
            return Err(StepError::UnknownValidator { validator, count });
        }
        match &token.action {
            Action::Make => {
                self.check_new(&token.name)?;
                let display_height =
                    self.as_validator(validator, |run| run.make_message(validator, None))?;
                self.announce(token.name.clone(), display_height)
            }
            &Action::MakeBy { choice } => {
                self.check_new(&token.name)?;
                let display_height = self.as_validator(validator, |run| {
                    let answer = run.observer_mut().answer_from_genesis();
                    let answer = answer.ok_or(StepError::NoEstimate)?;
                    let estimate = P::choose(&answer, choice).ok_or(StepError::NoChoice)?;
                    run.make_message(validator, Some(estimate))
                })?;
                self.announce(token.name.clone(), display_height)
            }
            Action::MakeFrom { seen, estimate } => {
                self.check_new(&token.name)?;
                let seen: Result<Vec<_>, _> = seen.iter().map(|name| self.message(name)).collect();
                let estimate =
                    estimate.as_ref().map(|text| self.parse_estimate(text)).transpose()?;
                let cones = self.past_cones(seen?, |_| false);
                self.seats.lend_nobody();
                let received = cones.into_iter().try_for_each(|message| self.receive(message));
                let made = received.and_then(|()| self.make_message(validator, estimate));
                self.seats.lend_global();
                self.announce(token.name.clone(), made?)
            }
            Action::Receive => {
                let message = self.message(&token.name)?;
                self.as_validator(validator, |run| run.receive(message))
            }
            Action::ReceiveJustified => {
                let message = self.message(&token.name)?;
                if self.seats.has_justified_all_before(validator, message) {
                    return self.as_validator(validator, |run| run.receive(message));
                }
                let has = |cited| self.seats.has_justified(validator, cited);
                let mut lacking = self.past_cones(vec![message], has).into_iter();
                self.as_validator(validator, |run| lacking.try_for_each(|each| run.receive(each)))
            }
        }
    }

    fn parse_estimate(&self, text: &str) -> Result<P::Estimate, StepError> {
        P::parse_estimate(&self.notation, text).ok_or_else(|| StepError::NotAnEstimate {
            found: text.to_owned(),
            expected: P::estimate_form(&self.notation),
        })
    }

    /// The observer in place receives a message that was made.
    fn receive(&mut self, message: MessageIndex) -> Result<(), StepError> {
        let received = self.observer_mut().receive_held(message);
        received.map(drop).map_err(|rejection| rejected(&rejection.reason))
    }

    /// The observer in place makes a message, with an estimate of its own or that which follows
    /// from what it has seen, whatever it has finalized; answers its display height.
    fn make_message(
        &mut self,
        validator: ValidatorId,
        estimate: Option<P::Estimate>,
    ) -> Result<u32, StepError> {
        let display_height = self.next_display_height(self.observer());
        let draft = match estimate {
            Some(estimate) => self.observer_mut().draft_message_with(validator, estimate),
            None => self.observer_mut().draft_message_from_genesis(validator),
        };
        let message = draft.map_err(cannot_make)?;
        if self.notation.number_of_hash(&message.hash()).is_some() {
            return Err(StepError::SameMessage { other: self.notation.name(&message.hash()) });
        }
        let found = message.estimate().clone();
        let Err(rejection) = self.observer_mut().receive(message) else {
            return Ok(display_height);
        };
        let write = |estimate| as_in_tokens(&P::write_estimate(&self.notation, estimate));
        Err(match rejection.reason {
            Reason::Refused(InvalidEstimate::DoesNotFollow { expected, found }) => {
                StepError::DoesNotFollow { expected: write(&expected), found: write(&found) }
            }
            Reason::Refused(InvalidEstimate::Inadmissible(_)) => {
                StepError::NotSeen { found: write(&found) }
            }
            reason => rejected(&reason),
        })
    }

    /// The messages and their past cones, in an order in which each comes after all it cites;
    /// without those that `has` answers for, and what only these cite.
    fn past_cones(
        &self,
        messages: Vec<MessageIndex>,
        has: impl Fn(MessageIndex) -> bool,
    ) -> BTreeSet<MessageIndex> {
        let mut cones = BTreeSet::new();
        let mut found = messages;
        while let Some(message) = found.pop() {
            if !has(message) && cones.insert(message) {
                found.extend(self.observer().view().cited(message));
            }
        }
        cones
    }

    fn message(&self, name: &str) -> Result<MessageIndex, StepError> {
        match self.notation.number_of(name) {
            Some(number) => Ok(MessageIndex::new(number as u32)),
            None => Err(StepError::UnknownMessage { name: name.to_owned() }),
        }
    }

    fn check_new(&self, name: &str) -> Result<(), StepError> {
        if name == GENESIS && P::STARTS_FROM_GENESIS {
            return Err(StepError::NameOfGenesis);
        }
        if self.notation.number_of(name).is_some() {
            return Err(StepError::NameTaken { name: name.to_owned() });
        }
        Ok(())
    }

    /// Gives the message made last its name and shows it to the observer of all.
    fn announce(&mut self, name: String, display_height: u32) -> Result<(), StepError> {
        let message = MessageIndex::new(self.display_heights.len() as u32);
        self.receive(message)?;
        self.notation.add(name, self.observer().view().hash(message));
        self.display_heights.push(display_height);
        Ok(())
    }

    fn next_display_height(&self, observer: &Observer<P, O>) -> u32 {
        let view = observer.view();
        let height_of =
            |(_, message): (_, MessageIndex)| self.display_heights.get(message.index()).copied();
        let genesis = P::STARTS_FROM_GENESIS.then_some(0);
        let seen = view.latest_messages().filter_map(height_of).chain(genesis).max();
        seen.map_or(0, |height| height + 1)
    }
}

fn cannot_make<R: Error + 'static>(error: MakeError<R>) -> StepError {
    match error {
        MakeError::NoEstimate => StepError::NoEstimate,
        error => StepError::CannotMake { problem: error.to_string() },
    }
}

fn rejected<R: Error + 'static>(reason: &Reason<R>) -> StepError {
    StepError::Rejected { problem: reason.to_string() }
}
