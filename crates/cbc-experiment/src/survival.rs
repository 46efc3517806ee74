//! How long something takes of which some is never seen to end: the estimator of Kaplan and Meier.

/// A wait: how long it was watched, and whether it ended then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wait {
    /// For how long.
    pub time: f64,
    /// Whether what was waited for happened then; if not, the wait is censored: all that is known is
    /// that it takes longer.
    pub ended: bool,
}

/// The distribution of waits, some of them censored.
#[derive(Clone, Debug, PartialEq)]
pub struct Survival {
    /// At each time at which some ended, ascending, the share that takes longer than that.
    pub steps: Vec<(f64, f64)>,
}

impl Survival {
    /// The estimate by Kaplan and Meier ("Nonparametric estimation from incomplete observations",
    /// 1958): at each time, of those that were still watched, the share that did not end then, all
    /// multiplied. Those that are censored at a time were still watched at it. O(n log n).
    pub fn of(mut waits: Vec<Wait>) -> Self {
        waits.sort_by(|one, other| one.time.total_cmp(&other.time));
        let mut steps = Vec::new();
        let (mut longer, mut watched) = (1.0, waits.len());
        for at_once in waits.chunk_by(|one, other| one.time == other.time) {
            let ended = at_once.iter().filter(|wait| wait.ended).count();
            if let Some(first) = at_once.first().filter(|_| ended > 0) {
                longer *= 1.0 - ended as f64 / watched as f64;
                steps.push((first.time, longer));
            }
            watched -= at_once.len();
        }
        Self { steps }
    }

    /// The least time in which at least this share ends; nothing if fewer are seen to end at all.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        // A hair of slack, as products of fractions are rounded.
        let within = self.steps.iter().find(|(_, longer)| *longer <= 1.0 - share + 1e-12);
        within.map(|&(time, _)| time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(list: &[(f64, bool)]) -> Vec<Wait> {
        list.iter().map(|&(time, ended)| Wait { time, ended }).collect()
    }

    #[test]
    fn without_censoring_quantiles_are_those_of_the_sample() {
        let survival = Survival::of(waits(&[(4.0, true), (1.0, true), (3.0, true), (2.0, true)]));
        let quantiles = [0.25, 0.5, 0.51, 0.75, 1.0].map(|share| survival.quantile(share));
        assert_eq!(quantiles, [Some(1.0), Some(2.0), Some(3.0), Some(3.0), Some(4.0)]);
    }

    /// The remission times of 21 patients with leukaemia under 6-MP (Freireich and others, 1963),
    /// and the estimates that textbooks print for them.
    #[test]
    fn the_textbook_example_comes_out() {
        let ended = [6.0, 6.0, 6.0, 7.0, 10.0, 13.0, 16.0, 22.0, 23.0];
        let censored = [6.0, 9.0, 10.0, 11.0, 17.0, 19.0, 20.0, 25.0, 32.0, 32.0, 34.0, 35.0];
        let all =
            ended.map(|time| (time, true)).into_iter().chain(censored.map(|time| (time, false)));
        let survival = Survival::of(waits(&all.collect::<Vec<_>>()));
        let rounded: Vec<(f64, f64)> =
            survival.steps.iter().map(|&(time, it)| (time, (it * 1e3).round() / 1e3)).collect();
        let expected = [
            (6.0, 0.857),
            (7.0, 0.807),
            (10.0, 0.753),
            (13.0, 0.69),
            (16.0, 0.627),
            (22.0, 0.538),
            (23.0, 0.448),
        ];
        assert_eq!(rounded, expected);
        assert_eq!(survival.quantile(0.5), Some(23.0));
        assert_eq!(survival.quantile(0.9), None, "so many were never seen to end");
    }

    #[test]
    fn of_nothing_nothing_is_known() {
        assert_eq!(Survival::of(Vec::new()).quantile(0.5), None);
        assert_eq!(Survival::of(waits(&[(3.0, false)])).quantile(0.0), None);
    }
}
