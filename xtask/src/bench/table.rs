//! A group as a Markdown table: a row for each value of the parameter, a column for each function.

use super::comparison::comparisons;
use super::group::Group;
use super::instructions::Count;
use super::measurement::Measurement;
use super::numbers;

/// A standard error above this part of a time is shown beside it.
const NOISE: f64 = 0.05;

/// What the cells of `group` are.
pub(crate) fn caption(group: &Group) -> String {
    group.element_name().map_or_else(|| "time".to_owned(), |element| format!("time per {element}"))
}

/// A time, and how sure it is where that is not very.
pub(crate) fn cell(measurement: &Measurement) -> String {
    let time = numbers::time(measurement.nanoseconds);
    if measurement.error > NOISE {
        format!("{time} ±{:.0} %", 100.0 * measurement.error)
    } else {
        time
    }
}

/// Rows of cells below a heading: as many columns of `words`, to the left; then numbers, to the
/// right.
pub(crate) fn markdown(words: usize, heading: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut text = line(heading);
    let numbers = heading.len().saturating_sub(words);
    text += &format!("|{}{}\n", " --- |".repeat(words), " ---: |".repeat(numbers));
    text.extend(rows.iter().map(|row| line(row)));
    text
}

/// The table of `group`, with a column for each comparison of its functions.
pub(crate) fn table(group: &Group) -> String {
    let comparisons = comparisons(group);
    let mut heading = vec![group.parameter_name().to_owned()];
    heading.extend(group.functions.iter().cloned());
    heading.extend(comparisons.iter().map(|comparison| comparison.heading()));
    let row = |parameter: &String| {
        let mut row = vec![parameter.clone()];
        row.extend(
            group
                .functions
                .iter()
                .map(|function| group.get(function, parameter).map_or_else(String::new, cell)),
        );
        row.extend(comparisons.iter().map(|comparison| {
            comparison.ratio(group, parameter).map_or_else(String::new, numbers::significant)
        }));
        row
    };
    let rows: Vec<Vec<String>> = group.parameters.iter().map(row).collect();
    markdown(0, &heading, &rows)
}

/// The table of instruction counts.
pub(crate) fn instructions(counts: &[Count]) -> String {
    let heading = ["case", "size", "instructions"].map(str::to_owned);
    let row = |count: &Count| {
        vec![count.case.clone(), count.size.clone(), numbers::count(count.instructions)]
    };
    markdown(1, &heading, &counts.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::super::group::{groups, tests::group};
    use super::*;

    #[test]
    fn a_group_is_a_table_with_its_ratios() {
        let group = group(
            "ingest/in order",
            true,
            &[
                ("floor", &[("1000", 2_000.0), ("10", 250.4)]),
                ("view (V1-V4, V8)", &[("1000", 14_000.0), ("10", 1_002.0)]),
                ("a|b", &[("1000", 1e6)]),
            ],
        );
        let expected = "\
| validators | floor | view (V1-V4, V8) | a\\|b | view (V1-V4, V8) ÷ floor |
| ---: | ---: | ---: | ---: | ---: |
| 10 | 250 ns | 1.00 µs |  | 4.00 |
| 1000 | 2.00 µs | 14.0 µs | 1.00 ms | 7.00 |
";
        assert_eq!(table(&group), expected);
        assert_eq!(caption(&group), "time per message");
    }

    #[test]
    fn an_unsure_time_says_so() {
        let measurement = Measurement {
            group: "g".to_owned(),
            function: "f".to_owned(),
            parameter: String::new(),
            nanoseconds: 12.0,
            error: 0.123,
            per_element: false,
        };
        assert_eq!(cell(&measurement), "12.0 ns ±12 %");
        let group = groups(vec![measurement]).pop().unwrap();
        assert_eq!(caption(&group), "time");
        assert_eq!(table(&group), "| parameter | f |\n| ---: | ---: |\n|  | 12.0 ns ±12 % |\n");
    }

    #[test]
    fn instructions_are_counted_in_full() {
        let count = Count { case: "codec/encode".into(), size: "100".into(), instructions: 12_345 };
        assert_eq!(
            instructions(&[count]),
            "| case | size | instructions |\n| --- | ---: | ---: |\n\
             | codec/encode | 100 | 12 345 |\n"
        );
    }
}
