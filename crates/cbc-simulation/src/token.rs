//! The token language: an execution as plain data.
//!
//! ```text
//! M-<validator>-<name>              the validator makes a message, which is known by this name
//! M-<validator>-<name>-#<number>    the same, where its maker has a choice: which block it makes,
//!                                   the number says, given what it has seen
//! M-<validator>-<name>-(<a>,<b>,…)  Byzantine: it makes one as if it had seen just the listed
//!                                   messages and their past cones; nobody receives it yet
//! M-<validator>-<name>-(…)=<estimate>
//!                                   the same, with an estimate of its own
//! S-<validator>-<name>              the validator receives the named message alone
//! SJ-<validator>-<name>             it receives the message and all of its past cone
//! ```
//!
//! Tokens are separated by white space; names are letters and digits. An estimate is a bit or an
//! integer; an order, its items separated by `>`; or, in a blockchain, the name of the block that
//! a new one is built on, or `vote:` and the name of a block that exists. `G` is the genesis. Of
//! concurrent blocks, what a block consumes, and after `>` how many outputs it produces: `G.0+A.1>2`
//! consumes the first output of the genesis and the second of `A`, and produces two, `>1` consumes
//! nothing, and `vote` is no block. On shards, where a block stands: `r0:A` on `A`, on shard r0;
//! `r:A+r0:B` merges r0 with its parent r; and `vote` is no block. So
//! the simplest equivocations are, in a blockchain, `M-0-A M-0-B-()=vote:G`, and, where validator 0
//! starts with a first message that says 1, `M-0-B-()=0`.

use std::fmt;
use std::str::FromStr;

use cbc_message::ValidatorId;
use thiserror::Error;

/// One step of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Who acts.
    pub validator: ValidatorId,
    /// The message it makes or receives.
    pub name: String,
    /// What it does.
    pub action: Action,
}

/// What a validator does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `M`: makes a message from its view.
    Make,
    /// `M` with a number: the same, of all blocks that its maker may make the one that the number
    /// says.
    MakeBy {
        /// The number.
        choice: u64,
    },
    /// `M` with a list: makes a message as if it had seen just the past cones of the messages
    /// listed, and these. The message does not enter its view.
    MakeFrom {
        /// The messages listed.
        seen: Vec<String>,
        /// The message's estimate, as it is written; if none, that which follows from what is
        /// listed.
        estimate: Option<String>,
    },
    /// `S`: receives a message alone.
    Receive,
    /// `SJ`: receives a message and everything in its past cone that it lacks.
    ReceiveJustified,
}

impl Token {
    /// Whether a message is made.
    pub fn makes(&self) -> bool {
        matches!(self.action, Action::Make | Action::MakeBy { .. } | Action::MakeFrom { .. })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = match self.action {
            Action::Make | Action::MakeBy { .. } | Action::MakeFrom { .. } => "M",
            Action::Receive => "S",
            Action::ReceiveJustified => "SJ",
        };
        write!(f, "{command}-{}-{}", self.validator, self.name)?;
        if let Action::MakeBy { choice } = self.action {
            return write!(f, "-#{choice}");
        }
        let Action::MakeFrom { seen, estimate } = &self.action else { return Ok(()) };
        write!(f, "-({})", seen.join(","))?;
        estimate.as_ref().map_or(Ok(()), |estimate| write!(f, "={estimate}"))
    }
}

impl FromStr for Token {
    type Err = Malformed;

    fn from_str(token: &str) -> Result<Self, Malformed> {
        let mut fields = token.splitn(4, '-');
        let command = fields.next().unwrap_or_default();
        let validator = fields.next().ok_or(Malformed::Fields)?;
        let name = fields.next().ok_or(Malformed::Fields)?;
        let seen = fields.next();
        let action = match (command, seen) {
            ("M", None) => Action::Make,
            ("M", Some(fourth)) => match fourth.strip_prefix('#') {
                Some(number) => make_by(number)?,
                None => make_from(fourth)?,
            },
            ("S", None) => Action::Receive,
            ("SJ", None) => Action::ReceiveJustified,
            ("S" | "SJ", Some(_)) => return Err(Malformed::ListOnlyForMake),
            _ => return Err(Malformed::Command),
        };
        let plain = !validator.is_empty() && validator.bytes().all(|byte| byte.is_ascii_digit());
        let validator = validator.parse().ok().filter(|_| plain).ok_or(Malformed::Validator)?;
        Ok(Self { validator: ValidatorId::new(validator), name: checked_name(name)?, action })
    }
}

/// Which block is made.
fn make_by(number: &str) -> Result<Action, Malformed> {
    let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let choice = number.parse().ok().filter(|_| plain).ok_or(Malformed::Choice)?;
    Ok(Action::MakeBy { choice })
}

/// What a Byzantine message is made from: a list of names, and its estimate.
fn make_from(text: &str) -> Result<Action, Malformed> {
    let list = text.strip_prefix('(').ok_or(Malformed::List)?;
    let (list, rest) = list.split_once(')').ok_or(Malformed::List)?;
    let seen = match list {
        "" => Vec::new(),
        list => list.split(',').map(checked_name).collect::<Result<_, _>>()?,
    };
    let estimate = match rest {
        "" => None,
        rest => Some(rest.strip_prefix('=').ok_or(Malformed::List)?),
    };
    match estimate {
        Some("") => Err(Malformed::Estimate),
        estimate => Ok(Action::MakeFrom { seen, estimate: estimate.map(str::to_owned) }),
    }
}

fn checked_name(name: &str) -> Result<String, Malformed> {
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(name.to_owned())
    } else {
        Err(Malformed::Name)
    }
}

/// What is wrong with the form of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Fewer than three fields.
    #[error("expected COMMAND-VALIDATOR-NAME")]
    Fields,
    /// An unknown command.
    #[error("expected the command M, S or SJ")]
    Command,
    /// A validator that is not a number.
    #[error("expected a validator's number after the command")]
    Validator,
    /// A name with other characters than letters and digits.
    #[error("expected a name of letters and digits")]
    Name,
    /// A fourth field that is not a list, or has more than an estimate after it.
    #[error("expected a list of names in parentheses, as in M-0-X-(A,B) or M-0-X-(A,B)=ESTIMATE")]
    List,
    /// Nothing where an estimate should be.
    #[error("expected an estimate after =, as in M-0-X-(A,B)=1")]
    Estimate,
    /// Something else than a number after #.
    #[error("expected a number after #, as in M-0-X-#7")]
    Choice,
    /// A fourth field where none may be.
    #[error("only M takes a list of names")]
    ListOnlyForMake,
}

/// An execution: what every validator does, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    tokens: Vec<Token>,
}

impl Execution {
    /// The tokens, in order.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The number of messages made.
    pub fn message_count(&self) -> usize {
        self.tokens.iter().filter(|token| token.makes()).count()
    }
}

impl From<Vec<Token>> for Execution {
    fn from(tokens: Vec<Token>) -> Self {
        Self { tokens }
    }
}

impl fmt::Display for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, token) in self.tokens.iter().enumerate() {
            write!(f, "{}{token}", if position == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl FromStr for Execution {
    type Err = TokenError<Malformed>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = |(position, token): (usize, &str)| {
            token.parse().map_err(|problem| TokenError::new(position, token, problem))
        };
        text.split_whitespace()
            .enumerate()
            .map(parse)
            .collect::<Result<Vec<_>, _>>()
            .map(Self::from)
    }
}

/// A token that cannot be read or carried out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("token {} (\"{token}\"): {problem}", .position + 1)]
pub struct TokenError<P> {
    /// Its position in the execution, from 0.
    pub position: usize,
    /// The token, cut to 80 characters.
    pub token: String,
    /// What is wrong.
    pub problem: P,
}

impl<P> TokenError<P> {
    pub(crate) fn new(position: usize, token: impl fmt::Display, problem: P) -> Self {
        Self { position, token: format!("{token:.80}"), problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_prints_as_it_is_read() {
        let text = "M-0-A SJ-1-A S-12-A M-1-B-(A) M-1-C-() M-2-D-(A,B) \
                    M-0-E-()=-5 M-0-F-(A,B)=vote:A M-0-H-(A)=a-b>c=(d) M-3-K-#17";
        let execution: Execution = text.parse().unwrap();
        assert_eq!(execution.to_string(), text);
        assert_eq!(execution.message_count(), 8);
        assert_eq!("  M-0-A \n SJ-1-A ".parse::<Execution>().unwrap().tokens().len(), 2);
    }

    #[test]
    fn a_malformed_token_is_pointed_at() {
        for (token, problem) in [
            ("M", Malformed::Fields),
            ("M-0", Malformed::Fields),
            ("X-0-A", Malformed::Command),
            ("m-0-A", Malformed::Command),
            ("M--A", Malformed::Validator),
            ("M-+1-A", Malformed::Validator),
            ("M-99999999999-A", Malformed::Validator),
            ("M-0-", Malformed::Name),
            ("M-0-Ä", Malformed::Name),
            ("M-0-A-B", Malformed::List),
            ("M-0-A-(B", Malformed::List),
            ("M-0-A-(B,)", Malformed::Name),
            ("M-0-A-(B)C", Malformed::List),
            ("M-0-A-=1", Malformed::List),
            ("M-0-A-()=", Malformed::Estimate),
            ("M-0-A-#", Malformed::Choice),
            ("M-0-A-#+7", Malformed::Choice),
            ("M-0-A-#99999999999999999999", Malformed::Choice),
            ("S-0-A-(B)", Malformed::ListOnlyForMake),
        ] {
            let error = format!("M-0-A {token}").parse::<Execution>().unwrap_err();
            assert_eq!((error.position, error.problem), (1, problem), "{token}");
            assert!(error.to_string().starts_with(&format!("token 2 (\"{token}\")")), "{error}");
        }
    }
}
