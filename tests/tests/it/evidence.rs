//! The evidence as outsiders hold it: checkpoints that the log signs and witnesses cosign, proofs of one event, and what happens to a
//! cluster that was turned back to an old backup.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use model::audit::checkpoint::Checkpoint;
use model::audit::merkle::{Frontier, consistency_proof, leaf_hash};
use model::audit::note::{SignatureKind, SignerKey, VerifierKey};
use model::audit::proof::Proof;
use model::audit::trust::Trust;
use model::audit::witness::AddCheckpoint;
use portcullis_tests::{Playground, binary, copy_dir, question_named, wait_for};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(30);

/// Asks so many questions.
async fn ask(playground: &Playground, questions: usize) {
    let client = playground.client();
    for _ in 0..questions {
        client.screen(question_named("Isolde Brandywine", "")).await.unwrap();
    }
}

fn checkpoint(playground: &Playground) -> Value {
    playground.cli().json(&["audit", "checkpoint"])
}

/// Waits until witnesses have cosigned a checkpoint of at least so many leaves; returns its size.
fn witnessed(playground: &Playground, leaves: u64) -> u64 {
    wait_for("witnesses cosign", WITHIN, || {
        checkpoint(playground)["witnessed"]["size"].as_u64().filter(|size| *size >= leaves)
    })
}

/// How often checkpoints were not published for a reason, on all nodes together.
fn failures(playground: &Playground, reason: &str) -> u64 {
    let name = format!("portcullis_audit_publish_failures_total{{reason=\"{reason}\"}} ");
    let of_node = |id| {
        let (_, text) = playground.http(id, "/metrics");
        text.lines().find_map(|line| line.strip_prefix(&name)?.parse::<u64>().ok()).unwrap_or(0)
    };
    playground.nodes().iter().map(|node| of_node(node.id)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_is_proven_to_whoever_has_its_files_and_the_keys() {
    let playground = Playground::start();
    ask(&playground, 5).await;
    let receipt =
        playground.client().screen(question_named("Isolde Brandywine", "")).await.unwrap().audit.unwrap().receipt;
    let event = playground.cli().run(&["audit", "tail", "--receipt", &receipt]).ok().lines().remove(0);
    let index = event["index"].as_u64().unwrap();
    witnessed(&playground, index + 1);
    let (online, offline, log) = (playground.text_path("a"), playground.text_path("b"), playground.text_path("log"));
    let cli = playground.cli();
    assert_eq!(cli.json(&["audit", "prove", "--receipt", &receipt, "--out", &online])["index"], index);
    cli.json(&["audit", "export", "--out", &log]);
    // Without a cluster, from the export alone.
    let alone = portcullis_tests::Cli::new();
    assert_eq!(
        alone.json(&["audit", "prove", "--receipt", &receipt, "--dir", &log, "--out", &offline])["index"],
        index
    );
    let policy = playground.data_dir().join("audit.policy");
    let trust = Trust::parse(&std::fs::read_to_string(&policy).unwrap()).unwrap();
    let policy = policy.to_string_lossy().into_owned();
    for dir in [&online, &offline] {
        let (proof, leaf) = (format!("{dir}/event.tlog-proof"), format!("{dir}/event.cbor"));
        let shown = alone.json(&["audit", "verify", "--proof", &proof, "--event", &leaf, "--policy", &policy]);
        assert_eq!(
            (&shown["ok"], &shown["index"], &shown["event"]["user"]),
            (&json!(true), &json!(index), &json!("officer"))
        );
        // As the format says it, and not only as this program reads it.
        let read = Proof::parse(&std::fs::read(&proof).unwrap()).unwrap();
        assert_eq!(read.verify(&std::fs::read(&leaf).unwrap(), &trust).unwrap().cosigned.len(), 2);
        let mut bytes = std::fs::read(&leaf).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&leaf, bytes).unwrap();
        let altered = alone.run(&["audit", "verify", "--proof", &proof, "--event", &leaf, "--policy", &policy]);
        assert_eq!(altered.fails(6, &["is not at"]).json()["ok"], false);
    }
    alone.run(&["audit", "verify", "--proof", "p", "--event", "e"]).fails(2, &["--policy"]);
    // What says nothing of anybody is served to whoever monitors the log.
    let (code, note) = playground.http(1, "/audit/audit-0/checkpoint");
    assert_eq!((code, trust.check(&model::audit::note::Note::parse(note.as_bytes()).unwrap()).is_ok()), (200, true));
    for (path, code) in [("tile/0/000.p/3", 200), ("tile/0/999", 404), ("tile/entries/000.p/3", 404), ("tile/x", 404)] {
        assert_eq!(playground.http(2, &format!("/audit/audit-0/{path}")).0, code, "{path}");
    }
    assert_eq!(playground.http(1, "/audit/records-0/checkpoint").0, 404);
}

/// A node's directory is copied while it does not run; the copy verifies without cluster and key, and an altered one does not.
#[tokio::test(flavor = "multi_thread")]
async fn the_copied_directory_of_a_node_verifies_and_an_altered_table_of_it_is_found() {
    let mut playground = Playground::start();
    ask(&playground, 40).await;
    let seen = witnessed(&playground, 40);
    playground.stop();
    let (copy, policy) = (playground.path("copy"), playground.data_dir().join("audit.policy"));
    copy_dir(&playground.node_dir(2), &copy);
    let (copy_text, policy) = (copy.to_string_lossy().into_owned(), policy.to_string_lossy().into_owned());
    let verify =
        || portcullis_tests::Cli::new().run(&["audit", "verify", "--node-dir", &copy_text, "--policy", &policy]);
    let verified = verify().ok().json();
    assert_eq!((&verified["ok"], verified["signed"]["witnesses"].as_array().map(Vec::len)), (&json!(true), Some(2)));
    assert!(verified["size"].as_u64() >= Some(seen) && verified["signed"]["size"].as_u64() >= Some(seen), "{verified}");
    let before = portcullis_tests::files_below(&copy);
    verify().ok();
    assert_eq!(portcullis_tests::files_below(&copy), before, "a copy stays what it was");
    // Every table of the state, a byte of it each: what an event is stored in may be any of them.
    let state = portcullis_tests::files_below(&copy.join("groups/audit-0"));
    let tables = state.iter().filter(|path| path.extension().is_some_and(|ending| ending == "sst"));
    let mut found = 0;
    for table in tables {
        let bytes = std::fs::read(table).unwrap();
        let mut altered = bytes.clone();
        let middle = altered.len() / 3;
        altered[middle] ^= 1;
        std::fs::write(table, altered).unwrap();
        let ran = verify();
        found += usize::from(ran.code == Some(6));
        std::fs::write(table, bytes).unwrap();
    }
    assert!(found > 0, "an altered table is found");
    verify().ok();
    portcullis_tests::Cli::new().run(&["audit", "verify", "--node-dir", "/nowhere"]).fails(1, &["NODE.json"]);
}

/// T14: all nodes come back on an old backup. Nothing that they then say of the log is signed: not while it is shorter than what the
/// witnesses saw, and not when it has grown past that with another history.
#[tokio::test(flavor = "multi_thread")]
async fn t14_a_cluster_turned_back_to_an_old_backup_signs_nothing_more() {
    let mut playground = Playground::start();
    ask(&playground, 3).await;
    let before = witnessed(&playground, 3);
    playground.stop();
    let backup = playground.path("backup");
    for id in 1..=3 {
        copy_dir(&playground.node_dir(id), &backup.join(id.to_string()));
    }
    playground.start_again();
    ask(&playground, 150).await;
    let seen = witnessed(&playground, before + 150);
    playground.stop();
    for id in 1..=3 {
        std::fs::remove_dir_all(playground.node_dir(id)).unwrap();
        copy_dir(&backup.join(id.to_string()), &playground.node_dir(id));
    }
    playground.start_again();
    ask(&playground, 1).await;
    wait_for("the nodes notice that they were turned back", WITHIN, || {
        (failures(&playground, "turned-back") > 0).then_some(())
    });
    let newest = || checkpoint(&playground)["latest"]["size"].as_u64().unwrap();
    let restored = newest();
    assert!(restored <= before + 20 && restored < seen, "{restored} of {before} and {seen}");
    // It answers all the while, and its log grows past what the witnesses saw.
    ask(&playground, 200).await;
    wait_for("the witnesses disown it", WITHIN, || (failures(&playground, "disowned") > 0).then_some(()));
    assert_eq!(newest(), restored, "nothing was signed");
    assert_eq!(checkpoint(&playground)["witnessed"]["size"].as_u64().unwrap(), restored);
}

struct Witness {
    child: Child,
    address: String,
    key: VerifierKey,
}

impl Witness {
    fn start(dir: &Path, log: &VerifierKey) -> Self {
        let mut command = Command::new(binary("portcullis"));
        command.env_remove("PORTCULLIS_CONTEXT").args(["--output", "json", "witness", "--name", "w.example"]);
        command.arg("--dir").arg(dir).args(["--listen", "127.0.0.1:0", "--log", &log.to_string()]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let key = VerifierKey::parse(told["key"].as_str().unwrap()).unwrap();
        Self { child, address: told["address"].as_str().unwrap().to_string(), key }
    }

    fn post(&self, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let code = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (code, answer.split_once("\r\n\r\n").unwrap().1.to_string())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// T09: a log that shows two histories to one witness gets one cosigned, also across kills of the witness.
#[test]
fn t09_a_witness_refuses_a_fork_however_often_it_is_killed() {
    let log = SignerKey::new("log.example", SignatureKind::Log, &[1; 32]).unwrap();
    let asks = |old: u64, size: u64, fork: bool| {
        let (mut frontier, mut nodes) = (Frontier::default(), std::collections::BTreeMap::new());
        for index in 0..size {
            nodes.extend(frontier.append(leaf_hash(&[index as u8, u8::from(fork && index == 4)])));
        }
        let proof = consistency_proof(&|node| nodes.get(&node).copied(), old, size).unwrap();
        let note = Checkpoint { origin: "log.example".into(), size, root: frontier.root() }.signed(&log);
        AddCheckpoint { old, proof, note }
    };
    let temp = tempfile::tempdir().unwrap();
    let mut size = 5;
    let mut key = None;
    for turn in 0..10 {
        let witness = Witness::start(temp.path(), &log.verifier());
        assert_eq!(*key.get_or_insert(witness.key.clone()), witness.key);
        let old = if turn == 0 { 0 } else { size - 3 };
        let (code, line) = witness.post(&asks(old, size, false).to_string());
        assert_eq!(code, 200, "{line}");
        let signature = model::audit::note::Signature::parse(line.trim_end()).unwrap();
        assert!(witness.key.verify(&asks(old, size, false).note.with(signature)).is_ok());
        assert_eq!(witness.post(&asks(size, size + 2, true).to_string()).0, 422);
        assert_eq!(witness.post(&asks(size - 1, size + 2, false).to_string()), (409, format!("{size}\n")));
        assert_eq!(witness.post("nonsense").0, 400);
        size += 3;
    }
    let witness = Witness::start(temp.path(), &log.verifier());
    assert_eq!(witness.post(&"x".repeat(1 << 20)).0, 413);
}
