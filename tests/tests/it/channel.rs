//! Mutual TLS between real processes: whose certificate is not believed reaches nothing, and whose was revoked stays no longer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use portcullis_tests::{Cli, Context, Playground, Program, free_port, question_named, wait_for};
use serde_json::json;

const SOON: Duration = Duration::from_secs(20);

/// The officer's context with another certificate.
fn context(playground: &Playground, name: &str, certificate: &Path) -> Context {
    let context = playground.context();
    let mut tls = context.value["tls"].clone();
    tls["certificate"] = json!(certificate);
    tls["key"] = json!(certificate.with_extension("key"));
    context.with(name, "identities", json!([])).with(name, "tls", tls)
}

/// A command line that claims to be the officer and shows another certificate.
fn showing(playground: &Playground, name: &str, certificate: &Path) -> Cli {
    Cli::with_context(&context(playground, name, certificate).path)
}

fn issue(playground: &Playground, dir: &Path, to: &[&str]) {
    let dir = dir.to_string_lossy();
    let arguments: Vec<&str> = ["pki", "issue", &*dir].into_iter().chain(to.iter().copied()).collect();
    playground.cli().run(&arguments).ok();
}

#[test]
fn another_authority_and_plain_text_are_refused_and_nothing_else_is_disturbed() {
    let playground = Playground::start();
    let other = playground.path("other-pki");
    let cluster = playground.cli().json(&["cluster", "status"])["cluster_id"].as_str().unwrap().to_string();
    playground.cli().run(&["pki", "init", &other.to_string_lossy(), "--cluster", &cluster]).ok();
    issue(&playground, &other, &["user", "officer"]);
    let stranger = showing(&playground, "stranger", &other.join("user-officer.pem"));
    stranger.run(&["cluster", "status"]).fails(4, &[]);

    let context = playground.context().with("plain", "identities", json!([])).with("plain", "tls", json!(null));
    Cli::with_context(&context.path).run(&["cluster", "status"]).fails(4, &[]);
    let mut plain = TcpStream::connect(playground.node(1).grpc).unwrap();
    plain.set_read_timeout(Some(SOON)).unwrap();
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer[0] == 21, "a TLS alert or nothing: {answer:02x?}");

    playground.cli().run(&["cluster", "status"]).ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_user_is_cut_off_within_seconds_and_the_others_are_not() {
    let playground = Playground::start();
    let pki = playground.path("data/pki");
    let leaver = playground.cli_as("policy-officer");
    leaver.run(&["whoami"]).ok();
    playground
        .cli()
        .run(&["pki", "issue", &pki.to_string_lossy(), "user", "policy-officer"])
        .fails(1, &["has a certificate until"]);
    playground.cli().run(&["pki", "revoke", &pki.to_string_lossy(), "user/policy-officer"]).ok();
    wait_for("the leaver is refused", SOON, || (leaver.run(&["whoami"]).code == Some(4)).then_some(()));
    let answer = playground.client().screen(question_named("Nobody Inparticular", "linearizable")).await;
    assert!(answer.is_ok(), "{answer:?}");
}

#[test]
fn who_asks_is_whom_the_certificate_names_and_the_attempt_to_be_another_is_evidence() {
    let playground = Playground::start();
    let supervisor = showing(&playground, "claims", &playground.path("data/pki/user-supervisor.pem"));
    supervisor.run(&["screen", "--name", "Aurelio Bancroft"]).fails(7, &["other-identity", "not that of officer"]);
    let node = showing(&playground, "node", &playground.path("data/pki/node-2.pem"));
    node.run(&["screen", "--name", "Aurelio Bancroft"]).fails(7, &["not-a-user"]);
    let rows = playground.path("rows.csv");
    std::fs::write(&rows, "name\nAurelio Bancroft\n").unwrap();
    let out = playground.path("out.csv");
    let batch = ["batch", "--in", &rows.to_string_lossy(), "--out", &out.to_string_lossy()];
    let refused = supervisor.run(&batch);
    assert_ne!(refused.code, Some(0), "{}", refused.stderr);
    let events = playground.cli_as("auditor").run(&["audit", "tail", "--limit", "20"]).ok().lines();
    let refused: Vec<_> = events.iter().filter(|event| event["code"] == "other-identity").collect();
    assert!(refused.len() >= 2, "{events:?}");
    assert!(refused.iter().all(|event| event["user"] == "supervisor" && event["verdict"] == "refused"), "{refused:?}");
}

#[test]
fn t15_a_node_runs_with_its_own_certificate_and_nobody_elses() {
    let playground = Playground::start();
    let pki = playground.path("data/pki");
    let start = |flags: &[(&str, String)], log: &str| {
        let base = [
            ("--node-id", "4".to_string()),
            ("--listen", format!("127.0.0.1:{}", free_port())),
            ("--http", format!("127.0.0.1:{}", free_port())),
            ("--data-dir", playground.text_path("node-4")),
            ("--key-file", playground.text_path("data/cluster.key")),
            ("--join", playground.node(1).grpc),
        ];
        let arguments: Vec<String> =
            base.iter().chain(flags).flat_map(|(flag, value)| [flag.to_string(), value.clone()]).collect();
        Program::start("portcullis-node", &arguments, &playground.path(log))
    };
    let ends = |mut node: Program, parts: &[&str]| {
        let status = node.ended(SOON);
        let said = node.said();
        assert_eq!(status.code(), Some(2), "{said}");
        parts.iter().for_each(|part| assert!(said.contains(part), "`{part}` is not said: {said}"));
    };
    let tls = |name: &str| {
        [
            ("--tls-certificate", pki.join(format!("{name}.pem")).to_string_lossy().into_owned()),
            ("--tls-key", pki.join(format!("{name}.key")).to_string_lossy().into_owned()),
            ("--tls-ca", pki.join("ca.pem").to_string_lossy().into_owned()),
        ]
    };
    ends(start(&[], "without.log"), &["--tls-certificate", "portcullis pki"]);
    // It joins by another node's certificate, and is refused as soon as it says who it is.
    let mut thief = start(&tls("node-2"), "thief.log");
    let status = thief.ended(SOON);
    let said = thief.said();
    assert!(!status.success() && said.contains("is not that of node 4"), "{said}");
    let mut officer = start(&tls("user-officer"), "officer.log");
    let status = officer.ended(SOON);
    let said = officer.said();
    assert!(!status.success() && said.contains("is not that of node 4"), "a user is no node: {said}");
    let mixed = [tls("node-2")[0].clone(), tls("node-3")[1].clone(), tls("node-2")[2].clone()];
    ends(start(&mixed, "mixed.log"), &["does not belong to the certificate"]);
}
