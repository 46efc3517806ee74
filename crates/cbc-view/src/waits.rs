//! Who waits for what, as edges that are in two lists each.

use crate::links::{List, NOWHERE, Place};
use crate::room;

/// That some message waits for some hash: an edge for each, which is in a list of what the message
/// waits for, and in a list of what waits for the hash. Edges have places, which are used again.
#[derive(Clone, Debug)]
pub(crate) struct Waits {
    edges: Vec<Edge>,
    /// The first edge that is not in use; these are a list by `next`.
    vacant: Place,
}

#[derive(Clone, Copy, Debug)]
struct Edge {
    /// The item waited for; [`NOWHERE`] once it is justified.
    item: Place,
    /// The item that waits.
    dependent: Place,
    /// The dependent's next edge.
    next: Place,
    /// The edges before and after, of those that wait for the same: here, and not in
    /// [`Links`](crate::links::Links), since there are many, far apart in memory.
    before: Place,
    after: Place,
}

/// What an edge takes.
pub(crate) const EDGE_BYTES: usize = size_of::<Edge>();

impl Default for Waits {
    fn default() -> Self {
        Self { edges: Vec::new(), vacant: NOWHERE }
    }
}

impl Waits {
    /// `dependent`, whose first edge is `edges`, waits for `item`, for which `dependents` wait.
    pub(crate) fn add(
        &mut self,
        item: Place,
        dependents: &mut List,
        dependent: Place,
        edges: &mut Place,
    ) {
        let (before, after) = (dependents.last, NOWHERE);
        let edge = Edge { item, dependent, next: *edges, before, after };
        *edges = match self.edges.get_mut(self.vacant as usize) {
            Some(vacant) => {
                let next = std::mem::replace(vacant, edge).next;
                std::mem::replace(&mut self.vacant, next)
            }
            None => {
                room::push(&mut self.edges, edge);
                (self.edges.len() - 1) as Place
            }
        };
        self.link(dependents, before, *edges);
    }

    /// `edge` is the last in the list, after `before`.
    fn link(&mut self, dependents: &mut List, before: Place, edge: Place) {
        dependents.last = edge;
        match self.edges.get_mut(before as usize) {
            Some(before) => before.after = edge,
            None => dependents.first = edge,
        }
    }

    /// Who waits by `edge`, if it is one.
    pub(crate) fn dependent(&self, edge: Place) -> Option<Place> {
        self.edges.get(edge as usize).map(|edge| edge.dependent)
    }

    /// The edge after `edge` in the list of what waits for the same.
    pub(crate) fn after(&self, edge: Place) -> Place {
        self.edges.get(edge as usize).map_or(NOWHERE, |edge| edge.after)
    }

    /// Who waits, of those in the list `dependents`, in the order in which they began to.
    pub(crate) fn dependents(&self, dependents: List) -> impl Iterator<Item = Place> + '_ {
        let edge = move |place: Place| self.edges.get(place as usize);
        let edges = std::iter::successors(edge(dependents.first), move |before| edge(before.after));
        edges.map(|edge| edge.dependent)
    }

    /// Nobody waits any more for what all in the list `dependents` waited for; `tell` hears of each.
    pub(crate) fn satisfy(&mut self, dependents: List, mut tell: impl FnMut(Place)) {
        let mut edge = dependents.first();
        while let Some(satisfied) = self.edges.get_mut(edge as usize) {
            satisfied.item = NOWHERE;
            tell(satisfied.dependent);
            edge = satisfied.after;
        }
    }

    /// What somebody whose first edge is `edges` still waits for, the last that was added first:
    /// each edge and its item.
    pub(crate) fn items(&self, edges: Place) -> impl Iterator<Item = (Place, Place)> + '_ {
        let edge = move |place: Place| Some((place, self.edges.get(place as usize)?));
        let edges = std::iter::successors(edge(edges), move |(_, before)| edge(before.next));
        let items = edges.map(|(place, edge)| (place, edge.item));
        items.filter(|&(_, item)| item != NOWHERE)
    }

    /// Gives up the first of `edges`; answers it, and the item that it was waiting for.
    pub(crate) fn give_up(&mut self, edges: &mut Place) -> Option<(Place, Place)> {
        let place = *edges;
        let edge = self.edges.get_mut(place as usize)?;
        *edges = std::mem::replace(&mut edge.next, self.vacant);
        self.vacant = place;
        Some((place, edge.item))
    }

    /// Gives up all edges from the first, `first`, to the last, `last`, of somebody who waits for
    /// nothing any more. O(1).
    pub(crate) fn give_up_satisfied(&mut self, first: Place, last: Place) {
        if let Some(edge) = self.edges.get_mut(last as usize) {
            edge.next = std::mem::replace(&mut self.vacant, first);
        }
    }

    /// Puts `edge` at the end of the list of what waits for its item.
    pub(crate) fn requeue(&mut self, dependents: &mut List, edge: Place) {
        self.unlink(dependents, edge);
        let before = dependents.last;
        if let Some(edge) = self.edges.get_mut(edge as usize) {
            (edge.before, edge.after) = (before, NOWHERE);
        }
        self.link(dependents, before, edge);
    }

    /// Takes `edge` out of the list of what waits for its item.
    pub(crate) fn unlink(&mut self, dependents: &mut List, edge: Place) {
        let Some(&Edge { before, after, .. }) = self.edges.get(edge as usize) else { return };
        match self.edges.get_mut(before as usize) {
            Some(edge) => edge.after = after,
            None => dependents.first = after,
        }
        match self.edges.get_mut(after as usize) {
            Some(edge) => edge.before = before,
            None => dependents.last = before,
        }
    }

    /// How many edges there are, and how many of them are in use.
    #[cfg(test)]
    pub(crate) fn count(&self) -> (usize, usize) {
        let vacant = |&place: &Place| self.edges.get(place as usize).map(|edge| edge.next);
        let vacant = std::iter::successors(Some(self.vacant), vacant).count() - 1;
        (self.edges.len(), self.edges.len() - vacant)
    }
}
