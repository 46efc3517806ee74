//! A journal on the disk: only ever added to, and synced after each run.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use cbc_experiment::{Header, Record};

use crate::staged;

const NAME: &str = "journal.jsonl";

/// A journal: its first line, and where the line of each run is.
pub(crate) struct JournalFile {
    path: PathBuf,
    file: File,
    header: Header,
    /// For each run of the plan, where its line begins, and how long it is.
    lines: Vec<Option<(u64, usize)>>,
    /// Where the next line begins.
    end: u64,
}

impl JournalFile {
    /// The journal of a folder, to go on with: a new one, or, if told to resume, the one that is
    /// there, whose last line may be torn.
    pub(crate) fn open(folder: &Path, own: &Header, resume: bool) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join(NAME);
        let failed = || format!("cannot write {}", path.display());
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).with_context(failed)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => bail!("{}: in use by another process", path.display()),
            // Where files cannot be locked, nobody is kept out.
            Err(TryLockError::Error(_)) | Ok(()) => {}
        }
        let length = file.metadata().with_context(failed)?.len();
        ensure!(
            resume || length == 0,
            "{}: there is a journal already: go on with it by --resume, or choose another --output",
            path.display()
        );
        let mut journal = match Self::scan(path.clone(), file)? {
            Ok(journal) => journal,
            // Nothing, or a header that was torn: as if nothing had happened.
            Err(file) => {
                let lines = vec![None; own.runs as usize];
                let mut journal =
                    Self { path: path.clone(), file, header: own.clone(), lines, end: 0 };
                journal
                    .file
                    .set_len(0)
                    .and_then(|()| journal.file.rewind())
                    .with_context(failed)?;
                journal.add(&own.to_line())?;
                staged::sync(folder).with_context(failed)?;
                journal
            }
        };
        journal.header.is_same_as(own).with_context(|| path.display().to_string())?;
        // What was torn is written anew.
        journal.file.set_len(journal.end).with_context(failed)?;
        journal.file.seek(SeekFrom::Start(journal.end)).with_context(failed)?;
        Ok(journal)
    }

    /// The journal of a folder, to read.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        match Self::scan(path.clone(), file)? {
            Ok(journal) => Ok(journal),
            Err(_) => bail!("{}: no header in it", path.display()),
        }
    }

    /// A new journal with all runs of others, written whole.
    pub(crate) fn merged(
        folder: &Path,
        header: &Header,
        others: Vec<(&PathBuf, Self)>,
    ) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join(NAME);
        let failed = || format!("cannot write {}", path.display());
        ensure!(!path.exists(), "{}: there is a journal already", path.display());
        let aside = staged::create(folder).with_context(failed)?;
        {
            let mut to = BufWriter::new(aside.as_file());
            to.write_all(header.to_line().as_bytes()).with_context(failed)?;
            for (_, mut other) in others {
                for run in 0..other.lines.len() {
                    if let Some(line) = other.line(run)? {
                        to.write_all(line.as_bytes()).with_context(failed)?;
                    }
                }
            }
            to.flush().with_context(failed)?;
        }
        aside.as_file().sync_all().with_context(failed)?;
        aside.persist_noclobber(&path).with_context(failed)?;
        staged::sync(folder).with_context(failed)?;
        Self::read(folder)
    }

    /// Reads all lines. Without a whole header, gives the file back.
    fn scan(path: PathBuf, file: File) -> Result<Result<Self, File>> {
        let failed = || format!("cannot read {}", path.display());
        let mut reader = BufReader::new(file);
        let mut line = String::new();
        let mut read = |line: &mut String| -> Result<bool> {
            line.clear();
            let mut bytes = Vec::new();
            reader.read_until(b'\n', &mut bytes).with_context(failed)?;
            // Torn in the middle of a character, a line is torn all the same.
            line.push_str(&String::from_utf8_lossy(&bytes));
            Ok(!line.is_empty())
        };
        read(&mut line)?;
        let Some(header) = Header::of_line(&line) else {
            ensure!(!line.ends_with('\n'), "{}: no journal of an experiment", path.display());
            drop(line);
            return Ok(Err(reader.into_inner()));
        };
        let mut lines = vec![None; header.runs as usize];
        let mut end = line.len() as u64;
        let mut number = 1;
        while read(&mut line)? {
            number += 1;
            let Some(run) = Record::run_of_line(&line) else {
                let torn = line.clone();
                let is_last = !read(&mut line)?;
                ensure!(
                    is_last && !torn.ends_with('\n'),
                    "{}: line {number} is damaged",
                    path.display()
                );
                break;
            };
            let place = lines.get_mut(run);
            let place =
                place.with_context(|| format!("{}: line {number}: no such run", path.display()))?;
            ensure!(place.is_none(), "{}: line {number}: run {run} again", path.display());
            *place = Some((end, line.len()));
            end += line.len() as u64;
        }
        Ok(Ok(Self { file: reader.into_inner(), path, header, lines, end }))
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Whether the run is in it.
    pub(crate) fn has(&self, run: usize) -> bool {
        self.lines.get(run).is_some_and(Option::is_some)
    }

    /// The numbers of the runs that are in it, ascending.
    pub(crate) fn runs(&self) -> impl Iterator<Item = usize> {
        (0..self.lines.len()).filter(|&run| self.has(run))
    }

    /// Adds what came of a run, through to the disk.
    pub(crate) fn append(&mut self, record: &Record) -> Result<()> {
        let line = record.to_line();
        let place = (self.end, line.len());
        self.add(&line)?;
        if let Some(known) = self.lines.get_mut(record.run) {
            *known = Some(place);
        }
        Ok(())
    }

    fn add(&mut self, line: &str) -> Result<()> {
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        written.with_context(|| format!("cannot write {}", self.path.display()))?;
        self.end += line.len() as u64;
        Ok(())
    }

    /// The line of a run, if it is in it.
    pub(crate) fn line(&mut self, run: usize) -> Result<Option<String>> {
        let Some(&Some((start, length))) = self.lines.get(run) else { return Ok(None) };
        let mut bytes = vec![0; length];
        let read =
            self.file.seek(SeekFrom::Start(start)).and_then(|_| self.file.read_exact(&mut bytes));
        read.with_context(|| format!("cannot read {}", self.path.display()))?;
        Ok(String::from_utf8(bytes).ok())
    }
}
