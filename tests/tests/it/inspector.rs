//! What the page for a sceptical inspector says: its script and its commands, as they stand in `docs/audit.md`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use portcullis_tests::{Playground, wait_for, workspace_root};
use serde_json::json;

/// Questions before the earlier checkpoint, and after it: more than one bundle of 256 in all, and no whole number of them.
const QUESTIONS: [u32; 2] = [180, 420];
/// The event that is proven, and altered by hand.
const INDEX: &str = "2";
/// Commands on the page at least: those that hold, and those that must find something wrong.
const BLOCKS_MIN: (usize, usize) = (6, 4);

/// A fenced block of a page.
struct Block<'a> {
    /// What stands behind its opening fence, such as `sh fails`.
    info: &'a str,
    text: String,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let (mut blocks, mut lines) = (Vec::new(), page.lines());
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let text = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
            blocks.push(Block { info: info.trim(), text });
        }
    }
    blocks
}

/// Whether a block's commands succeed in a directory, with all that they say.
fn run(block: &Block<'_>, dir: &Path) -> (bool, String, String) {
    let mut command = Command::new("bash");
    command.args(["-eu", "-c", &block.text]).current_dir(dir).stdin(Stdio::null());
    let output = command.env_remove("PORTCULLIS_CONTEXT").env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

fn ask(playground: &Playground, part: &str, questions: u32) {
    let mut rows = String::from("name\n");
    (0..questions).for_each(|row| writeln!(rows, "Somebody {part} {row}").unwrap());
    let (input, out) = (playground.text_path(&format!("{part}.csv")), playground.text_path(&format!("{part}.ndjson")));
    std::fs::write(&input, rows).unwrap();
    let summary = playground.cli().json(&["batch", "--in", &input, "--out", &out, "--concurrency", "16"]);
    assert_eq!((&summary["rows"], &summary["errors"]), (&json!(questions), &json!(0)), "{summary}");
}

#[test]
fn the_page_for_a_sceptical_inspector_holds_word_for_word() {
    let mut playground = Playground::start();
    let cli = playground.cli();
    let dir = playground.path("inspector");
    std::fs::create_dir(&dir).unwrap();
    let (log, event) = (playground.text_path("inspector/log"), playground.text_path("inspector/event"));

    cli.json(&["lookout", "create", "--name", "Isolde Brandywine", "--action", "refer", "--reason", "r"]);
    ask(&playground, "earlier", QUESTIONS[0]);
    let kept = wait_for("witnesses have cosigned the log", Duration::from_secs(20), || {
        let published = cli.json(&["audit", "checkpoint"]);
        (published["witnessed"]["size"].as_u64() > Some(QUESTIONS[0].into())).then_some(published)
    });
    std::fs::write(dir.join("earlier-checkpoint"), kept["witnessed"]["note"].as_str().unwrap()).unwrap();
    ask(&playground, "later", QUESTIONS[1]);
    let exported = cli.json(&["audit", "export", "--out", &log]);
    assert!(exported["size"].as_u64() > kept["witnessed"]["size"].as_u64(), "{exported} {kept}");
    cli.json(&["audit", "prove", "--index", INDEX, "--out", &event]);
    std::fs::copy(playground.data_dir().join("audit.policy"), dir.join("audit.policy")).unwrap();
    // Nothing of ours runs while the inspector looks.
    playground.stop();

    let page = std::fs::read_to_string(workspace_root().join("docs/audit.md")).unwrap();
    let blocks = blocks(&page);
    let scripts: Vec<&Block<'_>> = blocks.iter().filter(|block| block.info == "python").collect();
    assert_eq!(scripts.len(), 1, "the page has one script");
    std::fs::write(dir.join("inspect_log.py"), &scripts[0].text).unwrap();

    let (mut held, mut failed) = (Vec::new(), Vec::new());
    for block in blocks.iter().filter(|block| block.info.split(' ').next() == Some("sh")) {
        let (succeeds, stdout, stderr) = run(block, &dir);
        let said = format!("{}\nstdout: {stdout}\nstderr: {stderr}", block.text);
        match block.info {
            "sh" => {
                assert!(succeeds, "these commands fail: {said}");
                held.push(stdout);
            }
            "sh fails" => {
                assert!(!succeeds, "these commands must find something wrong: {said}");
                // What was altered is found by whoever was asked, and nobody fell over it.
                assert!(!stderr.contains("Traceback"), "{said}");
                failed.push(stdout);
            }
            info => panic!("who reads `{info}`? {said}"),
        }
    }
    assert!(held.len() >= BLOCKS_MIN.0 && failed.len() >= BLOCKS_MIN.1, "{} and {}", held.len(), failed.len());
    let holds = |said: &[String], part: &str| said.iter().any(|stdout| stdout.contains(part));
    assert!(holds(&held, &format!("log: {} events with their payloads", exported["size"])), "{held:?}");
    assert!(holds(&held, &format!("proof: this is event {INDEX} of a log of {} events", exported["size"])), "{held:?}");
    let grew = format!("grew: its first {} events are those of the earlier checkpoint", kept["witnessed"]["size"]);
    assert!(holds(&held, &grew), "{held:?}");
    assert!(failed[0].contains(&format!("event {INDEX} was altered")), "{}", failed[0]);
    assert!(holds(&failed, "was signed"), "the root tells where the hashes were altered as well: {failed:?}");
    assert!(holds(&failed, &format!("the payload of event {INDEX} was altered")), "{failed:?}");
}
