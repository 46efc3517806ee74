//! The files of the workspace.

use anyhow::Context;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Every file below `root`, sorted, as a path relative to it.
///
/// Build output (`target`) and hidden directories are not the workspace's.
pub(crate) fn below(root: &Utf8Path) -> anyhow::Result<Vec<Utf8PathBuf>> {
    let is_ours = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        !entry.file_type().is_dir()
            || entry.depth() == 0
            || name != "target" && !name.starts_with('.')
    };
    let mut files = Vec::new();
    for entry in WalkDir::new(root).into_iter().filter_entry(is_ours) {
        let entry = entry.with_context(|| format!("cannot list {root}"))?;
        if !entry.file_type().is_dir() {
            let path = Utf8PathBuf::try_from(entry.into_path())?;
            files.push(path.strip_prefix(root)?.to_owned());
        }
    }
    files.sort();
    Ok(files)
}
