//! The cases whose instructions `cargo xtask bench --instructions` counts, under valgrind. Run as
//! any bench or test, without it, this only sees that they run.
//!
//! To add a case, give it a row in [`CASES`]: view ingestion, votes and the head, ancestors and
//! cliques belong here too. A case prepares, hands what is to be counted to [`counted`], once, and
//! takes no other care. What looks hashes up in a `HashIndex` is counted under a key that differs
//! from run to run: its count does so too, by a little.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::env;
use std::hint::black_box;

use cbc_message::{
    BlockId, BlockVote, Citation, Header, Justification, Message, MessageHash, ValidatorId, decode,
    encode,
};

/// A name, the sizes, and what to do at a size.
type Case = (&'static str, &'static [u32], fn(u32));

/// Each is run in a process of its own.
const CASES: &[Case] = &[
    ("codec/make and hash", &[10, 100, 1000], make),
    ("codec/encode", &[10, 100, 1000], to_bytes),
    ("codec/decode and hash", &[10, 100, 1000], from_bytes),
];

/// Counts `work`: valgrind starts counting where this function begins, and stops where it ends. It
/// goes by the name, so the function must keep it, and have one copy only.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
    // Otherwise `work` might take the place of this call, not be called from it.
    black_box(());
}

/// A vote that cites the latest messages of this many validators.
fn header(citations: u32) -> Header<BlockVote> {
    let hash = |number: u32| {
        let mut bytes = [0x5a; 32];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        MessageHash::from_bytes(bytes)
    };
    let cite = |v: u32| (ValidatorId::new(v), Citation::Latest(hash(v)));
    Header {
        sender: ValidatorId::new(0),
        sequence_number: 7,
        justification: Justification::from_ascending((0..citations).map(cite).collect()).unwrap(),
        estimate: BlockVote::Vote { block: BlockId::Proposed(hash(0)) },
    }
}

fn make(citations: u32) {
    let mut header = Some(header(citations));
    let mut made = None;
    counted(&mut || made = header.take().map(Message::new));
    assert!(made.is_some());
}

fn to_bytes(citations: u32) {
    let message = Message::new(header(citations));
    let mut bytes = Vec::new();
    counted(&mut || bytes = encode(black_box(&message)));
    assert!(!bytes.is_empty());
}

fn from_bytes(citations: u32) {
    let message = Message::new(header(citations));
    let bytes = encode(&message);
    let mut decoded = None;
    counted(&mut || decoded = decode::<BlockVote>(black_box(&bytes)).ok());
    assert_eq!(decoded.map(|decoded| decoded.hash()), Some(message.hash()));
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--cases"] => {
            for (name, sizes, _) in CASES {
                sizes.iter().for_each(|size| println!("{name} {size}"));
            }
        }
        ["--case", name, size] => {
            let (_, _, case) = CASES.iter().find(|(case, ..)| *case == name).unwrap();
            case(size.parse().unwrap());
        }
        _ => CASES.iter().for_each(|(_, sizes, case)| case(sizes[0])),
    }
}
