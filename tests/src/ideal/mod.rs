//! The ideal oracle: exhaustive search over the futures of tiny instances (semantics §6).
//!
//! # What is asked
//!
//! A *future* of a view σ, for a set E of validators, is a set of valid messages that contains σ
//! and all it cites, and in which nobody equivocates but those of E and those whom σ already
//! proves to have. E *turns* a candidate if in some future somebody honest who has seen all of σ
//! can send a valid message that disagrees with it: if the estimator, asked for that future,
//! disagrees. What the candidate tolerates is one less than the least weight of an E that turns
//! it; it is safe if no E of weight 0 does.
//!
//! *Who has seen all of σ* is part of the question. Whoever has not heard from anybody may say
//! anything, and who has always disagreed may go on to, however many are of another mind: no
//! candidate would ever be safe from that. But nobody is *spared*: in the search, everybody honest
//! is anywhere between its own latest message in σ and all there is, and says whatever it can be
//! led to. That the members of a quorum are never turned at all, whatever they have seen, is what
//! the oracles' own argument claims ([`Safety::of_strength`](cbc_oracle::Safety::of_strength)); the
//! [`survey`] holds them to it besides, for every set of equivocators that they say they tolerate.
//!
//! Every block of a view is asked for, whatever its height; and besides, each oracle is asked for the
//! deepest candidate of the estimate that reaches a threshold, as finality is: that must be the one
//! that asking for one after another finds, and its claim is held against the search, too.
//!
//! # How it is searched
//!
//! [`search`] saturates: from the messages of σ it makes all messages that somebody can make next,
//! then all that can be made once these are there, until no more come. All are real messages, in
//! one [`World`], which has checked V1–V5 and V8 of each with the code of `cbc-validator`. They
//! belong to different futures, and that is no harm:
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
//! With [`Repertoire::All`] everything is made, to a given depth: the longest chain of citations
//! that leads from σ to the last question. That is the definition, and grows beyond all bounds. With
//! [`Repertoire::Lean`], which ends by itself, only this is made:
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
//! with what that one lacks. A test compares with [`Repertoire::All`].
//!
//! For the **chain of two forks it is bounded**: an adversary may propose further blocks, and vote
//! for them to win a tie by their hashes, or split the votes that agree. Of new blocks only
//! those with nothing before them, on the genesis, are tried. So there, what the search allows
//! is an upper bound on what is tolerated. That is the sound side for the question whether an
//! oracle ever claims more, as every attack that is found is carried out; by how much oracles fall
//! short is then an upper bound too.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

pub mod futures;
pub mod plan;
pub mod play;
pub mod stories;
pub mod survey;
pub mod world;

pub use futures::{Futures, Repertoire, Situation, search};
pub use plan::{Plan, Report, validators};
pub use play::Play;
pub use stories::{Script, Story, every_execution, play_out, random_executions};
pub use survey::{Row, Survey, Violation, markdown};
pub use world::{Group, MOST, Panorama, World};
