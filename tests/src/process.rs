//! Programs and processes: where the binaries are, signals, who is still alive, free ports.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::wait_for;

/// The root of the workspace.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_path_buf()
}

/// A binary of the workspace, from the directory of the profile that the tests were built in.
pub fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("own program");
    // target/release/deps/it-0123 -> target/release
    let profile = own.parent().and_then(Path::parent).expect("a target directory");
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| workspace_root().join("target"));
    let places = [profile.to_path_buf(), target.join("release")];
    let found = places.iter().map(|place| place.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("{name} is missing in {}: build it first, with `cargo build --release`", places[0].display())
    })
}

/// A signal.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
    Kill,
}

/// Sends a signal to a process, if it is there.
#[allow(unsafe_code, reason = "kill(2) has no safe form in std")]
pub(crate) fn send(pid: u32, signal: Signal) {
    let number = match signal {
        Signal::Interrupt => libc::SIGINT,
        Signal::Terminate => libc::SIGTERM,
        Signal::Kill => libc::SIGKILL,
    };
    let pid = libc::pid_t::try_from(pid).expect("a process id");
    assert!(pid > 1, "{pid} is no child of ours");
    // SAFETY: kill takes plain numbers and touches no memory of ours.
    unsafe { libc::kill(pid, number) };
}

/// Whether any thread of a process runs; one that ended and was not waited for does not. The first thread may have ended
/// while others still hold the process's files and ports.
pub(crate) fn runs(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.flatten().any(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
    })
}

/// Processes that have a path, or one below it, on their command line. The path is a temporary directory of a test, so they
/// are this test's.
pub(crate) fn processes_on(path: &Path) -> Vec<u32> {
    let needle = path.to_string_lossy().into_owned();
    let pids = std::fs::read_dir("/proc").expect("/proc").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    pids.filter(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        *pid != std::process::id() && runs(*pid) && String::from_utf8_lossy(&line).contains(&needle)
    })
    .collect()
}

/// How a child ended and the bytes of memory that it held at most, if it has ended; it is reaped then, and nobody may wait
/// for it again. The kernel counts, so that a peak between two looks is not missed.
#[allow(unsafe_code, reason = "wait4(2) has no form in std that tells what was used")]
pub(crate) fn reap(child: &Child) -> Option<(ExitStatus, u64)> {
    let pid = libc::pid_t::try_from(child.id()).expect("a process id");
    let mut status = 0;
    // SAFETY: all zero is a value of this plain structure of numbers.
    let mut used: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to locals that outlive the call, which writes nothing else.
    let ended = unsafe { libc::wait4(pid, &mut status, libc::WNOHANG, &mut used) };
    assert!(ended >= 0, "process {pid} is no child: {}", std::io::Error::last_os_error());
    let kibibytes = u64::try_from(used.ru_maxrss).unwrap_or(0);
    (ended == pid).then(|| (ExitStatus::from_raw(status), kibibytes * 1024))
}

/// Bytes of memory that a process holds now, and held at most.
pub fn memory(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of its memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    };
    (bytes("VmRSS:"), bytes("VmHWM:"))
}

/// Time that a process has spent on processors.
#[allow(unsafe_code, reason = "sysconf(3) has no form in std")]
pub fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    // The name in brackets may hold anything; user and system time are the 12th and 13th field behind it.
    let (_, fields) = stat.rsplit_once(") ").expect("the form of proc(5)");
    let ticks: u64 = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum();
    // SAFETY: takes a plain number and touches no memory of ours.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    Duration::from_secs_f64(ticks as f64 / per_second as f64)
}

/// A program that runs until it is dropped, its output in a file.
pub struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts a binary of the workspace.
    pub fn start(name: &str, arguments: &[String], log: &Path) -> Self {
        let out = std::fs::File::create(log).expect("a log");
        let child = Command::new(binary(name))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("a log"))
            .stderr(out)
            .spawn()
            .expect("starts");
        Self { child, log: log.to_path_buf() }
    }

    /// What it said.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).expect("a log")
    }

    /// Waits until it ends by itself.
    pub fn ended(&mut self, within: Duration) -> ExitStatus {
        let said = self.log.clone();
        let what = format!("the program of {} ends", said.display());
        wait_for(&what, within, || self.child.try_wait().expect("a child"))
    }

    /// Whether it still runs.
    pub fn running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A script that runs portcullis-node with flags added, to be named by PORTCULLIS_NODE.
pub fn program_with_flags(dir: &Path, flags: &str) -> PathBuf {
    let path = dir.join("portcullis-node-with-flags");
    let mut file = std::fs::File::create(&path).expect("a script");
    write!(file, "#!/bin/sh\nexec '{}' \"$@\" {flags}\n", binary("portcullis-node").display()).expect("writes");
    file.set_permissions(std::fs::Permissions::from_mode(0o755)).expect("permissions");
    path
}

/// A port that nobody listens on now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}
