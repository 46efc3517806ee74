//! GHOST from its definition: everything is recomputed for every answer.

use cbc_message::MessageHash;

/// Blocks and the votes exactly at them.
#[derive(Clone, Debug)]
pub(crate) struct Twin {
    /// The parent of each block; the root's is itself.
    pub(crate) parents: Vec<u32>,
    pub(crate) keys: Vec<MessageHash>,
    pub(crate) votes: Vec<u64>,
}

impl Twin {
    pub(crate) fn new() -> Self {
        Self { parents: vec![0], keys: vec![MessageHash::from_bytes([0; 32])], votes: vec![0] }
    }

    pub(crate) fn insert(&mut self, parent: u32, key: MessageHash) {
        self.parents.push(parent);
        self.keys.push(key);
        self.votes.push(0);
    }

    /// S of every block.
    pub(crate) fn scores(&self) -> Vec<u64> {
        let mut scores = self.votes.clone();
        for block in (1..scores.len()).rev() {
            scores[self.parents[block] as usize] += scores[block];
        }
        scores
    }

    /// The best child of every block, if one has votes.
    fn best_children(&self, scores: &[u64]) -> Vec<Option<u32>> {
        let mut best: Vec<Option<u32>> = vec![None; scores.len()];
        for (child, &parent) in (0..).zip(&self.parents).skip(1) {
            let rank = |child: u32| (scores[child as usize], self.keys[child as usize]);
            let best = &mut best[parent as usize];
            if rank(child).0 > 0 && best.is_none_or(|best| rank(child) > rank(best)) {
                *best = Some(child);
            }
        }
        best
    }

    /// The heads from the blocks `starts`.
    pub(crate) fn heads(&self, starts: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let best = self.best_children(&self.scores());
        let head = |start| {
            std::iter::successors(Some(start), |&block| best[block as usize])
                .last()
                .unwrap_or(start)
        };
        starts.into_iter().map(head).collect()
    }

    /// Drops all but `root` and its descendants.
    pub(crate) fn prune_to(&mut self, root: u32) -> Vec<u32> {
        let is_kept = |&block: &u32| {
            let up = |&block: &u32| (block > 0).then(|| self.parents[block as usize]);
            std::iter::successors(Some(block), up).any(|block| block == root)
        };
        let kept: Vec<u32> = (0..self.parents.len() as u32).filter(is_kept).collect();
        let old = self.clone();
        let new = |old: u32| kept.iter().position(|&kept| kept == old).unwrap_or(0) as u32;
        self.parents = kept.iter().map(|&block| new(old.parents[block as usize])).collect();
        self.keys = kept.iter().map(|&block| old.keys[block as usize]).collect();
        self.votes = kept.iter().map(|&block| old.votes[block as usize]).collect();
        kept
    }
}
