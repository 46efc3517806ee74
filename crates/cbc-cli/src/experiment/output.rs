//! What an experiment leaves behind besides its journal.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cbc_experiment::{
    Column, FORMAT, Format, Outcome, Plan, Renderer, Shard, Summary, TableWriter, block_columns,
    block_rows, run_columns,
};
use serde_json::json;
use tempfile::NamedTempFile;

use super::JournalFile;
use super::shown::MEASURES;
use crate::staged;

/// The folder that an experiment is written to, and the tables beside it.
pub(crate) struct Output<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) plan: &'a Plan,
    shard: Shard,
    /// For each format and place, the table of runs and that of blocks.
    tables: Vec<(Format, PathBuf, PathBuf)>,
}

/// How many runs are in memory at a time while tables are written.
const BATCH: usize = 64;

/// A table that is written aside.
struct Aside {
    path: PathBuf,
    table: TableWriter<BufWriter<NamedTempFile>>,
}

impl Aside {
    fn new(format: Format, path: &Path, columns: Vec<Column>) -> Result<Self> {
        let failed = || format!("cannot write {}", path.display());
        let folder =
            path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).with_context(failed)?;
        let file = BufWriter::new(staged::create(folder).with_context(failed)?);
        let table = TableWriter::new(format, columns, file).with_context(failed)?;
        Ok(Self { path: path.to_owned(), table })
    }

    /// Puts it in its place.
    fn commit(self) -> Result<()> {
        let failed = || format!("cannot write {}", self.path.display());
        let file = self.table.finish().with_context(failed)?;
        let file = file.into_inner().map_err(|error| error.into_error()).with_context(failed)?;
        file.as_file().sync_all().with_context(failed)?;
        file.persist(&self.path).with_context(failed)?;
        Ok(())
    }
}

impl<'a> Output<'a> {
    pub(crate) fn new(folder: &'a Path, plan: &'a Plan, shard: Shard, exports: &[PathBuf]) -> Self {
        let mut tables = vec![(Format::Csv, folder.join("runs.csv"), folder.join("blocks.csv"))];
        tables.extend(exports.iter().filter_map(|runs| {
            let ending = runs.extension()?.to_str()?;
            let stem = runs.file_stem()?.to_string_lossy();
            let blocks = runs.with_file_name(format!("{stem}-blocks.{ending}"));
            Some((Format::of(runs)?, runs.clone(), blocks))
        }));
        Self { folder, plan, shard, tables }
    }

    /// The file of how long runs took, to add to.
    pub(crate) fn timings(&self) -> Result<File> {
        let path = self.folder.join("timings.csv");
        let failed = || format!("cannot write {}", path.display());
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).open(&path).with_context(failed)?;
        if file.metadata().with_context(failed)?.len() == 0 {
            writeln!(file, "run,seconds").with_context(failed)?;
        }
        Ok(file)
    }

    /// Writes the tables, in the order of the plan, and what is known of the experiment.
    pub(crate) fn write_tables(&self, journal: &mut JournalFile, jobs: usize) -> Result<Summary> {
        let mut tables = Vec::new();
        for (format, runs, blocks) in &self.tables {
            let runs = Aside::new(*format, runs, run_columns())?;
            tables.push((runs, Aside::new(*format, blocks, block_columns())?));
        }
        let mut summary = Summary::of(&MEASURES.map(|(name, _)| name));
        let (mut done, mut failed) = (0, 0);
        let renderer = Renderer::new(jobs)?;
        let runs: Vec<usize> = journal.runs().collect();
        for runs in runs.chunks(BATCH) {
            let lines: Vec<Option<String>> =
                runs.iter().map(|&run| journal.line(run)).collect::<Result<_>>()?;
            let lines: Vec<String> = lines.into_iter().flatten().collect();
            for rendered in renderer.render(self.plan, &lines).context("cannot write tables")? {
                match rendered.record.outcome {
                    Outcome::Done(_) => done += 1,
                    Outcome::Failed(_) => failed += 1,
                }
                rendered.runs.iter().for_each(|row| summary.add(row));
                for (of_runs, of_blocks) in &mut tables {
                    let rows = || block_rows(self.plan, &rendered.record);
                    let written = of_runs.table.rows(&rendered.runs_csv, || rendered.runs.clone());
                    written.with_context(|| format!("cannot write {}", of_runs.path.display()))?;
                    let written = of_blocks.table.rows(&rendered.blocks_csv, rows);
                    written
                        .with_context(|| format!("cannot write {}", of_blocks.path.display()))?;
                }
            }
        }
        for (of_runs, of_blocks) in tables {
            of_runs.commit()?;
            of_blocks.commit()?;
        }
        self.write_meta(done, failed)?;
        Ok(summary)
    }

    fn write_meta(&self, done: usize, failed: usize) -> Result<()> {
        let command: Vec<String> =
            std::env::args_os().map(|it| it.to_string_lossy().into_owned()).collect();
        let meta = json!({
            "name": self.plan.experiment.name,
            "version": env!("CARGO_PKG_VERSION"),
            "commit": env!("CBC_COMMIT"),
            "rustc": env!("CBC_RUSTC"),
            "format": FORMAT,
            "plan": self.plan.identity.to_string(),
            "shard": self.shard.to_string(),
            "command": command,
            "counts": {
                "runs": self.plan.runs.len(),
                "judges": self.plan.judges(),
                "done": done,
                "failed": failed,
            },
        });
        let mut files = staged::Staged::new(self.folder)?;
        files.write("meta.json", &format!("{meta:#}\n"))?;
        files.write("config.toml", &self.plan.experiment.to_toml())?;
        files.commit(|_| false)
    }
}
