//! Blocks that consume and produce outputs.

use std::collections::BTreeSet;

use cbc_message::{BlockId, ConcurrentBlock, MessageHash, Output};
use cbc_view::{HashedDag, MessageIndex};

use super::block_set::BlockSet;

/// A block, by the order in which those of one view were made known. After all its parents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScheduledBlock(pub(super) u32);

impl ScheduledBlock {
    /// The place, for tables that have an entry for each block.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Blocks that are in a schedule together: with each its parents, and no two that consume one
/// output. It shares what it can with others, so that copying it is O(1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule(pub(super) BlockSet);

impl Schedule {
    /// These blocks.
    pub fn of(blocks: impl IntoIterator<Item = ScheduledBlock>) -> Self {
        let mut set = BlockSet::default();
        blocks.into_iter().for_each(|block| set.insert(block.0));
        Self(set)
    }

    /// Whether `block` is one of them. O(log n).
    pub fn contains(&self, block: ScheduledBlock) -> bool {
        self.0.contains(block.0)
    }

    /// The blocks, each after its parents. O(n).
    pub fn iter(&self) -> impl Iterator<Item = ScheduledBlock> + use<> {
        self.0.iter().map(ScheduledBlock)
    }
}

/// An output, as one view knows it: the number of the block that produced it, none for the
/// genesis, and which of that block's it is.
pub(super) type Place = (Option<u32>, u32);

/// The blocks that consume and produce outputs, and who consumes what. Several may consume one
/// output: a schedule has at most one of them.
#[derive(Clone, Debug)]
pub struct ConcurrentBlocks {
    /// How many outputs the genesis has.
    genesis_outputs: u32,
    blocks: Vec<Block>,
    /// The blocks that consume an output of the genesis.
    spenders: Spenders,
}

/// For each output of a block, up to the last that any block consumes, those that do.
type Spenders = Vec<Vec<u32>>;

#[derive(Clone, Debug)]
struct Block {
    proposal: MessageIndex,
    hash: MessageHash,
    inputs: Vec<Place>,
    outputs: u32,
    spenders: Spenders,
}

impl ConcurrentBlocks {
    pub(super) fn new(genesis_outputs: u32) -> Self {
        Self { genesis_outputs, blocks: Vec::new(), spenders: Vec::new() }
    }

    /// The number of blocks, without the genesis.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The blocks, each after its parents.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ScheduledBlock> + use<> {
        (0..self.blocks.len() as u32).map(ScheduledBlock)
    }

    /// The message that proposes `block`.
    pub fn proposal(&self, block: ScheduledBlock) -> MessageIndex {
        self.block(block.0).proposal
    }

    /// The hash of that message, which names the block to everybody.
    pub fn hash(&self, block: ScheduledBlock) -> MessageHash {
        self.block(block.0).hash
    }

    /// The block that `message` proposes, if it does. O(log n).
    pub fn proposed_by(&self, message: MessageIndex) -> Option<ScheduledBlock> {
        let place = self.blocks.binary_search_by_key(&message, |block| block.proposal).ok()?;
        Some(ScheduledBlock(place as u32))
    }

    /// The blocks that produced what `block` consumes, in ascending order, each once. Those of the
    /// genesis have none.
    pub fn parents(&self, block: ScheduledBlock) -> Vec<ScheduledBlock> {
        let parents = self.inputs(block.0).iter().filter_map(|&(from, _)| from);
        let mut parents: Vec<ScheduledBlock> = parents.map(ScheduledBlock).collect();
        parents.sort_unstable();
        parents.dedup();
        parents
    }

    /// `block` and all its ancestors, in ascending order. O(a log a) for a of them.
    pub fn ancestors(&self, block: ScheduledBlock) -> Vec<ScheduledBlock> {
        self.ancestors_outside(block, |_| false)
    }

    /// The same, but for those that `is_known` says yes to, and what only they are on.
    pub(super) fn ancestors_outside(
        &self,
        block: ScheduledBlock,
        is_known: impl Fn(u32) -> bool,
    ) -> Vec<ScheduledBlock> {
        let mut found = BTreeSet::new();
        let mut open = vec![block];
        while let Some(block) = open.pop() {
            if !is_known(block.0) && found.insert(block) {
                open.extend(self.parents(block));
            }
        }
        found.into_iter().collect()
    }

    /// What `block` consumes, in ascending order.
    pub fn consumed(&self, block: ScheduledBlock) -> Vec<Output> {
        let mut consumed: Vec<Output> =
            self.inputs(block.0).iter().map(|&input| self.output(input)).collect();
        consumed.sort_unstable();
        consumed
    }

    pub(super) fn inputs(&self, block: u32) -> &[Place] {
        &self.block(block).inputs
    }

    /// The block in `schedule` that consumes an output. O(s log n) where s blocks consume it.
    pub(super) fn spender(&self, schedule: &Schedule, output: Place) -> Option<u32> {
        let (from, index) = output;
        let spenders = from.map_or(&self.spenders, |from| &self.block(from).spenders);
        let spenders = spenders.get(index as usize).map_or(&[][..], Vec::as_slice);
        spenders.iter().copied().find(|&spender| schedule.0.contains(spender))
    }

    /// What the genesis and the blocks in `schedule` produce and none of these consumes, in
    /// ascending order. O(n log n).
    pub fn unspent(&self, schedule: &Schedule) -> Vec<Output> {
        let genesis = (0..self.genesis_outputs).map(|index| (None, index));
        let outputs = |block| (0..self.block(block).outputs).map(move |index| (Some(block), index));
        let created = genesis.chain(schedule.0.iter().flat_map(outputs));
        let unspent = created.filter(|&output| self.spender(schedule, output).is_none());
        let mut unspent: Vec<Output> = unspent.map(|output| self.output(output)).collect();
        unspent.sort_unstable();
        unspent
    }

    /// What `block` produces.
    pub fn outputs(&self, block: ScheduledBlock) -> Vec<Output> {
        let &Block { hash, outputs, .. } = self.block(block.0);
        let block = BlockId::Proposed(hash);
        (0..outputs).map(|index| Output { block, index }).collect()
    }

    fn output(&self, (from, index): Place) -> Output {
        let block = from.map_or(BlockId::Genesis, |from| BlockId::Proposed(self.block(from).hash));
        Output { block, index }
    }

    /// Where an output is, if a block that is known, or the genesis, produces it. O(log n).
    pub(super) fn place<D: HashedDag>(&self, dag: &D, output: &Output) -> Option<Place> {
        let BlockId::Proposed(hash) = output.block else {
            return (output.index < self.genesis_outputs).then_some((None, output.index));
        };
        let block = self.proposed_by(dag.find(&hash)?)?;
        let exists = output.index < self.block(block.0).outputs;
        exists.then_some((Some(block.0), output.index))
    }

    /// Where a block's inputs are, if all of them are in `schedule`, and unspent there. O(i log n)
    /// for i inputs, and as [`spender`](Self::spender).
    pub(super) fn available<D: HashedDag>(
        &self,
        dag: &D,
        schedule: &Schedule,
        block: &ConcurrentBlock,
    ) -> Option<Vec<Place>> {
        let available = |output| {
            let place = self.place(dag, output)?;
            let is_there = place.0.is_none_or(|from| schedule.0.contains(from));
            (is_there && self.spender(schedule, place).is_none()).then_some(place)
        };
        block.inputs().iter().map(available).collect()
    }

    /// Whether `block` can never be in a schedule that has these: one of them consumes what `block`
    /// or an ancestor of it does. O(a log n) for the a ancestors that are not among them.
    pub(super) fn is_excluded(&self, block: ScheduledBlock, by: &Schedule) -> bool {
        let outside = self.ancestors_outside(block, |known| by.0.contains(known));
        let mut inputs = outside.iter().flat_map(|&block| self.inputs(block.0));
        inputs.any(|&input| self.spender(by, input).is_some())
    }

    /// A new block, which `message` proposes.
    pub(super) fn push<D: HashedDag>(
        &mut self,
        dag: &D,
        message: MessageIndex,
        inputs: Vec<Place>,
        outputs: u32,
    ) -> ScheduledBlock {
        let number = self.blocks.len() as u32;
        for &(from, index) in &inputs {
            let spenders = match from {
                None => &mut self.spenders,
                Some(from) => &mut self.blocks[from as usize].spenders,
            };
            let count = spenders.len().max(index as usize + 1);
            spenders.resize_with(count, Vec::new);
            spenders[index as usize].push(number);
        }
        let hash = dag.hash(message);
        let spenders = Vec::new();
        self.blocks.push(Block { proposal: message, hash, inputs, outputs, spenders });
        ScheduledBlock(number)
    }

    fn block(&self, number: u32) -> &Block {
        &self.blocks[number as usize]
    }
}
