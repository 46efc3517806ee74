//! The canonical encoding: golden vectors, the written layout, and hostile bytes.

#![allow(clippy::unwrap_used, reason = "tests")]

mod twin;

use std::num::NonZeroUsize;

use cbc_message::{
    Bit, BlockId, BlockVote, Citation, DecodeError, EquivocationProof, Estimate, HASH_CONTEXT,
    Header, Integer, Justification, MAX_MESSAGE_BYTES, Message, MessageHash, Order, ValidatorId,
    decode, decode_all, encode,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

fn hash(byte: u8) -> MessageHash {
    MessageHash::from_bytes([byte; 32])
}

/// A message of validator 2 that cites 0's latest message, its own, and a proof against 5.
fn message<E: Estimate>(estimate: E) -> Message<E> {
    let proof = EquivocationProof::new(hash(0xee), hash(0xdd)).unwrap();
    let citations = vec![
        (ValidatorId::new(5), Citation::Equivocation(proof)),
        (ValidatorId::new(0), Citation::Latest(hash(0xaa))),
        (ValidatorId::new(2), Citation::Latest(hash(0xbb))),
    ];
    Message::new(Header {
        sender: ValidatorId::new(2),
        sequence_number: 7,
        justification: Justification::new(citations).unwrap(),
        estimate,
    })
    .unwrap()
}

/// 16 bytes a line, then the hash.
fn dump<E: Estimate>(message: &Message<E>) -> String {
    let hex = |line: &[u8]| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let lines: Vec<String> = encode(message).chunks(16).map(hex).collect();
    format!("{}\nhash {}", lines.join("\n"), message.hash())
}

#[test]
fn golden_vectors() {
    let block = BlockId::Proposed(hash(0xaa));
    insta::assert_snapshot!("bit", dump(&message(Bit::One)));
    insta::assert_snapshot!("integer", dump(&message(Integer(-3))));
    insta::assert_snapshot!("order", dump(&message(Order::new(vec![2, 0, 1]).unwrap())));
    insta::assert_snapshot!("proposal", dump(&message(BlockVote::Propose { parent: block })));
    insta::assert_snapshot!("vote", dump(&message(BlockVote::Vote { block: BlockId::Genesis })));
}

#[test]
fn v7_the_bytes_are_those_of_the_layout_written_in_the_codec() {
    let mut bytes = b"blok".to_vec();
    bytes.extend(2u32.to_le_bytes()); // sender
    bytes.extend(7u64.to_le_bytes()); // sequence number
    bytes.extend(4u32.to_le_bytes()); // hashes cited
    // Two latest messages, and an equivocation.
    for (validator, hash) in [(0u32, 0xaa), (2, 0xbb), (5, 0xdd), (5, 0xee)] {
        bytes.extend(validator.to_le_bytes());
        bytes.extend([hash; 32]);
    }
    bytes.extend(0u32.to_le_bytes()); // propose
    bytes.extend(1u32.to_le_bytes()); // on a block that a message proposes
    bytes.extend([0xaa; 32]);

    let message = message(BlockVote::Propose { parent: BlockId::Proposed(hash(0xaa)) });
    assert_eq!(encode(&message), bytes);
    assert_eq!(message.hash().as_bytes(), &blake3::derive_key(HASH_CONTEXT, &bytes));
    assert_eq!(decode::<BlockVote>(&bytes).unwrap().header(), message.header());
}

/// Every damaged form of `bytes` is refused, or is another message with another hash.
fn assert_damage_shows<E: Estimate>(original: &Message<E>, damaged: &[u8]) {
    if let Ok(other) = decode::<E>(damaged) {
        assert_ne!(other.hash(), original.hash());
        assert_ne!(other.header(), original.header());
        assert_eq!(encode(&other), damaged, "V7");
    }
}

fn assert_all_damage_shows<E: Estimate>(original: &Message<E>) {
    let bytes = encode(original);
    for position in 0..bytes.len() {
        for flipped in 1..=u8::MAX {
            let mut damaged = bytes.clone();
            damaged[position] ^= flipped;
            assert_damage_shows(original, &damaged);
        }
    }
    for length in 0..bytes.len() {
        assert!(decode::<E>(&bytes[..length]).is_err(), "cut to {length} bytes");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(decode::<E>(&longer).is_err(), "a trailing byte");
}

#[test]
fn every_flipped_byte_and_every_truncation_shows() {
    assert_all_damage_shows(&message(Bit::One));
    assert_all_damage_shows(&message(Integer(i64::MIN)));
    assert_all_damage_shows(&message(Order::new(vec![2, 0, 1]).unwrap()));
    assert_all_damage_shows(&message(BlockVote::Vote { block: BlockId::Proposed(hash(0xaa)) }));
}

#[test]
fn v2_bytes_with_citations_out_of_order_are_refused() {
    let mut bytes = encode(&message(Bit::One));
    let (first, second) = (20..56, 56..92); // the citations for validators 0 and 2
    let swapped = [&bytes[second.clone()], &bytes[first.clone()]].concat();
    bytes[first.start..second.end].copy_from_slice(&swapped);
    let error = decode::<Bit>(&bytes).unwrap_err();
    assert!(error.to_string().contains("strictly ascending validators"), "{error}");
}

#[test]
fn v7_bytes_with_a_proof_in_the_other_order_are_refused() {
    let mut bytes = encode(&message(Bit::One));
    let (lesser, greater) = (96..128, 132..164);
    bytes[lesser].fill(0xee);
    bytes[greater].fill(0xdd);
    let error = decode::<Bit>(&bytes).unwrap_err();
    assert!(error.to_string().contains("ascending"), "{error}");
}

#[test]
fn a_message_of_another_protocol_is_named() {
    let error = decode::<Integer>(&encode(&message(Bit::One))).unwrap_err();
    assert_eq!(error, DecodeError::WrongKind { expected: *b"int\0", found: *b"bit\0" });
}

#[test]
fn a_count_that_promises_more_than_the_bytes_hold_allocates_nothing_for_it() {
    let mut bytes = encode(&message(Bit::One));
    bytes[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(decode::<Bit>(&bytes), Err(DecodeError::Malformed { .. })));
}

#[test]
fn bytes_beyond_the_limit_are_not_read() {
    let error = decode::<Bit>(&vec![0; MAX_MESSAGE_BYTES + 1]).unwrap_err();
    assert!(matches!(error, DecodeError::TooLong { .. }));
}

/// Both decoders refuse `bytes`, or both take them for the same message.
fn assert_decoders_agree<E: Estimate>(bytes: &[u8]) {
    let (message, by_twin) = (decode::<E>(bytes), twin::decode::<E>(bytes));
    assert_eq!(message.is_ok(), by_twin.is_some(), "{message:?}, the twin: {by_twin:?}");
    if let (Ok(message), Some(by_twin)) = (message, by_twin) {
        assert_eq!(message.header(), by_twin.header());
        assert_eq!(message.hash(), by_twin.hash());
        assert_eq!(message.hash().as_bytes(), &blake3::derive_key(HASH_CONTEXT, bytes));
    }
}

/// Both encoders give the same bytes, and both decoders agree on them and on each `damage` to them.
fn assert_codecs_agree<E: Estimate>(message: &Message<E>, damage: &[Damage]) {
    let bytes = encode(message);
    assert_eq!(bytes, twin::encode(message.header()));
    assert_eq!(bytes.len(), bytes.capacity(), "one exact allocation");
    assert_eq!(decode::<E>(&bytes).unwrap().header(), message.header());
    assert_decoders_agree::<E>(&bytes);
    for damage in damage {
        assert_decoders_agree::<E>(&damage.done_to(&bytes));
    }
}

/// Damage to the bytes of a message.
#[derive(Clone, Debug)]
enum Damage {
    Byte(prop::sample::Index, u8),
    /// One of the aligned words, nearly all of which are of numbers and tags, set to a small number.
    Word(prop::sample::Index, u32),
    /// 32 bytes anywhere copied over 32 others.
    Copy(prop::sample::Index, prop::sample::Index),
    Cut(prop::sample::Index),
    Longer(Vec<u8>),
    Removed(prop::sample::Index, usize),
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        let at = any::<prop::sample::Index>;
        prop_oneof![
            (at(), any::<u8>()).prop_map(|(at, byte)| Self::Byte(at, byte)),
            (at(), 0u32..6).prop_map(|(at, word)| Self::Word(at, word)),
            (at(), at()).prop_map(|(from, to)| Self::Copy(from, to)),
            at().prop_map(Self::Cut),
            prop::collection::vec(any::<u8>(), 1..50).prop_map(Self::Longer),
            (at(), 0usize..80).prop_map(|(at, count)| Self::Removed(at, count)),
        ]
    }

    fn done_to(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let count = bytes.len();
        match self {
            Self::Byte(at, byte) => bytes[at.index(count)] = *byte,
            Self::Word(at, word) => {
                let start = 4 * at.index(count / 4);
                bytes[start..start + 4].copy_from_slice(&word.to_le_bytes());
            }
            Self::Copy(from, to) => {
                let size = count.min(32);
                let [from, to] = [from, to].map(|at| at.index(count - size + 1));
                bytes.copy_within(from..from + size, to);
            }
            Self::Cut(at) => bytes.truncate(at.index(count)),
            Self::Longer(more) => bytes.extend(more),
            Self::Removed(at, removed) => {
                let start = at.index(count);
                bytes.drain(start..(start + removed).min(count));
            }
        }
        bytes
    }
}

fn any_hash() -> impl Strategy<Value = MessageHash> {
    any::<[u8; 32]>().prop_map(MessageHash::from_bytes)
}

fn any_block() -> impl Strategy<Value = BlockId> {
    prop_oneof![Just(BlockId::Genesis), any_hash().prop_map(BlockId::Proposed)]
}

/// A message that cites anybody in any way.
fn any_message<E: Estimate>(
    estimate: impl Strategy<Value = E>,
) -> impl Strategy<Value = Message<E>> {
    let validator = prop_oneof![0u32..20, any::<u32>()];
    let cited = (any_hash(), any_hash(), prop::bool::weighted(0.3));
    let cited = prop::collection::btree_map(validator, cited, 0..12);
    (any::<u32>(), any::<u64>(), cited, estimate).prop_map(
        |(sender, sequence_number, cited, estimate)| {
            let citations = cited.into_iter().map(|(validator, (one, other, proof))| {
                let citation = match EquivocationProof::new(one, other) {
                    Some(proof_of_two) if proof => Citation::Equivocation(proof_of_two),
                    _ => Citation::Latest(one),
                };
                (ValidatorId::new(validator), citation)
            });
            Message::new(Header {
                sender: ValidatorId::new(sender),
                sequence_number,
                justification: Justification::new(citations.collect()).unwrap(),
                estimate,
            })
            .unwrap()
        },
    )
}

/// An estimate that is read from any byte and written as 0 or 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u8, u8)", into = "(u8, u8)")]
struct Lenient(u8);

impl From<(u8, u8)> for Lenient {
    fn from((first, _): (u8, u8)) -> Self {
        Self(first)
    }
}

impl From<Lenient> for (u8, u8) {
    fn from(Lenient(first): Lenient) -> Self {
        (first, 1)
    }
}

impl Estimate for Lenient {
    const KIND: [u8; 4] = *b"leni";
}

#[test]
fn v7_an_estimate_that_would_be_written_otherwise_is_refused_at_its_first_other_byte() {
    let mut bytes = encode(&message(Lenient(9)));
    assert!(decode::<Lenient>(&bytes).is_ok());
    let last = bytes.len() - 1;
    bytes[last] = 2;
    assert_eq!(decode::<Lenient>(&bytes), Err(DecodeError::NotCanonical { position: last }));
    assert_decoders_agree::<Lenient>(&bytes);
}

/// An estimate that is read from two bytes and written as the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u8, u8)", into = "u8")]
struct Shorter(u8);

impl From<(u8, u8)> for Shorter {
    fn from((first, _): (u8, u8)) -> Self {
        Self(first)
    }
}

impl From<Shorter> for u8 {
    fn from(Shorter(first): Shorter) -> Self {
        first
    }
}

impl Estimate for Shorter {
    const KIND: [u8; 4] = *b"leni";
}

#[test]
fn v7_an_estimate_that_would_be_written_as_less_is_refused_where_that_ends() {
    let bytes = encode(&message(Lenient(9)));
    let last = bytes.len() - 1;
    assert_eq!(decode::<Shorter>(&bytes), Err(DecodeError::NotCanonical { position: last }));
}

#[test]
fn both_decoders_agree_on_every_byte_flipped_and_every_truncation() {
    let bytes = encode(&message(BlockVote::Vote { block: BlockId::Proposed(hash(0xaa)) }));
    for position in 0..bytes.len() {
        for flipped in [1, 2, 4, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[position] ^= flipped;
            assert_decoders_agree::<BlockVote>(&damaged);
        }
        assert_decoders_agree::<BlockVote>(&bytes[..position]);
    }
}

#[test]
fn malformed_bytes_are_told_what_was_expected_where() {
    let bytes = encode(&message(Bit::One));
    let with = |position: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[position] = byte;
        bytes
    };
    let reason = |bytes: &[u8]| decode::<Bit>(bytes).unwrap_err().to_string();
    // Four hashes from byte 20 on: those for validators 0 and 2, and the two of a proof.
    let swapped_proof = {
        let mut bytes = bytes.clone();
        bytes[96..128].fill(0xee);
        bytes
    };
    let three_of_one = {
        let mut bytes = bytes.clone();
        bytes[56] = 5;
        bytes
    };
    let reasons = [
        reason(&bytes[..6]),
        reason(&bytes[..18]),
        reason(&bytes[..50]),
        reason(&bytes[..150]),
        reason(&bytes[..bytes.len() - 1]),
        reason(&[&bytes[..], &[0]].concat()),
        reason(&with(16, 200)),
        reason(&with(20, 3)),
        reason(&swapped_proof),
        reason(&three_of_one),
        reason(&with(164, 2)),
    ];
    insta::assert_snapshot!("malformed", reasons.join("\n"));
}

proptest! {
    #[test]
    fn bytes_that_decode_are_the_canonical_encoding(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let with_kind = |kind: [u8; 4]| [&kind[..], &bytes].concat();
        if let Ok(message) = decode::<Bit>(&with_kind(Bit::KIND)) {
            prop_assert_eq!(encode(&message), with_kind(Bit::KIND));
        }
        if let Ok(message) = decode::<Order>(&with_kind(Order::KIND)) {
            prop_assert_eq!(encode(&message), with_kind(Order::KIND));
        }
    }

    #[test]
    fn random_damage_shows(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let original = message(BlockVote::Propose { parent: BlockId::Genesis });
        let mut bytes = encode(&original);
        for (position, value) in damage {
            let position = position.index(bytes.len());
            bytes[position] = value;
        }
        if bytes != encode(&original) {
            assert_damage_shows(&original, &bytes);
        }
        bytes.truncate(cut.index(bytes.len()));
        assert_damage_shows(&original, &bytes);
    }

    #[test]
    fn a_batch_decodes_the_same_on_any_number_of_threads(
        batch in prop::collection::vec((any_message(any::<i64>().prop_map(Integer)), Damage::any()), 0..20),
        threads in 1usize..30,
    ) {
        let batch: Vec<Vec<u8>> = batch
            .iter()
            .flat_map(|(message, damage)| [encode(message), damage.done_to(&encode(message))])
            .collect();
        let one_by_one: Vec<_> = batch.iter().map(|bytes| decode::<Integer>(bytes)).collect();
        prop_assert_eq!(decode_all(&batch, NonZeroUsize::MIN), one_by_one.clone());
        prop_assert_eq!(decode_all(&batch, NonZeroUsize::new(threads).unwrap()), one_by_one);
    }

    #[test]
    fn both_codecs_agree_on_messages_and_on_damaged_ones(
        bit in any_message(prop_oneof![Just(Bit::Zero), Just(Bit::One)]),
        integer in any_message(any::<i64>().prop_map(Integer)),
        order in any_message(
            (0u32..6).prop_flat_map(|count| Just((0..count).collect::<Vec<_>>()).prop_shuffle())
                .prop_map(|items| Order::new(items).unwrap()),
        ),
        vote in any_message(any_block().prop_map(|block| BlockVote::Vote { block })),
        proposal in any_message(any_block().prop_map(|parent| BlockVote::Propose { parent })),
        damage in prop::collection::vec(Damage::any(), 16),
    ) {
        assert_codecs_agree(&bit, &damage);
        assert_codecs_agree(&integer, &damage);
        assert_codecs_agree(&order, &damage);
        assert_codecs_agree(&vote, &damage);
        assert_codecs_agree(&proposal, &damage);
    }
}
