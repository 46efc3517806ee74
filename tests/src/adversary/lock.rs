//! Phase 1: everybody is honest, the adversary controls the network, and a value is finalized.

use cbc_message::{ValidatorId, ValidatorSet, Weight};
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::arena::Arena;
use super::set::Messages;
use super::world::World;

/// How the quorum comes to hold a value.
#[derive(Clone, Copy, Debug)]
enum Style {
    /// In two rounds: all of the quorum see the first messages of all.
    Clique,
    /// In two rounds: each of the quorum sees the first messages of some.
    Committee,
    /// In no order at all.
    Gossip,
}

/// What phase 1 is to bring about.
pub(super) struct Lock {
    style: Style,
    quorum: Vec<ValidatorId>,
    outsiders: Vec<ValidatorId>,
    /// How many of the outsiders, the last ones, are won over after their first message.
    converts: usize,
    /// The side the quorum takes, where it has a choice.
    pub(super) side: bool,
    /// What honest validators ask to be tolerated before they finalize.
    pub(super) threshold: Weight,
}

impl Lock {
    pub(super) fn draw(validators: &ValidatorSet, rng: &mut ChaCha8Rng) -> Self {
        let style = match rng.random_range(0..20) {
            0..12 => Style::Clique,
            12..17 => Style::Committee,
            _ => Style::Gossip,
        };
        let mut quorum: Vec<ValidatorId> = validators.ids().collect();
        quorum.shuffle(rng);
        let outweighs = |members: &[ValidatorId]| {
            let weight = validators.weight_of(members.iter().copied());
            weight > validators.total() - weight
        };
        let least = (1..=quorum.len()).find(|&count| outweighs(&quorum[..count]));
        let least = least.unwrap_or(quorum.len());
        let most = rng.random_range(least..=quorum.len());
        let outsiders = quorum.split_off(rng.random_range(least..=most));
        let converts = match rng.random_range(0..4) {
            0 => rng.random_range(0..=outsiders.len()),
            1 => outsiders.len(),
            _ => 0,
        };
        if rng.random_bool(0.7) {
            // The lighter whoever opens is, the less holds the others to what it says.
            quorum.sort_by_key(|&member| validators.weight(member));
        }
        let weight = validators.weight_of(quorum.iter().copied());
        let tolerance = (weight - (validators.total() - weight)).get().saturating_sub(1) / 2;
        let threshold = match rng.random_range(0..4) {
            0 => rng.random_range(0..=tolerance),
            1 => tolerance,
            _ => 0,
        };
        let (side, threshold) = (rng.random(), Weight::new(threshold));
        Self { style, quorum, outsiders, converts, side, threshold }
    }

    /// Carries phase 1 out, until somebody has finalized something, or nobody does.
    pub(super) fn carry_out<P: Arena>(&self, world: &mut World<P>) {
        self.outsiders_speak(world);
        match self.style {
            Style::Clique => self.two_rounds(world, 1.0),
            Style::Committee => self.two_rounds(world, 0.75),
            Style::Gossip => self.gossip(world),
        }
        // Some see it all.
        let mut observers: Vec<ValidatorId> = world.validators.ids().collect();
        observers.shuffle(&mut world.rng);
        for observer in observers {
            if !world.records.is_empty() {
                return;
            }
            let members = self.outsiders.len() - self.converts;
            let tips = self.heard(world, &[&self.quorum[..], &self.outsiders[members..]].concat());
            world.deliver(observer, tips);
        }
    }

    /// The outsiders take the other side, each after those before it.
    fn outsiders_speak<P: Arena>(&self, world: &mut World<P>) {
        for (place, &outsider) in self.outsiders.iter().enumerate() {
            if world.rng.random_bool(0.9) {
                let heard = self.heard(world, &self.outsiders[..place]);
                world.deliver(outsider, heard);
                world.speak(outsider, !self.side);
            }
        }
    }

    fn two_rounds<P: Arena>(&self, world: &mut World<P>, sees: f64) {
        let opening = world.speak(self.quorum[0], self.side);
        let opening = opening.map_or(Messages::EMPTY, |opening| world.cone(opening));
        for &member in &self.quorum[1..] {
            // Without it, a block of its own would compete; a bit would not.
            if P::opening(self.side).is_none() {
                world.deliver(member, opening);
            }
            world.speak(member, self.side);
        }
        // Some outsiders are won over.
        let firsts = self.heard(world, &self.quorum);
        let mut members = self.quorum.clone();
        for &outsider in &self.outsiders[self.outsiders.len() - self.converts..] {
            world.deliver(outsider, firsts);
            world.speak(outsider, self.side);
            members.push(outsider);
        }
        let shown_outsiders = world.rng.random_bool(0.2);
        let said: Vec<Messages> =
            world.validators.ids().map(|id| self.heard(world, &[id])).collect();
        for &member in &members {
            let mut heard = members.clone();
            heard.retain(|_| world.rng.random_bool(sees));
            if shown_outsiders {
                heard.extend(&self.outsiders);
            }
            let heard = heard.iter().map(|id| said[id.index()]);
            world.deliver(member, heard.fold(Messages::EMPTY, Messages::union));
        }
        for &member in &members {
            world.speak(member, self.side);
        }
    }

    fn gossip<P: Arena>(&self, world: &mut World<P>) {
        let everybody: Vec<ValidatorId> = world.validators.ids().collect();
        for turn in 0..40 {
            if !world.records.is_empty() {
                return;
            }
            let among = if world.rng.random_bool(0.9) { &self.quorum } else { &everybody };
            let Some(&speaker) = among.choose(&mut world.rng) else { return };
            let mut heard = among.clone();
            heard.retain(|_| world.rng.random_bool(0.5));
            if turn > 0 && heard.is_empty() {
                heard.push(self.quorum[0]);
            }
            let heard = self.heard(world, &heard);
            world.deliver(speaker, heard);
            world.speak(speaker, self.side);
        }
    }

    /// All that these have said, and had seen.
    fn heard<P: Arena>(&self, world: &World<P>, speakers: &[ValidatorId]) -> Messages {
        let said = speakers.iter().flat_map(|&speaker| world.by(speaker).iter());
        said.fold(Messages::EMPTY, |set, message| set.union(world.cone(message)))
    }
}
