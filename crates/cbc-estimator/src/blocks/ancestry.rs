//! GHOST from votes alone, over anything that knows who descends from whom.

use std::cmp::Ordering;

use cbc_message::{BlockId, Weight};

/// A tree of blocks that answers who descends from whom.
pub(crate) trait Ancestry {
    /// A block, of which there are few questions asked but which is copied often.
    type Block: Copy + Ord;

    /// The number of blocks between `block` and the genesis, itself included.
    fn height(&self, block: Self::Block) -> u32;

    /// The ancestor of `block`, or `block` itself, at `height`; none above `block`.
    fn ancestor_at(&self, block: Self::Block, height: u32) -> Option<Self::Block>;

    /// The highest block that is an ancestor of, or the same as, both.
    fn common_ancestor(&self, one: Self::Block, other: Self::Block) -> Self::Block;

    /// What names `block` to others, and breaks ties.
    fn id(&self, block: Self::Block) -> BlockId;

    /// Whether `above` is `below` or an ancestor of it.
    fn is_ancestor_or_same(&self, above: Self::Block, below: Self::Block) -> bool {
        self.ancestor_at(below, self.height(above)) == Some(above)
    }
}

/// The head from `start` by these votes; those of no weight, and not on `start`, do not count.
///
/// The way is not walked. Only blocks that are voted for and the forks between them matter, fewer
/// than two for each vote: with the voted blocks in preorder, those on any block stand next to one
/// another, and fork where the first and the last of them do. O(N log N) questions for N votes,
/// whatever the shape of the tree, and no recursion.
pub(crate) fn head<A: Ancestry>(
    tree: &A,
    votes: impl Iterator<Item = (A::Block, Weight)>,
    start: A::Block,
) -> A::Block {
    let mut head = start;
    let voted = voted(tree, votes, start);
    let mut on_head = voted.as_slice();
    while let (Some(first), Some(last)) = (on_head.first(), on_head.last()) {
        // All votes that still matter are on this block: nothing rivals it on the way there.
        head = tree.common_ancestor(first.block, last.block);
        let below = match on_head {
            [at_head, below @ ..] if at_head.block == head => below,
            below => heaviest_branch(tree, head, below),
        };
        if below.len() == on_head.len() {
            break; // Not in a tree: two branches fork where they do. An archive may lie.
        }
        on_head = below;
    }
    head
}

/// A block that is voted for.
struct Voted<B> {
    block: B,
    /// What the votes for blocks before this one weigh, in preorder.
    before: Weight,
    /// What they weigh together with those for this one.
    after: Weight,
}

/// The blocks on `start` that votes of any weight are for, in preorder.
fn voted<A: Ancestry>(
    tree: &A,
    votes: impl Iterator<Item = (A::Block, Weight)>,
    start: A::Block,
) -> Vec<Voted<A::Block>> {
    let counts = |&(block, weight): &(A::Block, Weight)| {
        !weight.is_zero() && tree.is_ancestor_or_same(start, block)
    };
    let mut weights: Vec<(A::Block, Weight)> = votes.filter(counts).collect();
    // Most votes share their block with others: gather them before the dearer sorting.
    weights.sort_unstable_by_key(|&(block, _)| block);
    weights.dedup_by(|(block, weight), (kept, sum)| {
        let same = block == kept;
        if same {
            *sum += *weight;
        }
        same
    });
    weights.sort_unstable_by(|&(one, _), &(other, _)| preorder(tree, one, other));
    let mut after = Weight::ZERO;
    let voted = weights.into_iter().map(|(block, weight)| {
        let before = after;
        after += weight;
        Voted { block, before, after }
    });
    voted.collect()
}

/// Orders blocks so that every block comes before its descendants, and these stand together: as
/// the children of the common ancestor towards the two do, of which the ancestor itself has none.
fn preorder<A: Ancestry>(tree: &A, one: A::Block, other: A::Block) -> Ordering {
    let fork = tree.common_ancestor(one, other);
    child_towards(tree, fork, one).cmp(&child_towards(tree, fork, other))
}

/// The child of `above` that is `below` or an ancestor of it; none for `above` itself.
fn child_towards<A: Ancestry>(tree: &A, above: A::Block, below: A::Block) -> Option<A::Block> {
    tree.ancestor_at(below, tree.height(above) + 1)
}

/// The part of `voted`, blocks below `fork` in preorder, that is on the heaviest child of `fork`.
/// O(log N) questions for each child with votes.
fn heaviest_branch<'a, A: Ancestry>(
    tree: &A,
    fork: A::Block,
    mut voted: &'a [Voted<A::Block>],
) -> &'a [Voted<A::Block>] {
    let branches = std::iter::from_fn(|| {
        let first = voted.first()?;
        let child = child_towards(tree, fork, first.block)?;
        let is_on_child = |voted: &Voted<A::Block>| tree.is_ancestor_or_same(child, voted.block);
        let (branch, others) = voted.split_at(voted.partition_point(is_on_child));
        voted = others;
        Some((child, branch.last()?.after - first.before, branch))
    });
    let heaviest = branches.max_by_key(|&(child, score, _)| (score, tree.id(child)));
    heaviest.map_or(&[], |(_, _, branch)| branch)
}
