//! The command line, run as users run it: arguments in; exit code, stdout and stderr out, within a deadline.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{binary, reap};
use crate::wait_for;

/// Longer than any command takes; what takes longer hangs.
const COMMAND_MAX: Duration = Duration::from_secs(90);

/// How to run commands: with which context.
#[derive(Debug, Clone, Default)]
pub struct Cli {
    context: Option<PathBuf>,
}

/// A command that ended.
#[derive(Debug)]
pub struct Ran {
    pub line: String,
    /// None when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// Bytes of memory that it held at most. A child begins as a copy of its parent, so what the tests' own process held
    /// counts, too: a bound that is kept is kept, whatever the tests hold.
    pub peak_memory: u64,
    pub took: Duration,
}

impl Cli {
    /// Commands without a context.
    pub fn new() -> Self {
        Self::default()
    }

    /// Commands with a context file.
    pub fn with_context(path: &Path) -> Self {
        Self { context: Some(path.to_path_buf()) }
    }

    /// Runs `portcullis --output json ARGUMENTS` to its end.
    #[allow(clippy::zombie_processes, reason = "`reap` waits for it, and clippy cannot see that")]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let dir = tempfile::tempdir().expect("a directory");
        let [out, err] = ["out", "err"].map(|name| dir.path().join(name));
        let mut command = Command::new(binary("portcullis"));
        command.env_remove("PORTCULLIS_CONTEXT");
        if let Some(context) = &self.context {
            command.arg("--context").arg(context);
        }
        command.args(["--output", "json"]).args(arguments).stdin(Stdio::null());
        command.stdout(File::create(&out).expect("a file")).stderr(File::create(&err).expect("a file"));
        let started = Instant::now();
        let mut child = command.spawn().expect("starts");
        let mut line: String = arguments.join(" ");
        if line.len() > 300 {
            line = line.chars().take(300).collect::<String>() + "...";
        }
        let (status, peak) = wait_for(&format!("end of: portcullis {line}"), COMMAND_MAX, || {
            let ended = reap(&child);
            if ended.is_none() && started.elapsed() > COMMAND_MAX - Duration::from_secs(1) {
                let _ = child.kill();
            }
            ended
        });
        let text = |path: &Path| String::from_utf8_lossy(&std::fs::read(path).expect("output")).into_owned();
        let (stdout, stderr, took) = (text(&out), text(&err), started.elapsed());
        Ran { line, code: status.code(), stdout, stderr, peak_memory: peak, took }
    }

    /// Runs a command that must succeed and answer with one JSON document on one line.
    pub fn json(&self, arguments: &[&str]) -> Value {
        self.run(arguments).ok().json()
    }
}

impl Ran {
    /// Must have succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.report());
        self
    }

    /// Must have failed with an exit code and say each of these on stderr; must not have panicked.
    #[track_caller]
    pub fn fails(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.report());
        self.says(parts)
    }

    /// Must say each of these on stderr.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "`{part}` is not said: {}", self.report());
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.report());
        self
    }

    /// The one document on stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        let lines = self.lines();
        assert_eq!(lines.len(), 1, "{}", self.report());
        lines.into_iter().next().expect("one line")
    }

    /// The documents on stdout, one a line.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {}", self.report()));
        self.stdout.lines().map(parse).collect()
    }

    fn report(&self) -> String {
        let Self { line, code, stdout, stderr, .. } = self;
        let stdout: String = stdout.chars().take(2_000).collect();
        let stderr: String = stderr.chars().take(4_000).collect();
        format!("portcullis {line}\nexit code {code:?}\nstdout: {stdout}\nstderr: {stderr}")
    }
}
