//! People and powers: from the stored objects to what answers hold.

use model::access::denial::Denial;
use model::access::policy_bundle::{PolicyBundle, ProposedBundle};
use model::ids::to_hex;
use model::people::memorandum::{Grantee, MemorandumSubject, MemorandumTerms};
use model::people::profile::{AccountState, AssignRight, Standing, Transaction};
use model::people::{Agency, Agreement, Memorandum, Personal, Profile, Role};
use model::record::Stamp;
use model::time::UnixMillis;

use crate::v1;
use crate::v1::memorandum_terms::Subject;

fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

fn time(at: Option<UnixMillis>) -> String {
    at.map(UnixMillis::rfc3339).unwrap_or_default()
}

fn stamp_to(stamp: &Stamp) -> v1::StampRecord {
    v1::StampRecord { by: stamp.by.to_string(), at: stamp.at.rfc3339() }
}

/// The message of an account: with personal data and with what it lacks where these are given.
pub fn user_to(profile: &Profile, personal: Option<&Personal>, lacks: &[Denial]) -> v1::UserRecord {
    let (state, since) = match &profile.state {
        AccountState::Requested(stamp) => ("requested", stamp_to(stamp)),
        AccountState::Active(stamp) => ("active", stamp_to(stamp)),
        AccountState::Closed(stamp) => ("closed", stamp_to(stamp)),
        AccountState::Suspended(suspension) => {
            let by = suspension.by.as_ref().map(ToString::to_string).unwrap_or_default();
            ("suspended", v1::StampRecord { by, at: suspension.at.rfc3339() })
        }
    };
    let suspension = match &profile.state {
        AccountState::Suspended(suspension) => Some(suspension),
        _ => None,
    };
    let agreed = suspension.and_then(|suspension| suspension.agreed.as_ref());
    let granted = |what: String, stamp: &Stamp| v1::Granted { what, by: stamp.by.to_string(), at: stamp.at.rfc3339() };
    v1::UserRecord {
        user: profile.user.to_string(),
        agency: profile.agency.to_string(),
        category: profile.category.to_string(),
        state: state.to_string(),
        since: Some(since),
        cause: suspension.map(|suspension| suspension.cause.to_string()).unwrap_or_default(),
        agreed_by: agreed.map(|(by, _)| by.to_string()).unwrap_or_default(),
        agreed_as: agreed.map(|(_, capacity)| capacity.to_string()).unwrap_or_default(),
        standing: Some(standing_to(&profile.standing)),
        control_officer: profile.control_officer.as_ref().map(ToString::to_string).unwrap_or_default(),
        supervisors: texts(&profile.supervisors),
        stations: texts(&profile.stations),
        datasets: texts(&profile.datasets),
        roles: profile.roles.iter().map(|(role, stamp)| granted(role.to_string(), stamp)).collect(),
        functions: profile.functions.iter().map(|(code, stamp)| granted(code.to_string(), stamp)).collect(),
        transactions: profile.transactions.iter().map(transaction_to).collect(),
        frozen: profile.frozen,
        assign: rights_to(&profile.assign),
        proposed_assign: profile.proposed_assign.iter().flat_map(|proposed| rights_to(&proposed.assign)).collect(),
        proposed_assign_by: profile.proposed_assign.as_ref().map(|by| by.by.to_string()).unwrap_or_default(),
        certificates: texts(&profile.certificates),
        personal: personal.map(|personal| v1::Personal {
            name: personal.name.clone(),
            contact: personal.contact.clone().unwrap_or_default(),
            badge: personal.badge.clone().unwrap_or_default(),
        }),
        requested: Some(stamp_to(&profile.requested)),
        last_activity: profile.last_activity.rfc3339(),
        epoch: profile.epoch,
        version: profile.version,
        lacks: lacks.iter().map(|denial| format!("{} {denial}", denial.rule())).collect(),
        audit: None,
    }
}

fn standing_to(standing: &Standing) -> v1::StandingRecord {
    let background = standing.background.as_ref();
    v1::StandingRecord {
        background: background.map(|found| v1::Background {
            kind: found.kind.to_string(),
            completed: found.completed.rfc3339(),
            adjudicated: found.adjudicated,
        }),
        opr_hold: standing.opr_hold,
        background_until: time(background.map(|found| found.until())),
        course_until: time(standing.course_until()),
        ncic_until: time(standing.ncic_until()),
        certified_until: time(standing.certified_until()),
        nationality: Some(v1::Nationality {
            national: standing.national,
            foreign_service_national: standing.foreign_service_national,
        }),
    }
}

fn transaction_to(one: &Transaction) -> v1::TransactionRecord {
    let (from, to) = (one.from.rfc3339(), one.to.rfc3339());
    let assignment = Some(v1::Assignment { function: one.function.to_string(), from, to });
    v1::TransactionRecord { assignment, granted: Some(stamp_to(&one.granted)) }
}

fn rights_to<'a>(rights: impl IntoIterator<Item = &'a AssignRight>) -> Vec<v1::AssignRight> {
    let right = |right: &AssignRight| v1::AssignRight {
        function: right.function.to_string(),
        agency: right.agency.to_string(),
        dataset: right.dataset.to_string(),
    };
    rights.into_iter().map(right).collect()
}

/// The message of an agency.
pub fn agency_to(agency: &Agency) -> v1::Agency {
    v1::Agency {
        id: agency.id.to_string(),
        name: agency.name.clone(),
        external: agency.external,
        operator: agency.operator,
        national: texts(&agency.national),
        accepts_level_one: agency.accepts_level_one,
        active: agency.active,
        epoch: agency.epoch,
        version: agency.version,
    }
}

/// The message of a role.
pub fn role_to(role: &Role) -> v1::Role {
    v1::Role {
        id: role.id.to_string(),
        functions: texts(&role.functions),
        put: Some(stamp_to(&role.put)),
        version: role.version,
    }
}

/// The message of an agreement, as it stands at a time.
pub fn agreement_to(agreement: &Agreement, now: UnixMillis) -> v1::Agreement {
    let terms = &agreement.terms;
    let system = |link: &model::people::SystemPrincipal| v1::SystemPrincipal {
        system: link.system.to_string(),
        certificate: link.certificate.clone(),
    };
    v1::Agreement {
        id: agreement.id.to_string(),
        agency: agreement.agency.to_string(),
        terms: Some(v1::AgreementTerms {
            kind: terms.kind.to_string(),
            functions: texts(&terms.functions),
            datasets: texts(&terms.datasets),
            levels: texts(&terms.levels),
            redissemination: terms.redissemination,
            authority: terms.authority.clone(),
            systems: terms.systems.iter().map(system).collect(),
            effective: terms.effective.rfc3339(),
            expires: terms.expires.rfc3339(),
        }),
        stage: agreement.stage.to_string(),
        drafted: Some(stamp_to(&agreement.drafted)),
        reviewed: agreement.reviewed.as_ref().map(stamp_to),
        approved: agreement.approved.as_ref().map(stamp_to),
        ended: agreement.ended.as_ref().map(stamp_to),
        annual_review: agreement.annual_review.as_ref().map(stamp_to),
        in_force: agreement.in_force(now),
        until: time(agreement.until()),
        version: agreement.version,
    }
}

/// The message of a memorandum, as it stands at a time.
pub fn memorandum_to(memorandum: &Memorandum, now: UnixMillis) -> v1::Memorandum {
    v1::Memorandum {
        id: memorandum.id.to_string(),
        terms: Some(memorandum_terms_to(&memorandum.terms)),
        stage: memorandum.stage.to_string(),
        drafted: Some(stamp_to(&memorandum.drafted)),
        accepted: memorandum.accepted.as_ref().map(stamp_to),
        ended: memorandum.ended.as_ref().map(stamp_to),
        in_force: memorandum.in_force(now),
        version: memorandum.version,
    }
}

fn memorandum_terms_to(terms: &MemorandumTerms) -> v1::MemorandumTerms {
    let (to_agency, to_users) = match &terms.grantee {
        Grantee::Agency(agency) => (agency.to_string(), Vec::new()),
        Grantee::Users(users) => (String::new(), texts(users)),
    };
    v1::MemorandumTerms {
        owner: terms.owner.to_string(),
        subject: Some(match &terms.subject {
            MemorandumSubject::Class(class) => Subject::Class(class.0.clone()),
            MemorandumSubject::LevelFour(()) => Subject::LevelFour(v1::Nothing {}),
        }),
        to_agency,
        to_users,
        verbs: texts(&terms.verbs),
        from: terms.from.rfc3339(),
        to: terms.to.rfc3339(),
    }
}

/// The message of access policies that are or were in force.
pub fn policies_to(bundle: &PolicyBundle) -> v1::AccessPolicyBundle {
    v1::AccessPolicyBundle {
        version: bundle.version,
        cedar_language: bundle.cedar_language.clone(),
        schema_sha256: to_hex(&bundle.schema_sha256),
        decisions_sha256: to_hex(&bundle.decisions_sha256),
        text: bundle.text.clone(),
        text_sha256: to_hex(&bundle.text_sha256()),
        author: bundle.author.to_string(),
        approver: bundle.approver.to_string(),
    }
}

/// The message of access policies that are proposed.
pub fn draft_to(proposed: &ProposedBundle) -> v1::AccessPolicyBundle {
    let draft = &proposed.draft;
    v1::AccessPolicyBundle {
        version: draft.version,
        cedar_language: draft.cedar_language.clone(),
        schema_sha256: to_hex(&draft.schema_sha256),
        decisions_sha256: to_hex(&draft.decisions_sha256),
        text: draft.text.clone(),
        text_sha256: to_hex(&draft.text_sha256()),
        author: proposed.proposed.by.to_string(),
        approver: String::new(),
    }
}
