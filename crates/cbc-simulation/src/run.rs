//! Running an execution, token by token.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use cbc_estimator::MajorityDriven;
use cbc_message::{ValidatorId, ValidatorSet, Weight};
use cbc_oracle::SafetyOracle;
use cbc_validator::{FinalityConflict, MakeError, Observer, Standing};
use cbc_view::{HashedDag, Limits, MessageDag, MessageIndex, Rejection, View};
use thiserror::Error;

use crate::token::{Action, Execution, Token, TokenError};
use crate::{Notation, Recorded};

/// Parameters of a run, besides its execution.
#[derive(Clone, Debug)]
pub struct Setup<P, O> {
    /// What is decided, and how.
    pub protocol: P,
    /// The oracle that all finalize by.
    pub oracle: O,
    /// The validators.
    pub validators: Arc<ValidatorSet>,
    /// The fault tolerance at which they finalize.
    pub threshold: Weight,
    /// Whether they check rule V5.
    pub check_estimates: bool,
    /// The items of orders; none in other protocols.
    pub items: Vec<String>,
}

impl<P: Recorded + Clone, O: Clone> Setup<P, O> {
    /// Somebody who has seen nothing, and keeps whatever the execution sends.
    pub fn observer(&self) -> Observer<P, O> {
        let (protocol, oracle) = (self.protocol.clone(), self.oracle.clone());
        Observer::with_limits(protocol, oracle, Arc::clone(&self.validators), Limits::NONE)
            .with_threshold(self.threshold)
            .with_estimate_check(self.check_estimates)
    }
}

/// How an observer of this protocol finalizes.
type Finalize<P, O> =
    fn(&mut Observer<P, O>) -> Result<(), FinalityConflict<<P as cbc_validator::Protocol>::Value>>;

/// An execution in progress: every validator's view, and that of an observer who receives every
/// message as soon as it is made.
///
/// They share one [`Observer`], so that a message is checked once, when it is made.
pub struct Run<P: Recorded, O> {
    setup: Setup<P, O>,
    /// The observer who receives every message, but while somebody else is in its place. Its
    /// indices are the order in which the messages were made, as are the notation's numbers.
    observer: Observer<P, O>,
    /// What each validator has seen.
    standings: Vec<Standing<P>>,
    notation: Notation,
    display_heights: Vec<u32>,
    finalize: Option<Finalize<P, O>>,
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
            observer: setup.observer(),
            standings: (0..count).map(|_| Standing::new(count)).collect(),
            notation: Notation::new(setup.items.clone()),
            setup,
            display_heights: Vec::new(),
            finalize: None,
            position: 0,
        };
        if let Some(estimates) = initial_estimates {
            let (found, expected) = (estimates.len(), count);
            if found != expected {
                return Err(SetupError::InitialEstimates { found, expected });
            }
            for (validator, estimate) in run.setup.validators.ids().zip(estimates) {
                let made = run.as_validator(validator, |run| {
                    run.observer.make_message_with(validator, estimate).map_err(cannot_make)
                });
                made.and_then(|_| run.announce(format!("I{validator}"), 0)).map_err(|problem| {
                    let (validator, problem) = (validator.index(), problem.to_string());
                    SetupError::InitialEstimate { validator, problem }
                })?;
            }
        }
        Ok(run)
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
        &self.observer
    }

    /// What each validator has seen and finalized.
    pub fn standings(&self) -> &[Standing<P>] {
        &self.standings
    }

    /// Calls `act` with a validator in the observer's place. Nothing else changes.
    pub fn visit<T>(&mut self, validator: ValidatorId, act: impl FnOnce(&Self) -> T) -> T {
        self.as_validator(validator, |run| act(run))
    }

    fn as_validator<T>(&mut self, validator: ValidatorId, act: impl FnOnce(&mut Self) -> T) -> T {
        self.observer.exchange(&mut self.standings[validator.index()]);
        let result = act(self);
        self.observer.exchange(&mut self.standings[validator.index()]);
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
        let position = self.position;
        self.position += 1;
        self.carry_out(token).map_err(|problem| TokenError::new(position, token, problem))
    }

    fn carry_out(&mut self, token: &Token) -> Result<(), StepError> {
        let (validator, count) = (token.validator, self.standings.len());
        if validator.index() >= count {
            return Err(StepError::UnknownValidator { validator, count });
        }
        match &token.action {
            Action::Make => {
                self.check_new(&token.name)?;
                let display_height =
                    self.as_validator(validator, |run| run.make_message(validator))?;
                self.announce(token.name.clone(), display_height)
            }
            Action::MakeFrom(names) => {
                self.check_new(&token.name)?;
                let seen: Result<Vec<_>, _> = names.iter().map(|name| self.message(name)).collect();
                let cones = self.past_cones(seen?, |_| false);
                let mut maker = Standing::new(count);
                self.observer.exchange(&mut maker);
                let received = cones.into_iter().try_for_each(|message| self.receive(message));
                let made = received.and_then(|()| self.make_message(validator));
                self.observer.exchange(&mut maker);
                self.announce(token.name.clone(), made?)
            }
            Action::Receive => {
                let message = self.message(&token.name)?;
                self.as_validator(validator, |run| run.receive(message))
            }
            Action::ReceiveJustified => {
                let message = self.message(&token.name)?;
                let perspective = self.standings[validator.index()].perspective();
                if perspective.is_all_justified_before(message) {
                    return self.as_validator(validator, |run| run.receive(message));
                }
                let has = |cited| perspective.is_justified(cited);
                let mut lacking = self.past_cones(vec![message], has).into_iter();
                self.as_validator(validator, |run| lacking.try_for_each(|each| run.receive(each)))
            }
        }
    }

    /// The observer in place receives a message that was made.
    fn receive(&mut self, message: MessageIndex) -> Result<(), StepError> {
        self.observer.receive_held(message).map_err(rejected).map(drop)
    }

    /// The observer in place makes a message; answers its display height.
    fn make_message(&mut self, validator: ValidatorId) -> Result<u32, StepError> {
        let display_height = self.next_display_height(&self.observer);
        let known = self.observer.view().message_count();
        let message = self.observer.make_message(validator).map_err(cannot_make)?;
        if self.observer.view().message_count() == known {
            let other = self.notation.name(&message.hash());
            return Err(StepError::SameMessage { other });
        }
        Ok(display_height)
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
                let citations = self.observer.view().citations(message);
                found.extend(citations.iter().flat_map(|(_, seen)| seen.messages()));
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
        if self.notation.number_of(name).is_some() || name == crate::notation::GENESIS {
            return Err(StepError::NameTaken { name: name.to_owned() });
        }
        Ok(())
    }

    /// Gives the message made last its name and shows it to the observer of all.
    fn announce(&mut self, name: String, display_height: u32) -> Result<(), StepError> {
        let message = MessageIndex::new(self.display_heights.len() as u32);
        self.receive(message)?;
        self.notation.add(name, self.observer.view().hash(message));
        self.display_heights.push(display_height);
        Ok(())
    }

    fn next_display_height(&self, observer: &Observer<P, O>) -> u32 {
        let view = observer.view();
        let height_of =
            |(_, message): (_, MessageIndex)| self.display_heights.get(message.index()).copied();
        let genesis = P::blocks(observer).map(|_| 0);
        let seen = view.latest_messages().filter_map(height_of).chain(genesis).max();
        seen.map_or(0, |height| height + 1)
    }

    /// Every view finalizes what is safe in it; in a protocol that cannot finalize, none does.
    ///
    /// # Errors
    ///
    /// [`ConflictingFinality`] at the first view in which what is safe conflicts with what is
    /// final.
    pub fn update_safe_estimates(&mut self) -> Result<(), ConflictingFinality> {
        self.update_global_safe_estimate()?;
        let Some(finalize) = self.finalize else { return Ok(()) };
        for validator in self.setup.validators.ids() {
            self.as_validator(validator, |run| {
                finalize(&mut run.observer).map_err(|conflict| {
                    let (notation, observer) = (&run.notation, &run.observer);
                    ConflictingFinality::new(Some(validator), notation, observer, &conflict)
                })
            })?;
        }
        Ok(())
    }

    /// The global observer alone finalizes what is safe.
    ///
    /// # Errors
    ///
    /// [`ConflictingFinality`] if that conflicts with what is final.
    pub fn update_global_safe_estimate(&mut self) -> Result<(), ConflictingFinality> {
        let Some(finalize) = self.finalize else { return Ok(()) };
        finalize(&mut self.observer).map_err(|conflict| {
            ConflictingFinality::new(None, &self.notation, &self.observer, &conflict)
        })
    }

    /// What a view has finalized. In a protocol that cannot finalize: the value that would be safe,
    /// if its estimator were majority driven.
    pub fn last_finalized(&self, observer: &Observer<P, O>) -> Option<P::Value> {
        if self.finalize.is_some() {
            return observer.finalized().map(|finalized| finalized.value.clone());
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

fn cannot_make<R: Error + 'static>(error: MakeError<R>) -> StepError {
    StepError::CannotMake { problem: error.to_string() }
}

fn rejected<R: Error + 'static>(rejection: Box<Rejection<R>>) -> StepError {
    StepError::Rejected { problem: rejection.to_string() }
}

/// Why a run cannot start.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SetupError {
    /// A validator could not be made.
    #[error("{problem}")]
    Validator {
        /// Why.
        problem: String,
    },
    /// Not one initial estimate for each validator.
    #[error("{found} initial estimates for {expected} validators")]
    InitialEstimates {
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
    /// An initial estimate that nobody may have.
    #[error("the initial estimate of validator {validator}: {problem}")]
    InitialEstimate {
        /// Whose it is.
        validator: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// Why a token cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StepError {
    /// The validator is not in the set.
    #[error("there is no validator {validator}, only {count} from 0")]
    UnknownValidator {
        /// The validator.
        validator: ValidatorId,
        /// How many there are.
        count: usize,
    },
    /// No message of this name has been made yet.
    #[error("no message {name} has been made before")]
    UnknownMessage {
        /// The name.
        name: String,
    },
    /// The name is taken.
    #[error("the name {name} is taken")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The message is, to the letter, one that exists.
    #[error("the message made is the same as {other}")]
    SameMessage {
        /// The name of that one.
        other: String,
    },
    /// The validator cannot make a message.
    #[error("{problem}")]
    CannotMake {
        /// Why.
        problem: String,
    },
    /// The message is invalid.
    #[error("{problem}")]
    Rejected {
        /// Why.
        problem: String,
    },
}

/// In one view, what is safe conflicts with what is final.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{who}: {conflicting} is safe, and conflicts with {finalized}, which is final; validators \
     known to have equivocated weigh {observed_fault_weight}"
)]
pub struct ConflictingFinality {
    /// Whose view it is.
    pub who: String,
    /// What is final.
    pub finalized: String,
    /// What is safe.
    pub conflicting: String,
    /// The weight of those that the view can prove to have equivocated.
    pub observed_fault_weight: Weight,
}

impl ConflictingFinality {
    fn new<P: Recorded, O>(
        who: Option<ValidatorId>,
        notation: &Notation,
        observer: &Observer<P, O>,
        conflict: &FinalityConflict<P::Value>,
    ) -> Self
    where
        P::Value: fmt::Debug,
    {
        let write = |value| P::write_value(notation, observer, value).to_string();
        Self {
            who: who.map_or("the global view".to_owned(), |id| format!("validator {id}")),
            finalized: write(&conflict.finalized),
            conflicting: write(&conflict.conflicting),
            observed_fault_weight: conflict.observed_fault_weight,
        }
    }
}
