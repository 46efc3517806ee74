//! How long messages travel between regions of the world: a matrix, from a file.

use std::sync::Arc;

use crate::source::{ConfigError, Item};

/// The matrix that comes with this crate, and its name: IBM Cloud, 2024.
pub const CLOUD: (&str, &str) = ("cloud", include_str!("../data/cloud-regions.csv"));

/// Regions, and the round-trip time between each two of them in milliseconds.
///
/// As text: lines of values separated by commas, the first of which begins with `from` and names
/// the regions; each other line begins with the region that messages are sent from. Lines that
/// begin with `#` are comments.
#[derive(Clone, Debug, PartialEq)]
pub struct Regions {
    /// What the file is called.
    pub file: String,
    /// Their names.
    pub names: Vec<String>,
    /// By sender and receiver.
    round_trips: Vec<Vec<f64>>,
    /// What it was read from.
    pub text: String,
    /// A hash of that.
    pub hash: String,
}

impl Regions {
    /// # Errors
    ///
    /// What is wrong, with the line.
    pub fn parse(file: &str, text: &str) -> Result<Self, String> {
        let rows = (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#'));
        let mut rows = rows.filter(|(_, line)| !line.trim().is_empty());
        let cells =
            |line: &str| line.split(',').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        let (number, heading) =
            rows.next().ok_or_else(|| format!("{file}: expected a line that begins with from"))?;
        let mut names = cells(heading);
        if names.first().map(String::as_str) != Some("from") || names.len() < 2 {
            return Err(format!("{file}:{number}: expected from and the names of regions"));
        }
        names.remove(0);
        let mut round_trips = Vec::new();
        for (place, (number, line)) in rows.enumerate() {
            let row = cells(line);
            let expected = names.get(place).map_or("no more lines", String::as_str);
            if row.first().map(String::as_str) != Some(expected) {
                return Err(format!(
                    "{file}:{number}: expected {expected} first, as in the heading"
                ));
            }
            let times: Option<Vec<f64>> =
                row.iter().skip(1).map(|cell| cell.parse().ok()).collect();
            let allowed = |time: &f64| (0.0..=1e9).contains(time);
            let times =
                times.filter(|times| times.len() == names.len() && times.iter().all(allowed));
            round_trips.push(times.ok_or_else(|| {
                format!("{file}:{number}: expected {} times from 0 to 1e9", names.len())
            })?);
        }
        if round_trips.len() != names.len() {
            return Err(format!("{file}: expected a line for each of {}", names.join(", ")));
        }
        let hash = blake3::hash(text.as_bytes()).to_hex().chars().take(16).collect();
        Ok(Self { file: file.to_owned(), names, round_trips, text: text.to_owned(), hash })
    }

    /// The one-way time from one region to another, half the round trip; regions are numbered.
    pub(crate) fn one_way(&self, from: usize, to: usize) -> f64 {
        self.round_trips.get(from).and_then(|row| row.get(to)).copied().unwrap_or(0.0) / 2.0
    }

    /// The numbers of the regions in a list of names.
    pub(crate) fn chosen(self: &Arc<Self>, item: &Item<'_>) -> Result<Vec<usize>, ConfigError> {
        let names: Vec<(&str, usize)> = self.names.iter().map(String::as_str).zip(0..).collect();
        item.all(|item| item.choice(&names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_that_comes_with_this_crate_is_read() {
        let regions = Regions::parse(CLOUD.0, CLOUD.1).unwrap();
        assert_eq!(regions.names.len(), 10);
        assert_eq!((regions.one_way(0, 9), regions.one_way(9, 0)), (73.0, 72.0));
    }

    #[test]
    fn what_is_wrong_with_a_matrix_is_said_with_its_line() {
        for (text, expected) in [
            ("", "f: expected a line that begins with from"),
            ("# only\n", "f: expected a line that begins with from"),
            ("to,A\nA,1\n", "f:1: expected from and the names of regions"),
            ("from,A,B\nB,1,2\n", "f:2: expected A first, as in the heading"),
            ("from,A,B\nA,1\n", "f:2: expected 2 times from 0 to 1e9"),
            ("from,A,B\nA,1,-2\nB,1,1\n", "f:2: expected 2 times from 0 to 1e9"),
            ("from,A,B\nA,1,2\n", "f: expected a line for each of A, B"),
            ("from,A\nA,1\nB,2\n", "f:3: expected no more lines first, as in the heading"),
        ] {
            assert_eq!(Regions::parse("f", text).unwrap_err(), expected, "{text:?}");
        }
    }
}
