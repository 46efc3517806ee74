//! Carrying out an execution, event by event, in simulated time.

use cbc_message::ValidatorId;
use cbc_simulation::rand::RngExt;
use cbc_simulation::{Action, DynOracle, Recorded, Run, StepError, Token, TokenError};
use cbc_view::{MessageDag, MessageIndex};
use rand_chacha::ChaCha8Rng;
use thiserror::Error;

use crate::adversary::Adversary;
use crate::equivocators::{Equivocators, Said};
use crate::experiment::Mode;
use crate::plan::Parameters;
use crate::timeline::{Event, Timeline};

/// Why an execution cannot be carried out.
#[derive(Debug, Error)]
pub(crate) enum ExecutionError {
    /// A validator cannot vote.
    #[error("validator {validator} cannot vote: {problem}")]
    Vote { validator: ValidatorId, problem: StepError },
    /// Something cannot be done.
    #[error(transparent)]
    Step(#[from] TokenError<StepError>),
}

/// What happened to a message on its way to one receiver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) message: MessageIndex,
    /// Since when.
    pub(crate) since: f64,
}

/// When messages were made, how much they are, and how long they waited.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// When each message was made; first messages at 0.
    pub(crate) made_at: Vec<f64>,
    /// In which round, from 1; first messages in 0.
    pub(crate) made_in: Vec<u32>,
    /// What all take, encoded.
    pub(crate) bytes: u64,
    /// How many arrivals there were, each of one message at one validator.
    pub(crate) arrivals: u64,
    /// How many of these had to wait for what they build on.
    pub(crate) waits: u64,
    /// How long all of these waited; what still does, until the end.
    pub(crate) waited: f64,
    /// For each validator, what waits.
    waiting: Vec<Vec<Waiting>>,
}

/// An execution in progress.
pub(crate) struct Execution<'a, P: Recorded + Clone> {
    pub(crate) run: &'a mut Run<P, DynOracle<P>>,
    parameters: &'a Parameters,
    rng: ChaCha8Rng,
    timeline: Timeline,
    /// For each validator, to whom it has sent something; nothing for one that has not.
    sent: Vec<Vec<bool>>,
    /// Who never speaks.
    silent: Vec<bool>,
    /// Who is down, and from when until when.
    crashed: Vec<ValidatorId>,
    outage: (f64, f64),
    equivocators: Equivocators,
    pub(crate) traffic: Traffic,
    round: u32,
}

impl<'a, P: Recorded + Clone> Execution<'a, P> {
    /// An execution of a run at its start; `rng` has drawn weights and first estimates already.
    pub(crate) fn new(
        run: &'a mut Run<P, DynOracle<P>>,
        parameters: &'a Parameters,
        rng: ChaCha8Rng,
    ) -> Self {
        let count = run.setup().validators.len();
        let members = parameters.adversary.members(&run.setup().validators);
        let mut silent = vec![false; count];
        let (mut crashed, mut outage) = (Vec::new(), (0.0, 0.0));
        match parameters.adversary {
            Adversary::Silent { .. } => {
                members.iter().for_each(|member| silent[member.index()] = true);
            }
            Adversary::Crash { start, end, .. } => {
                (crashed, outage) = (members.clone(), (start, end))
            }
            Adversary::None | Adversary::Equivocate { .. } => {}
        }
        let equivocators = Equivocators::new(&parameters.adversary, members, count);
        let mut execution = Self {
            run,
            parameters,
            rng,
            timeline: Timeline::default(),
            sent: vec![Vec::new(); count],
            silent,
            crashed,
            outage,
            equivocators,
            traffic: Traffic { waiting: vec![Vec::new(); count], ..Traffic::default() },
            round: 0,
        };
        execution.note_made(0.0, 0);
        execution.begin_round();
        execution
    }

    /// Goes on to the end of the round; says when that is, or, after the last one, nothing.
    pub(crate) fn next_round(&mut self) -> Result<Option<f64>, ExecutionError> {
        while self.round < self.parameters.rounds
            && let Some((now, event)) = self.timeline.next()
        {
            match event {
                Event::EndOfRound => {
                    self.round += 1;
                    self.begin_round();
                    return Ok(Some(now));
                }
                Event::Arrival { receiver, message, with_past } => {
                    self.arrive(now, receiver, message, with_past)?;
                }
                Event::Proposal(validator) => self.speak(now, validator, false)?,
                // What is sent now arrives after all have spoken.
                Event::Proposals => {
                    self.everybody().try_for_each(|it| self.speak(now, it, false))?;
                }
                Event::Votes => {
                    let proposer = self.in_turn();
                    let voters = self.everybody().filter(|it| it.get() != proposer);
                    voters.into_iter().try_for_each(|it| self.speak(now, it, true))?;
                }
            }
        }
        self.end_waits();
        Ok(None)
    }

    fn everybody(&self) -> impl Iterator<Item = ValidatorId> + use<P> {
        (0..self.parameters.validators).map(ValidatorId::new)
    }

    /// Whose turn it is in the round, where each has one.
    fn in_turn(&self) -> u32 {
        self.round % self.parameters.validators
    }

    /// Adds who speaks in the round, and its end.
    fn begin_round(&mut self) {
        let interval = self.parameters.interval;
        let start = f64::from(self.round) * interval;
        let mut propose = |proposer| {
            self.timeline.add(start, Event::Proposal(ValidatorId::new(proposer)));
        };
        match self.parameters.mode {
            Mode::Rand => propose(self.rng.random_range(0..self.parameters.validators)),
            Mode::Rrob | Mode::Leader => propose(self.round % self.parameters.validators),
            Mode::Full => (0..self.parameters.validators).for_each(propose),
            Mode::All => self.timeline.add(start, Event::Proposals),
        }
        if self.parameters.mode == Mode::Leader {
            self.timeline.add(start + interval / 2.0, Event::Votes);
        }
        self.timeline.add(start + interval, Event::EndOfRound);
    }

    fn is_down(&self, validator: ValidatorId, now: f64) -> bool {
        (self.outage.0..self.outage.1).contains(&now) && self.crashed.contains(&validator)
    }

    fn speak(
        &mut self,
        now: f64,
        validator: ValidatorId,
        votes: bool,
    ) -> Result<(), ExecutionError> {
        if self.silent[validator.index()] || self.is_down(validator, now) {
            return Ok(());
        }
        let said = match self.equivocators.has(validator, now) {
            true => self.equivocators.speak(self.run, validator)?,
            false => None,
        };
        if let Some(said) = said {
            self.note_made(now, self.round + 1);
            for Said { message, only } in said {
                self.send(now, validator, message, |receiver| {
                    only.is_none_or(|parity| receiver % 2 == parity)
                });
            }
            return Ok(());
        }
        let message = MessageIndex::new(self.run.display_heights().len() as u32);
        let name = name_of(self.run, message);
        if votes {
            let voted = self.run.vote(validator, name);
            voted.map_err(|problem| ExecutionError::Vote { validator, problem })?;
        } else {
            self.run.step(&Token { validator, name, action: Action::Make })?;
        }
        self.note_made(now, self.round + 1);
        self.equivocators.hear(self.run, validator, message);
        self.send(now, validator, message, |_| true);
        Ok(())
    }

    /// Sends a message of `maker` to the others that `reaches` says.
    fn send(
        &mut self,
        now: f64,
        maker: ValidatorId,
        message: MessageIndex,
        reaches: impl Fn(u32) -> bool,
    ) {
        let count = self.parameters.validators;
        let sent = &mut self.sent[maker.index()];
        sent.resize(count as usize, false);
        for receiver in (0..count).filter(|&it| it != maker.get() && reaches(it)) {
            // As if they connected: the first message that somebody sends comes with its past.
            let with_past = !std::mem::replace(&mut sent[receiver as usize], true);
            let link = (maker.get(), receiver);
            let arrival = self.parameters.network.arrival(now, link, count, &mut self.rng);
            let receiver = ValidatorId::new(receiver);
            self.timeline.add(arrival, Event::Arrival { receiver, message, with_past });
        }
    }

    fn arrive(
        &mut self,
        now: f64,
        receiver: ValidatorId,
        message: MessageIndex,
        with_past: bool,
    ) -> Result<(), ExecutionError> {
        if self.is_down(receiver, now) {
            self.timeline.add(self.outage.1, Event::Arrival { receiver, message, with_past });
            return Ok(());
        }
        let waiting = &self.traffic.waiting[receiver.index()];
        let is_asked_for = waiting.iter().any(|waiting| waiting.message == message);
        self.traffic.arrivals += u64::from(!is_asked_for);
        self.equivocators.hear(self.run, receiver, message);
        if !self.run.has_justified(receiver, message) {
            let name = name_of(self.run, message);
            let action = if with_past { Action::ReceiveJustified } else { Action::Receive };
            self.run.step(&Token { validator: receiver, name, action })?;
        }
        let waiting = &mut self.traffic.waiting[receiver.index()];
        if !self.run.has_justified(receiver, message) {
            self.traffic.waits += 1;
            waiting.push(Waiting { message, since: now });
            if self.equivocators.withhold() {
                self.ask(now, receiver, message);
            }
        } else {
            let (run, waited) = (&*self.run, &mut self.traffic.waited);
            waiting.retain(|waiting| {
                let is_over = run.has_justified(receiver, waiting.message);
                *waited += if is_over { now - waiting.since } else { 0.0 };
                !is_over
            });
        }
        Ok(())
    }

    /// Asks whoever made a message for what it builds on, which otherwise might never come.
    fn ask(&mut self, now: f64, receiver: ValidatorId, message: MessageIndex) {
        let Parameters { network, validators, .. } = self.parameters;
        let maker = self.run.observer().view().sender(message).get();
        let asked = network.arrival(now, (receiver.get(), maker), *validators, &mut self.rng);
        let answered = network.arrival(asked, (maker, receiver.get()), *validators, &mut self.rng);
        self.timeline.add(answered, Event::Arrival { receiver, message, with_past: true });
    }

    fn end_waits(&mut self) {
        let end = f64::from(self.round) * self.parameters.interval;
        let waiting = self.traffic.waiting.iter_mut().flat_map(std::mem::take);
        self.traffic.waited += waiting.map(|waiting| end - waiting.since).sum::<f64>();
    }

    /// Notes all messages that were made since this was called last.
    fn note_made(&mut self, now: f64, round: u32) {
        let view = self.run.observer().view();
        for message in self.traffic.made_at.len()..self.run.display_heights().len() {
            let encoded = view.message(MessageIndex::new(message as u32));
            self.traffic.bytes += encoded.map_or(0, |message| message.encoded_len() as u64);
            self.traffic.made_at.push(now);
            self.traffic.made_in.push(round);
        }
    }
}

/// The message that was made last.
pub(crate) fn message_made_last<P: Recorded + Clone>(
    run: &Run<P, DynOracle<P>>,
) -> Option<MessageIndex> {
    let made = run.display_heights().len() as u32;
    made.checked_sub(1).map(MessageIndex::new)
}

/// What a message is called: `I` and its number if it is a first message, else `M` and its number;
/// numbers from 1 in the order in which messages are made, those of first messages from 0.
pub(crate) fn name_of<P: Recorded + Clone>(
    run: &Run<P, DynOracle<P>>,
    message: MessageIndex,
) -> String {
    let firsts = if P::STARTS_FROM_GENESIS { 0 } else { run.setup().validators.len() };
    match message.index() < firsts {
        true => format!("I{message}", message = message.get()),
        false => format!("M{}", message.get() + 1),
    }
}
