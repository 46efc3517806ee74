//! How much of what nobody asked for a view keeps.

use cbc_message::Message;

/// Limits on the memory and time that others can make a view spend, in bytes.
///
/// A view keeps all valid messages of validators that are not known to equivocate: each of these
/// is a single chain, every message of which its maker had to make after the last. Two things cost
/// an attacker nothing and are therefore limited: messages that wait for what does not exist, and
/// messages of somebody who equivocates anyway. Whatever a limit keeps out is not invalid
/// ([`Unjudged::OverLimit`](crate::Unjudged::OverLimit)): it may be sent again, and is taken in once
/// it is wanted.
///
/// # What is wanted, and who pays
///
/// Every pending message has a validator that pays for it. One that arrives while something pending
/// waits for it is *wanted*, and whoever pays for the first message that waits for it pays for it,
/// too; any other is paid for by its sender. What known equivocators pay for makes nothing wanted,
/// and what anybody else wants of it, directly or through others, is paid for by those.
///
/// When an account, or all together, is over its limit, the account, or the greatest one, gives up
/// messages: of those that were not wanted the one that came first, or else the one that came first
/// of all; but nobody the only one. What was given up and is waited for is named by
/// [`View::missing_hashes`](crate::View::missing_hashes) again. Messages that arrive after all they
/// cite are never pending.
///
/// # Whoever floods, what somebody honest built on gets in
///
/// Let a *round* be: every message that the view asks for is delivered once, and every message of an
/// honest validator h that is not justified, in any order, with any flood in between.
///
/// What h pays for is what h said and what that cites, directly or through others: a citation is a
/// hash, so nobody can add to it. So no flood moves anything out of h's account, as long as that
/// takes no more than its share, the lesser of `pending_per_validator` and `pending / V`; and what it
/// holds is asked for and can be had. If another validator's message waits for the same, that one
/// may have to pay for it, and give it up by flooding its own account; but then its messages that
/// waited for it and came before have been given up, too, and what it sends anew stands behind h's
/// message in the queue of those that wait: at most twice for each such validator. So if the n
/// messages that h's message m needs fit into the share, they are all justified within 2Vn rounds.
///
/// If only K of them fit, the account gives up the oldest: at any time it holds the K that came
/// last. Whatever is asked for on its behalf is cited by one of these, so after K more all of them
/// are further down the DAG than the topmost of the K before; after K·d, if d is the longest path,
/// one of them waits for nothing, and is justified for good. So it takes at most 2VKdn rounds, with
/// one message each (K = 1) as with many. These are bounds, and far from what happens: the
/// hostile executions in the tests, of 30 messages of which half the validators are hostile, end
/// within 4 rounds where all fit, and within 20 where one does.
///
/// A message of a known equivocator that h built on before it knew is let in all the same, if those
/// for which h's pending messages wait fit into `unwanted_per_validator` at a time.
///
/// # The greatest memory of a view
///
/// A pending message that waits for w hashes takes at most, in bytes,
///
/// > `580 + 2 · size_of::<E>() + encoded + 190 · w`
///
/// where `encoded` is [`Message::encoded_len`](cbc_message::Message::encoded_len) and an estimate is taken to fill as much memory as
/// its encoding. With M for the greatest such figure of a message with V citations, all that is
/// pending takes at most `max(pending, V · M)`; twice that for a moment, while a table grows. Tables
/// keep the room that they once had. What
/// equivocators add beyond their proofs takes at most `2 · V · unwanted_per_validator`. The rest of
/// a view are valid messages, one chain for each validator, of which
/// [`View::prune`](crate::View::prune) drops what is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Limits {
    /// The most bytes of pending messages that one validator pays for.
    pub pending_per_validator: usize,
    /// The most bytes of pending messages that all validators together pay for.
    pub pending: usize,
    /// For each validator: the most bytes of its messages that become justified after it is known
    /// to equivocate and without being wanted; and the most bytes of messages of known equivocators
    /// that become justified because it waits for them, while what waits is not justified itself.
    pub unwanted_per_validator: usize,
    /// The most pending messages that become justified in one call.
    pub batch: usize,
}

impl Limits {
    /// No limits: for views that only take in what their owner made, as simulations do.
    pub const NONE: Self = Self {
        pending_per_validator: usize::MAX,
        pending: usize::MAX,
        unwanted_per_validator: usize::MAX,
        batch: usize::MAX,
    };
}

impl Default for Limits {
    /// 8 MiB of pending messages a validator and 512 MiB in all, 512 KiB of unwanted ones a
    /// validator, and batches of 1024.
    ///
    /// 8 MiB are some 8000 pending messages that cite ten hashes and wait for one of them, or, of a
    /// thousand hashes, 228, or 37 that wait for all of them. Who is further behind than that gets
    /// what is missing in the order of citation, as an archive gives it, which needs no room at all.
    /// 512 MiB are two of the latter for each of 1000 validators.
    ///
    /// 512 KiB of an equivocator are 1000 messages of 10 validators, or 50 of 1000: what it made
    /// between two messages of an honest validator that still follows it has to fit.
    fn default() -> Self {
        Self {
            pending_per_validator: 8 << 20,
            pending: 512 << 20,
            unwanted_per_validator: 512 << 10,
            batch: 1024,
        }
    }
}

/// What a message takes at most once it is justified, in a network of so many validators: the
/// formula of [`Limits`].
pub(crate) fn bytes_stored<E>(message: &Message<E>, validators: usize) -> usize {
    256 + size_of::<E>() + 9 * validators + message.encoded_len()
}
