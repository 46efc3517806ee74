//! The adversary oracle of CBC Casper: who can be turned by an adversary that controls the network?
//!
//! Validators whose latest message agrees with the candidate start *on*, all others *off*. Each that
//! is on keeps a picture: it holds another to be on if it has an arrow to it in the lobbying graph.
//! An adversary with equivocators of weight t turns off whoever has no more than `W/2 + t` on in its
//! picture, W being the total weight; those turned go off in every picture, and so on until nobody
//! turns. The greatest t that leaves anybody on is what the [`AdversaryOracle`] answers.
//!
//! # One attack, or the strongest that fails
//!
//! The proof of concept carries out one attack, with t = 0, asks which side is heavier in the end,
//! and reports the lightest validator's weight: [`poc_figure`] reproduces that, for comparison. It
//! is no fault tolerance. What those tolerate who are left by that one attack would be one, and is
//! sound; but it goes by the weakest of their pictures, and one more validator that agrees and has
//! heard of few can take all of it away. Weights 5, 4, 1: 0 and 1 see each other agree, which
//! tolerates 3; then 2 agrees, having heard of 1 alone, with 5 of 10 on in its picture, and nothing
//! would be tolerated. Here stronger attacks turn 2 and are left with 0 and 1: 3, as before. No
//! message that agrees makes the answer less.
//!
//! So taken, the argument is that of the one-level committee (semantics §6): whoever is left by the
//! attack with t is one in which everybody holds more than `W/2 + t` on. The answer is the
//! one-level inspector's, found from the adversary's side.
//!
//! This crate swaps in for the clique oracle of `cbc-oracle` and depends on nothing above it. What
//! its answers mean is in [semantics §6](cbc_message::semantics).
//!
//! ```
//! use std::sync::Arc;
//! use cbc_oracle::SafetyOracle;
//! use cbc_oracle_adversary::{AdversaryOracle, poc_figure};
//! use cbc_view::cbc_message::{Bit, Header, Message, ValidatorSet, Weight};
//! use cbc_view::{Equals, View};
//!
//! let weights = Arc::new(ValidatorSet::new([5, 4, 3].map(Weight::new))?);
//! let mut view = View::new(Arc::clone(&weights));
//! for sender in weights.ids().chain(weights.ids()) {
//!     let sequence_number = view.next_sequence_number(sender);
//!     let justification = view.justification();
//!     let header = Header { sender, sequence_number, justification, estimate: Bit::One };
//!     view.insert(Message::new(header)?)?;
//! }
//! let one = Equals(Bit::One);
//! let safety = AdversaryOracle.safety(&view, &weights, &one);
//! assert_eq!(safety.fault_tolerance, Some(Weight::new(5))); // all 12 on in every picture
//! assert_eq!(poc_figure(&view, &weights, &one), (Weight::new(3), 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

use cbc_message::{ValidatorSet, Weight};
use cbc_oracle::{
    BitSet, Committee, LobbyingGraph, Quorum, Safety, SafetyOracle, strongest_committee,
};
use cbc_view::{MessageDag, Property};

/// The adversary oracle. O(V²), whatever anybody sends.
///
/// Its argument is that of [`Safety::of_strength`], with the quorum of those that stay on, and with
/// the least weight that one of them holds to be on, itself included, as the strength: those have
/// all been seen to agree, and nothing of them since that disagrees. Attacks need not be tried one
/// after another: who is left by the strongest is the
/// [strongest committee](strongest_committee).
#[derive(Clone, Copy, Debug, Default)]
pub struct AdversaryOracle;

impl<D: MessageDag> SafetyOracle<D> for AdversaryOracle {
    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        let graph = LobbyingGraph::new(dag, candidate);
        let weights = weights_of(&graph, validators);
        let all = BitSet::full(weights.len());
        let Committee { members, strength } = strongest_committee(graph.arrows(), &weights, all);
        let on = members.iter().map(|vertex| graph.vertices()[vertex]).collect();
        let safety = Safety::of_strength(strength, Quorum::new(on, validators), validators);
        // An attack without any equivocators leaves nobody on.
        if safety.fault_tolerance.is_none() { Safety::none() } else { safety }
    }
}

fn weights_of(graph: &LobbyingGraph, validators: &ValidatorSet) -> Vec<Weight> {
    graph.vertices().iter().map(|&vertex| validators.weight(vertex)).collect()
}

/// The two figures of the proof of concept's adversary oracle: if in the end those off outweigh
/// those on, `(0, 0)`; else the weight of the lightest validator, and 1. O(V²).
///
/// In its pictures a validator is on itself only if it cites a message of its own: a first message
/// sees even its maker off.
pub fn poc_figure<D: MessageDag>(
    dag: &D,
    validators: &ValidatorSet,
    candidate: &dyn Property<D>,
) -> (Weight, usize) {
    let graph = LobbyingGraph::new(dag, candidate);
    let on = left_on(&graph, validators);
    let weight = validators.weight_of(on.iter().map(|vertex| graph.vertices()[vertex]));
    if weight < validators.total() - weight {
        return (Weight::ZERO, 0);
    }
    (validators.weights().iter().copied().min().unwrap_or_default(), 1)
}

/// The vertices that stay on when all are turned that hold less than half of the weight to be on.
/// The end does not depend on the order: whoever can be turned can still be when others have been.
/// Each vertex is turned once, at O(V).
fn left_on(graph: &LobbyingGraph, validators: &ValidatorSet) -> BitSet {
    let weights = weights_of(graph, validators);
    let pictures = graph.arrows();
    let sum = |picture: &BitSet| picture.iter().map(|vertex| weights[vertex]).sum();
    let mut held: Vec<Weight> = pictures.iter().map(sum).collect();
    let turns = |held: Weight| held < validators.total() - held;
    let mut on = BitSet::full(weights.len());
    let mut turned: Vec<usize> = on.iter().filter(|&vertex| turns(held[vertex])).collect();
    turned.iter().for_each(|&vertex| on.remove(vertex));
    while let Some(off) = turned.pop() {
        for vertex in 0..weights.len() {
            if on.contains(vertex) && pictures[vertex].contains(off) {
                held[vertex] -= weights[off];
                if turns(held[vertex]) {
                    on.remove(vertex);
                    turned.push(vertex);
                }
            }
        }
    }
    on
}
