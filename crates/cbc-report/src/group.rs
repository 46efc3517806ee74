//! Functions beside each other, at several sizes.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::{Function, Plot, Table, numbers};

/// A standard error above this part of a time is shown beside it.
const NOISE: f64 = 0.05;

/// What was measured of a function at one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// The function.
    pub function: Function,
    /// As it is written; empty for what has no size.
    pub size: String,
    /// The time; of one element, where the group says of what.
    pub nanoseconds: f64,
    /// The standard error of that time, as a part of it.
    pub error: f64,
}

impl Measurement {
    /// The time, and how sure it is where that is not very.
    pub fn cell(&self) -> String {
        let time = numbers::time(self.nanoseconds);
        if self.error > NOISE { format!("{time} ±{:.0} %", 100.0 * self.error) } else { time }
    }
}

/// A group of functions that were measured beside each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    title: String,
    size: String,
    element: Option<String>,
    functions: Vec<Function>,
    sizes: Vec<String>,
    /// By function, in their order, and size.
    cells: BTreeMap<(usize, String), Measurement>,
}

impl Group {
    /// The group of these measurements: `size` is what sizes count, `element` what the times are
    /// of, if they are of one element of several.
    pub fn new(
        title: &str,
        size: &str,
        element: Option<&str>,
        measurements: Vec<Measurement>,
    ) -> Self {
        let mut group = Self {
            title: title.to_owned(),
            size: size.to_owned(),
            element: element.map(str::to_owned),
            functions: Vec::new(),
            sizes: Vec::new(),
            cells: BTreeMap::new(),
        };
        for measurement in measurements {
            let Measurement { function, size, .. } = &measurement;
            let place = group.place(function).unwrap_or_else(|| {
                group.functions.push(function.clone());
                group.functions.len() - 1
            });
            if !group.sizes.contains(size) {
                group.sizes.push(size.clone());
            }
            group.cells.insert((place, size.clone()), measurement);
        }
        group.sizes.sort_by(|one, other| match (number(one), number(other)) {
            (Some(one), Some(other)) => one.total_cmp(&other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => one.cmp(other),
        });
        group
    }

    fn place(&self, function: &Function) -> Option<usize> {
        self.functions.iter().position(|known| known == function)
    }

    /// What it is called.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The functions, in the order in which they were first measured.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The sizes: numbers ascending, then what is no number.
    pub fn sizes(&self) -> &[String] {
        &self.sizes
    }

    /// What was measured of `function` at `size`, if anything was.
    pub fn get(&self, function: &Function, size: &str) -> Option<&Measurement> {
        self.cells.get(&(self.place(function)?, size.to_owned()))
    }

    /// What the times are, in words.
    pub fn caption(&self) -> String {
        match &self.element {
            Some(element) => format!("time per {element}"),
            None => "time".to_owned(),
        }
    }

    /// A row for each size: the times of each function, and the ratio of each comparison.
    pub fn table(&self) -> Table {
        let comparisons = self.comparisons();
        let mut heading = vec![self.size.clone()];
        heading.extend(self.functions.iter().map(Function::to_string));
        heading.extend(comparisons.iter().map(|comparison| comparison.heading()));
        let row = |size: &String| {
            let mut row = vec![size.clone()];
            row.extend(self.functions.iter().map(|function| self.cell(function, size)));
            row.extend(comparisons.iter().map(|comparison| {
                comparison.ratio(self, size).map_or_else(String::new, numbers::significant)
            }));
            row
        };
        Table { words: 0, heading, rows: self.sizes.iter().map(row).collect() }
    }

    /// A line for each function, where sizes are numbers.
    pub fn plot(&self) -> Plot {
        let line = |function: &Function| {
            let point =
                |size: &String| Some((number(size)?, self.get(function, size)?.nanoseconds));
            (function.to_string(), self.sizes.iter().filter_map(point).collect())
        };
        let lines = self.functions.iter().map(line).collect();
        Plot::of_times(&self.title, &self.size, &self.caption(), lines)
    }

    /// A row for each comparison, at the greatest size at which both were measured; or the first
    /// function, if there is nothing to compare with: group, size, here, beside, ratio.
    pub fn highlights(&self) -> Vec<Vec<String>> {
        let named =
            |function: &Function, size: &str| format!("{function}: {}", self.cell(function, size));
        let sized = |size: &str| format!("{size} {}", self.size);
        let title = format!("{}, {}", self.title, self.caption());
        let mut rows = Vec::new();
        for comparison in self.comparisons() {
            let mut sizes = self.sizes.iter().rev();
            let at = sizes.find_map(|size| Some((size, comparison.ratio(self, size)?)));
            if let Some((size, ratio)) = at {
                rows.push(vec![
                    title.clone(),
                    sized(size),
                    named(comparison.ours, size),
                    named(comparison.theirs, size),
                    numbers::significant(ratio),
                ]);
            }
        }
        if let (true, Some(function), Some(size)) =
            (rows.is_empty(), self.functions.first(), self.sizes.last())
        {
            let nothing = String::new;
            rows.push(vec![title, sized(size), named(function, size), nothing(), nothing()]);
        }
        rows
    }

    fn cell(&self, function: &Function, size: &str) -> String {
        self.get(function, size).map_or_else(String::new, Measurement::cell)
    }
}

/// The size, if it is a number that a logarithmic axis can show.
fn number(size: &str) -> Option<f64> {
    size.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::Role;

    /// What was measured of these functions, each at these sizes and nanoseconds.
    pub(crate) fn measured(functions: &[(Function, &[(&str, f64)])]) -> Vec<Measurement> {
        let mut measurements = Vec::new();
        for (function, points) in functions {
            for &(size, nanoseconds) in *points {
                let (function, size) = (function.clone(), size.to_owned());
                measurements.push(Measurement { function, size, nanoseconds, error: 0.001 });
            }
        }
        measurements
    }

    pub(crate) fn group(title: &str, functions: &[(Function, &[(&str, f64)])]) -> Group {
        Group::new(title, "size", None, measured(functions))
    }

    pub(crate) fn ancestors() -> Group {
        let quick: &[(&str, f64)] = &[("1000", 30.0), ("10000", 60.0), ("1000000", 200.0)];
        let slow: &[(&str, f64)] = &[("1000", 900.0), ("10000", 6_000.0)];
        let functions = [
            (Function::new("jump pointers"), quick),
            (Function::beside("parent by <parent>", Role::Twin, "jump pointers"), slow),
        ];
        Group::new("ancestor", "blocks", Some("query"), measured(&functions))
    }

    #[test]
    fn sizes_are_in_the_order_of_numbers_and_functions_in_that_of_measuring() {
        let points: [&[_]; 2] = [&[("1000", 3.0), ("20", 1.0), ("all", 9.0)], &[("100", 2.0)]];
        let group = group("g", &[(Function::new("z"), points[0]), (Function::new("a"), points[1])]);
        assert_eq!(group.sizes(), ["20", "100", "1000", "all"]);
        assert_eq!(group.functions(), [Function::new("z"), Function::new("a")]);
    }

    #[test]
    fn a_group_is_a_table_with_its_ratios() {
        let functions: [(Function, &[_]); 3] = [
            (Function::beside("floor", Role::Floor, "view"), &[("1000", 2_000.0), ("10", 250.4)]),
            (Function::new("view"), &[("1000", 14_000.0), ("10", 1_002.0)]),
            (Function::new("a|b"), &[("1000", 1e6)]),
        ];
        let group = Group::new("in order", "validators", Some("message"), measured(&functions));
        let expected = "\
| validators | floor | view | a\\|b | view ÷ floor |
| ---: | ---: | ---: | ---: | ---: |
| 10 | 250 ns | 1.00 µs |  | 4.00 |
| 1000 | 2.00 µs | 14.0 µs | 1.00 ms | 7.00 |
";
        assert_eq!(group.table().to_markdown(), expected);
        assert_eq!(group.caption(), "time per message");
    }

    #[test]
    fn an_unsure_time_says_so() {
        let function = Function::new("f");
        let unsure = Measurement { function, size: String::new(), nanoseconds: 12.0, error: 0.123 };
        assert_eq!(unsure.cell(), "12.0 ns ±12 %");
        assert_eq!(Group::new("g", "", None, vec![unsure]).caption(), "time");
    }

    #[test]
    fn a_comparison_is_highlighted_at_the_greatest_size_that_both_have() {
        assert_eq!(
            ancestors().highlights(),
            [[
                "ancestor, time per query",
                "10000 blocks",
                "jump pointers: 60.0 ns",
                "parent by <parent> (twin): 6.00 µs",
                "100",
            ]]
        );
    }

    #[test]
    fn what_is_beside_nothing_is_highlighted_alone() {
        let group = group("growth", &[(Function::new("f"), &[("10", 1e3), ("20", 2e3)])]);
        assert_eq!(group.highlights(), [["growth, time", "20 size", "f: 2.00 µs", "", ""]]);
    }
}
