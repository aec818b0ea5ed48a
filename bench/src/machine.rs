//! The header of a report: on what, with what and how it was measured.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde::Serialize;

use crate::args::Args;
use crate::error::BenchError;
use crate::output::figure;

/// Appends of the disk's probe.
const PROBE_SYNCS: usize = 200;
/// Bytes of each.
const PROBE_BYTES: usize = 4096;

/// Everything that the figures depend on.
#[derive(Debug, Serialize)]
pub struct Header {
    pub processor: String,
    pub cores: usize,
    pub memory_mb: u64,
    pub kernel: String,
    /// Load averages when the run began: a machine that was busy before shows.
    pub load_before: String,
    pub data_dir: PathBuf,
    pub file_system: String,
    pub device: String,
    pub disk: DiskProbe,
    /// What the measured node says of itself.
    pub version: String,
    pub compiler: &'static str,
    pub libraries: &'static str,
    pub settings: Settings,
}

/// The disk by itself: appends of 4 KiB, each with its own fdatasync, nobody else at work.
#[derive(Debug, Serialize)]
pub struct DiskProbe {
    pub fdatasync_p50_ms: f64,
    pub fdatasync_p99_ms: f64,
}

/// How it was measured.
#[derive(Debug, Serialize)]
pub struct Settings {
    pub nodes: usize,
    pub records_groups: u16,
    pub people: u32,
    pub seed: u64,
    pub clients: Vec<u16>,
    pub warm_up_seconds: u64,
    pub seconds: u64,
    pub failovers: u16,
}

impl Header {
    /// Looks at the machine and the disk.
    pub fn read(
        args: &Args,
        data_dir: &Path,
        node: &Path,
        (nodes, records_groups): (usize, u16),
    ) -> Result<Self, BenchError> {
        let data_dir = data_dir.canonicalize().map_err(|error| BenchError::path(data_dir, error))?;
        let (file_system, device) = file_system_of(&data_dir, &text("/proc/self/mountinfo"));
        let processors = text("/proc/cpuinfo");
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_string())
        };
        let memory = field(&text("/proc/meminfo"), "MemTotal");
        let memory = memory.and_then(|value| value.trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0);
        Ok(Self {
            processor: field(&processors, "model name").unwrap_or_else(|| std::env::consts::ARCH.to_string()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mb: memory / 1024,
            kernel: text("/proc/sys/kernel/osrelease").trim().to_string(),
            load_before: text("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "),
            disk: DiskProbe::run(&data_dir)?,
            data_dir,
            file_system,
            device,
            version: node_version(node)?,
            compiler: env!("BENCH_RUSTC"),
            libraries: env!("BENCH_LIBRARIES"),
            settings: Settings {
                nodes,
                records_groups,
                people: args.people,
                seed: args.seed,
                clients: args.clients.clone(),
                warm_up_seconds: args.warm_up,
                seconds: args.seconds,
                failovers: args.failovers,
            },
        })
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let Self { processor, cores, memory_mb, kernel, load_before, data_dir, file_system, device, .. } = self;
        let Self { disk, version, compiler, libraries, settings, .. } = self;
        let tmpfs =
            if matches!(file_system.as_str(), "tmpfs" | "ramfs") { "; NO DISK: syncs cost nothing here" } else { "" };
        let clients: Vec<String> = settings.clients.iter().map(ToString::to_string).collect();
        format!(
            "Machine   {processor}, {cores} cores, {memory_mb} MB, Linux {kernel}, load before {load_before}\n\
             Disk      {file_system} on {device}{tmpfs}; {}; fdatasync of 4 KiB alone p50 {} ms, p99 {} ms\n\
             Versions  {version}, {compiler}; {libraries}\n\
             Settings  {} nodes, {} records groups, list of {} (seed {}); clients {}; {} s each after {} s of warm-up",
            data_dir.display(),
            figure(disk.fdatasync_p50_ms),
            figure(disk.fdatasync_p99_ms),
            settings.nodes,
            settings.records_groups,
            settings.people,
            settings.seed,
            clients.join(", "),
            settings.seconds,
            settings.warm_up_seconds,
        )
    }
}

impl DiskProbe {
    fn run(dir: &Path) -> Result<Self, BenchError> {
        let path = dir.join("fdatasync-probe");
        let failed = |error| BenchError::path(&path, error);
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        let mut took = Vec::with_capacity(PROBE_SYNCS);
        for _ in 0..PROBE_SYNCS {
            file.write_all(&[0x5a; PROBE_BYTES]).map_err(failed)?;
            let begun = Instant::now();
            file.sync_data().map_err(failed)?;
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        std::fs::remove_file(&path).map_err(failed)?;
        took.sort_by(f64::total_cmp);
        let at = |percent: usize| took[(PROBE_SYNCS * percent / 100).min(PROBE_SYNCS - 1)];
        Ok(Self { fdatasync_p50_ms: at(50), fdatasync_p99_ms: at(99) })
    }
}

/// The program and version of the node that is measured.
fn node_version(node: &Path) -> Result<String, BenchError> {
    let said = Command::new(node).arg("--version").output().map_err(|error| BenchError::path(node, error))?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_string())
}

fn text(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Type and device of the file system that a path lies on.
fn file_system_of(path: &Path, mounts: &str) -> (String, String) {
    let mut best: Option<(usize, String, String)> = None;
    for line in mounts.lines() {
        // proc(5): the mount point is the fifth field; type and device follow the dash.
        let Some((mount, source)) = line.split_once(" - ") else { continue };
        let Some(point) = mount.split(' ').nth(4).map(|point| point.replace("\\040", " ")) else { continue };
        let mut source = source.split(' ');
        let (Some(kind), Some(device)) = (source.next(), source.next()) else { continue };
        // Of two mounts at one place the later one is seen.
        if path.starts_with(&point) && best.as_ref().is_none_or(|(length, ..)| point.len() >= *length) {
            best = Some((point.len(), kind.to_string(), device.to_string()));
        }
    }
    best.map_or_else(|| ("unknown".to_string(), "unknown".to_string()), |(_, kind, device)| (kind, device))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_counts() {
        let mounts = "1 0 8:1 / / rw - ext4 /dev/vda rw\n2 1 0:1 / /tmp rw shared:1 - tmpfs tmpfs rw\n";
        let of = |path: &str| file_system_of(Path::new(path), mounts).0;
        assert_eq!((of("/tmp/x"), of("/tmpx"), of("/home")), ("tmpfs".into(), "ext4".into(), "ext4".into()));
        assert_eq!(file_system_of(Path::new("/x"), "").0, "unknown");
    }
}
