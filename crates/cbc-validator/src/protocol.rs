//! Protocols: an estimate, the estimator that finds it, and what finalizing it means.

mod concurrent;
mod sharding;

use std::fmt::Debug;
use std::marker::PhantomData;

use cbc_estimator::{
    BlockIndex, Borda, Copeland, Estimator, Follower, Ghost, UpTo, WeightedMedian,
};
use cbc_message::{Bit, BlockEstimate, BlockId, BlockVote, Estimate, Integer, Order};
use cbc_view::{AtDepth, Chain, Equals, View};

pub use concurrent::Concurrent;
pub use sharding::Sharding;

/// What the estimator of a protocol answers, as others know it.
pub type Answer<P> =
    <<P as Protocol>::Estimator as Estimator<View<<P as Protocol>::Estimate>>>::Answer;

/// A consensus protocol: ties estimate, estimator and conflict together.
///
/// What it decides are values, each the end of a chain of *candidates*: a block's candidates are
/// its ancestors from height 1 up to itself; a bit, an integer or an order is its own only
/// candidate. A value may also be made of several that end a chain each: of a schedule, each of its
/// blocks. Then whatever is said of values below is said of those ([`ends`](Self::ends)). Whatever
/// agrees with a candidate agrees with those before it in the chain, so a candidate is never safer
/// than one before it (semantics §6). Two values conflict unless one is a candidate of the other.
///
/// Who decides single values needs an estimator only: [`ValueConsensus`] is the protocol.
///
/// ```
/// use std::sync::Arc;
/// use cbc_estimator::WeightedMedian;
/// use cbc_message::{Integer, ValidatorId, ValidatorSet, Weight};
/// use cbc_oracle::CliqueOracle;
/// use cbc_validator::{IntegerConsensus, Observer};
///
/// let weights = Arc::new(ValidatorSet::new([3, 1].map(Weight::new))?);
/// let protocol = IntegerConsensus::new(WeightedMedian::new());
/// let mut observer = Observer::new(protocol, CliqueOracle::new(), weights);
/// observer.make_message_with(ValidatorId::new(0), Integer(42))?;
/// assert_eq!(observer.make_message(ValidatorId::new(1))?.estimate(), &Integer(42));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// One whose estimates are of another kind, or whose values end several chains, is written out:
/// [`Concurrent`] is one.
pub trait Protocol {
    /// What messages carry.
    type Estimate: Estimate;

    /// What is decided.
    type Value: Clone + Debug + Eq;

    /// How the value is found.
    type Estimator: Follower<View<Self::Estimate>, Value = Self::Value> + Clone + Debug;

    /// Whether no message agrees with two candidates of one depth, of whatever chains. Then an oracle
    /// may go on from what it knew of one chain when it is asked of the next.
    const ONE_TREE: bool = true;

    /// An estimator that has been told of no message.
    fn estimator(&self) -> Self::Estimator;

    /// What a message carries whose maker's estimator answers so.
    fn estimate(&self, answer: &Answer<Self>) -> Self::Estimate;

    /// The values that `value` is made of, each of which ends a chain: itself, unless overridden.
    fn ends(&self, estimator: &Self::Estimator, value: &Self::Value) -> Vec<Self::Value> {
        let _ = estimator;
        vec![value.clone()]
    }

    /// The [`ends`](Self::ends) of `value` of which more may become final: all, unless overridden by
    /// a protocol in which there are many and most are among `finalized`.
    fn open_ends(
        &self,
        estimator: &Self::Estimator,
        value: &Self::Value,
        finalized: &[&Self::Value],
    ) -> Vec<Self::Value> {
        let _ = finalized;
        self.ends(estimator, value)
    }

    /// The value that is made of these, which are final, each of another chain: where a fork choice
    /// starts from. The only one of them, unless overridden.
    fn join(&self, estimator: &Self::Estimator, finalized: &[&Self::Value]) -> Option<Self::Value> {
        let _ = estimator;
        finalized.first().map(|&value| value.clone())
    }

    /// The candidates of `value`.
    fn chain<'a>(
        &self,
        estimator: &'a Self::Estimator,
        value: &Self::Value,
    ) -> impl Chain<View<Self::Estimate>> + use<'a, Self>;

    /// `value` itself, as the property of messages whose safety makes it final.
    fn property<'a>(
        &self,
        estimator: &'a Self::Estimator,
        value: &Self::Value,
    ) -> AtDepth<impl Chain<View<Self::Estimate>> + use<'a, Self>> {
        let depth = self.depth(estimator, value);
        AtDepth { chain: self.chain(estimator, value), depth }
    }

    /// How many candidates the two values have in common.
    fn common_depth(
        &self,
        estimator: &Self::Estimator,
        one: &Self::Value,
        other: &Self::Value,
    ) -> u32;

    /// The number of candidates in the chain that ends in `value`; 0 for what nobody needs to
    /// decide.
    fn depth(&self, estimator: &Self::Estimator, value: &Self::Value) -> u32;

    /// The candidate at `depth` of the chain that ends in `value`: `value` itself at its depth and
    /// beyond; and the first that is left, if what was there has been dropped.
    fn candidate(
        &self,
        estimator: &Self::Estimator,
        value: &Self::Value,
        depth: u32,
    ) -> Self::Value;

    /// Whether the two values can never both be decided: unless overridden, if neither is a candidate
    /// of the other. Those of chains that have nothing to do with each other do not conflict.
    fn conflict(
        &self,
        estimator: &Self::Estimator,
        one: &Self::Value,
        other: &Self::Value,
    ) -> bool {
        let least = self.depth(estimator, one).min(self.depth(estimator, other));
        self.common_depth(estimator, one, other) < least
    }

    /// Whether an estimate of `value` leaves `finalized`: unless overridden, if any of its ends
    /// conflicts with that.
    fn excludes(
        &self,
        estimator: &Self::Estimator,
        value: &Self::Value,
        finalized: &Self::Value,
    ) -> bool {
        let ends = self.ends(estimator, value);
        ends.iter().any(|end| self.conflict(estimator, finalized, end))
    }
}

/// A number made of these names: of other names, most likely another.
fn mixed(names: impl Iterator<Item = BlockId>) -> u64 {
    let bytes = names.map(|name| match name {
        BlockId::Genesis => 0,
        BlockId::Proposed(hash) => {
            let first = hash.as_bytes().first_chunk();
            u64::from_le_bytes(first.copied().unwrap_or_default())
        }
    });
    bytes.fold(0, |mixed: u64, next| mixed.rotate_left(7).wrapping_add(next))
}

/// Casper the Friendly Ghost: consensus on a chain of blocks, by LMD GHOST.
///
/// Over bare votes, `Blockchain` is also a value. Blocks with contents have an estimate of their
/// own, any [`BlockEstimate`]: `Blockchain::<Mine>::new()`.
#[derive(Clone, Copy, Debug)]
pub struct Blockchain<E = BlockVote> {
    estimates: PhantomData<fn() -> E>,
}

impl<E> Blockchain<E> {
    /// The protocol over blocks and votes of `E`.
    pub const fn new() -> Self {
        Self { estimates: PhantomData }
    }
}

/// The protocol over bare votes.
#[expect(non_upper_case_globals, reason = "the value of a type that has only one")]
pub const Blockchain: Blockchain = Blockchain::new();

impl<E> Default for Blockchain<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: BlockEstimate> Protocol for Blockchain<E> {
    type Estimate = E;
    type Value = BlockIndex;
    type Estimator = Ghost;

    fn estimator(&self) -> Ghost {
        Ghost::new()
    }

    fn estimate(&self, head: &BlockId) -> E {
        E::of_head(*head)
    }

    fn chain<'a>(&self, ghost: &'a Ghost, block: &BlockIndex) -> impl Chain<View<E>> + use<'a, E> {
        UpTo { blocks: ghost.blocks(), block: *block }
    }

    fn common_depth(&self, ghost: &Ghost, one: &BlockIndex, other: &BlockIndex) -> u32 {
        ghost.blocks().height(ghost.blocks().common_ancestor(*one, *other))
    }

    fn depth(&self, ghost: &Ghost, block: &BlockIndex) -> u32 {
        ghost.blocks().height(*block)
    }

    fn candidate(&self, ghost: &Ghost, block: &BlockIndex, depth: u32) -> BlockIndex {
        if depth >= ghost.blocks().height(*block) {
            return *block;
        }
        ghost.blocks().ancestor_at(*block, depth).unwrap_or(BlockIndex::GENESIS)
    }
}

/// Consensus on a single value: a bit, an integer, an order.
#[derive(Clone, Debug)]
pub struct ValueConsensus<E, S> {
    estimator: S,
    estimates: PhantomData<fn() -> E>,
}

impl<E, S> ValueConsensus<E, S> {
    /// The protocol whose estimates `estimator` finds; one that has been told of no message.
    pub fn new(estimator: S) -> Self {
        Self { estimator, estimates: PhantomData }
    }
}

/// Consensus on a bit, by the lower weighted median.
pub type BinaryConsensus = ValueConsensus<Bit, WeightedMedian<Bit>>;

/// Consensus on an integer, by the lower weighted median.
pub type IntegerConsensus = ValueConsensus<Integer, WeightedMedian<Integer>>;

/// Consensus on an order of known items, by Copeland's rule.
pub type OrderConsensus = ValueConsensus<Order, Copeland>;

/// The proof of concept's order protocol, by Borda's rule. It cannot finalize (semantics §7).
pub type BordaConsensus = ValueConsensus<Order, Borda>;

impl<E, S> Protocol for ValueConsensus<E, S>
where
    E: Estimate,
    S: Follower<View<E>, Value = E, Answer = E> + Clone + Debug,
{
    type Estimate = E;
    type Value = E;
    type Estimator = S;

    fn estimator(&self) -> S {
        self.estimator.clone()
    }

    fn estimate(&self, value: &E) -> E {
        value.clone()
    }

    fn chain<'a>(&self, _: &'a S, value: &E) -> impl Chain<View<E>> + use<'a, E, S> {
        Equals(value.clone())
    }

    fn common_depth(&self, _: &S, one: &E, other: &E) -> u32 {
        u32::from(one == other)
    }

    fn depth(&self, _: &S, _: &E) -> u32 {
        1
    }

    fn candidate(&self, _: &S, value: &E, _: u32) -> E {
        value.clone()
    }
}
