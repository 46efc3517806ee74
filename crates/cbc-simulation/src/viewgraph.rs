//! The view graph: what of a view is worth drawing, as plain data.

use std::collections::BTreeMap;

use cbc_message::{ValidatorId, Weight};
use cbc_oracle::SafetyOracle;
use cbc_view::{HashedDag, MessageDag, MessageIndex, View};

use crate::{Recorded, Run};

/// The newest messages of the global view of a run, placed: a lane for each validator, display
/// height upward. Messages are named by their positions in `messages`.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewGraph {
    /// What each lane's validator weighs.
    pub lanes: Vec<Weight>,
    /// The lowest and the greatest display height in the graph.
    pub heights: (u32, u32),
    /// The messages of these heights, in the order in which they were made.
    pub messages: Vec<PlacedMessage>,
    /// Whether messages are votes for blocks, and blocks built on each other.
    pub has_blocks: bool,
    /// Where there are blocks: the messages that propose those of the estimate (in a blockchain, of
    /// the fork choice), each after what it is built on.
    pub fork_choice: Vec<usize>,
    /// Finality that failed, a sentence each; none if all is as it should be.
    pub alarms: Vec<String>,
}

/// A message, placed.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedMessage {
    /// What it is called.
    pub name: String,
    /// Whose lane it is in.
    pub lane: ValidatorId,
    /// Its sequence number.
    pub sequence_number: u64,
    /// How high it is drawn.
    pub display_height: u32,
    /// The height of the block that it votes for, in a blockchain; 0 is the genesis.
    pub block_height: Option<u32>,
    /// In other protocols than a blockchain: its estimate.
    pub estimate: Option<String>,
    /// How many faulty validators its candidate tolerates; `None` if it is not safe. Where there are
    /// blocks only asked of those of the estimate: nothing else is safe.
    pub faults: Option<usize>,
    /// Where there are blocks: the messages that propose what its block is built on, or, in a
    /// blockchain, the block it votes for; `None` for the genesis, and below the graph. Nothing, if
    /// it has no block.
    pub parents: Vec<Option<usize>>,
    /// The messages it cites that its sender's previous message did not.
    pub newly_cited: Vec<usize>,
    /// Whether its sender is known to have equivocated.
    pub equivocator: bool,
    /// Whether it proposes a block, or holds a value, that is final for somebody, but was
    /// overturned or contradicts what is final for somebody else.
    pub contradicted: bool,
}

impl ViewGraph {
    /// The view graph of the observer who receives every message: its `most_heights` greatest
    /// display heights. Asks the oracle once for each block of the fork choice among them, or for
    /// each message in a protocol without blocks.
    pub fn of<P, O>(run: &Run<P, O>, most_heights: u32) -> Self
    where
        P: Recorded + Clone,
        O: SafetyOracle<View<P::Estimate>> + Clone,
    {
        let top = run.display_heights().iter().copied().max().unwrap_or(0);
        let bottom = (top + 1).saturating_sub(most_heights);
        let placed = (0..).map(MessageIndex::new).zip(run.display_heights());
        let positions: BTreeMap<MessageIndex, usize> = placed
            .filter(|&(_, &height)| height >= bottom)
            .map(|(message, _)| message)
            .zip(0..)
            .collect();
        let graph = Placing { run, positions, contradicted: contradicted(run) };
        let fork_choice = graph.fork_choice();
        let mut answers = Vec::new();
        Self {
            lanes: run.setup().validators.weights().to_vec(),
            heights: (bottom, top),
            messages: graph
                .positions
                .keys()
                .map(|&message| graph.place(message, &fork_choice, &mut answers))
                .collect(),
            has_blocks: P::STARTS_FROM_GENESIS,
            fork_choice,
            alarms: alarms(run),
        }
    }
}

/// What is final for somebody, and was overturned or contradicts what is final for another.
fn contradicted<P, O>(run: &Run<P, O>) -> Vec<P::Value>
where
    P: Recorded + Clone,
    O: SafetyOracle<View<P::Estimate>> + Clone,
{
    let contradicting = run.contradicting_values().into_iter().map(|(value, _)| value);
    let overturned = run.overturned().filter(|overturned| overturned.in_the_end);
    let (protocol, estimator) = (run.observer().protocol(), run.observer().estimator());
    let tip = run.observer().estimate_from_genesis();
    // Of several chains, those that were left.
    let left = |value: &&P::Value| {
        let excluded = |tip| protocol.excludes(estimator, tip, value);
        P::ONE_TREE || tip.as_ref().is_some_and(excluded)
    };
    let finalized = overturned.flat_map(|overturned| match overturned.validator {
        None => run.observer().finalized_of_each(),
        Some(validator) => run.standing(validator).map_or(&[][..], |it| &it.finalized),
    });
    let finalized = finalized.map(|finalized| &finalized.value).filter(left).cloned();
    contradicting.chain(finalized).collect()
}

fn alarms<P, O>(run: &Run<P, O>) -> Vec<String>
where
    P: Recorded + Clone,
    O: SafetyOracle<View<P::Estimate>> + Clone,
{
    let conflicts = run.conflicting_finality();
    let conflicts = conflicts.iter().map(|value| format!("Finality conflict: {value}"));
    let overturned = run.overturned().map(|overturned| format!("Overturned: {overturned}"));
    conflicts.chain(overturned).collect()
}

struct Placing<'a, P: Recorded, O> {
    run: &'a Run<P, O>,
    /// The messages that are drawn, and their positions.
    positions: BTreeMap<MessageIndex, usize>,
    contradicted: Vec<P::Value>,
}

impl<P, O> Placing<'_, P, O>
where
    P: Recorded + Clone,
    O: SafetyOracle<View<P::Estimate>> + Clone,
{
    /// Places a message; `answers` are those that the oracle has given so far.
    fn place(
        &self,
        message: MessageIndex,
        fork_choice: &[usize],
        answers: &mut Vec<(P::Value, Option<usize>)>,
    ) -> PlacedMessage {
        let run = self.run;
        let (global, view) = (run.observer(), run.observer().view());
        let estimate = P::blocks(global)
            .is_none()
            .then(|| P::write_estimate(run.notation(), view.estimate(message)))
            .map(|written| written.as_str().map_or_else(|| written.to_string(), str::to_owned));
        let asked = !P::STARTS_FROM_GENESIS
            || self
                .position(message)
                .is_some_and(|position| fork_choice.binary_search(&position).is_ok());
        PlacedMessage {
            name: run.notation().name(&view.hash(message)),
            lane: view.sender(message),
            sequence_number: view.sequence_number(message),
            display_height: run.display_heights().get(message.index()).copied().unwrap_or(0),
            block_height: self.block_height(message),
            estimate,
            faults: if asked { self.faults(message, answers) } else { None },
            parents: self.parents(message),
            newly_cited: self.newly_cited(message),
            equivocator: view.is_equivocator(view.sender(message)),
            contradicted: self.is_contradicted(message),
        }
    }

    fn block_height(&self, message: MessageIndex) -> Option<u32> {
        let blocks = P::blocks(self.run.observer())?;
        Some(blocks.height(blocks.voted_by(message)?))
    }

    fn is_contradicted(&self, message: MessageIndex) -> bool {
        let global = self.run.observer();
        let proposes = P::blocks(global).is_none_or(|blocks| {
            blocks.voted_by(message).and_then(|block| blocks.proposal(block)) == Some(message)
        });
        // Usually there is nothing to look for.
        proposes
            && !self.contradicted.is_empty()
            && P::candidate_of(global, message)
                .is_some_and(|value| self.contradicted.contains(&value))
    }

    fn position(&self, message: MessageIndex) -> Option<usize> {
        self.positions.get(&message).copied()
    }

    /// The positions of the proposals of the fork choice that are drawn; ascending, since every
    /// block is made after its parent.
    fn fork_choice(&self) -> Vec<usize> {
        let global = self.run.observer();
        let Some(blocks) = P::blocks(global) else {
            let estimate = global.estimate_from_genesis();
            let proposals = estimate.and_then(|it| P::proposals(global, Some(&it)));
            let proposals = proposals.unwrap_or_default();
            return proposals.into_iter().filter_map(|it| self.position(it)).collect();
        };
        let head = global.estimate_from_genesis().as_ref().and_then(P::block_of);
        let proposals = std::iter::successors(head, |&block| blocks.parent(block))
            .map_while(|block| self.position(blocks.proposal(block)?));
        let mut chain: Vec<usize> = proposals.collect();
        chain.reverse();
        chain
    }

    fn parents(&self, message: MessageIndex) -> Vec<Option<usize>> {
        let parents = P::built_on(self.run.observer(), message).into_iter();
        parents.map(|proposal| self.position(proposal?)).collect()
    }

    fn newly_cited(&self, message: MessageIndex) -> Vec<usize> {
        let view = self.run.observer().view();
        let previous = view.previous(message);
        let news = view.citations(message).iter().filter_map(|(validator, seen)| {
            let before = previous.map(|previous| view.seen(previous, validator));
            seen.latest().filter(|_| Some(seen) != before)
        });
        news.filter_map(|cited| self.position(cited)).collect()
    }

    /// Many messages may stand for one value: each is asked about once.
    fn faults(
        &self,
        message: MessageIndex,
        answers: &mut Vec<(P::Value, Option<usize>)>,
    ) -> Option<usize> {
        let global = self.run.observer();
        let value = P::candidate_of(global, message)?;
        if let Some((_, faults)) = answers.iter().find(|(known, _)| *known == value) {
            return *faults;
        }
        let safety = global.safety(&value);
        let faults = safety.fault_tolerance.map(|_| safety.faults);
        // Blocks are each asked about once anyhow.
        if P::block_of(&value).is_none() {
            answers.push((value, faults));
        }
        faults
    }
}
