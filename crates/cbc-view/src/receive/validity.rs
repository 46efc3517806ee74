//! The structural validity rules V1–V4 and V8 (semantics §4).
//!
//! V7 is checked where bytes are read, and V5 by whoever knows the estimator.

use cbc_message::{Citation, Message, MessageHash, ValidatorId, ValidatorSet};
use thiserror::Error;

use crate::store::Store;
use crate::store::panorama::{Draft, Seat};
use crate::{Archive, Archived, MessageIndex, Refusal, Unjudged};

/// How a message breaks a structural rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Invalid {
    /// V1: the sender is not in the validator set.
    #[error("V1: sender {sender} is not one of {validators} validators")]
    UnknownSender {
        /// The sender.
        sender: ValidatorId,
        /// How many validators there are.
        validators: usize,
    },
    /// V2: somebody is cited who is not in the validator set.
    #[error("V2: cites validator {validator}, who is not one of {validators} validators")]
    UnknownValidatorCited {
        /// The validator cited.
        validator: ValidatorId,
        /// How many validators there are.
        validators: usize,
    },
    /// V2: a message is cited for a validator that did not send it.
    #[error(
        "V2: cites message {cited:.16} for validator {validator}, but validator {sender} sent it"
    )]
    WrongSenderCited {
        /// The message cited.
        cited: MessageHash,
        /// The validator it is cited for.
        validator: ValidatorId,
        /// The validator that sent it.
        sender: ValidatorId,
    },
    /// V3: a first message that cites an earlier one of its sender, or a later one that does not.
    #[error(
        "V3: message {sequence_number} of validator {sender} cites {} of its sender: \
         expected {}",
        if *.self_citation { "a message" } else { "no message" },
        if *.sequence_number == 0 { "none" } else { "the one before it" }
    )]
    SelfCitation {
        /// The sender.
        sender: ValidatorId,
        /// The sequence number of the message.
        sequence_number: u64,
        /// Whether it cites a message of its sender.
        self_citation: bool,
    },
    /// V3: the sequence number is not the predecessor's plus one.
    #[error(
        "V3: message {found} of validator {sender} cites its sender's message {predecessor:.16}: \
         expected sequence number {expected}"
    )]
    SequenceNumber {
        /// The sender.
        sender: ValidatorId,
        /// The message of its sender that it cites.
        predecessor: MessageHash,
        /// That message's sequence number plus one.
        expected: u64,
        /// The sequence number found.
        found: u64,
    },
    /// V3: the sender cites itself as an equivocator.
    #[error("V3: validator {sender} cites itself as an equivocator")]
    OwnEquivocation {
        /// The sender.
        sender: ValidatorId,
    },
    /// V4: a cited message had seen something that this message does not know of.
    #[error(transparent)]
    Forgotten(Box<Forgotten>),
    /// V8: the two messages of a proof do not have one sequence number.
    #[error(
        "V8: messages {} and {} of validator {validator} are no equivocation: \
         their sequence numbers are {} and {}, expected equal ones",
        format_args!("{:.16}", .proof.0), format_args!("{:.16}", .proof.1),
        .sequence_numbers.0, .sequence_numbers.1
    )]
    NotAnEquivocation {
        /// The validator accused.
        validator: ValidatorId,
        /// The two messages.
        proof: (MessageHash, MessageHash),
        /// Their sequence numbers.
        sequence_numbers: (u64, u64),
    },
}

/// V4: a cited message had seen something that this message does not know of.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "V4: forgets what message {cited:.16} had seen of validator {validator}: \
     that cites {}, this {}", describe(.seen), describe(.found)
)]
pub struct Forgotten {
    /// The message cited.
    pub cited: MessageHash,
    /// The validator forgotten.
    pub validator: ValidatorId,
    /// What the cited message cites for that validator.
    pub seen: Option<Citation>,
    /// What this message cites for it, which is not as late.
    pub found: Option<Citation>,
}

fn describe(citation: &Option<Citation>) -> String {
    match citation {
        None => "nothing".to_owned(),
        Some(Citation::Latest(hash)) => format!("{hash:.16}"),
        Some(Citation::Equivocation(proof)) => {
            format!("the equivocation {:.16}, {:.16}", proof.lesser(), proof.greater())
        }
    }
}

/// What can be checked before anything that the message cites has arrived.
pub(crate) fn check_on_receipt<E>(
    message: &Message<E>,
    validators: &ValidatorSet,
) -> Result<(), Invalid> {
    let sender = message.sender();
    if !validators.contains(sender) {
        return Err(Invalid::UnknownSender { sender, validators: validators.len() }); // V1
    }
    let last_cited = message.justification().iter().next_back();
    if let Some((validator, _)) = last_cited
        && !validators.contains(validator)
    {
        let validators = validators.len();
        return Err(Invalid::UnknownValidatorCited { validator, validators }); // V2
    }
    Ok(())
}

/// The rules, as functions of what is held and of a draft.
impl<E> Store<E> {
    /// Everything else, once all that the message cites is justified. `draft` is its
    /// justification, resolved, its chunks shared with the messages before.
    pub(crate) fn check_structure(
        &self,
        message: &Message<E>,
        draft: &mut Draft,
        archive: Option<&dyn Archive<E>>,
    ) -> Result<(), Refusal<Invalid>> {
        self.check_senders(draft)
            .and_then(|()| self.check_proofs(draft))
            .and_then(|()| self.check_sequence(message, draft))
            .map_err(Refusal::Breaks)?;
        self.check_nothing_forgotten(draft, archive)
    }

    /// V2: each cited message was sent by the validator it is cited for. What a valid message
    /// cites for the same validator needs no look.
    fn check_senders(&self, draft: &Draft) -> Result<(), Invalid> {
        let citations = self.panoramas.of_draft(draft);
        for validator in draft.unshared() {
            let code = citations.code(validator);
            let dropped = citations.dropped_of(code).map(|dropped| (dropped.hash, dropped.sender));
            let held = citations.seen(code).messages();
            let held = held.map(|cited| (*self.hash(cited), self.sender(cited)));
            if let Some((cited, sender)) =
                dropped.into_iter().chain(held).find(|&(_, sender)| sender != validator)
            {
                return Err(Invalid::WrongSenderCited { cited, validator, sender });
            }
        }
        Ok(())
    }

    /// V8: the messages of a proof have one sequence number.
    fn check_proofs(&self, draft: &Draft) -> Result<(), Invalid> {
        for &(one, other) in draft.proofs() {
            let numbers = (self.sequence_number(one), self.sequence_number(other));
            if numbers.0 != numbers.1 {
                return Err(Invalid::NotAnEquivocation {
                    validator: self.sender(one),
                    proof: (*self.hash(one), *self.hash(other)),
                    sequence_numbers: numbers,
                });
            }
        }
        Ok(())
    }

    /// V3: the sender's messages are numbered from 0, each citing the one before.
    fn check_sequence(&self, message: &Message<E>, draft: &Draft) -> Result<(), Invalid> {
        let (sender, sequence_number) = (message.sender(), message.sequence_number());
        let row = self.panoramas.of_draft(draft);
        if row.code(sender).is_proof() {
            return Err(Invalid::OwnEquivocation { sender });
        }
        match self.cited_position(row, sender) {
            None if sequence_number == 0 => Ok(()),
            Some(predecessor) if sequence_number > 0 => {
                let expected = u64::from(predecessor.number) + 1;
                if sequence_number == expected {
                    return Ok(());
                }
                let found = sequence_number;
                let cited = self.cited_for(row, sender).and_then(|it| it.hashes().next());
                let Some(predecessor) = cited else { return Ok(()) };
                Err(Invalid::SequenceNumber { sender, predecessor, expected, found })
            }
            predecessor => {
                let self_citation = predecessor.is_some();
                Err(Invalid::SelfCitation { sender, sequence_number, self_citation })
            }
        }
    }

    /// V4: nothing that a cited message had seen is later than what this message has seen.
    ///
    /// Not every cited message needs to be looked at. If a cited message d passes, and cites for
    /// validator v the very message c (or proof) that this message cites for v, then whatever c
    /// had seen is, by V4 for d, no later than what d has seen, and that is no later than what
    /// this message has seen: c passes too. Going from the newest cited message down, one look
    /// settles most of the others; and a look skips each chunk of a row that this message has
    /// itself, or that was looked at just before.
    ///
    /// O(V) if all citations are those of the newest message cited; O(V) more for each message
    /// cited for somebody of whom no message that was looked at cites the same. What those cite of
    /// which no row is held is read from the archive, once each.
    fn check_nothing_forgotten(
        &self,
        draft: &mut Draft,
        archive: Option<&dyn Archive<E>>,
    ) -> Result<(), Refusal<Invalid>> {
        if let Some(newest) = draft.newest() {
            self.compare_held(draft, newest)?;
        }
        // Proofs, unless a row that was looked at has the same, are always open.
        let mut held = Vec::new();
        let mut elsewhere = Vec::new();
        let citations = self.panoramas.of_draft(draft);
        for (validator, code) in citations.all_codes().filter(|&(it, _)| !draft.passes(it)) {
            let dropped = citations.dropped_of(code).map(|dropped| dropped.hash);
            elsewhere.extend(dropped.map(|hash| (hash, validator)));
            for cited in citations.seen(code).messages() {
                match self.is_stub(cited) {
                    true => elsewhere.push((*self.hash(cited), validator)),
                    false => held.push((cited, validator)),
                }
            }
        }
        held.sort_unstable_by_key(|&(cited, _)| std::cmp::Reverse(cited));
        for (cited, validator) in held {
            if !draft.passes(validator) {
                self.compare_held(draft, cited)?;
            }
        }
        let mut needs = Vec::new();
        for (hash, validator) in elsewhere {
            if draft.passes(validator) {
                continue;
            }
            match archive.and_then(|archive| archive.message(&hash)) {
                Some(archived) => self.compare_archived(draft, &archived)?,
                None => needs.push(hash),
            }
        }
        if needs.is_empty() { Ok(()) } else { Err(Unjudged::BelowHorizon { needs }.into()) }
    }

    /// V4, for a cited message that is held whole.
    fn compare_held(&self, draft: &mut Draft, cited: MessageIndex) -> Result<(), Refusal<Invalid>> {
        let panoramas = &self.panoramas;
        let no_later = |validator, seen: Seat, found: Seat| self.no_later(validator, seen, found);
        let Some(validator) = draft.compare(cited, panoramas, no_later) else { return Ok(()) };
        let seen = self.cited_for(self.panoramas.of(cited), validator);
        Err(Refusal::Breaks(self.forgotten(draft, *self.hash(cited), validator, seen)))
    }

    /// V4, for a cited message that was dropped. O(V).
    fn compare_archived(
        &self,
        draft: &mut Draft,
        cited: &Archived<E>,
    ) -> Result<(), Refusal<Invalid>> {
        let mut positions = cited.cited.iter();
        for (validator, citation) in cited.message.justification().iter() {
            let row = self.panoramas.of_draft(draft);
            let same = self.cited_for(row, validator) == Some(citation);
            let is_no_later = match citation {
                Citation::Latest(_) => {
                    let seen = positions.next().copied();
                    let found = self.cited_position(row, validator);
                    let later = seen.zip(found).is_none_or(|(seen, found)| {
                        !self.chains.is_predecessor_or_same(validator, seen, found)
                    });
                    same || row.code(validator).is_proof() || !later
                }
                Citation::Equivocation(_) => row.code(validator).is_proof(),
            };
            if !is_no_later {
                let hash = cited.message.hash();
                return Err(Refusal::Breaks(self.forgotten(
                    draft,
                    hash,
                    validator,
                    Some(citation),
                )));
            }
            if same {
                draft.pass(validator);
            }
        }
        Ok(())
    }

    fn forgotten(
        &self,
        draft: &Draft,
        cited: MessageHash,
        validator: ValidatorId,
        seen: Option<Citation>,
    ) -> Invalid {
        let found = self.cited_for(self.panoramas.of_draft(draft), validator);
        Invalid::Forgotten(Box::new(Forgotten { cited, validator, seen, found }))
    }

    /// V4: whether what is seen of `validator` is no later than what is found. An equivocation is
    /// later than any message, and no proof of it later than another.
    fn no_later(&self, validator: ValidatorId, seen: Seat, found: Seat) -> bool {
        let position = |seat: Seat| match seat {
            Seat::Held(message) => Some(self.chains.position(message)),
            Seat::Dropped(position) => Some(position),
            Seat::Nothing | Seat::Proof => None,
        };
        match (seen, found) {
            (Seat::Nothing, _) | (_, Seat::Proof) => true,
            _ => position(seen).zip(position(found)).is_some_and(|(seen, found)| {
                self.chains.is_predecessor_or_same(validator, seen, found)
            }),
        }
    }
}
