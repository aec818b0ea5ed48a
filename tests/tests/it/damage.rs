//! A damaged data directory: the node stops with exit code 3 and a message that names the file and the remedy; it never
//! takes what is missing for new, and the others go on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_tests::{Playground, copy_dir, wait_for};

const ENDS_WITHIN: Duration = Duration::from_secs(15);
const REMEDY: &str = "join it again under a new id";

/// Every file at or below a path but those that say what happened, with its content.
fn content(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    if dir.is_file() {
        return BTreeMap::from([(dir.to_path_buf(), std::fs::read(dir).unwrap())]);
    }
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            files.extend(content(&path));
        } else if !name.starts_with("LOG") && name != "log" {
            files.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    files
}

/// The largest file below a directory whose name ends so.
fn largest(dir: &Path, ending: &str) -> PathBuf {
    let files = content(dir).into_iter().filter(|(path, _)| path.to_string_lossy().ends_with(ending));
    let found = files.max_by_key(|(_, bytes)| bytes.len());
    found.unwrap_or_else(|| panic!("no *{ending} in {}", dir.display())).0
}

fn flip(path: &Path, at: impl Fn(usize) -> usize) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = at(bytes.len());
    bytes[at] ^= 0xFF;
    std::fs::write(path, bytes).unwrap();
}

/// A stopped cluster with data in log and state, of which node 1 is damaged again and again.
struct Patient {
    playground: Playground,
    dir: PathBuf,
    healthy: PathBuf,
    /// Of the records.
    ids: Vec<String>,
}

impl Patient {
    fn new() -> Self {
        let mut playground = Playground::start();
        let lists = portcullis_tests::generate_lists(&playground.path("lists"), 1_000, 9);
        let import = ["import", "--format", "csv", "--source", "synthetic", &lists.file("list.csv")];
        assert_eq!(playground.cli().json(&import)["created"], 1_000);
        for _ in 0..20 {
            playground.cli().json(&["screen", "--name", "Somebody"]);
        }
        let listed = playground.cli().run(&["lookout", "list", "--all"]).ok().lines();
        let ids = listed.iter().map(|record| record["id"].as_str().unwrap().to_string()).collect();
        for node in 1..=3 {
            playground.cli_of(node).json(&["cluster", "snapshot"]);
        }
        playground.stop();
        let (dir, healthy) = (playground.node_dir(1), playground.path("healthy"));
        copy_dir(&dir, &healthy);
        Self { playground, dir, healthy, ids }
    }

    fn state(&self) -> PathBuf {
        self.dir.join("groups/records-0/state-1")
    }

    /// Makes node 1 healthy again.
    fn restore(&self) {
        std::fs::remove_dir_all(&self.dir).unwrap();
        copy_dir(&self.healthy, &self.dir);
    }

    /// Damages node 1, starts the cluster and expects node 1 to end; `names` is said, and nothing below `untouched` changes.
    fn is_refused(&mut self, what: &str, names: &str, untouched: &Path, damage: impl FnOnce(&Self)) {
        println!("{what}");
        self.restore();
        damage(self);
        let before = content(untouched);
        self.playground.start_again();
        self.ends(what, names, 1);
        // A second start must not take what the first one left for new.
        self.playground.restart(1);
        self.ends(what, names, 2);
        let changed: Vec<PathBuf> = differences(&before, &content(untouched));
        assert!(changed.is_empty(), "{what}: something was changed: {changed:?}");
        let others = self.playground.cli();
        assert_eq!(others.run(&["lookout", "list", "--all"]).ok().lines().len(), 1_000, "{what}: the others go on");
        self.playground.stop();
    }

    /// Waits until node 1 has ended so many times since the cluster was started.
    fn ends(&self, what: &str, names: &str, times: usize) {
        wait_for(&format!("node 1 ends ({what})"), ENDS_WITHIN, || {
            (self.playground.said().matches("ended: exit status: 3").count() >= times).then_some(())
        });
        let log = self.playground.node_log(1);
        let stopped = log.lines().rfind(|line| line.contains("the node stopped"));
        let stopped = stopped.unwrap_or_else(|| panic!("{what}: {log}"));
        assert!(stopped.contains(names) && stopped.contains(REMEDY), "{what}: `{names}` is not said: {stopped}");
        assert!(!log.contains("panicked"), "{what}: {log}");
    }
}

/// Files of which one has more, fewer or other bytes.
fn differences(before: &BTreeMap<PathBuf, Vec<u8>>, after: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<PathBuf> {
    let all = before.keys().chain(after.keys().filter(|path| !before.contains_key(*path)));
    all.filter(|path| before.get(*path) != after.get(*path)).cloned().collect()
}

#[test]
fn damage_in_the_log_or_its_identity_stops_the_node() {
    let mut patient = Patient::new();
    let (dir, log) = (patient.dir.clone(), patient.dir.join("raft-log"));
    patient.is_refused("an identity that does not read", "NODE.json", &dir, |patient| {
        std::fs::write(patient.dir.join("NODE.json"), "{\"for").unwrap();
    });
    // Taken for a new node it would vote again where it has voted.
    patient.is_refused("an identity that is gone", "NODE.json", &dir, |patient| {
        std::fs::remove_file(patient.dir.join("NODE.json")).unwrap();
    });
    patient.is_refused("a flipped byte in the log's journal", "raft-log", &dir, |_| {
        flip(&largest(&log, ".log"), |length| length / 3);
    });
    patient.is_refused("a flipped byte in the log's manifest", "raft-log", &dir, |_| {
        let manifest = std::fs::read_dir(&log).unwrap().map(|entry| entry.unwrap().path());
        let manifest = manifest.filter(|path| path.to_string_lossy().contains("MANIFEST")).max().unwrap();
        flip(&manifest, |length| length / 2);
    });
    patient.is_refused("a log that lost its pointer", "raft-log/CURRENT", &dir, |_| {
        std::fs::remove_file(log.join("CURRENT")).unwrap();
    });
    patient.is_refused("a log that is gone", "raft-log", &dir, |_| std::fs::remove_dir_all(&log).unwrap());
    let groups = dir.join("groups/records-0");
    patient.is_refused("a log whose journal is gone", "raft-log", &groups, |_| {
        std::fs::remove_file(largest(&log, ".log")).unwrap();
    });
}

#[test]
fn damage_in_a_state_stops_the_node() {
    let mut patient = Patient::new();
    let (group, state) = (patient.dir.join("groups/records-0"), patient.state());
    patient.is_refused("a state that lost its pointer", "records-0/CURRENT", &group, |_| {
        std::fs::remove_file(group.join("CURRENT")).unwrap();
    });
    patient.is_refused("a pointer to a state that is not there", "records-0/state-9", &group, |_| {
        std::fs::write(group.join("CURRENT"), "state-9").unwrap();
    });
    patient.is_refused("a pointer that is no name of a state", "records-0/CURRENT", &group, |_| {
        std::fs::write(group.join("CURRENT"), "nonsense").unwrap();
    });
    patient.is_refused("a state that lost its own pointer", "state-1/CURRENT", &group, |_| {
        std::fs::remove_file(state.join("CURRENT")).unwrap();
    });
    patient.is_refused("a state that is gone", "records-0", &group, |_| std::fs::remove_dir_all(&state).unwrap());
    patient.is_refused("a data file that is gone", ".sst", &group, |_| {
        std::fs::remove_file(largest(&state, ".sst")).unwrap();
    });
    patient.is_refused("a data file that is cut short", ".sst", &group, |_| {
        let path = largest(&state, ".sst");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    });
}

/// Where a file holds something, as often as it does.
fn places(bytes: &[u8], what: &[u8]) -> Vec<usize> {
    bytes.windows(what.len()).enumerate().filter(|(_, window)| *window == what).map(|(at, _)| at).collect()
}

/// A damaged block is met by who reads it: whoever asked gets no wrong answer, and the node stops.
#[test]
fn damage_met_while_serving_stops_the_node_and_the_others_answer() {
    let mut patient = Patient::new();
    let file = largest(&patient.state(), ".sst");
    let bytes = std::fs::read(&file).unwrap();
    // Of what names a record, its own row is the first in order of keys. The first bytes of a key may be shared with the
    // key before it, so the rest of the id is looked for.
    let row = |id: &String| places(&bytes, &id_bytes(id)[6..]).first().copied();
    let mut rows: Vec<usize> = patient.ids.iter().filter_map(row).collect();
    rows.sort_unstable();
    assert!(rows.len() > 100, "{} records are in {}", rows.len(), file.display());
    for (what, at) in
        [("the first record", 0), ("a record in the middle", rows.len() / 2), ("the last", rows.len() - 1)]
    {
        patient.restore();
        flip(&file, |_| rows[at]);
        patient.playground.start_again();
        let asked = patient.playground.cli_of(1).run(&["lookout", "list", "--all"]);
        assert_ne!(asked.code, Some(0), "{what}: {asked:?}");
        patient.ends(what, ".sst", 1);
        let all = patient.playground.cli().run(&["lookout", "list", "--all"]).ok().lines();
        assert_eq!(all.len(), 1_000, "with all endpoints the list is whole");
        patient.playground.stop();
    }
}

fn id_bytes(id: &str) -> Vec<u8> {
    (0..id.len()).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()).collect()
}

/// The audit log is proven for each replica by itself: the damaged one is named or has stopped, the others verify.
#[test]
fn a_flipped_byte_in_the_audit_log_of_one_node_is_found_and_the_others_verify() {
    let mut patient = Patient::new();
    let file = largest(&patient.dir.join("groups/audit-0/state-1"), ".sst");
    // Who asked stands in each leaf, and nowhere else.
    let leaves = places(&std::fs::read(&file).unwrap(), b"officer");
    assert!(leaves.len() > 20, "{} leaves are in {}", leaves.len(), file.display());
    for (what, at) in [("the first leaf", 0), ("a leaf in the middle", leaves.len() / 2)] {
        println!("a flipped byte in {what}");
        patient.restore();
        flip(&file, |_| leaves[at]);
        patient.playground.start_again();
        let endpoint = patient.playground.node(1).grpc;
        let ran = patient.playground.cli().run(&["audit", "verify"]);
        assert!(matches!(ran.code, Some(0 | 6)), "{ran:?}");
        let verified = ran.json();
        let replicas = verified["replicas"].as_array().unwrap_or_else(|| panic!("no replicas: {ran:?}"));
        assert_eq!(replicas.len(), 3, "{what}: {verified}");
        for replica in replicas {
            let damaged = replica["endpoint"] == endpoint.as_str();
            assert_eq!(replica["ok"], !damaged, "{what}: {replica}");
            assert_eq!(replica["error"].is_string(), damaged, "{what}: {replica}");
        }
        patient.ends(what, ".sst", 1);
        patient.playground.cli_of(2).json(&["audit", "verify"]);
        patient.playground.stop();
    }
}

/// The index is derived: what is wrong with it costs time, never an answer.
#[test]
fn a_damaged_search_index_is_built_again() {
    let mut patient = Patient::new();
    let list = |patient: &Patient| {
        let record = patient.playground.cli().json(&["lookout", "list", "--page-size", "1"]);
        record["lookouts"][0]["lookout"]["names"][0]["full"].as_str().unwrap().to_string()
    };
    patient.playground.start_again();
    let name = list(&patient);
    patient.playground.stop();
    for (what, damage) in [
        ("gone", (|index: &Path| std::fs::remove_dir_all(index).unwrap()) as fn(&Path)),
        ("without its description", |index| std::fs::remove_file(index.join("meta.json")).unwrap()),
        ("with a description that does not read", |index| std::fs::write(index.join("meta.json"), "{").unwrap()),
        ("with flipped bytes", |index| flip(&largest(index, ".term"), |length| length / 2)),
    ] {
        println!("an index {what}");
        for group in ["records-0", "records-1"] {
            damage(&patient.dir.join("indexes").join(group));
        }
        patient.playground.start_again();
        patient.playground.wait_ready(1);
        let cli = patient.playground.cli_of(1);
        wait_for(&format!("node 1 finds {name} with an index {what}"), Duration::from_secs(20), || {
            let answer = cli.json(&["screen", "--name", &name, "--freshness", "linearizable"]);
            (!answer["hits"].as_array().unwrap().is_empty()).then_some(())
        });
        patient.playground.stop();
    }
}
