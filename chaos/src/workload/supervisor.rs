//! Supervisors: they record that a namesake is not the one whom a lookout is about, end what was recorded, and ask as the
//! namesake does. Nobody on the list has a document of theirs.

use client::v1;
use model::ids::RecordId;
use model::time::UnixMillis;

use super::{CALL_DEADLINE, Desk, Known};
use crate::history::{Answer, Call};

/// Longer than any run: when an override ends must be told from when it was asked about.
const VALID_MS: u64 = 24 * 60 * 60 * 1000;
/// Few namesakes, so that they meet.
const NAMESAKES: u64 = 3;
/// Born long before anybody on the list.
const BORN: &str = "1899-12-13";

pub(super) async fn work(mut desk: Desk) {
    let mut recorded: Vec<(RecordId, String)> = Vec::new();
    while desk.next().await {
        let Some((lookout, known)) = desk.office.pick_known(&mut desk.rng, None) else { continue };
        match desk.rng.below(10) {
            0..=2 => recorded.extend(record(&mut desk, lookout, known).await.map(|id| (lookout, id))),
            3 if !recorded.is_empty() => {
                let at = desk.rng.below(recorded.len() as u64) as usize;
                let (lookout, id) = recorded.swap_remove(at);
                end(&mut desk, lookout, id).await;
            }
            _ => ask(&mut desk, known).await,
        }
    }
}

fn deadline() -> u64 {
    CALL_DEADLINE.as_millis() as u64
}

/// The name that a lookout's subject shares with his namesakes; vehicles have none.
fn name(desk: &Desk, known: Known) -> Option<String> {
    desk.office.lookout(known.subject, 0).names.first().map(|name| name.full.clone())
}

fn document(desk: &mut Desk) -> String {
    format!("NAMESAKE{}", desk.rng.below(NAMESAKES))
}

/// Records an override; asked again under the same request id when nobody can say whether it was.
async fn record(desk: &mut Desk, lookout: RecordId, known: Known) -> Option<String> {
    let name = name(desk, known)?;
    let request = desk.client.new_request_id();
    let by_date = desk.rng.percent(30);
    let message = v1::RecordOverrideRequest {
        request_id: request.to_string(),
        lookout: lookout.to_string(),
        expected_version: if desk.rng.percent(30) { known.version } else { 0 },
        name,
        birth_date: if by_date { BORN.to_string() } else { String::new() },
        documents: if by_date { Vec::new() } else { vec![document(desk)] },
        reason: "a namesake".into(),
        expires: UnixMillis(request.time().0 + VALID_MS).rfc3339_seconds(),
        ..Default::default()
    };
    for _ in 0..3 {
        let call = Call::Override { request, message: message.clone() };
        let number = desk.office.history.begin(&desk.user, deadline(), call);
        let told = desk.client.record_override(message.clone()).await;
        let id = told.as_ref().ok().map(|change| change.id.clone());
        let again = if told.as_ref().is_err_and(|error| error.outcome_unknown) { 80 } else { 5 };
        desk.office.history.end(number, told.map(Answer::Overridden));
        if !desk.rng.percent(again) || !desk.next().await {
            return id;
        }
    }
    None
}

async fn end(desk: &mut Desk, lookout: RecordId, id: String) {
    let request = desk.client.new_request_id();
    let message = v1::EndOverrideRequest { request_id: request.to_string(), lookout: lookout.to_string(), id };
    let call = Call::EndOverride { request, message: message.clone() };
    let number = desk.office.history.begin(&desk.user, deadline(), call);
    let told = desk.client.end_override(message).await.map(Answer::Overridden);
    desk.office.history.end(number, told);
}

/// As a namesake: with his document, or with his date of birth; sometimes with neither, as anybody of the name.
async fn ask(desk: &mut Desk, known: Known) {
    let Some(name) = name(desk, known) else { return };
    let freshness = if desk.rng.percent(50) { "local" } else { "linearizable" }.to_string();
    let mut message = v1::ScreenRequest { name, freshness, limit: 100, threshold: Some(0.05), ..Default::default() };
    match desk.rng.below(10) {
        0..=5 => message.document = document(desk),
        6..=8 => message.birth_date = BORN.to_string(),
        _ => {}
    }
    let number = desk.office.history.begin(&desk.user, deadline(), Call::Screen { message: message.clone() });
    let told = desk.client.screen(message).await;
    if told.as_ref().is_ok_and(|answer| answer.hits.iter().any(|hit| hit.overridden.is_some())) {
        desk.office.trace.mark("a hit is overridden");
    }
    let told = told.map(Answer::Screened);
    desk.office.history.end(number, told);
}
