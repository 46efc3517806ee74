//! Links between the pages of the workspace.

use cargo_metadata::camino::Utf8Path;
use pulldown_cmark::{Event, LinkType, Parser, Tag};

/// One finding for each link of the page `path` below `root` to a file that is not there.
pub(crate) fn findings(root: &Utf8Path, path: &Utf8Path, text: &str) -> Vec<String> {
    let folder = root.join(path.parent().unwrap_or(path));
    let is_there = |file: &str| {
        let found = folder.join(file).canonicalize_utf8();
        found.is_ok_and(|found| root.canonicalize_utf8().is_ok_and(|root| found.starts_with(root)))
    };
    let mut findings = Vec::new();
    for (target, offset) in targets(text) {
        let file = target.split('#').next().unwrap_or_default();
        // A heading of this page, or not a file.
        let elsewhere = file.is_empty() || file.contains(':');
        if !elsewhere && !is_there(file) {
            let line = 1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count();
            findings.push(format!("{path}:{line} links to {file}, which is not there"));
        }
    }
    findings
}

/// What a page links to, and at which byte it does.
fn targets(text: &str) -> Vec<(String, usize)> {
    let parser = Parser::new(text);
    let definitions = parser.reference_definitions();
    let mut targets: Vec<_> =
        definitions.iter().map(|(_, it)| (it.dest.to_string(), it.span.start)).collect();
    for (event, place) in parser.into_offset_iter() {
        // What refers to a definition is there already.
        if let Event::Start(
            Tag::Link { link_type: LinkType::Inline, dest_url, .. }
            | Tag::Image { link_type: LinkType::Inline, dest_url, .. },
        ) = event
        {
            targets.push((dest_url.to_string(), place.start));
        }
    }
    targets.sort_by_key(|(_, offset)| *offset);
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_file_that_is_not_there_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        std::fs::create_dir_all(root.join("crates/x/src")).unwrap();
        for file in ["README.md", "crates/x/src/lib.rs"] {
            std::fs::write(root.join(file), "").unwrap();
        }
        let text = "[a](../../README.md#top), ![b](src/lib.rs \"title\"), [c](#here), \
                    [d](https://e.f)\n[g](src/main.rs) and [h](../../../README.md), `[x](y)`\n\n\
                    ```\n[i](nowhere)\n```\n\
                    [j]: gone.md\n";
        let path = Utf8Path::new("crates/x/README.md");
        let expected = [
            format!("{path}:2 links to src/main.rs, which is not there"),
            format!("{path}:2 links to ../../../README.md, which is not there"),
            format!("{path}:7 links to gone.md, which is not there"),
        ];
        assert_eq!(findings(root, path, text), expected);
    }
}
