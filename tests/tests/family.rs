//! Concurrent blocks and a tree of shards, as executions have them: invariants at every step of
//! generated ones, for every view, and what the program makes of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::process::ExitCode;
use std::sync::Arc;

use cbc_estimator::{MajorityDriven, Scheduled, ShardBlock};
use cbc_message::{BlockId, Output, Shard, ValidatorSet, Weight};
use cbc_oracle::CliqueOracle;
use cbc_simulation::{MessageMode, Network, Recorded, Run, Schedule, Setup};
use cbc_tests::cbc;
use cbc_validator::{Concurrent, Observer, Sharding};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value as Json;

/// Carries out executions of all modes and networks, one token after another; after each, `check`
/// is called with the view of whoever acted. Then nothing final may contradict anything.
fn each_step<P>(protocol: P, check: impl Fn(&Observer<P, CliqueOracle>))
where
    P: Recorded<Estimator: MajorityDriven> + Clone,
{
    let mut finalized = 0;
    for (seed, mode) in [MessageMode::Rand, MessageMode::Rrob, MessageMode::Full]
        .into_iter()
        .cycle()
        .take(12)
        .enumerate()
    {
        let networks = [Network::NoDelay, Network::Step, Network::RANDOM, Network::GAUSSIAN];
        let network = networks[seed / 3];
        let mut rng = ChaCha8Rng::seed_from_u64(seed as u64);
        let rounds = if mode == MessageMode::Full { 8 } else { 40 };
        let schedule = Schedule::generate(4, rounds, mode, network, &mut rng);
        let schedule = schedule.with_choices(&mut rng);
        let weights = [5, 4, 4, 3].map(Weight::new);
        let setup = Setup {
            protocol: protocol.clone(),
            oracle: CliqueOracle::new(),
            validators: Arc::new(ValidatorSet::new(weights).unwrap()),
            threshold: Weight::ZERO,
            check_estimates: true,
            items: Vec::new(),
        };
        let mut run = Run::new(setup, None).unwrap().finalizing();
        for token in schedule.execution.tokens() {
            run.step(token).unwrap();
            run.visit(token.validator, |run| check(run.observer()));
            check(run.observer());
        }
        run.update_safe_estimates();
        assert_eq!((run.conflicting_finality(), run.overturned().len()), (Vec::new(), 0));
        finalized += run.observer().finalized_of_each().len();
    }
    assert!(finalized > 0);
}

#[test]
fn schedules_are_closed_and_spend_nothing_twice_at_every_step() {
    let genesis_outputs = 3;
    each_step(Concurrent { genesis_outputs }, |observer| {
        let blocks = observer.estimator().blocks();
        let Some(Scheduled::All(schedule)) = observer.estimate_from_genesis() else {
            panic!("no schedule")
        };
        let output = |index| Output { block: BlockId::Genesis, index };
        let mut created: BTreeSet<Output> = (0..genesis_outputs).map(output).collect();
        let mut spent = BTreeSet::new();
        for block in schedule.iter() {
            assert!(blocks.parents(block).into_iter().all(|parent| schedule.contains(parent)));
            for input in blocks.consumed(block) {
                assert!(created.contains(&input), "{input} was not there");
                assert!(spent.insert(input), "{input} is spent twice");
            }
            created.extend(blocks.outputs(block));
        }
        assert!(blocks.unspent(&schedule).iter().eq(created.difference(&spent)));
        // What is final is in the schedule, and so is what that is on.
        for finalized in observer.finalized_of_each() {
            let Scheduled::Block(block) = finalized.value else { panic!("no block") };
            assert!(blocks.ancestors(block).into_iter().all(|it| schedule.contains(it)));
        }
    });
}

#[test]
fn shards_hang_together_at_every_step() {
    each_step(Sharding { depth: 2 }, |observer| {
        let blocks = observer.estimator().blocks();
        let heads = observer.estimate_from_genesis().unwrap();
        let chain = |shard| -> Vec<ShardBlock> {
            let head = heads.of(shard).unwrap();
            std::iter::successors(Some(head), |&block| blocks.parent(block)).collect()
        };
        for child in blocks.shards() {
            let Some(parent) = child.parent() else { continue };
            let merges = |shard, with: Shard| -> Vec<BlockId> {
                let is_merge = |block: &ShardBlock| {
                    let proposal = blocks.proposal(*block);
                    proposal.is_some_and(|it| blocks.proposed_by(it).any(|it| it.shard == with))
                };
                let merges = chain(shard).into_iter().filter(is_merge);
                merges.map(|block| blocks.id(block)).collect()
            };
            assert_eq!(merges(parent, child), merges(child, parent), "{parent}, {child}");
        }
        // What is final of each shard is on its chain.
        for finalized in observer.finalized_of_each() {
            for block in finalized.value.iter() {
                assert!(chain(block.shard).contains(&block));
            }
        }
    });
}

/// What `cbc simulate` prints for these tokens, as JSON, and the picture.
fn simulated(arguments: &[&str]) -> (Json, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let (code, out) = cbc(&[&["simulate", "--json", "--output", output], arguments].concat());
    assert_eq!(code, ExitCode::SUCCESS, "{out}");
    let read = |name| fs::read_to_string(folder.path().join(name)).unwrap();
    (serde_json::from_str(&out).unwrap(), read("view-graph.svg"), read("scenario.jsonl"))
}

/// 0 consumes two outputs of the genesis, 1 one of what that produced, 2 the rest.
const SPENDING: &str = "M-0-A-()=G.0+G.1>2 SJ-0-A SJ-1-A M-1-B-(A)=A.1>0 SJ-0-B SJ-1-B SJ-2-B \
    M-2-C-(B)=A.0+G.2>1 SJ-2-C SJ-0-C SJ-1-C M-0-D-(C)=vote SJ-1-D SJ-2-D M-1-E-(D)=vote SJ-0-E";

#[test]
fn an_execution_of_concurrent_blocks_is_told_drawn_and_replayed() {
    let arguments = ["-p", "concurrent", "-w", "2,2,1", "-e", SPENDING];
    let (summary, picture, scenario) = simulated(&arguments);
    assert_eq!(summary["estimate"], serde_json::json!({ "tips": ["B", "C"] }));
    assert_eq!(summary["finality"].as_array().unwrap().len(), 3);
    assert_eq!(summary["finality"][0]["value"], "A");
    // Edges: A to the genesis; B to A; C to A and to the genesis; and all are in the schedule.
    let (_, thick) = picture.split_once(r#"<g class="fork-choice">"#).unwrap();
    assert_eq!(thick.split_once("</g>").unwrap().0.matches("<path").count(), 4);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.jsonl");
    fs::write(&file, scenario).unwrap();
    let (_, replayed) = cbc(&["replay", "--json", file.to_str().unwrap()]);
    let json: Json = serde_json::from_str(&replayed).unwrap();
    assert_eq!(json["messages"]["C"]["estimate"], "G.2+A.0>1");
    assert_eq!(json["messages"]["D"]["estimate"], "vote");
    // What was recorded is met again.
    fs::write(&file, &replayed).unwrap();
    let (code, compared) = cbc(&["replay", file.to_str().unwrap()]);
    assert_eq!(code, ExitCode::SUCCESS, "{compared}");
    assert!(compared.ends_with(" 0 mismatches\n"), "{compared}");
}

#[test]
fn an_execution_of_shards_is_told_and_drawn() {
    let tokens = "M-0-A-()=r0:G SJ-0-A SJ-1-A M-1-B-(A)=r:G+r0:A SJ-0-B SJ-1-B SJ-2-B \
        M-2-C-(B)=r0:B SJ-0-C SJ-1-C M-0-D-(C)=vote SJ-1-D M-1-E-(D)=vote SJ-0-E";
    let (summary, picture, _) = simulated(&["-p", "sharding", "-w", "2,2,1", "-e", tokens]);
    assert_eq!((&summary["estimate"]["r"], &summary["estimate"]["r0"]), (&"B".into(), &"C".into()));
    let last = &summary["last_finalized"];
    assert_eq!((&last["r"], &last["r0"], &last["r1"]), (&"B".into(), &"B".into(), &"G".into()));
    // A is final with B, and C is not.
    let rounds = |place: usize| summary["finality"][place]["finalized_in_round"].is_number();
    assert_eq!([rounds(0), rounds(1), rounds(2)], [true, true, false]);
    // A to the genesis; B to it and to A; C to B.
    let (_, thick) = picture.split_once(r#"<g class="fork-choice">"#).unwrap();
    assert_eq!(thick.split_once("</g>").unwrap().0.matches("<path").count(), 4);
    assert!(picture.contains("<title>A: message 0 of validator 0, estimate r0:G, tolerates"), "A");
}

#[test]
fn finality_of_rivals_is_shown_loudly() {
    // 0 and 1 finalize A, and then equivocate and let 2 and 3 finalize Z, which consumes the same.
    let tokens = "M-0-A-()=G.0>1 SJ-0-A SJ-1-A M-1-B-(A)=vote SJ-0-B SJ-1-B M-0-C-(B)=vote SJ-1-C \
        M-2-Z-()=G.0>0 SJ-2-Z SJ-3-Z M-3-Y-(Z)=vote SJ-2-Y SJ-3-Y M-2-X-(Y)=vote SJ-3-X SJ-2-X \
        M-0-P-(X)=vote M-1-Q-(P)=vote SJ-2-Q SJ-3-Q M-2-U SJ-3-U M-3-V SJ-2-V M-2-T SJ-3-T";
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let arguments = ["simulate", "-o", output, "-p", "concurrent", "-w", "3,3,2,2", "-e", tokens];
    let (code, out) = cbc(&arguments);
    assert_eq!(code, ExitCode::FAILURE, "{out}");
    assert!(out.contains("FINALITY CONFLICT"), "{out}");
    assert!(out.contains("A is final for validator 1"), "{out}");
    assert!(out.contains("Z is final for validators 2, 3"), "{out}");
}

#[test]
fn oracles_are_compared_on_what_the_estimate_has() {
    for (protocol, weights, expected) in
        [("concurrent", "2,2,1", &["A", "B", "C"][..]), ("sharding", "1", &[])]
    {
        let tokens = if expected.is_empty() { "M-0-A-#0" } else { SPENDING };
        let (code, out) = cbc(&[
            "compare",
            "-p",
            protocol,
            "-w",
            weights,
            "-e",
            tokens,
            "--oracles",
            "clique",
            "--json",
        ]);
        assert_eq!(code, ExitCode::SUCCESS);
        let out: Json = serde_json::from_str(&out).unwrap();
        let rows = out["rows"].as_array().unwrap();
        if expected.is_empty() {
            assert_eq!(rows[0]["candidate"]["r"], "A");
        } else {
            let found: Vec<&str> =
                rows.iter().map(|row| row["candidate"].as_str().unwrap()).collect();
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn what_is_no_estimate_or_no_choice_is_refused_with_what_was_expected() {
    let scenario = |protocol: &str, tokens: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("scenario.jsonl");
        let line = serde_json::json!({
            "id": "it", "protocol": protocol, "weights": [1, 1], "execution": tokens,
            "initial_estimates": if protocol == "binary" { serde_json::json!([0, 1]) } else { Json::Null },
        });
        fs::write(&file, line.to_string()).unwrap();
        cbc_cli::run(
            ["cbc", "replay", "--json", file.to_str().unwrap()].map(Into::into),
            &mut Vec::new(),
        )
    };
    for (protocol, tokens) in [
        ("concurrent", "M-0-A-()=G.0"),
        ("concurrent", "M-0-A-()=G.0+G.0>1"),
        ("concurrent", "M-0-A-()=G.7>1"),
        ("concurrent", "M-0-A-()=B.0>1"),
        ("concurrent", "M-0-A-()=G.0>1 M-1-B-(A)=G.0>1"),
        ("sharding", "M-0-A-()=r000:G"),
        ("sharding", "M-0-A-()=r0:G+r:G"),
        ("sharding", "M-0-A-()=r:G+r00:G"),
        ("sharding", "M-0-A-()=r:G M-1-B-(A)=r:G"),
        ("binary", "M-0-A-#3"),
        ("blockchain", "M-0-A-#3"),
    ] {
        assert_ne!(scenario(protocol, tokens), ExitCode::SUCCESS, "{protocol} {tokens}");
    }
    assert_eq!(scenario("concurrent", "M-0-A-()=G.0>1 M-1-B-(A)=A.0>1"), ExitCode::SUCCESS);
}
