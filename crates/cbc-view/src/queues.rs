//! Many short queues in one vector.

/// A place in some vector.
pub(crate) type Place = u32;

/// The place of nothing.
pub(crate) const NOWHERE: Place = Place::MAX;

/// Queues of places, which share one vector and use again what others give up: pushing to one of
/// them and popping from it allocates nothing but room for all.
#[derive(Clone, Debug)]
pub(crate) struct Queues {
    links: Vec<Link>,
    /// The first of the links that are not in use, which are linked, too.
    free: Place,
}

/// One of these queues. It must be emptied to be given up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue {
    first: Place,
    last: Place,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    item: Place,
    next: Place,
}

impl Queue {
    /// The queue of nothing.
    pub(crate) const EMPTY: Self = Self { first: NOWHERE, last: NOWHERE };

    pub(crate) fn is_empty(self) -> bool {
        self.first == NOWHERE
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Queues {
    /// Adds `item` at the end of `queue`. O(1) amortized.
    pub(crate) fn push(&mut self, queue: &mut Queue, item: Place) {
        let link = Link { item, next: NOWHERE };
        let place = self.free;
        let place = match self.links.get_mut(place as usize) {
            Some(free) => {
                self.free = std::mem::replace(free, link).next;
                place
            }
            None => {
                self.links.push(link);
                self.links.len() as Place - 1
            }
        };
        match self.links.get_mut(queue.last as usize) {
            Some(last) => last.next = place,
            None => queue.first = place,
        }
        queue.last = place;
    }

    /// Takes the first item out of `queue`. O(1).
    pub(crate) fn pop(&mut self, queue: &mut Queue) -> Option<Place> {
        let place = queue.first;
        let link = self.links.get_mut(place as usize)?;
        queue.first = std::mem::replace(&mut link.next, self.free);
        if queue.first == NOWHERE {
            queue.last = NOWHERE;
        }
        self.free = place;
        Some(link.item)
    }

    /// The last item of `queue`. O(1).
    pub(crate) fn last(&self, queue: Queue) -> Option<Place> {
        self.links.get(queue.last as usize).map(|link| link.item)
    }

    /// The items of `queue`, in their order.
    pub(crate) fn iter(&self, queue: Queue) -> impl Iterator<Item = Place> + '_ {
        let link = |place: Place| self.links.get(place as usize);
        std::iter::successors(link(queue.first), move |before| link(before.next))
            .map(|link| link.item)
    }
}

impl Default for Queues {
    fn default() -> Self {
        Self { links: Vec::new(), free: NOWHERE }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn chains_are_queues(steps in prop::collection::vec((0..4usize, any::<bool>()), 0..300)) {
            let mut queues = Queues::default();
            let mut lists = [Queue::EMPTY; 4];
            let mut twins = [const { VecDeque::new() }; 4];
            let mut in_use = 0;
            let mut most = 0;
            for (item, (list, push)) in (0..).zip(steps) {
                if push {
                    queues.push(&mut lists[list], item);
                    twins[list].push_back(item);
                } else {
                    prop_assert_eq!(queues.pop(&mut lists[list]), twins[list].pop_front());
                }
                in_use = twins.iter().map(VecDeque::len).sum();
                most = most.max(in_use);
                for (list, twin) in lists.iter().zip(&twins) {
                    prop_assert!(queues.iter(*list).eq(twin.iter().copied()));
                    prop_assert_eq!(queues.last(*list), twin.back().copied());
                    prop_assert_eq!(list.is_empty(), twin.is_empty());
                }
            }
            prop_assert!(queues.links.len() <= most, "{} for {in_use}", queues.links.len());
        }
    }
}
