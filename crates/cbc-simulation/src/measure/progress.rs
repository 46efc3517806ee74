//! What one view finalized, and after which rounds.

use std::collections::BTreeMap;

use cbc_estimator::{BlockIndex, BlockTree};
use cbc_oracle::SafetyOracle;
use cbc_validator::{Finalized, Observer};
use cbc_view::{HashedDag, MessageIndex, View};

use super::ValueFinality;
use crate::{Recorded, Run};

/// The last finalized values of a view, each with the round after which it became that: of each
/// chain, if there are several.
pub(super) struct Progress<V> {
    steps: Vec<(usize, V)>,
    /// Those of the last step of each chain.
    last: Vec<V>,
}

impl<V> Default for Progress<V> {
    fn default() -> Self {
        Self { steps: Vec::new(), last: Vec::new() }
    }
}

impl<V: Clone + Eq> Progress<V> {
    /// After so many rounds these are the last finalized values, of each chain.
    pub(super) fn note(&mut self, round: usize, finalized: &[Finalized<V>]) {
        for (place, Finalized { value, .. }) in finalized.iter().enumerate() {
            match self.last.get_mut(place) {
                Some(last) if last == value => continue,
                Some(last) => *last = value.clone(),
                None => self.last.push(value.clone()),
            }
            self.steps.push((round, value.clone()));
        }
    }

    pub(super) fn last(&self) -> Option<&V> {
        self.last.first()
    }

    /// What is final in the end, as one value.
    pub(super) fn together<P, O>(&self, observer: &Observer<P, O>) -> Option<V>
    where
        P: Recorded<Value = V>,
    {
        observer.protocol().join(observer.estimator(), &self.last.iter().collect::<Vec<_>>())
    }

    /// The messages whose blocks became final, each with the round after which its did, in a
    /// protocol whose values tell.
    fn proposals<P, O>(&self, observer: &Observer<P, O>) -> Option<BTreeMap<MessageIndex, usize>>
    where
        P: Recorded<Value = V>,
    {
        P::proposals(observer, None)?;
        let mut rounds = BTreeMap::new();
        for (round, value) in &self.steps {
            for proposal in P::proposals(observer, Some(value)).unwrap_or_default() {
                rounds.entry(proposal).or_insert(*round);
            }
        }
        Some(rounds)
    }

    /// The blocks that became final, from the lowest, each with the round after which it did.
    fn blocks<P>(&self, tree: &BlockTree) -> Vec<(BlockIndex, usize)>
    where
        P: Recorded<Value = V>,
    {
        let mut blocks = Vec::new();
        for (round, value) in &self.steps {
            let tip = P::block_of(value).unwrap_or(BlockIndex::GENESIS);
            // What is final is a chain, so those below are there already.
            let known = blocks.len();
            let new = (tree.height(tip) as usize).saturating_sub(known);
            let path = std::iter::successors(Some(tip), |&block| tree.parent(block));
            blocks.extend(path.take(new).map(|block| (block, *round)));
            blocks[known..].reverse();
        }
        blocks
    }

    /// How many rounds each block, or value, took; a value is there from the start.
    pub(super) fn waits<P, O>(&self, run: &Run<P, O>, made_in: &[usize]) -> Vec<usize>
    where
        P: Recorded<Value = V> + Clone,
        O: SafetyOracle<View<P::Estimate>> + Clone,
    {
        if let Some(rounds) = self.proposals(run.observer()) {
            let wait = |(proposal, round): (MessageIndex, usize)| {
                round.saturating_sub(made_in.get(proposal.index()).copied().unwrap_or(0))
            };
            return rounds.into_iter().map(wait).collect();
        }
        match P::blocks(run.observer()) {
            None => self.steps.iter().map(|&(round, _)| round).collect(),
            Some(tree) => self
                .blocks::<P>(tree)
                .into_iter()
                .map(|(block, round)| round.saturating_sub(round_of(tree, block, made_in)))
                .collect(),
        }
    }
}

/// The round in which a block was proposed.
fn round_of(tree: &BlockTree, block: BlockIndex, made_in: &[usize]) -> usize {
    let proposal = tree.proposal(block);
    proposal.and_then(|message| made_in.get(message.index())).copied().unwrap_or(0)
}

/// When each block, or each value that became final, did so: for the observer who receives every
/// message, and for each validator.
pub(super) fn by_value<P, O>(
    run: &Run<P, O>,
    made_in: &[usize],
    global: &Progress<P::Value>,
    validators: &[Progress<P::Value>],
) -> Vec<ValueFinality>
where
    P: Recorded + Clone,
    O: SafetyOracle<View<P::Estimate>> + Clone,
{
    if !run.can_finalize() {
        return Vec::new();
    }
    if let Some(proposals) = P::proposals(run.observer(), None) {
        return by_proposal(run, made_in, proposals, global, validators);
    }
    let write = |value: &P::Value| P::write_value(run.notation(), run.observer(), value);
    let Some(tree) = P::blocks(run.observer()) else {
        let mut values: Vec<&P::Value> = Vec::new();
        for (_, value) in std::iter::once(global).chain(validators).flat_map(|view| &view.steps) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        let of = |value: &&P::Value| {
            let round = |view: &Progress<P::Value>| {
                view.steps.iter().find(|(_, step)| step == *value).map(|&(round, _)| round)
            };
            ValueFinality {
                value: write(value),
                block_height: None,
                made_in_round: 0,
                finalized_in_round: round(global),
                finalized_by_validators_in_round: validators
                    .iter()
                    .map(|view| round(view).map(|round| round as u32))
                    .collect(),
            }
        };
        return values.iter().map(of).collect();
    };
    let count = validators.len();
    let mut finality: Vec<ValueFinality> = Vec::new();
    for block in tree.iter().skip(1) {
        let name = tree.id(run.observer().view(), block);
        finality.push(ValueFinality {
            value: run.notation().block_name(name).into(),
            block_height: Some(tree.height(block)),
            made_in_round: round_of(tree, block, made_in),
            finalized_in_round: None,
            finalized_by_validators_in_round: vec![None; count],
        });
    }
    // The genesis is the first block, and not among them.
    let place = |block: BlockIndex| block.index().checked_sub(1);
    for (block, round) in global.blocks::<P>(tree) {
        if let Some(entry) = place(block).and_then(|place| finality.get_mut(place)) {
            entry.finalized_in_round = Some(round);
        }
    }
    for (validator, view) in validators.iter().enumerate() {
        for (block, round) in view.blocks::<P>(tree) {
            if let Some(entry) = place(block).and_then(|place| finality.get_mut(place)) {
                entry.finalized_by_validators_in_round[validator] = Some(round as u32);
            }
        }
    }
    finality
}

/// The same, of every block that is proposed, in a protocol whose values tell which are final.
fn by_proposal<P, O>(
    run: &Run<P, O>,
    made_in: &[usize],
    proposals: Vec<MessageIndex>,
    global: &Progress<P::Value>,
    validators: &[Progress<P::Value>],
) -> Vec<ValueFinality>
where
    P: Recorded + Clone,
    O: SafetyOracle<View<P::Estimate>> + Clone,
{
    let observer = run.observer();
    let rounds = |view: &Progress<P::Value>| view.proposals(observer).unwrap_or_default();
    let (global, validators) = (rounds(global), validators.iter().map(rounds).collect::<Vec<_>>());
    let finality = proposals.into_iter().map(|proposal| ValueFinality {
        value: run.notation().name(&observer.view().hash(proposal)).into(),
        block_height: None,
        made_in_round: made_in.get(proposal.index()).copied().unwrap_or(0),
        finalized_in_round: global.get(&proposal).copied(),
        finalized_by_validators_in_round: validators
            .iter()
            .map(|rounds| rounds.get(&proposal).map(|&round| round as u32))
            .collect(),
    });
    finality.collect()
}
