//! The machine on which something was measured: a time means nothing without it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::process::Command;
use std::thread;

/// What is known of this machine, a line each. What cannot be found out is left out.
pub(crate) fn describe() -> Vec<String> {
    let cores = thread::available_parallelism().ok().map(|cores| format!("{cores} cores"));
    let memory = read("/proc/meminfo")
        .and_then(|text| field(&text, "MemTotal")?.strip_suffix("kB")?.trim().parse::<u64>().ok())
        .map(|kibibytes| kibibytes * 1024)
        .or_else(|| output("sysctl", &["-n", "hw.memsize"])?.parse().ok());
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    [
        processor(),
        cores,
        memory.map(gibibytes),
        output("uname", &["-srm"]),
        output(rustc, &["--version"]),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The model of the processor, where the system tells it: Linux (not on all processors) and macOS.
fn processor() -> Option<String> {
    read("/proc/cpuinfo")
        .and_then(|text| field(&text, "model name").map(str::to_owned))
        .or_else(|| output("sysctl", &["-n", "machdep.cpu.brand_string"]))
}

fn gibibytes(bytes: u64) -> String {
    format!("{:.1} GiB of memory", bytes as f64 / f64::from(1 << 30))
}

/// The first value with this name in lines of the form `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let mut values = fields.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim());
    values.find(|value| !value.is_empty())
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// What a program prints, on one line, if there is such a program and it succeeds.
fn output(program: impl Into<OsString>, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program.into()).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "model\t\t: 85\nmodel name\t: A Processor @ 2.00GHz\nmodel name\t: Another\n";
        assert_eq!(field(text, "model name"), Some("A Processor @ 2.00GHz"));
        assert_eq!(field("MemTotal:  16314348 kB\n", "MemTotal"), Some("16314348 kB"));
        assert_eq!(field(text, "name"), None);
    }

    #[test]
    fn memory_is_in_gibibytes() {
        assert_eq!(gibibytes(16_705_892_352), "15.6 GiB of memory");
    }

    #[test]
    fn a_program_that_is_not_there_says_nothing() {
        assert_eq!(output("no such program", &[]), None);
    }

    #[test]
    fn the_compiler_is_known_at_least() {
        assert!(describe().iter().any(|line| line.starts_with("rustc ")));
    }
}
