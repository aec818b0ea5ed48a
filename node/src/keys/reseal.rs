//! Rotation in the background: whoever leads a group seals its bodies anew that stand under keys that were replaced, a page at a time.
//! It begins again wherever it was cut off: what is done is passed over.

use std::collections::BTreeSet;
use std::time::Duration;

use model::command::Command;
use model::command::reseal::{Body, Reseal, Resealed};
use model::data_key::{Bucket, DATA_KEY_FIRST};
use model::limits::{COMMAND_BYTES_MAX, DEADLINE_MAX_MS, RESEAL_MAX};
use model::seal::{Keyring, Scope, Sealed};
use raft::error::GroupError;
use raft::group::Group;
use raft::machine::BodyRow;
use raft::outbox::of_the_cluster;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{DEADLINE, Keys, LOOK};

/// Rows that are looked at at a time.
const PAGE: usize = 256;
/// Between two pages: whoever serves comes first.
const PAUSE: Duration = Duration::from_millis(5);
const _: () = assert!(LOOK.as_millis() as u64 >= DEADLINE_MAX_MS, "no call outlasts the pause between two passes");
/// After this time it is looked again: a node that was long cut off from the directory sealed under what it knew.
const LOOK_AFTER: Duration = Duration::from_secs(60 * 60);
/// Between a pass that found something, or failed, and the next.
const AGAIN: Duration = Duration::from_secs(5);

/// Keys, and when nothing was found under them.
type Found = Option<(BTreeSet<u32>, Instant)>;

impl Keys {
    /// Seals a group's bodies anew until the node stops.
    pub async fn keep_resealed(self, group: Group, stopping: CancellationToken) {
        let label = group.id().to_string();
        let pending = self.0.metrics.pending.with_label_values(&[&label]);
        // Under which keys nothing stands any more, in this node's time as leader, and since when; and under which nothing was found
        // once, and when.
        let (mut done, mut once) = (Found::default(), Found::default());
        let Some(directory) = &self.0.directory else { return };
        let mut keys = directory.machine().progress();
        loop {
            let powers = keys.borrow_and_update().powers;
            if let Err(error) = self.take_over() {
                tracing::error!(%error, "the keys of data cannot be read");
            }
            let replaced = self.ring().replaced();
            let mut pause = LOOK;
            if !group.leads() {
                (done, once) = Default::default();
                pending.set(0);
            } else if !replaced.is_empty()
                && !done.as_ref().is_some_and(|(keys, at)| replaced.is_subset(keys) && at.elapsed() < LOOK_AFTER)
            {
                pending.set(1);
                let pass = tokio::select! {
                    () = stopping.cancelled() => return,
                    pass = self.pass(&group, &replaced) => pass,
                };
                match pass {
                    // A call that sealed under an old key before it knew the new one lasts no longer than the pause between
                    // two passes that find nothing.
                    Ok(0) if once.as_ref().is_some_and(|(keys, at)| *keys == replaced && at.elapsed() >= LOOK) => {
                        (done, once) = (Some((replaced, Instant::now())), None);
                        pending.set(0);
                    }
                    Ok(0) if once.as_ref().is_some_and(|(keys, _)| *keys == replaced) => {}
                    Ok(0) => once = Some((replaced, Instant::now())),
                    Ok(_) => pause = AGAIN,
                    Err(error) => {
                        tracing::debug!(%error, group = label, "bodies are sealed anew later");
                        pause = AGAIN;
                    }
                }
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                changed = keys.wait_for(|progress| progress.powers != powers) => if changed.is_err() { return },
            }
        }
    }

    /// Looks at every body of a group once; how many were under a replaced key.
    async fn pass(&self, group: &Group, replaced: &BTreeSet<u32>) -> Result<usize, GroupError> {
        let (mut after, mut found) = (None, 0);
        loop {
            let page = group.read(|state| state.bodies(after.as_ref(), PAGE))?;
            let Some(last) = page.rows.last().map(|row| row.body) else { return Ok(found) };
            let ring = self.ring();
            // What was sealed before there were keys of data moves on, too.
            let is_old = |key: u32| replaced.contains(&key) || key < DATA_KEY_FIRST;
            let outdated = page.rows.iter().filter(|row| is_old(row.sealed.key));
            let bodies: Vec<Resealed> = outdated.filter_map(|row| self.anew(group, &ring, row)).collect();
            found += bodies.len();
            self.propose(group, bodies).await?;
            after = Some(last);
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn propose(&self, group: &Group, bodies: Vec<Resealed>) -> Result<(), GroupError> {
        let mut rest = bodies.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fit = rest.iter().take(RESEAL_MAX).take_while(|resealed| {
                bytes += resealed.sealed.ciphertext.len() + 256;
                bytes <= COMMAND_BYTES_MAX / 2
            });
            let (share, others) = rest.split_at(fit.count().max(1));
            rest = others;
            let command = Command::Reseal(Reseal { bodies: share.to_vec() });
            group.propose(&of_the_cluster(command), DEADLINE).await?;
            let resealed = &self.0.metrics.resealed;
            resealed.with_label_values(&[&group.id().to_string()]).inc_by(share.len() as u64);
        }
        Ok(())
    }

    fn anew(&self, group: &Group, ring: &Keyring, row: &BodyRow) -> Option<Resealed> {
        let scope = match row.body {
            Body::Version((dataset, id, _)) => Scope::Record(dataset, id),
            Body::Override((dataset, lookout, id)) => Scope::Override(dataset, lookout, id),
        };
        let Sealed { key, nonce, .. } = row.sealed;
        let (Body::Version((dataset, ..)) | Body::Override((dataset, ..))) = row.body;
        let bucket = ring.bucket(key).unwrap_or_else(|| Bucket::of_record(dataset, self.0.clock.now()));
        let anew = ring.open(scope, &row.sealed).and_then(|plain| ring.seal_in(bucket, scope, self.nonce(), &plain));
        match anew {
            Ok(sealed) => Some(Resealed { body: row.body, from: (key, nonce), sealed }),
            Err(error) => {
                self.0.metrics.failed.with_label_values(&[&group.id().to_string()]).inc();
                tracing::error!(%error, body = ?row.body, "a body does not open and stays under its replaced key");
                None
            }
        }
    }
}
