//! The audit event behind each answer: found by the receipt that the client holds, opened with the cluster's key.

use std::collections::BTreeMap;

use client::v1;
use model::audit::event::EventPayload;
use model::audit::leaf::Leaf;
use model::audit::merkle::Hash;
use model::ids::{GroupId, from_hex};
use model::seal::{Keyring, Scope};
use prost::Message;
use sha2::{Digest, Sha256};

use crate::history::{Answer, Operation};
use crate::sight::Seen;

/// An event, opened.
pub struct Event {
    pub leaf: Leaf,
    pub payload: EventPayload,
    /// When some replica had first applied it: it was durable before.
    pub applied_ms: u64,
}

impl Event {
    /// How far each group was applied where the answer was made.
    pub fn positions(&self) -> BTreeMap<GroupId, u64> {
        let positions = self.payload.as_of.iter();
        positions.filter_map(|position| Some((position.group.parse().ok()?, position.applied))).collect()
    }
}

/// An answer that holds record data: its receipt, and its bytes without what the digest does not cover.
pub struct Held {
    pub operation: usize,
    pub receipt: String,
    pub body: Vec<u8>,
}

/// All answers and the events behind them.
pub struct Evidence {
    pub held: Vec<Held>,
    events: BTreeMap<Hash, Event>,
    /// Leaves that do not open, or whose payload does not.
    pub unreadable: Vec<String>,
}

impl Evidence {
    /// Gathers what the clients hold, and opens every leaf that was seen.
    pub fn gather(seen: &Seen, operations: &[Operation], keyring: &Keyring) -> Self {
        let (mut events, mut unreadable) = (BTreeMap::new(), Vec::new());
        for ((group, index), stored) in &seen.leaves {
            let leaf = match stored.open(*index) {
                Ok(leaf) => leaf,
                Err(error) => {
                    unreadable.push(format!("{group}: {error}"));
                    continue;
                }
            };
            let plain =
                stored.payload.as_ref().and_then(|sealed| keyring.open(Scope::Event(leaf.header.id), sealed).ok());
            let payload = plain.and_then(|plain| EventPayload::from_cbor(&plain).ok());
            if payload.is_none() {
                unreadable.push(format!("{group}: the payload of leaf {index} does not open"));
            }
            let payload = payload.unwrap_or_default();
            let hash = stored.hash();
            let applied_ms = seen.leaf_at.get(&hash).map_or(u64::MAX, |(_, at)| *at);
            events.insert(hash, Event { leaf, payload, applied_ms });
        }
        let mut held = Vec::new();
        for (operation, told) in operations.iter().enumerate() {
            if let Some(answer) = told.answer() {
                let answers = bodies(answer).into_iter();
                held.extend(answers.map(|(receipt, body)| Held { operation, receipt, body }));
            }
        }
        Self { held, events, unreadable }
    }

    /// The event of a receipt.
    pub fn event(&self, receipt: &str) -> Option<&Event> {
        let hash = from_hex(receipt).and_then(|bytes| Hash::try_from(bytes.as_slice()).ok())?;
        self.events.get(&hash)
    }

    /// The event behind a screening.
    pub fn of_screen(&self, answer: &v1::ScreenResponse) -> Option<&Event> {
        self.event(&answer.audit.as_ref()?.receipt)
    }

    /// All events.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.values()
    }
}

/// Whether an event's digest is that of the bytes.
pub fn fits(event: &Event, body: &[u8]) -> bool {
    let nonce = event.payload.nonce.unwrap_or_default();
    let digest: [u8; 32] = Sha256::new().chain_update(nonce).chain_update(body).finalize().into();
    event.leaf.header.answer == Some(digest)
}

fn receipt(audit: &Option<v1::AuditRef>) -> String {
    audit.as_ref().map(|audit| audit.receipt.clone()).unwrap_or_default()
}

/// Receipts and bytes of what an answer holds of records.
fn bodies(answer: &Answer) -> Vec<(String, Vec<u8>)> {
    match answer {
        Answer::Screened(it) => {
            let body = v1::ScreenResponse { as_of: None, audit: None, ..it.clone() };
            vec![(receipt(&it.audit), body.encode_to_vec())]
        }
        Answer::Record(it) => {
            vec![(receipt(&it.audit), v1::LookoutRecord { audit: None, ..(**it).clone() }.encode_to_vec())]
        }
        Answer::Listed(it) => {
            vec![(receipt(&it.audit), v1::ListLookoutsResponse { audit: None, ..it.clone() }.encode_to_vec())]
        }
        Answer::Versions(it) => {
            vec![(receipt(&it.audit), v1::HistoryResponse { audit: None, ..it.clone() }.encode_to_vec())]
        }
        Answer::Audit(it) => {
            vec![(receipt(&it.audit), v1::ReadAuditResponse { audit: None, ..it.clone() }.encode_to_vec())]
        }
        Answer::Imported(steps) => steps
            .iter()
            .filter(|step| step.audit.is_some())
            .map(|it| (receipt(&it.audit), v1::ImportProgress { audit: None, ..it.clone() }.encode_to_vec()))
            .collect(),
        Answer::Changed(_) | Answer::Overridden(_) | Answer::Checkpoint(_) | Answer::Done => Vec::new(),
    }
}
