//! Importers bring in editions of one list, two of them perhaps different ones at the same time.

use std::sync::atomic::Ordering;

use client::{ClientError, v1};
use model::ids::to_hex;

use super::{Desk, SOURCE};
use crate::history::{Answer, Call};
use crate::rng::Rng;

/// Entries of one batch.
const BATCH: usize = 8;
/// An import is given up after so much time; whoever repeats it goes on.
const DEADLINE_MS: u64 = 60_000;

pub(super) async fn work(mut desk: Desk, importer: u64) {
    let mut edition = importer * 1_000_000;
    while desk.next().await {
        edition += 1;
        let entries = entries(&mut desk, edition);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&edition.to_be_bytes());
        id[8..].copy_from_slice(&desk.rng.number().to_be_bytes());
        let import = to_hex(&id);
        if desk.office.importing.fetch_add(1, Ordering::Relaxed) > 0 {
            desk.office.trace.mark("two imports of one list at once");
        }
        for attempt in 0..3 {
            let call = Call::Import { source: SOURCE.to_string(), import: import.clone(), entries: entries.clone() };
            let number = desk.office.history.begin(&desk.user, DEADLINE_MS, call);
            let told = bring_in(&desk, &import, entries.clone()).await;
            let failed = told.is_err();
            desk.office.history.end(number, told.map(Answer::Imported));
            // What failed is brought in again under the same id, and now and then what did not.
            let again = if failed { 80 } else { 10 };
            if attempt == 2 || !desk.rng.percent(again) || !desk.next().await {
                break;
            }
            desk.office.trace.mark("an import repeated");
        }
        desk.office.importing.fetch_sub(1, Ordering::Relaxed);
        // A list comes out now and then.
        let pause = desk.rng.between(1_000, 4_000);
        tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
    }
}

/// An edition names a drawn part of the list.
fn entries(desk: &mut Desk, edition: u64) -> Vec<v1::ImportEntry> {
    let mut rng = Rng::new(desk.rng.number(), 1);
    let count = desk.office.world.subjects.min(40);
    let drawn = (0..count).filter(|_| rng.percent(70)).collect::<Vec<_>>();
    let entry = |(row, subject): (usize, &u64)| v1::ImportEntry {
        row: row as u64 + 1,
        source_ref: format!("ref-{subject}"),
        // Most entries are the same in every edition.
        lookout: Some(desk.office.lookout(*subject as usize, if subject % 5 == 0 { edition } else { 0 })),
    };
    drawn.iter().enumerate().map(entry).collect()
}

async fn bring_in(
    desk: &Desk,
    import: &str,
    entries: Vec<v1::ImportEntry>,
) -> Result<Vec<v1::ImportProgress>, ClientError> {
    let mut session = desk.client.begin_import(SOURCE, import).await?;
    let mut steps = Vec::new();
    for batch in entries.chunks(BATCH) {
        steps.extend(session.send(batch.to_vec()).await?.map(|done| done.progress));
    }
    while let Some(done) = session.acknowledged().await? {
        steps.push(done.progress);
    }
    steps.push(session.finish().await?);
    Ok(steps)
}
