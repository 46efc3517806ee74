//! What a scenario expects, against what came of its replay.

use serde_json::Value as Json;
use thiserror::Error;

use super::Scenario;

/// A recorded value that was not met.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{scenario}: {view}: {what}: expected {expected}, got {got}")]
pub struct Mismatch {
    /// The scenario.
    pub scenario: String,
    /// The view: a validator's number, or `global`; `messages` for what is the same in all.
    pub view: String,
    /// Which value.
    pub what: String,
    /// What was recorded.
    pub expected: String,
    /// What came of the replay.
    pub got: String,
}

/// The outcome of comparing one scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// How many recorded values were compared.
    pub compared: usize,
    /// Those that were not met.
    pub mismatches: Vec<Mismatch>,
}

/// Compares all that a scenario expects with what came of its replay. A value that is expected
/// and that the replay does not have is a mismatch; what the replay has besides is not.
pub fn compare(scenario: &Scenario, replayed: &Json) -> Comparison {
    let mut comparison = Comparison::default();
    // A stack, so that no nesting of the input can exhaust ours.
    let mut open = vec![(Vec::<String>::new(), scenario.expected(), Some(replayed))];
    while let Some((path, expected, got)) = open.pop() {
        match expected {
            Json::Object(expected) => {
                for (key, value) in expected.into_iter().rev() {
                    let got = got.and_then(|got| got.get(&key));
                    open.push((path.iter().cloned().chain([key]).collect(), value, got));
                }
            }
            expected => {
                comparison.compared += 1;
                if got != Some(&expected) {
                    let (view, what) = split(&path);
                    comparison.mismatches.push(Mismatch {
                        scenario: scenario.setting.id.clone(),
                        view,
                        what,
                        expected: expected.to_string(),
                        got: got.map_or("nothing".to_owned(), Json::to_string),
                    });
                }
            }
        }
    }
    comparison
}

/// Where a value stands: in which view, and what it is there.
fn split(path: &[String]) -> (String, String) {
    let path: Vec<&str> = path.iter().map(String::as_str).filter(|&key| key != "expect").collect();
    match path.as_slice() {
        ["final" | "views", view, what @ ..] => ((*view).to_owned(), what.join(".")),
        [view, what @ ..] => ((*view).to_owned(), what.join(".")),
        [] => (String::new(), String::new()),
    }
}
