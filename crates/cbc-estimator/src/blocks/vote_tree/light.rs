//! The light children of the blocks: for each block, those with votes, the best of them at hand.

use cbc_message::MessageHash;

/// In place of a [`LightEdges`] number: none.
pub(super) const NONE: u32 = u32::MAX;

/// The edges to light children. There is one for every child but the heavy one; when a block's
/// heavy child changes, the edge passes from the new heavy child to the old one, so edges come with
/// blocks and are never freed one by one.
///
/// The edges of one block whose children have votes form a pairing heap (Fredman, Sedgewick,
/// Sleator and Tarjan, "The pairing heap: a new form of self-adjusting heap", 1986), the greatest
/// (weight, key) at its root: any change is O(log m) amortised for the m light children of the
/// block *that have votes*, without recursion. Children without votes are in no heap: they are
/// never chosen, and no order among them has to be kept.
#[derive(Clone, Debug, Default)]
pub(super) struct LightEdges {
    edges: Vec<LightEdge>,
    melds: u64,
}

/// An edge to a light child, and its place in the heap of its block.
#[derive(Clone, Copy, Debug)]
pub(super) struct LightEdge {
    /// The weight of the votes on the child or its descendants. The edge is in the heap if this is
    /// more than 0.
    pub(super) weight: u64,
    /// The light child, which begins a path.
    pub(super) child: u32,
    /// Its parent.
    pub(super) parent: u32,
    /// The first edge below this one in the heap.
    pub(super) below: u32,
    /// The next edge below the same edge.
    pub(super) next: u32,
    /// The edge that this one is `next` to, or, for the first one, `below`.
    pub(super) previous: u32,
}

const _: () = assert!(size_of::<LightEdge>() == 32);

impl LightEdges {
    /// Adds the edge to a child without votes, and gives its number.
    pub(super) fn push(&mut self, parent: u32, child: u32) -> u32 {
        let this = self.edges.len() as u32;
        let [below, next, previous] = [NONE; 3];
        self.edges.push(LightEdge { weight: 0, child, parent, below, next, previous });
        this
    }

    pub(super) fn get(&self, edge: u32) -> &LightEdge {
        &self.edges[edge as usize]
    }

    /// How often two heaps were made one so far.
    pub(super) fn melds(&self) -> u64 {
        self.melds
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &LightEdge> {
        self.edges.iter()
    }

    /// Gives the child of `edge` another weight, and returns the best edge of its block, which
    /// was `best` (or none) before.
    pub(super) fn reweigh(
        &mut self,
        keys: &[MessageHash],
        best: u32,
        edge: u32,
        weight: u64,
    ) -> u32 {
        let before = std::mem::replace(&mut self.at(edge).weight, weight);
        if before == weight || (edge == best && before < weight) {
            return best;
        }
        let mut best = best;
        if before > 0 {
            if before > weight {
                // What is below it may now be better.
                let orphans = self.meld_below(keys, edge);
                if edge == best {
                    best = orphans;
                } else {
                    self.cut(edge);
                    best = self.meld(keys, best, orphans);
                }
            } else {
                self.cut(edge); // with all that is below it
            }
        }
        if weight > 0 { self.meld(keys, best, edge) } else { best }
    }

    /// Lets the best edge of a block lead to another child, of the given weight, and returns the
    /// best edge then.
    pub(super) fn replace_best(
        &mut self,
        keys: &[MessageHash],
        best: u32,
        child: u32,
        weight: u64,
    ) -> u32 {
        let others = self.meld_below(keys, best);
        let edge = self.at(best);
        (edge.child, edge.weight) = (child, weight);
        if weight > 0 { self.meld(keys, others, best) } else { others }
    }

    fn at(&mut self, edge: u32) -> &mut LightEdge {
        &mut self.edges[edge as usize]
    }

    /// Makes one heap of two: the better root, above the other.
    fn meld(&mut self, keys: &[MessageHash], one: u32, other: u32) -> u32 {
        if one == NONE {
            return other;
        }
        if other == NONE {
            return one;
        }
        self.melds += 1;
        let (a, b) = (self.get(one), self.get(other));
        let key = |edge: &LightEdge| keys[edge.child as usize];
        let first_wins = a.weight > b.weight || (a.weight == b.weight && key(a) > key(b));
        let (winner, loser) = if first_wins { (one, other) } else { (other, one) };
        let first = std::mem::replace(&mut self.at(winner).below, loser);
        let edge = self.at(loser);
        (edge.next, edge.previous) = (first, winner);
        if first != NONE {
            self.at(first).previous = loser;
        }
        let edge = self.at(winner);
        (edge.next, edge.previous) = (NONE, NONE);
        winner
    }

    /// Takes an edge that is not the best, with all below it, out of its heap.
    fn cut(&mut self, edge: u32) {
        let LightEdge { next, previous, .. } = *self.get(edge);
        let before = self.at(previous);
        if before.below == edge {
            before.below = next;
        } else {
            before.next = next;
        }
        if next != NONE {
            self.at(next).previous = previous;
        }
        let edge = self.at(edge);
        (edge.next, edge.previous) = (NONE, NONE);
    }

    /// Takes away all that is below `edge`, as one heap: melded in pairs from the first to the
    /// last, and the pairs from the last to the first.
    fn meld_below(&mut self, keys: &[MessageHash], edge: u32) -> u32 {
        let mut rest = std::mem::replace(&mut self.at(edge).below, NONE);
        let mut pairs = NONE;
        while rest != NONE {
            let one = rest;
            let other = self.get(one).next;
            rest = if other == NONE { NONE } else { self.get(other).next };
            let pair = self.meld(keys, one, other);
            self.at(pair).next = pairs;
            pairs = pair;
        }
        let mut root = NONE;
        while pairs != NONE {
            let pair = pairs;
            pairs = std::mem::replace(&mut self.at(pair).next, NONE);
            root = self.meld(keys, root, pair);
        }
        if root != NONE {
            self.at(root).previous = NONE;
        }
        root
    }
}
