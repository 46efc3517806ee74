//! Carrying out a schedule round by round, and what is measured on the way.

use cbc_message::{ValidatorId, Weight};
use cbc_oracle::{Safety, SafetyOracle};
use cbc_view::{BlockIndex, BlockTree, MessageDag, MessageIndex, View};
use serde::Serialize;
use serde_json::Value as Json;
use thiserror::Error;

use crate::run::{ConflictingFinality, Run, StepError};
use crate::token::{Action, TokenError};
use crate::{Recorded, Schedule};

/// What the observer who receives every message makes of an execution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How many rounds there were.
    pub rounds: usize,
    /// How many messages were made.
    pub messages: usize,
    /// How many of them every validator has justified.
    pub justified_by_all: usize,
    /// The estimate: in a blockchain the head of the fork choice, by name.
    pub estimate: Option<Json>,
    /// The last finalized value: in a blockchain a block, by name.
    pub last_finalized: Option<Json>,
    /// What the oracle says in the end of the last finalized value.
    #[serde(skip)]
    pub safety: Option<Safety>,
    /// What only a blockchain has.
    pub chain: Option<Chain>,
    /// How many rounds passed between the making of what was finalized and its being finalized.
    pub rounds_to_finality: Option<RoundsToFinality>,
    /// The validators proved to have equivocated.
    pub equivocators: Vec<ValidatorId>,
    /// What they weigh.
    pub observed_fault_weight: Weight,
    /// The state at each report interval.
    pub reports: Vec<Report>,
}

/// Measurements of a blockchain. The genesis has height 0 and is not counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chain {
    /// How many blocks were proposed.
    pub blocks: usize,
    /// The height of the head.
    pub head_height: u32,
    /// The height of the last finalized block.
    pub last_finalized_height: u32,
    /// Of the blocks up to that height, the part that is not on its chain.
    pub orphan_rate: f64,
}

/// Rounds between the making of what was finalized and its being finalized.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoundsToFinality {
    /// How many values (in a blockchain: blocks) were finalized.
    pub finalized: usize,
    /// The mean over them.
    pub mean: f64,
    /// The greatest among them.
    pub greatest: usize,
}

/// The state after some round.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The round, from 1.
    pub round: usize,
    /// How many messages had been made.
    pub messages: usize,
    /// The estimate.
    pub estimate: Option<Json>,
    /// The last finalized value.
    pub last_finalized: Option<Json>,
    /// The height of the head, and of the last finalized block, in a blockchain.
    pub heights: Option<(u32, u32)>,
}

/// Carries out a schedule; the global observer finalizes after each round, the validators at the
/// end. Reports every `report_interval` rounds (0: never), and calls `after_round` with the run and
/// the number of rounds done.
///
/// # Errors
///
/// [`SimulationError`] if a token cannot be carried out, or finality conflicts.
pub fn simulate<P, O>(
    run: &mut Run<P, O>,
    schedule: &Schedule,
    report_interval: usize,
    mut after_round: impl FnMut(&Run<P, O>, usize),
) -> Result<Summary, SimulationError>
where
    P: Recorded + Clone,
    O: SafetyOracle<View<P::Estimate>> + Clone,
{
    let mut measured = Measured::default();
    for token in schedule.execution.tokens() {
        let makes = matches!(token.action, Action::Make | Action::MakeFrom(_));
        if makes && measured.made_this_round == schedule.messages_per_round {
            measured.end_round(run, report_interval)?;
            after_round(run, measured.rounds);
        }
        run.step(token)?;
        measured.made_this_round += usize::from(makes);
    }
    if measured.made_this_round > 0 {
        measured.end_round(run, report_interval)?;
        after_round(run, measured.rounds);
    }
    run.update_safe_estimates()?;
    Ok(measured.summary(run))
}

#[derive(Default)]
struct Measured {
    rounds: usize,
    made_this_round: usize,
    /// For each message, the round in which it was made.
    made_in: Vec<usize>,
    finalized_height: u32,
    /// How long each finalized value took.
    waits: Vec<usize>,
    reports: Vec<Report>,
}

impl Measured {
    fn end_round<P, O>(
        &mut self,
        run: &mut Run<P, O>,
        report_interval: usize,
    ) -> Result<(), ConflictingFinality>
    where
        P: Recorded + Clone,
        O: SafetyOracle<View<P::Estimate>> + Clone,
    {
        self.rounds += 1;
        self.made_this_round = 0;
        self.made_in.resize(run.notation().names().len(), self.rounds);
        let before = run.last_finalized(run.observer());
        run.update_global_safe_estimate()?;
        let now = run.last_finalized(run.observer());
        if now != before {
            self.note_finalized(run, now.as_ref());
        }
        if report_interval > 0 && self.rounds.is_multiple_of(report_interval) {
            let report = self.report(run);
            self.reports.push(report);
        }
        Ok(())
    }

    fn note_finalized<P, O>(&mut self, run: &Run<P, O>, value: Option<&P::Value>)
    where
        P: Recorded + Clone,
        O: SafetyOracle<View<P::Estimate>> + Clone,
    {
        let global = run.observer();
        match (P::blocks(global), value.and_then(P::block_of)) {
            (Some(blocks), Some(tip)) => {
                for height in self.finalized_height + 1..=blocks.height(tip) {
                    let block = blocks.ancestor_at(tip, height);
                    let proposal = block.and_then(|block| blocks.proposal(block));
                    let made_in = proposal.and_then(|message| self.made_in.get(message.index()));
                    self.waits.extend(made_in.map(|made_in| self.rounds - made_in));
                }
                self.finalized_height = blocks.height(tip);
            }
            // A value is there from the start.
            _ => self.waits.push(self.rounds),
        }
    }

    fn report<P, O>(&self, run: &Run<P, O>) -> Report
    where
        P: Recorded + Clone,
        O: SafetyOracle<View<P::Estimate>> + Clone,
    {
        let global = run.observer();
        let write = |value: &P::Value| P::write_value(run.notation(), global, value);
        let (estimate, finalized) = (global.estimate(), run.last_finalized(global));
        let height = |value: &Option<P::Value>, blocks: &BlockTree| {
            value.as_ref().and_then(P::block_of).map_or(0, |block| blocks.height(block))
        };
        Report {
            round: self.rounds,
            messages: global.view().message_count(),
            estimate: estimate.as_ref().map(write),
            last_finalized: finalized.as_ref().map(write),
            heights: P::blocks(global)
                .map(|blocks| (height(&estimate, blocks), height(&finalized, blocks))),
        }
    }

    fn summary<P, O>(self, run: &Run<P, O>) -> Summary
    where
        P: Recorded + Clone,
        O: SafetyOracle<View<P::Estimate>> + Clone,
    {
        let global = run.observer();
        let state = self.report(run);
        let finalized = run.last_finalized(global);
        let chain = P::blocks(global).zip(state.heights).map(|(blocks, heights)| Chain {
            blocks: blocks.len() - 1,
            head_height: heights.0,
            last_finalized_height: heights.1,
            orphan_rate: orphan_rate(
                blocks,
                finalized.as_ref().and_then(P::block_of).unwrap_or(BlockIndex::GENESIS),
            ),
        });
        let justified_by_all = |&message: &MessageIndex| {
            run.standings().iter().all(|standing| standing.perspective().is_justified(message))
        };
        Summary {
            rounds: self.rounds,
            messages: state.messages,
            justified_by_all: global.view().justified_messages().filter(justified_by_all).count(),
            estimate: state.estimate,
            last_finalized: state.last_finalized,
            safety: finalized.map(|value| global.safety(&value)),
            chain,
            rounds_to_finality: RoundsToFinality::of(&self.waits),
            equivocators: global.view().equivocations().map(|proof| proof.validator).collect(),
            observed_fault_weight: global.view().observed_fault_weight(),
            reports: self.reports,
        }
    }
}

impl RoundsToFinality {
    fn of(waits: &[usize]) -> Option<Self> {
        Some(Self {
            finalized: waits.len(),
            mean: waits.iter().sum::<usize>() as f64 / waits.len() as f64,
            greatest: *waits.iter().max()?,
        })
    }
}

/// Of the blocks up to the height of `finalized`, the part that is not on its chain; the genesis
/// left out. 0 if only the genesis is that high.
fn orphan_rate(blocks: &BlockTree, finalized: BlockIndex) -> f64 {
    let height = blocks.height(finalized);
    let settled = blocks.iter().skip(1).filter(|&block| blocks.height(block) <= height).count();
    // Every height up to that of the finalized block has one block on its chain.
    let orphans = settled - height as usize;
    if settled == 0 { 0.0 } else { orphans as f64 / settled as f64 }
}

/// Why a simulation stops.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SimulationError {
    /// A token that cannot be carried out.
    #[error(transparent)]
    Step(#[from] TokenError<StepError>),
    /// A finality conflict.
    #[error(transparent)]
    Conflict(#[from] ConflictingFinality),
}
