//! The pages of the workspace: what is cited is there, and links lead somewhere.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context;
use cargo_metadata::camino::Utf8Path;

use crate::{files, links};

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
            findings.extend(links::findings(root, path, &text));
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
}
