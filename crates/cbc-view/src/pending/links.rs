//! Many lists in one vector, out of which anything can be taken at once.

use crate::store::column::Column;

/// A place in some column.
pub(crate) type Place = u32;

/// The place of nothing.
pub(crate) const NOWHERE: Place = Place::MAX;

/// What is before and after each place, in the list that it is in. A place is in one list at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links(Column<(Place, Place)>);

/// The ends of one of these lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) first: Place,
    pub(crate) last: Place,
}

impl List {
    /// The list of nothing.
    pub(crate) const EMPTY: Self = Self { first: NOWHERE, last: NOWHERE };

    pub(crate) fn is_empty(self) -> bool {
        self.first == NOWHERE
    }

    /// The first place, or [`NOWHERE`].
    pub(crate) fn first(self) -> Place {
        self.first
    }
}

impl Links {
    /// Adds `place`, which is in no list, at the end of `list`. O(1) amortized.
    pub(crate) fn push(&mut self, list: &mut List, place: Place) {
        while self.0.len() <= place as usize {
            self.0.push((NOWHERE, NOWHERE));
        }
        let before = std::mem::replace(&mut list.last, place);
        self.0[place as usize] = (before, NOWHERE);
        match self.0.get_mut(before as usize) {
            Some(link) => link.1 = place,
            None => list.first = place,
        }
    }

    /// Takes `place`, which is in `list`, out of it. O(1).
    pub(crate) fn remove(&mut self, list: &mut List, place: Place) {
        let (before, after) = self.0[place as usize];
        match self.0.get_mut(before as usize) {
            Some(link) => link.1 = after,
            None => list.first = after,
        }
        match self.0.get_mut(after as usize) {
            Some(link) => link.0 = before,
            None => list.last = before,
        }
    }

    /// What is after `place` in the list that it is in; [`NOWHERE`] after the last.
    pub(crate) fn after(&self, place: Place) -> Place {
        self.0.get(place as usize).map_or(NOWHERE, |link| link.1)
    }

    /// The places in `list`, in their order.
    pub(crate) fn iter(&self, list: List) -> impl Iterator<Item = Place> + '_ {
        let some = |place: Place| (place != NOWHERE).then_some(place);
        std::iter::successors(some(list.first), move |&place| some(self.after(place)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lists_are_lists(steps in prop::collection::vec((0..3usize, 0..20u32), 0..300)) {
            let mut links = Links::default();
            let mut lists = [List::EMPTY; 3];
            let mut twins = [const { Vec::new() }; 3];
            for (list, place) in steps {
                match twins.iter().position(|twin| twin.contains(&place)) {
                    Some(list) => {
                        links.remove(&mut lists[list], place);
                        twins[list].retain(|&other| other != place);
                    }
                    None => {
                        links.push(&mut lists[list], place);
                        twins[list].push(place);
                    }
                }
                for (list, twin) in lists.iter().zip(&twins) {
                    prop_assert!(links.iter(*list).eq(twin.iter().copied()));
                    prop_assert_eq!(list.first(), twin.first().copied().unwrap_or(NOWHERE));
                    prop_assert_eq!(list.last, twin.last().copied().unwrap_or(NOWHERE));
                    prop_assert_eq!(list.is_empty(), twin.is_empty());
                }
            }
        }
    }
}
