//! What criterion measured, read from the files it leaves.

use std::fs::{self, File};
use std::io::BufReader;

use anyhow::{Context, ensure};
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use cbc_report::{Group, Measurement};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use walkdir::WalkDir;

use super::declared;

/// Where criterion puts its latest measurement of a benchmark, in the directory of the benchmark.
const LATEST: &str = "new";

/// `benchmark.json`, as far as it matters here.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
    throughput: Option<Throughput>,
}

/// How much an iteration does. Only elements matter here: of bytes, the time is that of all.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
struct Throughput {
    #[serde(rename = "Elements")]
    elements: Option<u64>,
}

/// `estimates.json`, as far as it matters here. Of the estimates the median suffers least from
/// whatever else a machine does.
#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
    standard_error: f64,
}

/// A benchmark, and the median time of an iteration with its standard error.
type Measured = (Benchmark, Estimate);

/// The groups below `root` by name, as the names of their benchmarks declare. If they are `whole`,
/// each function must be there that another is beside.
pub(crate) fn groups(root: &Utf8Path, whole: bool) -> anyhow::Result<Vec<Group>> {
    let mut measured = read(root)?;
    // Stable: within a group in the order in which they were made.
    measured.sort_by(|(one, _), (other, _)| one.group_id.cmp(&other.group_id));
    let same_group = |(one, _): &Measured, (other, _): &Measured| one.group_id == other.group_id;
    measured.chunk_by(same_group).map(|measured| group(measured, whole)).collect()
}

/// The group that these are of.
fn group(measured: &[Measured], whole: bool) -> anyhow::Result<Group> {
    let id = measured.first().map_or("", |(benchmark, _)| &benchmark.group_id);
    let declared = declared::group(id)?;
    let measurement = |(benchmark, estimate): &Measured| {
        let elements = benchmark.throughput.and_then(|throughput| throughput.elements);
        ensure!(
            elements.is_some() == declared.element.is_some(),
            "the benchmark group {id:?} has a throughput of elements, or says of what its times \
             are, but not both: TITLE [SIZE; ELEMENT]"
        );
        Ok(Measurement {
            function: declared::function(benchmark.function_id.as_deref().unwrap_or("time"))?,
            size: benchmark.value_str.clone().unwrap_or_default(),
            nanoseconds: estimate.point_estimate / elements.unwrap_or(1) as f64,
            error: estimate.standard_error / estimate.point_estimate,
        })
    };
    let measurements = measured.iter().map(measurement).collect::<anyhow::Result<Vec<_>>>()?;
    let functions: Vec<_> = measurements.iter().map(|it| it.function.clone()).collect();
    for function in &functions {
        if let Some((_, ours)) = &function.beside {
            ensure!(
                !whole || functions.iter().any(|function| function.name == *ours),
                "the benchmark group {id:?} has no function {ours:?} to put {:?} beside",
                function.name
            );
        }
    }
    Ok(Group::new(&declared.title, &declared.size, declared.element.as_deref(), measurements))
}

/// The latest measurement of every benchmark below `root`, in the order in which they were made:
/// that of the sources, which no file of criterion's tells.
fn read(root: &Utf8Path) -> anyhow::Result<Vec<Measured>> {
    let mut found = Vec::new();
    for directory in latest(root)? {
        let path = directory.join("estimates.json");
        if !path.exists() {
            continue; // was interrupted
        }
        let Estimates { median } = json(&path)?;
        let made = path.metadata().and_then(|metadata| metadata.modified())?;
        let benchmark = json(&directory.join("benchmark.json"))?;
        found.push((made, directory, (benchmark, median)));
    }
    found.sort_by(|(one, at, _), (other, there, _)| (one, at).cmp(&(other, there)));
    Ok(found.into_iter().map(|(_, _, measured)| measured).collect())
}

/// Removes the latest measurements below `root`, so that what is there afterwards was measured
/// since. Criterion still compares with them: it keeps a copy for that.
pub(crate) fn forget(root: &Utf8Path) -> anyhow::Result<()> {
    for directory in latest(root)? {
        fs::remove_dir_all(&directory).with_context(|| format!("cannot remove {directory}"))?;
    }
    Ok(())
}

/// The directories of latest measurements below `root`, which need not exist. A group or a function
/// may have that name, too.
fn latest(root: &Utf8Path) -> anyhow::Result<Vec<Utf8PathBuf>> {
    let mut found = Vec::new();
    if root.exists() {
        for entry in WalkDir::new(root) {
            let path = Utf8PathBuf::try_from(entry?.into_path())?;
            if path.file_name() == Some(LATEST) && path.join("benchmark.json").exists() {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn json<T: DeserializeOwned>(path: &Utf8Path) -> anyhow::Result<T> {
    let file = File::open(path).with_context(|| format!("cannot read {path}"))?;
    serde_json::from_reader(BufReader::new(file))
        .with_context(|| format!("{path} is not what this version of criterion writes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves a measurement as criterion does.
    fn leave(root: &Utf8Path, directory: &str, benchmark: &str, median: f64) {
        let directory = root.join(directory);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("benchmark.json"), benchmark).unwrap();
        let estimate = |value: f64| {
            format!(
                r#"{{"confidence_interval":{{"confidence_level":0.95,"lower_bound":1.0,
                "upper_bound":2.0}},"point_estimate":{value},"standard_error":{}}}"#,
                value / 10.0
            )
        };
        let text = format!(
            r#"{{"mean":{},"median":{},"median_abs_dev":{},"slope":null,"std_dev":{}}}"#,
            estimate(1.0),
            estimate(median),
            estimate(2.0),
            estimate(3.0)
        );
        fs::write(directory.join("estimates.json"), text).unwrap();
    }

    /// A benchmark of a group of two, whose names are these.
    fn benchmark(group: &str, function: &str, throughput: &str) -> String {
        format!(
            r#"{{"group_id":{group:?},"function_id":{function:?},"value_str":"1000",
            "throughput":{throughput},"full_id":"x","directory_name":"x","title":"x"}}"#
        )
    }

    /// What is read of these benchmarks.
    fn groups_of(benchmarks: &[String]) -> anyhow::Result<Vec<Group>> {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        for (number, benchmark) in benchmarks.iter().enumerate() {
            leave(root, &format!("{number}/new"), benchmark, 8_000_000.0);
        }
        groups(root, true)
    }

    #[test]
    fn what_criterion_left_is_read_and_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let ingest = benchmark("ingest [validators; message]", "view", r#"{"Elements":4000}"#);
        leave(root, "ingest/view/1000/new", &ingest, 8_000_000.0);
        leave(root, "ingest/view/1000/base", &ingest, 1.0);
        let plain = r#"{"group_id":"plain [size]","function_id":null,"value_str":null,
            "throughput":{"Bytes":10},"full_id":"plain","directory_name":"plain","title":"plain"}"#;
        leave(root, "plain/new", plain, 25.0);
        fs::create_dir_all(root.join("plain/report")).unwrap();

        let read = groups(root, true).unwrap();
        let tables: Vec<_> = read.iter().map(|group| group.table().to_markdown()).collect();
        assert_eq!(
            tables,
            [
                "| validators | view |\n| ---: | ---: |\n| 1000 | 2.00 µs ±10 % |\n",
                "| size | time |\n| ---: | ---: |\n|  | 25.0 ns ±10 % |\n",
            ]
        );
        assert_eq!(read[0].caption(), "time per message");
        forget(root).unwrap();
        assert_eq!(groups(root, true).unwrap(), []);
        assert!(root.join("ingest/view/1000/base/estimates.json").exists());
    }

    #[test]
    fn a_benchmark_that_declares_what_is_not_so_is_an_error() {
        let elements = r#"{"Elements":4000}"#;
        let beside_nothing = benchmark("g [size; query]", "naive [twin of view]", elements);
        let of_nothing = benchmark("g [size]", "view", elements);
        for (benchmark, problem) in
            [(beside_nothing, "has no function \"view\""), (of_nothing, "but not both")]
        {
            let error = groups_of(&[benchmark]).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn nothing_was_measured_where_nothing_is() {
        assert_eq!(groups(Utf8Path::new("no such directory"), true).unwrap(), []);
    }
}
