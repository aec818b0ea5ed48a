//! Why a measurement cannot be made. That a call failed under load is a figure and not an error.

use std::path::Path;

/// Why it ended.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("{place}: {source}")]
    Io { place: String, source: std::io::Error },
    #[error("{place}: {reason}")]
    Read { place: String, reason: String },
    #[error("{0}")]
    Cluster(String),
    #[error("client: {0}")]
    Config(#[from] client::ConfigError),
    #[error("call: {0}")]
    Call(#[from] client::ClientError),
    #[error("list: {0}")]
    Generate(#[from] generator::GenerateError),
    #[error("interrupted")]
    Interrupted,
    #[error("nobody reads the report")]
    OutputGone,
}

impl BenchError {
    /// An error of the system at a path.
    pub fn path(path: &Path, source: std::io::Error) -> Self {
        Self::Io { place: path.display().to_string(), source }
    }

    /// Something that does not read as it should.
    pub fn read(place: impl Into<String>, reason: impl ToString) -> Self {
        Self::Read { place: place.into(), reason: reason.to_string() }
    }
}
