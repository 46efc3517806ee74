//! The votes of what somebody had seen, and from there those of what somebody else had.

use cbc_message::{BlockEstimate, MessageHash, ValidatorId, ValidatorSet};
use cbc_view::{Citations, HashedDag, MessageIndex, Seen};

use super::{BlockIndex, BlockTree, LoadedVotes};

/// The votes asked of last, in place in [`LoadedVotes`]. Those asked of next differ from them where
/// one maker had seen something else than the other: only these move.
///
/// What is in place is what a message had seen that is stored, and what was asked of since, which
/// may be that of a message that is refused: it is taken back, unless that message is stored.
#[derive(Clone, Debug, Default)]
pub(super) struct FollowedVotes {
    pub(super) loaded: LoadedVotes,
    /// The stored message whose votes were in place before `since`; none while nothing was.
    at: Option<MessageIndex>,
    /// Whose votes were moved since, and what that message had seen of them.
    since: Vec<(ValidatorId, Seen)>,
    /// The message whose votes are in place, if it is one that is being judged.
    judged: Option<MessageHash>,
    /// For each validator, whether its vote is for a block that is not on the root.
    is_beside: Vec<bool>,
    /// What the votes weigh that are in place.
    on_root: u64,
    /// What the votes weigh for blocks that are not on the root, unless the root is on those.
    beside: u64,
}

impl FollowedVotes {
    /// Moves to the votes that `seen` has; `judged` is the message that is asked about, if one is.
    /// O(log V) for each validator of whom it has something else than what was asked of last, and
    /// as [`LoadedVotes::set`].
    pub(super) fn follow<D: HashedDag<Estimate: BlockEstimate>>(
        &mut self,
        blocks: &BlockTree,
        dag: &D,
        validators: &ValidatorSet,
        seen: &Citations<'_>,
        judged: Option<MessageHash>,
    ) {
        for (validator, before) in std::mem::take(&mut self.since) {
            self.set(blocks, validators, validator, before);
        }
        for (validator, before, now) in dag.news(self.at, seen) {
            self.set(blocks, validators, validator, now);
            self.since.push((validator, before));
        }
        self.judged = judged;
    }

    /// The message is stored: if its votes are in place, they stay.
    pub(super) fn stored(&mut self, message: MessageIndex, hash: impl Fn() -> MessageHash) {
        if let Some(judged) = self.judged
            && judged == hash()
        {
            self.at = Some(message);
            self.since.clear();
            self.judged = None;
        }
    }

    fn set(
        &mut self,
        blocks: &BlockTree,
        validators: &ValidatorSet,
        validator: ValidatorId,
        seen: Seen,
    ) {
        let weight = validators.weight(validator);
        let (block, is_beside) = match seen {
            Seen::Nothing | Seen::Equivocation => (None, false),
            Seen::Dropped => (None, true),
            Seen::Latest(message) => match blocks.voted_by(message) {
                Some(block) => (Some(block), false),
                // A vote for a block that the root is on is for nothing that rivals the root.
                None => (None, !blocks.is_vote_settled(message)),
            },
        };
        if self.is_beside.len() <= validator.index() {
            self.is_beside.resize(validator.index() + 1, false);
        }
        if std::mem::replace(&mut self.is_beside[validator.index()], is_beside) {
            self.beside -= weight.get();
        }
        if is_beside {
            self.beside += weight.get();
        }
        if self.loaded.block(validator).is_some() {
            self.on_root -= weight.get();
        }
        match block {
            Some(block) => {
                self.on_root += weight.get();
                self.loaded.set(validator, block, weight);
            }
            None => self.loaded.withdraw(validator),
        }
    }

    /// Whether the votes on the root outweigh all others.
    pub(super) fn root_outweighs(&self) -> bool {
        self.on_root > self.beside
    }

    /// Drops all blocks but `root` and its descendants; no votes are in place any more.
    pub(super) fn prune_to(&mut self, root: BlockIndex) {
        self.loaded.prune_to(root);
        for validator in (0..self.is_beside.len() as u32).map(ValidatorId::new) {
            self.loaded.withdraw(validator);
        }
        let loaded = std::mem::take(&mut self.loaded);
        *self = Self { loaded, ..Self::default() };
    }
}
