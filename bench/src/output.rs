//! The one place that writes to stdout: text as it becomes known, or one JSON document at the end. Remarks go to stderr.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use crate::args::Form;
use crate::error::BenchError;

/// Where the report goes.
#[derive(Debug, Clone, Copy)]
pub struct Output(pub Form);

impl Output {
    /// A piece of the report for people; the document has it later.
    pub fn text(self, text: &str) -> Result<(), BenchError> {
        match self.0 {
            Form::Text => line(text),
            Form::Json => Ok(()),
        }
    }

    /// The whole report for machines; people have seen it already.
    pub fn document(self, value: &impl Serialize) -> Result<(), BenchError> {
        match self.0 {
            Form::Text => Ok(()),
            Form::Json => line(&serde_json::to_string(value).map_err(|error| BenchError::read("report", error))?),
        }
    }
}

fn line(text: &str) -> Result<(), BenchError> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => BenchError::OutputGone,
        _ => BenchError::Io { place: "stdout".into(), source: error },
    })
}

/// A remark for whoever watches. That nobody may be there to read it is no error.
pub fn note(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Columns of equal width under a title: names to the left, figures to the right.
pub fn table<const N: usize>(title: &str, head: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = head.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = format!("\n{title}\n");
    for row in std::iter::once(&head.map(str::to_string)).chain(rows) {
        for (at, (width, cell)) in widths.iter().zip(row).enumerate() {
            // Writing to a string does not fail.
            let _ = if at == 0 { write!(text, "  {cell:<width$}") } else { write!(text, "  {cell:>width$}") };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

/// A figure with as many digits as it deserves.
pub fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A figure that there may be none of.
pub fn figure_or_none(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_string(), figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [["a".to_string(), "1".to_string()], ["longer".to_string(), "23".to_string()]];
        assert_eq!(table("T", ["name", "n"], &rows), "\nT\n  name     n\n  a        1\n  longer  23");
    }

    #[test]
    fn figures_have_few_digits() {
        assert_eq!([0.123, 12.34, 1234.5].map(figure), ["0.12", "12.3", "1234"]);
        assert_eq!(figure_or_none(None), "-");
    }
}
