//! Resolved justifications: what each message cites for each validator, by index.
//!
//! A justification is mostly repetition: of what the newest cited message cites, or of what others
//! cite who heard the same. So the table of what a message cites for each validator, its *row*, is
//! cut into chunks of a few validators each, and a chunk that is the same as that of a message
//! before is not stored again. In round robin a message costs one chunk and the list of its
//! chunks, whatever the number of validators; and two rows are compared chunk by chunk, most of
//! which need no look inside.

use std::collections::BTreeMap;

use cbc_message::ValidatorId;

use crate::renumbering::Renumbering;
use crate::{MessageIndex, Seen, room};

/// What a row has for a validator, in 4 bytes: nothing, a message, or a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(u32);

impl Code {
    pub(crate) const NOTHING: Self = Self(0);
    /// Marks the place of a proof among the proofs.
    const PROOF: u32 = 1 << 31;

    /// The code of a citation of `message`.
    pub(crate) fn latest(message: MessageIndex) -> Self {
        Self(message.get() + 1)
    }

    fn proof(place: usize) -> Self {
        Self(Self::PROOF | place as u32)
    }

    /// The place of the proof that this is the code of.
    fn as_proof(self) -> Option<usize> {
        (self.0 & Self::PROOF != 0).then_some((self.0 & !Self::PROOF) as usize)
    }

    pub(crate) fn is_proof(self) -> bool {
        self.0 & Self::PROOF != 0
    }

    /// The message that this is the code of.
    pub(crate) fn as_latest(self) -> Option<MessageIndex> {
        (self.0 & Self::PROOF == 0 && self.0 != 0).then(|| MessageIndex::new(self.0 - 1))
    }
}

/// How many messages a view can number: what is left beside the codes of proofs and of nothing.
pub(crate) const MOST_MESSAGES: usize = (Code::PROOF - 1) as usize;

/// A proof of equivocation: two messages, in ascending order.
pub(crate) type Proof = (MessageIndex, MessageIndex);

/// The row of a message that is being received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    /// One for each validator, and nothing for as many more as fill the last chunk.
    codes: Vec<Code>,
    /// For each chunk, the stored chunk that is the same; 0 also if none is known to be.
    chunks: Vec<u32>,
    /// Proofs that no stored message cites. Their places are after those of the stored ones.
    proofs: Vec<Proof>,
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

    /// The greatest message cited as somebody's latest.
    pub(crate) fn newest(&self) -> Option<MessageIndex> {
        self.newest
    }

    /// What is entered for `validator`.
    pub(crate) fn code(&self, validator: ValidatorId) -> Code {
        self.codes[validator.index()]
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

    /// Compares with the row of `message`: the first validator for whom that is later than this
    /// row, if there is one.
    pub(crate) fn compare(
        &mut self,
        message: MessageIndex,
        panoramas: &Panoramas,
        no_later: impl Fn(Code, Code) -> bool,
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
                self.passes[place] |= seen == found;
                if !no_later(seen, found) {
                    return Some(ValidatorId::new(place as u32));
                }
            }
        }
        None
    }
}

/// The resolved justification of every message.
#[derive(Clone, Debug)]
pub(crate) struct Panoramas {
    /// How many validators a chunk is for.
    width: usize,
    /// How many chunks make a row.
    chunk_count: usize,
    /// The rows: each message's chunks, one after another.
    chunks: Vec<u32>,
    /// The chunks. Chunk 0 has nothing for anybody.
    codes: Vec<Code>,
    proofs: Vec<Proof>,
    places: BTreeMap<Proof, usize>,
}

impl Panoramas {
    /// No messages yet, of so many validators.
    pub(crate) fn new(validators: usize) -> Self {
        // Balances the list of chunks, V / width, with the one chunk that changes.
        let width = match validators {
            0..=16 => validators.max(1),
            _ => (validators.isqrt()).next_power_of_two(),
        };
        Self {
            width,
            chunk_count: validators.div_ceil(width),
            chunks: Vec::new(),
            codes: vec![Code::NOTHING; width],
            proofs: Vec::new(),
            places: BTreeMap::new(),
        }
    }

    /// Keeps the row of the next message. [`Draft::share`] has been called.
    pub(crate) fn push(&mut self, draft: &Draft) {
        for &proof in &draft.proofs {
            // Twice in one draft is no proof of two validators' equivocations: rule V2.
            self.places.insert(proof, self.proofs.len());
            self.proofs.push(proof);
        }
        let codes = draft.codes.chunks_exact(self.width);
        for (&chunk, codes) in draft.chunks.iter().zip(codes) {
            let empty = chunk == 0 && codes.iter().all(|&code| code == Code::NOTHING);
            if chunk != 0 || empty {
                room::push(&mut self.chunks, chunk);
            } else {
                room::push(&mut self.chunks, (self.codes.len() / self.width) as u32);
                room::extend(&mut self.codes, codes);
            }
        }
    }

    /// Keeps the rows of the messages for which `keeps_row`, and those of the others that are
    /// numbered anew as rows with nothing for anybody. What a kept row cites must be numbered anew.
    pub(crate) fn prune(
        &mut self,
        renumbering: &Renumbering,
        keeps_row: impl Fn(MessageIndex) -> bool,
    ) {
        let mut pruned = Self {
            width: self.width,
            chunk_count: self.chunk_count,
            chunks: Vec::with_capacity(renumbering.kept() * self.chunk_count),
            codes: vec![Code::NOTHING; self.width],
            proofs: Vec::new(),
            places: BTreeMap::new(),
        };
        // The new place of each chunk that has one.
        let mut moved = vec![0; self.codes.len() / self.width];
        for (old, _) in renumbering.iter() {
            let message = MessageIndex::new(old);
            if !keeps_row(message) {
                pruned.chunks.resize(pruned.chunks.len() + self.chunk_count, 0);
                continue;
            }
            for &chunk in self.chunks_of(message) {
                let place = &mut moved[chunk as usize];
                if chunk != 0 && *place == 0 {
                    *place = (pruned.codes.len() / self.width) as u32;
                    for &code in self.chunk(chunk) {
                        let code = pruned.renumbered(self.seen(code, &[]), renumbering);
                        pruned.codes.push(code);
                    }
                }
                pruned.chunks.push(*place);
            }
        }
        pruned.codes.shrink_to_fit();
        *self = pruned;
    }

    /// The code of what was seen, once messages are numbered anew.
    fn renumbered(&mut self, seen: Seen, renumbering: &Renumbering) -> Code {
        let new = |message: MessageIndex| renumbering.get(message.get()).map(MessageIndex::new);
        match seen {
            Seen::Nothing => Code::NOTHING,
            Seen::Latest(message) => new(message).map_or(Code::NOTHING, Code::latest),
            Seen::Equivocation(one, other) => {
                let Some(proof) = new(one).zip(new(other)) else { return Code::NOTHING };
                let next = self.proofs.len();
                let place = *self.places.entry(proof).or_insert(next);
                if place == next {
                    self.proofs.push(proof);
                }
                Code::proof(place)
            }
        }
    }

    /// The chunks of the row of `message`. Equal chunks are mostly one.
    pub(crate) fn chunks_of(&self, message: MessageIndex) -> &[u32] {
        let start = message.index() * self.chunk_count;
        &self.chunks[start..start + self.chunk_count]
    }

    /// What is in a chunk.
    pub(crate) fn chunk(&self, chunk: u32) -> &[Code] {
        let start = chunk as usize * self.width;
        &self.codes[start..start + self.width]
    }

    /// The resolved justification of `message`.
    pub(crate) fn of(&self, message: MessageIndex) -> Citations<'_> {
        Citations { panoramas: self, row: Row::Stored(self.chunks_of(message)) }
    }

    /// The resolved justification that `draft` is.
    pub(crate) fn of_draft<'a>(&'a self, draft: &'a Draft) -> Citations<'a> {
        Citations { panoramas: self, row: Row::Draft(draft) }
    }

    fn seen(&self, code: Code, drafted: &[Proof]) -> Seen {
        match (code.as_latest(), code.as_proof()) {
            (Some(message), _) => Seen::Latest(message),
            (None, None) => Seen::Nothing,
            (None, Some(place)) => {
                let stored = self.proofs.len();
                let proof = self.proofs.get(place).or_else(|| drafted.get(place - stored));
                proof.map_or(Seen::Nothing, |&(one, other)| Seen::Equivocation(one, other))
            }
        }
    }
}

/// A justification resolved within one view.
#[derive(Clone, Copy, Debug)]
pub struct Citations<'a> {
    panoramas: &'a Panoramas,
    row: Row<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Row<'a> {
    Stored(&'a [u32]),
    Draft(&'a Draft),
}

impl<'a> Citations<'a> {
    /// What is cited for `validator`; [`Seen::Nothing`] also where there is no such validator.
    /// O(1).
    pub fn get(&self, validator: ValidatorId) -> Seen {
        let (chunk, place) = self.split(validator);
        let code = self.codes(chunk).get(place).copied().unwrap_or(Code::NOTHING);
        self.seen(code)
    }

    /// Each validator cited and what for, in ascending order of the validators. Never
    /// [`Seen::Nothing`].
    pub fn iter(&self) -> impl Iterator<Item = (ValidatorId, Seen)> + use<'a> {
        let this = *self;
        let chunks = 0..this.panoramas.chunk_count;
        let codes = chunks.flat_map(move |chunk| this.codes(chunk).iter().copied());
        let all = codes.zip(0..).filter(|&(code, _)| code != Code::NOTHING);
        all.map(move |(code, validator)| (ValidatorId::new(validator), this.seen(code)))
    }

    /// [`MessageDag::latest_seen`](crate::MessageDag::latest_seen). Codes are nearly what it asks
    /// for.
    pub(crate) fn latest(&self, row: &mut [u32]) {
        for (chunk, row) in row.chunks_mut(self.panoramas.width).enumerate() {
            for (place, code) in row.iter_mut().zip(self.codes(chunk)) {
                *place = if code.is_proof() { 0 } else { code.0 };
            }
        }
    }

    fn split(&self, validator: ValidatorId) -> (usize, usize) {
        (validator.index() / self.panoramas.width, validator.index() % self.panoramas.width)
    }

    /// The part of the row that a chunk is; nothing beyond the last.
    fn codes(&self, chunk: usize) -> &'a [Code] {
        let width = self.panoramas.width;
        match self.row {
            Row::Stored(chunks) => {
                chunks.get(chunk).map_or(&[], |&chunk| self.panoramas.chunk(chunk))
            }
            Row::Draft(draft) => draft.codes.chunks_exact(width).nth(chunk).unwrap_or(&[]),
        }
    }

    fn seen(&self, code: Code) -> Seen {
        let drafted = match self.row {
            Row::Stored(_) => &[][..],
            Row::Draft(draft) => &draft.proofs,
        };
        self.panoramas.seen(code, drafted)
    }
}
