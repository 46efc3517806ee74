//! Dropping all blocks that are not below a new root, and giving their memory back.

use cbc_view::Renumbering;

use super::arrays::Arrays;
use super::{BlockIndex, Sums, VoteTree, block, place};

impl VoteTree {
    /// Makes `root` the root, and drops all blocks that are not descendants of it, with the votes
    /// for them. The rest are renumbered in their order: the block that was `kept[i]` is now i, and
    /// `kept` is returned, ascending; `kept[0]` is `root`. O(n).
    pub fn prune_to(&mut self, root: BlockIndex) -> Vec<BlockIndex> {
        let root = place(root);
        // New places, ascending, for what is kept; 0 for the rest, as for no block.
        let mut places = vec![0; self.parents.len()];
        let mut kept = Vec::new();
        for (old, &parent) in (0..).zip(&*self.parents) {
            if old == root || (old > root && places[parent as usize] != 0) {
                places[old as usize] = place(BlockIndex::new(kept.len() as u32));
                kept.push(block(old));
            }
        }
        self.parents.iter_mut().for_each(|parent| *parent = places[*parent as usize]);
        let is_kept = |old: u32| old == 0 || places[old as usize] != 0;
        let kept_places = Renumbering::keeping(places.len(), is_kept);
        self.keys.renumber(&kept_places);
        self.parents.renumber(&kept_places);
        self.votes.renumber(&kept_places);
        let paths = matches!(self.sums, Sums::Paths(_));
        self.changes.lose_track();
        self.sums = Sums::Arrays(Arrays::default());
        self.settle();
        if paths {
            self.build_paths();
        }
        kept
    }
}
