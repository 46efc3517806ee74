//! The pages of the workspace: what is cited is there, and links lead somewhere.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};

use crate::files;

/// What everything means, in numbered sections and rules.
const SEMANTICS: &str = "crates/cbc-message/semantics.md";

/// Folders that hold the sources and pages of the workspace.
const OURS: [&str; 3] = ["crates", "tests", "xtask"];

/// One finding for each section or rule that is cited and not on the page, or on it wrongly, and
/// for each link between files below `root` that leads nowhere.
pub(crate) fn findings(root: &Utf8Path) -> anyhow::Result<Vec<String>> {
    let read = |path: &Utf8Path| {
        fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))
    };
    let page = Page::parse(&read(SEMANTICS.into())?);
    let mut findings = page.findings();
    for path in files::below(root)?.iter().filter(|path| is_read(path)) {
        let text = read(path)?;
        findings.extend(page.check(path, &text));
        if path.extension() == Some("md") {
            let is_there = |target: &Utf8Path| root.join(target).exists();
            findings.extend(broken_links(path, &text, is_there));
        }
    }
    Ok(findings)
}

/// Sources and pages of ours; what lies in `tests/data` is input.
fn is_read(path: &Utf8Path) -> bool {
    let is_ours = path.components().count() == 1 || OURS.iter().any(|it| path.starts_with(it));
    matches!(path.extension(), Some("rs" | "md"))
        && is_ours
        && !path.as_str().contains("tests/data/")
}

/// What the page has, and in which lines: sections (`## 4. Validity`) and rules (`| V5 | …`).
#[derive(Default)]
struct Page {
    sections: BTreeMap<u32, Vec<usize>>,
    rules: BTreeMap<u32, Vec<usize>>,
}

impl Page {
    fn parse(text: &str) -> Self {
        let mut page = Self::default();
        for (line, text) in (1..).zip(text.lines()) {
            let section = text.strip_prefix("## ").and_then(|it| it.split_once(". "));
            let rule = text.strip_prefix("| V").and_then(|it| it.split_once(" |"));
            for (found, among) in [(section, &mut page.sections), (rule, &mut page.rules)] {
                if let Some(number) = found.and_then(|(number, _)| number.parse().ok()) {
                    among.entry(number).or_default().push(line);
                }
            }
        }
        page
    }

    /// What is numbered twice, or not from 1 on without a gap.
    fn findings(&self) -> Vec<String> {
        let mut findings = Vec::new();
        for (sign, numbered) in [('§', &self.sections), ('V', &self.rules)] {
            for (number, lines) in numbered.iter().filter(|(_, lines)| lines.len() > 1) {
                findings.push(format!("{SEMANTICS}: {sign}{number} is in lines {lines:?}"));
            }
            let count = numbered.len();
            if count == 0 || !numbered.keys().copied().eq((1..).take(count)) {
                let numbers = numbered.keys().collect::<Vec<_>>();
                findings
                    .push(format!("{SEMANTICS}: {sign} is numbered {numbers:?}, not from 1 on"));
            }
            let lines: Vec<usize> = numbered.values().flatten().copied().collect();
            if !lines.is_sorted() {
                findings.push(format!("{SEMANTICS}: {sign} is not in the order of its numbers"));
            }
        }
        findings
    }

    /// One finding for each citation in `text` of what the page does not have: a section after the
    /// word "semantics", or on the page itself, and a rule anywhere.
    fn check(&self, path: &Utf8Path, text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        let mut after_semantics = false;
        for (line, word) in words(text) {
            let section = word.strip_prefix('§').and_then(number);
            if let Some(section) = section
                && (after_semantics || path == SEMANTICS)
                && !self.sections.contains_key(&section)
            {
                findings.push(format!("{path}:{line} cites §{section}: not in {SEMANTICS}"));
            }
            let rule =
                word.strip_prefix('V').filter(|rest| rest.chars().all(|c| c.is_ascii_digit()));
            if let Some(rule) = rule.and_then(number)
                && !self.rules.contains_key(&rule)
            {
                findings.push(format!("{path}:{line} cites rule V{rule}: not in {SEMANTICS}"));
            }
            // Of "semantics §1, §5 and §7" all are sections of the page.
            after_semantics = word.eq_ignore_ascii_case("semantics")
                || after_semantics && (section.is_some() || word == "and");
        }
        findings
    }
}

/// The number that `text` begins with.
fn number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// The words of `text`, each with its line, without the signs between them: a comment that goes on
/// in the next line is one text.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_sign = |c: char| !c.is_alphanumeric() && c != '_' && c != '§';
    (1..).zip(text.lines()).flat_map(move |(number, line)| {
        line.split(is_sign).filter(|word| !word.is_empty()).map(move |word| (number, word))
    })
}

/// One finding for each relative link of the page `path` to a file that is not there.
fn broken_links(path: &Utf8Path, text: &str, is_there: impl Fn(&Utf8Path) -> bool) -> Vec<String> {
    let mut findings = Vec::new();
    let mut in_code = false;
    for (line, text) in (1..).zip(text.lines()) {
        if text.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let targets = if in_code { Vec::new() } else { links(text) };
        for target in targets {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains(':') {
                continue; // A heading of this page, or not a file.
            }
            if !resolve(path, file).is_some_and(|file| is_there(&file)) {
                findings.push(format!("{path}:{line} links to {file}, which is not there"));
            }
        }
    }
    findings
}

/// What a line links to: `[…](target)`, `[…](target "title")` and `[name]: target`.
fn links(line: &str) -> Vec<&str> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let defined = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|it| it.1);
    inline.chain(defined).filter_map(|target| target.split_whitespace().next()).collect()
}

/// The file that the page `path` names so; `None` if that is not in the workspace.
fn resolve(path: &Utf8Path, file: &str) -> Option<Utf8PathBuf> {
    let mut target: Utf8PathBuf = path.parent()?.to_owned();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if !target.pop() {
                    return None;
                }
            }
            part => target.push(part),
        }
    }
    Some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Title\n## 1. Terms\n| V1 | one |\n| V2 | two |\n## 2. More\n";

    #[test]
    fn what_is_cited_and_not_on_the_page_is_found_and_nothing_else_is() {
        let page = Page::parse(PAGE);
        assert_eq!(page.findings(), [""; 0]);
        // In pieces, or this file would cite them itself.
        let text = format!(
            "//! Right (semantics §{}, V{}); of others §{}, and O(V²), v{}.\n\
             /// Semantics §{} and §{}; across lines: semantics\n\
             /// §{}. Rules V{}–V{}, V{}.\n",
            1, 2, 9, 9, 2, 3, 4, 1, 3, 10
        );
        let path = Utf8Path::new("crates/x/src/lib.rs");
        let expected = [
            format!("{path}:2 cites §3: not in {SEMANTICS}"),
            format!("{path}:3 cites §4: not in {SEMANTICS}"),
            format!("{path}:3 cites rule V{}: not in {SEMANTICS}", 3),
            format!("{path}:3 cites rule V{}: not in {SEMANTICS}", 10),
        ];
        assert_eq!(page.check(path, &text), expected);
    }

    #[test]
    fn on_the_page_itself_every_section_is_one_of_its_own() {
        let text = format!("see §{} and §{}", 2, 5);
        let expected = [format!("{SEMANTICS}:1 cites §5: not in {SEMANTICS}")];
        assert_eq!(Page::parse(PAGE).check(SEMANTICS.into(), &text), expected);
    }

    #[test]
    fn sections_and_rules_are_numbered_once_in_order_and_without_a_gap() {
        let findings = |text: &str| Page::parse(text).findings();
        let rule = "| V1 | one |\n";
        let twice = findings(&format!("{rule}## 1. Terms\n## 1. Again\n"));
        assert_eq!(twice, [format!("{SEMANTICS}: §1 is in lines [2, 3]")]);
        let gap = findings(&format!("{rule}## 1. Terms\n## 3. More\n"));
        assert_eq!(gap, [format!("{SEMANTICS}: § is numbered [1, 3], not from 1 on")]);
        let order = findings(&format!("{rule}## 2. More\n## 1. Terms\n"));
        assert_eq!(order, [format!("{SEMANTICS}: § is not in the order of its numbers")]);
        assert_eq!(findings(rule), [format!("{SEMANTICS}: § is numbered [], not from 1 on")]);
    }

    #[test]
    fn a_link_to_a_file_that_is_not_there_is_found() {
        let there = ["README.md", "crates/x/src/lib.rs"];
        let is_there = |path: &Utf8Path| there.contains(&path.as_str());
        let text = "[a](../../README.md#top), ![b](src/lib.rs \"title\"), [c](#here), [d](https://e.f)\n\
                    [g](src/main.rs) and [h](../../../README.md)\n\
                    ```\n[i](nowhere)\n```\n\
                    [j]: gone.md\n";
        let path = Utf8Path::new("crates/x/README.md");
        let expected = [
            format!("{path}:2 links to src/main.rs, which is not there"),
            format!("{path}:2 links to ../../../README.md, which is not there"),
            format!("{path}:6 links to gone.md, which is not there"),
        ];
        assert_eq!(broken_links(path, text, is_there), expected);
    }
}
