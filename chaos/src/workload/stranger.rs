//! Strangers: they look for what is hidden from them, by searches, by its id, in lists, and by functions that they have at times.

use std::time::Duration;

use client::v1;

use super::officer::{ask, question};
use super::{Desk, QUESTION_DEADLINE};
use crate::history::{Answer, Call};

pub(super) async fn work(mut desk: Desk) {
    while desk.next().await {
        let refused = match desk.rng.below(10) {
            0..=3 => {
                let message = question(&mut desk);
                ask(&desk, message).await
            }
            4..=6 => {
                let id = desk.office.pick_any(&mut desk.rng);
                // Some are of nothing that there is.
                let id = id
                    .filter(|_| desk.rng.percent(70))
                    .unwrap_or_else(|| model::ids::RecordId([desk.rng.below(250) as u8; 16]));
                if desk.rng.percent(60) {
                    get(&desk, id.to_string()).await
                } else {
                    history(&desk, id.to_string()).await
                }
            }
            7..=8 => list(&desk).await,
            _ => hop(&mut desk).await,
        };
        if refused {
            // Who goes on at once is suspended before anybody can give him anything.
            let pause = desk.rng.between(300, 2_500);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
}

/// Asks one node after the other for what it never gets, so that no node sees much of it. Whether they answer in time is not
/// asked here.
async fn hop(desk: &mut Desk) -> bool {
    let mut nodes = desk.client.per_endpoint(Duration::from_secs(1));
    desk.rng.shuffle(&mut nodes);
    for node in nodes.iter().take(3) {
        drop(node.read_audit(v1::ReadAuditRequest { limit: 1, ..Default::default() }).await);
    }
    desk.office.trace.mark("refused by one node after the other");
    true
}

fn deadline() -> u64 {
    QUESTION_DEADLINE.as_millis() as u64
}

async fn get(desk: &Desk, id: String) -> bool {
    let message = v1::GetLookoutRequest { id, version: 0 };
    let number = desk.office.history.begin(&desk.user, deadline(), Call::Get { message: message.clone() });
    let told = desk.client.get_lookout(message).await;
    let refused = told.is_err();
    desk.office.history.end(number, told.map(Box::new).map(Answer::Record));
    refused
}

async fn history(desk: &Desk, id: String) -> bool {
    let message = v1::HistoryRequest { id, page_size: 20, before_version: 0 };
    let number = desk.office.history.begin(&desk.user, deadline(), Call::History { message: message.clone() });
    let told = desk.client.history(message).await;
    let refused = told.is_err();
    desk.office.history.end(number, told.map(Answer::Versions));
    refused
}

async fn list(desk: &Desk) -> bool {
    let message = v1::ListLookoutsRequest { page_size: 20, ..Default::default() };
    let number = desk.office.history.begin(&desk.user, deadline(), Call::List { message: message.clone() });
    let told = desk.client.list_lookouts(message).await;
    let refused = told.is_err();
    desk.office.history.end(number, told.map(Answer::Listed));
    refused
}
