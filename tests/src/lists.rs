//! Lists to import: the generator's, through the command line, and small ones written by hand.

use std::path::{Path, PathBuf};

use crate::Cli;

/// The files of a generated world.
#[derive(Debug, Clone)]
pub struct Lists {
    pub dir: PathBuf,
}

/// Generates a world.
pub fn generate_lists(dir: &Path, people: usize, seed: u64) -> Lists {
    let (people, seed) = (people.to_string(), seed.to_string());
    let out = dir.to_string_lossy();
    Cli::new().run(&["generate", "lists", "--people", &people, "--seed", &seed, "--out", &out]).ok();
    Lists { dir: dir.to_path_buf() }
}

impl Lists {
    /// Path of one of the files, as text.
    pub fn file(&self, name: &str) -> String {
        self.dir.join(name).to_string_lossy().into_owned()
    }

    /// Lines of one of the files.
    pub fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.dir.join(name)).expect("a generated file");
        text.lines().map(str::to_string).collect()
    }
}

/// A CSV list written by hand: rows of `ref,name,dob,document`.
#[derive(Debug, Clone, Default)]
pub struct CsvList(pub Vec<[String; 4]>);

impl CsvList {
    /// Adds a row.
    pub fn row(mut self, reference: &str, name: &str, dob: &str, document: &str) -> Self {
        self.0.push([reference, name, dob, document].map(str::to_string));
        self
    }

    /// Writes the list; returns its path as text.
    pub fn write(&self, path: &Path) -> String {
        let rows = self.0.iter().map(|row| row.join(",") + ",refer,black-box test\n");
        let text = format!("ref,name,dob,document,action,reason\n{}", rows.collect::<String>());
        std::fs::write(path, text).expect("writes");
        path.to_string_lossy().into_owned()
    }
}
