//! What is written in the end: tables, plots, and a page that shows the plots.

use std::fs;

use anyhow::Context;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};

use super::group::Group;
use super::instructions::Count;
use super::{plot, table};

/// All that was measured, where, and by which command.
pub(crate) struct Report {
    pub(crate) command: String,
    /// Whether some of it may have been measured before the command was given.
    pub(crate) earlier: bool,
    pub(crate) machine: Vec<String>,
    pub(crate) groups: Vec<Group>,
    pub(crate) counts: Vec<Count>,
}

/// What plots are called.
pub(crate) fn plot_file(group: &Group) -> String {
    format!("bench-{}.svg", group.slug())
}

impl Report {
    /// Writes everything to `directory`, and answers which files those are.
    pub(crate) fn write(&self, directory: &Utf8Path) -> anyhow::Result<Vec<Utf8PathBuf>> {
        let mut files = vec![("benchmarks.md".to_owned(), self.tables())];
        let mut plots = Vec::new();
        for group in &self.groups {
            if let Some(svg) = plot::svg(group)? {
                files.push((plot_file(group), svg));
                plots.push(group);
            }
        }
        files.push(("plots.md".to_owned(), self.plots(&plots)));

        fs::create_dir_all(directory).with_context(|| format!("cannot make {directory}"))?;
        let mut paths = Vec::new();
        for (name, text) in files {
            let path = directory.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {path}"))?;
            paths.push(path);
        }
        Ok(paths)
    }

    /// The machine and the command.
    fn head(&self) -> String {
        let machine: Vec<String> = self.machine.iter().map(|line| format!("- {line}\n")).collect();
        let earlier = if self.earlier {
            "\nThe command measured only a part, or nothing: the rest was measured before, on the \
             same machine if these files stayed there.\n"
        } else {
            ""
        };
        format!("Written by `{}` on\n\n{}{earlier}", self.command, machine.concat())
    }

    fn tables(&self) -> String {
        let mut text = format!("# Benchmarks\n\n{}", self.head());
        text += "\nTimes are medians; where the standard error is above 5 %, it is shown. A ratio \
                 is of a function to the floor, which is what nobody can do without, or of a twin \
                 or a rival to a function.\n";
        for group in &self.groups {
            let caption = capitalized(&table::caption(group));
            text += &format!("\n## {}\n\n{caption}.\n\n{}", group.name, table::table(group));
        }
        if !self.counts.is_empty() {
            text += &format!(
                "\n## Instructions\n\nCounted by callgrind, on the processor that valgrind \
                 imitates.\n\n{}",
                table::instructions(&self.counts)
            );
        }
        text
    }

    fn plots(&self, groups: &[&Group]) -> String {
        let mut text = format!("# Benchmarks, as plots\n\n{}", self.head());
        for group in groups {
            text += &format!("\n![{}]({})\n", group.name, plot_file(group));
        }
        text
    }
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::super::group::tests::group;
    use super::*;

    fn report() -> Report {
        Report {
            command: "cargo xtask bench".to_owned(),
            earlier: false,
            machine: vec!["a processor".to_owned(), "2 cores".to_owned()],
            groups: vec![
                group("ancestor", true, &[("jump pointers", &[("10", 30.0), ("100", 40.0)])]),
                group("one size", false, &[("f", &[("10", 1.0)])]),
            ],
            counts: vec![Count {
                case: "codec/encode".to_owned(),
                size: "10".to_owned(),
                instructions: 1234,
            }],
        }
    }

    #[test]
    fn the_tables_begin_with_the_command_and_the_machine() {
        let expected = "\
# Benchmarks

Written by `cargo xtask bench` on

- a processor
- 2 cores

Times are medians; where the standard error is above 5 %, it is shown. A ratio is of a function \
to the floor, which is what nobody can do without, or of a twin or a rival to a function.

## ancestor

Time per query.

| blocks | jump pointers |
| ---: | ---: |
| 10 | 30.0 ns |
| 100 | 40.0 ns |

## one size

Time.

| parameter | f |
| ---: | ---: |
| 10 | 1.00 ns |

## Instructions

Counted by callgrind, on the processor that valgrind imitates.

| case | size | instructions |
| --- | ---: | ---: |
| codec/encode | 10 | 1 234 |
";
        assert_eq!(report().tables(), expected);
    }

    #[test]
    fn what_was_measured_before_is_not_claimed_for_the_command() {
        let report = Report { earlier: true, ..report() };
        assert!(report.tables().contains("2 cores\n\nThe command measured only a part"));
    }

    #[test]
    fn every_plot_is_written_and_shown() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(directory.path()).unwrap();
        let paths = report().write(directory).unwrap();
        let names: Vec<_> = paths.iter().filter_map(|path| path.file_name()).collect();
        assert_eq!(names, ["benchmarks.md", "bench-ancestor.svg", "plots.md"]);
        let page = fs::read_to_string(directory.join("plots.md")).unwrap();
        assert!(page.ends_with("- 2 cores\n\n![ancestor](bench-ancestor.svg)\n"));
    }
}
