//! How errors are told.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use anyhow::Error;

/// Results that could not be written.
#[derive(Debug)]
struct Unwritten(io::Error);

impl fmt::Display for Unwritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write to standard output: {}", self.0)
    }
}

impl StdError for Unwritten {}

/// An error of writing results.
pub(crate) fn of_results(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), Unwritten(error))
}

/// An error and its causes, each said once: many have the words of their cause in their own. What
/// was being done when results could not be written has nothing to do with it, and is left out.
pub(crate) fn said_once(error: &Error) -> String {
    let is_unwritten = |cause: &(dyn StdError + 'static)| {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.is_some_and(|inner| inner.is::<Unwritten>())
    };
    if let Some(unwritten) = error.chain().find(|&cause| is_unwritten(cause)) {
        return unwritten.to_string();
    }
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.is_empty() {
            said = cause;
        } else if !said.ends_with(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

pub(crate) fn is_broken_pipe(error: &Error) -> bool {
    let kind =
        |cause: &(dyn StdError + 'static)| cause.downcast_ref::<io::Error>().map(io::Error::kind);
    error.chain().any(|cause| kind(cause) == Some(io::ErrorKind::BrokenPipe))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cause_says_is_not_said_again() {
        let error = Error::msg("no room").context("x: no room").context("y");
        assert_eq!(said_once(&error), "y: x: no room");
        assert_eq!(said_once(&Error::msg("once").context("only once")), "only once");
    }

    #[test]
    fn what_cannot_be_written_is_the_writers_fault() {
        let cause = io::Error::new(io::ErrorKind::BrokenPipe, "no room");
        let error = Error::from(of_results(cause)).context("line 1");
        assert_eq!(said_once(&error), "cannot write to standard output: no room");
        assert!(is_broken_pipe(&error));
    }
}
