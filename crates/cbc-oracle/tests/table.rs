//! The table of all candidates of a chain, against one lobbying graph after another.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use cbc_message::{BlockId, BlockVote, Header, Message, ValidatorSet, Weight};
use cbc_oracle::{CliqueOracle, LobbyingTable, SafetyOracle};
use cbc_view::{AdmitAll, BlockIndex, BlockTree, Chain, OnBlock, Perspective, UpTo, View};
use proptest::prelude::*;
use proptest::sample::Index;

/// Blocks and votes of honest and of equivocating validators; each follows some of what it has
/// seen, so that there are forks and changes of mind.
fn messages(validators: u32, count: usize, draws: &[usize]) -> Vec<Message<BlockVote>> {
    let mut draws = draws.iter().copied().cycle();
    let mut draw = |below: usize| draws.next().map_or(0, |draw| draw % below);
    let mut messages = cbc_testkit::random_execution(validators, count, &mut draw, |seen, draw| {
        let parent = match seen {
            [] => BlockId::Genesis,
            // Mostly what was seen last, which makes long chains.
            seen => {
                let followed = if draw(2) > 0 { seen.len() - 1 } else { draw(seen.len()) };
                match *seen[followed].estimate() {
                    BlockVote::Propose { .. } => BlockId::Proposed(seen[followed].hash()),
                    BlockVote::Vote { block } => block,
                }
            }
        };
        if draw(3) == 0 { BlockVote::Vote { block: parent } } else { BlockVote::Propose { parent } }
    });
    let forks = count / 15;
    for _ in 0..forks {
        let place = draw(messages.len());
        let estimate = BlockVote::Vote { block: BlockId::Genesis };
        let forked = messages[place].header();
        if forked.estimate != estimate && forked.sender.index() % 3 == 0 {
            let message = Message::new(Header { estimate, ..forked.clone() }).unwrap();
            messages.insert(place + 1, message);
        }
    }
    messages
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_answer_is_that_of_the_candidate_asked_alone(
        weights in prop::collection::vec(1u64..9, 2..6),
        count in 1usize..80,
        draws in prop::collection::vec(any::<usize>(), 1..300),
        questions in prop::collection::vec((0..4usize, any::<Index>(), 0..9usize, 0..4u32), 120),
    ) {
        let validators = Arc::new(ValidatorSet::new(weights.iter().map(|&w| Weight::new(w))).unwrap());
        let mut view: View<BlockVote> = View::new(Arc::clone(&validators));
        let mut other = Perspective::new(validators.len());
        let mut blocks = BlockTree::new();
        let mut table = LobbyingTable::new();
        let mut tip = BlockIndex::GENESIS;
        let (oracle, unsearched) = (CliqueOracle::exact(), CliqueOracle::with_budget(0));
        let sent = messages(validators.len() as u32, count, &draws);
        for (message, (observer, new_tip, moves, above)) in sent.into_iter().zip(questions) {
            let receipt = view.insert(message).unwrap();
            for message in receipt.justified.iter() {
                blocks.insert(&view, message).unwrap();
            }
            // Two observers of one view, the second now and then; it has seen a part.
            if observer == 1 {
                view.exchange(&mut other);
                for message in receipt.justified.iter() {
                    view.insert_held(message, &mut AdmitAll).unwrap();
                }
            }
            // The chain moves now and then, and as often twice before the next question.
            for _ in 0..2_usize.saturating_sub(moves) {
                let moved = BlockIndex::new(new_tip.index(blocks.len()) as u32);
                table.set_common_depth(blocks.height(blocks.common_ancestor(tip, moved)));
                tip = moved;
            }
            let chain = UpTo { blocks: &blocks, block: tip };
            let chain: &dyn Chain<View<BlockVote>> = &chain;
            table.update(&view, chain);
            let alone = |depth| {
                let block = blocks.ancestor_at(tip, depth).unwrap();
                oracle.safety(&view, &validators, &OnBlock { blocks: &blocks, block })
            };
            for depth in 1..=chain.depth() {
                for (budget, oracle) in [(u64::MAX, oracle), (0, unsearched)] {
                    let block = blocks.ancestor_at(tip, depth).unwrap();
                    let candidate = OnBlock { blocks: &blocks, block };
                    let alone = oracle.safety(&view, &validators, &candidate);
                    prop_assert_eq!(table.clique(&validators, depth, Weight::ZERO, budget), alone);
                }
            }
            let threshold = Weight::new(2);
            let above = above.min(chain.depth());
            let found = oracle.deepest_safe(&view, &validators, chain, &mut table, above, threshold);
            let deepest = (above + 1..=chain.depth()).rev().find(|&d| alone(d).reaches(threshold));
            prop_assert_eq!(found, deepest.map(|depth| (depth, alone(depth))));
            if observer == 1 {
                view.exchange(&mut other);
            }
        }
    }
}

#[test]
fn it_is_called_clique() {
    assert_eq!(SafetyOracle::<View<BlockVote>>::name(&CliqueOracle::new()), "clique");
}
