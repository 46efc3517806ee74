//! The search against what can be worked out by hand, and against making everything.

use std::sync::Arc;

use cbc_message::{Bit, ValidatorId, Weight};
use cbc_validator::{BinaryConsensus, Blockchain};

use super::*;
use crate::size::validators;
use crate::stories::every_execution;

/// The case of semantics §6, with four in the clique: q = 46, W = 61. Whatever weighs less than
/// q − W/2 turns nobody; and the lightest that do not, two members, do.
#[test]
fn the_clique_is_turned_by_those_that_weigh_as_much_as_it_does_beyond_half() {
    let validators = validators(&[10, 11, 12, 13, 15]);
    let mut world = World::<BinaryConsensus>::new(Arc::clone(&validators));
    let ids: Vec<ValidatorId> = world.ids().collect();
    let says = |id: &ValidatorId| if id.index() < 4 { Bit::One } else { Bit::Zero };
    let first: Vec<_> = ids.iter().map(|id| world.speak(*id, &Panorama::EMPTY, says(id))).collect();
    let all_of_the_clique = first[..4].iter().fold(Panorama::EMPTY, |panorama, &message| {
        world.join(&panorama, &world.told_by(message), Group::NOBODY).unwrap()
    });
    for id in &ids[..4] {
        world.speak(*id, &all_of_the_clique, Bit::One);
    }
    let safety = world.observer().safety(&Bit::One);
    assert_eq!(safety.margin, Weight::new(31));
    assert_eq!(safety.fault_tolerance, Some(Weight::new(15)));

    let story: Vec<_> =
        world.view().justified_messages().filter_map(|m| world.view().message(m)).collect();
    let least =
        Situation::<BinaryConsensus>::new(&validators, &story).least(&Bit::One, validators.total());
    let (weight, equivocators, _) = least.attack.unwrap();
    assert_eq!((weight, equivocators), (Weight::new(21), Group::of(ids[..2].iter().copied())));
}

/// Compares what the two repertoires find, and counts the searches that found an attack.
fn compare<P: Play>(weights: &[u64], messages: usize, step: usize, depth: usize) {
    let validators = validators(weights);
    let (mut attacks, mut searches) = (0, 0);
    for story in every_execution::<P>(&validators, messages).iter().step_by(step) {
        let Situation { world, tips, .. } = Situation::<P>::new(&validators, story);
        for candidate in P::candidates(&world) {
            // Those who may be in a quorum.
            let agree = Group::of(world.ids().filter(|&validator| {
                tips.of(validator).latest().is_some_and(|tip| world.agrees(tip, &candidate))
            }));
            for equivocators in Group::all(weights.len()) {
                let by = |repertoire| {
                    let mut situation = Situation::<P>::new(&validators, story);
                    search(&mut situation, equivocators, &candidate, repertoire, depth)
                };
                let (lean, all) = (by(Repertoire::Lean), by(Repertoire::All));
                let what = || format!("{candidate:?}, {equivocators:?}, {depth}: {story:#?}");
                assert_eq!(lean.attack.is_some(), all.attack.is_some(), "{}", what());
                if all.attack.is_none() {
                    assert_eq!(lean.turned.both(agree), all.turned.both(agree), "{}", what());
                }
                searches += 1;
                attacks += u32::from(all.attack.is_some());
            }
        }
    }
    println!("{weights:?}, depth {depth}: {searches} searches, {attacks} attacks");
    assert!(0 < attacks && attacks < searches);
}

/// That only messages which can serve to turn a candidate are made loses no attack.
#[test]
fn what_the_lean_search_leaves_out_turns_nobody() {
    for weights in [[1, 1, 1], [3, 4, 5], [1, 1, 2], [3, 2, 0]] {
        compare::<BinaryConsensus>(&weights, 4, 97, 1);
        compare::<BinaryConsensus>(&weights, 2, 31, 2);
        compare::<Blockchain>(&weights, 3, 97, 1);
        compare::<Blockchain>(&weights, 1, 5, 2);
    }
}
