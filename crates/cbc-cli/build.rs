//! What the program was built from and with, for `meta.json` of experiments.

use std::process::Command;

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = said(&rustc, &["--version"]).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=CBC_RUSTC={version}");
    // Of this repository, not of one that happens to be around an unpacked package.
    let commit = said("git", &["ls-files", "--error-unmatch", "build.rs"])
        .and_then(|_| said("git", &["rev-parse", "HEAD"]))
        .unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=CBC_COMMIT={commit}");
    // This file changes with every commit, and with every change of branch.
    if let Some(log) =
        said("git", &["rev-parse", "--path-format=absolute", "--git-path", "logs/HEAD"])
            .filter(|log| std::path::Path::new(log).exists())
    {
        println!("cargo::rerun-if-changed={log}");
    }
}
