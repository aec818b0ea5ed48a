//! Officers at primary: names, documents, now and then several travellers at once, and the record behind a hit.

use client::v1;

use super::{Desk, QUESTION_DEADLINE};
use crate::history::{Answer, Call};

pub(super) async fn work(mut desk: Desk) {
    while desk.next().await {
        if desk.rng.percent(10) {
            // A family, or a bus: several questions of one client at the same time.
            let questions: Vec<_> = (0..desk.rng.between(2, 6)).map(|_| question(&mut desk)).collect();
            let asked = questions.into_iter().map(|message| ask(&desk, message));
            futures_util::future::join_all(asked).await;
        } else if desk.rng.percent(15)
            && let Some((id, known)) = desk.office.pick_known(&mut desk.rng, None)
        {
            // The newest, or what stood there before.
            let version = if desk.rng.percent(70) { 0 } else { desk.rng.between(1, known.version.max(1)) };
            let message = v1::GetLookoutRequest { id: id.to_string(), version };
            let number = desk.office.history.begin(&desk.user, deadline(), Call::Get { message: message.clone() });
            let told = desk.client.get_lookout(message).await.map(Box::new).map(Answer::Record);
            desk.office.history.end(number, told);
        } else {
            let message = question(&mut desk);
            ask(&desk, message).await;
        }
    }
}

fn deadline() -> u64 {
    QUESTION_DEADLINE.as_millis() as u64
}

/// Whether it was refused.
pub(super) async fn ask(desk: &Desk, message: v1::ScreenRequest) -> bool {
    let number = desk.office.history.begin(&desk.user, deadline(), Call::Screen { message: message.clone() });
    let told = desk.client.screen(message).await.map(Answer::Screened);
    let refused = told.is_err();
    desk.office.history.end(number, told);
    refused
}

/// A traveller of the generator, or somebody of the list as the list has him.
pub(super) fn question(desk: &mut Desk) -> v1::ScreenRequest {
    let freshness = if desk.rng.percent(60) { "local" } else { "linearizable" }.to_string();
    // Some want the best alone, and most all that there is.
    let limit = if desk.rng.percent(20) { 1 } else { 100 };
    let mut message = v1::ScreenRequest { freshness, limit, ..Default::default() };
    if desk.rng.percent(40)
        && let Some(traveller) = desk.rng.pick(&desk.office.travellers)
    {
        message.name = traveller.name.clone();
        message.birth_date = traveller.dob.clone().unwrap_or_default();
        message.nationality = traveller.nationality.clone().unwrap_or_default();
        message.document = traveller.document.clone().unwrap_or_default();
        return message;
    }
    let Some(subject) = desk.rng.pick(&desk.office.subjects) else { return message };
    let lookout = &subject.lookout;
    match (lookout.documents.first(), lookout.names.first()) {
        // Some numbers are misread: no draw decides it, so that worlds of older seeds stay what they are.
        (Some(document), _) if desk.rng.percent(40) => {
            message.document = match document.number.ends_with(['3', '7']) {
                true => document.number.replace('0', "O"),
                false => document.number.clone(),
            };
        }
        (_, Some(name)) => message.name = name.full.clone(),
        // A vehicle, a vessel or an aircraft.
        _ => {
            message.plate = lookout.plates.first().map(|plate| plate.number.clone()).unwrap_or_default();
            message.registration = lookout.registrations.first().map(|it| it.number.clone()).unwrap_or_default();
        }
    }
    message
}
