//! What happened, in order and virtual time: hashed always, so that two runs of a seed can be compared, and written out on
//! demand. Counts how often each kind of thing happened, for `report`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// The trace of a run; clones share it.
#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    now_ms: u64,
    hash: Sha256,
    line: String,
    lines: u64,
    marks: BTreeMap<String, u64>,
    out: Option<Box<dyn std::io::Write + Send>>,
}

impl Trace {
    /// A trace that is also written, a line an event.
    pub fn written(out: Box<dyn std::io::Write + Send>) -> Self {
        let trace = Self::default();
        trace.inner().out = Some(out);
        trace
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Virtual milliseconds since the run began.
    pub fn now_ms(&self) -> u64 {
        self.inner().now_ms
    }

    /// The next millisecond begins.
    pub fn set_now_ms(&self, now_ms: u64) {
        self.inner().now_ms = now_ms;
    }

    /// Something happened; the text must be the same on every run of the seed.
    pub fn event(&self, text: std::fmt::Arguments<'_>) {
        let mut inner = self.inner();
        let inner = &mut *inner;
        inner.line.clear();
        // Writing to a string does not fail.
        let _ = writeln!(inner.line, "{} {text}", inner.now_ms);
        inner.hash.update(inner.line.as_bytes());
        inner.lines += 1;
        if let Some(out) = &mut inner.out {
            let _ = out.write_all(inner.line.as_bytes());
        }
    }

    /// Counts something that a run reached.
    pub fn mark(&self, mark: &str) {
        let mut inner = self.inner();
        match inner.marks.get_mut(mark) {
            Some(count) => *count += 1,
            None => drop(inner.marks.insert(mark.to_string(), 1)),
        }
    }

    /// What the run reached, with how often.
    pub fn marks(&self) -> BTreeMap<String, u64> {
        self.inner().marks.clone()
    }

    /// The hash of everything so far, and the number of lines.
    pub fn hash(&self) -> (String, u64) {
        let mut inner = self.inner();
        if let Some(out) = &mut inner.out {
            let _ = out.flush();
        }
        let hash = inner.hash.clone().finalize();
        (hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect(), inner.lines)
    }
}

/// Adds an event to a trace.
#[macro_export]
macro_rules! event {
    ($trace:expr, $($text:tt)*) => { $trace.event(format_args!($($text)*)) };
}
