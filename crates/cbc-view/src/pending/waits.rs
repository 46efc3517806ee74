//! Who waits for what: many queues in one vector, out of which anybody can be taken at once.

use crate::pending::links::{List, NOWHERE, Place};
use crate::store::column::Column;

/// For each item that is waited for, the queue of its dependents, in chunks: whoever goes through a
/// queue goes to another place in memory for every five dependents, and not for each. Chunks have
/// places, which are used again; there may be 2³² / 5 of them, of 27 GB.
#[derive(Clone, Debug)]
pub(crate) struct Waits {
    chunks: Column<Chunk>,
    /// The first chunk that is not in use; these are a list by `after`.
    vacant: Place,
}

/// A part of a queue. The dependents are in the order in which they began to wait; where one is no
/// more, or not yet, is [`NOWHERE`], but not everywhere.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    /// What they wait for; [`NOWHERE`] of a chunk that is not in use.
    item: Place,
    before: Place,
    after: Place,
    dependents: [Place; ROOM],
}

/// How many dependents a chunk has room for: then it takes 32 bytes.
const ROOM: usize = 5;

/// Where a dependent stands in a queue. Who keeps one and is satisfied keeps a dead one:
/// [`Waits::item`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge(u32);

/// What an edge takes at most: the only one in its chunk.
pub(crate) const EDGE_BYTES: usize = size_of::<Chunk>() + size_of::<Edge>();

impl Edge {
    /// The edge of nobody.
    pub(crate) const NONE: Self = Self(u32::MAX);

    fn new(chunk: Place, slot: usize) -> Self {
        Self(chunk * ROOM as u32 + slot as u32)
    }

    fn chunk(self) -> Place {
        self.0 / ROOM as u32
    }

    fn slot(self) -> usize {
        self.0 as usize % ROOM
    }
}

impl Chunk {
    /// The first slot from this one on where a dependent is.
    fn taken(&self, from: usize) -> Option<usize> {
        (from..ROOM).find(|&slot| self.dependents[slot] != NOWHERE)
    }

    /// The last slot where a dependent is.
    fn last(&self) -> Option<usize> {
        self.dependents.iter().rposition(|&dependent| dependent != NOWHERE)
    }
}

impl Default for Waits {
    fn default() -> Self {
        Self { chunks: Column::new(), vacant: NOWHERE }
    }
}

impl Waits {
    /// `dependent` waits for `item`, as the last in its queue.
    pub(crate) fn add(&mut self, queue: &mut List, item: Place, dependent: Place) -> Edge {
        if let Some(chunk) = self.chunks.get_mut(queue.last as usize) {
            let slot = chunk.last().map_or(0, |last| last + 1);
            if slot < ROOM {
                chunk.dependents[slot] = dependent;
                return Edge::new(queue.last, slot);
            }
        }
        let mut dependents = [NOWHERE; ROOM];
        dependents[0] = dependent;
        let chunk = Chunk { item, before: queue.last, after: NOWHERE, dependents };
        let place = match self.chunks.get_mut(self.vacant as usize) {
            Some(vacant) => {
                let next = std::mem::replace(vacant, chunk).after;
                std::mem::replace(&mut self.vacant, next)
            }
            None => {
                self.chunks.push(chunk);
                (self.chunks.len() - 1) as Place
            }
        };
        match self.chunks.get_mut(queue.last as usize) {
            Some(before) => before.after = place,
            None => queue.first = place,
        }
        queue.last = place;
        Edge::new(place, 0)
    }

    /// The item that `dependent` waits for by `edge`; `None` once it is satisfied.
    pub(crate) fn item(&self, edge: Edge, dependent: Place) -> Option<Place> {
        let chunk = self.chunks.get(edge.chunk() as usize)?;
        let waits = chunk.item != NOWHERE && chunk.dependents[edge.slot()] == dependent;
        waits.then_some(chunk.item)
    }

    /// Who stands at `edge` of a queue.
    pub(crate) fn dependent(&self, edge: Edge) -> Option<Place> {
        let chunk = self.chunks.get(edge.chunk() as usize)?;
        Some(chunk.dependents[edge.slot()])
    }

    /// Who is last in a queue.
    pub(crate) fn last(&self, queue: List) -> Option<Place> {
        let chunk = self.chunks.get(queue.last as usize)?;
        Some(chunk.dependents[chunk.last()?])
    }

    /// The first edge of a queue.
    pub(crate) fn first(&self, queue: List) -> Edge {
        self.next(queue.first, 0)
    }

    /// The edge after `edge`, which is in a queue.
    pub(crate) fn after(&self, edge: Edge) -> Edge {
        self.next(edge.chunk(), edge.slot() + 1)
    }

    /// The first edge of a queue, from a slot of one of its chunks on.
    fn next(&self, place: Place, slot: usize) -> Edge {
        let Some(chunk) = self.chunks.get(place as usize) else { return Edge::NONE };
        if let Some(slot) = chunk.taken(slot) {
            return Edge::new(place, slot);
        }
        let next = self.chunks.get(chunk.after as usize).and_then(|chunk| chunk.taken(0));
        next.map_or(Edge::NONE, |slot| Edge::new(chunk.after, slot))
    }

    /// Who is in a queue, in the order in which they began to wait.
    pub(crate) fn dependents(&self, queue: List) -> impl Iterator<Item = Place> + '_ {
        let chunk = move |place: Place| self.chunks.get(place as usize);
        let chunks = std::iter::successors(chunk(queue.first), move |before| chunk(before.after));
        let dependents = chunks.flat_map(|chunk| chunk.dependents);
        dependents.filter(|&dependent| dependent != NOWHERE)
    }

    /// Nobody waits any more for what all in this queue waited for; `tell` hears of each.
    pub(crate) fn satisfy(&mut self, queue: List, mut tell: impl FnMut(Place)) {
        let mut place = queue.first;
        while let Some(chunk) = self.chunks.get_mut(place as usize) {
            for dependent in chunk.dependents {
                if dependent != NOWHERE {
                    tell(dependent);
                }
            }
            chunk.item = NOWHERE;
            let next = chunk.after;
            chunk.after = std::mem::replace(&mut self.vacant, place);
            place = next;
        }
    }

    /// Who stands at `edge` of this queue waits no more.
    pub(crate) fn remove(&mut self, queue: &mut List, edge: Edge) {
        let Some(chunk) = self.chunks.get_mut(edge.chunk() as usize) else { return };
        chunk.dependents[edge.slot()] = NOWHERE;
        if chunk.last().is_some() {
            return;
        }
        chunk.item = NOWHERE;
        let before = chunk.before;
        let after = std::mem::replace(&mut chunk.after, self.vacant);
        self.vacant = edge.chunk();
        match self.chunks.get_mut(before as usize) {
            Some(chunk) => chunk.after = after,
            None => queue.first = after,
        }
        match self.chunks.get_mut(after as usize) {
            Some(chunk) => chunk.before = before,
            None => queue.last = before,
        }
    }

    /// How many chunks are in use.
    #[cfg(test)]
    pub(crate) fn chunks_in_use(&self) -> usize {
        let next = |&place: &Place| self.chunks.get(place as usize).map(|chunk| chunk.after);
        let vacant = std::iter::successors(Some(self.vacant), next).count() - 1;
        self.chunks.len() - vacant
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Three queues beside vectors: whoever is added, removed or satisfied, in any order.
        #[test]
        fn queues_are_queues(
            steps in prop::collection::vec((0..8usize, 0..3usize, 0..20usize), 0..300),
        ) {
            let mut waits = Waits::default();
            let mut queues = [List::EMPTY; 3];
            let mut twins = [const { Vec::<(Place, Edge)>::new() }; 3];
            for (dependent, (step, queue, which)) in (0..).zip(steps) {
                let (queue, twin, item) = (&mut queues[queue], &mut twins[queue], queue as Place);
                match step {
                    0..5 => twin.push((dependent, waits.add(queue, item, dependent))),
                    5..7 if !twin.is_empty() => {
                        let (dependent, edge) = twin.remove(which % twin.len());
                        waits.remove(queue, edge);
                        prop_assert_eq!(waits.item(edge, dependent), None);
                    }
                    7 if which < 3 => {
                        let mut told = Vec::new();
                        let queue = std::mem::replace(queue, List::EMPTY);
                        waits.satisfy(queue, |dependent| told.push(dependent));
                        prop_assert!(told.iter().eq(twin.iter().map(|(dependent, _)| dependent)));
                        for (dependent, edge) in twin.drain(..) {
                            prop_assert_eq!(waits.item(edge, dependent), None);
                        }
                    }
                    _ => {}
                }
                let mut used = 0;
                for ((item, &queue), twin) in (0..).zip(&queues).zip(&twins) {
                    let dependents = twin.iter().map(|&(dependent, _)| dependent);
                    prop_assert!(waits.dependents(queue).eq(dependents));
                    prop_assert_eq!(waits.last(queue), twin.last().map(|&(dependent, _)| dependent));
                    prop_assert_eq!(queue.is_empty(), twin.is_empty());
                    let mut edge = waits.first(queue);
                    for &(dependent, twins) in twin {
                        prop_assert_eq!(edge, twins);
                        prop_assert_eq!(waits.dependent(edge), Some(dependent));
                        prop_assert_eq!(waits.item(edge, dependent), Some(item));
                        edge = waits.after(edge);
                    }
                    prop_assert_eq!(edge, Edge::NONE);
                    used += twin.len();
                }
                prop_assert!(waits.chunks_in_use() <= used, "none is empty");
            }
        }
    }
}
