//! The justification of a message that is being received, as it is resolved.

use cbc_message::ValidatorId;

use super::{Code, Dropped, Panoramas, Proof, Seat};
use crate::MessageIndex;

/// The row of a message that is being received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    /// One for each validator, and nothing for as many more as fill the last chunk.
    pub(super) codes: Vec<Code>,
    /// For each chunk, the stored chunk that is the same; 0 also if none is known to be.
    pub(super) chunks: Vec<u32>,
    /// Proofs that no stored message cites. Their places are after those of the stored ones.
    pub(super) proofs: Vec<Proof>,
    /// Dropped messages that no stored message cites, likewise.
    pub(super) dropped: Vec<Dropped>,
    /// The greatest message cited as somebody's latest.
    newest: Option<MessageIndex>,
    /// For each chunk, the last stored one that was compared with it.
    compared: Vec<u32>,
    /// One for each code: whether a row that was compared has the same.
    passes: Vec<bool>,
}

impl Draft {
    /// Makes this the row that has nothing for anybody.
    pub(crate) fn clear(&mut self, panoramas: &Panoramas) {
        self.codes.clear();
        self.codes.resize(panoramas.chunk_count * panoramas.width, Code::NOTHING);
        self.chunks.clear();
        self.chunks.resize(panoramas.chunk_count, 0);
        self.proofs.clear();
        self.dropped.clear();
        self.newest = None;
        self.compared.clear();
        self.compared.resize(panoramas.chunk_count, 0);
        self.passes.clear();
        self.passes.resize(self.codes.len(), false);
    }

    /// Enters a citation of `message`.
    pub(crate) fn cite(&mut self, validator: ValidatorId, message: MessageIndex) {
        self.codes[validator.index()] = Code::latest(message);
        self.newest = self.newest.max(Some(message));
    }

    /// Enters a citation of a proof.
    pub(crate) fn cite_proof(
        &mut self,
        validator: ValidatorId,
        proof: Proof,
        panoramas: &Panoramas,
    ) {
        let stored = panoramas.places.get(&proof).copied();
        let place = stored.unwrap_or(panoramas.proofs.len() + self.proofs.len());
        if stored.is_none() {
            self.proofs.push(proof);
        }
        self.codes[validator.index()] = Code::proof(place);
    }

    /// Enters a citation of a message that was dropped.
    pub(crate) fn cite_dropped(
        &mut self,
        validator: ValidatorId,
        dropped: Dropped,
        panoramas: &Panoramas,
    ) {
        let stored = panoramas.dropped_places.get(&dropped.hash).copied();
        let place = stored.unwrap_or_else(|| {
            self.dropped.push(dropped);
            (panoramas.dropped.len() + self.dropped.len() - 1) as u32
        });
        self.codes[validator.index()] = Code::dropped(place as usize);
    }

    /// The greatest message cited as somebody's latest.
    pub(crate) fn newest(&self) -> Option<MessageIndex> {
        self.newest
    }

    /// Finds the chunks that are the same as in the row of the newest message cited, or in the
    /// row stored last. O(V).
    pub(crate) fn share(&mut self, panoramas: &Panoramas) {
        let near = self.newest.map_or(&[][..], |newest| panoramas.chunks_of(newest));
        let last = panoramas.chunks.chunks_exact(panoramas.chunk_count).next_back();
        let last = last.unwrap_or(&[]);
        let codes = self.codes.chunks_exact(panoramas.width);
        for (position, (mine, codes)) in self.chunks.iter_mut().zip(codes).enumerate() {
            let same = |&chunk: &u32| panoramas.chunk(chunk) == codes;
            let near = near.get(position).copied().filter(same);
            let found = near.or_else(|| last.get(position).copied().filter(same));
            *mine = found.unwrap_or(0);
        }
    }
}

/// Comparison with the rows of cited messages (rule V4).
impl Draft {
    /// The validators in chunks that are not shared: for whom this row may say what none before
    /// it does.
    pub(crate) fn unshared(&self) -> impl Iterator<Item = ValidatorId> {
        let width = self.codes.len() / self.chunks.len().max(1);
        let unshared = self.chunks.iter().enumerate().filter(|&(_, &chunk)| chunk == 0);
        let places = unshared.flat_map(move |(chunk, _)| chunk * width..(chunk + 1) * width);
        places.map(|place| ValidatorId::new(place as u32))
    }

    /// The proofs that no stored message cites.
    pub(crate) fn proofs(&self) -> &[Proof] {
        &self.proofs
    }

    /// Whether a row that was compared cites for `validator` what this row does.
    pub(crate) fn passes(&self, validator: ValidatorId) -> bool {
        self.passes[validator.index()]
    }

    /// A row that was compared cites for `validator` what this row does.
    pub(crate) fn pass(&mut self, validator: ValidatorId) {
        self.passes[validator.index()] = true;
    }

    /// Compares with the row of `message`: the first validator for whom that is later than this
    /// row, if there is one.
    pub(crate) fn compare(
        &mut self,
        message: MessageIndex,
        panoramas: &Panoramas,
        no_later: impl Fn(ValidatorId, Seat, Seat) -> bool,
    ) -> Option<ValidatorId> {
        let (width, chunks) = (panoramas.width, panoramas.chunks_of(message));
        if chunks == self.compared {
            return None; // As it was just before: in rounds, most rows are one.
        }
        for (position, &chunk) in chunks.iter().enumerate() {
            if chunk == 0 || chunk == self.compared[position] {
                continue;
            }
            self.compared[position] = chunk;
            let places = position * width..(position + 1) * width;
            if chunk == self.chunks[position] {
                self.passes[places].fill(true);
                continue;
            }
            for (place, &seen) in places.zip(panoramas.chunk(chunk)) {
                let found = self.codes[place];
                if seen == found {
                    self.passes[place] = true;
                    continue;
                }
                let validator = ValidatorId::new(place as u32);
                let found = panoramas.seat(found, &self.dropped);
                if !no_later(validator, panoramas.seat(seen, &[]), found) {
                    return Some(validator);
                }
            }
        }
        None
    }
}
