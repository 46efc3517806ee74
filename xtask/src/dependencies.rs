//! What others made: each dependency of the workspace is argued for on a page.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Context;
use cargo_metadata::Metadata;

/// Where, from the root of the workspace: a row for each, `| name | …`.
const PAGE: &str = "DEPENDENCIES.md";

/// One finding for each dependency without a row, and each row without a dependency.
pub(crate) fn findings(workspace: &Metadata) -> anyhow::Result<Vec<String>> {
    let path = workspace.workspace_root.join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    Ok(compare(&named(workspace), &argued_for(&page)))
}

/// What the manifests name that is not of the workspace itself.
fn named(workspace: &Metadata) -> BTreeSet<&str> {
    let packages = workspace.workspace_packages();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let dependencies = packages.iter().flat_map(|package| &package.dependencies);
    let names = dependencies.map(|dependency| dependency.name.as_str());
    names.filter(|name| !ours.contains(name)).collect()
}

/// The names in the first columns of the page's tables.
fn argued_for(page: &str) -> BTreeSet<&str> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    cells.map(|(name, _)| name).collect()
}

fn compare(named: &BTreeSet<&str>, argued_for: &BTreeSet<&str>) -> Vec<String> {
    let without = named.difference(argued_for);
    let gone = argued_for.difference(named);
    let without = without.map(|name| format!("{name} has no row in {PAGE} that argues for it"));
    without
        .chain(gone.map(|name| format!("{PAGE} argues for {name}, which nothing depends on")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_without_a_row_and_a_row_without_a_dependency_are_found() {
        let page = "| crate | for |\n| --- | --- |\n| `anyhow` | errors |\n| `rayon` | threads |\n";
        assert_eq!(
            compare(&BTreeSet::from(["anyhow", "serde"]), &argued_for(page)),
            [
                "serde has no row in DEPENDENCIES.md that argues for it",
                "DEPENDENCIES.md argues for rayon, which nothing depends on",
            ]
        );
    }
}
