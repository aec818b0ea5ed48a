//! The seeds that passed, by the digest of the program that ran them: a run over many seeds that was broken off goes on.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::outcome::Outcome;

/// The ledger of this program.
pub struct Ledger {
    passed: BTreeMap<u64, Outcome>,
    file: File,
    pub path: PathBuf,
}

impl Ledger {
    /// Opens the ledger beside the program.
    pub fn open() -> io::Result<Self> {
        let program = std::env::current_exe()?;
        let digest = Sha256::digest(std::fs::read(&program)?);
        let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let directory = program.parent().map(PathBuf::from).unwrap_or_default().join("chaos-ledger");
        std::fs::create_dir_all(&directory)?;
        let path = directory.join(format!("{digest}.jsonl"));
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        // A line that was cut off is one that did not pass.
        let outcomes = text.lines().filter_map(|line| serde_json::from_str::<Outcome>(line).ok());
        let passed = outcomes.map(|outcome| (outcome.seed, outcome)).collect();
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        if !text.is_empty() && !text.ends_with('\n') {
            writeln!(file)?;
        }
        Ok(Self { passed, file, path })
    }

    /// What came of a seed, if it passed before.
    pub fn passed(&self, seed: u64) -> Option<&Outcome> {
        self.passed.get(&seed)
    }

    /// A seed passed.
    pub fn note(&mut self, outcome: &Outcome) -> io::Result<()> {
        let line = serde_json::to_string(outcome)?;
        writeln!(self.file, "{line}")?;
        self.passed.insert(outcome.seed, outcome.clone());
        Ok(())
    }
}
