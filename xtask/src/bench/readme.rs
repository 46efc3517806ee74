//! The section of the README that shows what was measured.

use std::fs;

use anyhow::Context;
use cargo_metadata::camino::Utf8Path;

use super::comparison::comparisons;
use super::group::Group;
use super::report::{Report, plot_file};
use super::{numbers, plot, table};

/// The groups that the README shows, in its order: for each line the first whose name begins so.
const SHOWN: [&str; 6] = [
    "end to end/",
    "ingest/in order",
    "ingest/growth, 10 validators",
    "vote and head/chain with 10 % short forks",
    "finality/one more message",
    "ancestor",
];

/// Where plots are kept, from the root of the workspace.
const PLOTS: &str = "tests/data/readme";

/// What is written lies between these two lines.
const BEGIN: &str = "<!-- measured: written by `cargo xtask bench --readme` -->\n";
const END: &str = "<!-- end of measured -->\n";

/// Writes the plots of the groups shown, and the README's table of them. A finding for each line of
/// [`SHOWN`] that was not measured.
pub(crate) fn write(root: &Utf8Path, report: &Report) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut rows = Vec::new();
    let mut images = String::new();
    for name in SHOWN {
        let Some(group) = report.groups.iter().find(|group| group.name.starts_with(name)) else {
            findings.push(format!("`{name}` is shown in the README, but was not measured"));
            continue;
        };
        rows.extend(newest_rows(group));
        if let Some(svg) = plot::svg(group)? {
            let path = Utf8Path::new(PLOTS).join(plot_file(group));
            fs::write(root.join(&path), svg).with_context(|| format!("cannot write {path}"))?;
            images += &format!("\n![{}: {}]({path})\n", group.name, table::caption(group));
        }
    }

    let heading = ["group", "size", "here", "beside", "ratio"].map(str::to_owned);
    let measured = format!(
        "On {}, by `{}`:\n\n{}{images}",
        report.machine.join(", "),
        report.command,
        table::markdown(4, &heading, &rows),
    );
    let path = root.join("README.md");
    let readme = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let readme = with_measured(&readme, &measured)
        .context("README.md has no place for what was measured: two comments mark it")?;
    fs::write(&path, readme).with_context(|| format!("cannot write {path}"))?;
    Ok(findings)
}

/// A row for each comparison of `group`, at the greatest size at which both were measured; or the
/// first function, if there is nothing to compare with.
fn newest_rows(group: &Group) -> Vec<Vec<String>> {
    let cell = |function: &str, parameter: &str| {
        let cell = group.get(function, parameter).map_or_else(String::new, table::cell);
        format!("{function}: {cell}")
    };
    let size = |parameter: &str| format!("{parameter} {}", group.parameter_name());
    let name = format!("{}, {}", group.name, table::caption(group));
    let mut rows = Vec::new();
    for comparison in comparisons(group) {
        let mut sizes = group.parameters.iter().rev();
        let at = sizes.find_map(|size| Some((size, comparison.ratio(group, size)?)));
        if let Some((parameter, ratio)) = at {
            rows.push(vec![
                name.clone(),
                size(parameter),
                cell(comparison.ours, parameter),
                cell(comparison.theirs, parameter),
                numbers::significant(ratio),
            ]);
        }
    }
    if let (true, Some(function), Some(parameter)) =
        (rows.is_empty(), group.functions.first(), group.parameters.last())
    {
        let nothing = String::new;
        rows.push(vec![name, size(parameter), cell(function, parameter), nothing(), nothing()]);
    }
    rows
}

/// `readme` with `measured` at its place.
fn with_measured(readme: &str, measured: &str) -> Option<String> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{measured}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::super::group::tests::group;
    use super::*;

    #[test]
    fn what_was_measured_takes_its_place_and_no_other() {
        let readme = format!("before\n{BEGIN}old\n{END}after\n");
        let expected = format!("before\n{BEGIN}\nnew\n\n{END}after\n");
        assert_eq!(with_measured(&readme, "new\n"), Some(expected.clone()));
        assert_eq!(with_measured(&expected, "new\n"), Some(expected));
        assert_eq!(with_measured("nothing", "new\n"), None);
    }

    #[test]
    fn a_comparison_is_shown_at_the_greatest_size_that_both_have() {
        let group = group(
            "ancestor",
            true,
            &[
                ("jump pointers", &[("10", 30.0), ("100", 40.0), ("1000", 50.0)]),
                ("parent by parent (twin)", &[("10", 60.0), ("100", 400.0)]),
            ],
        );
        assert_eq!(
            newest_rows(&group),
            [[
                "ancestor, time per query",
                "100 blocks",
                "jump pointers: 40.0 ns",
                "parent by parent (twin): 400 ns",
                "10.0",
            ]]
        );
    }

    #[test]
    fn what_has_no_rival_is_shown_alone() {
        let group = group("ingest/growth", true, &[("observer", &[("10", 1e3), ("20", 2e3)])]);
        let row =
            ["ingest/growth, time per message", "20 messages held", "observer: 2.00 µs", "", ""];
        assert_eq!(newest_rows(&group), [row]);
    }

    #[test]
    fn the_readme_has_a_place_for_what_was_measured() {
        let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
        let readme = fs::read_to_string(readme).unwrap();
        assert!(with_measured(&readme, "").is_some());
    }
}
