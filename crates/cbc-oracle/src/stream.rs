//! From which message on a validator agrees, for all candidates of a chain, as messages come.

use std::collections::VecDeque;

use cbc_view::{Chain, MessageDag, MessageIndex};

/// What a validator that counts has said of late.
///
/// Its messages are a chain, and indices ascend along it. Asked is from which one on all agree to a
/// depth. So only those matter that agree with less than all that came after: each
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
    /// O(messages since the latest until now), and what [`REPEATED`] allows. Says whether messages
    /// that had been asked are to be asked again, by [`ask_while`](Self::ask_while).
    pub(crate) fn follow<D: MessageDag>(
        &mut self,
        latest: Option<MessageIndex>,
        valid: u32,
        dag: &D,
        chain: &dyn Chain<D>,
    ) -> bool {
        let before = self.latest();
        let is_longer = leads_back(dag, latest, before);
        let Some(latest) = latest else {
            *self = Self::default();
            return false;
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
        let forgets = known.is_none() || next != known;
        if forgets {
            self.minima.clear();
            self.unasked = next;
        }
        for (message, agreement) in asked.into_iter().rev() {
            while self.minima.pop_back_if(|&mut (_, before)| before >= agreement).is_some() {}
            self.minima.push_back((message, agreement));
        }
        forgets
    }

    /// One more than the index of the latest message that has not been asked and might matter; 0 if
    /// there is none. Nothing is less than nothing: where a message asked agrees with nothing, none
    /// before it matters.
    pub(crate) fn unasked(&self) -> u32 {
        let least = self.minima.front().map_or(0, |&(_, least)| least);
        if least == 0 { 0 } else { self.unasked.map_or(0, |message| message.get() + 1) }
    }

    /// Asks one message after another, from the latest that has not been asked and might matter
    /// back, as long as that one and the least agreement of all after it are `wanted`.
    pub(crate) fn ask_while<D: MessageDag>(
        &mut self,
        dag: &D,
        chain: &dyn Chain<D>,
        wanted: impl Fn(MessageIndex, u32) -> bool,
    ) {
        while let Some(&(_, least)) = self.minima.front()
            && let Some(message) =
                self.unasked.filter(|&unasked| least > 0 && wanted(unasked, least))
        {
            let agreement = chain.agreement(dag, message);
            if agreement < least {
                self.minima.push_front((message, agreement));
            }
            self.unasked = dag.previous(message);
        }
    }

    /// One more than the index of the earliest message asked from which on all agree to `depth` or
    /// more, `depth ≥ 1`; or no more than that, and more than of any message before it. Beyond all
    /// indices if the latest does not agree so far. O(log n).
    pub(crate) fn start(&self, depth: u32) -> u32 {
        match self.minima.partition_point(|&(_, agreement)| agreement < depth) {
            disagreeing if disagreeing == self.minima.len() => u32::MAX,
            0 => self.unasked.map_or(1, |message| message.get() + 2),
            disagreeing => self.minima[disagreeing - 1].0.get() + 2,
        }
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

    impl Stream {
        /// Where the streak begins, as far back as `seen`, which is asked for.
        fn start_since(
            &mut self,
            seen: usize,
            depth: u32,
            view: &View<Bit>,
            chain: &Agreements,
        ) -> u32 {
            self.ask_while(view, chain, |unasked, _| unasked >= message(seen));
            self.start(depth)
        }
    }

    proptest! {
        #[test]
        fn a_streak_begins_after_the_last_that_disagrees_wherever_it_ends_and_whatever_the_chain_is(
            agreements in prop::collection::vec(0u32..12, 60),
            steps in prop::collection::vec(
                (0usize..60, prop_oneof![Just(u32::MAX), 0u32..12], any::<u32>(), 0usize..60),
                1..20,
            ),
        ) {
            let view = view_of(agreements.len());
            let mut chain = Agreements(agreements, Cell::new(0));
            let mut stream = Stream::default();
            for (latest, valid, salt, cited) in steps {
                // Another chain, with the first `valid` candidates in common.
                for (place, agreement) in chain.0.iter_mut().enumerate() {
                    if *agreement >= valid {
                        *agreement = valid + salt.rotate_left(place as u32) % 5;
                    }
                }
                let unasked = stream.unasked();
                let forgets = stream.follow(Some(message(latest)), valid, &view, &chain);
                prop_assert!(forgets || stream.unasked() <= unasked);
                prop_assert_eq!(stream.latest(), Some(message(latest)));
                prop_assert_eq!(stream.agreement(), chain.0[latest]);
                let cited = cited.min(latest);
                for depth in 1..17 {
                    let start = stream.start_since(cited, depth, &view, &chain);
                    for place in cited..=latest {
                        let in_streak = chain.0[place..=latest].iter().all(|&it| it >= depth);
                        prop_assert_eq!(place as u32 + 1 >= start, in_streak);
                    }
                }
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
        assert!(stream.follow(Some(message(500)), u32::MAX, &view, &chain));
        assert_eq!(stream.start_since(3, 10, &view, &chain), 10);
        assert_eq!(chain.1.replace(0), 498);
        for latest in (501..1000).flat_map(|latest| [latest, latest - 2, latest]) {
            // The chain grows by what the latest message agrees with.
            let valid = chain.0[latest];
            chain.0[latest] += 1;
            assert!(!stream.follow(Some(message(latest)), valid, &view, &chain));
            assert_eq!(stream.start_since(3, 10, &view, &chain), 10);
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
        assert_eq!(stream.start_since(3, 10, &view, &chain), 10);
        chain.1.set(0);
        for (latest, asked) in [(990, 0), (999, 9), (960, 0), (999, 39)] {
            stream.follow(Some(message(latest)), u32::MAX, &view, &chain);
            assert_eq!(stream.agreement(), latest as u32 + 1);
            assert_eq!(stream.start_since(3, 10, &view, &chain), 10);
            assert_eq!(chain.1.replace(0), asked, "to {latest}");
        }
    }

    /// Nothing is less than nothing, so who agrees with nothing is not asked what else it said; and
    /// of messages that agree with as much only the last is kept.
    #[test]
    fn nothing_is_asked_or_kept_that_does_not_matter() {
        let view = view_of(100);
        let mut stream = Stream::default();
        for (agreement, asked, start) in [(0, 1, u32::MAX), (7, 97, 4)] {
            let chain = Agreements(vec![agreement; 100], Cell::new(0));
            stream.follow(Some(message(99)), 0, &view, &chain);
            assert_eq!(stream.unasked(), if agreement == 0 { 0 } else { 99 });
            assert_eq!(stream.start_since(3, 7, &view, &chain), start);
            assert_eq!(stream.start(8), u32::MAX);
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
        stream.start_since(0, 1, &view, &chain);
        chain.1.set(0);
        assert!(stream.follow(Some(message(999)), 100, &view, &chain));
        assert_eq!(chain.1.replace(0), REPEATED + 1);
        assert_eq!(stream.unasked(), 999 - REPEATED as u32);
        for (cited, asked) in [(990, 0), (900, 999 - REPEATED - 900), (50, 850)] {
            assert_eq!(stream.start_since(cited, 995, &view, &chain), 995);
            assert_eq!(stream.start(1), cited.min(999 - REPEATED) as u32 + 1);
            assert_eq!(chain.1.replace(0), asked, "since {cited}");
        }
        stream.follow(None, u32::MAX, &view, &chain);
        assert_eq!((stream.unasked(), stream.start(1)), (0, u32::MAX));
    }
}
