//! What is measured of an execution.

use cbc_estimator::{BlockIndex, BlockTree};
use cbc_message::{ValidatorId, Weight};
use cbc_simulation::{DynOracle, Panel, Recorded, Run};
use cbc_view::{MessageDag, MessageIndex};

use crate::columns::Cell;
use crate::execution::{Execution, ExecutionError, Traffic, name_of};
use crate::experiment::Watch;
use crate::finality::Steps;
use crate::survival::{Survival, Wait};

/// What was measured of a run by each judge: cells in the order of [`MEASURES`](crate::MEASURES)
/// but for the last, and rows of cells in the order of [`BLOCKS`](crate::BLOCKS).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// Of the run.
    pub measures: Vec<Cell>,
    /// Of each block.
    pub blocks: Vec<Vec<Cell>>,
}

/// What was noted after each round.
#[derive(Debug, Default)]
struct Rounds {
    /// When each round was over, and how many messages had been made; the first entry is the start.
    ends: Vec<(f64, usize)>,
    /// The sum of the shares of validators whose head is another than the omniscient observer's.
    divergence: f64,
}

/// What a judge found final.
struct Found {
    /// For the omniscient observer.
    global: Steps,
    /// For each validator, if they are watched.
    own: Vec<Steps>,
    /// The same where there are no blocks: the round after which anything was final.
    global_decided: Option<u32>,
    own_decided: Vec<Option<u32>>,
}

/// Something that may become final: a block, or the one decision where there are none.
struct Unit {
    name: String,
    height: Option<u32>,
    proposer: Option<u32>,
    made_round: u32,
    made_time: f64,
    made_message: usize,
    fate: Fate,
    global: Option<u32>,
    own: Vec<Option<u32>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Finalized,
    Orphaned,
    Open,
}

/// Carries out an execution, and measures it by each judge of the panel.
pub(crate) fn measure<P: Recorded + Clone>(
    mut execution: Execution<'_, P>,
    mut panel: Panel<P, DynOracle<P>>,
    watch: Watch,
) -> Result<Vec<Judged>, ExecutionError> {
    let validators: Vec<ValidatorId> = execution.run.setup().validators.ids().collect();
    let watched: &[ValidatorId] = if watch == Watch::All { &validators } else { &[] };
    let mut rounds = Rounds { ends: vec![(0.0, execution.traffic.made_at.len())], divergence: 0.0 };
    let found = || Found {
        global: Steps::default(),
        own: vec![Steps::default(); watched.len()],
        global_decided: None,
        own_decided: vec![None; watched.len()],
    };
    let mut all: Vec<Found> = (0..panel.len()).map(|_| found()).collect();
    while let Some(time) = execution.next_round()? {
        rounds.ends.push((time, execution.traffic.made_at.len()));
        let round = rounds.ends.len() as u32 - 1;
        execution.run.judge(&mut panel, None);
        watched.iter().for_each(|&validator| execution.run.judge(&mut panel, Some(validator)));
        for (judge, found) in all.iter_mut().enumerate() {
            found.note(&panel, judge, round, watched);
        }
        let head = panel.head(None);
        let heads = watched.iter().filter_map(|&validator| panel.head(Some(validator)));
        let others = heads.filter(|&it| Some(it) != head).count();
        rounds.divergence += others as f64 / watched.len().max(1) as f64;
    }
    let Execution { run, traffic, .. } = execution;
    let judged = all.into_iter().enumerate();
    Ok(judged
        .map(|(judge, found)| found.summed_up(judge, run, &panel, &rounds, &traffic))
        .collect())
}

impl Found {
    fn note<P: Recorded + Clone>(
        &mut self,
        panel: &Panel<P, DynOracle<P>>,
        judge: usize,
        round: u32,
        watched: &[ValidatorId],
    ) {
        let note = |who, steps: &mut Steps, decided: &mut Option<u32>| {
            let standing = panel.standing(judge, who);
            let Some(last) = standing.and_then(|it| it.finalized.first()) else { return };
            decided.get_or_insert(round);
            if let Some(block) = P::block_of(&last.value) {
                steps.note(round, block);
            }
        };
        note(None, &mut self.global, &mut self.global_decided);
        let own = self.own.iter_mut().zip(&mut self.own_decided);
        for (&validator, (steps, decided)) in watched.iter().zip(own) {
            note(Some(validator), steps, decided);
        }
    }

    /// What may have become final, and when it did.
    fn units<P: Recorded + Clone>(
        &self,
        run: &Run<P, DynOracle<P>>,
        traffic: &Traffic,
    ) -> Vec<Unit> {
        let Some(tree) = P::blocks(run.observer()) else {
            return vec![Unit {
                name: "decision".to_owned(),
                height: None,
                proposer: None,
                made_round: 0,
                made_time: 0.0,
                made_message: traffic.made_in.iter().filter(|&&round| round == 0).count(),
                fate: if self.global_decided.is_some() { Fate::Finalized } else { Fate::Open },
                global: self.global_decided,
                own: self.own_decided.clone(),
            }];
        };
        let last = self.global.last().unwrap_or(BlockIndex::GENESIS);
        let related =
            |block| tree.is_ancestor_or_same(block, last) || tree.is_ancestor_or_same(last, block);
        let unit = |block| {
            let proposal = tree.proposal(block).unwrap_or(MessageIndex::new(0));
            Unit {
                name: name_of(run, proposal),
                height: Some(tree.height(block)),
                proposer: Some(run.observer().view().sender(proposal).get()),
                made_round: traffic.made_in.get(proposal.index()).copied().unwrap_or(0),
                made_time: traffic.made_at.get(proposal.index()).copied().unwrap_or(0.0),
                made_message: proposal.index() + 1,
                fate: if related(block) { Fate::Open } else { Fate::Orphaned },
                global: None,
                own: vec![None; self.own.len()],
            }
        };
        let mut units: Vec<Unit> = tree.iter().skip(1).map(unit).collect();
        // The genesis is the first block, and not among them.
        let place = |block: BlockIndex| block.index().checked_sub(1);
        self.global.each(tree, |block, round| {
            if let Some(unit) = place(block).and_then(|place| units.get_mut(place)) {
                unit.global = Some(round);
                unit.fate = Fate::Finalized;
            }
        });
        for (validator, steps) in self.own.iter().enumerate() {
            steps.each(tree, |block, round| {
                if let Some(unit) = place(block).and_then(|place| units.get_mut(place)) {
                    unit.own[validator] = Some(round);
                }
            });
        }
        units
    }

    fn summed_up<P: Recorded + Clone>(
        &self,
        judge: usize,
        run: &Run<P, DynOracle<P>>,
        panel: &Panel<P, DynOracle<P>>,
        rounds: &Rounds,
        traffic: &Traffic,
    ) -> Judged {
        let units = self.units(run, traffic);
        let count = |fate| units.iter().filter(|unit| unit.fate == fate).count();
        let (finalized, orphaned) = (count(Fate::Finalized), count(Fate::Orphaned));
        let all = |_: &Unit| true;
        let on_chain = |unit: &Unit| unit.fate != Fate::Orphaned;
        let global = |unit: &Unit| vec![unit.global];
        let own = |unit: &Unit| unit.own.clone();
        let latency = Latency::of(&units, rounds, all, global);
        let own_latency = Latency::of(&units, rounds, all, own);
        let chain_latency = Latency::of(&units, rounds, on_chain, global);
        let own_chain_latency = Latency::of(&units, rounds, on_chain, own);
        let per_finalized = |amount: f64| (finalized > 0).then(|| amount / finalized as f64);
        let carried_out = rounds.ends.len() - 1;
        // The proof of concept looked for what is safe before it counted the last round's messages.
        let before = (carried_out as u32).saturating_sub(1);
        let lasts = [self.global.last(), self.global.last_after(before)];
        let [chain, poc] = lasts.map(|last| {
            let tree = P::blocks(run.observer())?;
            let head = panel.head(None).and_then(P::block_of).unwrap_or(BlockIndex::GENESIS);
            Some(Chain::of(tree, last.unwrap_or(BlockIndex::GENESIS), head))
        });
        let (chain, poc) = (chain.as_ref(), poc.as_ref());
        let messages = traffic.made_at.len();
        let watched = !self.own.is_empty();
        let view = run.observer().view();
        let total = run.setup().validators.total();
        let share = |weight: Weight| weight.get() as f64 / total.get() as f64;
        let poc_latency = chain.and_then(|_| poc_latency(&units, rounds, before));
        let mut measures: Vec<Cell> = vec![
            carried_out.into(),
            messages.into(),
            traffic.bytes.into(),
            units.len().into(),
            finalized.into(),
            orphaned.into(),
            (units.len() - finalized).into(),
        ];
        measures.extend(latency.quantiles());
        measures.extend(own_latency.quantiles());
        measures.push(watched.then_some(own_latency.censored).into());
        measures.extend(chain_latency.quantiles());
        measures.extend(own_chain_latency.quantiles());
        measures.extend([
            per_finalized(messages as f64).into(),
            per_finalized(traffic.bytes as f64).into(),
            chain.filter(|_| finalized > 0).map(|it| it.orphan_rate(0)).into(),
            chain.map(|it| it.safe_to_tip).into(),
            chain.map(|it| it.depth).into(),
            chain.map(|it| it.branching).into(),
            watched.then(|| rounds.divergence / carried_out.max(1) as f64).into(),
            (traffic.waits as f64 / traffic.arrivals.max(1) as f64).into(),
            (traffic.waited / traffic.waits.max(1) as f64).into(),
            share(view.observed_fault_weight()).into(),
            watched.then(|| panel.overturned(judge)).into(),
            u64::from(run.is_finality_conflicting(panel, judge)).into(),
            poc_latency.into(),
            poc.map(|it| it.safe_to_tip).into(),
            poc.map(|it| it.orphan_rate(1)).into(),
        ]);
        Judged { measures, blocks: units.iter().map(|unit| unit.row(rounds)).collect() }
    }
}

impl Unit {
    fn row(&self, rounds: &Rounds) -> Vec<Cell> {
        let end = self.global.and_then(|round| rounds.ends.get(round as usize));
        let own = || self.own.iter().flatten();
        let each: Vec<String> = self
            .own
            .iter()
            .map(|round| round.map_or("-".to_owned(), |it| it.to_string()))
            .collect();
        vec![
            self.name.as_str().into(),
            self.height.into(),
            self.proposer.into(),
            self.made_round.into(),
            self.made_time.into(),
            self.made_message.into(),
            match self.fate {
                Fate::Finalized => "finalized",
                Fate::Orphaned => "orphaned",
                Fate::Open => "open",
            }
            .into(),
            self.global.into(),
            end.map(|&(time, _)| time).into(),
            end.map(|&(_, messages)| messages).into(),
            own().count().into(),
            own().min().copied().into(),
            own().max().copied().into(),
            (!each.is_empty()).then(|| each.join(" ")).into(),
        ]
    }
}

/// How long things took to become final, by three clocks.
struct Latency {
    rounds: Survival,
    time: Survival,
    messages: Survival,
    censored: usize,
}

impl Latency {
    /// Over the units that `counts`, and each of the rounds in which `finalized` says that one became
    /// final.
    fn of(
        units: &[Unit],
        rounds: &Rounds,
        counts: impl Fn(&Unit) -> bool,
        finalized: impl Fn(&Unit) -> Vec<Option<u32>>,
    ) -> Self {
        let last = rounds.ends.len() - 1;
        let mut waits = [const { Vec::new() }; 3];
        let mut censored = 0;
        for unit in units.iter().filter(|unit| counts(unit)) {
            for round in finalized(unit) {
                censored += usize::from(round.is_none());
                let until = round.map_or(last, |round| round as usize);
                let (time, messages) = rounds.ends.get(until).copied().unwrap_or_default();
                let made = unit.made_message as f64;
                let times = [
                    until as f64 - f64::from(unit.made_round),
                    time - unit.made_time,
                    messages as f64 - made,
                ];
                for (waits, time) in waits.iter_mut().zip(times) {
                    waits.push(Wait { time, ended: round.is_some() });
                }
            }
        }
        let [rounds, time, messages] = waits.map(Survival::of);
        Self { rounds, time, messages, censored }
    }

    fn quantiles(&self) -> impl Iterator<Item = Cell> {
        let all = [&self.rounds, &self.time, &self.messages];
        all.into_iter().flat_map(|it| [it.quantile(0.5).into(), it.quantile(0.9).into()])
    }
}

/// The mean messages to finality as the proof of concept has them: over the final blocks, and the
/// genesis, for which it had not to wait; what became final after more rounds does not count.
fn poc_latency(units: &[Unit], rounds: &Rounds, last: u32) -> Option<f64> {
    let finalized = units.iter().filter_map(|unit| {
        let round = unit.global.filter(|&round| round <= last)?;
        let (_, messages) = rounds.ends.get(round as usize)?;
        Some((messages - unit.made_message) as f64)
    });
    let (sum, count) = finalized.fold((0.0, 0), |(sum, count), it| (sum + it, count + 1));
    (count > 0).then(|| sum / f64::from(count + 1))
}

/// Where the blocks of the omniscient observer stand at the end.
struct Chain {
    /// How many blocks there are no higher than the last final one, and that one's height.
    settled: usize,
    height: u32,
    safe_to_tip: u32,
    depth: u32,
    branching: f64,
}

impl Chain {
    fn of(tree: &BlockTree, last: BlockIndex, head: BlockIndex) -> Self {
        let height = tree.height(last);
        let settled = tree.iter().skip(1).filter(|&block| tree.height(block) <= height).count();
        let open: Vec<BlockIndex> =
            tree.iter().filter(|&block| tree.is_ancestor_or_same(last, block)).collect();
        let deepest = open.iter().map(|&block| tree.height(block)).max().unwrap_or(height);
        let mut parents: Vec<BlockIndex> =
            open.iter().filter(|&&block| block != last).filter_map(|&it| tree.parent(it)).collect();
        let children = parents.len();
        parents.sort_unstable();
        parents.dedup();
        let branching = children as f64 / parents.len().max(1) as f64;
        let safe_to_tip = tree.height(head).saturating_sub(height);
        Self { settled, height, safe_to_tip, depth: deepest - height, branching }
    }

    /// The orphan rate, with so many blocks more that are final.
    fn orphan_rate(&self, more: usize) -> f64 {
        let all = self.settled + more;
        if all == 0 { 0.0 } else { (self.settled - self.height as usize) as f64 / all as f64 }
    }
}
