//! What the program shows of finality: when and how safe, for whom, and that it failed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::process::ExitCode;

use cbc_tests::cbc;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// `cbc simulate` with these arguments, in a folder of its own.
fn simulate(arguments: &[&str]) -> (ExitCode, String, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let (code, out) = cbc(&[&["simulate", "--output", output], arguments].concat());
    (code, out.replace(output, "OUT"), folder)
}

fn summary(arguments: &[&str]) -> Json {
    let (_, out, _) = simulate(&[arguments, &["--json"]].concat());
    serde_json::from_str(&out).unwrap()
}

/// Validators 0 and 1 finalize A and B, and then equivocate and let 2 and 3 finalize Y.
const CONFLICT: [&str; 4] = [
    "--weights",
    "3,3,2,2",
    "--execution",
    "M-0-A SJ-1-A M-1-B SJ-0-B M-0-C SJ-1-C M-1-D M-2-Z SJ-3-Z M-3-Y SJ-2-Y M-2-X M-0-P-(X,Y) \
     M-1-Q-(P) SJ-2-Q SJ-3-Q M-2-U SJ-3-U M-3-V SJ-2-V M-2-T SJ-3-T M-3-K",
];

#[test]
fn validators_who_finalize_what_conflicts_are_shown_loudly() {
    let (code, out, folder) = simulate(&CONFLICT);
    assert_eq!(code, ExitCode::FAILURE);
    insta::assert_snapshot!("conflict", out);
    let picture = fs::read_to_string(folder.path().join("view-graph.svg")).unwrap();
    for line in [
        "Finality conflict: A is final for validator 0",
        "Finality conflict: B is final for validator 1",
        "Finality conflict: Y is final for validators 2, 3",
        "Overturned: in the view of all messages the estimate has left B, which is final",
    ] {
        assert!(picture.contains(line), "{line}");
    }
    // A, B and Y.
    assert_eq!(picture.matches(r#"<g class="contradicted">"#).count(), 3);

    for watch in ["all", "global"] {
        let (code, out, _) = simulate(&[&CONFLICT[..], &["--json", "--watch", watch]].concat());
        assert_eq!(code, ExitCode::FAILURE);
        let summary: Json = serde_json::from_str(&out).unwrap();
        let expected = json!([
            { "value": "A", "validators": [0] },
            { "value": "B", "validators": [1] },
            { "value": "Y", "validators": [2, 3] },
        ]);
        assert_eq!(summary["conflicting_finality"], expected);
        let overturned = json!([{
            "validator": null, "finalized": "B", "conflicting": null, "observed_fault_weight": 6,
            "in_the_end": true,
        }]);
        assert_eq!(summary["overturned"], overturned);
        // The head is where the fork choice is, not where it started.
        assert_eq!(summary["last_finalized"], "B");
        assert_eq!(summary["estimate"], "K");
        assert_eq!(summary["validators"][2]["last_finalized"], "Y");
        assert_eq!(summary["validators"][0]["last_finalized_block_height"], 1);
    }
}

#[test]
fn a_replay_of_conflicting_finality_says_so_and_fails_unless_it_is_recorded() {
    let (_, _, folder) = simulate(&CONFLICT);
    let path = folder.path().join("scenario.jsonl");
    let file = path.to_str().unwrap();
    let (code, out) = cbc(&["replay", "--json", file]);
    assert_eq!(code, ExitCode::FAILURE);
    let replayed: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(replayed["conflicting_finality"][2]["value"], "Y");
    assert_eq!(replayed["conflicting_finality"][2]["validators"], json!([2, 3]));
    assert_eq!(replayed["final"]["2"]["last_finalized"], "Y");
    // The observer of all messages finalized on the way what it does not in the end.
    assert_eq!(replayed["overturned"][0]["finalized"], "B");
    assert_eq!(replayed["global"]["last_finalized"], Json::Null);

    // As it is recorded now, it is what is expected.
    fs::write(&path, &out).unwrap();
    let (code, compared) = cbc(&["replay", file]);
    assert_eq!(code, ExitCode::SUCCESS, "{compared}");
    assert!(compared.contains("FINALITY CONFLICT: Y is final for validators 2, 3\n"), "{compared}");
    assert!(compared.contains("FINALITY OVERTURNED: in the view of all messages"), "{compared}");
    assert_eq!(cbc(&["replay", "--json", file]).0, ExitCode::SUCCESS);

    // Recorded without: a failure, though every value is met.
    let mut silent = replayed.clone();
    silent.as_object_mut().unwrap().remove("conflicting_finality");
    silent.as_object_mut().unwrap().remove("overturned");
    fs::write(&path, silent.to_string()).unwrap();
    let (code, compared) = cbc(&["replay", file]);
    assert_eq!(code, ExitCode::FAILURE);
    assert!(compared.ends_with(" 0 mismatches\n"), "{compared}");

    // Recorded wrongly: a mismatch.
    let mut wrong = replayed;
    wrong["conflicting_finality"][2]["value"] = json!("Z");
    fs::write(&path, wrong.to_string()).unwrap();
    let (code, compared) = cbc(&["replay", file]);
    assert_eq!(code, ExitCode::FAILURE);
    assert!(compared.ends_with(" 1 mismatches\n"), "{compared}");
}

#[test]
fn what_is_overturned_in_one_view_alone_is_shown_and_no_failure() {
    // Validator 0, heavier than the others, is final with its first message, and then equivocates.
    let arguments =
        ["-p", "binary", "-w", "3,1,1", "--estimates", "1,0,0", "-e", "M-0-A M-0-X-()=0 M-1-B"];
    let (code, out, _) = simulate(&arguments);
    assert_eq!(code, ExitCode::SUCCESS);
    let alarm = "FINALITY OVERTURNED: in the view of all messages the estimate has left 1, which \
                 is final; validators known to have equivocated weigh 3\n";
    assert!(out.contains(alarm), "{out}");
    let reports = [&arguments[..], &["--report-interval", "1"]].concat();
    let (_, out, _) = simulate(&reports);
    let rows: Vec<&str> = out.lines().filter(|line| line.ends_with("1, OVERTURNED")).collect();
    assert_eq!(rows.len(), 2, "{out}");
    assert_eq!(summary(&reports)["reports"][2]["is_overturned"], true);
}

#[test]
fn the_safety_shown_is_that_at_finalization_and_the_present_one_apart() {
    let (_, out, _) = simulate(&CONFLICT);
    let line = |label: &str| {
        out.lines().find(|line| line.starts_with(label)).unwrap_or_else(|| panic!("{label}: {out}"))
    };
    assert_eq!(
        line("  when finalized"),
        "  when finalized    tolerates equivocators of weight 0, 0 faults (margin 2, clique oracle)"
    );
    assert_eq!(line("  at present"), "  at present        not safe (clique oracle)");
    let summary = summary(&CONFLICT);
    assert_eq!(summary["safety"]["fault_tolerance"], 0);
    assert_eq!(summary["safety"]["quorum"], json!([0, 1]));
    assert_eq!(summary["present_safety"]["fault_tolerance"], Json::Null);
}

#[test]
fn a_protocol_that_cannot_finalize_says_so_and_reports_nothing_final() {
    let arguments = [
        "-p",
        "order-borda",
        "-w",
        "51,49",
        "--estimates",
        "A>B>C,B>C>A",
        "-r",
        "12",
        "-s",
        "0",
        "--report-interval",
        "1",
    ];
    let (code, out, _) = simulate(&arguments);
    assert_eq!(code, ExitCode::SUCCESS);
    insta::assert_snapshot!("order_borda", out);
    let summary = summary(&arguments);
    assert_eq!(summary["can_finalize"], false);
    for key in ["last_finalized", "safety", "present_safety", "rounds_to_finality"] {
        assert_eq!(summary[key], Json::Null, "{key}");
    }
    for report in summary["reports"].as_array().unwrap() {
        assert_eq!(report["last_finalized"], Json::Null);
    }
    for key in ["finality", "validators", "overturned", "conflicting_finality"] {
        assert_eq!(summary[key], json!([]), "{key}");
    }
}

/// The median of waits, the greater of two in the middle.
fn median(mut waits: Vec<u64>) -> u64 {
    waits.sort_unstable();
    waits[waits.len() / 2]
}

#[test]
fn finality_is_there_for_every_block_and_every_validator() {
    let arguments = ["--mode", "rrob", "--network", "random:4", "-r", "60", "-s", "9", "-n", "4"];
    let summary = summary(&arguments);
    let chain = &summary["chain"];
    let count = |key: &str| chain[key].as_u64().unwrap();
    assert_eq!(count("blocks"), 60);
    assert_eq!(count("finalized") + count("open") + count("orphaned"), 60);
    assert_eq!(count("finalized"), count("last_finalized_block_height"));
    assert!(count("orphaned") > 0 && count("open") > 0, "{chain}");

    let blocks = summary["finality"].as_array().unwrap();
    assert_eq!(blocks.len(), 60);
    let waits = |of: &dyn Fn(&Json) -> Vec<u64>| -> Vec<u64> {
        let wait = |block: &Json| {
            let made = block["made_in_round"].as_u64().unwrap();
            of(block).into_iter().map(move |round| round - made).collect::<Vec<_>>()
        };
        blocks.iter().flat_map(wait).collect()
    };
    let global = waits(&|block| block["finalized_in_round"].as_u64().into_iter().collect());
    let rounds = &summary["rounds_to_finality"];
    assert_eq!(global.len() as u64, count("finalized"));
    assert_eq!(rounds["finalized"], global.len());
    assert_eq!(rounds["greatest"].as_u64(), global.iter().max().copied());
    let mean = global.iter().sum::<u64>() as f64 / global.len() as f64;
    assert_eq!(rounds["mean"], mean);
    assert_eq!(rounds["median"], median(global));

    let mut by_all = Vec::new();
    for validator in 0..4 {
        let own = waits(&|block| {
            block["finalized_by_validators_in_round"][validator].as_u64().into_iter().collect()
        });
        let shown = &summary["validators"][validator];
        assert_eq!(shown["rounds_to_finality"]["finalized"], own.len());
        assert_eq!(shown["last_finalized_block_height"], own.len());
        assert_eq!(shown["rounds_to_finality"]["median"], median(own.clone()));
        by_all.extend(own);
    }
    assert_eq!(summary["validators_rounds_to_finality"]["median"], median(by_all));

    for block in blocks {
        // Nobody has seen more than the observer of all messages.
        let all = block["finalized_in_round"].as_u64();
        for round in block["finalized_by_validators_in_round"].as_array().unwrap() {
            if let Some(round) = round.as_u64() {
                assert!(all.is_some_and(|all| all <= round), "{block}");
            }
        }
    }
}

#[test]
fn whoever_is_watched_the_messages_are_the_same() {
    let arguments = ["--network", "random:4", "-r", "50", "-s", "3"];
    let of = |watch: &str| {
        let (_, _, folder) = simulate(&[&arguments[..], &["--watch", watch]].concat());
        let read = |name| fs::read_to_string(folder.path().join(name)).unwrap();
        (read("scenario.jsonl"), read("view-graph.svg"))
    };
    assert_eq!(of("all"), of("global"));
    let watched = |watch: &str| summary(&[&arguments[..], &["--watch", watch]].concat());
    let (all, global) = (watched("all"), watched("global"));
    assert_eq!(all["rounds_to_finality"], global["rounds_to_finality"]);
    for (one, other) in all["validators"].as_array().unwrap().iter().zip(0..) {
        assert_eq!(one["last_finalized"], global["validators"][other]["last_finalized"]);
    }
}

#[test]
fn a_block_has_one_height_in_summary_replay_comparison_and_picture() {
    let arguments = ["--rounds", "30", "--seed", "3"];
    let (_, out, folder) = simulate(&[&arguments[..], &["--json"]].concat());
    let summary: Json = serde_json::from_str(&out).unwrap();
    let file = folder.path().join("scenario.jsonl");
    let (_, replayed) = cbc(&["replay", "--json", file.to_str().unwrap()]);
    let replayed: Json = serde_json::from_str(&replayed).unwrap();
    let (_, compared) =
        cbc(&[&["compare", "--candidates", "all", "--json"], &arguments[..]].concat());
    let compared: Json = serde_json::from_str(&compared).unwrap();
    let picture = fs::read_to_string(folder.path().join("view-graph.svg")).unwrap();
    let head = summary["estimate"].as_str().unwrap();
    assert_eq!(summary["chain"]["head_block_height"], replayed["messages"][head]["block_height"]);
    let blocks = summary["finality"].as_array().unwrap();
    assert_eq!(blocks.len(), 30);
    let mut differ = 0;
    for block in blocks {
        let (name, height) = (block["value"].as_str().unwrap(), &block["block_height"]);
        let message = &replayed["messages"][name];
        assert_eq!(message["block_height"], *height);
        assert_eq!(message["height"], height.as_u64().unwrap() + 1, "as it was recorded");
        differ += u32::from(message["display_height"] != *height);
        let mut rows = compared["rows"].as_array().unwrap().iter();
        assert!(rows.any(|row| row["candidate"] == name && row["block_height"] == *height));
        let title = format!("<title>{name}: message ");
        let (_, title) = picture.split_once(&title).unwrap();
        let (title, _) = title.split_once("</title>").unwrap();
        assert!(title.contains(&format!(", block height {height},")), "{title}");
    }
    assert!(differ > 0, "display heights are something else");
}
