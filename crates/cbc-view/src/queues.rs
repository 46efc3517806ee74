//! Many short queues in one vector.

/// A place in some vector.
pub(crate) type Place = u32;

/// The place of nothing.
pub(crate) const NOWHERE: Place = Place::MAX;

/// Queues of places, which share one vector and use again what others give up: pushing to one of
/// them and popping from it allocates nothing but room for all.
///
/// A queue is a linked list of stretches of a few places each, so that reading it touches few
/// lines of memory.
#[derive(Clone, Debug)]
pub(crate) struct Queues {
    stretches: Vec<Stretch>,
    /// The first of the stretches that are not in use, which are linked, too.
    free: Place,
}

/// How many places a stretch has.
const LENGTH: u8 = 7;

#[derive(Clone, Copy, Debug)]
struct Stretch {
    items: [Place; LENGTH as usize],
    next: Place,
}

/// One of these queues. It must be emptied to be given up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue {
    first: Place,
    last: Place,
    /// How many items of the first stretch have been popped.
    popped: u8,
    /// How many items of the last stretch have been pushed.
    pushed: u8,
}

impl Queue {
    /// The queue of nothing.
    pub(crate) const EMPTY: Self = Self { first: NOWHERE, last: NOWHERE, popped: 0, pushed: 0 };

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
        if queue.is_empty() || queue.pushed == LENGTH {
            let place = self.unused();
            match self.stretches.get_mut(queue.last as usize) {
                Some(last) => last.next = place,
                None => queue.first = place,
            }
            queue.last = place;
            queue.pushed = 0;
        }
        if let Some(last) = self.stretches.get_mut(queue.last as usize) {
            last.items[usize::from(queue.pushed)] = item;
            queue.pushed += 1;
        }
    }

    /// Takes the first item out of `queue`. O(1).
    pub(crate) fn pop(&mut self, queue: &mut Queue) -> Option<Place> {
        let stretch = self.stretches.get_mut(queue.first as usize)?;
        let item = stretch.items[usize::from(queue.popped)];
        queue.popped += 1;
        let end = if queue.first == queue.last { queue.pushed } else { LENGTH };
        if queue.popped == end {
            let place = std::mem::replace(
                &mut queue.first,
                std::mem::replace(&mut stretch.next, self.free),
            );
            self.free = place;
            queue.popped = 0;
            if queue.is_empty() {
                *queue = Queue::EMPTY;
            }
        }
        Some(item)
    }

    /// The last item of `queue`. O(1).
    pub(crate) fn last(&self, queue: Queue) -> Option<Place> {
        let last = self.stretches.get(queue.last as usize)?;
        Some(last.items[usize::from(queue.pushed) - 1])
    }

    /// The items of `queue`, in their order.
    pub(crate) fn iter(&self, queue: Queue) -> impl Iterator<Item = Place> + '_ {
        let mut rest = queue;
        std::iter::from_fn(move || {
            let stretch = self.stretches.get(rest.first as usize)?;
            let item = stretch.items[usize::from(rest.popped)];
            rest.popped += 1;
            let end = if rest.first == rest.last { rest.pushed } else { LENGTH };
            if rest.popped == end {
                (rest.first, rest.popped) = (stretch.next, 0);
            }
            Some(item)
        })
    }

    /// The place of a stretch for somebody to use.
    fn unused(&mut self) -> Place {
        let new = Stretch { items: [NOWHERE; LENGTH as usize], next: NOWHERE };
        let place = self.free;
        match self.stretches.get_mut(place as usize) {
            Some(free) => {
                self.free = std::mem::replace(free, new).next;
                place
            }
            None => {
                self.stretches.push(new);
                self.stretches.len() as Place - 1
            }
        }
    }
}

impl Default for Queues {
    fn default() -> Self {
        Self { stretches: Vec::new(), free: NOWHERE }
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
            let mut most = 0;
            for (item, (list, push)) in (0..).zip(steps) {
                if push {
                    queues.push(&mut lists[list], item);
                    twins[list].push_back(item);
                } else {
                    prop_assert_eq!(queues.pop(&mut lists[list]), twins[list].pop_front());
                }
                // One stretch for every seven items, and two that are not full for each queue.
                most = most.max(twins.iter().map(|twin| 2 + twin.len() / 7).sum());
                for (list, twin) in lists.iter().zip(&twins) {
                    prop_assert!(queues.iter(*list).eq(twin.iter().copied()));
                    prop_assert_eq!(queues.last(*list), twin.back().copied());
                    prop_assert_eq!(list.is_empty(), twin.is_empty());
                }
            }
            prop_assert!(queues.stretches.len() <= most);
        }
    }
}
