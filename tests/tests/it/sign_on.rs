//! Signing on, between real processes: by password and code at a terminal, locked and opened, by a card of another issuer.

use std::path::Path;
use std::time::Duration;

use model::time::Clock;
use model::totp::{STEP_MS, step_of};
use portcullis_tests::{Cli, Context, Playground, Ran, SystemClock, copy_dir, wait_for};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);
const PASSWORD: &str = "teal umbrella quarrels";
/// Left of a code's time for what must come within it.
const TIME_TO_SHOW_MS: u64 = 12_000;

/// A playground with a terminal at its station.
struct Terminal {
    playground: Playground,
    banner: String,
}

impl Terminal {
    fn start() -> Self {
        let playground = Playground::start();
        let pki = playground.text_path("data/pki");
        playground.cli().run(&["pki", "issue", &pki, "terminal", "CBP", "2404"]).ok();
        std::fs::create_dir(playground.path("terminal")).unwrap();
        let banner = playground.context().value["acknowledges"].as_str().unwrap().to_string();
        Self { playground, banner }
    }

    /// Somebody at the terminal, who asks one node alone. His sessions are not where those by his certificate are.
    fn at(&self, user: &str, node: u64) -> Cli {
        let mut context = self.playground.context();
        context.path = self.playground.path("terminal/context.json");
        let pki = |name: &str| self.playground.text_path(&format!("data/pki/{name}"));
        let tls = json!({"ca": pki("ca.pem"), "certificate": pki("terminal-CBP-2404.pem"), "key": pki("terminal-CBP-2404.key")});
        let name = format!("{user}-{node}");
        for (field, value) in [
            ("user", json!(user)),
            ("tls", tls),
            ("identities", json!([])),
            ("acknowledges", json!(null)),
            ("endpoints", json!([self.playground.node(node).grpc])),
        ] {
            context = context.with(&name, field, value);
        }
        Cli::with_context(&context.path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.playground.path(name), text).unwrap();
        self.playground.text_path(name)
    }

    /// The officer's password and authenticator, by the way that a control officer opens for him.
    fn enrol(&self) {
        let secret = self.playground.text_path("officer.enrolment");
        self.playground.cli().run(&["user", "enrol", "officer", "--secret", &secret]).ok();
        let authenticator = self.playground.text_path("authenticator");
        let set = |password: &str| {
            let new = self.file("new-password", password);
            let arguments =
                ["password", "--enrolment", &secret, "--new-password-file", &new, "--authenticator", &authenticator];
            self.at("officer", 1).run(&arguments)
        };
        set("Password123456").fails(2, &["everybody tries first"]);
        set(PASSWORD).ok();
        set(PASSWORD).fails(7, &["log-on-refused"]);
    }

    fn log_on(&self, user: &str, node: u64, password: &str) -> Ran {
        let (password, codes) =
            (self.file(&format!("password-{node}"), password), self.playground.text_path("authenticator"));
        let factors = ["--password-file", &password, "--totp-file", &codes];
        self.at(user, node).run(&[&["login", "--acknowledge", &self.banner], &factors[..]].concat())
    }

    fn events(&self, kind: &str) -> Vec<Value> {
        let events = self.playground.cli_as("auditor").run(&["audit", "tail", "--limit", "100"]).ok().lines();
        events.into_iter().filter(|event| event["kind"] == kind).collect()
    }
}

/// Waits until a code is new enough to be shown several times within its step.
fn wait_for_a_new_code(after: u64) -> u64 {
    wait_for("a new code", Duration::from_millis(2 * STEP_MS), || {
        let now = SystemClock.now();
        (step_of(now) > after && now.0 % STEP_MS < STEP_MS - TIME_TO_SHOW_MS).then(|| step_of(now))
    })
}

/// Files below a directory that hold a text.
fn files_with(dir: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn t11_a_code_shown_to_two_nodes_at_once_begins_one_session() {
    let at = Terminal::start();
    at.enrol();
    at.at("officer", 1).run(&["login", "--acknowledge", &at.banner]).fails(7, &["factors-needed", "login --password"]);
    let mut shown = 0;
    for turn in 0..2 {
        shown = wait_for_a_new_code(shown);
        let both: Vec<Ran> = std::thread::scope(|scope| {
            let log_on = [2, 3].map(|node| {
                scope.spawn({
                    let at = &at;
                    move || at.log_on("officer", node, PASSWORD)
                })
            });
            log_on.into_iter().map(|ran| ran.join().unwrap()).collect()
        });
        let (good, refused): (Vec<Ran>, Vec<Ran>) = both.into_iter().partition(|ran| ran.code == Some(0));
        assert_eq!((good.len(), refused.len()), (1, 1), "turn {turn}: {good:?} {refused:?}");
        refused.into_iter().for_each(|ran| drop(ran.fails(7, &["log-on-refused"])));
    }
    let officer = at.at("officer", 1);
    officer.run(&["screen", "--name", "Nobody Inparticular"]).ok();
    let own = &officer.json(&["session", "list"])["sessions"];
    assert!(own.as_array().unwrap().iter().any(|row| row["path"] == "password"), "{own}");
    let used = at.events("log-on");
    assert!(used.iter().any(|event| event["code"] == "used-code" && event["user"] == "officer"), "{used:?}");
    // What the terminal proves is where it stands: at another station, and to somebody with no password, it opens nothing.
    let elsewhere =
        Context::read(&at.playground.path("terminal/context-officer-1.json")).with("else", "port", json!("9999"));
    Cli::with_context(&elsewhere.path).run(&["login", "--acknowledge", "x"]).fails(7, &["other-terminal"]);
    at.at("supervisor", 1).run(&["whoami"]).fails(7, &["session-needed"]);
}

#[test]
fn t12_failures_on_any_nodes_lock_the_password_alone_and_tell_nothing_of_who_exists() {
    let at = Terminal::start();
    at.enrol();
    let unknown = at.log_on("no-such-user", 1, PASSWORD).fails(7, &["log-on-refused"]).stderr;
    for tried in 0..5 {
        let refused = at.log_on("officer", 1 + tried % 3, "not the one at all").fails(7, &["log-on-refused"]);
        assert_eq!(refused.stderr, unknown, "one text for all");
    }
    wait_for_a_new_code(0);
    assert_eq!(at.log_on("officer", 2, PASSWORD).fails(7, &["log-on-refused"]).stderr, unknown, "locked");
    // His certificate still logs on, and he is not suspended: nobody shuts him out by guessing.
    let own = at.playground.cli_as("officer");
    own.run(&["logout"]);
    own.run(&["screen", "--name", "Nobody Inparticular"]).ok();
    let lock = wait_for("the lock is evidence", SOON, || at.events("password-lock").pop());
    assert_eq!((&lock["user"], &lock["verdict"]), (&json!("officer"), &json!("changed")), "{lock}");
    let failures = at.events("log-on");
    let coded = |code: &str| failures.iter().filter(|event| event["code"] == code).count();
    assert_eq!((coded("wrong-password"), coded("unknown-account"), coded("path-locked")), (5, 1, 1), "{failures:?}");
    assert_eq!(files_with(&at.playground.data_dir(), PASSWORD), [""; 0], "a password is in no log and no file");
    assert!(!files_with(&at.playground.data_dir(), "officer").is_empty(), "the search finds what it looks for");
    at.playground.cli().run(&["user", "unlock", "officer"]).ok();
    wait_for_a_new_code(0);
    at.log_on("officer", 3, PASSWORD).ok();
}

#[test]
fn a_locked_session_answers_on_no_node_until_its_factor_is_shown_again() {
    let playground = Playground::start();
    let own = Context::read(&playground.path("data/context-officer.json"));
    let at = |node: u64| {
        let context = own.with(&format!("lock-{node}"), "endpoints", json!([playground.node(node).grpc]));
        Cli::with_context(&context.path)
    };
    let screen = ["screen", "--name", "Nobody Inparticular"];
    at(1).run(&screen).ok();
    at(1).run(&["session", "lock"]).ok();
    for node in 1..=3 {
        wait_for("it is locked", SOON, || at(node).run(&screen).stderr.contains("session-locked").then_some(()));
    }
    at(2).run(&["whoami"]).fails(7, &["session unlock"]);
    at(2).run(&["session", "unlock"]).ok();
    for node in 1..=3 {
        wait_for("it is open", SOON, || (at(node).run(&screen).code == Some(0)).then_some(()));
    }
}

#[test]
fn a_card_of_another_issuer_is_known_by_the_name_that_stands_in_its_holders_account() {
    let playground = Playground::start();
    // The same authority, which issues in the name of another cluster: what it names means nothing here by itself.
    copy_dir(&playground.path("data/pki"), &playground.path("other-pki"));
    let ledger = playground.path("other-pki/issued.json");
    let mut issued: Value = serde_json::from_str(&std::fs::read_to_string(&ledger).unwrap()).unwrap();
    issued["cluster"] = json!("0f".repeat(16));
    std::fs::write(&ledger, issued.to_string()).unwrap();
    let pki = playground.text_path("other-pki");
    playground.cli().run(&["pki", "issue", &pki, "user", "card-4711"]).ok();
    let name = format!("portcullis://cluster/{}/user/card-4711", "0f".repeat(16));
    let holder = |user: &str| {
        let file = |name: &str| format!("{pki}/{name}");
        let tls =
            json!({"ca": file("ca.pem"), "certificate": file("user-card-4711.pem"), "key": file("user-card-4711.key")});
        let context = playground.context().with("card", "user", json!(user)).with("card", "tls", tls);
        Cli::with_context(&context.with("card", "identities", json!([])).path)
    };
    holder("holder").run(&["whoami"]).fails(7, &["not-a-user"]);
    let day = SystemClock.now().before(24 * 60 * 60 * 1_000).day().unwrap().to_string();
    let cli = playground.cli();
    cli.run(&[
        "user",
        "request",
        "holder",
        "--agency",
        "CBP",
        "--category",
        "general",
        "--control-officer",
        "control-officer",
        "--supervisor",
        "supervisor",
        "--station",
        "2404",
        "--certificate",
        &name,
        "--name",
        "Ann Lee",
    ])
    .ok();
    let standing = |fact: &[&str]| drop(cli.run(&[&["user", "standing", "holder"], fact].concat()).ok());
    standing(&["--background", "bi", "--completed", &day, "--adjudicated"]);
    standing(&["--course", &day]);
    standing(&["--nationality", "national"]);
    cli.run(&["user", "approve", "holder"]).ok();
    assert_eq!(holder("holder").json(&["whoami"])["user"], "holder");
    holder("officer").run(&["whoami"]).fails(7, &["other-identity"]);
}
