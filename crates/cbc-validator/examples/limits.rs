//! What a view keeps of what nobody asked for: a flood, and what somebody honest waits for.
//!
//! `cargo run -p cbc-validator --example limits`

use std::error::Error;
use std::sync::Arc;

use cbc_message::{
    Citation, Header, Integer, Justification, Message, MessageHash, ValidatorId, ValidatorSet,
    Weight,
};
use cbc_view::{Limits, Status, View};

/// A first message of a validator that cites these hashes for the validators after it.
fn message(
    sender: u32,
    value: i64,
    cited: &[(u32, MessageHash)],
) -> Result<Message<Integer>, Box<dyn Error>> {
    let cite = |&(validator, hash)| (ValidatorId::new(validator), Citation::Latest(hash));
    Ok(Message::new(Header {
        sender: ValidatorId::new(sender),
        sequence_number: 0,
        justification: Justification::from_ascending(cited.iter().map(cite).collect())?,
        estimate: Integer(value),
    })?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let validators = Arc::new(ValidatorSet::new([1, 1, 1].map(Weight::new))?);
    let limits = Limits { pending_per_validator: 64 << 10, ..Limits::default() };
    let mut view = View::with_limits(validators, limits);
    // Validator 2 has said something that 1 has built on, and we have not heard yet.
    let wanted = message(2, 7, &[])?;
    let honest = message(1, 8, &[(2, wanted.hash())])?;
    let receipt = view.insert(honest)?;
    assert_eq!(receipt.status, Status::Pending { missing: vec![wanted.hash()] });
    // Validator 0 sends any number of messages that cite what does not exist.
    let mut given_up = 0;
    for value in 0..10_000 {
        let nothing = MessageHash::from_bytes([7; 32]);
        given_up += view.insert(message(0, value, &[(1, nothing)])?)?.unjudged.len();
        assert!(view.pending_bytes_of(ValidatorId::new(0)) <= limits.pending_per_validator);
    }
    println!("of the flood, {} messages are kept, {given_up} given up", view.pending_count() - 1);
    // What 1 waits for gets in.
    let receipt = view.insert(wanted)?;
    assert_eq!(receipt.justified.len(), 2);
    println!("what was waited for is justified, and what waited for it");
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn runs() {
        super::main().unwrap();
    }
}
