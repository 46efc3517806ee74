//! What criterion measured, read from the files it leaves.

use std::fs::{self, File};
use std::io::BufReader;

use anyhow::Context;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Where criterion puts its latest measurement of a benchmark, in the directory of the benchmark.
const LATEST: &str = "new";

/// One benchmark: a function of a group, at one value of the group's parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measurement {
    pub(crate) group: String,
    pub(crate) function: String,
    /// As it is written; empty for a benchmark that has no parameter.
    pub(crate) parameter: String,
    /// The median time of an iteration; of one element, where it works on several.
    pub(crate) nanoseconds: f64,
    /// The standard error of that time, as a part of it.
    pub(crate) error: f64,
    /// Whether the time is that of one element.
    pub(crate) per_element: bool,
}

/// `benchmark.json`, as far as it matters here.
#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
    throughput: Option<Throughput>,
}

/// How much an iteration does. Only elements matter here: of bytes, the time is that of all.
#[derive(Deserialize)]
struct Throughput {
    #[serde(rename = "Elements")]
    elements: Option<u64>,
    #[serde(rename = "ElementsAndBytes")]
    elements_and_bytes: Option<ElementsAndBytes>,
}

#[derive(Deserialize)]
struct ElementsAndBytes {
    elements: u64,
}

impl Throughput {
    fn elements(self) -> Option<u64> {
        self.elements.or(self.elements_and_bytes.map(|both| both.elements))
    }
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

impl Measurement {
    fn new(benchmark: Benchmark, estimates: &Estimates) -> Self {
        let Estimate { point_estimate, standard_error } = estimates.median;
        let elements = benchmark.throughput.and_then(Throughput::elements);
        Self {
            group: benchmark.group_id,
            function: benchmark.function_id.unwrap_or_else(|| "time".to_owned()),
            parameter: benchmark.value_str.unwrap_or_default(),
            nanoseconds: point_estimate / elements.unwrap_or(1) as f64,
            error: standard_error / point_estimate,
            per_element: elements.is_some(),
        }
    }
}

/// The latest measurement of every benchmark below `root`, in the order in which they were made:
/// that of the sources, which no file of criterion's tells.
pub(crate) fn read(root: &Utf8Path) -> anyhow::Result<Vec<Measurement>> {
    let mut found = Vec::new();
    for directory in latest(root)? {
        let path = directory.join("estimates.json");
        if !path.exists() {
            continue; // was interrupted
        }
        let estimates: Estimates = json(&path)?;
        let measurement = Measurement::new(json(&directory.join("benchmark.json"))?, &estimates);
        let made = path.metadata().and_then(|metadata| metadata.modified())?;
        found.push((made, directory, measurement));
    }
    found.sort_by(|(one, at, _), (other, there, _)| (one, at).cmp(&(other, there)));
    Ok(found.into_iter().map(|(_, _, measurement)| measurement).collect())
}

/// Removes the latest measurements below `root`, so that what is there afterwards was measured
/// since. Criterion still compares with them: it keeps a copy for that.
pub(crate) fn forget(root: &Utf8Path) -> anyhow::Result<()> {
    for directory in latest(root)? {
        fs::remove_dir_all(&directory).with_context(|| format!("cannot remove {directory}"))?;
    }
    Ok(())
}

/// The directories of latest measurements below `root`, which need not exist.
fn latest(root: &Utf8Path) -> anyhow::Result<Vec<Utf8PathBuf>> {
    let mut found = Vec::new();
    let mut directories = if root.exists() { vec![root.to_owned()] } else { Vec::new() };
    while let Some(directory) = directories.pop() {
        let unreadable = || format!("cannot list {directory}");
        for entry in directory.read_dir_utf8().with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            if !entry.file_type().with_context(unreadable)?.is_dir() {
                continue;
            }
            // A group or a function may have that name too.
            if entry.file_name() == LATEST && entry.path().join("benchmark.json").exists() {
                found.push(entry.into_path());
            } else {
                directories.push(entry.into_path());
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

    #[test]
    fn what_criterion_left_is_read_and_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let ingest = r#"{"group_id":"ingest/in order","function_id":"floor","value_str":"1000",
            "throughput":{"Elements":4000},"full_id":"ingest/in order/floor/1000",
            "directory_name":"ingest_in order/floor/1000","title":"ingest/in order/floor/1000"}"#;
        leave(root, "ingest_in order/floor/1000/new", ingest, 8_000_000.0);
        leave(root, "ingest_in order/floor/1000/base", ingest, 1.0);
        let plain = r#"{"group_id":"plain","function_id":null,"value_str":null,
            "throughput":{"Bytes":10},"full_id":"plain","directory_name":"plain","title":"plain"}"#;
        leave(root, "plain/new", plain, 25.0);
        fs::create_dir_all(root.join("plain/report")).unwrap();

        let mut measurements = read(root).unwrap();
        measurements.sort_by(|one, other| one.group.cmp(&other.group));
        let [ingest, plain] = &measurements[..] else { panic!("{measurements:?}") };
        let expected = Measurement {
            group: "ingest/in order".to_owned(),
            function: "floor".to_owned(),
            parameter: "1000".to_owned(),
            nanoseconds: 2000.0,
            error: 0.1,
            per_element: true,
        };
        assert_eq!(*ingest, expected);
        let expected = Measurement {
            group: "plain".to_owned(),
            function: "time".to_owned(),
            parameter: String::new(),
            nanoseconds: 25.0,
            error: 0.1,
            per_element: false,
        };
        assert_eq!(*plain, expected);

        forget(root).unwrap();
        assert_eq!(read(root).unwrap(), []);
        assert!(root.join("ingest_in order/floor/1000/base/estimates.json").exists());
    }

    #[test]
    fn nothing_was_measured_where_nothing_is() {
        assert_eq!(read(Utf8Path::new("no such directory")).unwrap(), []);
    }
}
