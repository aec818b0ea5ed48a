//! Progress on stderr: a bar on a terminal, otherwise a line every few seconds.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::note;

const LINE_EVERY: Duration = Duration::from_secs(5);

/// Progress of one long command.
pub struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    total: u64,
    last: Instant,
    silent: bool,
}

impl Progress {
    /// Progress towards a total, in whatever unit; zero where the total is not known.
    pub fn new(what: &'static str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = if total == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(total) };
            let template = if total == 0 { "{prefix} {spinner} {msg}" } else { "{prefix} [{bar:40}] {percent}% {msg}" };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(what);
            bar
        });
        Self { bar, what, total, last: Instant::now(), silent: false }
    }

    /// Progress that nobody watches.
    #[cfg(test)]
    pub fn silent() -> Self {
        Self { bar: None, what: "test", total: 0, last: Instant::now(), silent: true }
    }

    /// Where it stands.
    pub fn set(&mut self, at: u64, message: impl FnOnce() -> String) {
        if let Some(bar) = &self.bar {
            bar.set_position(at);
            bar.set_message(message());
        } else if self.last.elapsed() >= LINE_EVERY {
            self.last = Instant::now();
            match (at * 100).checked_div(self.total) {
                Some(percent) => note(format!("{}: {percent}% {}", self.what, message())),
                None => note(format!("{}: {}", self.what, message())),
            }
        }
    }

    /// A line that stays, above the bar.
    pub fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| note(text)),
            None if self.silent => {}
            None => note(text),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
