//! Hostile executions of a blockchain, at random.

use std::collections::BTreeSet;
use std::sync::Arc;

use cbc_message::{
    BlockId, BlockVote, Citation, Justification, Message, ValidatorId, ValidatorSet, Weight,
};
use cbc_oracle::CliqueOracle;
use cbc_validator::{Blockchain, Observer};
use cbc_view::{HashedDag, Limits};

pub(crate) type Follower = Observer<Blockchain, CliqueOracle>;

pub(crate) fn observer(weights: &[u64]) -> Follower {
    let validators = ValidatorSet::new(weights.iter().copied().map(Weight::new)).unwrap();
    Observer::with_limits(Blockchain, CliqueOracle::new(), Arc::new(validators), Limits::NONE)
}

/// A number below something, again and again.
pub(crate) struct Draws<'a>(std::iter::Cycle<std::slice::Iter<'a, u32>>, u32);

impl<'a> Draws<'a> {
    pub(crate) fn new(draws: &'a [u32]) -> Self {
        Self(draws.iter().cycle(), 0)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.1 = self.1.wrapping_mul(2_654_435_769).wrapping_add(self.0.next().map_or(0, |it| *it));
        (self.1 >> 8) as usize % end.max(1)
    }
}

/// Messages of validators of which the first three mostly hear each other at once; the others lag,
/// and the last two forget, now and then, what they have said and heard. Each comes after all it
/// cites. Some say less than their makers had seen, or vote for something else than they should.
pub(crate) fn execution(
    weights: &[u64],
    count: usize,
    draws: &mut Draws<'_>,
) -> Vec<Message<BlockVote>> {
    let mut made: Vec<Message<BlockVote>> = Vec::new();
    let mut cones: Vec<BTreeSet<usize>> = Vec::new();
    let mut known = vec![BTreeSet::new(); weights.len()];
    while made.len() < count {
        let maker = if draws.below(4) == 0 { draws.below(weights.len()) } else { draws.below(3) };
        let hears = if maker < 3 { draws.below(12) > 0 } else { draws.below(5) == 0 };
        if hears {
            for _ in 0..3 {
                let far = if draws.below(8) == 0 { made.len() } else { 3 };
                let back = draws.below(far);
                if let Some(heard) = made.len().checked_sub(1 + back) {
                    known[maker].extend(cones[heard].iter().copied().chain([heard]));
                }
            }
        }
        let forgets = maker + 2 >= weights.len() && draws.below(4) == 0;
        let seen: BTreeSet<usize> = match forgets {
            false => known[maker].clone(),
            true => {
                let mine = known[maker].iter().copied();
                let mine: Vec<usize> =
                    mine.filter(|&it| made[it].sender().index() == maker).collect();
                match mine.get(draws.below(mine.len() + 1)) {
                    Some(&old) => cones[old].iter().copied().chain([old]).collect(),
                    None => BTreeSet::new(),
                }
            }
        };
        let mut makers = observer(weights);
        for &heard in &seen {
            // What is invalid is heard by nobody.
            let _ = makers.receive(made[heard].clone());
        }
        let sender = ValidatorId::new(maker as u32);
        let Ok(message) = makers.draft_message(sender) else {
            known[maker].clear();
            continue;
        };
        let mut header = message.header().clone();
        if draws.below(3) == 0 {
            // Votes for the head, rather than propose on it.
            let BlockVote::Propose { parent: block } = header.estimate else { continue };
            header.estimate = BlockVote::Vote { block };
        }
        match draws.below(16) {
            0 if !header.justification.is_empty() => {
                let mut citations: Vec<(ValidatorId, Citation)> =
                    header.justification.iter().collect();
                citations.remove(draws.below(citations.len()));
                header.justification = Justification::new(citations).unwrap();
            }
            1 => {
                let block = made.get(draws.below(made.len() + 1));
                let block = block.map_or(BlockId::Genesis, |it| BlockId::Proposed(it.hash()));
                header.estimate = BlockVote::Vote { block };
            }
            _ => {}
        }
        let message: Message<BlockVote> = Message::new(header).unwrap();
        if made.contains(&message) {
            continue;
        }
        if makers
            .receive(message.clone())
            .is_ok_and(|_| makers.view().find(&message.hash()).is_some())
        {
            known[maker] = seen.iter().copied().chain([made.len()]).collect();
            cones.push(seen);
        } else {
            cones.push(BTreeSet::new());
        }
        made.push(message);
    }
    made
}

/// The places in which messages arrive: mostly in their order, some late, some twice.
pub(crate) fn arrivals(count: usize, draws: &mut Draws<'_>) -> Vec<usize> {
    let mut places: Vec<(usize, usize)> = Vec::new();
    for place in 0..count {
        let late = match draws.below(16) {
            0 => draws.below(count),
            1..3 => draws.below(10),
            _ => 0,
        };
        places.push((place + late, place));
        if draws.below(6) == 0 {
            places.push((place + draws.below(count), place));
        }
    }
    places.sort_unstable();
    places.into_iter().map(|(_, place)| place).collect()
}
