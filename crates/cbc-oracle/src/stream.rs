//! The least agreement of a validator's messages from any of them on, as they come.

use std::collections::VecDeque;

use cbc_view::{Chain, MessageDag, MessageIndex};

/// What a validator that counts has said of late.
///
/// Its messages are a chain, and indices ascend along it. Asked is the least agreement of the
/// messages from one on. So only those matter that agree with less than all that came after: each
/// new message puts an end to those before it that agree with as much or more, and what is left
/// ascends, in messages and in agreements.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    /// Of the messages asked, those that agree with less than all after them, each with its
    /// agreement. The last is the latest message; empty if that does not count.
    minima: VecDeque<(MessageIndex, u32)>,
    /// The latest of the messages that have not been asked yet.
    unasked: Option<MessageIndex>,
}

/// What became of the arrows to a validator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Arrows that held to this depth or more may now hold to any.
    pub(crate) risen: u32,
    /// The others hold to no more than this.
    pub(crate) least: u32,
}

/// How many messages are asked again at once that lie between what is still known and what is new.
/// Where the chain has changed its mind since longer ago, what is known is forgotten instead, and
/// messages are asked as far back as anybody cites.
const REPEATED: usize = 16;

impl Stream {
    /// The latest message, if it counts.
    pub(crate) fn latest(&self) -> Option<MessageIndex> {
        self.minima.back().map(|&(message, _)| message)
    }

    /// The agreement of the latest message; 0 of one that does not count.
    pub(crate) fn agreement(&self) -> u32 {
        self.minima.back().map_or(0, |&(_, agreement)| agreement)
    }

    /// Makes the stream end in `latest`, where only agreements less than `valid` hold for `chain`.
    /// O(messages since the latest until now), and what [`REPEATED`] allows.
    pub(crate) fn follow<D: MessageDag>(
        &mut self,
        latest: Option<MessageIndex>,
        valid: u32,
        dag: &D,
        chain: &dyn Chain<D>,
    ) -> Change {
        let before = self.latest();
        let is_longer = leads_back(dag, latest, before);
        let Some(latest) = latest else {
            *self = Self::default();
            return Change { risen: 0, least: 0 };
        };
        if !is_longer && !leads_back(dag, before, Some(latest)) {
            *self = Self::default();
        }
        // What agreed with less than `valid` does still, and all that came after it with more: the
        // first `valid` candidates are the same. So it is a minimum still, as it is if the stream
        // ends sooner, but not before it.
        while self
            .minima
            .pop_back_if(|&mut (message, agreement)| message > latest || agreement >= valid)
            .is_some()
        {}
        let known = self.latest();
        let mut asked = Vec::new();
        let mut next = Some(latest);
        let mut repeated = 0;
        while let Some(message) = next.filter(|&message| Some(message) != known) {
            let is_new = message == latest || (is_longer && Some(message) > before);
            repeated += usize::from(!is_new);
            if !is_new && (known.is_none() || repeated > REPEATED) {
                break;
            }
            asked.push((message, chain.agreement(dag, message)));
            next = dag.previous(message);
        }
        if known.is_none() || next != known {
            self.minima.clear();
            self.unasked = next;
        }
        let least = asked.iter().map(|&(_, agreement)| agreement).min().unwrap_or(u32::MAX);
        for (message, agreement) in asked.into_iter().rev() {
            while self.minima.pop_back_if(|&mut (_, before)| before >= agreement).is_some() {}
            self.minima.push_back((message, agreement));
        }
        Change { risen: if is_longer { valid } else { 0 }, least }
    }

    /// The least agreement from `seen`, a message of this validator, up to its latest. O(log n), and
    /// one question for each message back to `seen` that has not been asked yet.
    pub(crate) fn least_since<D: MessageDag>(
        &mut self,
        seen: MessageIndex,
        dag: &D,
        chain: &dyn Chain<D>,
    ) -> u32 {
        while let Some(&(_, least)) = self.minima.front()
            && let Some(message) = self.unasked.filter(|&unasked| unasked >= seen)
            && least > 0
        {
            let agreement = chain.agreement(dag, message);
            if agreement < least {
                self.minima.push_front((message, agreement));
            }
            self.unasked = dag.previous(message);
        }
        let first = self.minima.partition_point(|&(message, _)| message < seen);
        self.minima.get(first).map_or(0, |&(_, least)| least)
    }
}

/// Whether the chain of `from` has `to` in it. O(messages in between).
fn leads_back<D: MessageDag>(
    dag: &D,
    from: Option<MessageIndex>,
    to: Option<MessageIndex>,
) -> bool {
    let (Some(_), Some(to)) = (from, to) else { return false };
    let mut back = std::iter::successors(from, |&message| dag.previous(message));
    back.find(|&message| message <= to) == Some(to)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;

    use cbc_message::{Bit, Header, Message, ValidatorId, ValidatorSet, Weight};
    use cbc_view::View;
    use proptest::prelude::*;

    use super::*;

    const SENDER: ValidatorId = ValidatorId::new(0);

    /// So many messages of one validator.
    fn view_of(count: usize) -> View<Bit> {
        let validators = ValidatorSet::new([Weight::new(1)]).unwrap();
        let mut view = View::new(Arc::new(validators));
        for sequence_number in 0..count as u64 {
            let (justification, estimate) = (view.justification(), Bit::One);
            let header = Header { sender: SENDER, sequence_number, justification, estimate };
            view.insert(Message::new(header).unwrap()).unwrap();
        }
        view
    }

    /// The agreement of each message, and how often any was asked.
    struct Agreements(Vec<u32>, Cell<usize>);

    impl Chain<View<Bit>> for Agreements {
        fn depth(&self) -> u32 {
            u32::MAX
        }

        fn agreement(&self, _: &View<Bit>, message: MessageIndex) -> u32 {
            self.1.set(self.1.get() + 1);
            self.0[message.index()]
        }
    }

    fn message(place: usize) -> MessageIndex {
        MessageIndex::new(place as u32)
    }

    proptest! {
        #[test]
        fn the_least_since_is_the_least_wherever_the_stream_ends_and_whatever_the_chain_is(
            agreements in prop::collection::vec(0u32..12, 60),
            steps in prop::collection::vec(
                (0usize..60, prop_oneof![Just(u32::MAX), 0u32..12], any::<u32>(), 0usize..60),
                1..20,
            ),
        ) {
            let view = view_of(agreements.len());
            let mut chain = Agreements(agreements, Cell::new(0));
            let mut stream = Stream::default();
            let mut before = None;
            for (latest, valid, salt, cited) in steps {
                // Another chain, with the first `valid` candidates in common.
                for (place, agreement) in chain.0.iter_mut().enumerate() {
                    if *agreement >= valid {
                        *agreement = valid + salt.rotate_left(place as u32) % 5;
                    }
                }
                let known: Vec<u32> = match before {
                    Some(before) => {
                        let mut asked = stream.clone();
                        (0..=before).map(|p| asked.least_since(message(p), &view, &chain)).collect()
                    }
                    None => Vec::new(),
                };
                let change = stream.follow(Some(message(latest)), valid, &view, &chain);
                let least = |place: usize| chain.0[place..=latest].iter().copied().min().unwrap();
                prop_assert_eq!(stream.latest(), Some(message(latest)));
                prop_assert_eq!(stream.agreement(), chain.0[latest]);
                // What was known, and has not risen, tells what is so now.
                for (place, known) in (0..=latest).zip(known).filter(|&(_, k)| k < change.risen) {
                    prop_assert_eq!(known.min(change.least), least(place));
                }
                let cited = cited.min(latest);
                prop_assert_eq!(stream.least_since(message(cited), &view, &chain), least(cited));
                before = Some(latest);
            }
        }
    }

    /// What is cited from long ago is asked once: not again when the chain grows, and not when the
    /// stream goes back a little and on again, as for two observers who take turns.
    #[test]
    fn what_was_asked_is_not_asked_again() {
        let view = view_of(1000);
        let mut chain = Agreements((1..=1000).collect(), Cell::new(0));
        let mut stream = Stream::default();
        stream.follow(Some(message(500)), u32::MAX, &view, &chain);
        assert_eq!(stream.least_since(message(3), &view, &chain), 4);
        assert_eq!(chain.1.replace(0), 498);
        for latest in (501..1000).flat_map(|latest| [latest, latest - 2, latest]) {
            // The chain grows by what the latest message agrees with.
            let valid = chain.0[latest];
            chain.0[latest] += 1;
            stream.follow(Some(message(latest)), valid, &view, &chain);
            assert_eq!(stream.least_since(message(3), &view, &chain), 4);
            assert!(chain.1.replace(0) <= 4);
        }
    }

    /// As two observers of one chain do who take turns.
    #[test]
    fn going_back_asks_nothing_again_and_going_on_only_what_is_new() {
        let view = view_of(1000);
        let chain = Agreements((1..=1000).collect(), Cell::new(0));
        let mut stream = Stream::default();
        stream.follow(Some(message(999)), u32::MAX, &view, &chain);
        assert_eq!(stream.least_since(message(3), &view, &chain), 4);
        chain.1.set(0);
        for (latest, asked) in [(990, 0), (999, 9), (960, 0), (999, 39)] {
            stream.follow(Some(message(latest)), u32::MAX, &view, &chain);
            assert_eq!(stream.agreement(), latest as u32 + 1);
            assert_eq!(stream.least_since(message(3), &view, &chain), 4);
            assert_eq!(chain.1.replace(0), asked, "to {latest}");
        }
    }

    /// Nothing is less than nothing, so who agrees with nothing is not asked what else it said; and
    /// of messages that agree with as much only the last is kept.
    #[test]
    fn nothing_is_asked_or_kept_that_does_not_matter() {
        let view = view_of(100);
        let mut stream = Stream::default();
        for (agreement, asked) in [(0, 1), (7, 97)] {
            let chain = Agreements(vec![agreement; 100], Cell::new(0));
            stream.follow(Some(message(99)), 0, &view, &chain);
            assert_eq!(stream.least_since(message(3), &view, &chain), agreement);
            assert_eq!((chain.1.get(), stream.minima.len()), (asked, 1));
        }
    }

    /// Where the chain has changed its mind since long ago, nothing is asked that nobody cites.
    #[test]
    fn after_a_deep_change_of_mind_messages_are_asked_as_far_as_somebody_cites() {
        let view = view_of(1000);
        let chain = Agreements((1..=1000).collect(), Cell::new(0));
        let mut stream = Stream::default();
        stream.follow(Some(message(998)), u32::MAX, &view, &chain);
        stream.least_since(message(0), &view, &chain);
        chain.1.set(0);
        let change = stream.follow(Some(message(999)), 100, &view, &chain);
        assert_eq!(change, Change { risen: 100, least: 1000 - REPEATED as u32 });
        assert_eq!(chain.1.replace(0), REPEATED + 1);
        assert_eq!(stream.least_since(message(990), &view, &chain), 991);
        assert_eq!(chain.1.replace(0), 0);
        assert_eq!(stream.least_since(message(900), &view, &chain), 901);
        assert_eq!(stream.least_since(message(50), &view, &chain), 51);
        stream.follow(None, u32::MAX, &view, &chain);
        assert_eq!(stream.least_since(message(50), &view, &chain), 0);
    }
}
