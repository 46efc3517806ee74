//! The deepest safe block of a chain that grows: asked after each message, or once a round; from
//! what the last question left, beside an oracle that keeps nothing. All are awake and cite all
//! that there is, or, in lock step, all of the round before.

#![allow(missing_docs, clippy::disallowed_types, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cbc_message::{Header, Integer, Justification, Message, ValidatorId, ValidatorSet, Weight};
use cbc_oracle::{CliqueOracle, FinalitySearch, Safety, SafetyOracle};
use cbc_oracle_inspector::InspectorOracle;
use cbc_view::{Chain, Limits, MessageDag, MessageIndex, Property, View};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// Messages vote for blocks of one chain, by their height.
type Dag = View<Integer>;

/// The blocks up to this height.
struct UpTo(u32);

impl Chain<Dag> for UpTo {
    fn depth(&self) -> u32 {
        self.0
    }

    fn agreement(&self, dag: &Dag, message: MessageIndex) -> u32 {
        u32::try_from(dag.estimate(message).0).map_or(0, |height| height.min(self.0))
    }
}

/// A chain that grows by a block a message, where validators speak in turn, and by a block a round,
/// for which all vote in the next, in lock step.
struct Growing {
    view: Dag,
    tip: u32,
    lock_step: bool,
    turn: u32,
    /// What is cited, and voted for, in this round, in lock step.
    before: (Justification, u32),
}

impl Growing {
    /// Three rounds and a half.
    fn new(validators: u32, lock_step: bool) -> Self {
        let weights = (0..validators).map(|v| Weight::new(100_000 + u64::from(v * v % 977)));
        let mut growing = Self {
            view: View::with_limits(Arc::new(ValidatorSet::new(weights).unwrap()), Limits::NONE),
            tip: 0,
            lock_step,
            turn: 0,
            before: (Justification::EMPTY, 0),
        };
        (0..7 * validators / 2).for_each(|_| growing.grow());
        growing
    }

    /// One more message.
    fn grow(&mut self) {
        let count = self.view.validators().len() as u32;
        let (round, place) = (self.turn / count, self.turn % count);
        self.turn += 1;
        if place == 0 || !self.lock_step {
            self.before = (self.view.justification(), self.tip);
        }
        let sender = ValidatorId::new(place);
        let proposes = !self.lock_step || place == round % count;
        let height = self.before.1 + u32::from(proposes);
        let sequence_number = self.view.next_sequence_number(sender);
        let justification = self.before.0.clone();
        let estimate = Integer(height.into());
        let header = Header { sender, sequence_number, justification, estimate };
        self.view.insert(Message::new(header).unwrap()).unwrap();
        self.tip = self.tip.max(height);
    }
}

/// An oracle that keeps nothing.
struct Alone<O>(O);

impl<O: SafetyOracle<Dag>> SafetyOracle<Dag> for Alone<O> {
    fn safety(&self, dag: &Dag, of: &ValidatorSet, candidate: &dyn Property<Dag>) -> Safety {
        self.0.safety(dag, of, candidate)
    }
}

/// A search that has been asked about a chain that grows, after so many messages each time.
struct Asking<'a, O> {
    growing: Growing,
    search: FinalitySearch<Dag, &'a O>,
    finalized: u32,
    messages: u32,
}

impl<'a, O: SafetyOracle<Dag>> Asking<'a, O> {
    /// Of a search whose first questions, which find all that was safe before, are over.
    fn new(growing: Growing, oracle: &'a O, messages: u32) -> Self {
        let search = FinalitySearch::new(oracle);
        let mut asking = Self { growing, search, finalized: 0, messages };
        (0..4).for_each(|_| _ = asking.ask());
        assert!(asking.finalized > 0);
        asking
    }

    fn ask(&mut self) -> Duration {
        (0..self.messages).for_each(|_| self.growing.grow());
        let Growing { view, tip, .. } = &self.growing;
        let (chain, of) = (UpTo(*tip), view.validators());
        let start = Instant::now();
        let found = self.search.deepest_safe(view, of, &chain, self.finalized, Weight::ZERO);
        let taken = start.elapsed();
        self.finalized = black_box(found).map_or(self.finalized, |(depth, _)| depth);
        taken
    }

    /// What so many questions take, if those of a round do not differ from others: what one costs
    /// depends on how far the round is.
    fn time(&mut self, questions: u64) -> Duration {
        let asked = self.growing.view.validators().len() as u32 / self.messages;
        let taken: Duration = (0..asked).map(|_| self.ask()).sum();
        taken.mul_f64(questions as f64 / f64::from(asked))
    }
}

fn finality(criterion: &mut Criterion) {
    // `cargo test` only sees that it runs.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let sizes = if measuring { &[10, 50, 100, 200, 500, 1000][..] } else { &[10] };
    let (clique, inspector) = (CliqueOracle::new(), InspectorOracle::new());
    for (when, lock_step, once_a_round) in [
        ("after each message in turn", false, false),
        ("after each message in lock step", true, false),
        ("once a round in turn", false, true),
        ("once a round in lock step", true, true),
    ] {
        let mut group = criterion.benchmark_group(format!("finality, {when} [validators]"));
        group.sample_size(10).measurement_time(Duration::from_millis(100));
        group.warm_up_time(Duration::from_millis(1));
        for &validators in sizes {
            let messages = if once_a_round { validators } else { 1 };
            macro_rules! bench {
                ($name:expr, $oracle:expr) => {
                    let oracle = $oracle;
                    let mut asking = None;
                    group.bench_function(BenchmarkId::new($name, validators), |bencher| {
                        let growing = || Growing::new(validators, lock_step);
                        let new = || Asking::new(growing(), &oracle, messages);
                        let asking = asking.get_or_insert_with(new);
                        bencher.iter_custom(|questions| asking.time(questions));
                    });
                };
            }
            bench!("clique", clique);
            bench!("inspector", inspector);
            // From scratch it takes too long.
            if validators <= 200 {
                bench!("clique alone [twin of clique]", Alone(clique));
                bench!("inspector alone [twin of inspector]", Alone(inspector));
            }
        }
        group.finish();
    }
}

criterion_group!(benches, finality);
criterion_main!(benches);
