//! The context file, as far as tests change it: a view of one node, another user, a field that is unknown.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A context file and its content.
#[derive(Debug, Clone)]
pub struct Context {
    pub path: PathBuf,
    pub value: Value,
}

impl Context {
    /// Reads one.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a context");
        Self { path: path.to_path_buf(), value: serde_json::from_str(&text).expect("JSON") }
    }

    /// Writes a changed copy beside it.
    pub fn with(&self, name: &str, field: &str, value: Value) -> Self {
        let mut copy = self.clone();
        copy.value[field] = value;
        copy.path = self.path.with_file_name(format!("context-{name}.json"));
        std::fs::write(&copy.path, copy.value.to_string()).expect("writes");
        copy
    }

    /// The certificate that it shows, and whom it believes.
    pub fn files(&self) -> channel::Files {
        let path = |field: &str| PathBuf::from(self.value["tls"][field].as_str().expect("a path"));
        channel::Files {
            certificate: path("certificate"),
            key: path("key"),
            authorities: path("ca"),
            revoked: Vec::new(),
        }
    }

    /// The endpoints.
    pub fn endpoints(&self) -> Vec<String> {
        let endpoints = self.value["endpoints"].as_array().expect("endpoints");
        endpoints.iter().map(|endpoint| endpoint.as_str().expect("text").to_string()).collect()
    }
}
