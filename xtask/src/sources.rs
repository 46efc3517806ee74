//! Rules for source files that no compiler checks.

use std::fs;

use anyhow::Context;
use cargo_metadata::camino::Utf8Path;

use crate::files;

/// The only source file that may name bincode; the layering keeps it out of other crates.
const CODEC: &str = "crates/cbc-message/src/codec.rs";

/// And what its tests compare it with: all of the format by bincode.
const TWIN: &str = "crates/cbc-message/tests/twin/mod.rs";

/// One finding for each rule that a source file below `root` breaks.
pub(crate) fn findings(root: &Utf8Path) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    for path in files::below(root)?.iter().filter(|path| is_source(path)) {
        let text =
            fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))?;
        findings.extend(check(path, &text));
    }
    Ok(findings)
}

/// Rust files of ours; what lies in `tests/data` is input, whatever its extension.
fn is_source(path: &Utf8Path) -> bool {
    path.extension() == Some("rs")
        && ["crates", "tests", "xtask"].iter().any(|ours| path.starts_with(ours))
        && !path.as_str().contains("tests/data/")
}

fn check(path: &Utf8Path, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    if !text.starts_with("//!") {
        findings.push(format!("{path} does not begin with a `//!` line that says what it is"));
    }
    if path.starts_with("crates/cbc-message") && path != CODEC && path != TWIN {
        for (number, line) in (1..).zip(text.lines()) {
            if names(line, "bincode") {
                findings.push(format!("{path}:{number} names bincode: only {CODEC} may"));
            }
        }
    }
    findings
}

/// Whether this line has `word` as an identifier before its comment, if it has one.
fn names(line: &str, word: &str) -> bool {
    line.split("//")
        .next()
        .unwrap_or_default()
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|identifier| identifier == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_begins_with_what_it_is() {
        let path = Utf8Path::new("crates/cbc-view/src/view.rs");
        assert!(check(path, "//! A view.\nfn f() {}\n").is_empty());
        assert_eq!(
            check(path, "fn f() {}\n"),
            ["crates/cbc-view/src/view.rs does not begin with a `//!` line that says what it is"]
        );
    }

    #[test]
    fn only_the_codec_names_bincode_in_code() {
        let text =
            "//! Not bincode.\nuse bincode::Options; // why\nlet bincode_free = 1; // bincode\n";
        assert_eq!(
            check("crates/cbc-message/src/hash.rs".into(), text),
            [format!("crates/cbc-message/src/hash.rs:2 names bincode: only {CODEC} may")]
        );
        assert!(check(CODEC.into(), text).is_empty());
    }

    #[test]
    fn input_data_is_not_source() {
        assert!(is_source("tests/src/lib.rs".into()));
        assert!(is_source("crates/cbc-view/tests/order.rs".into()));
        assert!(!is_source("tests/data/broken.rs".into()));
        assert!(!is_source("tests/data.json".into()));
        assert!(!is_source("out/generated.rs".into()));
    }
}
