//! The client library, connected, and the shortest messages that tests send through it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use channel::{Files, Secured, Settings};
use client::{Client, Config, SessionFile, Tcp, v1};
use model::ids::to_hex;
use model::session::banner_digest;
use model::time::{Clock, UnixMillis};

use crate::system::{SystemClock, SystemEntropy};

/// A client of endpoints that shows this certificate, with the deadline of every call.
pub fn client_of(endpoints: Vec<String>, files: Files, deadline: Duration) -> Client {
    client_as(("officer", "primary"), endpoints, files, deadline)
}

/// The same as another of a playground's people. All clients of one person share one session, as his processes do.
pub fn client_as((user, purpose): (&str, &str), endpoints: Vec<String>, files: Files, deadline: Duration) -> Client {
    let mut config = Config::new(endpoints, user, "CBP", "2404", purpose);
    config.deadline = deadline;
    config.acknowledges = Some(to_hex(&banner_digest()));
    let dir = files.authorities.parent().and_then(Path::parent).expect("the playground's directory");
    let sessions = SessionFile::beside(&dir.join("context.json"), "CBP", user);
    let settings = Settings { files, look_every: Duration::from_secs(60), clock: Arc::new(SystemClock) };
    let network = Secured::over(Arc::new(Tcp), settings).expect("certificates");
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    Client::connect_with(config, Arc::new(network), clock, entropy, Arc::new(sessions)).expect("a configuration")
}

/// A lookout for a person.
pub fn wanted(name: &str, document: &str) -> v1::Lookout {
    let documents = match document {
        "" => vec![],
        number => vec![v1::Document {
            kind: "passport".into(),
            number: number.into(),
            country: "RUS".into(),
            ..Default::default()
        }],
    };
    v1::Lookout {
        subject: "person".into(),
        names: vec![v1::Name { kind: "primary".into(), full: name.into(), ..v1::Name::default() }],
        documents,
        action: "refer".into(),
        reason: "black-box test".into(),
        ..v1::Lookout::default()
    }
}

/// A time that is longer away than any test takes, and within the bound of overrides.
pub fn a_year_from_now() -> String {
    UnixMillis(SystemClock.now().0 + 365 * 24 * 60 * 60 * 1000).rfc3339_seconds()
}

/// A question about a name.
pub fn question_named(name: &str, freshness: &str) -> v1::ScreenRequest {
    v1::ScreenRequest { name: name.into(), ..question(freshness) }
}

/// A question about nothing yet.
pub fn question(freshness: &str) -> v1::ScreenRequest {
    v1::ScreenRequest { freshness: freshness.into(), limit: 20, ..v1::ScreenRequest::default() }
}

/// Receipts of which the audit log has no event.
pub async fn without_event(client: &Client, receipts: &BTreeSet<String>) -> Vec<String> {
    let (mut logged, mut from) = (BTreeSet::new(), 0);
    loop {
        let message = v1::ReadAuditRequest { from: Some(from), limit: 1_000, ..Default::default() };
        let page = client.read_audit(message).await.expect("the audit log is read");
        let Some(last) = page.events.last() else { break };
        from = last.index + 1;
        logged.extend(page.events.iter().map(|event| event.receipt.clone()));
        // Reading is an event itself, so the log never quite ends.
        if from + 1 >= page.size {
            break;
        }
    }
    receipts.difference(&logged).cloned().collect()
}
