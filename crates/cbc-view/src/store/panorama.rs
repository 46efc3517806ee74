//! Resolved justifications: what each message cites for each validator, by index.
//!
//! A justification is mostly repetition: of what the newest cited message cites, or of what others
//! cite who heard the same. So the table of what a message cites for each validator, its *row*, is
//! cut into chunks of a few validators each, and a chunk that is the same as that of a message
//! before is not stored again. In round robin a message costs one chunk and the list of its
//! chunks, whatever the number of validators; and two rows are compared chunk by chunk, most of
//! which need no look inside.

mod draft;

use std::collections::BTreeMap;

use cbc_message::{HashIndex, MessageHash, ValidatorId};

use crate::store::chains::Position;
use crate::store::column::{Column, Renumbering};
use crate::{MessageIndex, Seen};

pub(crate) use draft::Draft;

/// What a row has for a validator, in 4 bytes: nothing, a message, a proof, or a message that was
/// dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(u32);

impl Code {
    pub(crate) const NOTHING: Self = Self(0);
    /// Marks the place of a proof among the proofs.
    const PROOF: u32 = 1 << 31;
    /// Marks the place of a dropped message among those.
    const DROPPED: u32 = 1 << 30;

    /// The code of a citation of `message`.
    pub(crate) fn latest(message: MessageIndex) -> Self {
        Self(message.get() + 1)
    }

    fn proof(place: usize) -> Self {
        Self(Self::PROOF | place as u32)
    }

    fn dropped(place: usize) -> Self {
        Self(Self::DROPPED | place as u32)
    }

    /// The place of the proof that this is the code of.
    fn as_proof(self) -> Option<usize> {
        self.is_proof().then_some((self.0 & !Self::PROOF) as usize)
    }

    pub(crate) fn is_proof(self) -> bool {
        self.0 & Self::PROOF != 0
    }

    /// The place of the dropped message that this is the code of.
    fn as_dropped(self) -> Option<usize> {
        (self.0 & !(Self::DROPPED - 1) == Self::DROPPED)
            .then_some((self.0 & !Self::DROPPED) as usize)
    }

    /// The message that this is the code of, if it is held.
    pub(crate) fn as_latest(self) -> Option<MessageIndex> {
        self.latest_plus_one().checked_sub(1).map(MessageIndex::new)
    }

    /// One more than the message that this is the code of; 0 if it is the code of none that is held.
    fn latest_plus_one(self) -> u32 {
        if self.0 < Self::DROPPED { self.0 } else { 0 }
    }
}

/// How many messages a view can number: what is left beside the other codes.
pub(crate) const MOST_MESSAGES: usize = (Code::DROPPED - 1) as usize;

/// A proof of equivocation: two messages, in ascending order.
pub(crate) type Proof = (MessageIndex, MessageIndex);

/// A message that was dropped and that a row still cites as somebody's latest: what is needed to
/// tell it from others, and whether it comes before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) hash: MessageHash,
    pub(crate) sender: ValidatorId,
    pub(crate) position: Position,
}

/// What a row has for a validator, as rule V4 compares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seat {
    Nothing,
    Held(MessageIndex),
    Dropped(Position),
    Proof,
}

/// The resolved justification of every message.
#[derive(Clone, Debug)]
pub(crate) struct Panoramas {
    /// How many validators a chunk is for.
    width: usize,
    /// How many chunks make a row.
    chunk_count: usize,
    /// The rows: each message's chunks, one after another.
    chunks: Column<u32>,
    /// The chunks. Chunk 0 has nothing for anybody.
    codes: Column<Code>,
    proofs: Vec<Proof>,
    places: BTreeMap<Proof, usize>,
    dropped: Vec<Dropped>,
    dropped_places: HashIndex<u32>,
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
            chunks: Column::new(),
            codes: vec![Code::NOTHING; width].into(),
            proofs: Vec::new(),
            places: BTreeMap::new(),
            dropped: Vec::new(),
            dropped_places: HashIndex::new(),
        }
    }

    /// The dropped message with this hash, if a row cites it.
    pub(crate) fn find_dropped(&self, hash: &MessageHash) -> Option<Dropped> {
        if self.dropped.is_empty() {
            return None; // Nothing is looked up where nothing was dropped.
        }
        self.dropped_places.get(hash).map(|&place| self.dropped[place as usize])
    }

    /// Keeps, as that of the next message, a row with nothing for anybody.
    pub(crate) fn push_nothing(&mut self) {
        self.chunks.fill_up(self.chunks.len() + self.chunk_count, 0);
    }

    /// Keeps the row of the next message. [`Draft::share`] has been called.
    pub(crate) fn push(&mut self, draft: &Draft) {
        for &dropped in &draft.dropped {
            self.intern(dropped);
        }
        for &proof in &draft.proofs {
            // Twice in one draft is no proof of two validators' equivocations: rule V2.
            self.places.insert(proof, self.proofs.len());
            self.proofs.push(proof);
        }
        let codes = draft.codes.chunks_exact(self.width);
        for (&chunk, codes) in draft.chunks.iter().zip(codes) {
            let empty = chunk == 0 && codes.iter().all(|&code| code == Code::NOTHING);
            if chunk != 0 || empty {
                self.chunks.push(chunk);
            } else {
                self.chunks.push((self.codes.len() / self.width) as u32);
                self.codes.extend_from_slice(codes);
            }
        }
    }

    /// The place of `dropped` among the dropped messages that rows cite.
    fn intern(&mut self, dropped: Dropped) -> usize {
        let next = self.dropped.len() as u32;
        let place = *self.dropped_places.get_or_insert_with(dropped.hash, || next);
        if place == next {
            self.dropped.push(dropped);
        }
        place as usize
    }

    /// Keeps the rows of the messages that stay whole, and those of the others that are numbered
    /// anew as rows with nothing for anybody. What a kept row cites as a latest message and does not
    /// stay whole is from now on what `dropped` answers; the messages of its proofs must be numbered
    /// anew.
    pub(crate) fn prune(
        &mut self,
        renumbering: &Renumbering,
        is_whole: impl Fn(MessageIndex) -> bool,
        dropped: impl Fn(MessageIndex) -> Dropped,
    ) {
        let mut pruned = Self {
            width: self.width,
            chunk_count: self.chunk_count,
            chunks: Vec::with_capacity(renumbering.kept() * self.chunk_count).into(),
            codes: vec![Code::NOTHING; self.width].into(),
            proofs: Vec::new(),
            places: BTreeMap::new(),
            dropped: Vec::new(),
            dropped_places: HashIndex::new(),
        };
        // The new place of each chunk that has one.
        let mut moved = vec![0; self.codes.len() / self.width];
        for (old, _) in renumbering.iter() {
            let message = MessageIndex::new(old);
            if !is_whole(message) {
                pruned.push_nothing();
                continue;
            }
            for &chunk in self.chunks_of(message) {
                let place = &mut moved[chunk as usize];
                if chunk != 0 && *place == 0 {
                    *place = (pruned.codes.len() / self.width) as u32;
                    for &code in self.chunk(chunk) {
                        let code = match code.as_dropped() {
                            Some(place) => Code::dropped(pruned.intern(self.dropped[place])),
                            None => {
                                pruned.renumbered(self.seen(code, &[]), renumbering, |message| {
                                    (!is_whole(message)).then(|| dropped(message))
                                })
                            }
                        };
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
    fn renumbered(
        &mut self,
        seen: Seen,
        renumbering: &Renumbering,
        dropped: impl Fn(MessageIndex) -> Option<Dropped>,
    ) -> Code {
        let new = |message: MessageIndex| renumbering.get(message.get()).map(MessageIndex::new);
        match seen {
            Seen::Nothing | Seen::Dropped => Code::NOTHING,
            Seen::Latest(message) => match dropped(message) {
                Some(dropped) => Code::dropped(self.intern(dropped)),
                None => new(message).map_or(Code::NOTHING, Code::latest),
            },
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

    /// What a code stands for, as rule V4 compares it.
    fn seat(&self, code: Code, drafted: &[Dropped]) -> Seat {
        if let Some(message) = code.as_latest() {
            return Seat::Held(message);
        }
        let Some(place) = code.as_dropped() else {
            return if code.is_proof() { Seat::Proof } else { Seat::Nothing };
        };
        let stored = self.dropped.len();
        let dropped = self.dropped.get(place).or_else(|| drafted.get(place - stored));
        dropped.map_or(Seat::Nothing, |dropped| Seat::Dropped(dropped.position))
    }

    fn seen(&self, code: Code, drafted: &[Proof]) -> Seen {
        match (code.as_latest(), code.as_proof()) {
            (Some(message), _) => Seen::Latest(message),
            (None, None) if code == Code::NOTHING => Seen::Nothing,
            (None, None) => Seen::Dropped,
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
        self.seen(self.code(validator))
    }

    /// Each validator cited and what for, in ascending order of the validators. Never
    /// [`Seen::Nothing`].
    pub fn iter(&self) -> impl Iterator<Item = (ValidatorId, Seen)> + use<'a> {
        let this = *self;
        this.all_codes().map(move |(validator, code)| (validator, this.seen(code)))
    }

    /// The proofs that are cited.
    pub(crate) fn proofs(&self) -> impl Iterator<Item = Proof> + use<'a> {
        let this = *self;
        // Nothing is looked for where there is nothing.
        let codes = (!this.panoramas.proofs.is_empty()).then(|| this.all_codes());
        let codes = codes.into_iter().flatten().filter(|(_, code)| code.is_proof());
        codes.filter_map(move |(_, code)| match this.seen(code) {
            Seen::Equivocation(one, other) => Some((one, other)),
            _ => None,
        })
    }

    /// Each validator that is cited by a message that was dropped, and that message, in ascending
    /// order of the validators.
    pub fn dropped(&self) -> impl Iterator<Item = (ValidatorId, MessageHash)> + use<'a> {
        let dropped = self.dropped_codes();
        dropped.map(|(validator, dropped)| (validator, dropped.hash))
    }

    pub(crate) fn dropped_codes(&self) -> impl Iterator<Item = (ValidatorId, Dropped)> + use<'a> {
        let this = *self;
        let any = !this.panoramas.dropped.is_empty()
            || matches!(this.row, Row::Draft(draft) if !draft.dropped.is_empty());
        let codes = any.then(|| this.all_codes()).into_iter().flatten();
        codes.filter_map(move |(validator, code)| Some((validator, this.dropped_of(code)?)))
    }

    /// The dropped message that `code`, in this row, is the code of.
    pub(crate) fn dropped_of(&self, code: Code) -> Option<Dropped> {
        let place = code.as_dropped()?;
        let stored = self.panoramas.dropped.get(place);
        let dropped = stored.or_else(|| match self.row {
            Row::Stored(_) => None,
            Row::Draft(draft) => draft.dropped.get(place - self.panoramas.dropped.len()),
        });
        dropped.copied()
    }

    /// What the row has for each validator, if that is not nothing.
    pub(crate) fn all_codes(&self) -> impl Iterator<Item = (ValidatorId, Code)> + use<'a> {
        self.codes_from(0)
    }

    /// The same, for the validators from this number on.
    pub(crate) fn codes_from(
        &self,
        validator: u32,
    ) -> impl Iterator<Item = (ValidatorId, Code)> + use<'a> {
        let this = *self;
        let width = this.panoramas.width;
        let (first, skip) = (validator as usize / width, validator as usize % width);
        let chunks = first..this.panoramas.chunk_count;
        let codes = chunks.flat_map(move |chunk| this.codes(chunk).iter().copied());
        let all = codes.zip((first * width) as u32..).skip(skip);
        let all = all.filter(|&(code, _)| code != Code::NOTHING);
        all.map(|(code, validator)| (ValidatorId::new(validator), code))
    }

    /// [`MessageDag::latest_seen`](crate::MessageDag::latest_seen). Codes are nearly what it asks
    /// for.
    pub(crate) fn latest(&self, row: &mut [u32]) {
        for (chunk, row) in row.chunks_mut(self.panoramas.width).enumerate() {
            for (place, code) in row.iter_mut().zip(self.codes(chunk)) {
                *place = code.latest_plus_one();
            }
        }
    }

    /// What the row has for `validator`.
    pub(crate) fn code(&self, validator: ValidatorId) -> Code {
        let (chunk, place) = self.split(validator);
        self.codes(chunk).get(place).copied().unwrap_or(Code::NOTHING)
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

    /// What a code of this row stands for.
    pub(crate) fn seen(&self, code: Code) -> Seen {
        let drafted = match self.row {
            Row::Stored(_) => &[][..],
            Row::Draft(draft) => &draft.proofs,
        };
        self.panoramas.seen(code, drafted)
    }
}
