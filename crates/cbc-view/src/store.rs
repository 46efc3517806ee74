//! The valid messages that a view, or several views in one process, hold.

pub(crate) mod archive;
pub(crate) mod chains;
pub(crate) mod column;
pub(crate) mod rows;

use cbc_message::{
    Citation, EquivocationProof, Estimate, HashNumbers, Header, Justification, Message,
    MessageHash, ValidatorId,
};

use crate::MessageIndex;
use crate::store::archive::{Archived, Standing};
use crate::store::chains::{Chains, Position};
use crate::store::column::{Column, Renumbering};
use crate::store::rows::{Citations, Code, Dropped, MOST_MESSAGES, Row, Rows};

/// Valid messages, each after all it cites, in columns: what is read together stands together.
///
/// What a message cites is kept by index, not by hash, and what it has seen is shared with the
/// messages before ([`Rows`]); the message as it was sent is made from that when somebody asks for
/// it.
#[derive(Clone, Debug)]
pub(crate) struct Store<E> {
    hashes: Column<MessageHash>,
    senders: Column<ValidatorId>,
    estimates: Column<E>,
    index: HashNumbers,
    pub(crate) rows: Rows,
    /// What the messages cite, one after another.
    cited: Column<Code>,
    /// For each message, where what it cites ends.
    cited_ends: Column<u32>,
    /// Each validator's messages, one after another.
    pub(crate) chains: Chains,
    /// How many times something was dropped.
    pub(crate) prunings: u32,
}

impl<E> Store<E> {
    pub(crate) fn new(validators: usize) -> Self {
        Self {
            hashes: Column::new(),
            senders: Column::new(),
            estimates: Column::new(),
            index: HashNumbers::new(),
            rows: Rows::new(validators),
            cited: Column::new(),
            cited_ends: Column::new(),
            chains: Chains::new(validators),
            prunings: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there may not be numbers for another message.
    pub(crate) fn is_full(&self) -> bool {
        let most_cited = u32::MAX as usize / 2;
        self.len() >= MOST_MESSAGES || self.cited.len() > most_cited || self.rows.is_full()
    }

    pub(crate) fn find(&self, hash: &MessageHash) -> Option<MessageIndex> {
        self.index.get(hash, |number| &self.hashes[number as usize]).map(MessageIndex::new)
    }

    pub(crate) fn hash(&self, message: MessageIndex) -> &MessageHash {
        &self.hashes[message.index()]
    }

    pub(crate) fn sender(&self, message: MessageIndex) -> ValidatorId {
        self.senders[message.index()]
    }

    pub(crate) fn estimate(&self, message: MessageIndex) -> &E {
        &self.estimates[message.index()]
    }

    pub(crate) fn sequence_number(&self, message: MessageIndex) -> u64 {
        u64::from(self.chains.number(message))
    }

    pub(crate) fn previous(&self, message: MessageIndex) -> Option<MessageIndex> {
        self.chains.previous(message)
    }

    /// The messages that `message` cites, in the order in which it does.
    pub(crate) fn cited(&self, message: MessageIndex) -> &[Code] {
        let start = message.index().checked_sub(1).map_or(0, |before| self.cited_ends[before]);
        &self.cited[start as usize..self.cited_ends[message.index()] as usize]
    }

    /// What `message` has seen of each validator.
    pub(crate) fn citations(&self, message: MessageIndex) -> Citations<'_> {
        self.rows.citations(self.rows.row(message))
    }

    /// Which message `code` is the code of, if of any.
    pub(crate) fn standing(&self, code: Code) -> Option<Standing> {
        let dropped = |it: &Dropped| Standing { hash: it.hash, position: it.position };
        let held = || {
            let message = code.as_latest()?;
            Some(Standing { hash: *self.hash(message), position: self.chains.position(message) })
        };
        self.rows.dropped_of(code).map(dropped).or_else(held)
    }

    /// Where the message stands that `row` has as the latest of `validator`.
    pub(crate) fn position_in(&self, row: Row, validator: ValidatorId) -> Option<Position> {
        self.rows.position(self.rows.code(row, validator), &self.chains)
    }

    /// Whether whoever has seen what is in `row` has seen `message`, which is of `validator`, or
    /// has no use for it: [`Rows::has_seen`].
    pub(crate) fn has_seen(&self, row: Row, validator: ValidatorId, message: MessageIndex) -> bool {
        let (code, position) = (self.rows.code(row, validator), self.chains.position(message));
        self.rows.has_seen(&self.chains, validator, code, position)
    }

    /// Who made the message that `code` is the code of.
    pub(crate) fn sender_of(&self, code: Code) -> Option<ValidatorId> {
        let dropped = self.rows.dropped_of(code).map(|dropped| dropped.sender);
        dropped.or_else(|| code.as_latest().map(|message| self.sender(message)))
    }

    /// Keeps the messages that `renumbering` names. Answers the hashes of all that were held.
    pub(crate) fn prune(&mut self, renumbering: &Renumbering) -> Column<MessageHash> {
        self.prunings += 1;
        let mut cited = Column::new();
        let mut cited_ends = Column::new();
        for (old, _) in renumbering.iter() {
            cited.extend_from_slice(self.cited(MessageIndex::new(old)));
            cited_ends.push(cited.len() as u32);
        }
        let Self { hashes, senders, rows, chains, .. } = self;
        let dropped = |message: MessageIndex| Dropped {
            hash: hashes[message.index()],
            sender: senders[message.index()],
            position: chains.position(message),
        };
        rows.prune(renumbering, dropped, &mut cited);
        (self.cited, self.cited_ends) = (cited, cited_ends);
        chains.prune(renumbering, |message| senders[message.index()]);
        let all = self.hashes.clone();
        self.hashes.renumber(renumbering);
        self.senders.renumber(renumbering);
        self.estimates.renumber(renumbering);
        self.index = HashNumbers::new();
        for number in 0..self.len() as u32 {
            self.index.insert(number, |number| &self.hashes[number as usize]);
        }
        all
    }
}

impl<E: Clone> Store<E> {
    /// Keeps a valid message that cites `cited`, whose row was made last.
    pub(crate) fn push(
        &mut self,
        message: &Message<E>,
        cited: impl Iterator<Item = Code>,
        row: Row,
    ) -> MessageIndex {
        let before = self.position_in(row, message.sender());
        self.chains.push(message.sender(), before);
        self.enter(message, cited, row)
    }

    /// Keeps a message that was dropped, and whatever was made in the rows since the last message
    /// was stored.
    pub(crate) fn push_again(&mut self, archived: &Archived<E>) -> MessageIndex {
        let cited = archived.message.justification().cited().iter().zip(&archived.cited);
        let cited = cited.map(|(&(sender, hash), &position)| Dropped { hash, sender, position });
        let cited: Vec<Code> = cited.map(|it| self.code_of_dropped(it)).collect();
        let row = self.row_of(archived);
        self.chains.push_again(archived.message.sender(), archived.position);
        self.enter(&archived.message, cited.into_iter(), row)
    }

    fn enter(
        &mut self,
        message: &Message<E>,
        cited: impl Iterator<Item = Code>,
        row: Row,
    ) -> MessageIndex {
        let this = MessageIndex::new(self.len() as u32);
        self.rows.push(row);
        cited.for_each(|code| self.cited.push(code));
        self.cited_ends.push(self.cited.len() as u32);
        self.hashes.push(message.hash());
        self.index.insert(this.get(), |number| &self.hashes[number as usize]);
        self.senders.push(message.sender());
        self.estimates.push(message.estimate().clone());
        this
    }

    /// The code of a message that was dropped, or came back since.
    pub(crate) fn code_of_dropped(&mut self, dropped: Dropped) -> Code {
        match self.find(&dropped.hash) {
            Some(message) => Code::latest(message),
            None => self.rows.code_of_dropped(dropped),
        }
    }

    /// The row of a message that was dropped.
    pub(crate) fn row_of(&mut self, archived: &Archived<E>) -> Row {
        let seen: Vec<(ValidatorId, Code)> = archived
            .seen
            .iter()
            .map(|&(sender, standing)| match standing {
                Some(Standing { hash, position }) => {
                    (sender, self.code_of_dropped(Dropped { hash, sender, position }))
                }
                None => (sender, Code::EQUIVOCATED),
            })
            .collect();
        self.rows.join(&self.chains, std::iter::empty(), &seen).0
    }
}

impl<E: Estimate> Store<E> {
    /// The message as it was sent, which could be made once and can again. Its hash is computed
    /// anew.
    pub(crate) fn message(&self, message: MessageIndex) -> Option<Message<E>> {
        let cited = self
            .cited(message)
            .iter()
            .filter_map(|&code| Some((self.sender_of(code)?, self.standing(code)?.hash)));
        Message::new(Header {
            sender: self.sender(message),
            sequence_number: self.sequence_number(message),
            justification: justification(cited.collect()),
            estimate: self.estimate(message).clone(),
        })
        .ok()
    }

    /// The message, with what is needed to judge who cites it once it is dropped. O(V).
    pub(crate) fn archived(&self, message: MessageIndex) -> Option<Archived<E>> {
        let position = |&code| Some(self.standing(code)?.position);
        let seen = self.citations(message).codes();
        Some(Archived {
            message: self.message(message)?,
            position: self.chains.position(message),
            cited: self.cited(message).iter().filter_map(position).collect(),
            seen: seen.map(|(validator, code)| (validator, self.standing(code))).collect(),
            note: Vec::new(),
        })
    }
}

/// The justification that cites these messages, at most two for each validator: in ascending order
/// of the validators.
pub(crate) fn justification(cited: Vec<(ValidatorId, MessageHash)>) -> Justification {
    let citations = cited.chunk_by(|one, next| one.0 == next.0).filter_map(|cited| match *cited {
        [(validator, hash)] => Some((validator, Citation::Latest(hash))),
        [(validator, one), (_, other), ..] => {
            let proof = EquivocationProof::new(one, other)?;
            Some((validator, Citation::Equivocation(proof)))
        }
        [] => None,
    });
    // In ascending order, each once: nothing to refuse.
    Justification::from_ascending(citations.collect()).unwrap_or_default()
}
