//! The layout is a test: which crate may know which, what is named where, and what each file begins with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand};
use portcullis_tests::{binary, workspace_root};

/// Crates that each of our crates may depend on; no others. Dev-dependencies count.
const MAY_DEPEND_ON: [(&str, &[&str]); 13] = [
    ("model", &[]),
    ("access", &["model"]),
    ("proto", &["model"]),
    ("channel", &["model", "proto"]),
    ("generator", &["model"]),
    ("search", &["model"]),
    ("raft", &["model", "proto"]),
    ("client", &["model", "proto"]),
    ("node", &["access", "channel", "model", "proto", "raft", "search"]),
    ("cli", &["access", "channel", "client", "generator", "model"]),
    ("tests", &["channel", "client", "generator", "model", "proto"]),
    ("bench", &["channel", "client", "generator", "model", "search"]),
    ("chaos", &["client", "generator", "model", "node", "raft", "search"]),
];

/// Third-party crates that only these of ours may depend on.
const ONLY_IN: [(&str, &[&str]); 17] = [
    ("cedar-policy", &["access"]),
    ("openraft", &["raft"]),
    ("rocksdb", &["raft"]),
    ("tantivy", &["search"]),
    ("bincode", &["model"]),
    ("getrandom", &["node", "cli", "bench"]),
    ("argon2", &["node"]),
    ("rpassword", &["cli"]),
    ("axum", &["node", "cli"]),
    ("clap", &["node", "cli", "bench", "chaos"]),
    ("indicatif", &["cli"]),
    ("turmoil", &["chaos"]),
    ("stateright", &["chaos"]),
    ("fuser", &["tests"]),
    ("rustls", &["channel"]),
    ("x509-parser", &["channel"]),
    ("rcgen", &["channel", "cli"]),
];

/// What must not be named in `model`, with the reason.
const BANNED_IN_MODEL: [(&str, &str); 14] = [
    ("tokio", "no async"),
    ("std::fs", "no I/O"),
    ("std::net", "no I/O"),
    ("std::process", "no I/O"),
    ("std::thread", "no concurrency"),
    ("std::env", "no environment"),
    ("SystemTime", "time comes from the log"),
    ("Instant", "time comes from the log"),
    ("Timestamp::now", "time comes from the log"),
    ("Zoned::now", "time comes from the log"),
    ("HashMap", "its order varies"),
    ("HashSet", "its order varies"),
    ("rand::", "randomness is handed in"),
    ("getrandom", "randomness is handed in"),
];

/// Crates of which several run in one process, so that nothing may belong to the process.
const WITHOUT_STATICS: [&str; 8] = ["model", "access", "raft", "search", "node", "proto", "client", "channel"];

/// What is the process's own all the same, with the reason.
const STATICS: [(&str, &str); 3] = [
    // The same table for everybody, never changed.
    ("model/src/country.rs", "static COUNTRIES: "),
    // A bug is planted for the whole process, in programs that can be given one at all.
    ("model/src/known_bugs.rs", "static PLANTED: "),
    // There is one allocator a process.
    ("node/src/main.rs", "static ALLOCATOR: "),
];

/// Files that decide what every replica must decide alike.
const DECIDES: [&str; 3] = ["model/src/command/", "model/src/decide.rs", "raft/src/machine/"];

/// Where a float is allowed among them: a measurement that decides nothing.
const MEASURES: &str = ".observe(begun.elapsed().as_secs_f64())";

struct Source {
    /// From the workspace's root, such as `raft/src/group.rs`.
    path: String,
    text: String,
}

impl Source {
    /// The crate's directory.
    fn crate_dir(&self) -> &str {
        self.path.split('/').next().unwrap()
    }

    /// Lines with their numbers, comments left out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(at, line)| (at + 1, line));
        lines.map(|(at, line)| (at, line.split("//").next().unwrap_or_default()))
    }

    /// Lines of the product: without files of tests, and without what follows `#[cfg(test)]` up to the end of that item.
    fn product(&self) -> Vec<(usize, &str)> {
        let of_tests = ["_test.rs", "/test_support.rs", "/fake.rs", "/conformance.rs"];
        if !self.path.contains("/src/") || of_tests.iter().any(|ending| self.path.ends_with(ending)) {
            return Vec::new();
        }
        let (mut lines, mut test): (Vec<_>, Option<usize>) = (Vec::new(), None);
        for (at, line) in self.code() {
            let indent = line.len() - line.trim_start().len();
            match test {
                None if line.trim() == "#[cfg(test)]" => test = Some(indent),
                None => lines.push((at, line)),
                // rustfmt closes an item where it began, or ends it on one line.
                Some(begun)
                    if indent == begun
                        && (line.trim_end() == format!("{}}}", " ".repeat(begun)) || line.ends_with(';')) =>
                {
                    test = None
                }
                Some(_) => {}
            }
        }
        lines
    }

    /// Places where a path of Rust names something: `openraft::`, not `my_openraft::`.
    fn names(&self, what: &str) -> Vec<String> {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let begins = |line: &str| {
            line.match_indices(what).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                let after = line[at + what.len()..].chars().next();
                let ends = what.ends_with(':') || !after.is_some_and(word);
                !before.is_some_and(word) && ends
            })
        };
        self.code().filter(|(_, line)| begins(line)).map(|(at, _)| format!("{}:{at}", self.path)).collect()
    }
}

fn sources() -> Vec<Source> {
    let root = workspace_root();
    let mut files = Vec::new();
    for member in members() {
        collect(&member, &mut files);
    }
    assert!(files.len() > 50, "only {} files were found", files.len());
    files
        .into_iter()
        .map(|file| {
            let path = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            Source { path, text: std::fs::read_to_string(&file).unwrap() }
        })
        .collect()
}

/// Directories of the workspace with a Cargo.toml, among the members or (as `chaos` may) not.
fn members() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(workspace_root()).unwrap().map(|entry| entry.unwrap().path());
    let mut members: Vec<PathBuf> = entries.filter(|path| path.join("Cargo.toml").is_file()).collect();
    members.sort();
    assert!(members.len() >= 10, "{members:?}");
    members
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            collect(&path, files);
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
}

fn nowhere(found: Vec<String>, what: &str) {
    assert_eq!(found, [""; 0], "{what}");
}

/// Records are opened without a look at their labels in one place alone, on a node that has no gate.
#[test]
fn records_are_opened_without_a_gate_in_one_place() {
    let may = ["model/src/access/admit.rs", "node/src/cut.rs"];
    let others = sources().into_iter().filter(|source| !may.contains(&source.path.as_str()));
    let own = |source: &Source| !source.path.ends_with("tidy.rs");
    nowhere(others.filter(own).flat_map(|source| source.names("without_gate")).collect(), "opened in `cut.rs` alone");
}

#[test]
fn dependencies_between_our_crates_point_down_only() {
    let metadata = MetadataCommand::new().manifest_path(workspace_root().join("Cargo.toml")).no_deps().exec().unwrap();
    // The simulation is called by its bare name, on its command line too.
    let ours = |package: &str| {
        package.strip_prefix("portcullis-").or((package == "chaos").then_some(package)).map(str::to_string)
    };
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        MAY_DEPEND_ON.iter().map(|(name, on)| (*name, on.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let name = ours(&package.name).unwrap_or_else(|| panic!("{} is not named portcullis-*", package.name));
        let may = allowed.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not in the layout"));
        for dependency in &package.dependencies {
            let on = &dependency.name;
            let kind = match dependency.kind {
                DependencyKind::Normal => "",
                DependencyKind::Development => " (dev)",
                _ => " (build)",
            };
            if let Some(other) = ours(on)
                && !may.contains(other.as_str())
            {
                wrong.push(format!("{name} -> {other}{kind}"));
            }
            let only = ONLY_IN.iter().find(|(third, _)| third == on);
            if only.is_some_and(|(_, only)| !only.contains(&name.as_str())) {
                wrong.push(format!("{name} -> {on}{kind}"));
            }
        }
    }
    nowhere(wrong, "dependencies against the layout");
    let there: BTreeSet<String> = metadata.packages.iter().filter_map(|package| ours(&package.name)).collect();
    for name in allowed.keys().filter(|name| **name != "chaos") {
        assert!(there.contains(*name), "{name} is missing in the workspace");
    }
}

#[test]
fn each_foreign_engine_is_named_in_its_one_place() {
    let sources = sources();
    let outside = |what: &str, inside: &dyn Fn(&Source) -> bool| -> Vec<String> {
        let others = sources.iter().filter(|source| !inside(source) && source.path != "tests/tests/it/tidy.rs");
        others.flat_map(|source| source.names(what)).collect()
    };
    for what in ["openraft::", "openraft_rt::", "openraft_rt_tokio::"] {
        nowhere(outside(what, &|source| source.crate_dir() == "raft"), what);
    }
    nowhere(outside("rocksdb::", &|source| source.path == "raft/src/storage/rocks.rs"), "rocksdb");
    nowhere(outside("cedar_policy::", &|source| source.crate_dir() == "access"), "cedar-policy");
    nowhere(outside("tantivy::", &|source| source.crate_dir() == "search"), "tantivy");
    nowhere(outside("bincode::", &|source| source.path == "model/src/codec.rs"), "bincode");
    // The search finds what it looks for.
    assert!(!outside("rocksdb::", &|_| false).is_empty() && !outside("bincode::", &|_| false).is_empty());
}

#[test]
fn the_model_knows_no_clock_no_chance_no_disk_and_no_map_of_varying_order() {
    let sources = sources();
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.path.starts_with("model/src/")) {
        for (what, reason) in BANNED_IN_MODEL {
            found.extend(source.names(what).into_iter().map(|place| format!("{place}: {what} ({reason})")));
        }
    }
    nowhere(found, "banned in model");
}

/// Several nodes, clients and clusters live in one process in tests and in the simulation.
#[test]
fn nothing_of_a_node_or_client_belongs_to_the_process() {
    let sources = sources();
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for source in sources.iter().filter(|source| WITHOUT_STATICS.contains(&source.crate_dir())) {
        for (at, line) in source.product() {
            let line = line.trim_start();
            let item = ["pub ", "pub(crate) ", "pub(super) "].iter().find_map(|public| line.strip_prefix(public));
            let item = item.unwrap_or(line);
            let process_wide =
                item.starts_with("static ") || line.contains("thread_local!") || line.contains("lazy_static!");
            if !process_wide {
                continue;
            }
            match STATICS.iter().find(|(path, begins)| source.path == *path && line.starts_with(begins)) {
                Some(allowed) => drop(seen.insert(*allowed)),
                None => found.push(format!("{}:{at}: {line}", source.path)),
            }
        }
    }
    nowhere(found, "state of the process");
    assert_eq!(seen.len(), STATICS.len(), "the search finds what it looks for, and no exception outlives its reason");
}

/// Floats may round otherwise elsewhere; replicas would part.
#[test]
fn nothing_that_replicas_decide_is_a_float() {
    let sources = sources();
    let mut decides = sources.iter().filter(|source| DECIDES.iter().any(|place| source.path.starts_with(place)));
    let floats = |source: &Source| -> Vec<String> {
        let lines = source.product().into_iter();
        let floats =
            lines.filter(|(_, line)| (line.contains("f64") || line.contains("f32")) && !line.contains(MEASURES));
        floats.map(|(at, line)| format!("{}:{at}: {}", source.path, line.trim())).collect()
    };
    assert!(decides.clone().count() > 10, "the rules have moved");
    nowhere(decides.by_ref().flat_map(floats).collect(), "floats in what replicas decide");
    let scores = sources.iter().find(|source| source.path == "model/src/screen.rs").unwrap();
    assert!(!floats(scores).is_empty(), "the search finds what it looks for");
}

#[test]
fn every_file_begins_with_what_it_is() {
    let silent = sources().into_iter().filter(|source| !source.text.starts_with("//! "));
    nowhere(silent.map(|source| source.path).collect(), "files that do not begin with `//! `");
}

#[test]
fn every_third_party_dependency_has_its_reason_and_stands_once() {
    let text = std::fs::read_to_string(workspace_root().join("Cargo.toml")).unwrap();
    let (_, rest) = text.split_once("[workspace.dependencies]").unwrap();
    let section = rest.split("\n[").next().unwrap();
    let dependencies = section.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (ours, third): (Vec<&str>, Vec<&str>) = dependencies.partition(|line| line.contains("path = "));
    assert!(ours.len() >= 6 && third.len() > 30, "{} and {}", ours.len(), third.len());
    let bare = third.iter().filter(|line| line.split_once(" # ").is_none_or(|(_, reason)| reason.trim().len() < 4));
    nowhere(bare.map(|line| line.to_string()).collect(), "dependencies without a reason");
    let mut elsewhere = Vec::new();
    for member in members() {
        let manifest = std::fs::read_to_string(member.join("Cargo.toml")).unwrap();
        let mut in_dependencies = false;
        for line in manifest.lines() {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
            } else if in_dependencies && line.contains('=') && !line.contains("workspace") {
                elsewhere.push(format!("{}: {line}", member.display()));
            }
        }
        if !manifest.contains("[lints]\nworkspace = true") {
            elsewhere.push(format!("{}: no [lints] workspace = true", member.display()));
        }
    }
    nowhere(elsewhere, "versions outside the workspace's list");
}

#[test]
fn the_node_is_built_with_storage_and_without_known_bugs() {
    let run = Command::new(binary("portcullis-node")).args(["--version", "--output", "json"]).output().unwrap();
    let version: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(version["features"], serde_json::json!(["rocksdb"]), "{version}");
}
