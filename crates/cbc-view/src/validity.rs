//! The structural validity rules V1–V4 and V8 (semantics §4).
//!
//! V7 is checked where bytes are read, and V5 by whoever knows the estimator.

use cbc_message::{Citation, Message, MessageHash, ValidatorId};
use thiserror::Error;

use crate::panorama::Citations;
use crate::{HashedDag, MessageDag, MessageIndex, Seen, View};

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
    /// Not a rule, but a limit: this view has as many messages as it can number.
    #[error("the view holds {} messages and can number no more", u32::MAX)]
    ViewFull,
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
    pub(crate) fn check_on_receipt(&self, message: &Message<E>) -> Result<(), Invalid> {
        let validators = self.validators().len();
        let sender = message.sender();
        if !self.validators().contains(sender) {
            return Err(Invalid::UnknownSender { sender, validators }); // V1
        }
        match message.justification().iter().next_back() {
            Some((validator, _)) if !self.validators().contains(validator) => {
                Err(Invalid::UnknownValidatorCited { validator, validators }) // V2
            }
            _ => Ok(()),
        }
    }

    /// Everything else, once all that the message cites is justified. `citations` is its
    /// justification, resolved.
    pub(crate) fn check_structure(
        &self,
        message: &Message<E>,
        citations: &Citations,
    ) -> Result<(), Invalid> {
        self.check_senders(citations)?;
        self.check_proofs(citations)?;
        self.check_sequence(message, citations)?;
        self.check_nothing_forgotten(citations)
    }

    /// V2: each cited message was sent by the validator it is cited for.
    fn check_senders(&self, citations: &Citations) -> Result<(), Invalid> {
        for &(validator, seen) in citations {
            for cited in cited_messages(seen) {
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
    fn check_proofs(&self, citations: &Citations) -> Result<(), Invalid> {
        for &(validator, seen) in citations {
            if let Seen::Equivocation(one, other) = seen {
                let numbers = (self.sequence_number(one), self.sequence_number(other));
                if numbers.0 != numbers.1 {
                    return Err(Invalid::NotAnEquivocation {
                        validator,
                        proof: (self.hash(one), self.hash(other)),
                        sequence_numbers: numbers,
                    });
                }
            }
        }
        Ok(())
    }

    /// V3: the sender's messages are numbered from 0, each citing the one before.
    fn check_sequence(&self, message: &Message<E>, citations: &Citations) -> Result<(), Invalid> {
        let (sender, sequence_number) = (message.sender(), message.sequence_number());
        match seen_in(citations, sender) {
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
    /// settles most of the others. O(V) for each message that remains, O(V log V) to order them.
    fn check_nothing_forgotten(&self, citations: &Citations) -> Result<(), Invalid> {
        let mut newest_first: Vec<(MessageIndex, usize)> = (0..)
            .zip(citations)
            .flat_map(|(entry, &(_, seen))| cited_messages(seen).map(move |cited| (cited, entry)))
            .collect();
        newest_first.sort_unstable_by_key(|&(cited, _)| std::cmp::Reverse(cited));
        let mut passes = vec![false; citations.len()];
        for (cited, entry) in newest_first {
            if passes[entry] {
                continue;
            }
            let mut mine = (0..).zip(citations).peekable();
            for &(validator, seen) in self.citations(cited) {
                while mine.next_if(|(_, (other, _))| *other < validator).is_some() {}
                let found = match mine.next_if(|(_, (other, _))| *other == validator) {
                    Some((entry, &(_, found))) => {
                        passes[entry] |= seen == found;
                        found
                    }
                    None => Seen::Nothing,
                };
                if !self.no_later(seen, found) {
                    return Err(Invalid::Forgotten(Box::new(Forgotten {
                        cited: self.hash(cited),
                        validator,
                        seen: self.citation(seen),
                        found: self.citation(found),
                    })));
                }
            }
        }
        Ok(())
    }

    /// V4: whether `seen` is no later than `found`, both of one validator. An equivocation is
    /// later than any message, and no proof of it later than another.
    fn no_later(&self, seen: Seen, found: Seen) -> bool {
        match (seen, found) {
            (Seen::Nothing, _) | (_, Seen::Equivocation(..)) => true,
            (Seen::Latest(seen), Seen::Latest(found)) => self.is_predecessor_or_same(seen, found),
            (Seen::Latest(_) | Seen::Equivocation(..), _) => false,
        }
    }
}

/// What is cited for `validator`.
fn seen_in(citations: &Citations, validator: ValidatorId) -> Seen {
    citations
        .binary_search_by_key(&validator, |&(cited, _)| cited)
        .map_or(Seen::Nothing, |position| citations[position].1)
}

/// The messages that one citation cites: none, one, or the two of a proof.
fn cited_messages(seen: Seen) -> impl Iterator<Item = MessageIndex> {
    let (one, other) = match seen {
        Seen::Nothing => (None, None),
        Seen::Latest(message) => (Some(message), None),
        Seen::Equivocation(one, other) => (Some(one), Some(other)),
    };
    one.into_iter().chain(other)
}
