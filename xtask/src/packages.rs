//! What would be published: each library as a package of its own.
//!
//! `cargo package` can build what it packed, but what it unpacks for that it keeps by version, and
//! takes for the newest ever after. So the packages are unpacked here, into a workspace of their
//! own in which each finds the others in place of a registry.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use anyhow::{Context, ensure};
use cargo_metadata::camino::Utf8Path;
use cargo_metadata::{Metadata, Package};

use crate::cargo;
use crate::suite::Outcome;

/// What each package must have in it, word for word as in the root of the workspace.
const LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];

/// Packages every crate that may be published; unless `quick`, builds all of them from their
/// packages alone, and looks whether the licences are in each.
pub(crate) fn run(workspace: &Metadata, quick: bool) -> anyhow::Result<Outcome> {
    let root = &workspace.workspace_root;
    let packages = workspace.workspace_packages();
    let published: Vec<&Package> = packages.into_iter().filter(|it| is_published(it)).collect();
    // What is not committed yet is packaged, too.
    let mut words = vec!["package", "--offline", "--allow-dirty", "--quiet", "--no-verify"];
    for package in &published {
        words.extend(["--package", package.name.as_str()]);
    }
    let mut outcome = cargo::run_words(root, &words, &[])?;
    if quick || !outcome.findings.is_empty() {
        return Ok(outcome);
    }
    let unpacked = workspace.target_directory.join("unpacked");
    let sources = unpacked.join("sources");
    if sources.exists() {
        fs::remove_dir_all(&sources).with_context(|| format!("cannot remove {sources}"))?;
    }
    fs::create_dir_all(&sources).with_context(|| format!("cannot make {sources}"))?;
    let names: Vec<(&str, String)> = published
        .iter()
        .map(|it| (it.name.as_str(), format!("{}-{}", it.name, it.version)))
        .collect();
    for (_, name) in &names {
        unpack(
            &workspace.target_directory.join("package").join(format!("{name}.crate")),
            &sources,
        )?;
        outcome.findings.extend(licences(root, &sources.join(name), name)?);
    }
    fs::write(sources.join("Cargo.toml"), manifest(&names)?)?;
    // The same versions as everywhere.
    fs::copy(root.join("Cargo.lock"), sources.join("Cargo.lock"))?;
    let target = unpacked.join("target");
    let home = [("CARGO_TARGET_DIR", target.as_str())];
    outcome += cargo::run_with(&sources, "build --workspace --offline", &home)?;
    Ok(outcome)
}

/// Whether a manifest lets its crate be published: not if it says `publish = false`.
fn is_published(package: &Package) -> bool {
    package.publish.as_ref().is_none_or(|registries| !registries.is_empty())
}

/// Unpacks a package into a folder of its own in `folder`.
fn unpack(package: &Utf8Path, folder: &Utf8Path) -> anyhow::Result<()> {
    let mut command = Command::new("tar");
    command.args(["-xzf", package.as_str(), "-C", folder.as_str()]);
    let status = command.status().context("cannot run tar: is it installed, and on the PATH?")?;
    ensure!(status.success(), "cannot unpack {package} ({status})");
    Ok(())
}

/// A workspace of these packages, by crate and folder.
fn manifest(names: &[(&str, String)]) -> anyhow::Result<String> {
    let mut text =
        "[workspace]\nresolver = \"3\"\nmembers = [\"*-*\"]\n\n[patch.crates-io]\n".to_owned();
    for (name, folder) in names {
        writeln!(text, "{name} = {{ path = \"{folder}\" }}")?;
    }
    Ok(text)
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
