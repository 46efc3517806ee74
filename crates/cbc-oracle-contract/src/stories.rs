//! The views that are asked about: all of small executions, or random ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use cbc_message::{Message, MessageHash, ValidatorId, ValidatorSet};
use cbc_view::{HashedDag, MessageDag, MessageIndex};
use rand::{Rng, RngExt};

use crate::play::Play;
use crate::world::{Group, Panorama, World};

/// The messages of one view, each after all it cites.
pub(crate) type Story<P> = Vec<Message<<P as cbc_validator::Protocol>::Estimate>>;

/// An execution, message by message: who speaks, having heard which of the messages before, by
/// their places, and what it says.
pub(crate) type Script<P> = Vec<(u32, &'static [usize], <P as cbc_validator::Protocol>::Estimate)>;

/// Different views, by the hashes of their messages.
type Stories<P> = BTreeMap<Vec<MessageHash>, Story<P>>;

fn keep<P: Play>(world: &World<P>, messages: &[MessageIndex], stories: &mut Stories<P>) -> bool {
    let mut key: Vec<MessageHash> =
        messages.iter().map(|&message| world.view().hash(message)).collect();
    key.sort_unstable();
    let before = stories.len();
    stories.entry(key).or_insert_with(|| world.messages(messages));
    stories.len() > before
}

/// The latest message of each validator among these.
fn latest<P: Play>(world: &World<P>, messages: &[MessageIndex]) -> Vec<MessageIndex> {
    let last =
        |sender| messages.iter().rfind(|&&message| world.view().sender(message) == sender).copied();
    world.ids().filter_map(last).collect()
}

/// The views of an execution, after each of its messages.
///
/// # Panics
///
/// If a message is invalid.
pub(crate) fn play_out<P: Play>(
    validators: &Arc<ValidatorSet>,
    script: Script<P>,
) -> Vec<Story<P>> {
    let mut world = World::<P>::new(Arc::clone(validators));
    let mut messages: Vec<MessageIndex> = Vec::new();
    let mut stories = Vec::new();
    for (sender, heard, estimate) in script {
        let panorama = heard.iter().fold(Panorama::EMPTY, |panorama, &place| {
            world.join(&panorama, &world.told_by(messages[place]), Group::NOBODY).unwrap()
        });
        messages.push(world.speak(ValidatorId::new(sender), &panorama, estimate));
        stories.push(world.messages(&messages));
    }
    stories
}

/// The views of all executions of honest validators who make at most `count` messages beyond the
/// opening: at every step anybody speaks, having heard any of the others' latest messages.
pub(crate) fn every_execution<P: Play>(
    validators: &Arc<ValidatorSet>,
    count: usize,
) -> Vec<Story<P>> {
    let mut world = World::<P>::new(Arc::clone(validators));
    let opening: Vec<MessageIndex> = P::opening()
        .into_iter()
        .map(|(sender, estimate)| world.speak(sender, &Panorama::EMPTY, estimate))
        .collect();
    let mut stories = Stories::<P>::new();
    keep(&world, &opening, &mut stories);
    let mut layer = vec![opening];
    for _ in 0..count {
        let mut next = Vec::new();
        for messages in layer {
            let latest = latest(&world, &messages);
            for sender in world.ids() {
                for heard in Group::all(latest.len()) {
                    let heard = (0u32..).zip(&latest).filter(|&(place, &message)| {
                        heard.has(ValidatorId::new(place)) && world.view().sender(message) != sender
                    });
                    let own = latest.iter().filter(|&&m| world.view().sender(m) == sender);
                    let panorama = heard.map(|(_, message)| message).chain(own).try_fold(
                        Panorama::EMPTY,
                        |panorama, &message| {
                            world.join(&panorama, &world.told_by(message), Group::NOBODY)
                        },
                    );
                    let Some(panorama) = panorama else { continue };
                    let value = world.value(&panorama);
                    let mut moves = P::moves(&world, value.as_ref());
                    if value.is_some() {
                        moves.truncate(1);
                    }
                    for estimate in moves {
                        let message = world.speak(sender, &panorama, estimate);
                        let mut messages = messages.clone();
                        messages.push(message);
                        if keep(&world, &messages, &mut stories) {
                            next.push(messages);
                        }
                    }
                }
            }
        }
        layer = next;
    }
    stories.into_values().collect()
}

/// The views reached in `executions` random executions of `count` messages beyond the opening: after
/// each message, of somebody who has seen all there is, and of whoever made it.
///
/// The honest speak on top of their latest message; the others of `equivocators` as often as not on
/// top of any of theirs, or of none.
pub(crate) fn random_executions<P: Play>(
    validators: &Arc<ValidatorSet>,
    executions: usize,
    count: usize,
    equivocators: Group,
    rng: &mut impl Rng,
) -> Vec<Story<P>> {
    let mut stories = Stories::<P>::new();
    for _ in 0..executions {
        let mut world = World::<P>::new(Arc::clone(validators));
        let mut messages: Vec<MessageIndex> = P::opening()
            .into_iter()
            .map(|(sender, estimate)| world.speak(sender, &Panorama::EMPTY, estimate))
            .collect();
        keep(&world, &messages, &mut stories);
        // In executions of the talkative most has been heard, in those of the taciturn little.
        let hearing = rng.random_range(30..=100);
        while messages.len() < count + P::opening().len() {
            let sender = ValidatorId::new(rng.random_range(0..validators.len() as u32));
            let (mine, theirs): (Vec<MessageIndex>, Vec<_>) =
                messages.iter().partition(|&&message| world.view().sender(message) == sender);
            let own = if equivocators.has(sender) && rng.random_bool(0.5) {
                mine.get(rng.random_range(0..=mine.len())).copied()
            } else {
                mine.last().copied()
            };
            let least = own.map_or(Panorama::EMPTY, |own| world.told_by(own));
            let mut panorama = least;
            for message in latest(&world, &theirs) {
                if rng.random_range(0..100) < hearing {
                    let told = world.told_by(message);
                    panorama = world.join(&panorama, &told, equivocators).unwrap_or(panorama);
                }
            }
            if panorama.of(sender) != least.of(sender) {
                continue; // it would have to forget, or to accuse itself
            }
            let moves = {
                let value = world.value(&panorama);
                let moves = P::moves(&world, value.as_ref());
                if value.is_some() && rng.random_range(0..5) > 0 {
                    moves.into_iter().take(1).collect()
                } else {
                    moves
                }
            };
            if moves.is_empty() {
                continue;
            }
            let estimate = moves[rng.random_range(0..moves.len())].clone();
            let message = world.speak(sender, &panorama, estimate);
            if messages.contains(&message) {
                continue;
            }
            messages.push(message);
            keep(&world, &messages, &mut stories);
            let local = world.past(&world.told_by(message));
            // Candidates are blocks by their places: the opening comes first everywhere.
            if (0..P::opening().len()).all(|first| local.iter().any(|m| m.index() == first)) {
                keep(&world, &local, &mut stories);
            }
        }
    }
    stories.into_values().collect()
}
