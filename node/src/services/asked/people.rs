//! What is asked about people and powers. Whatever is personal of an account's holder stays out of events.

use model::audit::event::Term;
use model::ids::to_hex;
use proto::v1;
use proto::v1::{change_user_request::Change, grant::What, memorandum_terms::Subject, standing_fact::Fact};
use sha2::{Digest, Sha256};

use super::{Asked, number, stated};

fn yes(holds: bool) -> String {
    if holds { "yes".into() } else { "no".into() }
}

fn listed(codes: &[String]) -> String {
    codes.join(" ")
}

/// What is to be changed of an account, and how.
fn change(change: &Change) -> (&'static str, String) {
    let window = |one: &v1::Assignment| format!("{} from {} to {}", one.function, one.from, one.to);
    let grant = |grant: &v1::Grant| match &grant.what {
        Some(What::Role(role)) => format!("role {role}"),
        Some(What::Function(function)) => format!("function {function}"),
        None => String::new(),
    };
    let right = |right: &v1::AssignRight| format!("{}:{}:{}", right.function, right.agency, right.dataset);
    match change {
        Change::Approve(_) => ("approve", String::new()),
        Change::Standing(fact) => ("standing", standing(fact)),
        Change::Certify(_) => ("certify", String::new()),
        Change::Suspend(cause) => ("suspend", cause.clone()),
        Change::Reinstate(_) => ("reinstate", String::new()),
        Change::Close(_) => ("close", String::new()),
        Change::Unlock(_) => ("unlock", String::new()),
        // Not even the digest: nothing is made of it but by who has the secret.
        Change::Enrol(_) => ("enrol", String::new()),
        Change::Superiors(set) => {
            ("superiors", format!("control officer {}, supervisors {}", set.control_officer, listed(&set.supervisors)))
        }
        Change::Stations(set) => ("stations", listed(&set.stations)),
        Change::Grant(granted) => ("grant", grant(granted)),
        Change::Revoke(revoked) => ("revoke", grant(revoked)),
        Change::OpenTransaction(one) => ("transaction-open", window(one)),
        Change::CloseTransaction(one) => ("transaction-close", window(one)),
        Change::Affirm(_) => ("affirm", String::new()),
        Change::Assign(set) => ("assign", set.rights.iter().map(right).collect::<Vec<_>>().join(" ")),
    }
}

fn standing(fact: &v1::StandingFact) -> String {
    match &fact.fact {
        None => String::new(),
        Some(Fact::Background(found)) => {
            format!("{} completed {}, adjudicated: {}", found.kind, found.completed, yes(found.adjudicated))
        }
        Some(Fact::Course(passed)) => format!("course passed {passed}"),
        Some(Fact::Ncic(passed)) => format!("ncic passed {passed}"),
        Some(Fact::OprHold(hold)) => format!("opr hold: {}", yes(*hold)),
        Some(Fact::Nationality(of)) => {
            format!("national: {}, foreign service: {}", yes(of.national), yes(of.foreign_service_national))
        }
    }
}

fn agreement(terms: &Option<v1::AgreementTerms>) -> String {
    let Some(it) = terms else { return String::new() };
    let systems: Vec<&str> = it.systems.iter().map(|link| link.system.as_str()).collect();
    let [functions, datasets, levels] = [&it.functions, &it.datasets, &it.levels].map(|codes| listed(codes));
    let parts = [
        format!("{} from {} to {}", it.kind, it.effective, it.expires),
        format!("functions {functions}; datasets {datasets}; levels {levels}; systems {}", systems.join(" ")),
        format!("redissemination: {}", yes(it.redissemination)),
    ];
    parts.join("; ")
}

fn memorandum(terms: &Option<v1::MemorandumTerms>) -> String {
    let Some(it) = terms else { return String::new() };
    let subject = match &it.subject {
        Some(Subject::Class(class)) => format!("class {class}"),
        Some(Subject::LevelFour(_)) => "level four".to_string(),
        None => String::new(),
    };
    let (to, verbs) = (listed(&it.to_users), listed(&it.verbs));
    format!("{subject} of {} to {}{to} for {verbs} from {} to {}", it.owner, it.to_agency, it.from, it.to)
}

impl Asked for v1::ChangeUserRequest {
    fn terms(&self) -> Vec<Term> {
        let (what, how) = self.change.as_ref().map(change).unwrap_or_default();
        stated([
            ("user", self.user.clone()),
            ("expected_version", number(self.expected_version)),
            ("change", what.to_string()),
            ("how", how),
        ])
    }
}

asked! {
    RequestUserRequest(it) => [
        "user" = it.user.clone(),
        "agency" = it.agency.clone(),
        "category" = it.category.clone(),
        "control_officer" = it.control_officer.clone(),
        "supervisors" = listed(&it.supervisors),
        "stations" = listed(&it.stations),
        "datasets" = listed(&it.datasets),
    ],
    GetUserRequest(it) => ["user" = it.user.clone()],
    ListUsersRequest(it) => [
        "agency" = it.agency.clone(),
        "page_token" = it.page_token.clone(),
        "page_size" = number(it.page_size),
    ],
    PutAgencyRequest(it) => [
        "agency" = it.agency.as_ref().map(|agency| agency.id.clone()).unwrap_or_default(),
        "expected_version" = number(it.expected_version),
        "external" = it.agency.as_ref().map(|agency| yes(agency.external)).unwrap_or_default(),
        "active" = it.agency.as_ref().map(|agency| yes(agency.active)).unwrap_or_default(),
        "national" = it.agency.as_ref().map(|agency| listed(&agency.national)).unwrap_or_default(),
    ],
    GetAgencyRequest(it) => ["agency" = it.agency.clone()],
    ListAgenciesRequest(it) => ["page_token" = it.page_token.clone(), "page_size" = number(it.page_size)],
    PutRoleRequest(it) => [
        "role" = it.role.clone(),
        "expected_version" = number(it.expected_version),
        "functions" = listed(&it.functions),
    ],
    GetRoleRequest(it) => ["role" = it.role.clone(), "version" = number(it.version)],
    ListRolesRequest(it) => ["page_token" = it.page_token.clone(), "page_size" = number(it.page_size)],
    DraftAgreementRequest(it) => [
        "agency" = it.agency.clone(),
        "agreement" = it.agreement.clone(),
        "expected_version" = number(it.expected_version),
        "terms" = agreement(&it.terms),
    ],
    AdvanceAgreementRequest(it) => [
        "agency" = it.agency.clone(),
        "agreement" = it.agreement.clone(),
        "expected_version" = number(it.expected_version),
        "step" = it.step.clone(),
    ],
    GetAgreementRequest(it) => ["agency" = it.agency.clone(), "agreement" = it.agreement.clone()],
    ListAgreementsRequest(it) => ["agency" = it.agency.clone()],
    DraftMemorandumRequest(it) => ["memorandum" = it.memorandum.clone(), "terms" = memorandum(&it.terms)],
    AdvanceMemorandumRequest(it) => [
        "memorandum" = it.memorandum.clone(),
        "expected_version" = number(it.expected_version),
        "step" = it.step.clone(),
    ],
    GetMemorandumRequest(it) => ["memorandum" = it.memorandum.clone()],
    ListMemorandaRequest(it) => ["page_token" = it.page_token.clone(), "page_size" = number(it.page_size)],
    GetAccessPoliciesRequest(it) => ["version" = number(it.version)],
    ProposeAccessPoliciesRequest(it) => [
        "expected_version" = number(it.expected_version),
        "text_sha256" = to_hex(&Sha256::digest(it.text.as_bytes())),
    ],
    ApproveAccessPoliciesRequest(it) => ["version" = number(it.version), "text_sha256" = it.text_sha256.clone()],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_and_who_stands_behind_an_account_is_not() {
        let grant = v1::Grant { what: Some(What::Role("lane".into())) };
        let request = v1::ChangeUserRequest {
            user: "officer".into(),
            expected_version: 3,
            change: Some(Change::Grant(grant)),
            ..Default::default()
        };
        let terms = request.terms();
        let told: Vec<_> = terms.iter().map(|term| (term.field.as_str(), term.value.as_str())).collect();
        let expected = [("user", "officer"), ("expected_version", "3"), ("change", "grant"), ("how", "role lane")];
        assert_eq!(told, expected);
        let personal = v1::Personal { name: "Ann Lee".into(), contact: "ann@example".into(), badge: "17".into() };
        let request = v1::RequestUserRequest { user: "officer".into(), personal: Some(personal), ..Default::default() };
        let terms = request.terms();
        assert_eq!(terms.iter().map(|term| term.field.as_str()).collect::<Vec<_>>(), ["user"]);
    }
}
