//! Agencies: they create, update and remove lookouts, on each other's records too, and go on from what they were told.

use client::{ErrorKind, v1};
use model::ids::RequestId;

use super::{CALL_DEADLINE, Desk, Known};
use crate::history::{Answer, Call};
use crate::people;

pub(super) async fn work(mut desk: Desk, agency: u64) {
    let mut edition = agency * 1_000_000;
    while desk.next().await {
        edition += 1;
        let known = desk.office.pick_known(&mut desk.rng, Some(agency));
        match known {
            Some((id, known)) if desk.rng.percent(45) => {
                let request = desk.client.new_request_id();
                if desk.rng.percent(70) {
                    // Sometimes of a version that is no longer the newest, which must be refused.
                    let stale = desk.rng.percent(10);
                    let message = v1::UpdateLookoutRequest {
                        request_id: request.to_string(),
                        id: id.to_string(),
                        expected_version: known.version.saturating_sub(u64::from(stale)).max(1),
                        lookout: Some(desk.office.lookout(known.subject, edition)),
                    };
                    let call = Call::Update { request, message: message.clone() };
                    let number = desk.office.history.begin(&desk.user, deadline(), call);
                    let told = desk.client.update_lookout(message).await;
                    follow(&desk, id, (known.subject, known.kept_by), &told);
                    desk.office.history.end(number, told.map(Answer::Changed));
                } else {
                    let expected_version = if desk.rng.percent(50) { known.version } else { 0 };
                    let message = v1::RemoveLookoutRequest {
                        request_id: request.to_string(),
                        id: id.to_string(),
                        expected_version,
                    };
                    let call = Call::Remove { request, message: message.clone() };
                    let number = desk.office.history.begin(&desk.user, deadline(), call);
                    let told = desk.client.remove_lookout(message).await;
                    if told.is_ok() {
                        desk.office.known().remove(&id);
                    }
                    desk.office.history.end(number, told.map(Answer::Changed));
                }
            }
            _ => {
                let subject = desk.rng.below(desk.office.world.subjects) as usize;
                let request = desk.client.new_request_id();
                create(&mut desk, request, (subject, edition), agency).await;
            }
        }
    }
}

fn deadline() -> u64 {
    CALL_DEADLINE.as_millis() as u64
}

/// Creates a lookout. When nobody can say whether it exists, the agency asks again under the same request id, as the error
/// text tells it to, and sometimes just once more though it was told.
async fn create(desk: &mut Desk, request: RequestId, (subject, edition): (usize, u64), agency: u64) {
    let lookout = Some(desk.office.lookout(subject, edition));
    let (level, labels) = kept_from_others(desk);
    let kept_by = (!level.is_empty()).then_some(agency);
    let message = v1::CreateLookoutRequest { request_id: request.to_string(), lookout, level, labels };
    for _ in 0..3 {
        let call = Call::Create { request, message: message.clone() };
        let number = desk.office.history.begin(&desk.user, deadline(), call);
        let told = desk.client.create_lookout(message.clone()).await;
        if let Ok(change) = &told
            && let Ok(id) = change.id.parse()
        {
            follow(desk, id, (subject, kept_by), &told);
        }
        let unknown = told.as_ref().is_err_and(|error| error.outcome_unknown);
        desk.office.history.end(number, told.map(Answer::Changed));
        let again = if unknown { 80 } else { 5 };
        if !desk.rng.percent(again) || !desk.next().await {
            return;
        }
    }
}

/// Level and labels of a new lookout: in a gated world some are for few, and some for nobody.
fn kept_from_others(desk: &mut Desk) -> (String, Vec<String>) {
    if !desk.office.world.gated || desk.rng.percent(60) {
        return (String::new(), Vec::new());
    }
    if desk.rng.percent(25) {
        return ("3".to_string(), vec![people::CLOSED_CLASS.to_string()]);
    }
    let named = desk.rng.below(desk.office.world.clients.officers);
    let labels = if desk.rng.percent(60) { vec![format!("U:officer-{named}")] } else { Vec::new() };
    ("4".to_string(), labels)
}

fn follow(
    desk: &Desk,
    id: model::ids::RecordId,
    (subject, kept_by): (usize, Option<u64>),
    told: &Result<v1::ChangeResponse, client::ClientError>,
) {
    let mut all = desk.office.known();
    match told {
        Ok(change) => {
            let newest = all.get(&id).map_or(0, |known| known.version).max(change.version);
            all.insert(id, Known { version: newest, subject, kept_by });
        }
        Err(error) if error.kind == ErrorKind::Refused || error.kind == ErrorKind::NotFound => {
            // Somebody else was faster: forget it, and learn of it again from whoever changed it.
            all.remove(&id);
        }
        Err(_) => {}
    }
}
