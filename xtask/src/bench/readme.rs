//! The section of the README that shows what was measured.

use std::fs;

use anyhow::Context;
use cargo_metadata::camino::Utf8Path;
use cbc_report::Report;

/// The groups that the README shows, in its order: for each the first whose title begins so.
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
    let section = report.section(&SHOWN, PLOTS)?;
    for plot in section.plots {
        let path = root.join(PLOTS).join(plot.name);
        fs::write(&path, plot.text).with_context(|| format!("cannot write {path}"))?;
    }
    let path = root.join("README.md");
    let readme = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let readme = with_measured(&readme, &section.text)
        .context("README.md has no place for what was measured: two comments mark it")?;
    fs::write(&path, readme).with_context(|| format!("cannot write {path}"))?;
    let missing = section.missing.iter();
    Ok(missing.map(|it| format!("`{it}` is shown in the README, but was not measured")).collect())
}

/// `readme` with `measured` at its place.
fn with_measured(readme: &str, measured: &str) -> Option<String> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{measured}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
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
    fn the_readme_has_a_place_for_what_was_measured() {
        let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
        let readme = fs::read_to_string(readme).unwrap();
        assert!(with_measured(&readme, "").is_some());
    }
}
