//! The machine on which something was measured: a time means nothing without it.

use std::process::Command;
use std::{env, thread};

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// What is known of this machine, a line each. What cannot be found out is left out.
pub(crate) fn describe() -> Vec<String> {
    let memory = MemoryRefreshKind::nothing().with_ram();
    let kinds = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()).with_memory(memory);
    let system = System::new_with_specifics(kinds).ok();
    let processor = system.as_ref().and_then(|system| Some(system.cpus().first()?.brand().trim()));
    let gibibytes = |system: &System| system.total_memory() as f64 / f64::from(1 << 30);
    let kernel = [System::name(), System::kernel_version(), Ok(System::cpu_arch())];
    let lines = [
        processor.map(str::to_owned),
        thread::available_parallelism().ok().map(|cores| format!("{cores} cores")),
        system.as_ref().map(|system| format!("{:.1} GiB of memory", gibibytes(system))),
        Some(kernel.into_iter().flatten().collect::<Vec<_>>().join(" ")),
        compiler(),
    ];
    lines.into_iter().flatten().filter(|line| !line.is_empty()).collect()
}

/// What the compiler calls itself.
fn compiler() -> Option<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn the_cores_and_the_compiler_are_known_at_least() {
        let machine = describe();
        assert!(machine.iter().any(|line| line.ends_with(" cores")), "{machine:?}");
        assert!(machine.iter().any(|line| line.starts_with("rustc ")), "{machine:?}");
    }
}
