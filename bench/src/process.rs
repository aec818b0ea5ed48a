//! What /proc says of a process.

use std::path::Path;

use crate::error::BenchError;
use crate::sys::ticks_per_second;

const KIB: u64 = 1024;

/// Bytes of memory that a process holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    pub resident: u64,
    /// The part that belongs to no file: mapped index files may be dropped, this may not.
    pub anonymous: u64,
    pub peak: u64,
}

/// Processor seconds that a process has used, in user and system mode, of all its threads.
pub fn cpu_seconds(pid: u32) -> Result<f64, BenchError> {
    let stat = read(pid, "stat")?;
    let ticks = ticks(&stat).ok_or_else(|| BenchError::read(format!("/proc/{pid}/stat"), "has another form"))?;
    Ok(ticks as f64 / ticks_per_second())
}

/// Memory of a process.
pub fn memory(pid: u32) -> Result<Memory, BenchError> {
    let status = read(pid, "status")?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kib = line.and_then(|value| value.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.map(|kib| kib * KIB).ok_or_else(|| BenchError::read(format!("/proc/{pid}/status"), format!("no {name}")))
    };
    Ok(Memory { resident: field("VmRSS")?, anonymous: field("RssAnon")?, peak: field("VmHWM")? })
}

/// Whether a process runs that has a path on its command line; one that ended and was not waited for does not.
pub fn runs_on(pid: u32, path: &Path) -> bool {
    let state = read(pid, "stat").ok().and_then(|stat| after_name(&stat)?.chars().next());
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
        && String::from_utf8_lossy(&line).contains(&*path.to_string_lossy())
}

fn read(pid: u32, file: &str) -> Result<String, BenchError> {
    let path = format!("/proc/{pid}/{file}");
    std::fs::read_to_string(&path).map_err(|source| BenchError::Io { place: path, source })
}

/// What follows the name, which may hold anything.
fn after_name(stat: &str) -> Option<&str> {
    stat.rsplit_once(") ").map(|(_, rest)| rest)
}

fn ticks(stat: &str) -> Option<u64> {
    // Fields 14 and 15 of proc(5): utime and stime; the state is field 3.
    let mut fields = after_name(stat)?.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "7 (a) b ) S 1 7 7 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 9 0 100 1 1";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("7 (a"), None);
    }

    #[test]
    fn this_process_has_memory_and_time() {
        let memory = memory(std::process::id()).expect("reads");
        assert!(memory.resident > 0 && memory.peak >= memory.resident);
        assert!(cpu_seconds(std::process::id()).expect("reads") >= 0.0);
    }
}
