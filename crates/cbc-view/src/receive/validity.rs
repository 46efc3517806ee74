//! The structural validity rules V1–V4 and V8 (semantics §4).
//!
//! V7 is checked where bytes are read, and V5 by whoever knows the estimator.

use cbc_message::{Message, MessageHash, ValidatorId, ValidatorSet};
use thiserror::Error;

use crate::receive::resolve::Draft;
use crate::store::Store;
use crate::store::rows::{Code, Row};
use crate::{Refusal, Unjudged};

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
    /// V3: a first message that has seen an earlier one of its sender, or a later one that has not.
    #[error(
        "V3: message {sequence_number} of validator {sender} has seen {} of its sender: \
         expected {}",
        if *.self_citation { "a message" } else { "no message" },
        if *.sequence_number == 0 { "none" } else { "the one before it" }
    )]
    SelfCitation {
        /// The sender.
        sender: ValidatorId,
        /// The sequence number of the message.
        sequence_number: u64,
        /// Whether it has seen a message of its sender.
        self_citation: bool,
    },
    /// V3: the sequence number is not the predecessor's plus one.
    #[error(
        "V3: message {found} of validator {sender} comes after its sender's message {predecessor:.16}: \
         expected sequence number {expected}"
    )]
    SequenceNumber {
        /// The sender.
        sender: ValidatorId,
        /// The latest message of its sender that it has seen.
        predecessor: MessageHash,
        /// That message's sequence number plus one.
        expected: u64,
        /// The sequence number found.
        found: u64,
    },
    /// V3: the sender has seen itself equivocate.
    #[error("V3: what validator {sender} has seen proves that it equivocated itself")]
    OwnEquivocation {
        /// The sender.
        sender: ValidatorId,
    },
    /// V4: what is cited need not be, since the other citations imply it.
    #[error(
        "V4: cites message {cited:.16} of validator {validator}, which the other citations imply: \
         expected only what they do not"
    )]
    SaidTwice {
        /// The message cited.
        cited: MessageHash,
        /// The validator that it is cited for.
        validator: ValidatorId,
    },
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

/// What can be checked before anything that the message cites has arrived.
pub(crate) fn check_on_receipt<E>(
    message: &Message<E>,
    validators: &ValidatorSet,
) -> Result<(), Invalid> {
    let sender = message.sender();
    if !validators.contains(sender) {
        return Err(Invalid::UnknownSender { sender, validators: validators.len() }); // V1
    }
    if let Some(&(validator, _)) = message.justification().cited().last()
        && !validators.contains(validator)
    {
        let validators = validators.len();
        return Err(Invalid::UnknownValidatorCited { validator, validators }); // V2
    }
    Ok(())
}

/// The rules, as functions of what is held and of a draft.
impl<E> Store<E> {
    /// Everything else, once all that the message cites is justified, and finds out what it has
    /// seen. `draft` is its justification, resolved.
    pub(crate) fn check_structure(
        &mut self,
        message: &Message<E>,
        draft: &mut Draft,
    ) -> Result<(), Refusal<Invalid>> {
        self.check_senders(draft).map_err(Refusal::Breaks)?;
        self.check_proofs(draft).map_err(Refusal::Breaks)?;
        if !draft.needs.is_empty() {
            let needs = std::mem::take(&mut draft.needs);
            return Err(Unjudged::BelowHorizon { needs }.into());
        }
        let rows = draft.rows.iter().copied();
        let (row, doubtful) = self.rows.join(&self.chains, rows, &draft.cited);
        draft.row = row;
        self.check_said_once(draft, &doubtful).map_err(Refusal::Breaks)?;
        self.check_sequence(message, draft.row).map_err(Refusal::Breaks)
    }

    /// V2: each cited message was sent by the validator it is cited for.
    fn check_senders(&self, draft: &Draft) -> Result<(), Invalid> {
        for &(validator, code) in &draft.cited {
            let sender = self.sender_of(code);
            if let Some(sender) = sender.filter(|&sender| sender != validator) {
                return Err(Invalid::WrongSenderCited {
                    cited: self.hash_of(code),
                    validator,
                    sender,
                });
            }
        }
        Ok(())
    }

    /// V8: the messages of a proof have one sequence number.
    fn check_proofs(&self, draft: &Draft) -> Result<(), Invalid> {
        for proof in draft.cited.windows(2).filter(|cited| cited[0].0 == cited[1].0) {
            let number = |code| {
                let position = self.rows.position(code, &self.chains);
                position.map_or(0, |position| u64::from(position.number))
            };
            let numbers = (number(proof[0].1), number(proof[1].1));
            if numbers.0 != numbers.1 {
                return Err(Invalid::NotAnEquivocation {
                    validator: proof[0].0,
                    proof: (self.hash_of(proof[0].1), self.hash_of(proof[1].1)),
                    sequence_numbers: numbers,
                });
            }
        }
        Ok(())
    }

    /// V4: no citation may be left out.
    ///
    /// One may if the others, each with what it had seen, have for its validator that message or
    /// one after it, or that the validator equivocated: then what the message has seen is the same
    /// without it. Where all that the cited messages had seen of the validator comes before, as it
    /// nearly always does, the join has found that out; the others are `doubtful`.
    ///
    /// O(doubtful · cited · log V): only for citations of messages of equivocators, and of such as
    /// should not be there, of which the first ends it.
    fn check_said_once(&self, draft: &Draft, doubtful: &[ValidatorId]) -> Result<(), Invalid> {
        for &validator in doubtful {
            let cited = draft.cited.iter().enumerate().filter(|(_, cited)| cited.0 == validator);
            for (place, &(_, code)) in cited {
                let others = draft.cited.iter().zip(&draft.rows).enumerate();
                let others = others.filter(|&(other, _)| other != place);
                if self.is_implied(validator, code, others.map(|(_, (&cited, &row))| (cited, row)))
                {
                    return Err(Invalid::SaidTwice { cited: self.hash_of(code), validator });
                }
            }
        }
        Ok(())
    }

    /// Whether a citation of the message `code` of `validator` says nothing new to who cites
    /// `others`, each with its row.
    pub(crate) fn is_implied(
        &self,
        validator: ValidatorId,
        code: Code,
        others: impl Iterator<Item = ((ValidatorId, Code), Row)>,
    ) -> bool {
        let mut seen = Code::NOTHING;
        for ((sender, message), row) in others {
            let of_row = self.rows.code(row, validator);
            seen = self.rows.join_codes(&self.chains, validator, seen, of_row);
            if sender == validator {
                seen = self.rows.join_codes(&self.chains, validator, seen, message);
            }
        }
        let position = self.rows.position(code, &self.chains);
        position.is_some_and(|it| self.rows.has_seen(&self.chains, validator, seen, it))
    }

    /// V3: the sender's messages are numbered from 0, each having seen the one before.
    fn check_sequence(&self, message: &Message<E>, row: Row) -> Result<(), Invalid> {
        let (sender, sequence_number) = (message.sender(), message.sequence_number());
        let code = self.rows.code(row, sender);
        if code == Code::EQUIVOCATED {
            return Err(Invalid::OwnEquivocation { sender });
        }
        match self.rows.position(code, &self.chains) {
            None if sequence_number == 0 => Ok(()),
            Some(predecessor) if sequence_number > 0 => {
                let expected = u64::from(predecessor.number) + 1;
                if sequence_number == expected {
                    return Ok(());
                }
                let (found, predecessor) = (sequence_number, self.hash_of(code));
                Err(Invalid::SequenceNumber { sender, predecessor, expected, found })
            }
            predecessor => {
                let self_citation = predecessor.is_some();
                Err(Invalid::SelfCitation { sender, sequence_number, self_citation })
            }
        }
    }

    /// The hash of the message that `code` is the code of.
    fn hash_of(&self, code: Code) -> MessageHash {
        self.standing(code).map_or(MessageHash::from_bytes([0; 32]), |standing| standing.hash)
    }
}
