//! How errors are told.

use std::io;

use anyhow::Error;

/// An error and its causes, each said once: many have the words of their cause in their own.
pub(crate) fn said_once(error: &Error) -> String {
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

/// An error of writing results.
pub(crate) fn of_results(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write to standard output: {error}"))
}

pub(crate) fn is_broken_pipe(error: &Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().map(io::Error::kind)
    };
    error.chain().any(|cause| kind(cause) == Some(io::ErrorKind::BrokenPipe))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cause_says_is_not_said_again() {
        let cause = io::Error::new(io::ErrorKind::BrokenPipe, "no room");
        let error = Error::from(of_results(cause)).context("x: no room").context("y");
        assert_eq!(said_once(&error), "y: x: no room: cannot write to standard output: no room");
        assert!(is_broken_pipe(&error));
        assert_eq!(said_once(&Error::msg("once").context("only once")), "only once");
    }
}
