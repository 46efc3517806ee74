//! The adversary oracle of CBC Casper: who can be turned by an adversary that controls the network?
//!
//! Validators whose latest message agrees with the candidate start *on*, all others *off*. Each that
//! is on keeps a picture: it holds another to be on if it has an arrow to it in the lobbying graph.
//! The adversary turns off whoever has less than half of the weight on in its picture; those turned
//! go off in every picture, and so on until nobody turns. What is left holds the candidate, and by
//! how much is what the [`AdversaryOracle`] answers.
//!
//! The proof of concept only asks which side is heavier in the end, and reports the lightest
//! validator's weight: [`poc_figure`] reproduces that, for comparison. It is no fault tolerance.
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
use cbc_oracle::{BitSet, LobbyingGraph, Quorum, Safety, SafetyOracle};
use cbc_view::{MessageDag, Property};

/// The adversary oracle. O(V²).
///
/// Its argument is that of [`Safety::of_strength`], with the quorum of those that stay on, and with
/// the least weight that one of them holds to be on, itself included, as the strength: those have
/// all been seen to agree, and nothing of them since that disagrees.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdversaryOracle;

impl<D: MessageDag> SafetyOracle<D> for AdversaryOracle {
    fn name(&self) -> &'static str {
        "adversary"
    }

    fn safety(&self, dag: &D, validators: &ValidatorSet, candidate: &dyn Property<D>) -> Safety {
        let graph = LobbyingGraph::new(dag, candidate);
        let mut pictures = graph.arrows().to_vec();
        for (vertex, picture) in pictures.iter_mut().enumerate() {
            picture.insert(vertex);
        }
        let attack = Attack::carry_out(&graph, pictures, validators);
        // The side that is on is no lighter than what one of them holds to be on.
        let Some(strength) = attack.on.iter().map(|vertex| attack.held[vertex]).min() else {
            return Safety::none();
        };
        let members = attack.on.iter().map(|vertex| graph.vertices()[vertex]).collect();
        Safety::of_strength(strength, Quorum::new(members, validators), validators)
    }
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
    let attack = Attack::carry_out(&graph, graph.arrows().to_vec(), validators);
    let on = attack.on.iter().map(|vertex| graph.vertices()[vertex]);
    let weight = validators.weight_of(on);
    if weight < validators.total() - weight {
        return (Weight::ZERO, 0);
    }
    (validators.weights().iter().copied().min().unwrap_or_default(), 1)
}

/// The end of the attack.
struct Attack {
    /// The vertices that stay on.
    on: BitSet,
    /// What each vertex holds to be on, in weight.
    held: Vec<Weight>,
}

impl Attack {
    /// Turns off all that can be. The end does not depend on the order: whoever can be turned can
    /// still be when others have been. Each vertex is turned once, at O(V).
    fn carry_out(graph: &LobbyingGraph, pictures: Vec<BitSet>, validators: &ValidatorSet) -> Self {
        let count = pictures.len();
        let weights: Vec<Weight> =
            graph.vertices().iter().map(|&vertex| validators.weight(vertex)).collect();
        let sum = |picture: &BitSet| picture.iter().map(|vertex| weights[vertex]).sum();
        let mut held: Vec<Weight> = pictures.iter().map(sum).collect();
        let turns = |held: Weight| held < validators.total() - held;
        let mut on = BitSet::full(count);
        let mut turned: Vec<usize> = (0..count).filter(|&vertex| turns(held[vertex])).collect();
        turned.iter().for_each(|&vertex| on.remove(vertex));
        while let Some(off) = turned.pop() {
            for vertex in 0..count {
                if on.contains(vertex) && pictures[vertex].contains(off) {
                    held[vertex] -= weights[off];
                    if turns(held[vertex]) {
                        on.remove(vertex);
                        turned.push(vertex);
                    }
                }
            }
        }
        Self { on, held }
    }
}
