//! Decoding many messages at once, on several threads.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread::{self, Builder, ScopedJoinHandle};

use crate::{DecodeError, Estimate, Message, decode};

/// Decodes and hashes each of `messages` as [`decode`] does, on at most so many `threads`, this one
/// included. The answers are in the order of the messages and the same for any number of threads.
///
/// The messages are split into runs of equal length, one a thread; all threads have ended when this
/// returns. A thread takes as long to start as some dozens of messages to decode, so it pays from a
/// few hundred messages on. O(bytes / threads), if the bytes are spread evenly.
///
/// ```
/// use std::num::NonZeroUsize;
///
/// let received: [&[u8]; 2] = [b"int\0", b"bit\0"];
/// let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
/// let messages = cbc_message::decode_all::<cbc_message::Bit>(&received, threads);
/// assert!(messages.iter().all(Result::is_err), "none of another protocol, and none cut short");
/// ```
pub fn decode_all<E: Estimate>(
    messages: &[impl AsRef<[u8]> + Sync],
    threads: NonZeroUsize,
) -> Vec<Result<Message<E>, DecodeError>> {
    let decode_run = |run| decode_one_by_one(run).collect::<Vec<_>>();
    let length = messages.len().div_ceil(threads.get()).max(1);
    let (first, others) = messages.split_at(length.min(messages.len()));
    thread::scope(|scope| {
        let started: Vec<(&[_], Option<ScopedJoinHandle<'_, Vec<_>>>)> = others
            .chunks(length)
            .map(|run| (run, Builder::new().spawn_scoped(scope, move || decode_run(run)).ok()))
            .collect();
        let mut answers = Vec::with_capacity(messages.len());
        answers.extend(decode_one_by_one(first));
        for (run, thread) in started {
            match thread.map(ScopedJoinHandle::join) {
                Some(Ok(answered)) => answers.extend(answered),
                // An estimate's own code panicked: as if it had on this thread.
                Some(Err(panic)) => resume_unwind(panic),
                // The system has no more threads.
                None => answers.extend(decode_one_by_one(run)),
            }
        }
        answers
    })
}

fn decode_one_by_one<E: Estimate>(
    messages: &[impl AsRef<[u8]>],
) -> impl Iterator<Item = Result<Message<E>, DecodeError>> {
    messages.iter().map(|message| decode(message.as_ref()))
}
