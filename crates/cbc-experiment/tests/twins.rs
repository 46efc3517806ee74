//! What is measured, beside what is found in another way.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use cbc_experiment::{
    BLOCKS, Cell, Experiment, Format, Judged, MEASURES, Outcome, Parameters, Plan, Record, Sweep,
    TableWriter, block_columns, block_rows, carry_out, run_columns, run_rows,
};
use cbc_message::{ValidatorSet, Weight};
use cbc_simulation::{
    DynOracle, MessageMode, Network, Recorded, Run, Schedule, Start, Summary, ValueFinality, Watch,
    WithRun, simulate,
};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

fn plan(text: &str) -> Plan {
    Plan::new(Experiment::parse("test", text, &|_| Err(String::new())).unwrap())
}

fn judged(plan: &Plan, run: usize) -> Vec<Judged> {
    match carry_out(&plan.runs[run], &plan.experiment) {
        Outcome::Done(judged) => judged,
        Outcome::Failed(problem) => panic!("{problem}"),
    }
}

fn measure<'a>(judged: &'a Judged, name: &str) -> &'a Cell {
    &judged.measures[MEASURES.iter().position(|column| column.name == name).unwrap()]
}

/// Carries out a schedule of rounds, everybody watched.
struct Simulate(Schedule);

impl WithRun for Simulate {
    type Output = Summary;

    fn with<P: Recorded + Clone>(self, mut run: Run<P, DynOracle<P>>) -> Summary {
        let watch = Watch { report_interval: 0, everybody: true };
        simulate(&mut run, &self.0, watch, |_, _| ()).unwrap()
    }
}

/// A block as the table has it: name, height, round, and when it was final for whom.
type Row = (String, Option<u32>, u32, Option<u32>, Vec<Option<u32>>);

fn of_simulation(finality: &ValueFinality, rounds: u32) -> Row {
    let until = |round: Option<u32>| round.filter(|&round| round <= rounds);
    (
        finality.value.as_str().unwrap().to_owned(),
        finality.block_height,
        finality.made_in_round as u32,
        until(finality.finalized_in_round.map(|round| round as u32)),
        finality.finalized_by_validators_in_round.iter().copied().map(until).collect(),
    )
}

fn of_table(cells: &[Cell]) -> Row {
    let cell = |name| &cells[BLOCKS.iter().position(|column| column.name == name).unwrap()];
    let number = |name| match cell(name) {
        Cell::Whole(number) => Some(*number as u32),
        _ => None,
    };
    let (Cell::Text(name), Cell::Text(own)) = (cell("block"), cell("own_rounds")) else { panic!() };
    let own = own.split(' ').map(|round| round.parse().ok()).collect();
    let made = number("made_round").unwrap();
    (name.clone(), number("height"), made, number("finalized_round"), own)
}

/// Rounds with delays of whole rounds are a special case of simulated time: `cbc simulate` finds
/// the same blocks, and the same finality in every view after every round, for each oracle and
/// threshold alone.
#[test]
fn rounds_are_a_special_case_and_each_judge_is_as_if_it_were_alone() {
    let text = r#"
        validators = [4, 7]
        weights = [{ kind = "gaussian", mean = 100.0, deviation = 30.0 }]
        modes = ["rrob", "full"]
        networks = ["no-delay", { kind = "constant", delay = 1 }, { kind = "constant", delay = 2 }]
        oracles = ["clique", "turan", "inspector", "adversary"]
        thresholds = [0.0, 0.2]
        seeds = [1, 2]
        rounds = 24
    "#;
    let plan = plan(text);
    let mut final_somewhere = 0;
    for (run, parameters) in plan.runs.iter().enumerate() {
        let Parameters { validators, rounds, .. } = *parameters;
        let weights = parameters.weights.draw(validators, &mut parameters.generator());
        let set = Arc::new(ValidatorSet::new(weights).unwrap());
        let mode = match parameters.mode.name() {
            "rrob" => MessageMode::Rrob,
            _ => MessageMode::Full,
        };
        let delay = match parameters.network.describe().parameters.as_slice() {
            [(_, delay)] => delay.parse::<f64>().unwrap() as u32,
            _ => 0,
        };
        let network = Network::Constant { rounds: delay };
        // In its last round all that is under way arrives, so there it has more than these.
        let longer = (rounds + delay + 1) as usize;
        let schedule =
            Schedule::generate(validators, longer, mode, network, &mut parameters.generator());
        let oracles = plan.experiment.oracles.iter();
        let judges = oracles.flat_map(|oracle| {
            plan.experiment.thresholds.iter().map(move |threshold| (*oracle, *threshold))
        });
        for ((oracle, threshold), judged) in judges.zip(judged(&plan, run)) {
            let start = Start {
                oracle,
                threshold: Weight::new((threshold * set.total().get() as f64) as u64),
                validators: Arc::clone(&set),
                check_estimates: true,
                first_estimates: None,
            };
            let summary = parameters.protocol.start(start, Simulate(schedule.clone())).unwrap();
            let expected: Vec<Row> = summary
                .finality
                .iter()
                .filter(|finality| finality.made_in_round <= rounds as usize)
                .map(|finality| of_simulation(finality, rounds))
                .collect();
            let found: Vec<Row> = judged.blocks.iter().map(|cells| of_table(cells)).collect();
            assert_eq!(found, expected, "{oracle} {threshold} {parameters:?}");
            final_somewhere += found.iter().filter(|row| row.4.iter().any(Option::is_some)).count();
        }
    }
    assert!(final_somewhere > 1000, "{final_somewhere}");
}

/// The first of all proposals in a round is heard by nobody before the last.
#[test]
fn who_propose_at_once_do_not_build_on_each_other() {
    let plan = plan("validators = [5]\nmodes = [\"all\"]\nrounds = 10\nseeds = [1]");
    let rows: Vec<Row> = judged(&plan, 0)[0].blocks.iter().map(|cells| of_table(cells)).collect();
    assert_eq!(rows.len(), 50);
    assert!(rows.iter().all(|row| row.1 == Some(row.2)), "the height is that of the round");
}

#[test]
fn who_do_not_lead_vote_for_the_block_of_who_does() {
    let plan = plan("validators = [4]\nmodes = [\"leader\"]\nrounds = 12\nseeds = [1]");
    let judged = &judged(&plan, 0)[0];
    assert_eq!(measure(judged, "messages"), &Cell::Whole(48));
    assert_eq!(measure(judged, "blocks"), &Cell::Whole(12));
    // All have seen all vote for a block when they next vote: in the round after it.
    assert_eq!(measure(judged, "latency_rounds_p50"), &Cell::Real(1.0));
    assert_eq!(measure(judged, "orphan_rate"), &Cell::Real(0.0));
}

#[test]
fn equivocators_are_found_out_and_break_nothing_that_tolerates_them() {
    let of = |strategy: &str, share: f64, threshold: f64| {
        let text = format!(
            "validators = [9]\nmodes = [\"full\", \"leader\"]\nrounds = 20\nthresholds = [{threshold}]\n\
             networks = [{{ kind = \"uniform\", least = 0, most = 3 }}]\nseeds = {{ count = 6 }}\n\
             adversaries = [{{ kind = \"equivocate\", strategy = \"{strategy}\", share = {share}, start = 3 }}]"
        );
        let plan = plan(&text);
        (0..plan.runs.len()).map(|run| judged(&plan, run).remove(0)).collect::<Vec<_>>()
    };
    for strategy in ["split", "balance", "late", "flood"] {
        for judged in of(strategy, 0.23, 0.3) {
            // Two of nine.
            assert_eq!(
                measure(&judged, "observed_fault_weight"),
                &Cell::Real(2.0 / 9.0),
                "{strategy}"
            );
            assert_eq!(measure(&judged, "conflicting_finality"), &Cell::Whole(0), "{strategy}");
            assert_eq!(measure(&judged, "overturned"), &Cell::Whole(0), "{strategy}");
            // And nobody is kept from deciding, not even by what is kept from them.
            assert_ne!(measure(&judged, "finalized"), &Cell::Whole(0), "{strategy}");
        }
    }
}

#[test]
fn who_is_silent_says_nothing_and_who_crashes_comes_back() {
    let count = |adversary: &str| {
        let text = format!(
            "validators = [5]\nmodes = [\"all\"]\nrounds = 10\nseeds = [1]\nadversaries = [{adversary}]"
        );
        let plan = plan(&text);
        let judged = judged(&plan, 0);
        let rows: Vec<(u64, u64)> = judged[0]
            .blocks
            .iter()
            .map(|cells| match (&cells[2], &cells[3]) {
                (Cell::Whole(proposer), Cell::Whole(round)) => (*proposer, *round),
                other => panic!("{other:?}"),
            })
            .collect();
        rows
    };
    let silent = count("{ kind = \"silent\", validators = [1, 3] }");
    assert!(silent.len() == 30 && silent.iter().all(|(proposer, _)| proposer % 2 == 0));
    // Down from the time at which round 4 begins until that at which round 7 does.
    let crashed = count("{ kind = \"crash\", validators = [2], start = 3, end = 6 }");
    let of_2: Vec<u64> = crashed.iter().filter(|it| it.0 == 2).map(|it| it.1).collect();
    assert_eq!(of_2, [1, 2, 3, 7, 8, 9, 10]);
}

#[test]
fn what_is_lost_is_sent_again_and_a_partition_holds_back() {
    let of = |network: &str| {
        let text = format!(
            "validators = [4]\nmodes = [\"all\"]\nrounds = 40\nseeds = [1]\nnetworks = [{network}]"
        );
        judged(&plan(&text), 0).remove(0)
    };
    let rounds_of = |judged: &Judged| -> Vec<Option<u32>> {
        judged.blocks.iter().map(|cells| of_table(cells).3).collect()
    };
    let whole = of("{ kind = \"no-delay\" }");
    assert_eq!(measure(&whole, "pending_share"), &Cell::Real(0.0));
    let lossy = of("{ kind = \"no-delay\", loss = 0.3, resend = 2 }");
    let Cell::Real(waited) = measure(&lossy, "pending_share") else { panic!() };
    assert!(*waited > 0.1, "{waited}");
    // While two and two hear nothing of each other, nothing is final: neither half is a majority.
    let parted = of("{ kind = \"no-delay\", partitions = [{ start = 10, end = 30 }] }");
    let during = |round: &u32| (12..=30).contains(round);
    assert!(!rounds_of(&parted).iter().flatten().any(during));
    assert!(rounds_of(&parted).iter().flatten().any(|round| *round > 30));
    assert!(rounds_of(&whole).iter().flatten().any(during));
}

#[test]
fn a_run_that_panics_is_a_row_and_the_others_go_on() {
    let plan = plan("validators = [3]\nrounds = 5\nseeds = { count = 6 }\nthresholds = [0.0, 0.1]");
    let broken = plan.runs[2].clone();
    for jobs in [1, 2] {
        let sweep = Sweep {
            jobs,
            carry_out: |parameters: &Parameters| {
                assert!(*parameters != broken, "this one\nis broken");
                carry_out(parameters, &plan.experiment)
            },
            clock: || Duration::ZERO,
        };
        let mut records: Vec<Record> = Vec::new();
        let kept = sweep.over(&plan, (0..6).collect(), |record, _| {
            records.push(record);
            Ok::<(), String>(())
        });
        kept.unwrap();
        records.sort_by_key(|record| record.run);
        for (run, record) in records.iter().enumerate() {
            assert_eq!(record.run, run);
            assert_eq!(Record::of_line(&record.to_line()).as_ref(), Some(record));
            let rows = run_rows(&plan, record);
            assert_eq!(rows.len(), 2);
            let expected = if run == 2 { "panicked: this one is broken" } else { "ok" };
            assert!(rows.iter().all(|row| row.last() == Some(&Cell::Text(expected.to_owned()))));
            assert!(rows.iter().all(|row| row.len() == run_columns().len()));
            assert_eq!(block_rows(&plan, record).len(), if run == 2 { 0 } else { 10 });
        }
        assert_eq!(records.len(), 6);
        let full = sweep.over(&plan, vec![0, 1], |_, _| Err("no room"));
        assert_eq!(full.unwrap_err().to_string(), "no room");
    }
}

#[test]
fn a_parquet_table_has_what_the_csv_has() {
    let plan = plan(
        "validators = [3]\nrounds = 6\nseeds = [1, 2]\nprotocols = [\"blockchain\", \"binary\"]",
    );
    let records: Vec<Record> = (0..plan.runs.len())
        .map(|run| Record { run, outcome: carry_out(&plan.runs[run], &plan.experiment) })
        .collect();
    for (columns, rows) in [
        (run_columns(), records.iter().flat_map(|it| run_rows(&plan, it)).collect::<Vec<_>>()),
        (block_columns(), records.iter().flat_map(|it| block_rows(&plan, it)).collect()),
    ] {
        let write = |format| {
            let mut table = TableWriter::new(format, columns.clone(), Vec::new()).unwrap();
            rows.iter().for_each(|row| table.row(row.clone()).unwrap());
            table.finish().unwrap()
        };
        let (text, parquet) = (write(Format::Csv), write(Format::Parquet));
        assert_eq!(parquet, write(Format::Parquet));
        let mut reader = csv::Reader::from_reader(&text[..]);
        let headings = reader.headers().unwrap().clone();
        let file = reader_of(&parquet);
        let mut count = 0;
        for (in_csv, in_parquet) in reader.records().zip(file.get_row_iter(None).unwrap()) {
            let (in_csv, in_parquet) = (in_csv.unwrap(), in_parquet.unwrap());
            let values = in_parquet.get_column_iter().map(|(name, field)| {
                let value = match field {
                    Field::Null => String::new(),
                    Field::Str(text) => text.clone(),
                    Field::Long(number) => number.to_string(),
                    Field::Double(number) => number.to_string(),
                    other => panic!("{name}: {other:?}"),
                };
                (name.clone(), value)
            });
            let expected = headings.iter().zip(&in_csv);
            let expected: Vec<_> =
                expected.map(|(name, it)| (name.to_owned(), it.to_owned())).collect();
            assert_eq!(values.collect::<Vec<_>>(), expected);
            count += 1;
        }
        assert_eq!(count, rows.len());
    }
}

fn reader_of(bytes: &[u8]) -> SerializedFileReader<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    SerializedFileReader::new(file).unwrap()
}
