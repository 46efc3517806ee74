//! All that was measured, on pages.

use crate::{Group, PlotError, Table, numbers};

/// A text that is a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What the file is called.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// How many instructions something took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// What.
    pub case: String,
    /// At which size.
    pub size: String,
    /// How many.
    pub instructions: u64,
}

/// All that was measured, where, and by which command.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The command.
    pub command: String,
    /// Whether some of it may have been measured before the command was given.
    pub earlier: bool,
    /// What is known of the machine.
    pub machine: Vec<String>,
    /// The groups, in the order in which they are shown.
    pub groups: Vec<Group>,
    /// The instructions that were counted.
    pub counts: Vec<Count>,
}

/// A part of a report, to stand on a page of somebody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The part, in Markdown.
    pub text: String,
    /// The plots that it shows.
    pub plots: Vec<Page>,
    /// Titles that were asked for, and not measured.
    pub missing: Vec<String>,
}

impl Report {
    /// The report: a page of tables, the plots, and a page that shows them.
    ///
    /// # Errors
    ///
    /// [`PlotError`] if something cannot be drawn.
    pub fn pages(&self) -> Result<Vec<Page>, PlotError> {
        let mut pages = vec![Page { name: "benchmarks.md".to_owned(), text: self.tables() }];
        let mut shown = format!("# Benchmarks, as plots\n\n{}", self.head());
        for group in &self.groups {
            if let Some(plot) = plot(group)? {
                shown += &format!("\n![{}]({})\n", group.title(), plot.name);
                pages.push(plot);
            }
        }
        pages.push(Page { name: "plots.md".to_owned(), text: shown });
        Ok(pages)
    }

    /// The highlights of the groups whose titles begin with each of `titles`, the first of each,
    /// and their plots, as if these were in `folder`.
    ///
    /// # Errors
    ///
    /// [`PlotError`] if something cannot be drawn.
    pub fn section(&self, titles: &[&str], folder: &str) -> Result<Section, PlotError> {
        let (mut rows, mut images) = (Vec::new(), String::new());
        let (mut plots, mut missing) = (Vec::new(), Vec::new());
        for &title in titles {
            let Some(group) = self.groups.iter().find(|group| group.title().starts_with(title))
            else {
                missing.push(title.to_owned());
                continue;
            };
            rows.extend(group.highlights());
            if let Some(plot) = plot(group)? {
                let (title, caption) = (group.title(), group.caption());
                images += &format!("\n![{title}: {caption}]({folder}/{})\n", plot.name);
                plots.push(plot);
            }
        }
        let heading = ["group", "size", "here", "beside", "ratio"].map(str::to_owned).to_vec();
        let table = Table { words: 4, heading, rows }.to_markdown();
        let text =
            format!("On {}, by `{}`:\n\n{table}{images}", self.machine.join(", "), self.command);
        Ok(Section { text, plots, missing })
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
            let caption = capitalized(&group.caption());
            let table = group.table().to_markdown();
            text += &format!("\n## {}\n\n{caption}.\n\n{table}", group.title());
        }
        if !self.counts.is_empty() {
            let table = instructions(&self.counts).to_markdown();
            text += &format!(
                "\n## Instructions\n\nCounted by callgrind, on the processor that valgrind \
                 imitates.\n\n{table}"
            );
        }
        text
    }
}

fn plot(group: &Group) -> Result<Option<Page>, PlotError> {
    let words = group.title().split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let name = format!("bench-{}.svg", words.join("-").to_ascii_lowercase());
    Ok(group.plot().to_svg()?.map(|text| Page { name, text }))
}

fn instructions(counts: &[Count]) -> Table {
    let row = |count: &Count| {
        vec![count.case.clone(), count.size.clone(), numbers::count(count.instructions)]
    };
    let heading = ["case", "size", "instructions"].map(str::to_owned).to_vec();
    Table { words: 1, heading, rows: counts.iter().map(row).collect() }
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Function;
    use crate::group::tests::{ancestors, group};

    fn report() -> Report {
        Report {
            command: "cargo xtask bench".to_owned(),
            earlier: false,
            machine: vec!["a processor".to_owned(), "2 cores".to_owned()],
            groups: vec![ancestors(), group("one size", &[(Function::new("f"), &[("10", 1.0)])])],
            counts: vec![Count {
                case: "codec/encode".to_owned(),
                size: "10".to_owned(),
                instructions: 1234,
            }],
        }
    }

    #[test]
    fn the_tables_begin_with_the_command_and_the_machine() {
        let tables = report().tables();
        let begin = "\
# Benchmarks

Written by `cargo xtask bench` on

- a processor
- 2 cores

Times are medians; where the standard error is above 5 %, it is shown. A ratio is of a function \
to the floor, which is what nobody can do without, or of a twin or a rival to a function.

## ancestor

Time per query.

| blocks |";
        assert!(tables.starts_with(begin), "{tables}");
        let end = "
## one size

Time.

| size | f |
| ---: | ---: |
| 10 | 1.00 ns |

## Instructions

Counted by callgrind, on the processor that valgrind imitates.

| case | size | instructions |
| --- | ---: | ---: |
| codec/encode | 10 | 1 234 |
";
        assert!(tables.ends_with(end), "{tables}");
    }

    #[test]
    fn what_was_measured_before_is_not_claimed_for_the_command() {
        let report = Report { earlier: true, ..report() };
        assert!(report.tables().contains("2 cores\n\nThe command measured only a part"));
    }

    #[test]
    fn every_plot_is_a_page_and_shown_on_one() {
        let pages = report().pages().unwrap();
        let names: Vec<_> = pages.iter().map(|page| page.name.as_str()).collect();
        assert_eq!(names, ["benchmarks.md", "bench-ancestor.svg", "plots.md"]);
        assert!(pages[2].text.ends_with("- 2 cores\n\n![ancestor](bench-ancestor.svg)\n"));
    }

    #[test]
    fn a_section_has_what_is_asked_for_and_says_what_is_missing() {
        let section = report().section(&["anc", "finality"], "plots").unwrap();
        assert!(section.text.starts_with("On a processor, 2 cores, by `cargo xtask bench`:\n\n| "));
        assert!(
            section.text.ends_with("\n![ancestor: time per query](plots/bench-ancestor.svg)\n")
        );
        assert_eq!(section.plots.len(), 1);
        assert_eq!(section.missing, ["finality"]);
    }
}
