//! Heavy paths of a whole tree at once.

use cbc_message::MessageHash;

use super::ROOT;
use super::arrays::Arrays;
use super::heavy_paths::{HeavyPaths, bound};
use super::light::LightEdges;
use super::paths::{Paths, Up};

impl HeavyPaths {
    /// The heavy paths of the tree in which blocks have these parents, by what one pass found out.
    /// O(n): paths are laid out as balanced trees.
    pub(super) fn build(keys: &[MessageHash], parents: &[u32], arrays: Arrays) -> Self {
        let Arrays { scores, mut heavy } = arrays;
        let children = || (ROOT + 1..).zip(parents.iter().skip(ROOT as usize + 1));
        // A block all whose children are without votes has a heavy one, too.
        for (child, &parent) in children() {
            let heavy = &mut heavy[parent as usize];
            if *heavy == 0 {
                *heavy = child;
            }
        }
        let mut light = LightEdges::default();
        let mut paths = Paths::scattered(&heavy);
        for (child, &parent) in children() {
            if heavy[parent as usize] != child {
                let edge = light.push(parent, child);
                let fork = paths.make_fork(parent);
                fork.best = light.reweigh(keys, fork.best, edge, scores[child as usize]);
            }
        }
        for fork in &mut paths.forks {
            fork.bound = bound(keys, &light, fork.heavy, fork.best);
        }
        let mut path = Vec::new();
        let mut lay = |top: u32, up: Up| {
            path.clear();
            let next = |&block: &u32| Some(heavy[block as usize]).filter(|&child| child != 0);
            path.extend(std::iter::successors(Some(top), next));
            paths.lay_out(&path, &scores, up);
        };
        lay(ROOT, Up::MAIN);
        for (edge, light) in (0..).zip(light.iter()) {
            lay(light.child, Up::edge(edge));
        }
        Self { paths, light, way: Vec::new() }
    }
}
