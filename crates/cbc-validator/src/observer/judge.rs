//! One view, judged by several: oracles and thresholds beside each other, on the same messages.

use cbc_message::Weight;
use cbc_oracle::FinalitySearch;
use cbc_view::View;

use super::Observer;
use crate::{Protocol, Standing};

impl<P: Protocol, O> Observer<P, O> {
    /// Calls `act` while this observer finalizes by another search and threshold, and has finalized
    /// what is in `standing`; what it then has is left there, and its own is as it was. O(1).
    ///
    /// So one view is judged by any number of oracles and thresholds, and what is said does not
    /// depend on any of them. A search may be shared by observers who share their view, and by
    /// thresholds.
    pub fn judged_by<T>(
        &mut self,
        search: &mut FinalitySearch<View<P::Estimate>, O>,
        threshold: Weight,
        standing: &mut Standing<P::Value>,
        act: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let own = std::mem::replace(&mut self.threshold, threshold);
        std::mem::swap(&mut self.search, search);
        std::mem::swap(&mut self.standing, standing);
        let result = act(self);
        std::mem::swap(&mut self.standing, standing);
        std::mem::swap(&mut self.search, search);
        self.threshold = own;
        result
    }

    /// As [`estimate_from_genesis`](Self::estimate_from_genesis), for those who ask often: quicker
    /// by what has not changed since the last time.
    pub fn follow_from_genesis(&mut self) -> Option<P::Value> {
        self.track_from(None)
    }
}
