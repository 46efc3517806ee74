//! Large executions: nothing recurses, nothing is walked from end to end, nothing is quadratic.
//!
//! The limits are many times what the program takes: they catch a wrong order of growth, on a slow
//! machine, too.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_types, reason = "a limit on time needs a clock")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use cbc_message::{
    Bit, BlockVote, Citation, Header, Integer, Justification, Message, ValidatorId, ValidatorSet,
    Weight,
};
use cbc_oracle::CliqueOracle;
use cbc_validator::{Blockchain, Observer};
use cbc_view::{Limits, MessageDag, View};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

fn validators(weights: impl IntoIterator<Item = u64>) -> Arc<ValidatorSet> {
    Arc::new(ValidatorSet::new(weights.into_iter().map(Weight::new)).unwrap())
}

/// Messages of `validators` in turn, each of which has seen all before it, and so cites the last.
fn round_robin<E: cbc_message::Estimate>(
    validators: u32,
    count: usize,
    mut estimate: impl FnMut(Option<&Message<E>>) -> E,
) -> Vec<Message<E>> {
    let mut messages: Vec<Message<E>> = Vec::with_capacity(count);
    for turn in 0..count {
        let last = messages.last();
        let cited = last.map(|last| (last.sender(), Citation::Latest(last.hash())));
        let message = Message::new(Header {
            sender: ValidatorId::new(turn as u32 % validators),
            sequence_number: (turn / validators as usize) as u64,
            justification: Justification::from_ascending(cited.into_iter().collect()).unwrap(),
            estimate: estimate(last),
        })
        .unwrap();
        messages.push(message);
    }
    messages
}

fn timed<T>(limit: Duration, what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    let taken = start.elapsed();
    println!("{what}: {taken:?}");
    assert!(taken < limit, "{what} took {taken:?}");
    done
}

#[test]
fn a_hundred_thousand_messages_in_random_order_are_all_justified() {
    let mut messages = round_robin(10, 100_000, |_| Integer(7));
    messages.shuffle(&mut ChaCha8Rng::seed_from_u64(5));
    // More waits at a time than a view holds of strangers by default.
    let mut view = View::with_limits(validators([1; 10]), Limits::NONE);
    timed(Duration::from_secs(20), "100 000 messages in random order", || {
        for message in messages {
            view.insert(message).unwrap();
        }
    });
    assert_eq!(view.message_count(), 100_000);
    assert_eq!(view.pending_count(), 0);
}

#[test]
fn messages_that_arrive_last_first_are_released_without_recursion() {
    let messages = round_robin(3, 100_000, |_| Bit::One);
    let mut view = View::with_limits(validators([1; 3]), Limits::NONE);
    timed(Duration::from_secs(20), "100 000 messages, the last first", || {
        for message in messages.into_iter().rev() {
            view.insert(message).unwrap();
        }
    });
    assert_eq!(view.message_count(), 100_000);
}

#[test]
fn a_chain_of_a_million_blocks_is_not_walked_end_to_end() {
    const BLOCKS: u32 = 1_000_000;
    let chain = round_robin(3, BLOCKS as usize, |tip: Option<&Message<BlockVote>>| {
        let parent = tip.map_or(cbc_message::BlockId::Genesis, |tip| {
            cbc_message::BlockId::Proposed(tip.hash())
        });
        BlockVote::Propose { parent }
    });
    let mut observer = Observer::new(Blockchain, CliqueOracle::new(), validators([3, 4, 5]));
    timed(Duration::from_secs(120), "a chain of 1 000 000 blocks, V1–V5 checked", || {
        for block in chain {
            observer.receive(block).unwrap();
        }
    });

    let moment = Duration::from_millis(50);
    let head = timed(moment, "its head", || observer.estimate()).unwrap();
    assert_eq!(observer.blocks().height(head), BLOCKS);
    let finalized = timed(moment, "its last finalized block", || {
        observer.update_safe_estimates().unwrap().advanced().unwrap().value
    });
    assert!(observer.blocks().height(finalized) > BLOCKS - 10);
    timed(moment, "a thousand ancestors", || {
        for step in 0..1000 {
            let height = step * (BLOCKS / 1000);
            let ancestor = observer.blocks().ancestor_at(head, height).unwrap();
            assert_eq!(observer.blocks().height(ancestor), height);
            assert_eq!(observer.blocks().common_ancestor(ancestor, finalized), ancestor);
        }
    });
}
