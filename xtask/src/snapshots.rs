//! Snapshots nobody has looked at yet must not lie about.

use cargo_metadata::camino::Utf8Path;

use crate::files;

/// One finding for each pending snapshot below `root`.
pub(crate) fn findings(root: &Utf8Path) -> anyhow::Result<Vec<String>> {
    Ok(files::below(root)?
        .iter()
        .filter(|path| is_pending(path))
        .map(|path| format!("{path} is a pending snapshot: accept it or remove it"))
        .collect())
}

/// insta writes `*.snap.new` beside a snapshot file, `.*.pending-snap` beside an inline one.
fn is_pending(path: &Utf8Path) -> bool {
    let path = path.as_str();
    path.ends_with(".snap.new") || path.ends_with(".pending-snap")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pending_snapshots_are_pending() {
        assert!(is_pending("tests/snapshots/a.snap.new".into()));
        assert!(is_pending("crates/x/src/.lib.rs.pending-snap".into()));
        assert!(!is_pending("tests/snapshots/a.snap".into()));
    }
}
