//! The latest message of each validator, for one observer.

use cbc_message::ValidatorId;

use crate::MessageIndex;

/// How many validators a part is for.
const PART: usize = 64;

/// The latest message of each validator that has been heard from, and which of them are tips
/// ([`Perspective`](super::Perspective)), or may be: those that are new. It takes memory for those
/// heard from, 64 at a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latest {
    parts: Vec<Option<Box<Part>>>,
    /// How many were set since it was last settled, and how many tips there were then.
    set: usize,
    tips: usize,
}

#[derive(Clone, Debug)]
struct Part {
    /// One more than the latest message; 0 of those who have not been heard from.
    latest: [u32; PART],
    /// A bit for each: whether its latest message was a tip before those came that are new.
    tips: u64,
    /// A bit for each: whether its latest message is new.
    new: u64,
}

impl Latest {
    fn part(&self, validator: ValidatorId) -> Option<&Part> {
        self.parts.get(validator.index() / PART)?.as_deref()
    }

    /// The latest message of `validator`.
    pub(crate) fn get(&self, validator: ValidatorId) -> Option<MessageIndex> {
        let latest = self.part(validator)?.latest[validator.index() % PART];
        latest.checked_sub(1).map(MessageIndex::new)
    }

    /// `message` is the latest of `validator` from now on, and new, or no tip.
    pub(crate) fn set(&mut self, validator: ValidatorId, message: MessageIndex, is_new: bool) {
        let (number, place) = (validator.index() / PART, validator.index() % PART);
        if self.parts.len() <= number {
            self.parts.resize(number + 1, None);
        }
        let empty = || Box::new(Part { latest: [0; PART], tips: 0, new: 0 });
        let part = self.parts[number].get_or_insert_with(empty);
        part.latest[place] = message.get() + 1;
        part.tips &= !(1 << place);
        part.new = part.new & !(1 << place) | u64::from(is_new) << place;
        self.set += 1;
    }

    /// Whether so many are new that to settle them costs little more for each than to have set it.
    pub(crate) fn has_many_new(&self) -> bool {
        self.set > 64 + self.tips
    }

    /// All latest messages that `counts` says yes to are new.
    pub(crate) fn renew(&mut self, counts: impl Fn(ValidatorId) -> bool) {
        for (number, part) in self.parts.iter_mut().enumerate() {
            let Some(part) = part else { continue };
            let validator = |place| ValidatorId::new((number * PART + place) as u32);
            let counts = |&place: &usize| part.latest[place] > 0 && counts(validator(place));
            part.new = (0..PART).filter(counts).fold(0, |bits, place| bits | 1 << place);
            part.tips = 0;
        }
    }

    /// None is new any more; of those that may be tips, those are that `is_tip` says yes to.
    pub(crate) fn settle(&mut self, is_tip: impl Fn(ValidatorId, MessageIndex) -> bool) {
        for (number, part) in self.parts.iter_mut().enumerate() {
            let Some(part) = part else { continue };
            let mut tips = part.tips | part.new;
            let mut left = tips;
            while left != 0 {
                let place = left.trailing_zeros() as usize;
                left &= left - 1;
                let validator = ValidatorId::new((number * PART + place) as u32);
                if !is_tip(validator, MessageIndex::new(part.latest[place] - 1)) {
                    tips &= !(1 << place);
                }
            }
            (part.tips, part.new) = (tips, 0);
        }
        self.set = 0;
        self.tips = self.candidates().count();
    }

    /// The validators that have been heard from, ascending, with their latest messages.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ValidatorId, MessageIndex)> {
        self.chosen(|part| {
            let heard = |place: &usize| part.latest[*place] > 0;
            (0..PART).filter(heard).fold(0, |bits, place| bits | 1 << place)
        })
    }

    /// Those whose latest messages may be tips: the new ones, and what were tips before. O(V / 64),
    /// and O(1) for each.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = (ValidatorId, MessageIndex)> {
        self.chosen(|part| part.tips | part.new)
    }

    /// Those whose latest messages are new. O(V / 64), and O(1) for each.
    pub(crate) fn new_ones(&self) -> impl Iterator<Item = (ValidatorId, MessageIndex)> {
        self.chosen(|part| part.new)
    }

    /// Those that have a bit in `bits` of their part.
    fn chosen(
        &self,
        bits: impl Fn(&Part) -> u64,
    ) -> impl Iterator<Item = (ValidatorId, MessageIndex)> {
        let parts =
            (0..).zip(&self.parts).filter_map(|(number, part)| Some((number, part.as_deref()?)));
        parts.flat_map(move |(number, part): (usize, _)| {
            let mut left = bits(part);
            std::iter::from_fn(move || {
                let place = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                let latest = MessageIndex::new(part.latest[place] - 1);
                Some((ValidatorId::new((number * PART + place) as u32), latest))
            })
        })
    }

    /// Messages are numbered anew, and all of these are among those that are left.
    pub(crate) fn renumber(&mut self, new: impl Fn(MessageIndex) -> Option<MessageIndex>) {
        for latest in self.parts.iter_mut().flatten().flat_map(|part| &mut part.latest) {
            let message = latest.checked_sub(1).map(MessageIndex::new).and_then(&new);
            *latest = message.map_or(0, |message| message.get() + 1);
        }
    }
}
