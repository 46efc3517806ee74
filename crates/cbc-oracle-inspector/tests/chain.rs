//! The inspector for all candidates of a chain, asked as a view grows, against the inspector for
//! each candidate alone.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::Cell;
use std::sync::Arc;

use cbc_message::{Header, Integer, Message, ValidatorId, ValidatorSet, Weight};
use cbc_oracle::{CliqueOracle, FinalitySearch, SafetyOracle};
use cbc_oracle_inspector::InspectorOracle;
use cbc_view::{AdmitAll, AtDepth, Chain, Limits, MessageDag, MessageIndex, SharedView, View};
use proptest::prelude::*;

/// A path in a binary tree: the bits after the first that is set.
fn depth(path: i64) -> u32 {
    path.ilog2()
}

/// The nodes on the way to the end of a path. Messages vote for paths.
#[derive(Clone, Copy)]
struct UpTo<'a>(i64, &'a Cell<u32>);

impl Chain<View<Integer>> for UpTo<'_> {
    fn depth(&self) -> u32 {
        depth(self.0)
    }

    fn agreement(&self, dag: &View<Integer>, message: MessageIndex) -> u32 {
        self.1.set(self.1.get() + 1);
        let path = dag.estimate(message).0;
        let common = depth(path).min(depth(self.0));
        let differs = path >> (depth(path) - common) ^ self.0 >> (depth(self.0) - common);
        differs.checked_ilog2().map_or(common, |highest| common - 1 - highest)
    }
}

/// Validators mostly go on from what they saw last, and now and then back or elsewhere; some of
/// them equivocate.
fn messages(validators: u32, count: usize, draws: &[usize]) -> Vec<Message<Integer>> {
    let mut draws = draws.iter().copied().cycle();
    let mut draw = |below: usize| draws.next().map_or(0, |draw| draw % below);
    let vote = |seen: &[&Message<Integer>], draw: &mut dyn FnMut(usize) -> usize| {
        let followed = seen.last().map_or(1, |last| last.estimate().0);
        Integer(match draw(8) {
            0 => (followed >> draw(3)).max(1),
            _ if depth(followed) == 40 => followed,
            1 => followed << 1,
            _ => followed << 1 | 1,
        })
    };
    let mut messages =
        cbc_testkit::random_execution(validators, count, &mut draw, |seen, draw| vote(seen, draw));
    for _ in 0..count / 20 {
        let place = draw(messages.len());
        let (forked, estimate) = (messages[place].header(), Integer(2));
        if forked.estimate != estimate && forked.sender.index() % 3 == 0 {
            let message = Message::new(Header { estimate, ..forked.clone() }).unwrap();
            messages.insert(place + 1, message);
        }
    }
    messages
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_answer_is_that_of_the_candidate_asked_alone(
        weights in prop_oneof![
            prop::collection::vec(1u64..9, 2..7),
            (2usize..7).prop_map(|count| vec![8; count]),
        ],
        count in 1usize..70,
        draws in prop::collection::vec(any::<usize>(), 1..300),
        questions in prop::collection::vec((0..4usize, 0..6usize, 0..4u32, 0..60u64), 110),
        levels in 1u32..6,
        usual in prop_oneof![Just(0u64), 0u64..20],
    ) {
        let validators = ValidatorSet::new(weights.iter().map(|&w| Weight::new(w))).unwrap();
        let validators = Arc::new(validators);
        let oracle = InspectorOracle::levels(levels);
        let mut shared = SharedView::new(Arc::clone(&validators), Limits::default(), 2);
        let mut search = FinalitySearch::new(oracle);
        let (mut tip, mut finalized, asked) = (1, 0, Cell::new(0));
        let sent = messages(validators.len() as u32, count, &draws);
        for (message, (observer, moves, above, threshold)) in sent.into_iter().zip(questions) {
            let estimate = message.estimate().0;
            let receipt = shared.of(0).insert(message).unwrap();
            // Two observers of one view, the second now and then; it has seen a part.
            if observer == 1 {
                let view = shared.of(1);
                for message in receipt.justified.iter() {
                    view.insert_held(message, &mut AdmitAll).unwrap();
                }
            }
            let view: &View<Integer> = shared.lent();
            // The chain mostly grows, and is sometimes another.
            if moves < 5 {
                tip = estimate;
            }
            let chain = UpTo(tip, &asked);
            // As who keeps what is final, and as who asks from anywhere.
            let above = if above < 2 { finalized } else { above }.min(chain.depth());
            let threshold = Weight::new(if threshold < 50 { usual } else { threshold - 50 });
            let alone = |depth| oracle.safety(view, &validators, &AtDepth { chain, depth });
            let deepest = (above + 1..=chain.depth()).rev().map(|depth| (depth, alone(depth)));
            let deepest = deepest.into_iter().find(|(_, safety)| safety.reaches(threshold));
            let found = search.deepest_safe(view, &validators, &chain, above, threshold);
            prop_assert_eq!(&found, &deepest);
            finalized = found.map_or(finalized, |(depth, _)| depth);
        }
    }
}

/// 0 and 1 have seen each other agree; one observer knows that 0 has left since, and asks first.
#[test]
fn what_somebody_was_told_who_has_seen_more_is_not_told_to_who_has_seen_less() {
    let validators = Arc::new(ValidatorSet::new([5, 5].map(Weight::new)).unwrap());
    let mut shared = SharedView::new(Arc::clone(&validators), Limits::default(), 2);
    for (place, sender) in [0, 1, 0, 1, 0].map(ValidatorId::new).into_iter().enumerate() {
        let view = shared.of(0);
        let header = Header {
            sender,
            sequence_number: view.next_sequence_number(sender),
            justification: view.justification(),
            estimate: Integer(if place < 4 { 3 } else { 2 }),
        };
        let receipt = view.insert(Message::new(header).unwrap()).unwrap();
        let message = receipt.justified.iter().next().unwrap();
        if place < 4 {
            shared.of(1).insert_held(message, &mut AdmitAll).unwrap();
        }
    }
    let asked = Cell::new(0);
    let oracles: [Arc<dyn SafetyOracle<View<Integer>>>; 2] =
        [Arc::new(InspectorOracle::new()), Arc::new(CliqueOracle::new())];
    for mut search in oracles.map(FinalitySearch::new) {
        for (observer, safe) in [(0, false), (1, true), (0, false)] {
            let view = shared.of(observer);
            let chain = UpTo(3, &asked);
            let found = search.deepest_safe(view, &validators, &chain, 0, Weight::ZERO);
            assert_eq!(found.is_some(), safe);
        }
    }
}
