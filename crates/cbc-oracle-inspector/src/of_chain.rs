//! The inspector for all candidates of a chain.

use cbc_message::{ValidatorId, Weight};
use cbc_oracle::{ChainOracle, LobbyingTable, Safety, Subject};
use cbc_view::{MessageDag, MessageIndex};

use crate::sights::Sights;
use crate::summit::{Summit, Verdict, fewest_levels, least_strength, longest_streak};
use crate::{InspectorOracle, of_levels};

/// The inspector for all candidates of a chain.
pub(crate) struct ChainInspector {
    oracle: InspectorOracle,
    table: LobbyingTable,
    sights: Sights,
    /// Everybody: in the graphs of the table, a vertex is its validator.
    numbers: Vec<usize>,
    /// The least depth that was asked about since the last update.
    shallowest: u32,
}

impl ChainInspector {
    pub(crate) fn new(oracle: InspectorOracle) -> Self {
        let (table, sights) = (LobbyingTable::new(), Sights::default());
        Self { oracle, table, sights, numbers: Vec::new(), shallowest: u32::MAX }
    }

    /// Answers by the summit of the candidate at `depth`, for so many levels. O(V log n), and what
    /// has moved; of one level nobody's streak is looked at.
    fn at<D: MessageDag, T>(
        &mut self,
        subject: &Subject<'_, D>,
        (depth, levels): (u32, u32),
        answer: impl FnOnce(&InspectorOracle, &mut Summit<'_, D>) -> T,
    ) -> T {
        let Subject { dag, chain, validators } = *subject;
        let Self { oracle, table, sights, numbers, shallowest } = self;
        let mut streaks = vec![0; numbers.len()];
        if levels > 1 {
            *shallowest = depth.min(*shallowest);
            let most = longest_streak(numbers.len());
            table.ask_streaks(dag, chain, depth, most);
            for (v, streak) in streaks.iter_mut().enumerate() {
                let validator = ValidatorId::new(v as u32);
                let start = table.streak_start(validator, depth);
                let agrees = |message: MessageIndex| message.get() + 1 >= start;
                if let Some(latest) = dag.latest_honest_message(validator).filter(|&m| agrees(m)) {
                    *streak = sights.follow(dag, v, latest, most, agrees);
                }
            }
        }
        let graph = table.graph(depth);
        let mut summit = Summit {
            dag,
            vertices: graph.vertices().clone(),
            validators: numbers,
            weights: validators.weights(),
            arrows: graph.arrows(),
            sights,
            streaks,
            looks: oracle.looks(validators),
        };
        answer(oracle, &mut summit)
    }
}

impl<D: MessageDag> ChainOracle<D> for ChainInspector {
    fn update(&mut self, subject: &Subject<'_, D>) {
        self.table.update(subject.dag, subject.chain);
        let count = subject.dag.validator_count();
        if self.numbers.len() != count {
            self.numbers = (0..count).collect();
            self.sights = Sights::new(count);
        }
        let depth = std::mem::replace(&mut self.shallowest, u32::MAX);
        if depth < u32::MAX {
            for v in 0..count {
                let start = self.table.streak_start(ValidatorId::new(v as u32), depth);
                self.sights.forget_before(v, start);
            }
        }
    }

    fn fails_from(&self, subject: &Subject<'_, D>, threshold: Weight) -> Option<u32> {
        self.table.refuted_from(subject.validators, threshold)
    }

    fn reaches(&mut self, subject: &Subject<'_, D>, depth: u32, threshold: Weight) -> bool {
        let validators = subject.validators;
        let levels = fewest_levels(self.oracle.levels, threshold, validators);
        let least = least_strength(threshold, levels, validators);
        // Nobody is stronger than all who agree.
        let agreeing = self.table.agreeing(validators, depth);
        let verdict = match least {
            Some(least) if agreeing < least => Verdict::Missing(least - agreeing),
            _ => self.at(subject, (depth, levels), |_, summit| {
                summit.verdict(levels, threshold, validators)
            }),
        };
        match verdict {
            Verdict::Found(..) => true,
            Verdict::Missing(slack) => {
                self.table.refute(depth, threshold, slack);
                false
            }
        }
    }

    fn safety(&mut self, subject: &Subject<'_, D>, depth: u32, threshold: Weight) -> Safety {
        let (validators, levels) = (subject.validators, self.oracle.levels);
        self.at(subject, (depth, levels), |oracle, summit| {
            let best = oracle.best(summit, validators);
            if best.reaches(threshold) {
                return best;
            }
            // The looks ran out before what is enough was come upon.
            summit.looks = oracle.looks(validators);
            match summit.verdict(levels, threshold, validators) {
                Verdict::Found(levels, strength, committee) => {
                    let found =
                        of_levels(levels, strength, &committee, summit.validators, validators);
                    Safety { exact: false, bound: best.bound.max(found.bound), ..found }
                }
                Verdict::Missing(_) => best,
            }
        })
    }
}
