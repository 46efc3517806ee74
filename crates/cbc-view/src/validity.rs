//! The structural validity rules V1–V4 and V8 (semantics §4).
//!
//! V7 is checked where bytes are read, and V5 by whoever knows the estimator.

use cbc_message::{Citation, Message, MessageHash, ValidatorId};
use thiserror::Error;

use crate::panorama::{Code, Draft};
use crate::{HashedDag, MessageDag, MessageIndex, Refusal, Seen, Unjudged, View};

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

impl<E> View<E> {
    /// What can be checked before anything that the message cites has arrived.
    pub(crate) fn check_on_receipt(&self, message: &Message<E>) -> Result<(), Refusal<Invalid>> {
        let validators = self.validators().len();
        let sender = message.sender();
        if !self.validators().contains(sender) {
            return Err(Refusal::Breaks(Invalid::UnknownSender { sender, validators })); // V1
        }
        let last_cited = message.justification().iter().next_back();
        if let Some((validator, _)) = last_cited
            && !self.validators().contains(validator)
        {
            let invalid = Invalid::UnknownValidatorCited { validator, validators }; // V2
            return Err(Refusal::Breaks(invalid));
        }
        if message.sequence_number() < self.store.horizon(sender) {
            let cited = message.justification().hashes();
            let needs = cited.filter(|hash| self.find(hash).is_none()).collect();
            return Err(Unjudged::BelowHorizon { needs }.into());
        }
        Ok(())
    }

    /// Everything else, once all that the message cites is justified. `draft` is its
    /// justification, resolved, its chunks shared with the messages before.
    pub(crate) fn check_structure(
        &self,
        message: &Message<E>,
        draft: &mut Draft,
    ) -> Result<(), Refusal<Invalid>> {
        self.check_senders(draft)
            .and_then(|()| self.check_proofs(draft))
            .and_then(|()| self.check_sequence(message, draft))
            .map_err(Refusal::Breaks)?;
        self.check_nothing_forgotten(draft)
    }

    /// V2: each cited message was sent by the validator it is cited for. What a valid message
    /// cites for the same validator needs no look.
    fn check_senders(&self, draft: &Draft) -> Result<(), Invalid> {
        let citations = self.store.panoramas.of_draft(draft);
        for validator in draft.unshared() {
            for cited in citations.get(validator).messages() {
                let sender = self.sender(cited);
                if sender != validator {
                    let cited = self.hash(cited);
                    return Err(Invalid::WrongSenderCited { cited, validator, sender });
                }
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
                    proof: (self.hash(one), self.hash(other)),
                    sequence_numbers: numbers,
                });
            }
        }
        Ok(())
    }

    /// V3: the sender's messages are numbered from 0, each citing the one before.
    fn check_sequence(&self, message: &Message<E>, draft: &Draft) -> Result<(), Invalid> {
        let (sender, sequence_number) = (message.sender(), message.sequence_number());
        match self.store.panoramas.of_draft(draft).get(sender) {
            Seen::Nothing if sequence_number == 0 => Ok(()),
            Seen::Latest(predecessor) if sequence_number > 0 => {
                let expected = self.sequence_number(predecessor) + 1;
                if sequence_number == expected {
                    return Ok(());
                }
                let predecessor = self.hash(predecessor);
                Err(Invalid::SequenceNumber {
                    sender,
                    predecessor,
                    expected,
                    found: sequence_number,
                })
            }
            Seen::Equivocation(..) => Err(Invalid::OwnEquivocation { sender }),
            seen @ (Seen::Nothing | Seen::Latest(_)) => {
                let self_citation = seen != Seen::Nothing;
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
    /// cited for somebody of whom no message that was looked at cites the same.
    fn check_nothing_forgotten(&self, draft: &mut Draft) -> Result<(), Refusal<Invalid>> {
        let Some(newest) = draft.newest() else {
            // Proofs alone: whatever they cite for anybody is forgotten.
            let all = self.cited_by(draft, |_| true);
            return self.check_cited(draft, all);
        };
        self.check_cited(draft, vec![(newest, None)])?;
        let open = self.cited_by(draft, |entry| !draft.passes(entry));
        self.check_cited(draft, open)
    }

    /// The messages that are cited for validators that are `open`, the newest first, each with the
    /// validator it is cited for.
    fn cited_by(
        &self,
        draft: &Draft,
        open: impl Fn(ValidatorId) -> bool,
    ) -> Vec<(MessageIndex, Option<ValidatorId>)> {
        let citations = self.store.panoramas.of_draft(draft).iter();
        let open = citations.filter(|&(validator, _)| open(validator));
        let cited = open.flat_map(|(validator, seen)| {
            seen.messages().map(move |cited| (cited, Some(validator)))
        });
        let mut cited: Vec<_> = cited.collect();
        cited.sort_unstable_by_key(|&(cited, _)| std::cmp::Reverse(cited));
        cited
    }

    /// V4, for these cited messages; those cited for validators that pass by then pass too.
    fn check_cited(
        &self,
        draft: &mut Draft,
        cited: Vec<(MessageIndex, Option<ValidatorId>)>,
    ) -> Result<(), Refusal<Invalid>> {
        for (cited, cited_for) in cited {
            if cited_for.is_some_and(|validator| draft.passes(validator)) {
                continue;
            }
            if self.store.is_record(cited) {
                return Err(Unjudged::BelowHorizon { needs: vec![self.hash(cited)] }.into());
            }
            let no_later = |seen, found| self.no_later(seen, found);
            if let Some(validator) = draft.compare(cited, &self.store.panoramas, no_later) {
                let seen = self.citations(cited).get(validator);
                let found = self.store.panoramas.of_draft(draft).get(validator);
                return Err(Refusal::Breaks(Invalid::Forgotten(Box::new(Forgotten {
                    cited: self.hash(cited),
                    validator,
                    seen: self.citation(seen),
                    found: self.citation(found),
                }))));
            }
        }
        Ok(())
    }

    /// V4: whether `seen` is no later than `found`, both of one validator. An equivocation is
    /// later than any message, and no proof of it later than another.
    fn no_later(&self, seen: Code, found: Code) -> bool {
        if seen == found || seen == Code::NOTHING || found.is_proof() {
            return true;
        }
        match (seen.as_latest(), found.as_latest()) {
            (Some(seen), Some(found)) => {
                self.store.previous(found) == Some(seen) || self.is_predecessor_or_same(seen, found)
            }
            _ => false,
        }
    }
}
