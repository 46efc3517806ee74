//! The simple twin of the codec: the whole message through serde and bincode, and V7 by encoding
//! what was decoded and comparing all of it.

use bincode::Options;
use cbc_message::{Estimate, Header, Justification, MAX_MESSAGE_BYTES, Message, ValidatorId};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Written<'a, E> {
    kind: [u8; 4],
    sender: ValidatorId,
    sequence_number: u64,
    justification: &'a Justification,
    estimate: &'a E,
}

#[derive(Deserialize)]
struct Read<E> {
    kind: [u8; 4],
    sender: ValidatorId,
    sequence_number: u64,
    justification: Justification,
    estimate: E,
}

fn format() -> impl Options {
    bincode::DefaultOptions::new()
        .with_fixint_encoding()
        .with_little_endian()
        .reject_trailing_bytes()
        .with_limit(MAX_MESSAGE_BYTES as u64)
}

/// The canonical bytes of a header.
pub(crate) fn encode<E: Estimate>(header: &Header<E>) -> Vec<u8> {
    let written = Written {
        kind: E::KIND,
        sender: header.sender,
        sequence_number: header.sequence_number,
        justification: &header.justification,
        estimate: &header.estimate,
    };
    format().serialize(&written).unwrap()
}

/// The message whose canonical encoding is `bytes`.
pub(crate) fn decode<E: Estimate>(bytes: &[u8]) -> Option<Message<E>> {
    let read: Read<E> = format().deserialize(bytes).ok()?;
    let header = Header {
        sender: read.sender,
        sequence_number: read.sequence_number,
        justification: read.justification,
        estimate: read.estimate,
    };
    (read.kind == E::KIND && encode(&header) == bytes).then(|| Message::new(header).unwrap())
}
