//! No message can be made that others could not read: two that differ never share a hash.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use cbc_message::{
    Bit, BlockId, BlockVote, Citation, DecodeError, EncodeError, Estimate, Header, Integer,
    Justification, MAX_MESSAGE_BYTES, Message, MessageHash, Order, ValidatorId, ValidatorSet,
    Weight, check_round_trip, decode, encode,
};
use serde::{Deserialize, Serialize, Serializer, ser};

/// Of a message without citations: kind, sender, sequence number, count.
const BEFORE_THE_ESTIMATE: usize = 20;

fn make<E: Estimate>(estimate: E) -> Result<Message<E>, EncodeError> {
    Message::new(Header {
        sender: ValidatorId::new(0),
        sequence_number: 0,
        justification: Justification::EMPTY,
        estimate,
    })
}

/// Making a message fails with this error, and so does the check that is offered to tests.
fn refused<E: Estimate>(estimate: E) -> EncodeError {
    let error = make(estimate.clone()).unwrap_err();
    assert_eq!(check_round_trip(&estimate), Err(error.clone()));
    error
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Flat {
    value: u8,
    #[serde(flatten)]
    others: BTreeMap<String, u8>,
}

impl Estimate for Flat {
    const KIND: [u8; 4] = *b"flat";
}

#[test]
fn a_flattened_estimate_is_refused() {
    let error = refused(Flat { value: 1, others: BTreeMap::new() });
    assert!(matches!(error, EncodeError::Unwritable { .. }), "{error}");
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Failing(u8);

impl Serialize for Failing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => Err(ser::Error::custom("zero is not for sale")),
            value => serializer.serialize_u8(value),
        }
    }
}

impl Estimate for Failing {
    const KIND: [u8; 4] = *b"fail";
}

#[test]
fn an_estimate_that_does_not_serialize_is_refused_with_its_reason() {
    assert!(make(Failing(1)).is_ok());
    let error = refused(Failing(0));
    assert!(error.to_string().ends_with("zero is not for sale"), "{error}");
    assert!(matches!(error, EncodeError::Unwritable { .. }));
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Skipping {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<u8>,
}

impl Estimate for Skipping {
    const KIND: [u8; 4] = *b"skip";
}

#[test]
fn an_estimate_whose_bytes_nobody_can_decode_is_refused() {
    assert!(make(Skipping { value: Some(1) }).is_ok());
    let error = refused(Skipping { value: None });
    assert!(matches!(error, EncodeError::Unreadable(DecodeError::Malformed { .. })), "{error}");
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Forgetful {
    value: u8,
    #[serde(skip)]
    forgotten: u8,
}

impl Estimate for Forgetful {
    const KIND: [u8; 4] = *b"forg";
}

#[test]
fn an_estimate_whose_bytes_are_those_of_another_is_refused() {
    assert!(make(Forgetful { value: 1, forgotten: 0 }).is_ok());
    assert_eq!(refused(Forgetful { value: 1, forgotten: 2 }), EncodeError::AnotherValue);
}

/// Equal whatever its bytes, of which only those of an even number are canonical.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "u8")]
struct Coarse(u8);

impl From<u8> for Coarse {
    fn from(value: u8) -> Self {
        Self(value & !1)
    }
}

impl PartialEq for Coarse {
    fn eq(&self, other: &Self) -> bool {
        self.0 / 2 == other.0 / 2
    }
}

impl Eq for Coarse {}

impl Estimate for Coarse {
    const KIND: [u8; 4] = *b"coar";
}

#[test]
fn an_equal_estimate_with_other_bytes_is_refused() {
    assert!(make(Coarse(2)).is_ok());
    let position = BEFORE_THE_ESTIMATE;
    let expected = EncodeError::Unreadable(DecodeError::NotCanonical { position });
    assert_eq!(refused(Coarse(3)), expected);
}

/// So many bytes, less their length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Blob(String);

impl Estimate for Blob {
    const KIND: [u8; 4] = *b"blob";
}

/// An estimate that makes a message of `bytes` bytes.
fn blob(bytes: usize) -> Blob {
    Blob("x".repeat(bytes - BEFORE_THE_ESTIMATE - 8))
}

#[test]
fn a_message_of_just_the_greatest_length_is_made_and_decoded_and_none_longer() {
    let longest = make(blob(MAX_MESSAGE_BYTES)).unwrap();
    let mut bytes = encode(&longest);
    assert_eq!(bytes.len(), MAX_MESSAGE_BYTES);
    assert_eq!(decode::<Blob>(&bytes), Ok(longest));
    bytes.push(0);
    let (found, limit) = (MAX_MESSAGE_BYTES + 1, MAX_MESSAGE_BYTES);
    assert_eq!(decode::<Blob>(&bytes), Err(DecodeError::TooLong { found, limit }));
    let expected = EncodeError::TooLong { found: found as u64, limit };
    assert_eq!(refused(blob(MAX_MESSAGE_BYTES + 1)), expected);
}

#[test]
fn estimates_of_this_crate_make_the_round_trip() {
    let block = BlockId::Proposed(MessageHash::from_bytes([1; 32]));
    assert_eq!(check_round_trip(&Bit::Zero), Ok(()));
    assert_eq!(check_round_trip(&Integer(i64::MIN)), Ok(()));
    assert_eq!(check_round_trip(&Order::new(vec![1, 0]).unwrap()), Ok(()));
    assert_eq!(check_round_trip(&BlockVote::Propose { parent: BlockId::Genesis }), Ok(()));
    assert_eq!(check_round_trip(&BlockVote::Vote { block }), Ok(()));
}

#[test]
fn hashes_blocks_and_messages_are_shown_by_the_first_sixteen_digits() {
    let message = make(Bit::One).unwrap();
    let digits = message.hash().to_string();
    assert_eq!(digits.len(), 64);
    let short = &digits[..16];
    assert_eq!(format!("{:?}", message.hash()), format!("{short}…"));
    let block = BlockId::Proposed(message.hash());
    assert_eq!((block.to_string(), format!("{block:?}")), (digits.clone(), short.to_owned()));
    assert_eq!(BlockId::Genesis.to_string(), "genesis");
    assert_eq!(format!("{:?}", BlockId::Genesis), "genesis");
    let shown = format!("{message:?}");
    assert!(shown.starts_with(&format!("Message {{ hash: {short}…, header: Header {{")), "{shown}");
}

#[test]
fn a_justification_is_empty_until_somebody_is_cited() {
    assert!(Justification::EMPTY.is_empty());
    let cited = Citation::Latest(make(Bit::One).unwrap().hash());
    assert!(!Justification::new(vec![(ValidatorId::new(0), cited)]).unwrap().is_empty());
}

#[test]
fn a_set_of_validators_is_never_empty() {
    assert!(!ValidatorSet::new([Weight::new(1)]).unwrap().is_empty());
}
