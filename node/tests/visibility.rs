//! Who may see which record, on every path through a node: what is hidden reads as what is missing, what is shown on primary
//! alone says what to do, and only the owner changes a record.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is the result of a test")]

mod cluster;

use std::collections::BTreeSet;
use std::sync::Arc;

use cluster::{Cluster, asked_by, create};
use model::access::function::Function;
use model::access::grants::Grants;
use model::access::principal::{ClassId, Principal};
use model::envelope::Caller;
use model::ids::RequestId;
use model::record::Dataset;
use model::time::{Clock, Entropy};
use portcullis_node::cut::{Cut, Cuts};
use portcullis_node::env::{SystemClock, SystemEntropy};
use proto::v1;
use proto::v1::audit_client::AuditClient;
use proto::v1::import_request::Step;
use proto::v1::imports_client::ImportsClient;
use proto::v1::lookouts_client::LookoutsClient;
use proto::v1::matching_client::MatchingClient;
use proto::v1::overrides_client::OverridesClient;
use proto::v1::screening_client::ScreeningClient;
use tonic::transport::Channel;
use tonic::{Code, Status};

type Who = (&'static str, &'static str, &'static str);

const SMITH: Who = ("smith", "CBP", "desk");
/// Of another agency, with an investigation that bears level 1.
const BROWN: Who = ("brown", "IRS", "desk");
const BROWN_AT_THE_LANE: Who = ("brown", "IRS", "primary");
/// Named by a level 4 record.
const JONES: Who = ("jones", "CBP", "desk");
/// A colleague whom nobody names.
const GREEN: Who = ("green", "CBP", "desk");

/// As the gate will say: members of an agency are in its class, and who asks for the purpose `primary` stands at a lane.
fn cut(caller: &Caller) -> Cut {
    let grants = Grants::of(&Principal {
        datasets: [Dataset::Tecs].into(),
        classes: [ClassId::members(&caller.agency)].into(),
        level_one: true,
        ..Principal::of_nothing(caller.user.clone(), caller.agency.clone())
    });
    let function = if caller.purpose.as_str() == "primary" { Function::PrimaryQuery } else { Function::SubjectQuery };
    Cut::Gated { grants: Arc::new(grants), function, second: None }
}

fn request_id() -> String {
    RequestId::new(SystemClock.now(), SystemEntropy.sixteen()).to_string()
}

async fn created(channel: &Channel, who: Who, name: &str, level: &str, labels: &[&str]) -> String {
    let labels = labels.iter().map(|label| label.to_string()).collect();
    let message = v1::CreateLookoutRequest { level: level.into(), labels, ..create(name) };
    LookoutsClient::new(channel.clone()).create(asked_by(who, message)).await.unwrap().into_inner().id
}

/// All that a caller reads of a refusal.
fn told(refused: Result<impl Sized, Status>) -> (Code, String, Vec<(String, String)>) {
    let status = refused.err().expect("refused");
    let own = |key: &str| key.starts_with("portcullis-");
    let fields = status.metadata().iter().filter_map(|field| match field {
        tonic::metadata::KeyAndValueRef::Ascii(key, value) if own(key.as_str()) => {
            Some((key.to_string(), value.to_str().unwrap().to_string()))
        }
        _ => None,
    });
    (status.code(), status.message().to_string(), fields.collect())
}

fn question(name: &str) -> v1::ScreenRequest {
    v1::ScreenRequest { name: name.into(), freshness: "linearizable".into(), ..Default::default() }
}

async fn hits(channel: &Channel, who: Who, name: &str) -> Vec<v1::Hit> {
    ScreeningClient::new(channel.clone()).screen(asked_by(who, question(name))).await.unwrap().into_inner().hits
}

/// What each path says of a record by its id.
async fn every_path(
    channel: &Channel,
    who: Who,
    id: &str,
) -> Vec<(&'static str, (Code, String, Vec<(String, String)>))> {
    let mut records = LookoutsClient::new(channel.clone());
    let mut overrides = OverridesClient::new(channel.clone());
    let mut screening = ScreeningClient::new(channel.clone());
    let mut all = Vec::new();
    for version in [0, 1] {
        let get = v1::GetLookoutRequest { id: id.into(), version };
        all.push(("get", told(records.get(asked_by(who, get)).await)));
    }
    let history = v1::HistoryRequest { id: id.into(), ..Default::default() };
    all.push(("history", told(records.history(asked_by(who, history)).await)));
    for expected_version in [1, 9] {
        let (request_id, lookout) = (request_id(), create("Somebody Else").lookout);
        let update = v1::UpdateLookoutRequest { request_id, id: id.into(), expected_version, lookout };
        all.push(("update", told(records.update(asked_by(who, update.clone())).await)));
        // The same request again, and with another content: the log remembers nothing of either.
        all.push(("update again", told(records.update(asked_by(who, update.clone())).await)));
        let update = v1::UpdateLookoutRequest { lookout: create("Another One").lookout, ..update };
        all.push(("update reused", told(records.update(asked_by(who, update)).await)));
    }
    for expected_version in [0, 9] {
        let remove = v1::RemoveLookoutRequest { request_id: request_id(), id: id.into(), expected_version };
        all.push(("remove", told(records.remove(asked_by(who, remove)).await)));
    }
    let record = v1::RecordOverrideRequest {
        request_id: request_id(),
        lookout: id.into(),
        name: "Somebody Else".into(),
        documents: vec!["X1234567".into()],
        reason: "another person".into(),
        expires: "2027-12-31".into(),
        ..Default::default()
    };
    all.push(("override record", told(overrides.record(asked_by(who, record)).await)));
    let end = v1::EndOverrideRequest { request_id: request_id(), lookout: id.into(), id: "ab".repeat(16) };
    all.push(("override end", told(overrides.end(asked_by(who, end)).await)));
    let list = v1::ListOverridesRequest { lookout: id.into() };
    all.push(("override list", told(overrides.list(asked_by(who, list)).await)));
    let explain = v1::ExplainRequest { question: Some(question("Casimir Dolgorukov")), record: id.into() };
    all.push(("explain", told(screening.explain(asked_by(who, explain)).await)));
    all
}

#[test]
fn t05_what_is_hidden_reads_as_what_is_missing_on_every_path_and_the_audit_alone_knows_why() {
    let cluster = Cluster::with_cuts(Cuts::by(cut));
    cluster.run(1, async |channel| {
        let members = created(&channel, SMITH, "Casimir Dolgorukov", "3", &[]).await;
        let named = created(&channel, SMITH, "Casimir Dolgorukov", "4", &["U:jones"]).await;
        let missing = every_path(&channel, BROWN, &"5e".repeat(16)).await;
        for (path, (code, text, fields)) in &missing {
            assert_eq!((*code, text.as_str()), (Code::NotFound, "no record available"), "{path}");
            assert_eq!(
                fields.as_slice(),
                [("portcullis-code".to_string(), "no-record-available".to_string())],
                "{path}"
            );
        }
        for (who, hidden) in [(BROWN, &members), (BROWN, &named), (BROWN_AT_THE_LANE, &named), (GREEN, &named)] {
            assert_eq!(every_path(&channel, who, hidden).await, missing, "{who:?}");
        }
        // Nothing of it was done, and those who see them read them.
        let mut records = LookoutsClient::new(channel.clone());
        for (who, id) in [(GREEN, &members), (JONES, &named), (SMITH, &named)] {
            let get = v1::GetLookoutRequest { id: id.clone(), version: 0 };
            assert_eq!(records.get(asked_by(who, get)).await.unwrap().into_inner().version, 1);
        }
        // Each refusal is an event: of what is missing, and of what is hidden with its rule.
        let read = v1::ReadAuditRequest { limit: 1_000, ..Default::default() };
        let events = AuditClient::new(channel.clone()).read(asked_by(SMITH, read)).await.unwrap().into_inner().events;
        let refused = |user: &str, code: &str| {
            let refused = events.iter().filter(|event| event.verdict == "refused" && event.user == user);
            refused.filter(|event| event.code == code).count()
        };
        assert_eq!((refused("brown", "no-record-available"), refused("brown", "L3")), (missing.len(), missing.len()));
        assert_eq!((refused("brown", "L4"), refused("green", "L4")), (2 * missing.len(), missing.len()));
    });
}

#[test]
fn t04_lists_and_questions_show_what_is_seen_and_a_lookout_on_primary_what_to_do() {
    const NAME: &str = "Delphine Vantongeren";
    let cluster = Cluster::with_cuts(Cuts::by(cut));
    cluster.run(2, async |channel| {
        let mut open = BTreeSet::new();
        let mut hidden = BTreeSet::new();
        for number in 0..12 {
            if number % 3 == 0 {
                open.insert(created(&channel, SMITH, NAME, "", &[]).await);
            } else {
                hidden.insert(created(&channel, SMITH, NAME, if number % 3 == 1 { "3" } else { "4" }, &[]).await);
            }
        }
        let mut records = LookoutsClient::new(channel.clone());
        let (mut listed, mut token) = (Vec::new(), String::new());
        loop {
            let list = v1::ListLookoutsRequest { page_size: 2, page_token: token, ..Default::default() };
            let page = records.list(asked_by(BROWN, list)).await.unwrap().into_inner();
            assert!(page.lookouts.len() == 2, "a page is full of what is seen");
            listed.extend(page.lookouts.into_iter().map(|record| record.id));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
            assert!(!open.iter().chain(&hidden).any(|id| token.contains(id.as_str())), "a position names no record");
        }
        assert_eq!((listed.len(), listed.into_iter().collect::<BTreeSet<_>>()), (open.len(), open.clone()));
        let altered = v1::ListLookoutsRequest { page_token: "00".repeat(49), ..Default::default() };
        assert_eq!(told(records.list(asked_by(BROWN, altered)).await).0, Code::InvalidArgument);

        let ids = |hits: &[v1::Hit]| hits.iter().map(|hit| hit.id.clone()).collect::<BTreeSet<_>>();
        let limited = v1::ScreenRequest { limit: 4, ..question(NAME) };
        let mut screening = ScreeningClient::new(channel.clone());
        let answer = screening.screen(asked_by(BROWN, limited.clone())).await.unwrap().into_inner();
        assert_eq!(ids(&answer.hits), open, "what is hidden takes no place within the limit");
        let rows = futures_util::stream::iter([v1::BatchRequest { row: 1, question: Some(limited.clone()) }]);
        let mut rows = screening.batch(asked_by(BROWN, rows)).await.unwrap().into_inner();
        assert_eq!(ids(&rows.message().await.unwrap().unwrap().answer.unwrap().hits), open);
        let policies = Some(v1::Policies { version: 1, policies: Vec::new() });
        let compare = v1::CompareRequest {
            question: Some(limited),
            first: policies.clone(),
            second: policies,
            purpose: String::new(),
        };
        let compared =
            MatchingClient::new(channel.clone()).compare(asked_by(BROWN, compare)).await.unwrap().into_inner();
        assert_eq!((ids(&compared.first), ids(&compared.second)), (open.clone(), open.clone()));

        let everything = v1::ScreenRequest { limit: 100, ..question(NAME) };
        let primary = screening.screen(asked_by(BROWN_AT_THE_LANE, everything)).await.unwrap().into_inner().hits;
        assert_eq!(primary.len(), 12);
        for hit in primary {
            let minimal = hidden.contains(&hit.id);
            assert_eq!((hit.name.as_str(), hit.action.as_str(), hit.version), (NAME, "refer", 1));
            assert_eq!(hit.reason.is_empty(), minimal, "{}", hit.id);
            assert!(!hit.explanation.is_empty() && !hit.sentence.is_empty());
        }
        // An auditor who may not see the records reads who asked what, and not what was found or written of them.
        let read = v1::ReadAuditRequest { limit: 1_000, ..Default::default() };
        let mut audit = AuditClient::new(channel.clone());
        let mut seen = Vec::new();
        cluster::until("all creations are events", async || {
            seen = audit.read(asked_by(BROWN, read.clone())).await.unwrap().into_inner().events;
            seen.iter().filter(|event| event.kind == "create").count() == 12
        })
        .await;
        for event in &seen {
            assert!(event.results.iter().all(|result| event.kind == "list" || open.contains(&result.id)), "{event:?}");
            let named = event.terms.iter().any(|term| term.field == "name");
            if event.kind == "create" {
                assert_eq!(named, open.contains(&event.changes[0].id));
            } else if event.kind == "query" {
                assert!(named, "the question is the asker's own");
            }
        }
    });
}

#[test]
fn r20_only_the_owner_changes_a_record_and_imports_a_list() {
    let cluster = Cluster::with_cuts(Cuts::by(cut));
    cluster.run(3, async |channel| {
        let mut records = LookoutsClient::new(channel.clone());
        let id = created(&channel, SMITH, "Eleonore Sigurdsson", "", &[]).await;
        let lookout = create("Somebody Else").lookout;
        let update = |lookout| v1::UpdateLookoutRequest {
            request_id: request_id(),
            id: id.clone(),
            expected_version: 1,
            lookout,
        };
        let remove = v1::RemoveLookoutRequest { request_id: request_id(), id: id.clone(), expected_version: 0 };
        for (code, text, fields) in [
            told(records.update(asked_by(BROWN, update(lookout.clone()))).await),
            told(records.remove(asked_by(BROWN, remove)).await),
        ] {
            assert_eq!((code, text.as_str()), (Code::PermissionDenied, "the record is CBP's, which alone changes it"));
            assert_eq!(fields, [("portcullis-code".to_string(), "owner".to_string())]);
        }
        let changed = records.update(asked_by(GREEN, update(lookout))).await.unwrap().into_inner();
        assert_eq!((changed.version, changed.change.as_str()), (2, "updated"));

        let entry = |name: &str| v1::ImportEntry { row: 1, source_ref: "1".into(), lookout: create(name).lookout };
        let import = async |who, import_id: &str, name| {
            let begin = v1::ImportBegin { source: "shared".into(), import_id: import_id.repeat(16) };
            let batch = v1::ImportBatch { entries: vec![entry(name)], kept: Vec::new() };
            let steps = [Step::Begin(begin), Step::Batch(batch), Step::Finish(v1::ImportFinish {})];
            // Each is answered before the next is sent, as our client does.
            let (send, sent) = tokio::sync::mpsc::channel(1);
            let steps_sent = futures_util::stream::unfold(sent, async |mut sent: tokio::sync::mpsc::Receiver<_>| {
                sent.recv().await.map(|step| (step, sent))
            });
            let mut client = ImportsClient::new(channel.clone());
            let mut answers = client.import(asked_by(who, Box::pin(steps_sent))).await?.into_inner();
            let mut created = 0;
            for step in steps {
                send.send(v1::ImportRequest { step: Some(step) }).await.unwrap();
                created += answers.message().await?.unwrap().created;
            }
            Ok::<_, Status>(created)
        };
        assert_eq!(import(SMITH, "a1", "Fabrizio Mwangi").await.unwrap(), 1);
        let (code, _, fields) = told(import(BROWN, "b2", "Nobody At All").await);
        assert_eq!((code, fields[0].1.as_str()), (Code::PermissionDenied, "list-of-another"));
        assert_eq!(hits(&channel, SMITH, "Fabrizio Mwangi").await.len(), 1, "it is as its owner wrote it");
        assert!(hits(&channel, SMITH, "Nobody At All").await.is_empty());
    });
}

#[test]
fn r17_r18_writers_name_labels_that_go_with_the_level_and_updates_leave_them() {
    let cluster = Cluster::with_cuts(Cuts::by(cut));
    cluster.run(1, async |channel| {
        let mut records = LookoutsClient::new(channel.clone());
        for (level, label, field) in [
            ("1", "C:CBP/gangs", "labels[0]"),
            ("3", "U:jones", "labels[0]"),
            ("3", "C:IRS/tax", "labels[0]"),
            ("4", "gangs", "labels[0]"),
            ("2", "C:CBP/gangs", "level"),
        ] {
            let message = v1::CreateLookoutRequest {
                level: level.into(),
                labels: vec![label.into()],
                ..create("Gudrun Takahashi")
            };
            let (code, text, fields) = told(records.create(asked_by(SMITH, message)).await);
            assert_eq!(code, Code::InvalidArgument, "{text}");
            assert!(
                fields.contains(&("portcullis-field".to_string(), field.to_string())),
                "{level} {label}: {fields:?}"
            );
        }
        let id = created(&channel, SMITH, "Gudrun Takahashi", "4", &["U:jones"]).await;
        let lookout = create("Gudrun Takahashi-Berg").lookout;
        let update =
            v1::UpdateLookoutRequest { request_id: request_id(), id: id.clone(), expected_version: 1, lookout };
        records.update(asked_by(JONES, update)).await.unwrap();
        let get = |version| v1::GetLookoutRequest { id: id.clone(), version };
        for version in [0, 1] {
            let record = records.get(asked_by(JONES, get(version))).await.unwrap().into_inner();
            assert_eq!((record.level.as_str(), record.labels), ("4", vec!["U:jones".to_string()]));
        }
        let history = v1::HistoryRequest { id: id.clone(), ..Default::default() };
        let versions = records.history(asked_by(JONES, history)).await.unwrap().into_inner().versions;
        assert_eq!(versions.iter().map(|record| record.version).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(told(records.get(asked_by(GREEN, get(0))).await).0, Code::NotFound);
        let explain = v1::ExplainRequest { question: Some(question("Gudrun Takahashi")), record: id };
        let explained =
            ScreeningClient::new(channel.clone()).explain(asked_by(JONES, explain)).await.unwrap().into_inner();
        assert_eq!((explained.outcome.as_str(), explained.rank), ("found", 1));
    });
}
