//! `cbc compare`: its figures are those of the recordings, in every format.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::process::ExitCode;

use cbc_tests::{cbc, data};
use serde_json::{Value as Json, json};

const ORACLES: [&str; 4] = ["clique", "turan", "inspector", "adversary"];

const COLUMNS: &str = "scenario,candidate,block_height,oracle,margin,fault_tolerance,faults,\
                       quorum_weight,exact,time_us";

/// What `cbc compare` prints with these arguments.
fn compare(arguments: &[&str]) -> String {
    let (code, out) = cbc(&[&["compare"], arguments].concat());
    assert_eq!(code, ExitCode::SUCCESS, "{arguments:?}: {out}");
    out
}

/// The rows and the summary that `cbc compare --json` prints with these arguments.
fn as_json(arguments: &[&str]) -> (Vec<Json>, Vec<Json>) {
    let out: Json = serde_json::from_str(&compare(&[arguments, &["--json"]].concat())).unwrap();
    let list = |key: &str| out[key].as_array().unwrap().clone();
    (list("rows"), list("summary"))
}

/// The row of a candidate and an oracle.
fn row<'a>(rows: &'a [Json], scenario: &str, candidate: &Json, oracle: &str) -> &'a Json {
    let is = |row: &&Json| {
        row["scenario"] == scenario && row["candidate"] == *candidate && row["oracle"] == oracle
    };
    let mut found = rows.iter().filter(is);
    let row = found.next().unwrap_or_else(|| panic!("no row {scenario} {candidate} {oracle}"));
    assert!(found.next().is_none(), "two rows {scenario} {candidate} {oracle}");
    row
}

#[test]
fn what_compare_prints() {
    let small = ["--rounds", "9", "--validators", "4", "--seed", "1", "--no-time"];
    insta::assert_snapshot!("blockchain", compare(&small));
    let binary = [&small[..], &["--protocol", "binary", "--view", "2"]].concat();
    insta::assert_snapshot!("binary", compare(&binary));
    let borda = [&small[..], &["--protocol", "order-borda", "--oracles", "turan,clique"]].concat();
    insta::assert_snapshot!("order_borda", compare(&borda));
}

#[test]
fn one_seed_gives_the_same_bytes_in_every_format() {
    for format in ["table", "csv", "json"] {
        for protocol in ["blockchain", "binary", "integer", "order", "order-borda"] {
            let of_seed = |seed| {
                let arguments = ["--protocol", protocol, "--seed", seed, "--format", format];
                compare(&[&arguments[..], &["--rounds", "20", "--no-time"]].concat())
            };
            assert_eq!(of_seed("1"), of_seed("1"), "{protocol} {format}");
            assert_ne!(of_seed("1"), of_seed("2"), "{protocol} {format}");
        }
    }
}

#[test]
fn csv_and_json_have_one_row_for_each_candidate_and_oracle() {
    let arguments = ["--rounds", "30", "--candidates", "all"];
    let (rows, summary) = as_json(&arguments);
    // One validator speaks in a round, and proposes a block.
    assert_eq!(rows.len(), 30 * ORACLES.len());
    for oracle in ORACLES {
        for block in 1..=30 {
            let name = json!(format!("M{block}"));
            let row = row(&rows, "simulate-blockchain-0", &name, oracle);
            assert!(row["time_us"].as_f64().unwrap() > 0.0, "{row}");
            assert!(row["exact"].is_boolean() && row["block_height"].is_u64(), "{row}");
        }
        let total = summary.iter().find(|total| total["oracle"] == oracle).unwrap();
        let of_oracle = || rows.iter().filter(|row| row["oracle"] == oracle);
        let tolerances = || of_oracle().filter_map(|row| row["fault_tolerance"].as_u64());
        assert_eq!(total["candidates"], 30);
        assert_eq!(total["safe"], tolerances().count());
        assert_eq!(total["greatest_fault_tolerance"].as_u64(), tolerances().max());
    }

    let csv = compare(&[&arguments[..], &["--format", "csv"]].concat());
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some(COLUMNS));
    let columns: Vec<&str> = COLUMNS.split(',').collect();
    for (line, row) in lines.by_ref().zip(&rows) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), columns.len(), "{line}");
        for (column, cell) in columns.iter().zip(cells).filter(|(column, _)| **column != "time_us")
        {
            let expected = match &row[column] {
                Json::Null => String::new(),
                Json::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(cell, expected, "{line}: {column}");
        }
    }
    assert_eq!(csv.lines().count(), 1 + rows.len());
}

#[test]
fn the_fork_choice_is_a_chain_that_gets_no_safer() {
    let (rows, _) = as_json(&["--rounds", "60", "--oracles", "clique", "--view", "3"]);
    for (height, row) in (1..).zip(&rows) {
        assert_eq!(row["block_height"], height);
    }
    let tolerances: Vec<_> = rows.iter().map(|row| row["fault_tolerance"].as_u64()).collect();
    assert!(tolerances.is_sorted_by(|above, below| above >= below), "{tolerances:?}");
    assert!(tolerances.first().unwrap().is_some() && tolerances.last().unwrap().is_none());
}

#[test]
fn the_margins_of_a_recorded_trace_are_those_recorded_in_it() {
    let path = data("poc/binary.jsonl");
    let path_text = path.to_str().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let scenarios: Vec<Json> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut compared = 0;
    let mut compare_view = |rows: &[Json], scenario: &Json, view: &Json| {
        for (message, figures) in view["safety"].as_object().unwrap() {
            let candidate = &scenario["messages"][message]["estimate"];
            for (oracle, figures) in figures.as_object().unwrap() {
                if oracle == "clique" || oracle == "turan" {
                    let id = scenario["id"].as_str().unwrap();
                    let row = row(rows, id, candidate, oracle);
                    assert_eq!(row["margin"], figures[0], "{id} {message} {row}");
                    compared += 1;
                }
            }
        }
    };
    let arguments = ["--candidates", "all", "--oracles", "clique,turan", "--no-time", path_text];
    let (rows, _) = as_json(&arguments);
    for scenario in &scenarios {
        compare_view(&rows, scenario, &scenario["global"]);
    }
    // Validator 0 is in all of them.
    let (rows, _) = as_json(&[&arguments[..], &["--view", "0"]].concat());
    for scenario in &scenarios {
        compare_view(&rows, scenario, &scenario["final"]["0"]);
    }
    assert!(compared >= 700, "{compared}");
}

#[test]
fn the_clique_of_eight_has_a_margin_of_twice_what_it_tolerates() {
    let attacks = data("attacks/attacks.jsonl");
    let (rows, _) = as_json(&[attacks.to_str().unwrap(), "--no-time"]);
    let eight = row(&rows, "clique-of-eight", &json!(1), "clique");
    assert_eq!(
        *eight,
        json!({
            "scenario": "clique-of-eight", "candidate": 1, "block_height": null, "oracle": "clique",
            "margin": 6528, "fault_tolerance": 3263, "faults": 3, "quorum_weight": 8028,
            "exact": true,
        })
    );
    let table = compare(&[attacks.to_str().unwrap(), "--no-time"]);
    let line = table.lines().find(|line| line.starts_with("clique-of-eight")).unwrap();
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(cells, ["clique-of-eight", "1", "clique", "6528", "3263", "3", "8028", "true"]);
}

#[test]
fn a_simulation_and_the_scenario_that_it_writes_compare_alike() {
    for protocol in ["blockchain", "binary", "integer", "order", "order-borda"] {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().to_str().unwrap();
        let arguments = ["--protocol", protocol, "--rounds", "6", "--mode", "full", "--seed", "5"];
        let (code, _) = cbc(&[&["simulate", "--output", output], &arguments[..]].concat());
        assert_eq!(code, ExitCode::SUCCESS);
        let file = folder.path().join("scenario.jsonl");
        let generated = compare(&[&arguments[..], &["--no-time"]].concat());
        assert_eq!(compare(&[file.to_str().unwrap(), "--no-time"]), generated);
    }
}

#[test]
fn candidates_can_be_named() {
    let execution = "M-0-A SJ-1-A M-1-B SJ-0-B M-0-7";
    let blocks = ["--weights", "2,3", "--execution", execution, "--oracles", "clique,clique"];
    let (rows, _) = as_json(&[&blocks[..], &["--candidates", "7,A,G,A", "--no-time"]].concat());
    let found: Vec<_> =
        rows.iter().map(|row| (row["candidate"].clone(), &row["block_height"])).collect();
    assert_eq!(found, [(json!("7"), &json!(3)), (json!("A"), &json!(1)), (json!("G"), &json!(0))]);
    let order = ["--protocol", "order", "--weights", "1,1", "--estimates", "a>b,b>a"];
    let named = ["--candidates", "b>a", "--execution", "SJ-0-I1", "--repeat", "3"];
    let (rows, _) = as_json(&[&order[..], &named].concat());
    assert!(rows.iter().all(|row| row["candidate"] == json!(["b", "a"])), "{rows:?}");
    assert_eq!(rows.len(), ORACLES.len());
}

#[test]
fn names_are_quoted_in_csv() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("odd.jsonl");
    let scenario = json!({
        "id": "a, \"b\"", "protocol": "binary", "weights": [1], "initial_estimates": [1],
        "execution": "",
    });
    fs::write(&file, format!("\n{scenario}\n")).unwrap();
    let arguments = [file.to_str().unwrap(), "--format", "csv", "--no-time", "--oracles", "turan"];
    let out = compare(&arguments);
    assert_eq!(out.lines().nth(1), Some(r#""a, ""b""",1,,turan,1,0,0,1,true"#));
}

#[test]
fn senseless_arguments_are_refused() {
    let binary = data("poc/binary.jsonl");
    let binary = binary.to_str().unwrap();
    for arguments in [
        &["--oracles", "delphi"][..],
        &["--oracles", ""],
        &["--candidates", ""],
        &["--candidates", "M1,,M2"],
        &["--candidates", "nobody"],
        &["--protocol", "binary", "--candidates", "2"],
        &["--view", "5"],
        &["--view", "-1"],
        &["--view", "everybody"],
        &["--repeat", "0"],
        &["--repeat", "2", "--no-time"],
        &["--format", "xml"],
        &["--format", "csv", "--json"],
        &["--weights", "0,0"],
        &["--execution", "M-0-A M-0-A"],
        &["--estimates", "1,0"],
        &[binary, "--seed", "1"],
        &[binary, "--view", "99"],
        &[binary, "--candidates", "M1"],
        &["/nowhere/at/all"],
        &["--threshold", "1"],
    ] {
        let (code, out) = cbc(&[&["compare"], arguments].concat());
        assert_eq!((code, out.as_str()), (ExitCode::from(2), ""), "{arguments:?}");
    }
}

#[test]
fn senseless_scenarios_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.jsonl");
    for line in [
        "{",
        "{}",
        r#"{"id":"x","protocol":"poker","weights":[1],"execution":""}"#,
        r#"{"id":"x","protocol":"binary","weights":[],"execution":""}"#,
        r#"{"id":"x","protocol":"binary","weights":[1],"initial_estimates":[3],"execution":""}"#,
        r#"{"id":"x","protocol":"blockchain","weights":[1],"execution":"nonsense"}"#,
        r#"{"id":"x","protocol":"blockchain","weights":[1],"execution":"M-0-G"}"#,
    ] {
        fs::write(&file, line).unwrap();
        let (code, out) = cbc(&["compare", file.to_str().unwrap()]);
        assert_eq!((code, out.as_str()), (ExitCode::from(2), ""), "{line}");
    }
}

#[test]
fn an_execution_in_which_nothing_happens_has_no_rows() {
    let nothing = ["--execution", "", "--no-time"];
    assert_eq!(as_json(&nothing).0, Vec::<Json>::new());
    let csv = compare(&[&nothing[..], &["--format", "csv"]].concat());
    assert_eq!(csv.trim_end(), COLUMNS.trim_end_matches(",time_us"));
}

#[test]
fn help_is_no_error() {
    assert_eq!(cbc(&["compare", "--help"]).0, ExitCode::SUCCESS);
}
