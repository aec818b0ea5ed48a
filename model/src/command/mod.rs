//! The commands: everything that can change a group's state, one file each; this list is the whole write surface.

pub mod acknowledge;
pub mod append;
pub mod cluster;
pub mod create;
pub mod deliver;
pub mod end_override;
pub mod import;
pub mod make_key;
pub mod people;
pub mod publish;
pub mod record_override;
pub mod remember;
pub mod remove;
pub mod reseal;
pub mod update;

#[cfg(test)]
pub(crate) mod testing;

use serde::{Deserialize, Serialize};

use crate::audit::event::ChangeKind;
use crate::audit::merkle::Hash;
use crate::codec::Stored;
use crate::error::Refusal;
use crate::ids::{RecordId, Token};
use crate::outbox::Lane;
use crate::people::Ceremony;
use crate::policy::Policies;
use crate::slots::SlotMap;
use crate::time::UnixMillis;

crate::numbered! {
    /// A command, as it stands in the log.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Command {
        1 => CreateRecord(create::CreateRecord),
        2 => UpdateRecord(update::UpdateRecord),
        3 => RemoveRecord(remove::RemoveRecord),
        4 => ImportBegin(import::ImportBegin),
        5 => ImportBatch(import::ImportBatch),
        6 => ImportSweep(import::ImportSweep),
        7 => RecordOverride(record_override::RecordOverride),
        8 => EndOverride(end_override::EndOverride),
        9 => Reseal(reseal::Reseal),
        10 => Deliver(deliver::Deliver),
        11 => Acknowledge(acknowledge::Acknowledge),
        12 => Tick(()),
        20 => AssignSlots(SlotMap),
        21 => InitialiseCluster(cluster::ClusterInfo),
        22 => PutNode(cluster::NodeInfo),
        23 => PutPolicies(Policies),
        24 => MakeKey(make_key::MakeKey),
        30 => AppendEvents(append::AppendEvents),
        31 => Publish(publish::Publish),
        40 => InitialiseCeremony(Ceremony),
        41 => Bootstrap(people::founding::Bootstrap),
        42 => PutAgency(people::agency::PutAgency),
        43 => PutRole(people::role::PutRole),
        44 => DraftAgreement(people::agreement::DraftAgreement),
        45 => AdvanceAgreement(people::agreement::AdvanceAgreement),
        46 => DraftMemorandum(people::memorandum::DraftMemorandum),
        47 => AdvanceMemorandum(people::memorandum::AdvanceMemorandum),
        48 => PutPolicyBundle(people::policy_bundle::PutPolicyBundle),
        50 => RequestUser(people::request::RequestUser),
        51 => ChangeUser(people::user::ChangeUser),
        52 => RecordDenials(people::denials::RecordDenials),
        60 => BeginSession(people::session::BeginSession),
        61 => EndSession(people::session::EndSession),
        62 => SeenSessions(people::session::SeenSessions),
        63 => BeginPasswordSession(people::sign_on::BeginPasswordSession),
        64 => FailLogOn(people::sign_on::FailLogOn),
        65 => SetPassword(people::sign_on::SetPassword),
        66 => LockSession(people::sign_on::LockSession),
        67 => ProveSession(people::sign_on::ProveSession),
    }
}

crate::numbered! {
    /// What came of a command.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Outcome {
        1 => Changed(Changed),
        2 => Refused(Refusal),
        3 => Imported(Imported),
        4 => Delivered(Vec<(Lane, u64)>),
        5 => Appended(Appended),
        6 => Done(()),
    }
}

impl Stored for Outcome {
    const TAG: u16 = 11;
    const VERSION: u8 = 1;
}

/// A record, or an override under its own id, has this version now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub id: RecordId,
    pub version: u64,
    /// None: the record was so already.
    pub change: Option<ChangeKind>,
}

/// What a part of an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    pub created: u32,
    pub updated: u32,
    pub unchanged: u32,
    pub removed: u32,
    /// Of a sweep: where the next one goes on; None when all was swept.
    pub next: Option<RecordId>,
}

/// Where events stand in the audit log now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appended {
    /// Leaf hashes, in the order of the events; a hash is the receipt.
    pub leaves: Vec<Hash>,
    /// Index of the first of them.
    pub first: u64,
    /// Leaves in the log.
    pub size: u64,
    pub root: Hash,
}

/// What is remembered of a request for 24 hours, so that a retry is answered and not applied again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Log time of the request, or the time that its id carries where that is later: it is forgotten only when a retry
    /// would be too old.
    pub at: UnixMillis,
    /// The number of its command and the record it was about: a reuse for something else is refused.
    pub command: u16,
    pub record: RecordId,
    /// The keyed digest of the content that it wrote, where it wrote one.
    pub content: Option<Token>,
    pub outcome: Outcome,
}

impl Stored for Remembered {
    const TAG: u16 = 12;
    const VERSION: u8 = 1;
}
