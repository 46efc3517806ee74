//! The canonical encoding: golden vectors, the written layout, and hostile bytes.

#![allow(clippy::unwrap_used, reason = "tests")]

use cbc_message::{
    Bit, BlockId, BlockVote, Citation, DecodeError, EquivocationProof, Estimate, HASH_CONTEXT,
    Header, Integer, Justification, MAX_MESSAGE_BYTES, Message, MessageHash, Order, ValidatorId,
    decode, encode,
};
use proptest::prelude::*;

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
    bytes.extend(3u64.to_le_bytes()); // citations
    for (validator, citation) in [(0u32, 0xaa), (2, 0xbb)] {
        bytes.extend(validator.to_le_bytes());
        bytes.extend(0u32.to_le_bytes()); // a latest message
        bytes.extend([citation; 32]);
    }
    bytes.extend(5u32.to_le_bytes());
    bytes.extend(1u32.to_le_bytes()); // an equivocation
    bytes.extend([0xdd; 32]);
    bytes.extend([0xee; 32]);
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
    let (first, second) = (24..64, 64..104); // the citations for validators 0 and 2
    let swapped = [&bytes[second.clone()], &bytes[first.clone()]].concat();
    bytes[first.start..second.end].copy_from_slice(&swapped);
    let error = decode::<Bit>(&bytes).unwrap_err();
    assert!(error.to_string().contains("strictly ascending validators"), "{error}");
}

#[test]
fn v7_bytes_with_a_proof_in_the_other_order_are_refused() {
    let mut bytes = encode(&message(Bit::One));
    let (lesser, greater) = (112..144, 144..176);
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
    bytes[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(matches!(decode::<Bit>(&bytes), Err(DecodeError::Malformed { .. })));
}

#[test]
fn bytes_beyond_the_limit_are_not_read() {
    let error = decode::<Bit>(&vec![0; MAX_MESSAGE_BYTES + 1]).unwrap_err();
    assert!(matches!(error, DecodeError::TooLong { .. }));
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
    fn messages_read_back_as_they_were_written(
        sender in any::<u32>(),
        sequence_number in any::<u64>(),
        cited in prop::collection::btree_map(any::<u32>(), (any::<[u8; 32]>(), any::<[u8; 32]>(), any::<bool>()), 0..8),
        estimate in any::<i64>(),
    ) {
        let citations = cited.into_iter().map(|(validator, (one, other, proof))| {
            let [one, other] = [one, other].map(MessageHash::from_bytes);
            let citation = match EquivocationProof::new(one, other) {
                Some(proof_of_two) if proof => Citation::Equivocation(proof_of_two),
                _ => Citation::Latest(one),
            };
            (ValidatorId::new(validator), citation)
        });
        let message = Message::new(Header {
            sender: ValidatorId::new(sender),
            sequence_number,
            justification: Justification::new(citations.collect()).unwrap(),
            estimate: Integer(estimate),
        });
        let decoded = decode::<Integer>(&encode(&message)).unwrap();
        prop_assert_eq!(decoded.header(), message.header());
        prop_assert_eq!(decoded.hash(), message.hash());
    }
}
