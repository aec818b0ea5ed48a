//! The client library, connected, and the shortest messages that tests send through it.

use std::sync::Arc;
use std::time::Duration;

use client::{Client, Config, Tcp, v1};

use crate::system::{SystemClock, SystemEntropy};

/// A client of endpoints, with the deadline of every call.
pub fn client_of(endpoints: Vec<String>, deadline: Duration) -> Client {
    let mut config = Config::new(endpoints, "tester", "CBP", "2404", "primary");
    config.deadline = deadline;
    Client::connect(config, Arc::new(Tcp), Arc::new(SystemClock), Arc::new(SystemEntropy)).expect("a configuration")
}

/// A lookout for a person.
pub fn wanted(name: &str, document: &str) -> v1::Lookout {
    let documents = match document {
        "" => vec![],
        number => vec![v1::Document { kind: "passport".into(), number: number.into(), country: "RUS".into() }],
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

/// A question about a name.
pub fn question_named(name: &str, freshness: &str) -> v1::ScreenRequest {
    v1::ScreenRequest { name: name.into(), ..question(freshness) }
}

/// A question about nothing yet.
pub fn question(freshness: &str) -> v1::ScreenRequest {
    v1::ScreenRequest { freshness: freshness.into(), limit: 20, ..v1::ScreenRequest::default() }
}
