//! Which columns of a group are there to compare with, and with which others.

use super::group::Group;

/// A ratio of two functions of a group.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Comparison<'a> {
    pub(crate) ours: &'a str,
    pub(crate) theirs: &'a str,
    /// Whether theirs is what nobody can do without: the ratio is then of ours to theirs. Of a
    /// twin or a rival, it is of theirs to ours.
    pub(crate) floor: bool,
}

impl Comparison<'_> {
    pub(crate) fn heading(&self) -> String {
        let Self { ours, theirs, floor } = self;
        if *floor { format!("{ours} ÷ {theirs}") } else { format!("{theirs} ÷ {ours}") }
    }

    /// The ratio at `parameter`, if both were measured there.
    pub(crate) fn ratio(&self, group: &Group, parameter: &str) -> Option<f64> {
        let ours = group.get(self.ours, parameter)?.nanoseconds;
        let theirs = group.get(self.theirs, parameter)?.nanoseconds;
        Some(if self.floor { ours / theirs } else { theirs / ours })
    }
}

/// What nobody can do without.
fn is_floor(function: &str) -> bool {
    function == "floor"
}

/// A straightforward twin, or somebody else's way of doing it.
fn is_rival(function: &str) -> bool {
    const WORDS: [&str; 4] = ["bincode", "naive", "std", "twin"];
    let mut words = function.split(|c: char| !c.is_alphanumeric());
    function == "proto-array"
        || function.contains("from scratch")
        || words.any(|word| WORDS.contains(&word))
}

/// Each floor, twin and rival of a group beside the function whose name its own begins with, the
/// longest of them; else beside the first function that is none of these.
pub(crate) fn comparisons(group: &Group) -> Vec<Comparison<'_>> {
    let functions = || group.functions.iter().map(String::as_str);
    let ours = || functions().filter(|function| !is_floor(function) && !is_rival(function));
    let beside = |theirs: &str| {
        ours()
            .filter(|ours| theirs.starts_with(ours))
            .max_by_key(|ours| ours.len())
            .or_else(|| ours().next())
    };
    functions()
        .filter(|theirs| is_floor(theirs) || is_rival(theirs))
        .filter_map(|theirs| {
            let ours = beside(theirs)?;
            Some(Comparison { ours, theirs, floor: is_floor(theirs) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::group::tests::group;
    use super::*;

    /// The headings of the comparisons in a group of these functions.
    fn headings(functions: &[&str]) -> Vec<String> {
        let points: &[(&str, f64)] = &[("10", 1.0)];
        let functions: Vec<_> = functions.iter().map(|&function| (function, points)).collect();
        let group = group("g", false, &functions);
        comparisons(&group).iter().map(Comparison::heading).collect()
    }

    #[test]
    fn floors_twins_and_rivals_are_compared_with_the_first_other() {
        assert_eq!(headings(&["floor", "view", "observer"]), ["view ÷ floor"]);
        assert_eq!(headings(&["vote tree", "proto-array"]), ["proto-array ÷ vote tree"]);
        assert_eq!(headings(&["by hand", "bincode"]), ["bincode ÷ by hand"]);
        assert_eq!(headings(&["table", "from scratch"]), ["from scratch ÷ table"]);
        assert_eq!(
            headings(&["HashIndex", "HashNumbers", "std HashMap"]),
            ["std HashMap ÷ HashIndex"]
        );
        assert_eq!(headings(&["standing", "entwined"]), [""; 0]);
    }

    #[test]
    fn a_twin_is_compared_with_what_it_is_the_twin_of() {
        let functions = ["agreeing", "agreeing, graph alone", "lagging", "lagging, twin"];
        assert_eq!(headings(&functions), ["lagging, twin ÷ lagging"]);
    }

    #[test]
    fn alone_nothing_is_compared() {
        assert_eq!(headings(&["from scratch"]), [""; 0]);
    }

    #[test]
    fn a_ratio_is_above_one_where_ours_costs_more_than_the_floor_or_less_than_a_rival() {
        let points: [&[_]; 3] = [&[("10", 2.0), ("20", 2.0)], &[("10", 6.0)], &[("10", 12.0)]];
        let group =
            group("g", false, &[("floor", points[0]), ("view", points[1]), ("twin", points[2])]);
        let ratios: Vec<_> =
            comparisons(&group).iter().map(|comparison| comparison.ratio(&group, "10")).collect();
        assert_eq!(ratios, [Some(3.0), Some(2.0)]);
        assert_eq!(comparisons(&group)[0].ratio(&group, "20"), None);
    }
}
