//! Dropping all blocks that are not below a new root, and giving their memory back.

use super::{VoteTree, place};

impl VoteTree {
    /// Makes `root` the root, and drops all blocks that are not descendants of it, with the votes
    /// for them. The rest are renumbered in their order: the block that was `kept[i]` is now i, and
    /// `kept` is returned, ascending; `kept[0]` is `root`. O(n).
    pub fn prune_to(&mut self, root: u32) -> Vec<u32> {
        let root = place(root);
        let parents = self.parents();
        // New places, ascending, for what is kept; 0 for the rest, as for no block.
        let mut places = vec![0; parents.len()];
        let mut kept = Vec::new();
        for (old, &parent) in (0..).zip(&parents) {
            if old == root || (old > root && places[parent as usize] != 0) {
                places[old as usize] = place(kept.len() as u32);
                kept.push(super::block(old));
            }
        }
        drop(parents);
        self.paths.begin_main_path(root);
        let edges = self.light.retain(&places);
        self.paths.retain(&places, &edges);
        let mut old = 0..;
        self.keys.retain(|_| old.next().is_some_and(|old: usize| old == 0 || places[old] != 0));
        self.keys.shrink_to_fit();
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
