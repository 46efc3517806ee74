//! What somebody who wants the search to be long can bring about, and what is answered then.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use cbc_message::{
    Bit, Citation, Header, Justification, Message, MessageHash, ValidatorId, ValidatorSet, Weight,
};
use cbc_oracle::{
    BitSet, CliqueOracle, FinalitySearch, LobbyingGraph, Quorum, Safety, SafetyOracle, max_clique,
    strongest_committee,
};
use cbc_testkit::contested_bits;
use cbc_view::{Equals, View};
use proptest::prelude::*;

const ONE: Equals<Bit> = Equals(Bit::One);

/// Two thirds of the validators, honest, have seen everybody. The others, `hostile` many, have seen
/// all of the honest, and of each other those that a random graph of this density says. All
/// messages are valid, and nobody equivocates.
fn chosen_citations(hostile: u32, percent: u64, seed: u64) -> View<Bit> {
    let mut state = seed;
    let mut below = |n: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let honest = 2 * hostile;
    let weights: Vec<Weight> = (0..3 * hostile).map(|_| Weight::new(1000 + below(1000))).collect();
    let mut view = View::new(Arc::new(ValidatorSet::new(weights).unwrap()));
    let mut say = |sender: u32, number: u64, cited: &[(u32, MessageHash)]| {
        let citation = |&(v, hash): &_| (ValidatorId::new(v), Citation::Latest(hash));
        let justification =
            Justification::from_ascending(cited.iter().map(citation).collect()).unwrap();
        let message = Message::new(Header {
            sender: ValidatorId::new(sender),
            sequence_number: number,
            justification,
            estimate: Bit::One,
        })
        .unwrap();
        let hash = message.hash();
        assert_eq!(view.insert(message).unwrap().justified.iter().count(), 1);
        (sender, hash)
    };
    let first: Vec<_> = (0..honest).map(|v| say(v, 0, &[])).collect();
    let second: Vec<_> = (0..honest).map(|v| say(v, 1, &first)).collect();
    let theirs: Vec<_> = (honest..3 * hostile).map(|v| say(v, 0, &second)).collect();
    let count = hostile as usize;
    let mut adjacent = vec![false; count * count];
    for (one, other) in (0..count).flat_map(|one| (0..one).map(move |other| (one, other))) {
        let draw = below(100) < percent;
        adjacent[one * count + other] = draw;
        adjacent[other * count + one] = draw;
    }
    // Each of these has seen all of the honest.
    let mut last = Vec::new();
    for one in 0..count {
        let seen = (0..count).filter(|&other| one == other || adjacent[one * count + other]);
        let cited: Vec<_> = seen.map(|other| theirs[other]).collect();
        last.push(say(honest + one as u32, 1, &cited));
    }
    for v in 0..honest {
        say(v, 2, &last);
    }
    view
}

fn weights_of(graph: &LobbyingGraph, validators: &ValidatorSet) -> Vec<Weight> {
    graph.vertices().iter().map(|&vertex| validators.weight(vertex)).collect()
}

/// What the strongest committee tolerates.
fn by_committee(graph: &LobbyingGraph, validators: &ValidatorSet) -> Safety {
    let weights = weights_of(graph, validators);
    let committee = strongest_committee(graph.arrows(), &weights, BitSet::full(weights.len()));
    let members = committee.members.iter().map(|vertex| graph.vertices()[vertex]).collect();
    Safety::of_strength(committee.strength, Quorum::new(members, validators), validators)
}

/// 180 of 540: the search for the heaviest clique does not end in minutes.
#[test]
fn whom_the_hostile_cite_makes_no_question_long() {
    let view = chosen_citations(180, 90, 180);
    let validators = view.validators();
    let graph = LobbyingGraph::new(&view, &ONE);
    let weights = weights_of(&graph, validators);
    let budget = CliqueOracle::budget_for(validators.len());
    let searched = max_clique(&weights, graph.edges(), budget);
    assert!(!searched.is_exact());
    // The budget is looked at before each node of the search tree.
    let node = (weights.len() * weights.len()) as u64;
    assert!((budget..=budget + node).contains(&searched.steps), "{}", searched.steps);

    let answer = CliqueOracle::new().safety(&view, validators, &ONE);
    let committee = by_committee(&graph, validators);
    assert_eq!(answer, Safety { exact: false, ..committee });
    assert!(
        answer.reaches(Weight::ZERO)
            && answer.margin.get() > 2 * searched.weight.get() - validators.total().get()
    );

    let mut search = FinalitySearch::new(CliqueOracle::new());
    let found = search.deepest_safe(&view, validators, &ONE, 0, Weight::ZERO);
    assert_eq!(found, Some((1, answer)));
}

/// 80 of 240: more than the usual budget allows, but not much.
#[test]
fn without_a_budget_the_heaviest_clique_is_found_where_the_usual_budget_does_not_do() {
    let view = chosen_citations(80, 80, 1);
    let validators = view.validators();
    let graph = LobbyingGraph::new(&view, &ONE);
    let heaviest = max_clique(&weights_of(&graph, validators), graph.edges(), u64::MAX);
    assert!(heaviest.is_exact() && heaviest.steps > CliqueOracle::budget_for(validators.len()));
    assert!(!CliqueOracle::new().safety(&view, validators, &ONE).exact);
    let exact = CliqueOracle::exact().safety(&view, validators, &ONE);
    assert_eq!((exact.exact, exact.quorum.weight), (true, heaviest.weight));
}

fn assert_holds(view: &View<Bit>, budget: u64) -> Result<(), TestCaseError> {
    let validators = view.validators();
    let exact = CliqueOracle::exact().safety(view, validators, &ONE);
    let committee = by_committee(&LobbyingGraph::new(view, &ONE), validators);
    let early = CliqueOracle::with_budget(budget).safety(view, validators, &ONE);
    prop_assert!(exact.exact);
    prop_assert!(early.bound >= exact.fault_tolerance && early.bound >= early.fault_tolerance);
    prop_assert!(early.bound <= committee.fault_tolerance);
    if early.exact {
        prop_assert_eq!((early.margin, early.faults), (exact.margin, exact.faults));
    } else {
        // No less than the heaviest clique tolerates, and no more than is proven.
        prop_assert!(early.fault_tolerance >= exact.fault_tolerance);
        prop_assert!(early.fault_tolerance <= committee.fault_tolerance);
    }
    // Who asks for a threshold is answered as who asks for all.
    let reaches = |oracle: CliqueOracle, threshold| {
        FinalitySearch::new(oracle).deepest_safe(view, validators, &ONE, 0, threshold).is_some()
    };
    for threshold in
        (0..4).map(|more| Weight::new(exact.fault_tolerance.map_or(0, Weight::get) + more))
    {
        prop_assert_eq!(reaches(CliqueOracle::exact(), threshold), exact.reaches(threshold));
        let early = reaches(CliqueOracle::with_budget(budget), threshold);
        prop_assert!(early >= exact.reaches(threshold) && early <= committee.reaches(threshold));
    }
    Ok(())
}

proptest! {
    #[test]
    fn an_answer_out_of_budget_is_between_the_heaviest_clique_and_the_strongest_committee(
        hostile in 1u32..7,
        percent in 20u64..100,
        seed: u64,
        budget in 0u64..60,
    ) {
        assert_holds(&chosen_citations(hostile, percent, seed), budget)?;
    }

    #[test]
    fn and_so_it_is_where_minds_change(
        weights in prop::collection::vec(1u64..9, 4..9),
        count in 1usize..80,
        draws in prop::collection::vec(any::<usize>(), 1..300),
        budget in 0u64..30,
    ) {
        let messages = contested_bits(weights.len() as u32, count, &draws);
        let weights = weights.iter().copied().map(Weight::new);
        let mut view = View::new(Arc::new(ValidatorSet::new(weights).unwrap()));
        for message in messages {
            view.insert(message).unwrap();
            assert_holds(&view, budget)?;
        }
    }
}
