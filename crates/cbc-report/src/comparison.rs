//! A ratio of two functions of a group.

use crate::{Function, Group, Role};

/// A ratio of two functions of a group.
#[derive(Debug, PartialEq, Eq)]
pub struct Comparison<'a> {
    /// The function that is measured.
    pub ours: &'a Function,
    /// The one that is beside it.
    pub theirs: &'a Function,
    /// As what.
    pub role: Role,
}

impl Comparison<'_> {
    /// What stands above the ratios. Of a floor, the ratio is of ours to theirs; of a twin or a
    /// rival, it is of theirs to ours.
    pub fn heading(&self) -> String {
        let Self { ours, theirs, role } = self;
        match role {
            Role::Floor => format!("{ours} ÷ {theirs}"),
            Role::Twin | Role::Rival => format!("{theirs} ÷ {ours}"),
        }
    }

    /// The ratio at `size`, if both were measured there.
    pub fn ratio(&self, group: &Group, size: &str) -> Option<f64> {
        let ours = group.get(self.ours, size)?.nanoseconds;
        let theirs = group.get(self.theirs, size)?.nanoseconds;
        Some(match self.role {
            Role::Floor => ours / theirs,
            Role::Twin | Role::Rival => theirs / ours,
        })
    }
}

impl Group {
    /// Each floor, twin and rival beside the function that it is there for, if that was measured.
    pub fn comparisons(&self) -> Vec<Comparison<'_>> {
        let mut comparisons = Vec::new();
        for theirs in self.functions() {
            if let Some((role, name)) = &theirs.beside
                && let Some(ours) = self.functions().iter().find(|it| it.name == *name)
            {
                comparisons.push(Comparison { ours, theirs, role: *role });
            }
        }
        comparisons
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::tests::{ancestors, group};

    #[test]
    fn each_is_compared_with_what_it_is_beside() {
        let point: &[(&str, f64)] = &[("10", 1.0)];
        let group = group(
            "g",
            &[
                (Function::beside("floor", Role::Floor, "view"), point),
                (Function::new("view"), point),
                (Function::new("observer"), point),
                (Function::beside("by hand", Role::Rival, "observer"), point),
                (Function::beside("long gone", Role::Twin, "nobody"), point),
            ],
        );
        let headings: Vec<_> = group.comparisons().iter().map(Comparison::heading).collect();
        assert_eq!(headings, ["view ÷ floor", "by hand (rival) ÷ observer"]);
    }

    #[test]
    fn a_ratio_is_above_one_where_ours_costs_more_than_the_floor_or_less_than_a_twin() {
        let points: [&[_]; 3] = [&[("10", 2.0), ("20", 2.0)], &[("10", 6.0)], &[("10", 12.0)]];
        let group = group(
            "g",
            &[
                (Function::beside("floor", Role::Floor, "view"), points[0]),
                (Function::new("view"), points[1]),
                (Function::beside("by hand", Role::Twin, "view"), points[2]),
            ],
        );
        let comparisons = group.comparisons();
        let ratios: Vec<_> = comparisons.iter().map(|it| it.ratio(&group, "10")).collect();
        assert_eq!(ratios, [Some(3.0), Some(2.0)]);
        assert_eq!(comparisons[0].ratio(&group, "20"), None);
        assert_eq!(ancestors().comparisons().len(), 1);
    }
}
