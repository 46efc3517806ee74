//! The files of the workspace.

use anyhow::Context;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};

/// Every file below `root`, sorted, as a path relative to it.
///
/// Build output (`target`) and hidden directories are not the workspace's.
pub(crate) fn below(root: &Utf8Path) -> anyhow::Result<Vec<Utf8PathBuf>> {
    let mut files = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let unreadable = || format!("cannot list {directory}");
        for entry in directory.read_dir_utf8().with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            if !entry.file_type().with_context(unreadable)?.is_dir() {
                files.push(entry.path().strip_prefix(root)?.to_owned());
            } else if entry.file_name() != "target" && !entry.file_name().starts_with('.') {
                directories.push(entry.into_path());
            }
        }
    }
    files.sort();
    Ok(files)
}
