//! An observer that drops what is settled estimates and finalizes as one that keeps everything.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::Arc;

use cbc_message::{
    BlockId, BlockVote, Header, Message, MessageHash, ValidatorId, ValidatorSet, Weight,
};
use cbc_oracle::CliqueOracle;
use cbc_validator::{Blockchain, InvalidEstimate, Observer, Validator};
use cbc_view::{HashedDag, MessageDag, Reason, Status, Unjudged};
use proptest::prelude::*;

type Follower = Observer<Blockchain, CliqueOracle>;

fn observer(weights: &[u64]) -> Follower {
    let validators = ValidatorSet::new(weights.iter().copied().map(Weight::new)).unwrap();
    Observer::new(Blockchain, CliqueOracle::new(), Arc::new(validators))
}

/// An honest execution: each validator hears of what was made, sooner or later, and proposes on
/// the head. The last of them falls silent half way.
fn execution(weights: &[u64], draws: &[usize], count: usize) -> Vec<Message<BlockVote>> {
    let mut draws = draws.iter().copied().cycle();
    let mut draw = |below: usize| draws.next().map_or(0, |draw| draw % below);
    let mut validators: Vec<_> = (0..weights.len() as u32)
        .map(|id| Validator::new(ValidatorId::new(id), observer(weights)).unwrap())
        .collect();
    let mut made: Vec<Message<BlockVote>> = Vec::new();
    while made.len() < count {
        let silent = made.len() > count / 2;
        let maker = draw(weights.len() - usize::from(silent));
        let validator = &mut validators[maker];
        // It may not have heard of the newest messages yet.
        let heard = made.len() - draw(6).min(made.len());
        for message in &made[..heard] {
            if validator.observer().view().find(&message.hash()).is_none() {
                validator.observer_mut().receive(message.clone()).unwrap();
            }
        }
        made.push(validator.make_message().unwrap());
    }
    made
}

fn head(observer: &Follower) -> BlockId {
    observer.blocks().id(observer.view(), observer.estimate().unwrap())
}

fn finalized(observer: &Follower) -> Option<(BlockId, Weight)> {
    let finalized = observer.finalized()?;
    let id = observer.blocks().id(observer.view(), finalized.value);
    Some((id, finalized.safety.fault_tolerance.unwrap()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn heads_and_final_blocks_are_those_of_who_keeps_everything(
        weights in prop::collection::vec(8u64..12, 3..6),
        draws in prop::collection::vec(any::<usize>(), 1..300),
        every in 5usize..40,
    ) {
        let (mut pruning, mut twin) = (observer(&weights), observer(&weights));
        let (mut archived, mut dropped, mut received) = (BTreeSet::new(), 0, 0);
        let made = execution(&weights, &draws, 200);
        for (place, message) in made.iter().enumerate() {
            twin.receive(message.clone()).unwrap();
            match pruning.receive(message.clone()).unwrap().status {
                // Rarely somebody lags too far behind: that is said, and never judged otherwise.
                Status::Unjudged(Unjudged::BelowHorizon { .. }) => break,
                status => prop_assert_eq!(status, Status::Justified),
            }
            received += 1;
            prop_assert_eq!(head(&pruning), head(&twin));
            twin.update_safe_estimates().unwrap();
            pruning.update_safe_estimates().unwrap();
            prop_assert_eq!(finalized(&pruning), finalized(&twin));
            if place % every == 0 {
                dropped += pruning.prune(8, |message| assert!(archived.insert(message.hash())));
                prop_assert_eq!(archived.len(), dropped);
                prop_assert_eq!(head(&pruning), head(&twin));
                prop_assert_eq!(finalized(&pruning), finalized(&twin));
            }
        }
        // Whatever is not held whole was handed out.
        let view = pruning.view();
        let held = view.justified_messages().filter_map(|m| Some(view.message(m)?.hash()));
        let all: BTreeSet<MessageHash> = held.chain(archived.iter().copied()).collect();
        prop_assert_eq!(all.len(), received);
    }
}

#[test]
fn an_estimate_that_a_minority_on_the_root_leads_to_is_not_judged() {
    // Three validators build a chain; it is finalized and pruned.
    let mut follower = observer(&[2, 2, 2, 1]);
    let made = execution(&[2, 2, 2, 1], &[0, 1, 2], 60);
    for message in &made {
        follower.receive(message.clone()).unwrap();
        follower.update_safe_estimates().unwrap();
    }
    assert!(follower.prune(0, |_| {}) > 0);
    // The last validator claims to have seen the newest message of one validator and old ones of
    // the others, of which there are records only.
    let view = follower.view();
    let newest = view.latest_message(ValidatorId::new(0)).unwrap();
    let citations = view.citations(newest).iter();
    let cited = citations.filter(|(validator, _)| validator.index() < 3);
    let justification: Vec<_> =
        cited.filter_map(|(validator, seen)| Some((validator, view.citation(seen)?))).collect();
    let message = Message::new(Header {
        sender: ValidatorId::new(3),
        sequence_number: 0,
        justification: cbc_message::Justification::new(justification).unwrap(),
        estimate: BlockVote::Vote { block: BlockId::Genesis },
    })
    .unwrap();
    match follower.receive(message) {
        Ok(receipt) => assert!(matches!(
            receipt.status,
            Status::Pending { .. } | Status::Unjudged(Unjudged::BelowHorizon { .. })
        )),
        Err(rejection) => {
            assert!(matches!(rejection.reason, Reason::Refused(InvalidEstimate::Inadmissible(_))))
        }
    }
    // A block on the genesis is unknown by now.
    let message = Message::new(Header {
        sender: ValidatorId::new(3),
        sequence_number: 0,
        justification: cbc_message::Justification::EMPTY,
        estimate: BlockVote::Propose { parent: BlockId::Genesis },
    })
    .unwrap();
    assert!(follower.receive(message).is_err());
}
