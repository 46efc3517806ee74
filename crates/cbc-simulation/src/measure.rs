//! Carrying out a schedule round by round, and what is measured on the way.

mod progress;
mod summary;

use cbc_estimator::{BlockIndex, BlockTree};
use cbc_oracle::SafetyOracle;
use cbc_view::{MessageDag, MessageIndex, View};

use self::progress::Progress;
pub use self::summary::{
    Chain, Report, RoundsToFinality, Summary, ValidatorFinality, ValueFinality,
};
use crate::run::{Run, StepError};
use crate::token::TokenError;
use crate::{Recorded, Schedule};

/// When what is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Reports every so many rounds; 0 for never.
    pub report_interval: usize,
    /// Whether every validator finalizes after each round, not only at the end; the observer who
    /// receives every message always does. Asks the oracle once a round for each validator.
    pub everybody: bool,
}

/// Carries out a schedule, and calls `after_round` with the run and the number of rounds done.
///
/// What a validator finalizes never changes what it says: the same execution gives the same
/// messages, whoever is watched.
///
/// # Errors
///
/// [`TokenError`] at the first token that cannot be carried out.
pub fn simulate<P, O>(
    run: &mut Run<P, O>,
    schedule: &Schedule,
    watch: Watch,
    mut after_round: impl FnMut(&Run<P, O>, usize),
) -> Result<Summary, TokenError<StepError>>
where
    P: Recorded + Clone,
    O: SafetyOracle<View<P::Estimate>> + Clone,
{
    let mut measured = Measured::new(watch, run.setup().validators.len());
    for token in schedule.execution.tokens() {
        if token.makes() && measured.made_this_round == schedule.messages_per_round {
            measured.end_round(run);
            after_round(run, measured.rounds);
        }
        run.step(token)?;
        measured.made_this_round += usize::from(token.makes());
    }
    if measured.made_this_round > 0 {
        measured.end_round(run);
        after_round(run, measured.rounds);
    }
    run.update_safe_estimates();
    measured.note_finalized(run, true);
    Ok(measured.summary(run))
}

struct Measured<V> {
    watch: Watch,
    rounds: usize,
    made_this_round: usize,
    /// For each message, the round in which it was made.
    made_in: Vec<usize>,
    /// What the observer who receives every message finalized, and when.
    global: Progress<V>,
    /// What each validator finalized.
    validators: Vec<Progress<V>>,
    reports: Vec<Report>,
}

impl<V: Clone + Eq> Measured<V> {
    fn new(watch: Watch, validators: usize) -> Self {
        Self {
            watch,
            rounds: 0,
            made_this_round: 0,
            made_in: Vec::new(),
            global: Progress::default(),
            validators: (0..validators).map(|_| Progress::default()).collect(),
            reports: Vec::new(),
        }
    }

    fn end_round<P, O>(&mut self, run: &mut Run<P, O>)
    where
        P: Recorded<Value = V> + Clone,
        O: SafetyOracle<View<P::Estimate>> + Clone,
    {
        self.rounds += 1;
        self.made_this_round = 0;
        self.made_in.resize(run.notation().names().len(), self.rounds);
        if self.watch.everybody {
            run.update_safe_estimates();
        } else {
            run.update_global_safe_estimate();
        }
        self.note_finalized(run, self.watch.everybody);
        let interval = self.watch.report_interval;
        if interval > 0 && self.rounds.is_multiple_of(interval) {
            let report = self.report(run);
            self.reports.push(report);
        }
    }

    fn note_finalized<P, O>(&mut self, run: &Run<P, O>, everybody: bool)
    where
        P: Recorded<Value = V> + Clone,
        O: SafetyOracle<View<P::Estimate>> + Clone,
    {
        self.global.note(self.rounds, run.observer().finalized_of_each());
        if everybody {
            for (validator, progress) in run.setup().validators.ids().zip(&mut self.validators) {
                let standing = run.standing(validator);
                progress.note(self.rounds, standing.map_or(&[], |standing| &standing.finalized));
            }
        }
    }

    fn report<P, O>(&self, run: &Run<P, O>) -> Report
    where
        P: Recorded<Value = V> + Clone,
        O: SafetyOracle<View<P::Estimate>> + Clone,
    {
        let global = run.observer();
        let write = |value: &V| P::write_value(run.notation(), global, value);
        let estimate = global.estimate_from_genesis();
        let finalized = global.finalized_together();
        let height = |value: Option<&V>, blocks: &BlockTree| {
            value.and_then(P::block_of).map_or(0, |block| blocks.height(block))
        };
        Report {
            round: self.rounds,
            messages: global.view().message_count(),
            estimate: estimate.as_ref().map(write),
            last_finalized: finalized.as_ref().map(write),
            is_overturned: global.is_overturned(),
            block_heights: P::blocks(global).map(|blocks| {
                (height(estimate.as_ref(), blocks), height(finalized.as_ref(), blocks))
            }),
        }
    }

    fn summary<P, O>(self, run: &Run<P, O>) -> Summary
    where
        P: Recorded<Value = V> + Clone,
        O: SafetyOracle<View<P::Estimate>> + Clone,
    {
        let global = run.observer();
        let state = self.report(run);
        let chain = P::blocks(global).zip(state.block_heights).map(|(blocks, heights)| {
            let last = global.finalized().and_then(|finalized| P::block_of(&finalized.value));
            chain(blocks, heights, last.unwrap_or(BlockIndex::GENESIS))
        });
        let by_all = |&message: &MessageIndex| {
            let mut validators = run.setup().validators.ids();
            validators.all(|validator| run.has_justified(validator, message))
        };
        let waits = |progress: &Progress<V>| progress.waits(run, &self.made_in);
        let own_waits: Vec<Vec<usize>> = self.validators.iter().map(waits).collect();
        let every = own_waits.concat();
        let validators = run.setup().validators.ids().zip(self.validators.iter().zip(own_waits));
        let height = |value: &V| Some(P::blocks(global)?.height(P::block_of(value)?));
        let validators = validators.map(|(validator, (progress, waits))| ValidatorFinality {
            validator,
            last_finalized: progress
                .together(global)
                .map(|value| P::write_value(run.notation(), global, &value)),
            last_finalized_block_height: progress.last().and_then(height),
            rounds_to_finality: RoundsToFinality::of(waits),
        });
        let finalized = global.finalized();
        Summary {
            rounds: self.rounds,
            messages: state.messages,
            justified_by_all: global.view().justified_messages().filter(by_all).count(),
            estimate: state.estimate,
            can_finalize: run.can_finalize(),
            last_finalized: state.last_finalized,
            safety: finalized.map(|finalized| finalized.safety.clone()),
            present_safety: finalized.map(|finalized| global.safety(&finalized.value)),
            chain,
            rounds_to_finality: RoundsToFinality::of(waits(&self.global)),
            validators_rounds_to_finality: RoundsToFinality::of(every),
            validators: if run.can_finalize() { validators.collect() } else { Vec::new() },
            finality: progress::by_value(run, &self.made_in, &self.global, &self.validators),
            overturned: run.overturned().cloned().collect(),
            conflicting_finality: run.conflicting_finality(),
            equivocators: global.view().equivocations().map(|proof| proof.validator).collect(),
            observed_fault_weight: global.view().observed_fault_weight(),
            reports: self.reports,
        }
    }
}

/// The measurements of the blocks, by the heights of the head and of `finalized`.
fn chain(blocks: &BlockTree, heights: (u32, u32), finalized: BlockIndex) -> Chain {
    let (head_block_height, last_finalized_block_height) = heights;
    let all = || blocks.iter().skip(1);
    let settled = all().filter(|&block| blocks.height(block) <= last_finalized_block_height);
    // Every height up to that of the finalized block has one block on its chain.
    let on_chain = last_finalized_block_height as usize;
    let settled = settled.count();
    let related = |&block: &BlockIndex| {
        blocks.is_ancestor_or_same(block, finalized) || blocks.is_ancestor_or_same(finalized, block)
    };
    let open = all().filter(related).count() - on_chain;
    Chain {
        blocks: blocks.len() - 1,
        finalized: on_chain,
        open,
        orphaned: blocks.len() - 1 - on_chain - open,
        head_block_height,
        last_finalized_block_height,
        orphan_rate: if settled == 0 { 0.0 } else { (settled - on_chain) as f64 / settled as f64 },
    }
}
