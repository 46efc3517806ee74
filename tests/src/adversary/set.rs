//! Small sets of messages: what somebody has seen, or is to be shown.

use cbc_view::MessageIndex;

/// A set of messages of one world, by their indices there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Messages(u128);

impl Messages {
    /// How many messages a world can have.
    pub(super) const CAPACITY: usize = 128;

    pub(super) const EMPTY: Self = Self(0);

    pub(super) fn insert(&mut self, message: MessageIndex) {
        self.0 |= 1 << message.get();
    }

    pub(super) fn contains(self, message: MessageIndex) -> bool {
        self.0 >> message.get() & 1 == 1
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    pub(super) fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The last to be made.
    pub(super) fn last(self) -> Option<MessageIndex> {
        self.0.checked_ilog2().map(MessageIndex::new)
    }

    /// In the order in which they were made.
    pub(super) fn iter(self) -> impl Iterator<Item = MessageIndex> {
        let left = move |left: &u128| (*left != 0).then_some(*left);
        std::iter::successors(left(&self.0), move |it| left(&(it & (it - 1))))
            .map(|it| MessageIndex::new(it.trailing_zeros()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in() {
        let mut set = Messages::EMPTY;
        for index in [127, 0, 64] {
            set.insert(MessageIndex::new(index));
        }
        assert_eq!(set.iter().map(MessageIndex::get).collect::<Vec<_>>(), [0, 64, 127]);
        assert_eq!(set.last(), Some(MessageIndex::new(127)));
        assert!(set.contains(MessageIndex::new(64)) && !set.contains(MessageIndex::new(63)));
        assert!(Messages::EMPTY.iter().next().is_none() && Messages::EMPTY.last().is_none());
    }
}
