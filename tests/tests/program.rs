//! The program, as its users meet it: what it prints, what it writes, how it fails.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::process::ExitCode;

use cbc_tests::{cbc, data};
use serde_json::Value as Json;

/// `cbc simulate` with these arguments, and what it wrote: printed, picture, scenario.
fn simulate(arguments: &[&str]) -> (String, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let (code, out) = cbc(&[&["simulate", "--output", output], arguments].concat());
    assert_eq!(code, ExitCode::SUCCESS, "{arguments:?}: {out}");
    let read = |name| fs::read_to_string(folder.path().join(name)).unwrap();
    (out.replace(output, "OUT"), read("view-graph.svg"), read("scenario.jsonl"))
}

const PROTOCOLS: [&str; 7] =
    ["blockchain", "binary", "integer", "order", "order-borda", "concurrent", "sharding"];

#[test]
fn one_seed_gives_the_same_bytes_and_another_seed_others() {
    for protocol in PROTOCOLS {
        let of_seed = |seed| simulate(&["--protocol", protocol, "--seed", seed, "--rounds", "20"]);
        let one = of_seed("1");
        assert_eq!(one, of_seed("1"), "{protocol}");
        let other = of_seed("2");
        assert_ne!(one.0, other.0, "{protocol}");
        assert_ne!(one.1, other.1, "{protocol}");
        assert_ne!(one.2, other.2, "{protocol}");
    }
}

#[test]
fn the_execution_of_a_simulation_replays_to_the_same_result() {
    for (protocol, network) in PROTOCOLS
        .into_iter()
        .zip(["no-delay", "step", "constant:2", "random", "gaussian:3,2"].into_iter().cycle())
    {
        let arguments = [
            "--protocol",
            protocol,
            "--network",
            network,
            "--mode",
            "full",
            "--rounds",
            "6",
            "--json",
        ];
        let (summary, _, scenario) = simulate(&arguments);
        let summary: Json = serde_json::from_str(&summary).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("scenario.jsonl");
        fs::write(&file, scenario).unwrap();
        let (code, replayed) = cbc(&["replay", "--json", file.to_str().unwrap()]);
        assert_eq!(code, ExitCode::SUCCESS);
        let replayed: Json = serde_json::from_str(&replayed).unwrap();
        assert_eq!(replayed["global"]["estimate"], summary["estimate"], "{protocol}");
        // For Borda's rule traces name what would be final, if it could be.
        if summary["can_finalize"] == true {
            assert_eq!(
                replayed["global"]["last_finalized"], summary["last_finalized"],
                "{protocol}"
            );
        } else {
            assert_eq!(protocol, "order-borda");
            assert_eq!(summary["last_finalized"], Json::Null);
            assert_eq!(replayed["can_finalize"], false);
        }
        // And what was replayed is a trace that replays without a mismatch.
        fs::write(&file, replayed.to_string()).unwrap();
        let (code, out) = cbc(&["replay", file.to_str().unwrap()]);
        assert_eq!(code, ExitCode::SUCCESS, "{out}");
    }
}

#[test]
fn without_arguments_a_chain_finalizes_well_above_the_genesis() {
    let (out, _, _) = simulate(&["--json"]);
    let summary: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["rounds"], 100);
    assert!(summary["chain"]["last_finalized_block_height"].as_u64().unwrap() > 50, "{out}");
    assert!(summary["safety"]["fault_tolerance"].as_u64().is_some());
}

#[test]
fn what_simulate_prints() {
    let (out, _, _) = simulate(&["--rounds", "40", "--seed", "3"]);
    insta::assert_snapshot!("blockchain", out);
    let (out, _, _) = simulate(&[
        "--protocol",
        "binary",
        "--weights",
        "3,4,5",
        "--estimates",
        "1,0,1",
        "--rounds",
        "9",
    ]);
    insta::assert_snapshot!("binary", out);
    let (out, _, _) = simulate(&[
        "--protocol",
        "order",
        "--rounds",
        "8",
        "--mode",
        "full",
        "--report-interval",
        "0",
    ]);
    insta::assert_snapshot!("order", out);
}

#[test]
fn pictures() {
    let small = ["--rounds", "8", "--validators", "3", "--seed", "4", "--justifications"];
    insta::assert_snapshot!("view_graph_of_a_blockchain", simulate(&small).1);
    let (_, picture, _) = simulate(&[&small[..], &["--protocol", "integer"]].concat());
    insta::assert_snapshot!("view_graph_of_integers", picture);
    // An equivocation: two blocks of validator 0, by which it no longer counts.
    let execution = "M-1-A SJ-0-A M-0-B M-0-C-() SJ-1-B SJ-1-C M-1-D";
    let (_, picture, _) = simulate(&["--weights", "2,3", "--execution", execution]);
    insta::assert_snapshot!("view_graph_of_an_equivocation", picture);
}

#[test]
fn the_picture_of_the_readme_is_what_its_command_draws() {
    let readme = fs::read_to_string(data("../../README.md")).unwrap();
    let (_, command) = readme.split_once("`cbc simulate --mode full").unwrap();
    let (command, _) = command.split_once('`').unwrap();
    let arguments: Vec<&str> =
        ["--mode", "full"].into_iter().chain(command.split_whitespace()).collect();
    let drawn = simulate(&arguments).1;
    assert!(drawn == fs::read_to_string(data("readme/view-graph.svg")).unwrap());
}

#[test]
fn ready_made_executions_run() {
    for execution in ["full-round", "immediate-split"] {
        let (out, _, _) = simulate(&["--execution", execution, "--rounds", "12", "--json"]);
        let summary: Json = serde_json::from_str(&out).unwrap();
        assert_eq!(summary["messages"], 60);
        assert!(summary["last_finalized"].is_string(), "{execution}: {out}");
    }
}

#[test]
fn every_oracle_can_be_chosen() {
    for oracle in ["clique", "turan", "inspector", "adversary"] {
        let (out, _, _) = simulate(&["--oracle", oracle, "--network", "no-delay", "--json"]);
        let summary: Json = serde_json::from_str(&out).unwrap();
        assert_eq!(summary["oracle"], oracle);
    }
}

#[test]
fn a_threshold_holds_finality_back() {
    let height = |threshold: &str| {
        let (out, _, _) = simulate(&["--threshold", threshold, "--json"]);
        let summary: Json = serde_json::from_str(&out).unwrap();
        let tolerance = summary["safety"]["fault_tolerance"].as_u64();
        assert!(tolerance.is_none_or(|tolerance| tolerance >= threshold.parse().unwrap()));
        summary["chain"]["last_finalized_block_height"].as_u64().unwrap()
    };
    assert!(height("0") > height("60000"));
    assert_eq!(height("18446744073709551615"), 0);
}

/// Runs the program and expects exit code 2 and nothing printed.
fn fails(arguments: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let all = [arguments, &["--output", output.to_str().unwrap()]].concat();
    let (code, out) = cbc(if arguments[0] == "simulate" { &all } else { arguments });
    assert_eq!((code, out.as_str()), (ExitCode::from(2), ""), "{arguments:?}");
    assert!(!output.join("view-graph.svg").exists());
}

#[test]
fn senseless_arguments_are_refused() {
    for arguments in [
        &["simulate", "--weights", "0,0"][..],
        &["simulate", "--weights", "18446744073709551615,1"],
        &["simulate", "--weights", "1,x"],
        &["simulate", "--validators", "0"],
        &["simulate", "--validators", "3", "--weights", "1,2"],
        &["simulate", "--validators", "10000", "--mode", "full"],
        &["simulate", "--rounds", "99999999999"],
        &["simulate", "--network", "gaussian:nan,1"],
        &["simulate", "--network", "constant:-1"],
        &["simulate", "--network", "carrier-pigeon"],
        &["simulate", "--execution", "M-0-A M-0-A"],
        &["simulate", "--execution", "M-0-A S-1-B"],
        &["simulate", "--execution", "M-9-A"],
        &["simulate", "--execution", "nonsense"],
        &["simulate", "--execution", "@/nowhere/at/all"],
        &["simulate", "--estimates", "1,0"],
        &["simulate", "--protocol", "binary", "--estimates", "1,0"],
        &["simulate", "--protocol", "binary", "--estimates", "1,0,2,1,0"],
        &["simulate", "--protocol", "order", "--weights", "1,1", "--estimates", "a>b,a>c"],
        &["simulate", "--execution", "M-0-A", "--mode", "full"],
        &["replay", "/nowhere/at/all"],
        &["replay"],
        &["no-such-command"],
    ] {
        fails(arguments);
    }
}

#[test]
fn senseless_scenarios_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.jsonl");
    for (line, is_mismatch) in [
        ("{", false),
        ("[]", false),
        ("{}", false),
        (r#"{"id":"x","protocol":"poker","weights":[1],"execution":""}"#, false),
        (r#"{"id":"x","protocol":"binary","weights":[-1],"execution":""}"#, false),
        (r#"{"id":"x","protocol":"binary","weights":[],"execution":""}"#, true),
        (
            r#"{"id":"x","protocol":"binary","weights":[1],"initial_estimates":[3],"execution":""}"#,
            true,
        ),
        (
            r#"{"id":"x","protocol":"binary","weights":[1],"initial_estimates":[],"execution":""}"#,
            true,
        ),
        (r#"{"id":"x","protocol":"binary","weights":[1],"execution":"M-0-A"}"#, true),
        (
            r#"{"id":"x","protocol":"order","weights":[1],"initial_estimates":[7],"execution":""}"#,
            true,
        ),
        (r#"{"id":"x","protocol":"blockchain","weights":[1],"execution":"M-0-G"}"#, true),
        (
            r#"{"id":"x","protocol":"blockchain","weights":[1],"execution":"M-0-A M-0-B-(A) M-0-C-(A)"}"#,
            true,
        ),
    ] {
        fs::write(&file, line).unwrap();
        let path = file.to_str().unwrap();
        let (code, out) = cbc(&["replay", path]);
        let expected = if is_mismatch { ExitCode::FAILURE } else { ExitCode::from(2) };
        assert_eq!(code, expected, "{line}: {out}");
        assert_eq!(cbc(&["replay", "--json", path]).0, ExitCode::from(2), "{line}");
    }
}

#[test]
fn a_mismatch_is_a_line_and_exit_code_1() {
    let text = fs::read_to_string(data("poc/binary.jsonl")).unwrap();
    let line = text.lines().next().unwrap();
    let mut scenario: Json = serde_json::from_str(line).unwrap();
    let id = scenario["id"].as_str().unwrap().to_owned();
    let right = scenario["global"]["estimate"].clone();
    scenario["global"]["estimate"] = Json::from("wrong");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("changed.jsonl");
    fs::write(&file, format!("{scenario}\n\n{line}\n")).unwrap();
    let (code, out) = cbc(&["replay", file.to_str().unwrap()]);
    assert_eq!(code, ExitCode::FAILURE);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], format!("{id}: global: estimate: expected \"wrong\", got {right}"));
    assert!(lines[1].starts_with("2 scenarios, ") && lines[1].ends_with(", 1 mismatches"), "{out}");
    assert_eq!(lines.len(), 2);
}

#[test]
fn a_scenario_and_a_trace_can_be_simulated() {
    let (_, picture, scenario) = simulate(&["--rounds", "20", "--seed", "5"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.jsonl");
    fs::write(&file, &scenario).unwrap();
    let (out, again, written) = simulate(&[file.to_str().unwrap()]);
    assert!(out.starts_with("blockchain, 5 validators"), "{out}");
    assert!(out.contains(" 20 rounds, scenario simulate-blockchain-5\n"), "{out}");
    assert_eq!((again, written), (picture, scenario));

    let traces = data("poc/binary.jsonl");
    let line = fs::read_to_string(&traces).unwrap().lines().nth(1).unwrap().to_owned();
    let recorded: Json = serde_json::from_str(&line).unwrap();
    let id = recorded["id"].as_str().unwrap();
    let (out, _, _) = simulate(&[traces.to_str().unwrap(), "--scenario", id, "--json"]);
    let summary: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["id"], id);
    assert_eq!(summary["seed"], Json::Null);
    assert_eq!(summary["estimate"], recorded["global"]["estimate"]);
    fails(&["simulate", traces.to_str().unwrap(), "--scenario", id, "--seed", "1"]);
    fails(&["simulate", "--scenario", "x"]);
}

#[test]
fn unchecked_estimates_are_replayed_unchecked() {
    // Two blocks of validator 0 on one justification, the second not on the head.
    let tokens = "M-0-A M-1-B-(A)=A M-1-C-(A)=G";
    let arguments = ["--weights", "1,1", "--execution", tokens];
    fails(&[&["simulate"], &arguments[..]].concat());
    let unchecked = [&arguments[..], &["--no-estimate-check"]].concat();
    let (out, _, scenario) = simulate(&unchecked);
    assert!(out.contains("equivocators        1 of weight 1\n"), "{out}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.jsonl");
    fs::write(&file, &scenario).unwrap();
    let (code, replayed) = cbc(&["replay", "--json", file.to_str().unwrap()]);
    assert_eq!(code, ExitCode::SUCCESS);
    let replayed: Json = serde_json::from_str(&replayed).unwrap();
    assert_eq!(replayed["messages"]["B"]["estimate"], "A");
    assert_eq!(replayed["messages"]["C"]["estimate"], "G");
    assert_eq!(simulate(&[file.to_str().unwrap()]).2, scenario);
}

#[test]
fn a_message_is_called_g_where_there_is_no_genesis() {
    let arguments = ["-p", "binary", "-w", "1,1", "--estimates", "1,1", "-e", "M-0-G SJ-1-G M-1-H"];
    let (_, _, scenario) = simulate(&arguments);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("g.jsonl");
    fs::write(&file, scenario).unwrap();
    let (_, replayed) = cbc(&["replay", "--json", file.to_str().unwrap()]);
    let json: Json = serde_json::from_str(&replayed).unwrap();
    assert_eq!(json["messages"]["H"]["justification"]["0"], "G");
    assert_eq!(json["final"]["1"]["latest_messages"]["0"], "G");
    // And is compared, as any other.
    fs::write(&file, replayed.replace(r#""0":"G""#, r#""0":"I0""#)).unwrap();
    assert_eq!(cbc(&["replay", file.to_str().unwrap()]).0, ExitCode::FAILURE);
    fs::write(&file, replayed).unwrap();
    assert_eq!(cbc(&["replay", file.to_str().unwrap()]).0, ExitCode::SUCCESS);
}

#[test]
fn a_comparison_that_compares_nothing_fails() {
    let (_, _, scenario) = simulate(&["--rounds", "3"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.jsonl");
    let path = file.to_str().unwrap();
    let recorded = fs::read_to_string(data("poc/binary.jsonl")).unwrap();
    let recorded = recorded.lines().next().unwrap();
    for (content, code) in [
        (String::new(), ExitCode::FAILURE),
        (scenario.clone(), ExitCode::FAILURE),
        (format!("{recorded}\n{scenario}"), ExitCode::FAILURE),
        (recorded.to_owned(), ExitCode::SUCCESS),
    ] {
        fs::write(&file, &content).unwrap();
        assert_eq!(cbc(&["replay", path]).0, code, "{content}");
    }
    for (key, other) in [("final", "finale"), ("weights", "weight"), ("execution", "Execution")] {
        fs::write(&file, recorded.replacen(&format!("{key:?}"), &format!("{other:?}"), 1)).unwrap();
        assert_eq!(cbc(&["replay", path]), (ExitCode::from(2), String::new()), "{key}");
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_what_is_read() {
    let (_, _, scenario) = simulate(&["--execution", "M-0-A SJ-1-A"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("marked");
    fs::write(&file, format!("\u{feff}{scenario}")).unwrap();
    let (_, _, again) = simulate(&[file.to_str().unwrap()]);
    assert_eq!(again, scenario);
    fs::write(&file, "\u{feff}M-0-A SJ-1-A").unwrap();
    let (_, _, again) = simulate(&["--execution", &format!("@{}", file.to_str().unwrap())]);
    assert_eq!(again, scenario);
}

#[test]
fn integers_are_signed() {
    let estimates = ["--protocol", "integer", "--estimates", "-5,3,2,1,0"];
    let tokens = [&estimates[..], &["--execution", "M-0-X-()=-7 SJ-1-X"]].concat();
    let (out, _, scenario) = simulate(&[&tokens[..], &["--json"]].concat());
    let summary: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["equivocators"], serde_json::json!([0]));
    let scenario: Json = serde_json::from_str(&scenario).unwrap();
    assert_eq!(scenario["initial_estimates"], serde_json::json!([-5, 3, 2, 1, 0]));
    let arguments = [&["compare", "--candidates", "-5", "--json"], &estimates[..]].concat();
    let (code, out) = cbc(&arguments);
    assert_eq!(code, ExitCode::SUCCESS);
    let compared: Json = serde_json::from_str(&out).unwrap();
    assert!(compared["rows"].as_array().unwrap().iter().all(|row| row["candidate"] == -5));
}

#[test]
fn a_picture_has_no_character_that_xml_cannot_hold() {
    let estimates = "\u{ffff}>a<\u{1}&>\u{1f980},a<\u{1}&>\u{ffff}>\u{1f980}";
    let arguments = ["-p", "order", "-w", "1,1", "--estimates", estimates, "-e", "SJ-1-I0 M-1-A"];
    let (_, picture, scenario) = simulate(&arguments);
    // <https://www.w3.org/TR/xml/#charsets>
    let allowed = |character: char| {
        ['\t', '\n', '\r'].contains(&character)
            || (character >= ' ' && !['\u{fffe}', '\u{ffff}'].contains(&character))
    };
    assert!(picture.chars().all(allowed));
    assert!(picture.contains("\u{1f980}") && picture.contains("&amp;"), "{picture}");
    // The scenario has the names as they are.
    let scenario: Json = serde_json::from_str(&scenario).unwrap();
    assert_eq!(scenario["initial_estimates"][0][0], "\u{ffff}");
}

#[test]
fn columns_do_not_run_together() {
    let estimates = "the first item of all>the second item of all,\
                     the second item of all>the first item of all";
    let weights = "18446744073709551614,1";
    let arguments = ["-p", "order", "-w", weights, "--estimates", estimates, "-r", "4"];
    let (out, picture, _) = simulate(&[&arguments[..], &["--report-interval", "1"]].concat());
    let order = "the first item of all > the second item of all";
    let row = out.lines().find(|line| line.trim_start().starts_with("4  ")).unwrap();
    let columns: Vec<&str> =
        row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(columns, ["4", "6", order, order], "{out}");
    // The labels of lanes: 27 characters of at least 5 pixels.
    let lanes: Vec<f64> = picture
        .lines()
        .filter_map(|line| line.strip_prefix("<line x1=\"")?.split_once('"')?.0.parse().ok())
        .collect();
    assert!(lanes[1] - lanes[0] > 27.0 * 5.0, "{lanes:?}");
}

#[test]
fn what_does_not_fit_the_memory_is_refused_before_anything_runs() {
    for arguments in [
        &["simulate", "--validators", "100000"][..],
        &["simulate", "--validators", "4000000000"],
        &["simulate", "--rounds", "18446744073709551615", "--mode", "full"],
        &["simulate", "--execution", "full-round", "--rounds", "40000000"],
        &["simulate", "--memory", "16"],
        &["compare", "--validators", "100000"],
        &["compare", "--memory", "16"],
    ] {
        fails(arguments);
    }
    let (_, _, _) = simulate(&["--memory", "64"]);
    // Who never acts takes next to nothing.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("many.jsonl");
    let scenario = serde_json::json!({
        "id": "many", "protocol": "blockchain", "weights": vec![1; 20_000], "execution": "M-0-A",
    });
    fs::write(&file, scenario.to_string()).unwrap();
    let path = file.to_str().unwrap();
    let (out, _, _) = simulate(&[path, "--memory", "24", "--json"]);
    let summary: Json = serde_json::from_str(&out).unwrap();
    assert_eq!((&summary["messages"], &summary["estimate"]), (&1.into(), &"A".into()));
    let (code, out) = cbc(&["replay", "--json", "--memory", "24", path]);
    assert_eq!(code, ExitCode::SUCCESS);
    let replayed: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(replayed["final"]["0"]["latest_messages"]["0"], "A");
    assert_eq!(replayed["final"]["19999"]["latest_messages"], serde_json::json!({}));
    // All of them hear of it: that does not fit.
    let heard: Vec<String> = (0..20_000).map(|validator| format!("S-{validator}-A")).collect();
    let mut scenario = scenario;
    scenario["execution"] = format!("M-0-A {}", heard.join(" ")).into();
    fs::write(&file, scenario.to_string()).unwrap();
    assert_eq!(cbc(&["replay", "--memory", "24", path]).0, ExitCode::from(2));
    fails(&["simulate", path, "--memory", "24"]);
}

#[test]
fn help_has_an_example_for_every_command() {
    for command in [&["--help"][..], &["simulate", "--help"], &["replay", "--help"]] {
        // Help goes to standard output itself; here only that it is no error.
        assert_eq!(cbc(command).0, ExitCode::SUCCESS);
    }
}
