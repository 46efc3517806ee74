//! Counting tests in the output of the test runners.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed, failed and were ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Tally {
    /// What this line of output reports: nothing, unless it is a runner's `test result:` line.
    pub(crate) fn of_line(line: &str) -> Self {
        let mut tally = Self::default();
        let Some(result) = line.strip_prefix("test result:") else {
            return tally;
        };
        for field in result.split(['.', ';']) {
            let Some((count, what)) = field.trim().split_once(' ') else {
                continue;
            };
            let Ok(count) = count.parse() else { continue };
            match what {
                "passed" => tally.passed = count,
                "failed" => tally.failed = count,
                "ignored" => tally.ignored = count,
                _ => {}
            }
        }
        tally
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// The form a CI reads.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_line_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 4 ignored; 0 measured; \
                    7 filtered out; finished in 0.05s\n";
        let expected = Tally { passed: 12, failed: 3, ignored: 4 };
        assert_eq!(Tally::of_line(line), expected);
    }

    #[test]
    fn colour_around_the_verdict_does_not_matter() {
        let line = "test result: \u{1b}[32mok\u{1b}(B\u{1b}[m. 5 passed; 0 failed; 0 ignored";
        assert_eq!(Tally::of_line(line).passed, 5);
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in ["", "running 5 tests", "test a ... ok", "failures: 5 passed; 1 failed"] {
            assert_eq!(Tally::of_line(line), Tally::default());
        }
    }

    #[test]
    fn tallies_add_up_to_the_line_a_ci_reads() {
        let mut tally = Tally::of_line("test result: ok. 2 passed; 0 failed; 1 ignored;");
        tally += Tally::of_line("test result: FAILED. 3 passed; 1 failed; 0 ignored;");
        assert_eq!(tally.to_string(), "5 passed, 1 failed");
        assert_eq!(tally.ignored, 1);
    }
}
