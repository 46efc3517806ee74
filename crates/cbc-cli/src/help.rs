//! What `--help` says of the language of executions, and where an option belongs that stands
//! elsewhere.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Error};

use crate::Arguments;

const TOKENS: &str = "\
Executions are written in tokens, separated by white space:
  M-0-A            validator 0 makes a message, which is called A
  S-1-A            validator 1 receives A alone: pending, while it lacks what A cites
  SJ-1-A           validator 1 receives A and all that A builds on
  M-0-B-(A,C)      Byzantine: 0 makes B as if it had seen just A, C and what these build on; in
                   M-0-B-() nothing. Nobody receives B yet, not even 0
  M-0-B-(A,C)=X    the same, with X for its estimate, whatever follows from what it has seen

Validators are numbered from 0; names are letters and digits. X is 0 or 1, an integer, or an order
such as a>b>c; in a blockchain it is the block that a new one is built on, by its name, or vote:NAME
for a block that exists, and G is the genesis. In other protocols everybody holds a first message of
its own from the start: I0, I1, ...
Two messages of which neither builds on the other are an equivocation: M-0-A M-0-B-()=vote:G in a
blockchain, or M-0-B-()=0 beside an I0 that says 1. Estimates that do not follow are refused by
default: see --no-estimate-check.";

/// These examples, and the token language.
pub(crate) fn with_tokens(examples: &str) -> String {
    format!("{TOKENS}\n\n{examples}")
}

/// For an option that stands before a command, or without one: the commands that it belongs to.
pub(crate) fn where_it_belongs(error: &Error) -> Option<String> {
    let unknown = (error.kind() == ErrorKind::UnknownArgument)
        .then(|| error.get(ContextKind::InvalidArg))
        .flatten();
    let Some(ContextValue::String(unknown)) = unknown else { return None };
    let mut program = Arguments::command();
    program.build();
    let has = |command: &&clap::Command| {
        command.get_arguments().any(|argument| {
            let long = argument.get_long().map(|long| format!("--{long}"));
            let short = argument.get_short().map(|short| format!("-{short}"));
            [long, short].iter().flatten().any(|name| name == unknown)
        })
    };
    let commands: Vec<String> = program
        .get_subcommands()
        .filter(has)
        .map(|command| format!("cbc {} {unknown}", command.get_name()))
        .collect();
    let is_known = !commands.is_empty();
    is_known.then(|| format!("{unknown} belongs after its command: {}", commands.join(", or ")))
}
