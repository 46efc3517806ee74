//! What a long run costs: bytes held and time taken for each message, as more and more are held,
//! with what is settled dropped, and with somebody offline. Round robin: each validator in turn
//! proposes on the head.
//!
//! The allocator counts the bytes, spare room of vectors included.

#![allow(clippy::disallowed_types, clippy::unwrap_used, reason = "a measurement")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use cbc_message::{BlockVote, Message, ValidatorId, ValidatorSet, Weight, decode, encode};
use cbc_oracle::CliqueOracle;
use cbc_validator::{Blockchain, Observer};
use cbc_view::{Limits, MessageDag, View};
use clap::Parser;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Measure the memory and the time of long runs.
#[derive(Parser)]
struct Arguments {
    /// How many messages to go up to, where nothing is dropped: with 10 validators, a tenth of that
    /// with 100, 1 000 and 10 000
    #[arg(long, default_value_t = 10_000_000)]
    keep: usize,
    /// How many messages to go up to, where what is settled is dropped, with 100 validators
    #[arg(long, default_value_t = 10_000_000)]
    drop: usize,
    /// How many messages to go up to, with 10 validators, one of whom is offline
    #[arg(long, default_value_t = 1_000_000)]
    offline: usize,
}

fn main() {
    let arguments = Arguments::parse();
    println!(
        "| validators | messages held | bytes sent | bytes a message, view | with fork choice | ns a message |"
    );
    println!("|--:|--:|--:|--:|--:|--:|");
    keep(10, arguments.keep);
    for validators in [100, 1_000, 10_000] {
        keep(validators, arguments.keep / 10);
    }
    println!();
    println!(
        "| validators | messages so far | held | bytes held | ns a message, finality included |"
    );
    println!("|--:|--:|--:|--:|--:|");
    drop_settled(100, arguments.drop);
    println!();
    println!(
        "| validators | offline | messages so far | bytes a message | ns a message, finality included |"
    );
    println!("|--:|--:|--:|--:|--:|");
    for (validators, offline) in [(10, 0), (10, 1), (100, 0), (100, 1)] {
        lag(validators, offline, arguments.offline);
    }
}

fn observer(validators: usize) -> Observer<Blockchain, CliqueOracle> {
    let weights = (0..validators as u64).map(|v| Weight::new(1000 + v * v % 97));
    let validators = Arc::new(ValidatorSet::new(weights).unwrap());
    Observer::with_limits(Blockchain, CliqueOracle::new(), validators, Limits::NONE)
}

/// The estimate is the payload of a message: what it costs to hold is counted without.
const PAYLOAD: usize = size_of::<BlockVote>();

fn keep(validators: usize, most: usize) {
    let before = ALLOCATOR.current_usage();
    // The maker is a view alone; it makes what an observer of a chain without forks would.
    let mut maker =
        View::with_limits(Arc::clone(observer(validators).view().validators()), Limits::NONE);
    let mut observer = observer(validators);
    let (mut view_bytes, mut observer_bytes) = (0, 0);
    let mut parent = cbc_message::BlockId::Genesis;
    let mut taken = Duration::ZERO;
    let mut timed = 0;
    let mut next_report = 10_000.min(most);
    let window = 2_000.min(most / 2);
    let mut made = 0;
    while made < most {
        let sender = ValidatorId::new((made % validators) as u32);
        let start = ALLOCATOR.current_usage();
        let message = Message::new(cbc_message::Header {
            sender,
            sequence_number: maker.next_sequence_number(sender),
            justification: maker.justification(),
            estimate: BlockVote::Propose { parent },
        })
        .unwrap();
        parent = cbc_message::BlockId::Proposed(message.hash());
        let bytes = encode(&message);
        maker.insert(message).unwrap();
        view_bytes += ALLOCATOR.current_usage() as isize - (start + bytes.capacity()) as isize;
        let start = (ALLOCATOR.current_usage(), Instant::now());
        observer.receive(decode(&bytes).unwrap()).unwrap();
        if made >= next_report - window {
            taken += start.1.elapsed();
            timed += 1;
        }
        observer_bytes += ALLOCATOR.current_usage() as isize - start.0 as isize;
        made += 1;
        if made == next_report {
            let each = |bytes: isize| bytes / made as isize - PAYLOAD as isize;
            let nanoseconds = taken.as_nanos() / u128::from(timed as u64);
            println!(
                "| {validators} | {made} | {} | {} | {} | {nanoseconds} |",
                bytes.len(),
                each(view_bytes),
                each(observer_bytes)
            );
            (taken, timed, next_report) = (Duration::ZERO, 0, (next_report * 10).min(most));
        }
    }
    debug_assert!(ALLOCATOR.current_usage() > before);
}

fn drop_settled(validators: usize, most: usize) {
    let before = ALLOCATOR.current_usage();
    let mut observer = observer(validators);
    let (mut archived, mut left) = (0_usize, 0);
    let mut start = Instant::now();
    let step = most.div_ceil(10);
    for made in 1..=most {
        observer.make_message(ValidatorId::new((made % validators) as u32)).unwrap();
        observer.update_safe_estimates().unwrap();
        // When as much again has come as was left, and half of it may be settled.
        if observer.view().message_count() > 2 * left + 10 * validators {
            archived += observer.prune(validators as u32, |_| {});
            left = observer.view().message_count();
        }
        if made % step == 0 {
            let held = ALLOCATOR.current_usage() - before;
            let nanoseconds = start.elapsed().as_nanos() / step as u128;
            let count = observer.view().message_count();
            println!("| {validators} | {made} | {count} | {held} | {nanoseconds} |");
            start = Instant::now();
        }
    }
    eprintln!("{archived} messages were handed out to an archive");
}

/// After two rounds, `offline` validators say nothing any more. What they have seen is further and
/// further behind; what a message costs should not be.
fn lag(validators: usize, offline: usize, most: usize) {
    let before = ALLOCATOR.current_usage();
    let mut observer = observer(validators);
    let awake = validators - offline;
    let (mut next_report, mut start, mut timed) = (1_000.min(most), Instant::now(), 0);
    for made in 0..most {
        let sender = if made < 2 * validators { made % validators } else { made % awake };
        observer.make_message(ValidatorId::new(sender as u32)).unwrap();
        observer.update_safe_estimates().unwrap();
        if made + 1 == next_report {
            let bytes = (ALLOCATOR.current_usage() - before) / (made + 1) - PAYLOAD;
            let nanoseconds = start.elapsed().as_nanos() / (made + 1 - timed) as u128;
            println!("| {validators} | {offline} | {} | {bytes} | {nanoseconds} |", made + 1);
            next_report = (next_report * 10).min(most);
            (start, timed) = (Instant::now(), made + 1);
        }
    }
}
