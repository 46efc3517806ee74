//! What a hand-made DAG answers that says only what it has to: the rest is worked out for it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use cbc_message::{Bit, ValidatorId, ValidatorSet, Weight};
use cbc_testkit::Dag;
use cbc_view::{MessageDag, MessageIndex, Seen, View};

/// A view of which only the least is known.
struct HandMade(View<Bit>);

impl MessageDag for HandMade {
    type Estimate = Bit;

    fn message_count(&self) -> usize {
        self.0.message_count()
    }

    fn validator_count(&self) -> usize {
        self.0.validator_count()
    }

    fn sender(&self, message: MessageIndex) -> ValidatorId {
        self.0.sender(message)
    }

    fn sequence_number(&self, message: MessageIndex) -> u64 {
        self.0.sequence_number(message)
    }

    fn estimate(&self, message: MessageIndex) -> &Bit {
        self.0.estimate(message)
    }

    fn previous(&self, message: MessageIndex) -> Option<MessageIndex> {
        self.0.previous(message)
    }

    fn seen(&self, message: MessageIndex, validator: ValidatorId) -> Seen {
        self.0.seen(message, validator)
    }

    fn latest_message(&self, validator: ValidatorId) -> Option<MessageIndex> {
        self.0.latest_message(validator)
    }

    fn is_equivocator(&self, validator: ValidatorId) -> bool {
        self.0.is_equivocator(validator)
    }
}

/// Its messages are numbered in the order of the text.
fn hand_made(text: &str) -> HandMade {
    let validators = ValidatorSet::new(vec![Weight::new(1); 4]).unwrap();
    let mut view = View::new(Arc::new(validators));
    for message in Dag::<Bit>::parse(text).messages() {
        view.insert(message.clone()).unwrap();
    }
    HandMade(view)
}

fn at(index: u32) -> MessageIndex {
    MessageIndex::new(index)
}

#[test]
fn all_that_a_message_has_seen_is_who_was_seen_and_nobody_else() {
    let dag = hand_made("a 1 1; x 0 1; y 0 0; b 2 1 !x,y a");
    let seen: Vec<(ValidatorId, Seen)> = dag.seen_of_all(at(3)).collect();
    let proof = Seen::Equivocation;
    assert_eq!(seen, [(ValidatorId::new(0), proof), (ValidatorId::new(1), Seen::Latest(at(0)))]);
    assert_eq!(dag.seen_of_all(at(0)).count(), 0);
}

#[test]
fn a_row_has_one_more_than_the_latest_seen_and_none_of_equivocators_and_strangers() {
    let dag = hand_made("a 1 1; x 0 1; y 0 0; c 3 1 a; b 2 1 !x,y a c");
    let mut row = [9; 4];
    dag.latest_seen(at(4), &mut row);
    assert_eq!(row, [0, 1, 0, 4]);
    let mut row_of_view = [9; 4];
    dag.0.latest_seen(at(4), &mut row_of_view);
    assert_eq!(row_of_view, row);
}

#[test]
fn the_latest_message_of_an_equivocator_does_not_count() {
    let dag = hand_made("a 1 1; x 0 1; y 0 0");
    let latest = |validator| dag.latest_honest_message(ValidatorId::new(validator));
    assert_eq!([0, 1, 2].map(latest), [None, Some(at(0)), None]);
}

/// Of many validators, so that rows have several levels.
#[test]
fn news_is_what_one_has_seen_and_the_other_has_not_or_otherwise() {
    let validators = Arc::new(ValidatorSet::new(vec![Weight::new(1); 70]).unwrap());
    let draws: Vec<usize> = (0..997).map(|number| number * number % 1009).collect();
    let mut view = View::new(validators);
    for message in cbc_testkit::contested_bits(70, 120, &draws) {
        view.insert(message).unwrap();
    }
    let dag = HandMade(view);
    let seen = |message, validator| dag.seen(message, validator);
    for now in (0..120).map(at) {
        let citations = dag.0.citations(now);
        for before in (0..120).step_by(7).map(at) {
            let each = dag.0.validators().ids();
            let each = each.map(|it| (it, seen(before, it), seen(now, it)));
            let expected: Vec<_> = each.filter(|(_, before, now)| before != now).collect();
            assert_eq!(dag.0.news(Some(before), &citations), expected);
            assert_eq!(dag.news(Some(before), &citations), expected);
        }
        let each = citations.iter().map(|(it, seen)| (it, Seen::Nothing, seen));
        let expected: Vec<_> = each.collect();
        assert_eq!(dag.0.news(None, &citations), expected);
        assert_eq!(dag.news(None, &citations), expected);
        assert!(
            citations.latest_messages().all(|(it, latest)| seen(now, it) == Seen::Latest(latest))
        );
        let listed: Vec<_> = citations.iter().collect();
        let listed = cbc_view::Citations::listed(&listed);
        assert_eq!(listed.differences(&citations).count(), 0);
        for validator in
            dag.0.validators().ids().chain([ValidatorId::new(70), ValidatorId::new(9999)])
        {
            assert_eq!(listed.get(validator), citations.get(validator));
        }
    }
}
