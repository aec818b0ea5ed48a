//! The one place that writes to stdout: JSON documents of one line, or text. Everything else goes to stderr.

use std::io::{self, Write};

use serde::Serialize;

use crate::error::CliError;

/// The form of answers on stdout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// To be read by people.
    #[default]
    Text,
    /// One document on one line, or one a line where answers are streamed.
    Json,
}

/// Where answers go.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    form: Form,
}

impl Output {
    /// Answers in a form.
    pub fn new(form: Form) -> Self {
        Self { form }
    }

    /// The form of answers.
    pub fn form(self) -> Form {
        self.form
    }

    /// Writes an answer in the form that was asked for.
    pub fn show<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), CliError> {
        match self.form {
            Form::Json => self.line(&json(value)?),
            Form::Text => self.line(text(value).trim_end_matches('\n')),
        }
    }

    /// Writes one line, or text of several, to stdout and flushes, so that whoever follows a stream sees it at once.
    pub fn line(self, text: &str) -> Result<(), CliError> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(gone)
    }

    /// Writes bytes as they are.
    pub fn bytes(self, bytes: &[u8]) -> Result<(), CliError> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(gone)
    }
}

fn gone(error: io::Error) -> CliError {
    match error.kind() {
        io::ErrorKind::BrokenPipe => CliError::BrokenPipe,
        _ => CliError::io("stdout", error),
    }
}

/// A value as JSON on one line.
pub fn json<T: Serialize>(value: &T) -> Result<String, CliError> {
    serde_json::to_string(value).map_err(|error| CliError::Failed(format!("answer does not encode: {error}")))
}

/// A remark for whoever watches, on stderr. That nobody may be there to read it is no error.
pub fn note(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
