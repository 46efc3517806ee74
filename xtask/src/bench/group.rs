//! The benchmarks of one group: functions beside each other, at several values of one parameter.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::measurement::Measurement;

/// What the parameter of a group counts, and of what the time is if it is that of one element:
/// criterion records neither. By the beginning of the group's name; the first that fits counts.
#[rustfmt::skip]
const UNITS: &[(&str, &str, &str)] = &[
    ("ancestor",              "blocks",                  "query"),
    ("clique oracle",         "validators",              "question"),
    ("codec/look-up",         "messages",                "look-up"),
    ("codec/",                "citations",               "message"),
    ("common ancestor",       "blocks",                  "query"),
    ("end to end/",           "validators",              "message"),
    ("finality/",             "validators",              "message"),
    ("ingest/growth",         "messages held",           "message"),
    ("ingest/",               "validators",              "message"),
    ("inspector",             "validators",              "question"),
    ("maximum-weight clique", "edge probability in %",   "question"),
    ("vote and head/",        "blocks",                  "vote and head"),
];

/// A group of benchmarks.
#[derive(Debug, PartialEq)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// In the order in which they were first measured.
    pub(crate) functions: Vec<String>,
    /// The values of the parameter: numbers ascending, then what is no number.
    pub(crate) parameters: Vec<String>,
    /// By function and parameter.
    cells: BTreeMap<(String, String), Measurement>,
}

impl Group {
    fn new(name: String, measurements: Vec<Measurement>) -> Self {
        let mut group =
            Self { name, functions: Vec::new(), parameters: Vec::new(), cells: BTreeMap::new() };
        for measurement in measurements {
            let Measurement { function, parameter, .. } = &measurement;
            if !group.functions.contains(function) {
                group.functions.push(function.clone());
            }
            if !group.parameters.contains(parameter) {
                group.parameters.push(parameter.clone());
            }
            group.cells.insert((function.clone(), parameter.clone()), measurement);
        }
        group.parameters.sort_by(|one, other| match (number(one), number(other)) {
            (Some(one), Some(other)) => one.total_cmp(&other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => one.cmp(other),
        });
        group
    }

    /// What was measured of `function` at `parameter`, if anything was.
    pub(crate) fn get(&self, function: &str, parameter: &str) -> Option<&Measurement> {
        self.cells.get(&(function.to_owned(), parameter.to_owned()))
    }

    /// The points of `function` in ascending order of the parameter, where that is a number: the
    /// number, and nanoseconds.
    pub(crate) fn points(&self, function: &str) -> Vec<(f64, f64)> {
        let point = |parameter: &String| {
            Some((number(parameter)?, self.get(function, parameter)?.nanoseconds))
        };
        self.parameters.iter().filter_map(point).collect()
    }

    /// What the parameter counts.
    pub(crate) fn parameter_name(&self) -> &'static str {
        self.units().map_or("parameter", |(_, parameter, _)| parameter)
    }

    /// What the times are of, if they are of one element of several.
    pub(crate) fn element_name(&self) -> Option<&'static str> {
        let per_element = self.cells.values().any(|cell| cell.per_element);
        per_element.then(|| self.units().map_or("element", |(_, _, element)| element))
    }

    /// The name, as a part of a file's name: letters, digits and single hyphens.
    pub(crate) fn slug(&self) -> String {
        let words = self.name.split(|c: char| !c.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        words.join("-").to_ascii_lowercase()
    }

    fn units(&self) -> Option<(&'static str, &'static str, &'static str)> {
        UNITS.iter().copied().find(|(beginning, ..)| self.name.starts_with(beginning))
    }
}

/// The parameter, if it is a number that a logarithmic axis can show.
fn number(parameter: &str) -> Option<f64> {
    parameter.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}

/// The groups of these measurements, by name.
pub(crate) fn groups(measurements: Vec<Measurement>) -> Vec<Group> {
    let mut groups: BTreeMap<String, Vec<Measurement>> = BTreeMap::new();
    for measurement in measurements {
        groups.entry(measurement.group.clone()).or_default().push(measurement);
    }
    groups.into_iter().map(|(name, measurements)| Group::new(name, measurements)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A group of these functions, each at these parameters and nanoseconds.
    pub(crate) fn group(
        name: &str,
        per_element: bool,
        functions: &[(&str, &[(&str, f64)])],
    ) -> Group {
        let mut measurements = Vec::new();
        for (function, points) in functions {
            for &(parameter, nanoseconds) in *points {
                measurements.push(Measurement {
                    group: name.to_owned(),
                    function: (*function).to_owned(),
                    parameter: parameter.to_owned(),
                    nanoseconds,
                    error: 0.001,
                    per_element,
                });
            }
        }
        groups(measurements).pop().unwrap()
    }

    #[test]
    fn parameters_are_in_the_order_of_numbers_and_functions_in_that_of_measuring() {
        let group = group(
            "g",
            false,
            &[("z", &[("1000", 3.0), ("20", 1.0), ("all", 9.0)]), ("a", &[("100", 2.0)])],
        );
        assert_eq!(group.parameters, ["20", "100", "1000", "all"]);
        assert_eq!(group.functions, ["z", "a"]);
        assert_eq!(group.points("z"), [(20.0, 1.0), (1000.0, 3.0)]);
        assert_eq!(group.points("a"), [(100.0, 2.0)]);
    }

    #[test]
    fn a_group_knows_what_it_counts() {
        let growth = group("ingest/growth, 10 validators", true, &[("f", &[("10", 1.0)])]);
        assert_eq!(growth.parameter_name(), "messages held");
        assert_eq!(growth.element_name(), Some("message"));
        assert_eq!(growth.slug(), "ingest-growth-10-validators");
        let other = group("something else", false, &[("f", &[("10", 1.0)])]);
        assert_eq!((other.parameter_name(), other.element_name()), ("parameter", None));
    }
}
