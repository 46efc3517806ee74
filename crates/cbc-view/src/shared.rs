//! One store and many who observe by it.

use std::sync::Arc;

use cbc_message::ValidatorSet;

use crate::perspective::{OUTSIDER, Perspective};
use crate::{Limits, MessageIndex, View};

/// The views of many observers in one process, who share what they hold.
///
/// Whether a message is valid depends on it and its past alone, so observers in one process need to
/// hold it, resolve it and check it only once between them. This is the owner of the messages that
/// one of them has justified, and of what each has seen; it lends the view of one observer at a
/// time. Indices are the same for all. A message that is held already becomes justified for another
/// observer in O(1), if it has what was held before, or else in O(V); nothing is checked again
/// ([`View::insert_held`]).
///
/// Observers have numbers, from 0 on. Who has seen nothing takes no memory but a place in a list.
///
/// What is pruned from the view of one is pruned for all, and nobody loses what it has not
/// justified: see [`View::prune`]. Only who joins later cannot follow what was dropped before, and
/// is told so.
///
/// ```
/// # use std::sync::Arc;
/// # use cbc_message::{Bit, Header, Justification, Message, ValidatorId, ValidatorSet, Weight};
/// # use cbc_view::{AdmitAll, HashedDag, Limits, MessageDag, SharedView};
/// # let validators = Arc::new(ValidatorSet::new([3, 4].map(Weight::new))?);
/// # let alice = ValidatorId::new(0);
/// # let message = Message::new(Header {
/// #     sender: alice,
/// #     sequence_number: 0,
/// #     justification: Justification::EMPTY,
/// #     estimate: Bit::One,
/// # })?;
/// let (alices, bobs) = (0, 1);
/// let mut shared = SharedView::new(validators, Limits::default(), 2);
/// shared.of(alices).insert(message)?;
/// let index = shared.lent().latest_message(alice).expect("she has it");
/// assert!(shared.of(bobs).latest_message(alice).is_none());
/// shared.of(bobs).insert_held(index, &mut AdmitAll)?;
/// assert!(shared.has_justified(bobs, index));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SharedView<E>(View<E>);

impl<E> SharedView<E> {
    /// The views of so many observers, who have seen nothing; that of observer 0, whom there always
    /// is, is lent.
    pub fn new(validators: Arc<ValidatorSet>, limits: Limits, observers: usize) -> Self {
        let mut shared = Self(View::with_limits(validators, limits));
        shared.join(observers);
        shared
    }

    /// There are so many observers from now on, if there were fewer.
    pub fn join(&mut self, observers: usize) {
        let prunings = self.prunings_of_newcomer();
        let observers = observers.max(self.0.seats.len());
        self.0.seats.resize_with(observers, || Seat::Blank { prunings });
    }

    /// [`Perspective::prunings`] of one who joins now.
    fn prunings_of_newcomer(&self) -> u32 {
        if self.0.is_pruned() { OUTSIDER } else { 0 }
    }

    /// How many observers there are.
    pub fn observers(&self) -> usize {
        self.0.seats.len()
    }

    /// The view of an observer. One with a greater number than there is joins now, as do all before
    /// it. O(1).
    pub fn of(&mut self, observer: usize) -> &mut View<E> {
        if observer != self.0.observer {
            self.join(observer + 1);
            self.0.change_to(observer);
        }
        &mut self.0
    }

    /// The view that was lent last.
    pub fn lent(&self) -> &View<E> {
        &self.0
    }

    /// The same, to receive into.
    pub fn lent_mut(&mut self) -> &mut View<E> {
        &mut self.0
    }

    /// Whose view was lent last.
    pub fn observer(&self) -> usize {
        self.0.observer
    }

    /// Whether `message` is justified for the observer.
    pub fn has_justified(&self, observer: usize, message: MessageIndex) -> bool {
        let perspective = self.perspective(observer);
        perspective.is_some_and(|it| it.justified.contains(message))
    }

    /// Whether all messages before `message` are justified for the observer, and so all that it
    /// cites. O(1).
    pub fn has_justified_all_before(&self, observer: usize, message: MessageIndex) -> bool {
        let whole = self.perspective(observer).map_or(0, |it| it.justified.whole());
        message.index() <= whole
    }

    /// The observer has seen nothing from now on, as one who joins now.
    pub fn forget(&mut self, observer: usize) {
        let prunings = self.prunings_of_newcomer();
        if observer == self.0.observer {
            *self.0.perspective = Perspective::new(prunings);
        } else if let Some(seat) = self.0.seats.get_mut(observer) {
            *seat = Seat::Blank { prunings };
        }
    }

    fn perspective(&self, observer: usize) -> Option<&Perspective<E>> {
        if observer == self.0.observer {
            return Some(&self.0.perspective);
        }
        match self.0.seats.get(observer)? {
            Seat::Blank { .. } => None,
            Seat::Taken(perspective) => Some(perspective),
        }
    }
}

/// What an observer has seen whose view is not lent.
#[derive(Clone, Debug)]
pub(crate) enum Seat<E> {
    /// Nothing; but it may have been there when something was dropped, or not
    /// ([`Perspective::prunings`]).
    Blank {
        prunings: u32,
    },
    Taken(Box<Perspective<E>>),
}

impl<E> Default for Seat<E> {
    fn default() -> Self {
        Self::Blank { prunings: 0 }
    }
}

impl<E> View<E> {
    /// Makes this the view of another observer, whose seat there is.
    fn change_to(&mut self, observer: usize) {
        let next = match std::mem::take(&mut self.seats[observer]) {
            Seat::Taken(perspective) => perspective,
            Seat::Blank { prunings } => Box::new(Perspective::new(prunings)),
        };
        let before = std::mem::replace(&mut self.perspective, next);
        self.seats[self.observer] = if before.is_blank() {
            Seat::Blank { prunings: before.prunings }
        } else {
            Seat::Taken(before)
        };
        self.observer = observer;
    }
}
