//! What a node tells those who watch it: every metric with samples, and whether it is alive and ready.

use std::time::Duration;

use client::v1;
use portcullis_tests::{CsvList, Playground, question_named, wait_for, wanted};

const GROUPS: [&str; 4] = ["directory", "records-0", "records-1", "audit-0"];

/// A sample of the exposition text.
#[derive(Debug)]
struct Sample {
    name: String,
    /// As written, such as `group="records-0",role="leader"`.
    labels: String,
    value: f64,
}

fn samples(text: &str) -> Vec<Sample> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
        let (name, labels) =
            series.split_once('{').map_or((series, ""), |(name, rest)| (name, rest.trim_end_matches('}')));
        Sample { name: name.into(), labels: labels.into(), value: value.parse().unwrap() }
    };
    lines.map(sample).collect()
}

/// Samples of a name whose labels hold all of these.
fn of<'a>(samples: &'a [Sample], name: &str, labels: &[&str]) -> Vec<&'a Sample> {
    let fits = |sample: &&Sample| sample.name == name && labels.iter().all(|label| sample.labels.contains(label));
    samples.iter().filter(fits).collect()
}

/// What is missing in a node's samples, in words.
fn missing(samples: &[Sample]) -> Option<String> {
    let one = |name: &str, labels: &[&str]| match of(samples, name, labels)[..] {
        [one] => Ok(one.value),
        ref found => Err(format!("{name} {labels:?} has {} samples", found.len())),
    };
    let some = |name: &str, labels: &[&str]| match of(samples, name, labels).iter().map(|s| s.value).sum::<f64>() {
        sum if sum > 0.0 => Ok(()),
        sum => Err(format!("{name} {labels:?} is {sum}")),
    };
    let check = || -> Result<(), String> {
        for group in GROUPS {
            let label = format!("group=\"{group}\"");
            let label = label.as_str();
            let roles = of(samples, "portcullis_group_role", &[label]);
            let held: Vec<_> = roles.iter().filter(|sample| sample.value == 1.0).collect();
            let plays = |held: &Sample| held.labels.contains("leader") || held.labels.contains("follower");
            if held.len() != 1 || !plays(held[0]) {
                return Err(format!("roles of {group}: {held:?}"));
            }
            some("portcullis_group_applied_index", &[label])?;
            some("portcullis_group_last_log_index", &[label])?;
            some("portcullis_group_apply_seconds_count", &[label])?;
            some("portcullis_group_applied_entries_total", &[label])?;
            for gauge in [
                "portcullis_group_lag_entries",
                "portcullis_group_proposals",
                "portcullis_group_reads",
                "portcullis_group_outbox_messages",
            ] {
                one(gauge, &[label])?;
            }
            if one("portcullis_group_has_leader", &[label])? != 1.0 {
                return Err(format!("{group} has no leader"));
            }
            if group.starts_with("records") {
                one("portcullis_index_lag_entries", &[label])?;
                some("portcullis_index_covered_index", &[label])?;
            }
        }
        for counter in
            ["portcullis_log_sync_seconds_count", "portcullis_log_syncs_total", "portcullis_log_sync_waiters_total"]
        {
            some(counter, &[])?;
        }
        // Rate, errors and latency of calls.
        some("portcullis_calls_total", &["call=\"screen\"", "outcome=\"ok\""])?;
        some("portcullis_calls_total", &["call=\"screen\"", "outcome=\"invalid\""])?;
        some("portcullis_call_seconds_count", &["call=\"screen\""])?;
        some("portcullis_call_seconds_sum", &["call=\"screen\""])?;
        some("portcullis_call_seconds_bucket", &["call=\"screen\"", "le=\"+Inf\""])?;
        some("portcullis_audit_events_total", &[])?;
        // The first record that a node opens is looked at twice.
        some("portcullis_second_looks_total", &[])?;
        if one("portcullis_second_looks_differ_total", &[])? != 0.0 {
            return Err("labels and access policies differ".to_string());
        }
        for gauge in ["portcullis_audit_queue", "portcullis_log_sync_queue", "portcullis_searches_waiting"] {
            one(gauge, &[])?;
        }
        match one("portcullis_ready", &[])? {
            1.0 => Ok(()),
            other => Err(format!("portcullis_ready is {other}")),
        }
    };
    check().err()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_shows_groups_calls_queues_and_index_and_whether_it_is_ready() {
    let playground = Playground::start();
    let mut list = CsvList::default();
    for number in 0..20 {
        list = list.row(
            &format!("M{number}"),
            &format!("Metric {} Person", "abcdefghijklmnopqrst".split_at(number).1),
            "1970",
            "",
        );
    }
    let list = list.write(&playground.path("list.csv"));
    playground.cli().json(&["import", "--format", "csv", "--source", "metrics", &list]);
    for node in 1..=3 {
        let client = playground.client_of(node);
        let lookout = Some(wanted("Measured Person", "M0000001"));
        client.create_lookout(v1::CreateLookoutRequest { lookout, ..Default::default() }).await.unwrap();
        client.screen(question_named("Measured Person", "linearizable")).await.unwrap();
        client.screen(question_named("Measured Person", "yesterday")).await.unwrap_err();
    }
    for node in 1..=3 {
        let mut said = String::new();
        // The values of groups are refreshed once a second.
        let complete = wait_for(&format!("node {node} shows every metric"), Duration::from_secs(20), || {
            let (code, text) = playground.http(node, "/metrics");
            assert_eq!(code, 200);
            let lack = missing(&samples(&text));
            if let Some(lack) = &lack
                && *lack != said
            {
                println!("node {node}: {lack}");
                said.clone_from(lack);
            }
            lack.is_none().then_some(text)
        });
        // Labels name calls, codes and groups, never anything of a person.
        assert!(!complete.contains("Measured") && !complete.contains("M0000001"), "{complete}");
        assert_eq!(playground.http(node, "/livez").0, 200);
        playground.wait_ready(node);
    }

    playground.kill(1);
    playground.kill(2);
    // Alone it answers nothing and must not be sent questions.
    wait_for("the node that is left alone is not ready", Duration::from_secs(15), || {
        (playground.http(3, "/readyz").0 == 503).then_some(())
    });
    assert_eq!(playground.http(3, "/livez").0, 200, "it is alive, and a restart would not help");
    assert_eq!(of(&samples(&playground.http(3, "/metrics").1), "portcullis_ready", &[])[0].value, 0.0);
    playground.restart(1);
    playground.wait_ready(1);
    playground.wait_ready(3);
}
