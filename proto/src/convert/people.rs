//! People and powers: requests into the rules' types. What their answers are made of stands in `people_to.rs`.

use std::collections::BTreeSet;

use model::access::function::Function;
use model::access::principal::{BackgroundKind, Category, ClassId};
use model::command::people::agreement::AgreementStep;
use model::command::people::memorandum::MemorandumStep;
use model::command::people::request::AccountDraft;
use model::command::people::user::{Assignment, Grant, Nationality, StandingFact, Superiors, UserChange};
use model::error::Invalid;
use model::ids::{AgencyId, AgreementId, MemorandumId, PortId, RoleId, Token, UserId};
use model::limits::{ASSIGN_MAX, CERTIFICATES_MAX, FUNCTIONS_MAX, MEMORANDUM_USERS_MAX, STATIONS_MAX, SUPERIORS_MAX};
use model::people::agreement::{AgreementTerms, SystemPrincipal};
use model::people::memorandum::{Grantee, MemorandumSubject, MemorandumTerms};
use model::people::profile::{AssignRight, Background, Cause};
use model::people::{Agency, AgreementKind, Personal};
use model::record::{AccessLevel, Dataset};
use model::time::UnixMillis;

use super::optional;
use crate::v1;
use crate::v1::{change_user_request::Change, grant::What, memorandum_terms::Subject, standing_fact::Fact};

pub use super::people_to::{agency_to, agreement_to, draft_to, memorandum_to, policies_to, role_to, user_to};

/// An id in a field.
fn id<T>(field: &str, text: &str, new: fn(&str) -> Result<T, Invalid>) -> Result<T, Invalid> {
    new(text).map_err(|error| Invalid::new(field, error.reason))
}

/// A set of values in a field, bounded before it is built.
fn set<T: Ord>(
    field: &str,
    texts: &[String],
    max: usize,
    one: impl Fn(&str) -> Result<T, Invalid>,
) -> Result<BTreeSet<T>, Invalid> {
    if texts.len() > max {
        return Err(Invalid::new(field, format!("has {} entries, at most {max} are allowed", texts.len())));
    }
    texts.iter().map(|text| one(text)).collect()
}

fn present<T>(field: &str, value: Option<T>) -> Result<T, Invalid> {
    value.ok_or_else(|| Invalid::new(field, "is missing".into()))
}

/// A user in a field.
pub fn user(field: &str, text: &str) -> Result<UserId, Invalid> {
    id(field, text, UserId::new)
}

/// An agency in a field.
pub fn agency(field: &str, text: &str) -> Result<AgencyId, Invalid> {
    id(field, text, AgencyId::new)
}

/// A role in a field.
pub fn role(field: &str, text: &str) -> Result<RoleId, Invalid> {
    id(field, text, RoleId::new)
}

/// An agreement in a field.
pub fn agreement(field: &str, text: &str) -> Result<AgreementId, Invalid> {
    id(field, text, AgreementId::new)
}

/// A memorandum in a field.
pub fn memorandum(field: &str, text: &str) -> Result<MemorandumId, Invalid> {
    id(field, text, MemorandumId::new)
}

/// A function in a field.
pub fn function(field: &str, text: &str) -> Result<Function, Invalid> {
    coded!(Function, field, text)
}

/// Functions in a field.
pub fn functions(field: &str, texts: &[String]) -> Result<BTreeSet<Function>, Invalid> {
    set(field, texts, FUNCTIONS_MAX, |text| function(field, text))
}

fn datasets(field: &str, texts: &[String]) -> Result<BTreeSet<Dataset>, Invalid> {
    set(field, texts, Dataset::ALL.len(), |text| coded!(Dataset, field, text))
}

fn stations(texts: &[String]) -> Result<BTreeSet<PortId>, Invalid> {
    set("stations", texts, STATIONS_MAX, |text| id("stations", text, PortId::new))
}

fn supervisors(texts: &[String]) -> Result<BTreeSet<UserId>, Invalid> {
    set("supervisors", texts, SUPERIORS_MAX, |text| user("supervisors", text))
}

/// Takes the personal data of an account's holder and checks them.
pub fn personal_from(message: Option<v1::Personal>) -> Result<Personal, Invalid> {
    let v1::Personal { name, contact, badge } = present("personal", message)?;
    let personal = Personal { name, contact: optional(contact), badge: optional(badge) };
    personal.validate().map_err(|error| error.within("personal"))?;
    Ok(personal)
}

/// Takes what is asked for of an account; `content` is the keyed digest of its personal data.
pub fn account_from(message: &v1::RequestUserRequest, content: Token) -> Result<AccountDraft, Invalid> {
    let certificates = &message.certificates;
    Ok(AccountDraft {
        user: user("user", &message.user)?,
        agency: agency("agency", &message.agency)?,
        category: coded!(Category, "category", message.category)?,
        control_officer: user("control_officer", &message.control_officer)?,
        supervisors: supervisors(&message.supervisors)?,
        stations: stations(&message.stations)?,
        datasets: datasets("datasets", &message.datasets)?,
        certificates: set("certificates", certificates, CERTIFICATES_MAX, |name| Ok(name.to_string()))?,
        content,
    })
}

/// Takes a change of an account and checks what needs no account.
pub fn change_from(message: Option<Change>) -> Result<UserChange, Invalid> {
    Ok(match present("change", message)? {
        Change::Approve(v1::Nothing {}) => UserChange::Approve(()),
        Change::Standing(fact) => UserChange::Standing(fact_from(fact.fact).map_err(|error| error.within("standing"))?),
        Change::Certify(v1::Nothing {}) => UserChange::Certify(()),
        Change::Suspend(cause) => UserChange::Suspend(coded!(Cause, "suspend", cause)?),
        Change::Reinstate(v1::Nothing {}) => UserChange::Reinstate(()),
        Change::Close(v1::Nothing {}) => UserChange::Close(()),
        Change::Unlock(v1::Nothing {}) => UserChange::Unlock(()),
        Change::Enrol(digest) => {
            let digest = <[u8; 32]>::try_from(digest.as_slice());
            UserChange::Enrol(
                digest.map_err(|_| Invalid::new("enrol", "must be 32 bytes: the digest of a secret".into()))?,
            )
        }
        Change::Superiors(set) => UserChange::Superiors(Superiors {
            control_officer: user("control_officer", &set.control_officer)?,
            supervisors: supervisors(&set.supervisors)?,
        }),
        Change::Stations(set) => UserChange::Stations(stations(&set.stations)?),
        Change::Grant(grant) => UserChange::Grant(grant_from("grant", grant)?),
        Change::Revoke(grant) => UserChange::Revoke(grant_from("revoke", grant)?),
        Change::OpenTransaction(open) => UserChange::OpenTransaction(assignment_from(&open)?),
        Change::CloseTransaction(close) => UserChange::CloseTransaction(assignment_from(&close)?),
        Change::Affirm(v1::Nothing {}) => UserChange::Affirm(()),
        Change::Assign(assign) => UserChange::Assign(rights_from(&assign.rights)?),
    })
}

fn fact_from(fact: Option<Fact>) -> Result<StandingFact, Invalid> {
    Ok(match present("fact", fact)? {
        Fact::Background(v1::Background { kind, completed, adjudicated }) => StandingFact::Background(Background {
            kind: coded!(BackgroundKind, "kind", kind)?,
            completed: UnixMillis::read("completed", &completed)?,
            adjudicated,
        }),
        Fact::Course(passed) => StandingFact::Course(UnixMillis::read("course", &passed)?),
        Fact::Ncic(passed) => StandingFact::Ncic(UnixMillis::read("ncic", &passed)?),
        Fact::OprHold(hold) => StandingFact::OprHold(hold),
        Fact::Nationality(v1::Nationality { national, foreign_service_national }) => {
            StandingFact::Nationality(Nationality { national, foreign_service_national })
        }
    })
}

fn grant_from(field: &str, grant: v1::Grant) -> Result<Grant, Invalid> {
    Ok(match present(field, grant.what)? {
        What::Role(id) => Grant::Role(role("role", &id)?),
        What::Function(code) => Grant::Function(function("function", &code)?),
    })
}

fn assignment_from(message: &v1::Assignment) -> Result<Assignment, Invalid> {
    Ok(Assignment {
        function: function("function", &message.function)?,
        from: UnixMillis::read("from", &message.from)?,
        to: UnixMillis::read("to", &message.to)?,
    })
}

fn rights_from(rights: &[v1::AssignRight]) -> Result<BTreeSet<AssignRight>, Invalid> {
    if rights.len() > ASSIGN_MAX {
        let reason = format!("has {} entries, at most {ASSIGN_MAX} are allowed", rights.len());
        return Err(Invalid::new("assign", reason));
    }
    let right = |(at, right): (usize, &v1::AssignRight)| -> Result<AssignRight, Invalid> {
        let read = || -> Result<AssignRight, Invalid> {
            Ok(AssignRight {
                function: function("function", &right.function)?,
                agency: agency("agency", &right.agency)?,
                dataset: coded!(Dataset, "dataset", right.dataset)?,
            })
        };
        read().map_err(|error| error.within(&format!("assign[{at}]")))
    };
    rights.iter().enumerate().map(right).collect()
}

/// Takes an agency as it is to be; what the rules set is left at nothing.
pub fn agency_from(message: Option<v1::Agency>) -> Result<Agency, Invalid> {
    let v1::Agency { id, name, external, operator: _, national, accepts_level_one, active, epoch: _, version: _ } =
        present("agency", message)?;
    let agency = Agency {
        id: agency("agency.id", &id)?,
        name,
        external,
        operator: false,
        national: set("agency.national", &national, SUPERIORS_MAX, |text| user("agency.national", text))?,
        accepts_level_one,
        active,
        epoch: 0,
        version: 0,
    };
    agency.validate().map_err(|error| error.within("agency"))?;
    Ok(agency)
}

/// Takes the terms of an agreement and checks them.
pub fn agreement_terms_from(message: Option<v1::AgreementTerms>) -> Result<AgreementTerms, Invalid> {
    let message = present("terms", message)?;
    let terms = || -> Result<AgreementTerms, Invalid> {
        let system = |link: &v1::SystemPrincipal| -> Result<SystemPrincipal, Invalid> {
            Ok(SystemPrincipal { system: user("systems", &link.system)?, certificate: link.certificate.clone() })
        };
        let level = |text: &str| coded!(AccessLevel, "levels", text);
        let terms = AgreementTerms {
            kind: coded!(AgreementKind, "kind", message.kind)?,
            functions: functions("functions", &message.functions)?,
            datasets: datasets("datasets", &message.datasets)?,
            levels: set("levels", &message.levels, AccessLevel::ALL.len(), level)?,
            redissemination: message.redissemination,
            authority: message.authority.clone(),
            systems: message.systems.iter().map(system).collect::<Result<_, _>>()?,
            effective: UnixMillis::read("effective", &message.effective)?,
            expires: UnixMillis::read("expires", &message.expires)?,
        };
        terms.validate()?;
        Ok(terms)
    };
    terms().map_err(|error| error.within("terms"))
}

/// A step of an agreement.
pub fn agreement_step(text: &str) -> Result<AgreementStep, Invalid> {
    coded!(AgreementStep, "step", text)
}

/// Takes the terms of a memorandum and checks them.
pub fn memorandum_terms_from(message: Option<v1::MemorandumTerms>) -> Result<MemorandumTerms, Invalid> {
    let message = present("terms", message)?;
    let terms = || -> Result<MemorandumTerms, Invalid> {
        let users = set("to_users", &message.to_users, MEMORANDUM_USERS_MAX, |text| user("to_users", text))?;
        let grantee = match (message.to_agency.as_str(), users.is_empty()) {
            ("", _) => Grantee::Users(users),
            (of, true) => Grantee::Agency(agency("to_agency", of)?),
            (_, false) => return Err(Invalid::new("to_users", "stand beside an agency; name one of the two".into())),
        };
        let terms = MemorandumTerms {
            owner: agency("owner", &message.owner)?,
            subject: match present("subject", message.subject.clone())? {
                Subject::Class(class) => MemorandumSubject::Class(ClassId(class)),
                Subject::LevelFour(v1::Nothing {}) => MemorandumSubject::LevelFour(()),
            },
            grantee,
            verbs: functions("verbs", &message.verbs)?,
            from: UnixMillis::read("from", &message.from)?,
            to: UnixMillis::read("to", &message.to)?,
        };
        terms.validate()?;
        Ok(terms)
    };
    terms().map_err(|error| error.within("terms"))
}

/// A step of a memorandum.
pub fn memorandum_step(text: &str) -> Result<MemorandumStep, Invalid> {
    coded!(MemorandumStep, "step", text)
}
