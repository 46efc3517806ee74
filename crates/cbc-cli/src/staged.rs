//! Files that are replaced whole or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::{Builder, NamedTempFile, TempPath};

/// Files that are written beside those that they will replace. Until [`commit`](Self::commit)
/// nothing in the folder changes; if that is never called, it stays as it was.
pub(crate) struct Staged {
    folder: PathBuf,
    files: Vec<(TempPath, PathBuf)>,
}

impl Staged {
    /// Files for `folder`, which is made if it is not there.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { folder: folder.to_owned(), files: Vec::new() })
    }

    /// Writes a file, which will be called `name`, through to the disk; answers its path to be.
    pub(crate) fn write(&mut self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        let failed = || format!("cannot write {}", path.display());
        let mut file = create(&self.folder).with_context(failed)?;
        file.write_all(content.as_bytes()).with_context(failed)?;
        file.as_file().sync_all().with_context(failed)?;
        self.files.push((file.into_temp_path(), path.clone()));
        Ok(path)
    }

    /// Puts all that was written in its place, and then removes other files of the folder whose
    /// names `is_stale` answers for.
    pub(crate) fn commit(self, is_stale: impl Fn(&str) -> bool) -> Result<()> {
        let mut written = Vec::new();
        for (file, path) in self.files {
            file.persist(&path).with_context(|| format!("cannot write {}", path.display()))?;
            written.push(path);
        }
        let folder = &self.folder;
        let failed = || format!("cannot read {}", folder.display());
        for entry in fs::read_dir(folder).with_context(failed)? {
            let entry = entry.with_context(failed)?;
            let stale = entry.file_name().to_str().is_some_and(&is_stale);
            if stale && !written.contains(&entry.path()) {
                let path = entry.path();
                fs::remove_file(&path)
                    .with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        sync(folder).with_context(|| format!("cannot write {}", folder.display()))
    }
}

/// An empty file in `folder`, for whomever the user lets read it, as any new file.
pub(crate) fn create(folder: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".cbc-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Makes sure that the names in a folder outlast a crash.
#[cfg(unix)]
pub(crate) fn sync(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder cannot be opened so.
#[cfg(not(unix))]
pub(crate) fn sync(_: &Path) -> std::io::Result<()> {
    Ok(())
}
