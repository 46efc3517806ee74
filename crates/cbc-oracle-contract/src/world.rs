//! Messages of many futures, side by side, and what can be seen of them at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use cbc_estimator::{Estimator, Vote};
use cbc_message::{
    Citation, EquivocationProof, Header, Message, ValidatorId, ValidatorSet, Weight,
};
use cbc_oracle::CliqueOracle;
use cbc_validator::Observer;
use cbc_view::{HashedDag, Limits, MessageDag, MessageIndex, Seen, View};

use crate::play::Play;

/// The greatest number of validators.
pub(crate) const MOST: usize = 5;

/// A set of validators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group(u32);

impl Group {
    /// Nobody.
    pub(crate) const NOBODY: Self = Self(0);

    /// All sets of `count` validators.
    pub(crate) fn all(count: usize) -> impl Iterator<Item = Self> {
        (0..1 << count).map(Self)
    }

    /// The set of these.
    pub(crate) fn of(members: impl IntoIterator<Item = ValidatorId>) -> Self {
        Self(members.into_iter().fold(0, |set, member| set | 1 << member.get()))
    }

    /// Whether `validator` is a member.
    pub(crate) fn has(self, validator: ValidatorId) -> bool {
        self.0 >> validator.get() & 1 == 1
    }

    /// The members of either.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The members of both.
    #[must_use]
    pub(crate) fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether they have no member in common.
    pub(crate) fn is_apart_from(self, other: Self) -> bool {
        self.both(other) == Self::NOBODY
    }

    /// Whether every member of this set is one of the other.
    pub(crate) fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The members.
    pub(crate) fn members(self) -> impl Iterator<Item = ValidatorId> {
        (0..MOST as u32).map(ValidatorId::new).filter(move |&validator| self.has(validator))
    }

    /// What the members weigh.
    pub(crate) fn weight(self, validators: &ValidatorSet) -> Weight {
        validators.weight_of(self.members())
    }
}

/// What somebody has seen of a validator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing.
    Nothing,
    /// Its latest message.
    Latest(MessageIndex),
    /// Two of its messages that prove that it equivocated, in ascending order.
    Equivocation(MessageIndex, MessageIndex),
}

impl Known {
    /// The latest message, unless it is nothing or an equivocation.
    pub(crate) fn latest(self) -> Option<MessageIndex> {
        match self {
            Self::Latest(message) => Some(message),
            Self::Nothing | Self::Equivocation(..) => None,
        }
    }

    /// The messages: none, one, or the two of a proof.
    fn messages(self) -> impl Iterator<Item = MessageIndex> {
        let (one, other) = match self {
            Self::Nothing => (None, None),
            Self::Latest(message) => (Some(message), None),
            Self::Equivocation(one, other) => (Some(one), Some(other)),
        };
        one.into_iter().chain(other)
    }
}

/// What somebody has seen of each validator: a full justification, resolved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panorama([Known; MOST]);

impl Panorama {
    /// Nothing seen.
    pub(crate) const EMPTY: Self = Self([Known::Nothing; MOST]);

    /// What is seen of `validator`.
    pub(crate) fn of(&self, validator: ValidatorId) -> Known {
        self.0[validator.index()]
    }

    /// The same, but for what is seen of `validator`.
    #[must_use]
    pub(crate) fn with(mut self, validator: ValidatorId, seen: Known) -> Self {
        self.0[validator.index()] = seen;
        self
    }

    /// Equal for panoramas that differ only in which proofs they cite.
    pub(crate) fn key(&self) -> [u32; MOST] {
        self.0.map(|seen| match seen {
            Known::Nothing => u32::MAX,
            Known::Latest(message) => message.get(),
            Known::Equivocation(..) => u32::MAX - 1,
        })
    }
}

/// Valid messages of many futures. Its view holds them all, so what the view says of equivocations
/// means nothing; what each message has seen does.
pub(crate) struct World<P: Play> {
    observer: Observer<P, CliqueOracle>,
    /// What each message has seen, of equivocators by which proof.
    panoramas: Vec<Panorama>,
}

impl<P: Play> World<P> {
    /// No messages.
    pub(crate) fn new(validators: Arc<ValidatorSet>) -> Self {
        assert!(validators.len() <= MOST, "at most {MOST} validators");
        let (protocol, oracle) = (P::protocol(), CliqueOracle::new());
        // Whoever equivocates here does so in many futures at once.
        let limits = Limits::NONE;
        let observer = Observer::with_limits(protocol, oracle, validators, limits);
        Self { observer, panoramas: Vec::new() }
    }

    /// All messages, in a view.
    pub(crate) fn observer(&self) -> &Observer<P, CliqueOracle> {
        &self.observer
    }

    /// All messages.
    pub(crate) fn view(&self) -> &View<P::Estimate> {
        self.observer.view()
    }

    /// The validators.
    pub(crate) fn validators(&self) -> &ValidatorSet {
        self.view().validators()
    }

    /// The validators' ids.
    pub(crate) fn ids(&self) -> impl DoubleEndedIterator<Item = ValidatorId> + use<P> {
        (0..self.validators().len() as u32).map(ValidatorId::new)
    }

    /// Takes in a message, unless it is there.
    ///
    /// # Panics
    ///
    /// If it is invalid (V1–V5, V8), or cites what is not here.
    pub(crate) fn insert(&mut self, message: Message<P::Estimate>) -> MessageIndex {
        let hash = message.hash();
        if let Err(rejection) = self.observer.receive(message) {
            panic!("{rejection}");
        }
        let message = self.view().find(&hash).unwrap();
        if message.index() == self.panoramas.len() {
            let seen = self.view().citations(message).iter();
            let panorama = seen.fold(Panorama::EMPTY, |panorama, (validator, seen)| {
                panorama.with(validator, self.known(message, validator, seen))
            });
            self.panoramas.push(panorama);
        }
        message
    }

    /// What `message` has seen of `validator`; an equivocation by the first two messages in its
    /// past that prove it.
    fn known(&self, message: MessageIndex, validator: ValidatorId, seen: Seen) -> Known {
        match seen {
            Seen::Nothing | Seen::Dropped => Known::Nothing,
            Seen::Latest(latest) => Known::Latest(latest),
            Seen::Equivocation => {
                let past = self.reached(self.view().cited(message).collect());
                let own = past.into_iter().filter(|&it| self.view().sender(it) == validator);
                let mut first = BTreeMap::new();
                let proof = own.into_iter().find_map(|it| {
                    let before = first.insert(self.view().sequence_number(it), it)?;
                    Some(Known::Equivocation(before, it))
                });
                proof.unwrap()
            }
        }
    }

    /// The message that `sender` makes who has seen what `panorama` has, its own messages included.
    ///
    /// # Panics
    ///
    /// If it is invalid.
    pub(crate) fn speak(
        &mut self,
        sender: ValidatorId,
        panorama: &Panorama,
        estimate: P::Estimate,
    ) -> MessageIndex {
        let view = self.view();
        let hash = |message| view.hash(message);
        let seen = self.ids().filter_map(|validator| {
            let citation = match panorama.of(validator) {
                Known::Nothing => return None,
                Known::Latest(message) => Citation::Latest(hash(message)),
                Known::Equivocation(one, other) => {
                    Citation::Equivocation(EquivocationProof::new(hash(one), hash(other))?)
                }
            };
            Some((validator, citation))
        });
        let justification = view.justification_of(seen).unwrap();
        let own = panorama.of(sender).latest();
        let sequence_number = own.map_or(0, |own| view.sequence_number(own) + 1);
        let header = Header { sender, sequence_number, justification, estimate };
        self.insert(Message::new(header).unwrap())
    }

    /// What the maker of `message` had seen when it made it.
    pub(crate) fn seen_by(&self, message: MessageIndex) -> Panorama {
        self.panoramas[message.index()]
    }

    /// What whoever cites `message` has seen at least: what its maker had, and the message.
    pub(crate) fn told_by(&self, message: MessageIndex) -> Panorama {
        self.seen_by(message).with(self.view().sender(message), Known::Latest(message))
    }

    /// What both together have seen; `None` if that proves an equivocation of somebody who is not
    /// among `equivocators`.
    pub(crate) fn join(
        &self,
        one: &Panorama,
        other: &Panorama,
        equivocators: Group,
    ) -> Option<Panorama> {
        let mut joined = *one;
        for validator in self.ids() {
            let (mine, theirs) = (one.of(validator), other.of(validator));
            let seen = match (mine, theirs) {
                _ if self.no_later(theirs, mine) => mine,
                _ if self.no_later(mine, theirs) => theirs,
                (Known::Latest(mine), Known::Latest(theirs)) if equivocators.has(validator) => {
                    self.proof(mine, theirs)
                }
                _ => return None,
            };
            joined = joined.with(validator, seen);
        }
        Some(joined)
    }

    /// Whether `seen` is no later than `than`, both of one validator.
    fn no_later(&self, seen: Known, than: Known) -> bool {
        match (seen, than) {
            (Known::Nothing, _) | (_, Known::Equivocation(..)) => true,
            (Known::Latest(seen), Known::Latest(than)) => {
                self.view().is_predecessor_or_same(seen, than)
            }
            (Known::Latest(_) | Known::Equivocation(..), _) => false,
        }
    }

    /// Whether `one` has seen nothing that `other` has not.
    pub(crate) fn is_within(&self, one: &Panorama, other: &Panorama) -> bool {
        self.ids().all(|validator| self.no_later(one.of(validator), other.of(validator)))
    }

    /// Two messages that prove the equivocation, of two chains neither of which contains the
    /// other's end.
    fn proof(&self, mut one: MessageIndex, mut other: MessageIndex) -> Known {
        let view = self.view();
        let number = |message| view.sequence_number(message);
        while number(one) > number(other) {
            one = view.previous(one).unwrap();
        }
        while number(other) > number(one) {
            other = view.previous(other).unwrap();
        }
        Known::Equivocation(one.min(other), one.max(other))
    }

    /// The estimate of whoever has seen this.
    pub(crate) fn value(&self, panorama: &Panorama) -> Option<P::Value> {
        let votes: Vec<Vote> = self
            .ids()
            .filter_map(|validator| {
                Some(Vote { validator, message: panorama.of(validator).latest()? })
            })
            .collect();
        self.observer.estimator().estimate(self.view(), self.validators(), &votes, None)
    }

    /// All that somebody has seen who has seen all messages, if they are those of one view.
    pub(crate) fn tips(&self) -> Panorama {
        let view = self.view();
        self.ids().fold(Panorama::EMPTY, |tips, validator| {
            let seen = match (view.equivocation(validator), view.latest_message(validator)) {
                (Some(proof), _) => Known::Equivocation(proof.messages.0, proof.messages.1),
                (None, Some(latest)) => Known::Latest(latest),
                (None, None) => Known::Nothing,
            };
            tips.with(validator, seen)
        })
    }

    /// Whether whoever answers `value` can disagree with the candidate. Who has no answer can.
    pub(crate) fn disagrees(&self, value: Option<&P::Value>, candidate: &P::Value) -> bool {
        let (protocol, estimator) = (self.observer.protocol(), self.observer.estimator());
        let depth = protocol.depth(estimator, candidate);
        let is_another = |end: &P::Value| {
            protocol.depth(estimator, end) < depth
                || protocol.candidate(estimator, end, depth) != *candidate
        };
        value.is_none_or(|value| {
            // Asked all the time: of one tree, nothing need be copied.
            if P::ONE_TREE {
                is_another(value)
            } else {
                protocol.ends(estimator, value).iter().all(is_another)
            }
        })
    }

    /// Whether `message` agrees with the candidate.
    pub(crate) fn agrees(&self, message: MessageIndex, candidate: &P::Value) -> bool {
        use cbc_view::Property;
        let (protocol, estimator) = (self.observer.protocol(), self.observer.estimator());
        protocol.property(estimator, candidate).agrees(self.view(), message)
    }

    /// All that whoever has seen this has in its past: the messages, in ascending order.
    pub(crate) fn past(&self, panorama: &Panorama) -> Vec<MessageIndex> {
        self.reached(panorama.0.into_iter().flat_map(Known::messages).collect())
    }

    /// These messages and all that they have in their pasts, in ascending order.
    fn reached(&self, mut open: Vec<MessageIndex>) -> Vec<MessageIndex> {
        let view = self.view();
        let mut reached = vec![false; view.message_count()];
        while let Some(message) = open.pop() {
            if !std::mem::replace(&mut reached[message.index()], true) {
                open.extend(view.cited(message));
            }
        }
        let indices = (0..reached.len()).filter(|&index| reached[index]);
        indices.map(|index| MessageIndex::new(index as u32)).collect()
    }

    /// These messages, by themselves.
    pub(crate) fn messages(&self, indices: &[MessageIndex]) -> Vec<Message<P::Estimate>> {
        indices.iter().map(|&message| self.view().message(message).unwrap()).collect()
    }
}
