//! Records what the measured programs are built with, so that a report can name it: the compiler and the versions of the
//! libraries that the figures depend on most.

use std::path::Path;
use std::process::Command;

/// Libraries whose versions a report names.
const NAMED: [&str; 5] = ["openraft", "rocksdb", "tantivy", "tokio", "tonic"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(compiler).arg("--version").output().ok();
    let version = version.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    println!("cargo::rustc-env=BENCH_RUSTC={}", version.trim());

    let lock = Path::new("../Cargo.lock");
    let libraries = match std::fs::read_to_string(lock) {
        Ok(text) => {
            println!("cargo::rerun-if-changed={}", lock.display());
            NAMED.iter().filter_map(|name| Some(format!("{name} {}", version_of(&text, name)?))).collect()
        }
        Err(_) => Vec::new(),
    };
    println!("cargo::rustc-env=BENCH_LIBRARIES={}", libraries.join(", "));
}

/// The version of a package in the text of a lock file.
fn version_of<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let wanted = format!("name = \"{name}\"");
    let mut lines = lock.lines().skip_while(|line| *line != wanted).skip(1);
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}
