//! What would be published: each library as a package of its own.

use std::fs;

use cargo_metadata::camino::Utf8Path;
use cargo_metadata::{Metadata, Package};

use crate::cargo;
use crate::suite::Outcome;

/// What each package must have in it, word for word as in the root of the workspace.
const LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];

/// Packages every crate that may be published; unless `quick`, builds each from its package, and
/// looks whether its licences are in it.
pub(crate) fn run(workspace: &Metadata, quick: bool) -> anyhow::Result<Outcome> {
    let root = &workspace.workspace_root;
    let packages = workspace.workspace_packages();
    let published: Vec<&&Package> = packages.iter().filter(|it| is_published(it)).collect();
    // What is not committed yet is packaged, too; what a package needs of the workspace comes from
    // the other packages.
    let mut words = vec!["package", "--offline", "--allow-dirty", "--quiet"];
    words.extend(quick.then_some("--no-verify"));
    for package in &published {
        words.extend(["--package", package.name.as_str()]);
    }
    let mut outcome = cargo::run_words(root, &words, &[])?;
    if !quick && outcome.findings.is_empty() {
        for package in published {
            let name = format!("{}-{}", package.name, package.version);
            let unpacked = workspace.target_directory.join("package").join(&name);
            outcome.findings.extend(licences(root, &unpacked, &name)?);
        }
    }
    Ok(outcome)
}

/// Whether a manifest lets its crate be published: not if it says `publish = false`.
fn is_published(package: &Package) -> bool {
    package.publish.as_ref().is_none_or(|registries| !registries.is_empty())
}

/// One finding for each licence that is not in the package `name`, which was unpacked there.
fn licences(root: &Utf8Path, unpacked: &Utf8Path, name: &str) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    for licence in LICENCES {
        let text = fs::read_to_string(root.join(licence))?;
        if fs::read_to_string(unpacked.join(licence)).ok() != Some(text) {
            findings.push(format!("the package {name} does not have {licence} in it"));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_without_a_licence_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let unpacked = root.join("a-1.0.0");
        fs::create_dir(&unpacked).unwrap();
        for licence in LICENCES {
            fs::write(root.join(licence), "all").unwrap();
        }
        fs::write(unpacked.join(LICENCES[0]), "all").unwrap();
        fs::write(unpacked.join(LICENCES[1]), "a link").unwrap();
        let findings = licences(root, &unpacked, "a-1.0.0").unwrap();
        assert_eq!(findings, ["the package a-1.0.0 does not have LICENSE-APACHE in it"]);
    }

    #[test]
    fn libraries_are_published_and_what_tests_them_is_not() {
        let workspace = cargo::workspace().unwrap();
        for package in workspace.workspace_packages() {
            let name = package.name.as_str();
            let ours = ["cbc-testkit", "cbc-tests", "two-layers", "xtask"].contains(&name);
            assert_eq!(is_published(package), !ours, "{name}");
        }
    }
}
