//! Nodes started wrongly: with another cluster's peers, on another node's directory, with another key, on ports in use.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_tests::{Cli, Playground, Program, copy_dir, free_port, get, wait_for};

const ENDS_WITHIN: Duration = Duration::from_secs(15);

/// The command line of a node, as the playground writes it.
struct Start {
    node: u64,
    listen: String,
    http: String,
    data_dir: String,
    key_file: String,
    cluster: String,
    members: String,
}

impl Start {
    /// A node of the playground's cluster, on other ports.
    fn of(playground: &Playground, node: u64, data_dir: &Path) -> Self {
        let layout = std::fs::read_to_string(playground.path("data/playground.json")).unwrap();
        let layout: serde_json::Value = serde_json::from_str(&layout).unwrap();
        let nodes = layout["nodes"].as_array().unwrap();
        let members = nodes.iter().map(|node| format!("{}={}", node["id"], node["grpc"].as_str().unwrap()));
        let local = || format!("127.0.0.1:{}", free_port());
        Self {
            node,
            listen: local(),
            http: local(),
            data_dir: data_dir.to_string_lossy().into_owned(),
            key_file: playground.text_path("data/cluster.key"),
            cluster: layout["cluster_id"].as_str().unwrap().to_string(),
            members: members.collect::<Vec<_>>().join(","),
        }
    }

    /// A certificate for this node and cluster, by the authority that the playground's nodes believe: what is refused is
    /// refused by more than its authority.
    fn certificates(&self, playground: &Playground) -> PathBuf {
        let dir = playground.path(&format!("pki-{}-{}", self.cluster, self.node));
        if !dir.exists() {
            copy_dir(&playground.path("data/pki"), &dir);
            let ledger = dir.join("issued.json");
            let mut value: serde_json::Value = serde_json::from_slice(&std::fs::read(&ledger).unwrap()).unwrap();
            (value["cluster"], value["issued"]) = (serde_json::json!(self.cluster), serde_json::json!([]));
            std::fs::write(&ledger, value.to_string()).unwrap();
            let (dir, node) = (dir.to_string_lossy(), self.node.to_string());
            let issue = ["pki", "issue", &*dir, "node", "--id", &node, "--host", "127.0.0.1"];
            Cli::new().run(&issue).ok();
        }
        dir
    }

    fn run(&self, playground: &Playground, log: &str) -> Program {
        let Self { node, listen, http, data_dir, key_file, cluster, members } = self;
        let (pki, text) = (self.certificates(playground), |path: &Path| path.to_string_lossy().into_owned());
        let arguments = [
            ("--node-id", &node.to_string()),
            ("--listen", listen),
            ("--http", http),
            ("--data-dir", data_dir),
            ("--key-file", key_file),
            ("--cluster-id", cluster),
            ("--initial-members", members),
            ("--records-groups", &"2".to_string()),
            ("--tls-certificate", &text(&pki.join(format!("node-{node}.pem")))),
            ("--tls-key", &text(&pki.join(format!("node-{node}.key")))),
            ("--tls-ca", &text(&pki.join("ca.pem"))),
        ];
        let arguments: Vec<String> =
            arguments.iter().flat_map(|(flag, value)| [flag.to_string(), value.to_string()]).collect();
        Program::start("portcullis-node", &arguments, &playground.path(log))
    }

    /// Must end by itself with an exit code and say each of these.
    fn fails(&self, playground: &Playground, code: i32, parts: &[&str]) {
        let mut node = self.run(playground, "refused.log");
        let status = node.ended(ENDS_WITHIN);
        let said = node.said();
        assert_eq!(status.code(), Some(code), "{said}");
        for part in parts {
            assert!(said.contains(part), "`{part}` is not said: {said}");
        }
        assert!(!said.contains("panicked"), "{said}");
    }
}

fn serves(playground: &Playground) {
    let cli = playground.cli();
    let create = ["lookout", "create", "--name", "Jocasta Umarova", "--action", "refer", "--reason", "r"];
    assert_eq!(cli.json(&create)["change"], "created");
    for node in 1..=3 {
        let answer =
            playground.cli_of(node).json(&["screen", "--name", "Jocasta Umarova", "--freshness", "linearizable"]);
        assert!(!answer["hits"].as_array().unwrap().is_empty(), "through node {node}");
    }
}

#[test]
fn a_peer_of_another_cluster_is_refused_and_changes_nothing() {
    let playground = Playground::start();
    serves(&playground);
    let mut start = Start::of(&playground, 1, &playground.path("stranger"));
    // Node 1 of a cluster that it takes nodes 2 and 3 of this one for.
    start.cluster = "0123456789abcdef0123456789abcdef".into();
    start.members = format!("1={},2={},3={}", start.listen, playground.node(2).grpc, playground.node(3).grpc);
    let mut stranger = start.run(&playground, "stranger.log");
    // It asks both again and again, and meets no node of its own cluster: their certificates name another.
    wait_for("the stranger has asked for votes", Duration::from_secs(30), || {
        let (status, metrics) = get(&start.http, "/metrics");
        let asked =
            metrics.lines().filter(|line| line.contains("portcullis_peer_calls_total") && line.contains("vote"));
        let failed = asked
            .filter(|line| line.contains("failed"))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        (status == 200 && failed.sum::<f64>() >= 6.0).then_some(())
    });
    assert!(stranger.running(), "it waits for its own peers: {}", stranger.said());
    // It stands for election in every group and needs one vote of the two; refused by both, it never gets one.
    let pki = start.certificates(&playground);
    Cli::new().run(&["pki", "issue", &pki.to_string_lossy(), "user", "officer"]).ok();
    let path = |name: &str| serde_json::json!(pki.join(name));
    let tls = serde_json::json!({
        "ca": path("ca.pem"), "certificate": path("user-officer.pem"), "key": path("user-officer.key")
    });
    let context = playground.context().with("stranger", "endpoints", serde_json::json!([start.listen]));
    let context = context.with("stranger", "identities", serde_json::json!([]));
    let view = Cli::with_context(&context.with("stranger", "tls", tls).path);
    let status = view.json(&["cluster", "status"]);
    assert_eq!(status["cluster_id"], start.cluster);
    for group in status["groups"].as_array().unwrap() {
        assert!(group["role"] != "leader" && group["leader"].is_null(), "nobody voted for it: {group}");
    }
    assert_eq!(get(&start.http, "/readyz").0, 503);
    serves(&playground);
    drop(stranger);
    serves(&playground);
    assert!(playground.cli().json(&["audit", "verify"])["ok"].as_bool().unwrap());
}

#[test]
fn a_stranger_cannot_be_added_to_the_cluster() {
    let playground = Playground::start();
    let mut start = Start::of(&playground, 4, &playground.path("stranger"));
    start.cluster = "0123456789abcdef0123456789abcdef".into();
    start.members = format!("4={}", start.listen);
    let _stranger = start.run(&playground, "stranger.log");
    let ran = wait_for("the stranger answers", Duration::from_secs(20), || {
        let ran = playground.cli().run(&["cluster", "add-node", "4", &start.listen]);
        (!ran.stderr.contains("no node answers")).then_some(ran)
    });
    ran.fails(2, &["address: ", "belongs to another cluster"]);
    playground.cli().run(&["cluster", "add-node", "9", &start.listen]).fails(2, &["address: "]);
    let members = playground.cli().json(&["cluster", "members"]);
    assert_eq!(members["groups"][0]["voters"], serde_json::json!([1, 2, 3]));
    serves(&playground);
}

#[test]
fn a_directory_serves_its_own_node_cluster_and_key_only() {
    let mut playground = Playground::start();
    serves(&playground);
    playground.stop();
    let copy = playground.path("copy");
    copy_dir(&playground.node_dir(1), &copy);
    let own = || Start::of(&playground, 1, &copy);

    Start { node: 2, ..own() }.fails(
        &playground,
        4,
        &["belongs to node 1, this is node 2", "give it its own --data-dir"],
    );
    let cluster = "0123456789abcdef0123456789abcdef".to_string();
    Start { cluster, ..own() }.fails(&playground, 4, &["belongs to cluster", "give it its own --data-dir"]);

    let key = playground.path("other.key");
    let other_key = key.to_string_lossy().into_owned();
    std::fs::write(&key, "ab".repeat(32)).unwrap();
    Start { key_file: other_key.clone(), ..own() }.fails(
        &playground,
        4,
        &["the key file is not the one", "nothing was changed"],
    );
    std::fs::write(&key, "not a key").unwrap();
    Start { key_file: other_key.clone(), ..own() }.fails(&playground, 2, &["other.key", "64 hexadecimal digits"]);
    std::fs::remove_file(&key).unwrap();
    Start { key_file: other_key, ..own() }.fails(&playground, 2, &["other.key", "No such file"]);

    let members = "2=127.0.0.1:1,3=127.0.0.1:2".to_string();
    Start { members, ..own() }.fails(&playground, 2, &["--initial-members", "node 1 is not among them"]);
    let members = "1=nowhere".to_string();
    Start { members, ..own() }.fails(&playground, 2, &["--initial-members", "`nowhere` is not HOST:PORT"]);
    playground.start_again();
    serves(&playground);
}

#[test]
fn a_directory_in_use_and_a_port_in_use_are_said() {
    let mut playground = Playground::start();
    Start::of(&playground, 1, &playground.node_dir(1)).fails(&playground, 3, &["node-1"]);
    serves(&playground);

    let fresh = playground.path("fresh");
    let listen = playground.node(2).grpc;
    let members = format!("1={listen}");
    let taken = format!("cannot listen on {listen}");
    Start { listen, members, ..Start::of(&playground, 1, &fresh) }.fails(&playground, 1, &[&taken, "in use"]);
    let http = playground.node(2).http;
    let taken = http.clone();
    Start { http, ..Start::of(&playground, 1, &fresh) }.fails(&playground, 1, &[&taken, "in use"]);
    serves(&playground);

    // A node whose port somebody took meanwhile: the others serve, and the playground says why it ended.
    let node = playground.node(3);
    playground.kill(3);
    let thief = TcpListener::bind(&node.grpc).unwrap();
    playground.restart(3);
    wait_for("the playground says why node 3 ended", ENDS_WITHIN, || {
        let said = playground.said();
        (said.contains(&format!("cannot listen on {}", node.grpc)) && said.contains("the others go on")).then_some(())
    });
    assert_eq!(playground.cli().json(&["cluster", "status"])["groups"].as_array().unwrap().len(), 4);
    drop(thief);
    playground.restart(3);
    playground.wait_ready(3);
    serves(&playground);
    playground.stop();
}
