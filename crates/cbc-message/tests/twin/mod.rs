//! The simple twin of the codec: every part through serde and bincode, one after another, and V7 by
//! encoding what was decoded and comparing all of it.

use bincode::Options;
use cbc_message::{
    Citation, EquivocationProof, Estimate, Header, Justification, MAX_MESSAGE_BYTES, Message,
    MessageHash, ValidatorId,
};

fn format() -> impl Options {
    bincode::DefaultOptions::new()
        .with_fixint_encoding()
        .with_little_endian()
        .with_limit(MAX_MESSAGE_BYTES as u64)
}

/// The canonical bytes of a header.
pub(crate) fn encode<E: Estimate>(header: &Header<E>) -> Vec<u8> {
    let hashes: Vec<(ValidatorId, MessageHash)> = header
        .justification
        .iter()
        .flat_map(|(validator, citation)| citation.hashes().map(move |hash| (validator, hash)))
        .collect();
    let first = (E::KIND, header.sender, header.sequence_number, hashes.len() as u32);
    let mut bytes = format().serialize(&first).unwrap();
    for cited in hashes {
        bytes.extend(format().serialize(&cited).unwrap());
    }
    bytes.extend(format().serialize(&header.estimate).unwrap());
    bytes
}

/// The message whose canonical encoding is `bytes`.
pub(crate) fn decode<E: Estimate>(bytes: &[u8]) -> Option<Message<E>> {
    let mut rest = bytes;
    let (kind, sender, sequence_number, count): ([u8; 4], ValidatorId, u64, u32) =
        format().allow_trailing_bytes().deserialize_from(&mut rest).ok()?;
    let mut citations: Vec<(ValidatorId, Citation)> = Vec::new();
    for _ in 0..count {
        let (validator, hash): (ValidatorId, MessageHash) =
            format().allow_trailing_bytes().deserialize_from(&mut rest).ok()?;
        match citations.last_mut() {
            Some((before, citation)) if *before == validator => {
                let Citation::Latest(lesser) = *citation else { return None };
                *citation =
                    Citation::Equivocation(EquivocationProof::try_from((lesser, hash)).ok()?);
            }
            _ => citations.push((validator, Citation::Latest(hash))),
        }
    }
    let estimate = format().reject_trailing_bytes().deserialize(rest).ok()?;
    let justification = Justification::from_ascending(citations).ok()?;
    let header = Header { sender, sequence_number, justification, estimate };
    (kind == E::KIND && encode(&header) == bytes).then(|| Message::new(header).unwrap())
}
