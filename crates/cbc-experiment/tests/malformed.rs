//! Configurations that are wrong: each is refused with the place, and with what is allowed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use cbc_experiment::Experiment;

fn problem(text: &str) -> String {
    let files = |name: &str| match name {
        "torn.csv" => Ok("from,A,B\nA,1\n".to_owned()),
        "two.csv" => Ok("from,A,B\nA,1,2\nB,2,1\n".to_owned()),
        _ => Err(format!("there is no {name}")),
    };
    match Experiment::parse("x.toml", text, &files) {
        Ok(_) => panic!("nothing is wrong with {text:?}"),
        Err(error) => error.to_string(),
    }
}

/// What is wrong, where it is, and what has to be said of what is allowed.
const CASES: &[(&str, &str, &[&str])] = &[
    ("rounds = ", "1:10", &["no TOML"]),
    ("rounds = 1\nrounds = 2", "2:1", &["no TOML", "duplicate key"]),
    ("rouds = 60", "1:1", &["unknown key \"rouds\"", "expected one of name, protocols", "rounds"]),
    ("rounds = 0", "1:10", &["rounds: found 0", "from 1 to 1000000"]),
    ("rounds = 1.5", "1:10", &["found 1.5", "a whole number from 1"]),
    ("rounds = -3", "1:10", &["found -3", "a whole number from 1"]),
    ("rounds = \"60\"", "1:10", &["found \"60\"", "a whole number"]),
    ("name = \"a b\"", "1:8", &["a name of letters, digits"]),
    ("name = 7", "1:8", &["found 7", "a name of letters"]),
    ("interval = 0", "1:12", &["found 0", "a time above 0"]),
    ("watch = \"some\"", "1:9", &["found \"some\"", "one of all, global"]),
    ("protocols = []", "1:13", &["a list of at least one"]),
    ("protocols = \"blockchain\"", "1:13", &["a list of at least one"]),
    ("protocols = [\"raft\"]", "1:14", &["protocols[0]", "expected blockchain, binary"]),
    ("protocols = [\"order-borda\"]", "1:14", &["never finalizes", "one of blockchain, binary"]),
    ("oracles = [\"clique\", \"delphi\"]", "1:22", &["oracles[1]", "expected clique, turan"]),
    ("oracles = [\"clique\", \"clique\"]", "1:22", &["found \"clique\", expected each value once"]),
    ("thresholds = [0.5]", "1:15", &["found 0.5", "from 0 to below 0.5"]),
    ("thresholds = [nan]", "1:15", &["found nan", "from 0 to below 0.5"]),
    ("validators = [4,\n  0]", "2:3", &["validators[1]: found 0", "from 1 to 100000"]),
    ("validators = [5000000000]", "1:15", &["from 1 to 100000"]),
    ("weights = [\"heavy\"]", "1:12", &["one of equal, gaussian, pareto, whale, given"]),
    ("weights = [{ mean = 3.0 }]", "1:12", &["no key \"kind\" in weights[0]", "one of equal"]),
    (
        "weights = [{ kind = \"gaussian\", sigma = 3.0 }]",
        "1:33",
        &["unknown key \"sigma\" in weights[0]", "one of kind, mean, deviation"],
    ),
    ("weights = [{ kind = \"pareto\", shape = 0 }]", "1:39", &["found 0", "a number above 0"]),
    ("weights = [{ kind = \"whale\", share = 1.0 }]", "1:38", &["a share of the total"]),
    (
        "validators = [1]\nweights = [\"whale\"]",
        "2:12",
        &["a whale, which needs others", "1 among it"],
    ),
    ("weights = [\"given\"]", "1:12", &["as in { kind = \"given\", weights = [7, 6, 5] }"]),
    (
        "validators = [3, 4]\nweights = [{ kind = \"given\", weights = [1, 2, 3] }]",
        "2:12",
        &["3 weights", "validators has 4 among it"],
    ),
    ("modes = [\"loud\"]", "1:10", &["one of rand, rrob, full, all, leader"]),
    (
        "protocols = [\"blockchain\", \"binary\"]\nmodes = [\"rrob\", \"leader\"]",
        "2:18",
        &["mode leader needs blocks, which protocol binary has not", "rand, rrob", "blockchain"],
    ),
    ("networks = [\"carrier-pigeon\"]", "1:13", &["one of no-delay, constant, uniform"]),
    ("networks = [\"constant\"]", "1:13", &["a table with its parameters: kind, delay"]),
    ("networks = [{ kind = \"constant\" }]", "1:13", &["no key \"delay\" in networks[0]"]),
    ("networks = [{ kind = \"constant\", delay = -1 }]", "1:42", &["a time from 0 to 1e9"]),
    (
        "networks = [{ kind = \"uniform\", least = 3, most = 2 }]",
        "1:51",
        &["found 2", "a time from 3.0, which is least"],
    ),
    ("networks = [{ kind = \"no-delay\", loss = 1 }]", "1:41", &["from 0 to below 1"]),
    (
        "networks = [{ kind = \"no-delay\", partitions = [{ start = 5, end = 5 }] }]",
        "1:67",
        &["networks[0].partitions[0].end: found 5", "a time after 5.0"],
    ),
    (
        "networks = [{ kind = \"no-delay\", partitions = [{ start = 5, end = 6, kind = 1 }] }]",
        "1:70",
        &["unknown key \"kind\"", "one of start, end, share"],
    ),
    (
        "networks = [{ kind = \"regions\", file = \"no.csv\" }]",
        "1:40",
        &["there is no no.csv", "cloud"],
    ),
    (
        "networks = [{ kind = \"regions\", file = \"torn.csv\" }]",
        "1:40",
        &["torn.csv:2: expected 2 times"],
    ),
    (
        "networks = [{ kind = \"regions\", file = \"two.csv\", regions = [\"A\", \"C\"] }]",
        "1:67",
        &["regions[1]: found \"C\"", "one of A, B"],
    ),
    (
        "networks = [{ kind = \"regions\", regions = [\"Atlantis\"] }]",
        "1:44",
        &["found \"Atlantis\"", "one of Dallas, Toronto"],
    ),
    ("adversaries = [\"evil\"]", "1:16", &["one of none, silent, crash, equivocate"]),
    ("adversaries = [\"equivocate\"]", "1:16", &["a strategy: split, balance, late, flood"]),
    (
        "adversaries = [{ kind = \"equivocate\", strategy = \"hope\" }]",
        "1:50",
        &["strategy: found \"hope\"", "one of split, balance, late, flood"],
    ),
    (
        "adversaries = [{ kind = \"equivocate\", strategy = \"late\", copies = 3 }]",
        "1:67",
        &["no copies: only strategy flood"],
    ),
    (
        "validators = [9, 4]\nadversaries = [{ kind = \"silent\", validators = [2, 7] }]",
        "2:16",
        &["unknown validator 7", "expected 0 to 3", "4 among it"],
    ),
    (
        "adversaries = [{ kind = \"silent\", validators = [2], share = 0.1 }]",
        "1:61",
        &["either validators or a share, not both"],
    ),
    (
        "adversaries = [{ kind = \"crash\", start = 9, end = 3 }]",
        "1:51",
        &["found 3", "a time after 9.0"],
    ),
    (
        "protocols = [\"binary\"]\nadversaries = [{ kind = \"equivocate\", strategy = \"split\" }]",
        "2:16",
        &[
            "equivocate needs blocks, which protocol binary has not",
            "none, silent, crash",
            "blockchain",
        ],
    ),
    ("seeds = 3", "1:9", &["a list of at least one"]),
    ("seeds = { first = 1 }", "1:9", &["no key \"count\" in seeds"]),
    ("seeds = { first = 1, count = 0 }", "1:30", &["from 1 to 1000000"]),
    ("seeds = [1, 2, 1]", "1:16", &["each value once"]),
    (
        "seeds = { count = 1000000 }\nvalidators = [1,2,3,4,5,6,7,8,9,10,11]",
        "1:1",
        &["11000000 runs", "no more than 10000000"],
    ),
    (
        "validators = [100000]\nmodes = [\"all\"]\nrounds = 1000",
        "3:10",
        &["make 100000000 messages", "no more than 50000000"],
    ),
];

#[test]
fn whatever_is_wrong_is_told_with_its_place_and_what_is_allowed() {
    assert!(CASES.len() >= 30);
    for (text, place, expected) in CASES {
        let problem = problem(text);
        assert!(problem.starts_with(&format!("x.toml:{place}: ")), "{text}\n{problem}");
        for expected in *expected {
            assert!(problem.contains(expected), "{text}\n{problem}\n{expected}");
        }
    }
}

#[test]
fn what_is_printed_with_all_defaults_is_read_as_the_same() {
    let files = |_: &str| Ok("from,A,B\nA,1,2\nB,2,1\n".to_owned());
    let parse = |text: &str| Experiment::parse("x", text, &files).unwrap().to_toml();
    let odd = r#"
        name = "odd"
        protocols = ["blockchain"]
        validators = [7]
        weights = ["gaussian", "pareto", "whale", { kind = "given", weights = [1, 2, 3, 4, 5, 6, 7] }]
        modes = ["leader", "rand"]
        networks = [
            { kind = "regions", file = "a.csv", regions = ["B", "A", "A"], loss = 0.25 },
            { kind = "pareto", scale = 1, shape = 1.5, partitions = [{ start = 0, end = 1, share = 0.25 }] },
            { kind = "gaussian", mean = 1, deviation = 0 },
            { kind = "log-normal", median = 1e-3, sigma = 2 },
        ]
        adversaries = ["none", "silent", { kind = "crash", start = 1, end = 2, validators = [6] },
            { kind = "equivocate", strategy = "flood", copies = 4 }]
        seeds = [3, 1, 18]
    "#;
    for text in ["", odd, "seeds = [1, 5, 3]", "seeds = [9, 8]", "seeds = [4]", "seeds = [7, 8]"] {
        let whole = parse(text);
        assert_eq!(parse(&whole), whole);
        assert!(text != "seeds = [1, 5, 3]" || whole.contains("seeds = [1, 5, 3]\n"));
    }
    for default in ["name", "watch", "seeds = { first = 1, count = 10 }"] {
        assert!(parse("").contains(default));
    }
}
