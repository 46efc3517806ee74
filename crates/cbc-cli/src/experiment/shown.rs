//! What people are shown of an experiment.

use std::io::{self, Write};

use cbc_experiment::{Cell, Column, Group, Mean, Summary, group_columns, run_columns};
use comfy_table::{Table, presets};

use super::Output;

/// The measures that are shown, and their headings.
pub(super) const MEASURES: [(&str, &str); 13] = [
    ("finalized", "final"),
    ("censored", "censored"),
    ("latency_rounds_p50", "rounds"),
    ("chain_latency_rounds_p50", "chain rounds"),
    ("own_chain_latency_rounds_p50", "own chain rounds"),
    ("chain_latency_messages_p50", "chain messages"),
    ("messages_per_finalized", "messages/final"),
    ("orphan_rate", "orphans"),
    ("safe_to_tip", "safe to tip"),
    ("conflicting_finality", "conflicts"),
    ("poc_latency_messages", "poc latency"),
    ("poc_safe_to_tip", "poc safe to tip"),
    ("poc_orphan_rate", "poc orphans"),
];

/// A table of means over seeds, what the columns mean, and where everything is.
pub(super) fn to_people(
    summary: &Summary,
    output: &Output<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let groups = summary.groups();
    let columns = group_columns();
    // What all groups have in common is said once.
    let varies = |place: usize| {
        let cells = || groups.iter().map(|group| group.keys.get(place));
        cells().zip(cells().skip(1)).any(|(one, other)| one != other)
    };
    let of_judge = |name: &str| matches!(name, "oracle" | "threshold");
    let shown: Vec<(usize, &Column)> = columns
        .iter()
        .enumerate()
        .filter(|(place, column)| varies(*place) || of_judge(column.name))
        .collect();
    for (place, column) in columns.iter().enumerate() {
        if let Some(group) = groups.first().filter(|_| !shown.iter().any(|(it, _)| *it == place)) {
            writeln!(
                out,
                "{}: {}",
                column.name,
                group.keys.get(place).map(text).unwrap_or_default()
            )?;
        }
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let headings = shown.iter().map(|(_, column)| column.name).chain(["runs"]);
    table.set_header(headings.chain(MEASURES.map(|(_, heading)| heading)));
    for Group { keys, runs, failed, means } in &groups {
        let mut row: Vec<String> =
            shown.iter().map(|(place, _)| keys.get(*place).map(text).unwrap_or_default()).collect();
        row.push(if *failed == 0 { runs.to_string() } else { format!("{runs}, {failed} failed") });
        row.extend(means.iter().map(|mean| match mean {
            Some(mean) if mean.count < *runs => format!("{} ({})", of_mean(mean), mean.count),
            Some(mean) => of_mean(mean),
            None => "-".to_owned(),
        }));
        table.add_row(row);
    }
    writeln!(out, "{}", table.trim_fmt())?;
    writeln!(
        out,
        "\nMeans over seeds ± 95 % confidence; where only some of the runs have a figure, in brackets how\nmany, and it is no fair mean of all:"
    )?;
    let definitions = run_columns();
    for (name, heading) in MEASURES {
        let known = definitions.iter().find(|column| column.name == name);
        let definition = known.map_or("", |column| column.definition);
        writeln!(out, "  {heading}: {name}, {definition}")?;
    }
    writeln!(out, "\nplan {}; everything is in {}", output.plan.identity, output.folder.display())
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Missing => String::new(),
        Cell::Whole(value) => value.to_string(),
        Cell::Real(value) => value.to_string(),
        Cell::Text(value) => value.clone(),
    }
}

fn of_mean(mean: &Mean) -> String {
    let round = |value: f64| {
        let digits = if value.abs() < 10.0 { 3 } else { 1 };
        let text = format!("{value:.digits$}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    match mean.margin.filter(|margin| *margin > 0.0) {
        Some(margin) => format!("{} ±{}", round(mean.mean), round(margin)),
        None => round(mean.mean),
    }
}
