//! Experiments as processes: the same bytes whatever happens, and what is refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use cbc_experiment::{Outcome, Record};
use tempfile::TempDir;

const CONFIG: &str = r#"
    name = "test"
    validators = [4, 6, 8, 10]
    modes = ["all", "leader"]
    networks = ["no-delay", { kind = "log-normal", median = 0.5, sigma = 0.5, loss = 0.1 }]
    oracles = ["clique", "inspector"]
    thresholds = [0.0, 0.2]
    seeds = { first = 1, count = 8 }
    rounds = 20
"#;

/// A folder with the configuration in it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("test.toml"), CONFIG).unwrap();
    folder
}

fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cbc"));
    command.args(arguments).current_dir(folder).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// The exit code, and what was said on standard output and standard error.
fn run(folder: &TempDir, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = program(folder.path(), arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn succeeds(folder: &TempDir, arguments: &[&str]) -> String {
    let (code, out, err) = run(folder, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {err}");
    out
}

fn fails(folder: &TempDir, arguments: &[&str], expected: &str) {
    let (code, _, err) = run(folder, arguments);
    assert_eq!(code, Some(2), "{arguments:?}: {err}");
    assert!(err.contains(expected), "{arguments:?}: {err}");
}

/// All tables of a folder.
fn tables(folder: &TempDir, output: &str) -> [Vec<u8>; 4] {
    let output = folder.path().join(output);
    ["runs.csv", "blocks.csv", "t.parquet", "t-blocks.parquet"]
        .map(|name| fs::read(output.join(name)).unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// How many lines are in the journal, the header included.
fn lines(journal: &Path) -> usize {
    fs::read(journal).map_or(0, |bytes| bytes.iter().filter(|&&byte| byte == b'\n').count())
}

/// Waits until the journal has so many lines, or the process has ended; says whether it has.
fn wait_for(child: &mut Child, journal: &Path, count: usize) -> bool {
    loop {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        if lines(journal) >= count {
            return false;
        }
        sleep(Duration::from_millis(1));
    }
}

#[test]
fn one_job_two_jobs_ten_interruptions_and_three_shards_give_the_same_bytes() {
    let folder = folder();
    succeeds(
        &folder,
        &["experiment", "test.toml", "-j1", "-o", "one", "--export", "one/t.parquet"],
    );
    let expected = tables(&folder, "one");
    assert_eq!(lines(&folder.path().join("one/journal.jsonl")), 1 + 128);

    succeeds(
        &folder,
        &["experiment", "test.toml", "-j2", "-o", "two", "--export", "two/t.parquet"],
    );
    assert_eq!(tables(&folder, "two"), expected);

    let journal = folder.path().join("torn/journal.jsonl");
    let resumed =
        ["experiment", "test.toml", "-j2", "-o", "torn", "--resume", "--export", "torn/t.parquet"];
    let mut random = 12345_u64;
    let mut draw = |most: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % most
    };
    for interruption in 0..10 {
        let before = lines(&journal);
        let mut child = program(folder.path(), &resumed).stdout(Stdio::null()).spawn().unwrap();
        let wanted = before + 1 + draw(8) as usize;
        assert!(!wait_for(&mut child, &journal, wanted), "it was not interrupted");
        if interruption % 2 == 0 {
            child.kill().unwrap();
        } else {
            let id = child.id().to_string();
            assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        }
        assert!(!child.wait().unwrap().success());
        // As if the power had gone in the middle of a line: of the last, or of the header.
        let file = OpenOptions::new().write(true).open(&journal).unwrap();
        let length = file.metadata().unwrap().len();
        let torn = if interruption == 0 { 100 } else { length - draw(200).min(length) };
        file.set_len(torn).unwrap();
        assert!(lines(&journal) < 1 + 128);
    }
    succeeds(&folder, &resumed);
    assert_eq!(tables(&folder, "torn"), expected);

    for shard in ["1/3", "2/3", "3/3"] {
        let output = format!("shard-{}", &shard[..1]);
        succeeds(&folder, &["experiment", "test.toml", "--shard", shard, "-o", &output]);
    }
    let merge = ["merge", "all", "shard-3", "shard-1", "shard-2", "--export", "all/t.parquet"];
    succeeds(&folder, &merge);
    assert_eq!(tables(&folder, "all"), expected);

    fails(&folder, &merge, "there is a journal already");
    fails(&folder, &["merge", "x", "shard-1", "shard-2"], "gap: run 2 is in no shard");
    fails(&folder, &["merge", "x", "shard-1", "two"], "overlap: run 0 is in shard-1 and in two");
    let other = CONFIG.replace("rounds = 20", "rounds = 2");
    fs::write(folder.path().join("other.toml"), other).unwrap();
    succeeds(&folder, &["experiment", "other.toml", "--shard", "3/3", "-o", "other"]);
    let foreign = "other: it is of another plan: its rounds is 2, and here it is 20";
    fails(&folder, &["merge", "x", "shard-1", "shard-2", "other"], foreign);
    let resumed = ["experiment", "other.toml", "-o", "one", "--resume"];
    fails(&folder, &resumed, "it is of another plan: its rounds is 20, and here it is 2");
    let shard = ["experiment", "test.toml", "-o", "shard-1", "--resume", "--shard", "2/3"];
    fails(&folder, &shard, "it is of shard 1/3, and this is 2/3");
}

#[test]
fn a_journal_that_is_damaged_or_there_already_is_refused() {
    let folder = folder();
    let experiment = ["experiment", "poc", "--shard", "1/20", "-o", "x"];
    succeeds(&folder, &experiment);
    fails(&folder, &experiment, "there is a journal already: go on with it by --resume");
    let journal = folder.path().join("x/journal.jsonl");
    let whole = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, whole.replacen("\"run\":", "\"ran\":", 1)).unwrap();
    let resumed = [&experiment[..], &["--resume"]].concat();
    fails(&folder, &resumed, "line 2 is damaged");
    let first = whole.lines().nth(1).unwrap();
    fs::write(&journal, format!("{whole}{first}\n")).unwrap();
    fails(&folder, &resumed, "line 8: run");
    fs::write(&journal, "{}\n").unwrap();
    fails(&folder, &resumed, "no journal of an experiment");
    // What failed is a row, and shows in the exit code.
    let mut lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let run = Record::of_line(lines[3]).unwrap().run;
    let failed = Record { run, outcome: Outcome::Failed("it broke".to_owned()) }.to_line();
    lines[3] = &failed;
    fs::write(&journal, lines.concat()).unwrap();
    let (code, out, _) = self::run(&folder, &resumed);
    assert!(code == Some(1) && out.contains("1 failed"), "{out}");
    let rows = fs::read_to_string(folder.path().join("x/runs.csv")).unwrap();
    assert_eq!(rows.lines().filter(|row| row.ends_with(",it broke")).count(), 1);
    fs::write(&journal, whole).unwrap();
    succeeds(&folder, &resumed);
}

#[test]
fn nothing_runs_that_is_only_looked_at() {
    let folder = folder();
    let list = succeeds(&folder, &["experiment", "--list"]);
    assert!(list.contains("latency ") && list.contains("poc "));
    let config = succeeds(&folder, &["experiment", "test.toml", "--dump-config"]);
    fs::write(folder.path().join("again.toml"), &config).unwrap();
    assert_eq!(succeeds(&folder, &["experiment", "again.toml", "--dump-config"]), config);
    let plan = succeeds(&folder, &["experiment", "test.toml", "--dry-run"]);
    assert_eq!(plan.lines().count(), 128);
    assert_eq!(succeeds(&folder, &["experiment", "again.toml", "--dry-run"]), plan);
    let shard = succeeds(&folder, &["experiment", "test.toml", "--dry-run", "--shard", "2/3"]);
    let expected: Vec<&str> = plan.lines().skip(1).step_by(3).collect();
    assert_eq!(shard.lines().collect::<Vec<_>>(), expected);
    assert!(succeeds(&folder, &["experiment", "--definitions"]).contains("censored"));
    assert!(!folder.path().join("out").exists());

    fails(&folder, &["experiment"], "required");
    fails(&folder, &["experiment", "nowhere"], "no experiment that is there already (latency, poc");
    let large = CONFIG.replace("10]", "20000]");
    fs::write(folder.path().join("large.toml"), large).unwrap();
    let expected = "large.toml: run 96 of --dry-run: too large for --memory 4096 (MiB): ";
    fails(&folder, &["experiment", "large.toml"], expected);
    fails(&folder, &["experiment", "poc", "--shard", "0/3"], "expected I/N");
    fails(&folder, &["experiment", "poc", "--export", "t.xls"], "ends in .csv or .parquet");
    fs::write(folder.path().join("bad.toml"), "\nmodes = [\"loud\"]\n").unwrap();
    fails(&folder, &["experiment", "bad.toml"], "error: bad.toml:2:10: modes[0]: found \"loud\"");
    assert!(!folder.path().join("out").exists());
}

/// The recipe of `cbc experiment --help`, where GNU parallel is installed.
#[test]
fn gnu_parallel_carries_an_experiment() {
    let parallel = Command::new("parallel").arg("--version").output();
    let is_gnu = |text: &[u8]| String::from_utf8_lossy(text).contains("GNU parallel");
    if !parallel.is_ok_and(|output| is_gnu(&output.stdout)) {
        eprintln!("skipped: GNU parallel is not installed");
        return;
    }
    let folder = folder();
    let help = succeeds(&folder, &["experiment", "--help"]);
    let recipe: Vec<&str> = help
        .lines()
        .map(str::trim)
        .skip_while(|line| !line.starts_with("seq 4 | parallel cbc"))
        .take_while(|line| !line.is_empty())
        .collect();
    fs::write(folder.path().join("mine.toml"), CONFIG).unwrap();
    let home = Path::new(env!("CARGO_BIN_EXE_cbc")).parent().unwrap();
    let path = format!("{}:{}", home.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-ec", &recipe.join("\n")]).current_dir(folder.path()).env("PATH", path);
    let output = shell.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{recipe:?}: {}", String::from_utf8_lossy(&output.stderr));
    succeeds(&folder, &["experiment", "test.toml", "-o", "one"]);
    let read = |path: &str| fs::read(folder.path().join(path)).unwrap();
    assert_eq!(read("out/mine/runs.csv"), read("one/runs.csv"));
    assert_eq!(read("out/mine/blocks.csv"), read("one/blocks.csv"));
}
