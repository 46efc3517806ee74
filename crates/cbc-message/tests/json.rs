//! Messages and validator sets in formats for people.

#![allow(clippy::unwrap_used, reason = "tests")]

use cbc_message::{
    BlockId, BlockVote, Citation, Header, Justification, Message, MessageHash, ValidatorId,
    ValidatorSet, Weight,
};

fn message() -> Message<BlockVote> {
    let hash = MessageHash::from_bytes([0xab; 32]);
    let cited = vec![(ValidatorId::new(1), Citation::Latest(hash))];
    Message::new(Header {
        sender: ValidatorId::new(0),
        sequence_number: 3,
        justification: Justification::new(cited).unwrap(),
        estimate: BlockVote::Vote { block: BlockId::Proposed(hash) },
    })
    .unwrap()
}

#[test]
fn a_message_is_its_header_and_its_hash_is_computed() {
    let json = serde_json::to_string(&message()).unwrap();
    let digits = "ab".repeat(32);
    let expected = format!(
        r#"{{"sender":0,"sequence_number":3,"justification":[[1,{{"Latest":"{digits}"}}]],"#
    ) + &format!(r#""estimate":{{"Vote":{{"block":{{"Proposed":"{digits}"}}}}}}}}"#);
    assert_eq!(json, expected);
    let read: Message<BlockVote> = serde_json::from_str(&json).unwrap();
    assert_eq!(read.hash(), message().hash());
}

#[test]
fn what_is_no_hash_is_refused() {
    let error = serde_json::from_str::<MessageHash>("\"abc\"").unwrap_err().to_string();
    assert!(error.contains("abc"), "{error}");
}

#[test]
fn a_validator_set_is_its_weights_and_is_checked() {
    let set = ValidatorSet::new([7, 6, 5].map(Weight::new)).unwrap();
    assert_eq!(serde_json::to_string(&set).unwrap(), "[7,6,5]");
    assert_eq!(serde_json::from_str::<ValidatorSet>("[7,6,5]").unwrap(), set);
    let error = serde_json::from_str::<ValidatorSet>("[0]").unwrap_err().to_string();
    assert!(error.contains("sum to zero"), "{error}");
    assert_eq!(set.to_string(), "3 validators of total weight 18");
}

#[test]
fn a_message_is_told_by_its_hash_sender_and_number() {
    let message = message();
    let expected = format!("message {:.16}, number 3 of validator 0", message.hash());
    assert_eq!(message.to_string(), expected);
    let other = Message::new(Header { sequence_number: 4, ..message.header().clone() }).unwrap();
    assert_eq!(message.cmp(&other), message.hash().cmp(&other.hash()));
}
