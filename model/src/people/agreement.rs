//! Agreements with agencies (R06, R27, R29; F63-F66, F77): what an agency outside the department may see and do, and by
//! which systems. In force from the last of three steps by three persons, as long as it is reviewed every year.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::access::function::Function;
use crate::codec::Stored;
use crate::error::Invalid;
use crate::ids::{AgencyId, AgreementId, UserId};
use crate::limits::{AUTHORITY_CHARS_MAX, CERTIFICATE_CHARS_MAX, CERTIFICATES_MAX, FUNCTIONS_MAX};
use crate::people::agency::{check_count, check_text};
use crate::people::validity::AGREEMENT_REVIEW_YEARS;
use crate::record::{AccessLevel, Dataset, Stamp};
use crate::time::UnixMillis;

crate::coded! {
    /// Kinds of agreement.
    pub enum AgreementKind {
        /// Memorandum of agreement.
        1 "moa" => Moa,
        /// Information sharing and access agreement.
        2 "isaa" => Isaa,
        /// Interconnection security agreement: for links between systems, and for no person (R29).
        3 "isa" => Isa,
    }
}

crate::coded! {
    /// How far an agreement is; whether an approved one is in force, its dates say.
    pub enum AgreementStage {
        1 "drafted" => Drafted,
        /// The privacy officer reviewed it.
        2 "reviewed" => Reviewed,
        3 "approved" => Approved,
        4 "ended" => Ended,
    }
}

/// A system that acts under an agreement as a principal of its own (R29).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SystemPrincipal {
    pub system: UserId,
    /// The name in its certificate.
    pub certificate: String,
}

/// What an agreement names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgreementTerms {
    pub kind: AgreementKind,
    pub functions: BTreeSet<Function>,
    pub datasets: BTreeSet<Dataset>,
    pub levels: BTreeSet<AccessLevel>,
    /// Whether what is seen may be passed on (R27).
    pub redissemination: bool,
    /// The legal authority that the agency names (F63).
    pub authority: String,
    /// Of an ISA alone (R29).
    pub systems: BTreeSet<SystemPrincipal>,
    /// From inclusive, to exclusive.
    pub effective: UnixMillis,
    pub expires: UnixMillis,
}

/// An agreement as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    pub id: AgreementId,
    pub agency: AgencyId,
    pub terms: AgreementTerms,
    pub stage: AgreementStage,
    pub drafted: Stamp,
    pub reviewed: Option<Stamp>,
    pub approved: Option<Stamp>,
    pub ended: Option<Stamp>,
    /// The last review: the privacy officer's first one, then those of each year.
    pub annual_review: Option<Stamp>,
    pub version: u64,
}

impl Stored for Agreement {
    const TAG: u16 = 31;
    const VERSION: u8 = 1;
}

impl AgreementTerms {
    /// Checks every field.
    pub fn validate(&self) -> Result<(), Invalid> {
        check_text("authority", &self.authority, AUTHORITY_CHARS_MAX)?;
        check_count("functions", self.functions.len(), FUNCTIONS_MAX)?;
        check_count("systems", self.systems.len(), CERTIFICATES_MAX)?;
        for system in &self.systems {
            check_certificate("systems.certificate", &system.certificate)?;
        }
        if self.systems.is_empty() == (self.kind == AgreementKind::Isa) {
            return Err(Invalid::new("systems", "an ISA names systems, and no other agreement does".into()));
        }
        if self.effective >= self.expires {
            return Err(Invalid::new("expires", "must be later than effective".into()));
        }
        Ok(())
    }
}

/// Checks a certificate's name: printable ASCII, so that it is compared byte by byte.
pub(crate) fn check_certificate(field: &str, name: &str) -> Result<(), Invalid> {
    check_text(field, name, CERTIFICATE_CHARS_MAX)?;
    match name.chars().find(|c| !c.is_ascii_graphic() && *c != ' ') {
        Some(c) => Err(Invalid::new(field, format!("holds {c:?}; only printable ASCII is allowed"))),
        None => Ok(()),
    }
}

impl Agreement {
    /// When it stops to be in force unless it is reviewed again: at its end, or a year after its last review.
    pub fn until(&self) -> Option<UnixMillis> {
        let reviewed = self.annual_review.as_ref()?.at;
        Some(self.terms.expires.min(reviewed.years_later(AGREEMENT_REVIEW_YEARS)))
    }

    /// Whether it is in force at a time (R06): approved, not ended, within its dates and reviewed within a year.
    pub fn in_force(&self, now: UnixMillis) -> bool {
        let current = self.until().is_some_and(|until| self.terms.effective <= now && now < until);
        self.stage == AgreementStage::Approved && current
    }

    /// Whether it carries the access of people, not that of systems.
    pub fn is_for_people(&self) -> bool {
        self.terms.kind != AgreementKind::Isa
    }

    /// Who took a step towards its force.
    pub fn took_a_step(&self, user: &UserId) -> bool {
        let steps = [Some(&self.drafted), self.reviewed.as_ref(), self.approved.as_ref()];
        steps.into_iter().flatten().any(|stamp| stamp.by == *user)
    }
}
