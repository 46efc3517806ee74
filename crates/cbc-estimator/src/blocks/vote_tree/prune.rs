//! Dropping all blocks that are not below a new root, and giving their memory back.

use cbc_view::Renumbering;

use super::{BlockIndex, VoteTree, place};

impl VoteTree {
    /// Makes `root` the root, and drops all blocks that are not descendants of it, with the votes
    /// for them. The rest are renumbered in their order: the block that was `kept[i]` is now i, and
    /// `kept` is returned, ascending; `kept[0]` is `root`. O(n).
    pub fn prune_to(&mut self, root: BlockIndex) -> Vec<BlockIndex> {
        let root = place(root);
        let parents = self.parents();
        // New places, ascending, for what is kept; 0 for the rest, as for no block.
        let mut places = vec![0; parents.len()];
        let mut kept = Vec::new();
        for (old, &parent) in (0..).zip(&parents) {
            if old == root || (old > root && places[parent as usize] != 0) {
                places[old as usize] = place(BlockIndex::new(kept.len() as u32));
                kept.push(super::block(old));
            }
        }
        drop(parents);
        self.paths.begin_main_path(root);
        let edges = self.light.retain(&places);
        self.paths.retain(&places, &edges);
        let is_kept = |old: u32| old == 0 || places[old as usize] != 0;
        self.keys.renumber(&Renumbering::keeping(places.len(), is_kept));
        self.way.shrink_to_fit();
        kept
    }

    /// The place of each block's parent.
    pub(super) fn parents(&self) -> Vec<u32> {
        let mut parents = vec![0; self.keys.len()];
        for (parent, child) in self.paths.heavy_edges() {
            parents[child as usize] = parent;
        }
        for edge in self.light.iter() {
            parents[edge.child as usize] = edge.parent;
        }
        parents
    }
}
