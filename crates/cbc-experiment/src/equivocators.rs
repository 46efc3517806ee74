//! Validators who equivocate, by a strategy.

use cbc_estimator::BlockIndex;
use cbc_message::ValidatorId;
use cbc_simulation::{Action, DynOracle, Recorded, Run, StepError, Token, TokenError};
use cbc_view::{MessageDag, MessageIndex, Seen};

use crate::adversary::{Adversary, Strategy};
use crate::execution::{message_made_last, name_of};

/// A message that an equivocator has made, and whom it sends it to.
pub(crate) struct Said {
    pub(crate) message: MessageIndex,
    /// Only those whose number has this remainder by 2, if not everybody.
    pub(crate) only: Option<u32>,
}

/// One of two tongues of an equivocator: what it has said with it, and heard.
///
/// It hears no message whose maker has seen what the other tongue has said: whatever it says is
/// valid then, and proves nothing alone.
#[derive(Clone, Debug, Default)]
struct Tongue {
    own: Vec<MessageIndex>,
    /// The latest heard of each validator.
    heard: Vec<Option<MessageIndex>>,
}

impl Tongue {
    fn hear(&mut self, message: MessageIndex, sender: ValidatorId, of_itself: Seen) {
        let may = match of_itself {
            Seen::Nothing => true,
            Seen::Latest(own) => self.own.contains(&own),
            Seen::Equivocation | Seen::Dropped => false,
        };
        if let Some(heard) = self.heard.get_mut(sender.index()).filter(|_| may) {
            *heard = (*heard).max(Some(message));
        }
    }
}

/// An equivocator.
#[derive(Clone, Debug)]
struct Member {
    id: ValidatorId,
    tongues: [Tongue; 2],
    /// How many messages it has made that are common to both.
    honest: usize,
    /// Whether it has said all that it will.
    is_done: bool,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Equivocators {
    members: Vec<Member>,
    strategy: Strategy,
    start: f64,
    copies: u32,
}

impl Equivocators {
    /// Those of an adversary, who are these, among so many validators.
    pub(crate) fn new(adversary: &Adversary, members: Vec<ValidatorId>, validators: usize) -> Self {
        let Adversary::Equivocate { strategy, start, copies, .. } = *adversary else {
            return Self { members: Vec::new(), strategy: Strategy::Late, start: 0.0, copies: 0 };
        };
        let tongue = Tongue { own: Vec::new(), heard: vec![None; validators] };
        let member = |id| Member {
            id,
            tongues: [tongue.clone(), tongue.clone()],
            honest: 0,
            is_done: false,
        };
        Self { members: members.into_iter().map(member).collect(), strategy, start, copies }
    }

    /// Whether the validator is one, and has begun.
    pub(crate) fn has(&self, validator: ValidatorId, now: f64) -> bool {
        now >= self.start && self.members.iter().any(|member| member.id == validator)
    }

    /// Whether they keep some messages from some validators, who then have to ask for them.
    pub(crate) fn withhold(&self) -> bool {
        self.strategy == Strategy::Split && !self.members.is_empty()
    }

    /// A message was received by a validator, or made by it as it should.
    pub(crate) fn hear<P: Recorded + Clone>(
        &mut self,
        run: &Run<P, DynOracle<P>>,
        validator: ValidatorId,
        message: MessageIndex,
    ) {
        let strategy = self.strategy;
        let Some(member) = self.members.iter_mut().find(|member| member.id == validator) else {
            return;
        };
        let view = run.observer().view();
        let sender = view.sender(message);
        if sender == validator {
            if !member.tongues.iter().any(|tongue| tongue.own.contains(&message)) {
                member.tongues.iter_mut().for_each(|tongue| tongue.own.push(message));
                member.honest += 1;
            }
            return;
        }
        let of_itself = view.seen(message, validator);
        for (parity, tongue) in (0..).zip(&mut member.tongues) {
            if strategy != Strategy::Split || sender.get() % 2 == parity {
                tongue.hear(message, sender, of_itself);
            }
        }
    }

    /// An equivocator speaks in its turn; nothing if it speaks as it should this time.
    pub(crate) fn speak<P: Recorded + Clone>(
        &mut self,
        run: &mut Run<P, DynOracle<P>>,
        validator: ValidatorId,
    ) -> Result<Option<Vec<Said>>, TokenError<StepError>> {
        let Self { members, strategy, copies, .. } = self;
        let Some(member) = members.iter_mut().find(|it| it.id == validator && !it.is_done) else {
            return Ok(Some(Vec::new()));
        };
        let mut said = Vec::new();
        match strategy {
            Strategy::Split => {
                for parity in 0..2 {
                    let message = member.say(run, parity as usize, 0)?;
                    said.extend(message.map(|message| Said { message, only: Some(parity) }));
                }
            }
            Strategy::Balance => {
                let lighter = member.lighter_tongue(run);
                let message = member.say(run, lighter, 0)?;
                said.extend(message.map(|message| Said { message, only: None }));
            }
            Strategy::Late => {
                // Where it had heard nothing since the message before, that is what it said then:
                // it denies more.
                let own = &member.tongues[0].own;
                for kept in (0..=own.len() / 2).rev().filter(|_| !own.is_empty()) {
                    let before = kept.checked_sub(1).and_then(|last| own.get(last)).copied();
                    if let Some(message) = make(run, validator, before.into_iter().collect())? {
                        said.push(Said { message, only: None });
                        member.is_done = true;
                        break;
                    }
                }
                if !member.is_done {
                    return Ok(None);
                }
            }
            Strategy::Flood => {
                let own = member.tongues[0].own.clone();
                for fewer in 0..*copies as usize {
                    member.tongues[0].own.clone_from(&own);
                    let message = member.say(run, 0, fewer)?;
                    said.extend(message.map(|message| Said { message, only: None }));
                }
                // It goes on from the first of them.
                let first = said.first().map(|said| said.message);
                member.tongues[0].own = own.into_iter().chain(first).collect();
            }
        }
        Ok(Some(said))
    }
}

impl Member {
    /// Says something with a tongue, as if it had not heard the last `fewer` validators that it has;
    /// nothing if that was said before.
    fn say<P: Recorded + Clone>(
        &mut self,
        run: &mut Run<P, DynOracle<P>>,
        tongue: usize,
        fewer: usize,
    ) -> Result<Option<MessageIndex>, TokenError<StepError>> {
        let Some(tongue) = self.tongues.get_mut(tongue) else { return Ok(None) };
        let heard: Vec<MessageIndex> = tongue.heard.iter().copied().flatten().collect();
        let kept = heard.len().saturating_sub(fewer);
        let seen = heard.into_iter().take(kept).chain(tongue.own.last().copied()).collect();
        let made = make(run, self.id, seen)?;
        tongue.own.extend(made);
        Ok(made)
    }

    /// The tongue whose last block fewer validators build on, the first if as many do.
    fn lighter_tongue<P: Recorded + Clone>(&self, run: &Run<P, DynOracle<P>>) -> usize {
        let observer = run.observer();
        let block_of = |message| P::block_of(&P::candidate_of(observer, message)?);
        let on = |block: BlockIndex| {
            let blocks = P::blocks(observer)?;
            let latest = observer.view().latest_honest_messages();
            let on = latest.filter(|&(_, message)| {
                block_of(message).is_some_and(|it| blocks.is_ancestor_or_same(block, it))
            });
            Some(on.count())
        };
        // Who has said nothing with a tongue yet has nobody there.
        let followers = self.tongues.each_ref().map(|tongue| {
            let last = tongue.own.get(self.honest..).and_then(<[_]>::last);
            last.and_then(|&message| on(block_of(message)?)).unwrap_or(0)
        });
        usize::from(followers[1] < followers[0])
    }
}

/// Makes a message as if its maker had seen just these and their past, and lets the maker have it;
/// none if there is such a message already.
fn make<P: Recorded + Clone>(
    run: &mut Run<P, DynOracle<P>>,
    validator: ValidatorId,
    seen: Vec<MessageIndex>,
) -> Result<Option<MessageIndex>, TokenError<StepError>> {
    let next = MessageIndex::new(run.display_heights().len() as u32);
    let name = name_of(run, next);
    let seen = seen.into_iter().map(|message| name_of(run, message)).collect();
    let action = Action::MakeFrom { seen, estimate: None };
    match run.step(&Token { validator, name: name.clone(), action }) {
        Ok(()) => {}
        Err(error) if matches!(error.problem, StepError::SameMessage { .. }) => return Ok(None),
        Err(error) => return Err(error),
    }
    run.step(&Token { validator, name, action: Action::ReceiveJustified })?;
    Ok(message_made_last(run))
}
