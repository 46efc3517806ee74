//! A view under a flood takes no more memory than the formula of [`Limits`] says, by the allocator.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use cbc_message::{
    Citation, Estimate, Header, Integer, Justification, Message, MessageHash, Order, ValidatorId,
    ValidatorSet, Weight,
};
use cbc_view::{Limits, View};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const LIMITS: Limits = Limits {
    pending_per_validator: 1 << 20,
    pending: 4 << 20,
    unwanted_per_validator: 64 << 10,
    batch: 100,
};

fn never(number: u64) -> MessageHash {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    MessageHash::from_bytes(bytes)
}

fn message<E: Estimate>(
    sender: u32,
    number: u64,
    cited: &[(u32, MessageHash)],
    estimate: E,
) -> Message<E> {
    let cite = |&(validator, hash)| (ValidatorId::new(validator), Citation::Latest(hash));
    Message::new(Header {
        sender: ValidatorId::new(sender),
        sequence_number: number,
        justification: Justification::new(cited.iter().map(cite).collect()).unwrap(),
        estimate,
    })
    .unwrap()
}

fn view<E>(validators: u32) -> View<E> {
    let weights = (0..validators).map(|_| Weight::new(1));
    View::with_limits(Arc::new(ValidatorSet::new(weights).unwrap()), LIMITS)
}

/// Floods a view with these messages; what it takes then is within the limits.
fn assert_bounded<E: Estimate>(
    what: &str,
    validators: u32,
    flood: usize,
    mut next: impl FnMut(u64) -> Message<E>,
) {
    let mut view: View<E> = view(validators);
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let mut sent = 0;
    for number in 0.. {
        let message = next(number);
        sent += message.encoded_len();
        view.insert(message).unwrap();
        if sent > flood {
            break;
        }
    }
    let (held, peak) = (ALLOCATOR.current_usage() - before, ALLOCATOR.peak_usage() - before);
    let accounted = view.pending_bytes();
    println!("{what}: sent {sent}, accounted {accounted}, held {held}, at most {peak}");
    // The flood fills what there is.
    assert!(accounted > LIMITS.pending / 5 && accounted <= LIMITS.pending, "{what}");
    assert!(held <= LIMITS.pending, "{what}: {held}");
    assert!(peak <= 2 * LIMITS.pending, "{what}: {peak}");
}

// One test: the allocator counts for all of them.
#[test]
fn a_flood_takes_no_more_memory_than_the_limits_say() {
    for validators in [4, 100] {
        let name = |what: &str| format!("{what}, {validators} validators");
        assert_bounded(&name("waiting for one hash"), validators, 16 << 20, |number| {
            let sender = number as u32 % validators;
            message(sender, 0, &[((sender + 1) % validators, never(0))], Integer(number as i64))
        });
        assert_bounded(&name("waiting for a hash each"), validators, 16 << 20, |number| {
            let sender = number as u32 % validators;
            message(sender, 0, &[((sender + 1) % validators, never(number))], Integer(0))
        });
        assert_bounded(&name("waiting for many hashes"), validators, 40 << 20, |number| {
            let hash = |other| never(number * u64::from(validators) + u64::from(other));
            let cited: Vec<_> = (0..validators).map(|other| (other, hash(other))).collect();
            message(number as u32 % validators, 0, &cited, Integer(0))
        });
        let order = Order::new((0..1000).collect()).unwrap();
        assert_bounded(&name("great estimates"), validators, 32 << 20, |number| {
            message(number as u32 % validators, 0, &[(0, never(number))], order.clone())
        });
        let mut tips = vec![never(0); validators as usize];
        assert_bounded(&name("chains"), validators, 16 << 20, |number| {
            let sender = number as u32 % validators;
            let message = message(sender, number, &[(sender, tips[sender as usize])], Integer(0));
            tips[sender as usize] = message.hash();
            message
        });
    }
    for validators in [4, 100] {
        let mut view: View<Integer> = view(validators);
        let before = ALLOCATOR.current_usage();
        for number in 0..100_000 {
            let sender = number as u32 % validators;
            view.insert(message(sender, 0, &[], Integer(number))).unwrap();
        }
        let held = ALLOCATOR.current_usage() - before;
        println!("forks, {validators} validators: held {held}");
        let proofs = 2 * 4000;
        assert!(held <= validators as usize * (LIMITS.unwanted_per_validator + proofs), "{held}");
        assert!(held > validators as usize * LIMITS.unwanted_per_validator / 16, "{held}");
    }
}
