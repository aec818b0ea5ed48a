//! The gate, between real processes: who may do and see what, who is told what, and how soon what was taken away is gone.

use std::time::{Duration, Instant};

use model::time::Clock;
use portcullis_tests::{Cli, Context, Playground, Ran, SystemClock, client_as, question_named, wait_for};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);
/// By when what was taken away is gone on every node (SECURITY.md 2.2).
const REVOKED: Duration = Duration::from_secs(2);

/// One of the people, who asks one node alone and for another purpose.
fn at_node(playground: &Playground, user: &str, node: u64, purpose: &str) -> Cli {
    let own = Context::read(&playground.path(&format!("data/context-{user}.json")));
    let own = own.with(&format!("{user}-{purpose}-{node}"), "endpoints", Value::from(vec![playground.node(node).grpc]));
    Cli::with_context(&own.with(&format!("{user}-{purpose}-{node}"), "purpose", json!(purpose)).path)
}

fn created(cli: &Cli, arguments: &[&str]) -> String {
    let answer = cli.json(&[&["lookout", "create", "--reason", "for access", "--action", "refer"], arguments].concat());
    answer["id"].as_str().unwrap().to_string()
}

fn events_with(playground: &Playground, code: &str) -> Vec<Value> {
    let events = playground.cli_as("auditor").run(&["audit", "tail", "--limit", "60"]).ok().lines();
    events.into_iter().filter(|event| event["code"] == code).collect()
}

#[test]
fn r15_r18_one_question_lawfully_gives_two_people_two_answers_and_the_lane_knows_what_to_do() {
    let playground = Playground::start();
    let supervisor = playground.cli_as("supervisor");
    let id = created(&supervisor, &["--name", "Ambrose Fennimore", "--level", "4"]);
    let shared = created(&supervisor, &["--name", "Ambrose Fenimore", "--level", "3"]);
    let asked = ["screen", "--name", "Ambrose Fennimore", "--freshness", "linearizable"];
    let ids = |answer: Value| -> Vec<String> {
        answer["hits"].as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap().to_string()).collect()
    };
    // At the desk: each sees what is his to see, and nothing says that there is more.
    let own = ids(at_node(&playground, "supervisor", 1, "secondary").json(&asked));
    assert_eq!(own, [id.clone(), shared.clone()]);
    let others = ids(at_node(&playground, "officer", 2, "secondary").json(&asked));
    assert_eq!(others, [shared]);
    // At the lane: the action and who it is, and no more.
    let lane = at_node(&playground, "officer", 3, "primary").json(&asked);
    let hit = lane["hits"].as_array().unwrap().iter().find(|hit| hit["id"] == id.as_str()).expect("on primary").clone();
    assert_eq!((&hit["name"], &hit["action"]), (&json!("Ambrose Fennimore"), &json!("refer")));
    assert!(!hit.to_string().contains("for access"), "{hit}");
    // By its id it reads as what is not there, and the audit alone knows why.
    let officer = playground.cli_as("officer");
    let hidden = officer.run(&["lookout", "get", &id]);
    let missing = officer.run(&["lookout", "get", &id.replace(&id[..8], "00000000")]);
    assert_eq!((hidden.code, &hidden.stderr, hidden.stdout.as_str()), (Some(3), &missing.stderr, ""));
    supervisor.run(&["lookout", "get", &id]).ok();
    let refused = events_with(&playground, "L4");
    assert!(refused.iter().any(|event| event["user"] == "officer" && event["verdict"] == "refused"), "{refused:?}");
}

/// How much of it was for what is hidden would show in its time.
#[test]
fn t03_an_answer_at_the_desk_leaves_at_a_tick() {
    let playground = Playground::start();
    let desk = at_node(&playground, "officer", 2, "secondary");
    for name in ["Ambrose Fennimore", "Nobody Inparticular", "Ambrose Fennimore"] {
        desk.json(&["screen", "--name", name]);
    }
    let (_, text) = playground.http(2, "/metrics");
    let sample = |series: &str| {
        let line =
            text.lines().find_map(|line| line.strip_prefix(series)).unwrap_or_else(|| panic!("{series}: {text}"));
        line.trim().parse::<f64>().unwrap()
    };
    assert_eq!(sample("portcullis_call_seconds_count{call=\"screen\"}"), 3.0);
    assert_eq!(
        sample("portcullis_call_seconds_bucket{call=\"screen\",le=\"0.025\"}"),
        0.0,
        "none is quicker than a tick"
    );
}

/// Whoever could set a deadline within a tick would learn by it when the work was done.
#[tokio::test(flavor = "multi_thread")]
async fn t03_nobody_is_answered_at_the_desk_before_the_first_tick_however_short_his_deadline() {
    let playground = Playground::start();
    let (endpoint, files) = (vec![playground.node(2).grpc], playground.context().files());
    let desk = |deadline| client_as(("officer", "secondary"), endpoint.clone(), files.clone(), deadline);
    desk(SOON).screen(question_named("Ambrose Fennimore", "local")).await.unwrap();
    // It has the session of the other; connected at its first question, it asks again and again.
    let hurried = desk(Duration::from_millis(22));
    for _ in 0..40 {
        let answer = hurried.screen(question_named("Ambrose Fennimore", "local")).await;
        assert!(answer.is_err(), "answered within 25 ms");
    }
}

#[test]
fn r09_r11_r14_each_does_his_duty_and_nothing_else_and_is_told_which_rule_says_so() {
    let playground = Playground::start();
    let refuses = |ran: Ran, code: &str| ran.fails(7, &[code]);
    refuses(playground.cli_as("officer").run(&["audit", "tail"]), "R11 FUNC");
    refuses(playground.cli_as("auditor").run(&["screen", "--name", "Nobody Inparticular"]), "R09 DUTY");
    refuses(playground.cli_as("administrator").run(&["lookout", "list"]), "R09 DUTY");
    // Another station than one's own: no session begins there, and one from elsewhere is none there.
    let elsewhere = playground.context().with("elsewhere", "port", json!("9999"));
    refuses(Cli::with_context(&elsewhere.path).run(&["screen", "--name", "Nobody Inparticular"]), "R14 STATION");
    for code in ["FUNC", "DUTY", "STATION"] {
        assert!(!events_with(&playground, code).is_empty(), "{code} is evidence");
    }
}

#[test]
fn r08_nobody_asks_without_a_session_and_none_begins_without_the_banner() {
    let playground = Playground::start();
    let without = playground.context().with("without", "acknowledges", json!(null));
    let without = Cli::with_context(&without.with("without", "identities", json!([])).path);
    let handle = || std::fs::read_dir(playground.path("data/sessions")).into_iter().flatten().flatten();
    let officers = handle().filter(|entry| entry.file_name().to_string_lossy().starts_with("officer"));
    officers.for_each(|entry| std::fs::remove_file(entry.path()).unwrap());
    let screen = ["screen", "--name", "Nobody Inparticular"];
    without.run(&screen).fails(7, &["session-needed", "portcullis login"]);
    without.run(&["login", "--acknowledge", &"0".repeat(64)]).fails(2, &["is not that of the banner in force"]);
    without.run(&["login"]).fails(2, &["nobody is there to acknowledge the banner"]);
    let shown = without.run(&["login", "--acknowledge", "x"]).stderr;
    let digest = shown.split("in force, ").nth(1).and_then(|rest| rest.split(';').next()).unwrap().to_string();
    without.run(&["login", "--acknowledge", &digest]).ok();
    without.run(&screen).ok();
    assert_eq!(without.json(&["whoami"])["user"], "officer");
    without.run(&["logout"]).ok();
    without.run(&screen).fails(7, &["session-needed"]);
    let begun = playground.cli_as("auditor").run(&["audit", "tail", "--limit", "60"]).ok().lines();
    let begun: Vec<_> = begun.iter().filter(|event| event["kind"] == "log-on" && event["user"] == "officer").collect();
    assert!(
        begun.iter().any(|event| event.to_string().contains(&digest)),
        "the banner's digest is evidence: {begun:?}"
    );
}

#[test]
fn t10_a_stolen_handle_is_good_on_no_other_certificate_and_after_no_end_of_its_session() {
    let playground = Playground::start();
    let (officer, supervisor) = (playground.cli_as("officer"), playground.cli_as("supervisor"));
    officer.run(&["whoami"]).ok();
    supervisor.run(&["whoami"]).ok();
    let file = |user: &str| {
        let entries = std::fs::read_dir(playground.path("data/sessions")).unwrap().flatten();
        let mut named = entries.map(|entry| entry.path()).filter(|path| path.extension().is_none());
        named.find(|path| path.file_name().unwrap().to_string_lossy().starts_with(user)).unwrap()
    };
    let stolen = std::fs::read_to_string(file("officer")).unwrap();
    // Whoever shows it with his own certificate has no session by it: the command begins one of his own, or asks for it.
    std::fs::write(file("supervisor"), &stolen).unwrap();
    let thief = Context::read(&playground.path("data/context-supervisor.json"));
    let thief = Cli::with_context(&thief.with("thief", "acknowledges", json!(null)).path);
    thief.run(&["screen", "--name", "Nobody Inparticular"]).fails(7, &["session-needed"]);
    // Ended by somebody whose duty it is, it is good on no node.
    playground.cli_as("auditor").run(&["session", "end", "officer"]).ok();
    for node in 1..=3 {
        let own = playground.context().with("kept", "acknowledges", json!(null));
        let own = own.with("kept", "identities", json!([]));
        let own = own.with("kept", "endpoints", json!([playground.node(node).grpc]));
        std::fs::write(file("officer"), &stolen).unwrap();
        Cli::with_context(&own.path).run(&["screen", "--name", "Nobody"]).fails(7, &["session-needed"]);
    }
}

#[test]
fn r23_t13_who_is_suspended_is_cut_off_on_every_node_and_comes_back_by_two() {
    let playground = Playground::start();
    let ask = |node| at_node(&playground, "officer", node, "primary").run(&["screen", "--name", "Nobody Inparticular"]);
    (1..=3).for_each(|node| drop(ask(node).ok()));
    playground.cli_as("control-officer").run(&["suspend", "officer", "--cause", "sco"]).ok();
    let suspended = Instant::now();
    for node in 1..=3 {
        wait_for("a suspended officer is refused", SOON, || (ask(node).code == Some(7)).then_some(()));
    }
    let took = suspended.elapsed();
    println!("cut off on three nodes within {took:?}");
    assert!(took < REVOKED, "{took:?}");
    ask(1).fails(7, &["R23 SUSPEND"]);
    playground.cli_as("control-officer").run(&["user", "reinstate", "officer"]).ok();
    ask(2).fails(7, &["R23 SUSPEND"]);
    playground.cli_as("supervisor").run(&["user", "reinstate", "officer"]).ok();
    for node in 1..=3 {
        wait_for("a reinstated officer is answered", SOON, || (ask(node).code == Some(0)).then_some(()));
    }
}

#[test]
fn r23_repeated_attempts_at_what_is_not_ones_own_suspend_wherever_they_are_made() {
    let playground = Playground::start();
    for node in 1..=3 {
        let ran = at_node(&playground, "privacy-officer", node, "primary").run(&["screen", "--name", "Somebody"]);
        ran.fails(7, &["R11 FUNC"]);
    }
    let own = playground.cli_as("privacy-officer");
    wait_for("the third attempt suspends", SOON, || own.run(&["whoami"]).stderr.contains("SUSPEND").then_some(()));
    let account = playground.cli_as("supervisor").json(&["user", "show", "privacy-officer"]);
    assert_eq!(account["state"], "suspended", "{account}");
}

#[test]
fn r12_t18_a_transaction_opens_a_function_until_it_is_closed() {
    let playground = Playground::start();
    let supervisor = playground.cli_as("supervisor");
    // The supervisor holds no list-import; for an assignment he may.
    let list = playground.path("list.csv");
    std::fs::write(&list, "ref,name\n1,Bartholomew Quill\n").unwrap();
    let import = ["import", "--format", "csv", &*list.to_string_lossy()].map(str::to_string);
    let import: Vec<&str> = import.iter().map(String::as_str).collect();
    supervisor.run(&import).fails(7, &["R11 FUNC"]);
    let hour = |hours: u64| SystemClock.now().after(hours * 3_600_000).rfc3339_seconds();
    let window = [hour(0), hour(2)];
    let grant = [
        "user",
        "open-transaction",
        "supervisor",
        "--function",
        "list-import",
        "--from",
        &window[0],
        "--to",
        &window[1],
    ];
    playground.cli_as("control-officer").run(&grant).ok();
    wait_for("the assignment opens it", SOON, || (supervisor.run(&import).code == Some(0)).then_some(()));
    let close = [
        "user",
        "close-transaction",
        "supervisor",
        "--function",
        "list-import",
        "--from",
        &window[0],
        "--to",
        &window[1],
    ];
    playground.cli_as("control-officer").run(&close).ok();
    wait_for("its end closes it", SOON, || supervisor.run(&import).stderr.contains("R11 FUNC").then_some(()));
}

#[test]
fn the_founding_ceremony_is_held_once_and_by_who_has_the_secret() {
    let playground = Playground::start();
    let founders = playground.path("founders.json");
    let file = json!({"agency": {"id": "CBP", "name": "x", "national_control_officers": []}, "roles": [], "founders": [
        {"user": "intruder", "category": "supervisor", "stations": ["2404"], "datasets": ["tecs"], "investigation": "bi",
         "investigation_completed": "2026-01-01", "course_passed": "2026-01-01"}]});
    std::fs::write(&founders, file.to_string()).unwrap();
    let hold = |secret: &str| {
        let (secret, founders) = (playground.text_path(secret), founders.to_string_lossy().into_owned());
        playground.cli().run(&["founding", "hold", "--secret", &secret, "--founders", &founders])
    };
    hold("data/founding.secret").fails(7, &["there are accounts already"]);
    std::fs::write(playground.path("guess"), "ff".repeat(32)).unwrap();
    hold("guess").fails(7, &["there are accounts already"]);
    let users = playground.cli_as("supervisor").json(&["user", "list"]);
    assert!(!users.to_string().contains("intruder"), "{users}");
    let refused = events_with(&playground, "already-initialised");
    assert!(refused.iter().any(|event| event["kind"] == "founding"), "{refused:?}");
}
