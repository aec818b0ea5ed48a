//! The machine readable zone of a travel document as it comes from a reader: a file, the standard input, or the text itself.

use std::io::Read;

use model::error::Invalid;
use model::limits::MRZ_CHARS_MAX;

use crate::error::CliError;

/// Bytes of a zone at most: more cannot be as many characters as are allowed.
const BYTES_MAX: u64 = 4 * MRZ_CHARS_MAX as u64;

/// The text of `--mrz`: every zone has fillers, and no sensible path does.
pub fn text_of(value: &str) -> Result<String, CliError> {
    if value == "-" {
        let stdin = std::io::stdin();
        return read(stdin.lock()).map_err(|error| CliError::Failed(format!("standard input: {error}")))?;
    }
    if value.contains(['<', '«', '\u{ff1c}', '\n']) {
        return Ok(value.to_string());
    }
    let path = std::path::Path::new(value);
    let file = std::fs::File::open(path).map_err(|error| CliError::path(path, error))?;
    read(file).map_err(|error| CliError::path(path, error))?
}

fn read(input: impl Read) -> std::io::Result<Result<String, CliError>> {
    let mut bytes = Vec::new();
    input.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        let text = format!("has more than {MRZ_CHARS_MAX} characters, which no machine readable zone has");
        return Ok(Err(Invalid::new("mrz", text).into()));
    }
    // What is no text is no zone: the node says so, and asks the rest of the question.
    Ok(Ok(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_comes_from_a_file_or_is_the_text_and_is_bounded() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("zone.txt");
        std::fs::write(&path, "P<UTO\nL898\n").expect("writes");
        let path = path.to_str().expect("a path");
        assert_eq!(text_of(path).expect("reads"), "P<UTO\nL898\n");
        assert_eq!(text_of("P<UTO").expect("the text"), "P<UTO");
        std::fs::write(path, "x".repeat(10_000)).expect("writes");
        assert!(text_of(path).expect_err("too long").to_string().contains("mrz: has more than 256 characters"));
        assert!(text_of(&format!("{path}.none")).is_err());
    }
}
