//! What is final of concurrent blocks, and of a tree of shards.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use cbc_estimator::{Scheduled, ShardHeads};
use cbc_message::{
    BlockId, ConcurrentBlock, ConcurrentVote, MessageHash, Output, Shard, ShardVote, ValidatorId,
    ValidatorSet, Weight,
};
use cbc_oracle::CliqueOracle;
use cbc_validator::{Concurrent, Finality, MakeError, Observer, Protocol, Sharding};
use cbc_view::{HashedDag, MessageDag};

fn observer<P: Protocol>(protocol: P, weights: &[u64]) -> Observer<P, CliqueOracle> {
    let validators = ValidatorSet::new(weights.iter().copied().map(Weight::new)).unwrap();
    Observer::new(protocol, CliqueOracle::new(), Arc::new(validators))
}

fn says<P: Protocol>(
    observer: &mut Observer<P, CliqueOracle>,
    validator: u32,
    estimate: P::Estimate,
) -> MessageHash {
    observer.make_message_with(ValidatorId::new(validator), estimate).unwrap().hash()
}

fn block(inputs: &[Output], outputs: u32) -> ConcurrentVote {
    ConcurrentVote::Propose(ConcurrentBlock::new(inputs.to_vec(), outputs).unwrap())
}

const GENESIS: [Output; 2] =
    [Output { block: BlockId::Genesis, index: 0 }, Output { block: BlockId::Genesis, index: 1 }];

/// The blocks that are newly final, by the hashes of their messages.
fn newly_final(observer: &mut Observer<Concurrent, CliqueOracle>) -> Vec<MessageHash> {
    let finality = observer.update_safe_estimates().unwrap();
    let values = observer.newly_final(&finality);
    let hash = |value| match value {
        Scheduled::Block(block) => observer.estimator().blocks().hash(block),
        Scheduled::All(schedule) => panic!("{schedule:?} is no block"),
    };
    let mut hashes: Vec<MessageHash> = values.map(hash).collect();
    hashes.sort_unstable();
    hashes
}

#[test]
fn blocks_that_have_nothing_to_do_with_each_other_are_final_apart() {
    let mut observer = observer(Concurrent { genesis_outputs: 2 }, &[1, 1, 1]);
    let one = says(&mut observer, 0, block(&GENESIS[..1], 1));
    says(&mut observer, 1, ConcurrentVote::Vote);
    assert_eq!(newly_final(&mut observer), []);
    // 0 goes on elsewhere, and holds on to its first block.
    let other = says(&mut observer, 0, block(&GENESIS[1..], 1));
    assert_eq!(newly_final(&mut observer), [one]);
    assert_eq!(newly_final(&mut observer), []);
    says(&mut observer, 1, ConcurrentVote::Vote);
    says(&mut observer, 0, ConcurrentVote::Vote);
    assert_eq!(newly_final(&mut observer), [other]);
    let together = observer.finalized_together().unwrap();
    assert_eq!(Some(together), observer.estimate());
    assert!(observer.finalized_of_each().iter().all(|it| it.safety.quorum.weight.get() == 2));
}

#[test]
fn a_schedule_that_leaves_what_is_final_is_seen() {
    // 0 and 1 finalize a block, and equivocate; 2 and 3 make a rival final.
    let mut honest = observer(Concurrent { genesis_outputs: 1 }, &[3, 3, 2, 2]);
    says(&mut honest, 0, block(&GENESIS[..1], 0));
    says(&mut honest, 1, ConcurrentVote::Vote);
    says(&mut honest, 0, ConcurrentVote::Vote);
    let first = newly_final(&mut honest);
    assert_eq!(first.len(), 1);
    let mut others = observer(Concurrent { genesis_outputs: 1 }, &[3, 3, 2, 2]);
    says(&mut others, 2, block(&GENESIS[..1], 1));
    says(&mut others, 3, ConcurrentVote::Vote);
    says(&mut others, 0, ConcurrentVote::Vote);
    says(&mut others, 1, ConcurrentVote::Vote);
    says(&mut others, 2, ConcurrentVote::Vote);
    for message in others.view().justified_messages() {
        honest.receive(others.view().message(message).unwrap()).unwrap();
    }
    assert_eq!(honest.view().observed_fault_weight(), Weight::new(6));
    assert_eq!(honest.update_safe_estimates(), Ok(Finality::Overturned));
    assert!(honest.is_overturned());
    // Who stays with what is final could say nothing that is valid.
    let stays = honest.make_message(ValidatorId::new(2));
    assert!(matches!(stays, Err(MakeError::Overturned { .. })), "{stays:?}");
    let finalized = honest.finalized().unwrap().value.clone();
    let tip = honest.estimate_from_genesis().unwrap();
    assert!(honest.protocol().conflict(honest.estimator(), &tip, &finalized));
}

#[test]
fn every_choice_is_a_block_of_what_is_unspent() {
    let unspent: Vec<Output> =
        (0..5).map(|index| Output { block: BlockId::Genesis, index }).collect();
    let mut seen = std::collections::BTreeSet::new();
    for choice in 0..1000 {
        match Concurrent::choose(&unspent, choice) {
            ConcurrentVote::Propose(block) => {
                assert!((1..=3).contains(&block.inputs().len()));
                assert!((1..=3).contains(&block.outputs()));
                seen.insert((block.inputs().to_vec(), block.outputs()));
            }
            ConcurrentVote::Vote => panic!("there is something to consume"),
        }
        assert_eq!(Concurrent::choose(&[], choice), ConcurrentVote::Vote);
    }
    assert_eq!(seen.len(), 3 * 5 * 3);
}

fn child() -> Shard {
    "r0".parse().unwrap()
}

fn final_on(observer: &Observer<Sharding, CliqueOracle>, shard: Shard) -> BlockId {
    let heads: Option<ShardHeads> = observer.finalized_together();
    let head = heads.and_then(|heads| heads.of(shard));
    head.map_or(BlockId::Genesis, |head| observer.estimator().blocks().id(head))
}

#[test]
fn a_block_of_a_child_is_final_when_a_merge_block_after_it_is() {
    let mut observer = observer(Sharding { depth: 1 }, &[1, 1, 1]);
    let genesis = BlockId::Genesis;
    let first = says(&mut observer, 0, ShardVote::Propose { shard: child(), parent: genesis });
    let first = BlockId::Proposed(first);
    for _ in 0..3 {
        for validator in 0..3 {
            says(&mut observer, validator, ShardVote::Vote);
        }
    }
    // However many agree.
    assert_eq!(observer.update_safe_estimates(), Ok(Finality::Unchanged));
    let merge = ShardVote::Merge { child: child(), above: genesis, below: first };
    let merged = BlockId::Proposed(says(&mut observer, 0, merge));
    says(&mut observer, 1, ShardVote::Propose { shard: child(), parent: merged });
    says(&mut observer, 0, ShardVote::Vote);
    assert!(observer.update_safe_estimates().unwrap().advanced().is_some());
    assert_eq!([Shard::ROOT, child()].map(|shard| final_on(&observer, shard)), [merged; 2]);
    // What the child has come to since is in the estimate, and ends no chain.
    let (protocol, estimator) = (observer.protocol(), observer.estimator());
    let estimate = observer.estimate().unwrap();
    let ends = protocol.ends(estimator, &estimate);
    assert!(ends.len() == 1 && ends[0] != estimate);
    let depth = protocol.depth(estimator, &ends[0]);
    assert_eq!(protocol.candidate(estimator, &ends[0], depth), ends[0]);
    let blocks = observer.estimator().blocks();
    let found = observer.view().find(&match first {
        BlockId::Proposed(hash) => hash,
        BlockId::Genesis => panic!("the genesis"),
    });
    let below = blocks.proposed_by(found.unwrap()).next().unwrap();
    let of_child = observer.finalized_together().unwrap().of(child()).unwrap();
    assert!(blocks.is_ancestor_or_same(below, of_child));
    assert_eq!(observer.view().message_count(), 13);
}

#[test]
fn every_choice_is_a_block_on_the_heads() {
    let heads: Vec<BlockId> =
        (0..3).map(|byte| BlockId::Proposed(MessageHash::from_bytes([byte; 32]))).collect();
    let other: Shard = "r1".parse().unwrap();
    let merge =
        |child, place: usize| ShardVote::Merge { child, above: heads[0], below: heads[place] };
    let expected = [
        ShardVote::Propose { shard: Shard::ROOT, parent: heads[0] },
        ShardVote::Propose { shard: child(), parent: heads[1] },
        ShardVote::Propose { shard: other, parent: heads[2] },
        merge(child(), 1),
        merge(other, 2),
    ];
    for choice in 0..20 {
        assert_eq!(Sharding::choose(&heads, choice), expected[choice as usize % 5]);
    }
    assert_eq!(Sharding::choose(&heads[..1], 9), expected[0]);
}

#[test]
fn with_v5_unchecked_a_block_that_does_not_follow_counts_for_nothing() {
    let mut trusting =
        observer(Concurrent { genesis_outputs: 1 }, &[1, 1]).with_estimate_check(false);
    let first = says(&mut trusting, 0, block(&GENESIS[..1], 0));
    // The output is spent; and there is no second one.
    says(&mut trusting, 1, block(&GENESIS[..1], 2));
    says(&mut trusting, 1, block(&GENESIS[1..], 2));
    let blocks = trusting.estimator().blocks();
    assert_eq!((blocks.len(), trusting.view().message_count()), (1, 3));
    let latest = trusting.view().latest_message(ValidatorId::new(1)).unwrap();
    let voted = trusting.estimator().voted_by(latest).unwrap();
    assert!(voted.iter().map(|block| blocks.hash(block)).eq([first]));

    let mut trusting = observer(Sharding { depth: 1 }, &[1, 1]).with_estimate_check(false);
    let genesis = BlockId::Genesis;
    says(&mut trusting, 0, ShardVote::Propose { shard: child(), parent: genesis });
    says(&mut trusting, 1, ShardVote::Propose { shard: child(), parent: genesis });
    assert_eq!(trusting.estimator().blocks().len(), 1);
}
