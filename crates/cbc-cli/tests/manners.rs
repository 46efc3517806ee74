//! The program as a process: what it says on standard error, how it exits, what it leaves behind.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The program, in a folder of its own.
fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cbc"));
    command.args(arguments).current_dir(folder).env_remove("RUST_LOG").env_remove("NO_COLOR");
    command.stdin(Stdio::null());
    command
}

fn run(folder: &TempDir, arguments: &[&str]) -> (Option<i32>, String, String) {
    told(&program(folder.path(), arguments).output().unwrap())
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The names of what is in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn errors_say_once_what_where_and_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("empty.jsonl", "\n\n");
    write("broken.jsonl", "\n\n{\"id\": 3");
    write(
        "typo.jsonl",
        r#"{"id":"x","protocol":"binary","weights":[1],"execution":"","globl":{}}"#,
    );
    write("raft.jsonl", r#"{"id":"x","protocol":"raft","weights":[1],"execution":""}"#);
    write("tokens.txt", "M-0-A\nM-0\n");
    write(
        "two.jsonl",
        "{\"id\":\"one\",\"protocol\":\"blockchain\",\"weights\":[1],\"execution\":\"M-0-A\"}\n\
         {\"id\":\"two\",\"protocol\":\"blockchain\",\"weights\":[1],\"execution\":\"M-0-G\"}\n",
    );
    write(
        "bit.jsonl",
        r#"{"id":"x","protocol":"binary","weights":[1,1],"initial_estimates":[1,2],"execution":""}"#,
    );
    write("weights.jsonl", r#"{"id":"x","protocol":"binary","weights":[0],"execution":""}"#);
    let order = ["simulate", "-p", "order", "-w", "1,1", "--estimates", "a>b,a>c"];
    let cases: &[(&[&str], i32, &str)] = &[
        (
            &["simulate", "-p", "binary", "--estimates", "1,0,2,1,0"],
            2,
            "error: --estimates: 2, of validator 2, is no estimate of protocol binary: expected 0 \
             or 1\n",
        ),
        (
            &order,
            2,
            "error: --estimates: [\"a\",\"b\"], of validator 0, is no estimate of protocol order: \
             expected an order of a>b>c, each once\n",
        ),
        (
            &["simulate", "-p", "binary", "--estimates", "1,0"],
            2,
            "error: --estimates: 2 initial estimates for 5 validators\n",
        ),
        (
            &["simulate", "--execution", "full-rond"],
            2,
            "error: --execution: expected full-round, immediate-split, @FILE, or tokens such as \
             'M-0-A SJ-1-A', found \"full-rond\"\n",
        ),
        (
            &["simulate", "--execution", "@tokens.txt"],
            2,
            "error: --execution: tokens.txt: token 2 (\"M-0\"): expected COMMAND-VALIDATOR-NAME\n",
        ),
        (
            &["simulate", "--execution", "@nowhere.txt"],
            2,
            "error: --execution: cannot read nowhere.txt: No such file or directory (os error 2)\n",
        ),
        (
            &["simulate", "--execution", "M-0-A M-0-B-()"],
            2,
            "error: --execution: token 2 (\"M-0-B-()\"): the message made is the same as A: \
             another needs an estimate of its own, as in M-0-X-()=ESTIMATE\n",
        ),
        (
            &["simulate", "--execution", "M-0-G"],
            2,
            "error: --execution: token 1 (\"M-0-G\"): G is the genesis: no message can have its \
             name where there are blocks\n",
        ),
        (&["replay", "empty.jsonl"], 1, "error: empty.jsonl: no scenario in it\n"),
        (
            &["replay", "broken.jsonl"],
            2,
            "error: broken.jsonl, line 3: not a scenario: EOF while parsing an object, in column \
             8\n",
        ),
        (
            &["replay", "typo.jsonl"],
            2,
            "error: typo.jsonl, line 1: \"globl\" is no key of a scenario, which are id, style, \
             note, protocol, rule, weights, initial_estimates, execution, estimate_check, \
             messages, final, global, conflicting_finality, overturned, can_finalize, expect\n",
        ),
        (
            &["replay", "raft.jsonl"],
            2,
            "error: raft.jsonl, line 1: no protocol \"raft\": traces name \"blockchain\", \
             \"binary\", \"integer\", \"order\" with rule \"copeland\", \"concurrent\", \
             \"sharding\", \"order\", \"order\" with \
             rule \"borda\"\n",
        ),
        (
            &["simulate", "two.jsonl"],
            2,
            "error: two.jsonl: 2 scenarios, choose one by --scenario: one, two\n",
        ),
        (
            &["simulate", "two.jsonl", "--scenario", "three"],
            2,
            "error: two.jsonl: no scenario \"three\" among one, two\n",
        ),
        (
            &["simulate", "two.jsonl", "--scenario", "two"],
            2,
            "error: two.jsonl: two: token 1 (\"M-0-G\"): G is the genesis: no message can have its \
             name where there are blocks\n",
        ),
        (
            &["simulate", "bit.jsonl"],
            2,
            "error: bit.jsonl: x: initial_estimates: 2, of validator 1, is no estimate of protocol \
             binary: expected 0 or 1\n",
        ),
        (
            &["compare", "bit.jsonl"],
            2,
            "error: bit.jsonl, line 1: x: initial_estimates: 2, of validator 1, is no estimate of \
             protocol binary: expected 0 or 1\n",
        ),
        (
            &["simulate", "weights.jsonl"],
            2,
            "error: weights.jsonl: x: weights: the weights of 1 validators sum to zero: at least one \
             must be positive\n",
        ),
        (&["simulate", "empty.jsonl"], 2, "error: empty.jsonl: no scenario in it\n"),
    ];
    for (arguments, code, expected) in cases {
        let (found, out, error) = run(&folder, arguments);
        assert_eq!((found, error.as_str()), (Some(*code), *expected), "{arguments:?}");
        assert_eq!(out, "", "{arguments:?}");
    }
}

#[test]
fn refused_arguments_say_what_was_expected_and_where_they_belong() {
    let folder = tempfile::tempdir().unwrap();
    let cases: &[(&[&str], &str)] = &[
        (
            &["simulate", "--validators", "-3"],
            "'-3' for '--validators <VALIDATORS>': expected a whole number from 1 to 4294967295",
        ),
        (
            &["simulate", "--rounds", "-1"],
            "'-1' for '--rounds <ROUNDS>': expected a whole number from 0 to 18446744073709551615",
        ),
        (&["simulate", "-w", "-1,2"], "'-1' for '--weights <WEIGHTS>': expected a whole number"),
        (&["simulate", "--threshold", "-1"], "'-1' for '--threshold <THRESHOLD>': expected"),
        (&["simulate", "--seed", "x"], "'x' for '--seed <SEED>': expected a whole number from 0"),
        (&["simulate", "--network", "constant:-1"], "expected, say, constant:5"),
        (
            &["--rounds", "5"],
            "--rounds belongs after its command: cbc simulate --rounds, or cbc compare --rounds",
        ),
        (&["-w", "1,2"], "-w belongs after its command: cbc simulate -w, or cbc compare -w"),
        (&["simulate", "--oracles", "clique"], "after its command: cbc compare --oracles"),
    ];
    for (arguments, expected) in cases {
        let (code, out, error) = run(&folder, arguments);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    let (_, _, error) = run(&folder, &["--nonsense"]);
    assert!(!error.contains("belongs"), "{error}");
}

#[test]
fn no_escape_codes_where_standard_error_is_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let (_, _, log) = run(&folder, &["-v", "simulate", "--rounds", "30"]);
    assert!(log.contains("finalized"), "{log}");
    let (_, _, error) = run(&folder, &["simulate", "--rounds", "x"]);
    assert!(!log.contains('\u{1b}') && !error.contains('\u{1b}'));
}

#[test]
fn help_has_the_token_language() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["simulate", "compare"] {
        let (code, help, _) = run(&folder, &[command, "--help"]);
        assert_eq!(code, Some(0));
        for part in ["SJ-1-A", "M-0-B-(A,C)=X", "vote:NAME", "G is the genesis", "Examples:"] {
            assert!(help.contains(part), "{command}: {part}");
        }
    }
}

/// Every token in the help can be carried out, in the order in which it stands there.
#[test]
fn the_equivocations_of_the_help_are_some() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["-w", "1,1", "-e", "M-0-A M-0-B-()=vote:G"][..],
        &["-w", "1,1", "-p", "binary", "--estimates", "1,1", "-e", "M-0-B-()=0"],
    ] {
        let (code, out, error) = run(&folder, &[&["simulate"], arguments].concat());
        assert_eq!(code, Some(0), "{error}");
        assert!(out.contains("equivocators        1 of weight 1\n"), "{out}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_printed_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let trace = r#"{"id":"x","protocol":"blockchain","weights":[1],"execution":"M-0-A"}"#;
    fs::write(folder.path().join("x.jsonl"), trace).unwrap();
    for arguments in [
        &["simulate"][..],
        &["simulate", "--json"],
        &["replay", "x.jsonl"],
        &["replay", "--json", "x.jsonl"],
        &["compare"],
        &["compare", "--format", "csv"],
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = program(folder.path(), arguments).stdout(full).output().unwrap();
        let (code, _, error) = told(&output);
        assert_eq!(code, Some(2), "{arguments:?}");
        assert_eq!(
            error,
            "error: cannot write to standard output: No space left on device (os error 28)\n"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_write_that_fails_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (code, ..) = run(&folder, &["simulate", "--frames", "--seed", "1"]);
    assert_eq!(code, Some(0));
    let out = folder.path().join("out");
    let content = |name: &String| fs::read(out.join(name)).unwrap();
    let before: Vec<_> = names(&out).iter().map(content).collect();
    assert_eq!(before.len(), 2 + 5);
    // No file may be longer than 1 KiB or less: the picture is.
    let shell = r#"trap '' XFSZ; ulimit -f 1; exec "$0" simulate --seed 2 --report-interval 50"#;
    let output = Command::new("sh")
        .args(["-c", shell, env!("CARGO_BIN_EXE_cbc")])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let (code, _, error) = told(&output);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.starts_with("error: cannot write out/view-graph.svg: File too large"), "{error}");
    // Bad input, found out when all seemed well.
    let (code, ..) = run(&folder, &["simulate", "--execution", "M-0-A SJ-1-A M-9-B"]);
    assert_eq!(code, Some(2));
    let after: Vec<_> = names(&out).iter().map(content).collect();
    assert!(before == after, "{:?}", names(&out));
}

#[test]
fn what_is_written_is_readable_by_whom_new_files_are() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder, &["simulate", "--rounds", "1"]);
    let plain = folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    let permissions = |path: &Path| fs::metadata(path).unwrap().permissions();
    for name in ["view-graph.svg", "scenario.jsonl"] {
        assert_eq!(permissions(&folder.path().join("out").join(name)), permissions(&plain));
    }
}

#[test]
fn frames_of_an_earlier_run_do_not_stay_behind() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    run(&folder, &["simulate", "--frames", "--rounds", "60"]);
    fs::write(out.join("view-graph-mine.svg"), "mine").unwrap();
    assert_eq!(names(&out).len(), 6);
    run(&folder, &["simulate", "--frames", "--rounds", "30"]);
    let expected =
        ["scenario.jsonl", "view-graph-000020.svg", "view-graph-mine.svg", "view-graph.svg"];
    assert_eq!(names(&out), expected);
    run(&folder, &["simulate", "--rounds", "30"]);
    assert_eq!(names(&out), ["scenario.jsonl", "view-graph-mine.svg", "view-graph.svg"]);
}

#[test]
fn a_trace_that_is_simulated_where_it_lies_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder, &["simulate", "--rounds", "4"]);
    let path = folder.path().join("out").join("scenario.jsonl");
    let trace = fs::read_to_string(&path).unwrap().replacen('{', "{\"note\":\"precious\",", 1);
    fs::write(&path, &trace).unwrap();
    let (code, out, error) = run(&folder, &["simulate", "out/scenario.jsonl"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("scenario simulate-blockchain-0\n"), "{out}");
    assert_eq!(fs::read_to_string(&path).unwrap(), trace);
}
