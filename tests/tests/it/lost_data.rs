//! A node that comes back with less than it had acknowledged is refused: it could help to elect a leader that lacks what
//! was acknowledged.

use std::path::Path;
use std::time::Duration;

use client::v1;
use portcullis_tests::{Playground, copy_dir, wait_for, wanted};

const ENDS_WITHIN: Duration = Duration::from_secs(30);
const AWAY: u64 = 3;

/// Lookouts in every records group.
async fn write(playground: &Playground, numbers: std::ops::Range<usize>) {
    let client = playground.client();
    for number in numbers {
        let lookout = Some(wanted("Persis Almqvist", &format!("LD{number:06}")));
        client.create_lookout(v1::CreateLookoutRequest { lookout, ..Default::default() }).await.unwrap();
    }
}

/// The two others must lead and know what the third has: what nobody saw, nobody can tell.
fn seen_by_the_others(playground: &Playground) {
    for group in ["directory", "records-0", "records-1", "audit-0"] {
        let led_by = playground.leader_of(group);
        let leader = if led_by == AWAY {
            playground.cli().json(&["cluster", "transfer-leader", group, "--to", "1"]);
            1
        } else {
            led_by
        };
        wait_for(&format!("the leader of {group} sees node {AWAY} up to date"), Duration::from_secs(20), || {
            let status = playground.group_at(leader, group);
            let lag = status["lag"].as_array()?.iter().find(|lag| lag["node"] == AWAY)?;
            (lag["matched"].as_u64()? >= 2 && lag["matched"] == status["committed"]).then_some(())
        });
    }
}

/// Starts the node on what is there and expects it to end, with its log saying why, as often as it is tried.
async fn is_refused(playground: &Playground, what: &str) {
    for time in 1..=2 {
        let ends = "ended: exit status: 3";
        let before = playground.said().matches(ends).count();
        playground.restart(AWAY);
        wait_for(&format!("node {AWAY} ends ({what}, start {time})"), ENDS_WITHIN, || {
            (playground.said().matches(ends).count() > before).then_some(())
        });
        let log = playground.node_log(AWAY);
        let stopped = log.lines().rfind(|line| line.contains("the node stopped"));
        let stopped = stopped.unwrap_or_else(|| panic!("{what}: {log}"));
        assert!(stopped.contains("join it again under a new id"), "{what}: {stopped}");
        assert!(!log.contains("panicked"), "{what}: {log}");
    }
    write(playground, 900..902).await;
    assert!(playground.cli().json(&["audit", "verify"])["ok"].as_bool().unwrap(), "{what}: the others go on");
}

fn replace(dir: &Path, by: Option<&Path>) {
    std::fs::remove_dir_all(dir).unwrap();
    match by {
        Some(copy) => copy_dir(copy, dir),
        None => std::fs::create_dir(dir).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_directory_was_emptied_does_not_come_back_under_its_old_id() {
    let playground = Playground::start();
    write(&playground, 0..20).await;
    seen_by_the_others(&playground);
    playground.kill(AWAY);
    replace(&playground.node_dir(AWAY), None);
    is_refused(&playground, "an emptied directory").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_restored_from_an_older_copy_of_its_directory_is_refused() {
    let playground = Playground::start();
    write(&playground, 0..20).await;
    playground.kill(AWAY);
    let copy = playground.path("copy");
    copy_dir(&playground.node_dir(AWAY), &copy);
    playground.restart(AWAY);
    playground.wait_ready(AWAY);
    write(&playground, 100..140).await;
    seen_by_the_others(&playground);
    playground.kill(AWAY);
    // Without the copy it comes back: having been away is no reason.
    playground.restart(AWAY);
    playground.wait_ready(AWAY);
    playground.kill(AWAY);
    replace(&playground.node_dir(AWAY), Some(&copy));
    is_refused(&playground, "an older copy").await;
}
