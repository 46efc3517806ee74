//! What can be serialized comes back as it was, by a text format; and lies about itself in vain.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Debug;
use std::sync::Arc;

use cbc_message::serde::Serialize;
use cbc_message::serde::de::DeserializeOwned;
use cbc_message::{BlockId, BlockVote, Header, Message, ValidatorId, ValidatorSet, Weight};
use cbc_oracle::CliqueOracle;
use cbc_validator::{Blockchain, Observer};
use cbc_view::{Archived, HashedDag, Limits, MessageDag, MessageIndex};
use serde_json::{Value, json};

fn assert_comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Value {
    let written = serde_json::to_value(value).unwrap();
    assert_eq!(&serde_json::from_value::<T>(written.clone()).unwrap(), value);
    written
}

#[test]
fn what_is_serialized_comes_back() {
    let validators = Arc::new(ValidatorSet::new([3, 2, 2].map(Weight::new)).unwrap());
    assert_eq!(assert_comes_back(&*validators), json!([3, 2, 2]));
    assert_comes_back(&Limits::default());
    let mut observer = Observer::new(Blockchain, CliqueOracle::new(), validators);
    for turn in 0..9 {
        let message = observer.make_message(ValidatorId::new(turn % 3)).unwrap();
        let written = assert_comes_back(&message);
        // Its hash is not read, but computed.
        let read: Message<BlockVote> = serde_json::from_value(written).unwrap();
        assert_eq!(read.hash(), message.hash());
    }
    let view = observer.view();
    let last = MessageIndex::new(view.message_count() as u32 - 1);
    assert_eq!(assert_comes_back(&view.hash(last)), json!(view.hash(last).to_string()));
    let archived: Archived<BlockVote> = view.archived(last).unwrap();
    assert_comes_back(&Archived { note: vec![1, 2, 3], ..archived });
    let finalized = observer.update_safe_estimates().unwrap().advanced().unwrap();
    assert!(finalized.safety.fault_tolerance.is_some());
    assert_comes_back(&finalized.safety);
}

#[test]
fn what_could_not_be_made_is_not_read() {
    assert!(serde_json::from_value::<ValidatorSet>(json!([])).is_err(), "nobody");
    assert!(serde_json::from_value::<ValidatorSet>(json!([u64::MAX, 1])).is_err(), "too heavy");
    let estimate = BlockVote::Propose { parent: BlockId::Genesis };
    let header = Header {
        sender: ValidatorId::new(0),
        sequence_number: 0,
        justification: Default::default(),
        estimate,
    };
    let mut written = serde_json::to_value(Message::new(header).unwrap()).unwrap();
    let citation = json!({ "Latest": "00".repeat(32) });
    let mut cites = |validators: [u32; 2]| {
        written["justification"] = json!(validators.map(|it| json!([it, citation])));
        serde_json::from_value::<Message<BlockVote>>(written.clone())
    };
    assert!(cites([1, 2]).is_ok());
    assert!(cites([2, 1]).is_err(), "out of order");
    assert!(cites([1, 1]).is_err(), "twice");
}
