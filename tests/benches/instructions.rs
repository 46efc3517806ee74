//! The cases whose instructions `cargo xtask bench --instructions` counts, under valgrind. Run as
//! any bench or test, without it, this only sees that they run.
//!
//! To add a case, give it a row in [`CASES`]. A case prepares, hands what is to be counted to [`counted`], once, and
//! takes no other care. What looks hashes up in a `HashIndex` is counted under a key that differs
//! from run to run: its count does so too, by a little.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::env;
use std::hint::black_box;
use std::sync::Arc;

use cbc_estimator::{BlockIndex, LoadedVotes};
use cbc_message::{
    BlockId, BlockVote, Citation, Header, Justification, Message, MessageHash, ValidatorId,
    ValidatorSet, Weight, decode, encode,
};
use cbc_oracle::CliqueOracle;
use cbc_validator::{Blockchain, Observer};
use cbc_view::Limits;

/// A name, the sizes, and what to do at a size.
type Case = (&'static str, &'static [u32], fn(u32));

/// Each is run in a process of its own.
const CASES: &[Case] = &[
    ("codec/make and hash", &[10, 100, 1000], make),
    ("codec/encode", &[10, 100, 1000], to_bytes),
    ("codec/decode and hash", &[10, 100, 1000], from_bytes),
    ("ingest/one message of a chain (V1-V5, V8)", &[10, 100, 1000], receive),
    ("vote and head/chain", &[1_000, 1_000_000], vote_and_head),
    ("ancestor", &[1_000, 100_000], ancestor),
    ("clique oracle, from scratch", &[10, 100, 1000], clique),
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
    let message = Message::new(header(citations)).unwrap();
    let mut bytes = Vec::new();
    counted(&mut || bytes = encode(black_box(&message)));
    assert!(!bytes.is_empty());
}

fn from_bytes(citations: u32) {
    let message = Message::new(header(citations)).unwrap();
    let bytes = encode(&message);
    let mut decoded = None;
    counted(&mut || decoded = decode::<BlockVote>(black_box(&bytes)).ok());
    assert_eq!(decoded.map(|decoded| decoded.hash()), Some(message.hash()));
}

/// An observer of a chain that validators extend in turn, who has received all of its messages but
/// the last; and the last.
fn chain(validators: u32, length: usize) -> (Observer<Blockchain, CliqueOracle>, Vec<u8>) {
    let weights = (0..validators).map(|v| Weight::new(1000 + u64::from(v % 97)));
    let validators = Arc::new(ValidatorSet::new(weights).unwrap());
    let observer = || {
        let validators = Arc::clone(&validators);
        Observer::with_limits(Blockchain, CliqueOracle::new(), validators, Limits::NONE)
    };
    let (mut maker, mut receiver) = (observer(), observer());
    let mut bytes = Vec::new();
    for made in 0..length {
        let sender = ValidatorId::new((made % validators.len()) as u32);
        let message = maker.make_message(sender).unwrap();
        bytes = encode(&message);
        if made + 1 < length {
            receiver.receive(message).unwrap();
        }
    }
    (receiver, bytes)
}

fn receive(validators: u32) {
    let (mut observer, bytes) = chain(validators, 3 * validators as usize + 1);
    let mut received = 0;
    counted(&mut || {
        received = observer.receive(decode(black_box(&bytes)).unwrap()).unwrap().justified.len();
    });
    assert_eq!(received, 1);
}

/// A vote moves from the last but one block to the last.
fn vote_and_head(blocks: u32) {
    let mut votes = LoadedVotes::new();
    for block in 0..blocks {
        votes.insert(BlockIndex::new(block), MessageHash::from_bytes([1; 32]));
    }
    let weight = Weight::new(7);
    (0..100)
        .for_each(|v| votes.set(ValidatorId::new(v), BlockIndex::new(blocks - 1 - v % 50), weight));
    let mut head = votes.head(BlockIndex::GENESIS);
    counted(&mut || {
        votes.set(ValidatorId::new(1), black_box(BlockIndex::new(blocks)), weight);
        head = votes.head(BlockIndex::GENESIS);
    });
    assert_eq!(head, BlockIndex::new(blocks));
}

fn ancestor(blocks: u32) {
    let (observer, _) = chain(3, blocks as usize);
    let (tree, tip) = (observer.blocks(), BlockIndex::new(blocks - 1));
    let mut found = None;
    counted(&mut || found = tree.ancestor_at(black_box(tip), blocks / 3));
    assert_eq!(found, Some(BlockIndex::new(blocks / 3)));
}

fn clique(validators: u32) {
    let (observer, _) = chain(validators, 3 * validators as usize);
    let mut safety = None;
    counted(&mut || safety = Some(observer.safety(black_box(&BlockIndex::new(1)))));
    assert!(safety.unwrap().exact);
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
