//! Honest executions, at random.

use cbc_message::{Bit, Citation, Estimate, Header, Justification, Message, ValidatorId};

/// `count` messages of honest validators `0..validators`, each after all it cites.
///
/// Each validator keeps what it knows. At every step one of them hears some of the newer messages
/// in full, with their whole past, and then speaks: of the latest messages that it knows it cites
/// those that the others do not have in their past. So V1–V4 hold and nobody equivocates; V5 holds if `estimate`, which is handed the
/// latest messages that it knows, in ascending order of their senders, sees to it.
///
/// All choices are `draw`'s: it answers a number below the one it is given. O(validators) a
/// message.
///
/// ```
/// use cbc_message::Bit;
///
/// let mut state = 7_usize;
/// let mut draw = |below| {
///     state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
///     (state >> 33) % below
/// };
/// let messages = cbc_testkit::random_execution(5, 100, &mut draw, |seen, draw| {
///     match draw(seen.len() + 1) {
///         0 => Bit::One,
///         number => *seen[number - 1].estimate(),
///     }
/// });
/// assert_eq!(messages.len(), 100);
/// ```
///
/// # Panics
///
/// If there are no validators, or `draw` answers no number below the one it is given.
pub fn random_execution<E: Estimate, D: FnMut(usize) -> usize>(
    validators: u32,
    count: usize,
    draw: &mut D,
    mut estimate: impl FnMut(&[&Message<E>], &mut D) -> E,
) -> Vec<Message<E>> {
    let mut messages: Vec<Message<E>> = Vec::with_capacity(count);
    // The place of the latest message of each validator: as each validator knows it, and as the
    // maker of each message knew it once it had made that message. Without equivocations the
    // later of two messages of one validator is the one at the greater place.
    let mut known = vec![vec![None::<usize>; validators as usize]; validators as usize];
    let mut told: Vec<Vec<Option<usize>>> = Vec::with_capacity(count);
    let recent = 2 * validators as usize;
    for place in 0..count {
        let maker = draw(validators as usize);
        let known = &mut known[maker];
        for _ in 0..draw(4) {
            if place > 0 {
                let heard = place - 1 - draw(place.min(recent));
                for (mine, theirs) in known.iter_mut().zip(&told[heard]) {
                    *mine = (*mine).max(*theirs);
                }
            }
        }
        let seen: Vec<_> = known.iter().flatten().map(|&place| &messages[place]).collect();
        // Not what somebody else had heard who is cited.
        let is_news = |&&place: &&usize| {
            let sender = messages[place].sender();
            let others = known.iter().flatten().filter(|&&other| other != place);
            others.map(|&other| told[other][sender.index()]).all(|told| told < Some(place))
        };
        let cite = |&place: &usize| {
            let message: &Message<E> = &messages[place];
            (message.sender(), Citation::Latest(message.hash()))
        };
        let cited = known.iter().flatten().filter(is_news).map(cite).collect();
        let message = Message::new(Header {
            sender: ValidatorId::new(maker as u32),
            sequence_number: known[maker].map_or(0, |own| messages[own].sequence_number() + 1),
            justification: Justification::from_ascending(cited)
                .unwrap_or_else(|error| panic!("{error}")),
            estimate: estimate(&seen, draw),
        })
        .unwrap_or_else(|error| panic!("{error}"));
        messages.push(message);
        known[maker] = Some(place);
        told.push(known.clone());
    }
    messages
}

/// Honest messages that mostly say 1, one in twelve 0: what oracles are tried on. All choices are
/// `draws`, over and over, so that a test that fails can shrink them.
///
/// # Panics
///
/// If there are no validators, or no draws.
pub fn contested_bits(validators: u32, count: usize, draws: &[usize]) -> Vec<Message<Bit>> {
    let mut draws = draws.iter().cycle();
    let mut draw = |below: usize| match draws.next() {
        Some(draw) => draw % below,
        None => panic!("there are no draws"),
    };
    random_execution(
        validators,
        count,
        &mut draw,
        |_, draw| {
            if draw(12) == 0 { Bit::Zero } else { Bit::One }
        },
    )
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use cbc_message::MessageHash;

    use super::*;

    fn bits(seed: u64) -> Vec<Message<Bit>> {
        let mut state = seed;
        let mut draw = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % below
        };
        random_execution(
            6,
            300,
            &mut draw,
            |_, draw| {
                if draw(2) == 0 { Bit::Zero } else { Bit::One }
            },
        )
    }

    /// The hashes of all that each message has in its past.
    fn pasts(messages: &[Message<Bit>]) -> BTreeMap<MessageHash, BTreeSet<MessageHash>> {
        let mut pasts: BTreeMap<MessageHash, BTreeSet<MessageHash>> = BTreeMap::new();
        for message in messages {
            let cited = message.justification().hashes();
            let past = cited.flat_map(|cited| pasts[&cited].iter().copied().chain([cited]));
            let past = past.collect();
            pasts.insert(message.hash(), past);
        }
        pasts
    }

    #[test]
    fn everybody_builds_on_their_own_last_message() {
        for seed in 0..20 {
            let messages = bits(seed);
            let pasts = pasts(&messages);
            let mut last = BTreeMap::new();
            for message in &messages {
                let number = last.get(&message.sender()).map_or(0, |&(_, number)| number + 1);
                assert_eq!(message.sequence_number(), number);
                let before = last.insert(message.sender(), (message.hash(), number));
                assert!(before.is_none_or(|(hash, _)| pasts[&message.hash()].contains(&hash)));
            }
            assert_eq!(last.len(), 6, "everybody speaks");
        }
    }

    #[test]
    fn v4_nothing_is_cited_that_another_cited_message_has_in_its_past() {
        for seed in 0..20 {
            let messages = bits(seed);
            let pasts = pasts(&messages);
            for message in &messages {
                let cited: Vec<_> = message.justification().hashes().collect();
                assert!(cited.iter().all(|one| cited.iter().all(|by| !pasts[by].contains(one))));
            }
        }
    }

    #[test]
    fn the_same_draws_give_the_same_messages() {
        assert_eq!(bits(3), bits(3));
        assert_ne!(bits(3), bits(4));
    }
}
