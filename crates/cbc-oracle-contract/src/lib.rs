//! What every safety oracle of CBC Casper is held to: it never claims more than exhaustive search
//! allows.
//!
//! An oracle says how much must equivocate before an estimate can still change. Saying too much is
//! what it must never do, and nothing but its proof says that it does not. This crate tries to
//! refute it: it asks the oracle about every candidate in thousands of views of tiny instances (3
//! to 5 validators, honest and with an equivocator: binary consensus, two forks of a chain, rivals
//! among concurrent blocks, a root shard with a child), and
//! searches all futures of each for one in which less than it claims to tolerate turns the
//! candidate. It is one line, in the tests of whatever crate the oracle lives in:
//!
//! ```
//! use cbc_oracle::CliqueOracle;
//!
//! cbc_oracle_contract::assert_kept(&CliqueOracle::new());
//! ```
//!
//! [`check`] answers instead of panicking, with a [`Report`] of what the oracle finds of what there
//! is, or with the [`Violation`]: the smallest counterexample that was found, message by message.
//! [`Claimant`] has other [`Size`]s, and oracles whose quorum is not to be held to its word;
//! [`survey`] asks several oracles at once, of bits and of the chain.
//!
//! The same call gives the same answer on every machine: what is drawn is drawn from fixed seeds.
//! This layer is for tests: it never is part of what it tests, and panics where it finds itself
//! wrong.
//!
//! # The contract
//!
//! 1. *It claims no more than is tolerated.* No validators of a weight up to the claimed fault
//!    tolerance, of whom the view has no proof, turn the candidate.
//! 2. *Its quorum holds.* No honest member of the [`Quorum`](cbc_oracle::Quorum) is turned by them
//!    either, whatever it has seen. An oracle whose quorum only stands in for another is not held
//!    to that: [`Claimant::without_quorum`].
//! 3. *Its finality is its own.* The deepest candidate of the estimate that a
//!    [`FinalitySearch`](cbc_oracle::FinalitySearch) finds by it is the one that asking for each
//!    finds, with a [`ChainOracle`](cbc_oracle::ChainOracle) after every message of the view.
//!
//! It does not ask for *much*: an oracle that finds nothing safe keeps the contract. By how much it
//! falls short is in the report.
//!
//! # What is asked
//!
//! A *future* of a view σ, for a set E of validators, is a set of valid messages that contains σ
//! and all it cites, and in which nobody equivocates but those of E and those whom σ already
//! proves to have. E *turns* a candidate if in some future somebody honest who has seen all of σ
//! can send a valid message that disagrees with it: if the estimator, asked for that future,
//! disagrees. What the candidate tolerates is one less than the least weight of an E that turns
//! it; it is safe if no E of weight 0 does. That is the definition of semantics §1, and who answers
//! by it is the *ideal oracle* (§6).
//!
//! *Who has seen all of σ* is part of the question. Whoever has not heard from anybody may say
//! anything, and who has always disagreed may go on to, however many are of another mind: no
//! candidate would ever be safe from that. But nobody is *spared*: in the search, everybody honest
//! is anywhere between its own latest message in σ and all there is, and says whatever it can be
//! led to. That the members of a quorum are never turned at all, whatever they have seen, is what
//! the oracles' own argument claims ([`Safety::of_strength`](cbc_oracle::Safety::of_strength)).
//!
//! Every block of a view is asked for, whatever its height.
//!
//! # How it is searched
//!
//! The search saturates: from the messages of σ it makes all messages that somebody can make next,
//! then all that can be made once these are there, until no more come. All are real messages, in
//! one view, which has checked V1–V5 and V8 of each with the code of `cbc-validator`. They belong
//! to different futures, and that is no harm:
//!
//! - A message depends on its past cone alone. That another future has been made next to it takes
//!   nothing away from it.
//! - A justification never joins two messages of one honest validator of which neither is in the
//!   other's chain. So the past cone of every message that is made is a future, or part of one,
//!   and so is whatever the last question is asked of: σ, and everything in the cone of what is
//!   joined to it. Such a future is handed to an observer who has seen nothing before, message by
//!   message, and turns it, or the search panics.
//! - The network is the adversary's: messages arrive in any order, or not yet, so everybody honest
//!   may have seen what its latest message cites, and no more.
//!
//! As nothing that can be made ever goes away, the search needs no interleavings of steps, which are
//! what a model checker would explore: it is a least fixed point, and one loop.
//!
//! An equivocator makes its messages as everybody else does, from any of its messages or from none,
//! as often as it likes; it can be *exposed* to anybody, by two first messages that cite nothing.
//!
//! # What is exact
//!
//! With all that can be made made, to any depth, the search would be the definition, and grow beyond
//! all bounds. Only this is made, and so it ends by itself:
//!
//! - messages that disagree, at most one on top of each message of σ (for an honest validator: of
//!   its latest), and first messages;
//! - whose justifications cite, beyond what they cannot do without (V3, V4), only messages that
//!   disagree, and proofs;
//! - and of which, for one maker, place and estimate, no other has seen less.
//!
//! For **binary consensus that is exact**. Take a future that turns the candidate, and in it every
//! message that σ lacks. Drop those that agree, and those that disagree on top of one that does, of
//! the same maker; where such a one was cited, let the one below it be, or where it proved its maker
//! to have equivocated, the two first messages. Then in every justification some votes that agreed
//! have become ones that disagree, or have gone, and no vote that disagreed has gone or changed but
//! with its maker exposed as before: the median disagrees still, and so all that is left is valid.
//! As to the last restriction: whoever cites the one that has seen more can cite the other, together
//! with what that one lacks. A test compares with making everything.
//!
//! For the **chain of two forks, for concurrent blocks and for shards it is bounded**: an adversary may propose further blocks, and vote
//! for them to win a tie by their hashes, or split the votes that agree. Of new blocks only
//! those with nothing before them, on the genesis, are tried. So there, what the search allows
//! is an upper bound on what is tolerated. That is the sound side for the question whether an
//! oracle ever claims more, as every attack that is found is carried out; by how much oracles fall
//! short is then an upper bound too.
//!
//! Instances are tiny: what needs six validators to go wrong is not found. An oracle still needs its
//! proof.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is the search itself")]

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod claimant;
mod futures;
mod play;
mod report;
mod size;
mod stories;
mod survey;
mod violation;
mod world;

pub use claimant::{Claimant, ContractOracle, assert_kept, check};
pub use report::{Report, Shortfall, table};
pub use size::Size;
pub use survey::{Outcome, survey};
pub use violation::{Breach, Violation};
