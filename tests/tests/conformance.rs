//! The recorded executions of the proof of concept, and the attacks, replayed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::process::ExitCode;

use cbc_simulation::trace::{Scenario, compare};
use cbc_tests::{cbc, data};
use serde_json::{Map, Value as Json};

fn scenarios(file: &str) -> Vec<Scenario> {
    let text = fs::read_to_string(data(file)).unwrap();
    text.lines().map(|line| Scenario::parse(line).unwrap()).collect()
}

/// Every value of a trace file is compared, and met.
fn assert_conforms(file: &str) {
    for scenario in scenarios(file) {
        let replayed = scenario.replay().unwrap();
        let comparison = compare(&scenario, &replayed);
        assert_eq!(comparison.mismatches, [], "{file}");
        assert_eq!(comparison.compared, leaves(&scenario.expected()), "{file}");
    }
}

/// How many values there are to compare.
fn leaves(json: &Json) -> usize {
    match json {
        Json::Object(object) => object.values().map(leaves).sum(),
        _ => 1,
    }
}

#[test]
fn the_traces_of_the_blockchain_protocol_are_reproduced() {
    assert_conforms("poc/blockchain.jsonl");
}

#[test]
fn the_traces_of_the_binary_protocol_are_reproduced() {
    assert_conforms("poc/binary.jsonl");
}

#[test]
fn the_traces_of_the_integer_protocol_are_reproduced() {
    assert_conforms("poc/integer.jsonl");
}

#[test]
fn the_traces_of_the_order_protocol_are_reproduced() {
    assert_conforms("poc/order.jsonl");
}

#[test]
fn the_attacks_do_what_they_are_expected_to() {
    assert_conforms("attacks/attacks.jsonl");
}

#[test]
fn cbc_replay_finds_no_mismatch_and_counts() {
    let file = data("poc/blockchain.jsonl");
    let (code, out) = cbc(&["replay", file.to_str().unwrap()]);
    assert_eq!(code, ExitCode::SUCCESS);
    assert!(out.starts_with("53 scenarios, ") && out.ends_with(" 0 mismatches\n"), "{out}");
}

/// Changes every recorded value, one kind at a time: a comparison that looks away would not see it.
#[test]
fn a_changed_expectation_is_a_mismatch_wherever_it_stands() {
    let line = fs::read_to_string(data("poc/blockchain.jsonl")).unwrap();
    let line = line.lines().nth(7).unwrap();
    let unchanged = Scenario::parse(line).unwrap();
    let replayed = unchanged.replay().unwrap();
    let recorded: Map<String, Json> = serde_json::from_str(line).unwrap();
    let mut changed = 0;
    for pointer in pointers(&Json::Object(recorded.clone())) {
        let top = pointer.split('/').nth(1).unwrap();
        if !["messages", "final", "global"].contains(&top) {
            continue;
        }
        let mut json = Json::Object(recorded.clone());
        let value = json.pointer_mut(&pointer).unwrap();
        if *value == "G" {
            continue; // the genesis is a root: where it stands as a message it is not compared
        }
        *value = Json::String("changed".to_owned());
        let scenario = Scenario::parse(&json.to_string()).unwrap();
        assert_eq!(compare(&scenario, &replayed).mismatches.len(), 1, "{pointer}");
        changed += 1;
    }
    assert!(changed > 200, "{changed}");
}

/// The places of all values that are no objects.
fn pointers(json: &Json) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), json)];
    while let Some((at, json)) = open.pop() {
        match json {
            Json::Object(object) => {
                open.extend(object.iter().map(|(key, value)| (format!("{at}/{key}"), value)));
            }
            _ => found.push(at),
        }
    }
    found
}

#[test]
fn a_replay_computes_everything_anew_and_never_reads_what_was_recorded() {
    for scenario in scenarios("poc/binary.jsonl") {
        let replayed = scenario.replay().unwrap();
        // Every recorded value, the keys apart, is spoilt.
        let mut spoilt = replayed.clone();
        for key in ["messages", "final", "global"] {
            for pointer in pointers(&replayed[key]) {
                *spoilt[key].pointer_mut(&pointer).unwrap() = Json::Null;
            }
        }
        let from_spoilt = Scenario::parse(&spoilt.to_string()).unwrap().replay().unwrap();
        assert_eq!(from_spoilt, replayed);
    }
}

#[test]
fn a_replay_without_recorded_values_gives_every_candidate_and_every_recorded_oracle() {
    let scenario = scenarios("poc/blockchain.jsonl").remove(7);
    let full = scenario.replay().unwrap();
    let mut bare = full.as_object().unwrap().clone();
    bare.retain(|key, _| !["messages", "final", "global"].contains(&key.as_str()));
    let bare = Scenario::parse(&Json::Object(bare).to_string()).unwrap();
    let replayed = bare.replay().unwrap();
    assert_eq!(compare(&scenario, &replayed).mismatches, []);
    let candidates = replayed["global"]["safety"].as_object().unwrap();
    assert_eq!(candidates.len(), replayed["messages"].as_object().unwrap().len() - 1);
    assert!(candidates.values().all(|oracles| oracles.as_object().unwrap().len() == 3));
}
