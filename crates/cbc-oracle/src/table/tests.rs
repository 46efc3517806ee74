//! The table of all candidates of a chain, against one lobbying graph after another, and the search
//! with it against one without.

use std::cell::Cell;
use std::sync::Arc;

use cbc_estimator::{BlockIndex, BlockTree, OnBlock, UpTo};
use cbc_message::{Bit, BlockId, BlockVote, Header, Message};
use cbc_view::{AdmitAll, Equals, Limits, MessageIndex, Property, SharedView, View};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::{CliqueOracle, FinalitySearch, LobbyingGraph, Safety, SafetyOracle};

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

/// An oracle that has the one method.
struct Plain;

impl<D: MessageDag> SafetyOracle<D> for Plain {
    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        CliqueOracle::exact().safety(dag, validators, candidate)
    }
}

/// The vertices, and, for each, whom it has arrows to, and shares edges with, by their places among
/// the vertices; whoever is none has neither.
fn compact(graph: &CandidateGraph) -> (Vec<ValidatorId>, Vec<BitSet>, Vec<BitSet>) {
    let vertices: Vec<usize> = graph.vertices().iter().collect();
    let of_vertices = |rows: &[BitSet]| -> Vec<BitSet> {
        let others = (0..rows.len()).filter(|v| !vertices.contains(v));
        assert!(others.into_iter().all(|v| rows[v].is_empty()));
        let row = |&v: &usize| {
            let mut row = BitSet::new(vertices.len());
            for u in rows[v].iter() {
                row.insert(vertices.iter().position(|&vertex| vertex == u).unwrap());
            }
            row
        };
        vertices.iter().map(row).collect()
    };
    let (arrows, edges) = (of_vertices(graph.arrows()), of_vertices(graph.edges()));
    (vertices.iter().map(|&v| ValidatorId::new(v as u32)).collect(), arrows, edges)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_answer_is_that_of_the_candidate_asked_alone(
        weights in prop::collection::vec(1u64..9, 2..6),
        count in 1usize..80,
        draws in prop::collection::vec(any::<usize>(), 1..300),
        questions in prop::collection::vec((0..4usize, any::<Index>(), 0..9usize, 0..4u32, 0..4u64), 120),
    ) {
        let validators = Arc::new(ValidatorSet::new(weights.iter().map(|&w| Weight::new(w))).unwrap());
        let mut shared = SharedView::new(Arc::clone(&validators), Limits::default(), 2);
        let mut blocks = BlockTree::new();
        let mut table = LobbyingTable::default();
        let mut search = FinalitySearch::new(CliqueOracle::exact());
        let mut plain = FinalitySearch::new(Plain);
        let mut tip = BlockIndex::GENESIS;
        let oracle = CliqueOracle::exact();
        let sent = messages(validators.len() as u32, count, &draws);
        for (message, (observer, new_tip, moves, above, threshold)) in sent.into_iter().zip(questions) {
            let view = shared.of(0);
            let receipt = view.insert(message).unwrap();
            for message in receipt.justified.iter() {
                blocks.insert(view, message).unwrap();
            }
            // Two observers of one view, the second now and then; it has seen a part.
            if observer == 1 {
                let view = shared.of(1);
                for message in receipt.justified.iter() {
                    view.insert_held(message, &mut AdmitAll).unwrap();
                }
            }
            let view: &View<BlockVote> = shared.lent();
            // The chain moves now and then.
            if moves < 2 {
                tip = BlockIndex::new(new_tip.index(blocks.len()) as u32);
            }
            let chain = UpTo { blocks: &blocks, block: tip };
            let chain: &dyn Chain<View<BlockVote>> = &chain;
            table.update(view, chain);
            // In an order of their own, so that the graph goes back and forth.
            let depths = (0..chain.depth()).map(|depth| (7 * depth + above) % chain.depth() + 1);
            for depth in depths {
                let block = blocks.ancestor_at(tip, depth).unwrap();
                let alone = LobbyingGraph::new(view, &OnBlock { blocks: &blocks, block });
                let of_table = compact(table.graph(depth));
                prop_assert_eq!(&of_table.0, alone.vertices());
                prop_assert_eq!((&of_table.1[..], &of_table.2[..]), (alone.arrows(), alone.edges()));
                let weight = table.agreeing(&validators, depth);
                prop_assert_eq!(weight, alone.weight(&validators));
            }
            let alone = |depth| {
                let block = blocks.ancestor_at(tip, depth).unwrap();
                oracle.safety(view, &validators, &OnBlock { blocks: &blocks, block })
            };
            let threshold = Weight::new(threshold);
            let above = above.min(chain.depth());
            let found = search.deepest_safe(view, &validators, chain, above, threshold);
            let deepest = (above + 1..=chain.depth()).rev().find(|&d| alone(d).reaches(threshold));
            prop_assert_eq!(&found, &deepest.map(|depth| (depth, alone(depth))));
            prop_assert_eq!(found, plain.deepest_safe(view, &validators, chain, above, threshold));
        }
    }
}

/// A chain that counts how often it is asked.
struct Counted<C>(C, Cell<u32>);

impl<D: MessageDag, C: Chain<D>> Chain<D> for Counted<C> {
    fn depth(&self) -> u32 {
        self.0.depth()
    }

    fn agreement(&self, dag: &D, message: MessageIndex) -> u32 {
        self.1.set(self.1.get() + 1);
        self.0.agreement(dag, message)
    }
}

/// The witness is asked, and nobody else; also where nobody agrees with the chain at all.
#[test]
fn a_question_that_is_repeated_asks_one_message() {
    let dag = cbc_testkit::Dag::<Bit>::parse("a 0 1; b 1 1 a; c 2 1 a b; d 3 1 a b c");
    let validators = Arc::new(ValidatorSet::new([1; 4].map(Weight::new)).unwrap());
    let mut view = View::new(Arc::clone(&validators));
    dag.messages().iter().for_each(|message| drop(view.insert(message.clone()).unwrap()));
    for (bit, again) in [(Bit::One, 1), (Bit::Zero, 1 + 4)] {
        let chain = Counted(Equals(bit), Cell::new(0));
        let mut search = FinalitySearch::new(CliqueOracle::new());
        let mut ask = || search.deepest_safe(&view, &validators, &chain, 0, Weight::ZERO);
        let first = ask();
        chain.1.set(0);
        assert_eq!(ask(), first);
        assert_eq!(chain.1.get(), again);
    }
}
