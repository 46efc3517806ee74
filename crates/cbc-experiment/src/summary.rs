//! Means over seeds, with their intervals.

use crate::columns::{Cell, Column, KEYS};

/// A mean, and how far it may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Half the width of its 95 % confidence interval, by Student's t; nothing of a single value.
    pub margin: Option<f64>,
    /// Of how many values.
    pub count: usize,
}

/// The 97.5th percentiles of Student's t with 1 to 30 degrees of freedom.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

impl Mean {
    /// That of these values, if there are any.
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        if count == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let margin = (count > 1).then(|| {
            let student = STUDENT.get(count - 2).copied().unwrap_or(1.96);
            student * (squares / (count - 1) as f64 / count as f64).sqrt()
        });
        Some(Self { mean, margin, count })
    }
}

/// The runs that differ by their seeds alone, judged by one judge.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What they have in common: the cells of [`KEYS`], without the run, its identity and the seed.
    pub keys: Vec<Cell>,
    /// How many there are.
    pub runs: usize,
    /// How many of them failed.
    pub failed: usize,
    /// For each measure that was asked for, its mean over the runs that have it.
    pub means: Vec<Option<Mean>>,
}

/// Groups rows of the table of runs as they come.
#[derive(Debug)]
pub struct Summary {
    /// The places of the measures that are asked for, in the rows.
    places: Vec<usize>,
    groups: Vec<(Vec<Cell>, Values)>,
}

#[derive(Debug, Default)]
struct Values {
    runs: usize,
    failed: usize,
    /// For each measure, the values.
    measures: Vec<Vec<f64>>,
}

/// The columns that a group has in common.
pub fn group_columns() -> Vec<Column> {
    let is_own = |column: &&Column| matches!(column.name, "run" | "id" | "seed");
    KEYS.iter().filter(|column| !is_own(column)).copied().collect()
}

impl Summary {
    /// Of these measures, by the names of their columns.
    pub fn of(measures: &[&str]) -> Self {
        let columns = crate::run_columns();
        let place = |name: &&str| columns.iter().position(|column| column.name == *name);
        Self { places: measures.iter().filter_map(place).collect(), groups: Vec::new() }
    }

    /// Adds a row. O(groups), and quick if it is of one of the last.
    pub fn add(&mut self, row: &[Cell]) {
        let common = group_columns();
        let is_common = |name| common.iter().any(|column| column.name == name);
        let keys: Vec<Cell> = KEYS
            .iter()
            .zip(row)
            .filter(|(column, _)| is_common(column.name))
            .map(|(_, cell)| cell.clone())
            .collect();
        let known = self.groups.iter().rposition(|(known, _)| *known == keys);
        let place = known.unwrap_or_else(|| {
            let measures = vec![Vec::new(); self.places.len()];
            self.groups.push((keys, Values { measures, ..Values::default() }));
            self.groups.len() - 1
        });
        let Some((_, values)) = self.groups.get_mut(place) else { return };
        values.runs += 1;
        values.failed += usize::from(row.last() != Some(&Cell::Text("ok".to_owned())));
        for (measure, &place) in values.measures.iter_mut().zip(&self.places) {
            match row.get(place) {
                Some(Cell::Whole(value)) => measure.push(*value as f64),
                Some(Cell::Real(value)) => measure.push(*value),
                Some(Cell::Missing | Cell::Text(_)) | None => {}
            }
        }
    }

    /// The groups, in the order in which they first came.
    pub fn groups(&self) -> Vec<Group> {
        let group = |(keys, values): &(Vec<Cell>, Values)| Group {
            keys: keys.clone(),
            runs: values.runs,
            failed: values.failed,
            means: values.measures.iter().map(|values| Mean::of(values)).collect(),
        };
        self.groups.iter().map(group).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_that_of_a_textbook() {
        // Ten values with mean 5.5 and deviation 3.02765: 2.262 · 3.02765 / √10.
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        let Mean { mean, margin, count } = Mean::of(&values).unwrap();
        assert_eq!((mean, count), (5.5, 10));
        assert!((margin.unwrap() - 2.1657).abs() < 1e-3);
        assert_eq!(Mean::of(&[3.0]).unwrap().margin, None);
        assert_eq!(Mean::of(&[]), None);
    }
}
