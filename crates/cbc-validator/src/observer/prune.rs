//! Dropping what is settled by what is final.

use cbc_estimator::Follower;
use cbc_view::{Archived, View};

use super::Observer;
use crate::Protocol;
use crate::finality::Finalized;

impl<P: Protocol, O> Observer<P, O> {
    /// Drops what the last finalized value settles, but for `depths` candidates before it: the
    /// candidate so far above takes the place of the very first, as that of which all else is held
    /// to be. Of a blockchain, the ancestor so many heights below the last final block takes the
    /// place of the genesis; all blocks that are not on that go, and all messages that vote for
    /// them. Each message is handed to `archive` first, in ascending order. Answers how many were.
    ///
    /// Everybody's latest messages stay, and what messages on the root cite: see [`View::prune`].
    /// Whoever cites no more than that is judged as before, and by whom most votes are on the root
    /// as well; of others the observer says that they cannot be judged here, unless it has an
    /// archive ([`with_archive`](Self::with_archive)). With one, what becomes justified, estimates
    /// and finality are from now on what they would have been, as long as nobody overturns the
    /// root; if somebody does, that is what the observer says.
    ///
    /// `depths` is therefore not about what is right, but about how often the archive is asked, or,
    /// without one, how far the slowest validator may lag behind finality to be followed.
    ///
    /// Of several who share a view ([`SharedObserver`](crate::SharedObserver)), this is for all: what
    /// all have finalized is settled, and nobody loses what it has not justified.
    ///
    /// All message and block indices change. O(held), so that it costs nothing to speak of if what
    /// is held has doubled since the last time.
    pub fn prune(&mut self, depths: u32, mut archive: impl FnMut(Archived<P::Estimate>)) -> usize {
        let lent = self.view.observer();
        let Self { protocol, view, estimator, standing, others, .. } = self;
        let mut roots = Vec::new();
        let mut root_depth = 0;
        for Finalized { value, .. } in &standing.finalized {
            let mut depth = protocol.depth(estimator, value);
            for observer in (0..view.observers()).filter(|&observer| observer != lent) {
                // What all have finalized of this chain.
                let other = others.get(observer).map_or(&[][..], |standing| &standing.finalized);
                let common =
                    other.iter().map(|it| protocol.common_depth(estimator, value, &it.value));
                depth = depth.min(common.max().unwrap_or(0));
            }
            let depth = depth.saturating_sub(depths);
            root_depth += u64::from(depth);
            roots.push(protocol.candidate(estimator, value, depth));
        }
        if root_depth <= self.root_depth {
            return 0;
        }
        let Some(root) = protocol.join(estimator, &roots.iter().collect::<Vec<_>>()) else {
            return 0;
        };
        let view = view.lent_mut();
        let pruning = view.pruning(|message| estimator.is_settled(view, &root, message));
        if pruning.dropped().next().is_none() {
            return 0;
        }
        for message in pruning.dropped() {
            if let Some(archived) = view.archived(message) {
                archive(Archived { note: estimator.note(view, message), ..archived });
            }
        }
        let pruned = view.complete(pruning);
        let all = others.iter_mut().chain([standing]).flat_map(|it| &mut it.finalized);
        let mut values: Vec<&mut P::Value> = all.map(|finalized| &mut finalized.value).collect();
        Follower::<View<P::Estimate>>::prune(estimator, &pruned, &root, &mut values);
        self.root_depth = root_depth;
        self.search.reset();
        pruned.dropped()
    }
}
