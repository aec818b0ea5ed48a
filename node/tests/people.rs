//! People and powers through the public API: from the request of an account to its work and its suspension, who sees whom,
//! and access policies by two persons. Founders are proposed; everything else is called.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is the result of a test")]

mod cluster;

use std::collections::BTreeSet;

use cluster::people::{Person, call, refused};
use cluster::{Cluster, new_id, until};
use proto::v1;
use proto::v1::change_user_request::Change;
use proto::v1::grant::What;
use proto::v1::standing_fact::Fact;
use tonic::Status;
use tonic::transport::Channel;

fn nothing() -> v1::Nothing {
    v1::Nothing {}
}

fn fact(fact: Fact) -> Change {
    Change::Standing(v1::StandingFact { fact: Some(fact) })
}

/// What an account must have before it is approved, recorded by who keeps it.
async fn in_standing(channel: &Channel, whom: &str) {
    let opr = Person::new(channel, "opr");
    let background = v1::Background { kind: "bi".into(), completed: "2026-01-02".into(), adjudicated: true };
    let nationality = v1::Nationality { national: true, foreign_service_national: false };
    for fact_ in [Fact::Background(background), Fact::Course(today()), Fact::Nationality(nationality)] {
        opr.changes(whom, fact(fact_)).await.unwrap();
    }
}

fn today() -> String {
    use model::time::Clock;
    portcullis_node::env::SystemClock.now().before(60_000).rfc3339()
}

async fn put_role(person: &Person, role: &str, expected_version: u64) -> Result<v1::ChangeResponse, Status> {
    let message = v1::PutRoleRequest {
        request_id: new_id().to_string(),
        role: role.into(),
        functions: vec!["primary-query".into(), "record-view".into()],
        expected_version,
    };
    call!(person, roles_client::RolesClient.put(message))
}

/// Kinds and codes of the newest events, as somebody reads them.
async fn events(channel: &Channel) -> Vec<(String, String, String)> {
    let person = Person::new(channel, "auditor");
    let message = v1::ReadAuditRequest { limit: 200, ..Default::default() };
    let answer = call!(&person, audit_client::AuditClient.read(message)).unwrap();
    answer.events.into_iter().map(|event| (event.kind, event.user, event.code)).collect()
}

#[test]
fn an_account_is_requested_approved_granted_suspended_and_reinstated() {
    let cluster = Cluster::founded();
    cluster.run(2, async |channel| {
        let person = |id: &str| Person::new(&channel, id);
        let [boss, desk, sco, opr, head] = ["boss", "desk", "sco", "opr", "head"].map(person);
        assert_eq!(refused(desk.requests("ann", "CBP").await), "not-entitled R11 FUNC");
        assert_eq!(boss.requests("ann", "CBP").await.unwrap().version, 1);
        assert_eq!(refused(boss.requests("ann", "CBP").await), "wrong-state", "ids are never given again");
        let approve = || Change::Approve(nothing());
        assert_eq!(refused(desk.changes("ann", approve()).await), "wrong-state R01 BI_NONE");
        in_standing(&channel, "ann").await;
        assert_eq!(refused(boss.changes("ann", approve()).await), "not-entitled R11 FUNC");
        desk.changes("ann", approve()).await.unwrap();
        // A change from another version than the newest one is refused, and one from none at all.
        assert_eq!(refused(desk.changes_from("ann", 1, approve()).await), "stale-version");
        assert_eq!(refused(desk.changes_from("ann", 0, approve()).await), "invalid");
        assert_eq!(
            refused(opr.changes_from("opr", 1, fact(Fact::OprHold(false))).await),
            "separation-of-duties R09 DUTY"
        );

        put_role(&head, "lane", 0).await.unwrap();
        assert_eq!(refused(put_role(&desk, "lane", 1).await), "not-entitled R11 FUNC");
        let grant = |what| Change::Grant(v1::Grant { what: Some(what) });
        assert_eq!(
            refused(person("root").changes("ann", grant(What::Role("lane".into()))).await),
            "not-entitled R21 DELEG"
        );
        assert_eq!(refused(sco.changes("ann", grant(What::Function("export".into()))).await), "not-entitled R21 DELEG");
        sco.changes("ann", grant(What::Role("lane".into()))).await.unwrap();

        let seen = sco.sees("ann").await.unwrap();
        assert_eq!((seen.state.as_str(), seen.roles[0].what.as_str(), seen.lacks.len()), ("active", "lane", 0));
        assert_eq!(
            seen.personal.as_ref().map(|it| (it.name.as_str(), it.contact.as_str())),
            Some(("Ann Lee", "ann@example"))
        );
        assert!(!seen.audit.unwrap().receipt.is_empty());
        let list = v1::ListUsersRequest { page_size: 4, ..Default::default() };
        let page = call!(&sco, users_client::UsersClient.list(list)).unwrap();
        let listed: Vec<&str> = page.users.iter().map(|user| user.user.as_str()).collect();
        assert_eq!((listed, page.next_page_token.as_str()), (vec!["ann", "boss", "custodian", "desk"], "desk"));
        assert!(page.users.iter().all(|user| user.personal.is_none() && user.assign.is_empty()));

        // Suspended, it reads nothing any more, and it takes two to lift that.
        sco.changes("boss", Change::Suspend("sco".into())).await.unwrap();
        assert_eq!(refused(boss.sees("ann").await), "SUSPEND R23 SUSPEND");
        assert_eq!(person("root").sees("boss").await.unwrap().lacks, ["R23 SUSPEND"]);
        let reinstate = || Change::Reinstate(nothing());
        sco.changes("boss", reinstate()).await.unwrap();
        assert_eq!(person("root").sees("boss").await.unwrap().agreed_by, "sco");
        assert_eq!(refused(sco.changes("boss", reinstate()).await), "separation-of-duties R09 DUTY");

        let expected: BTreeSet<(String, String, String)> = [
            ("user-request", "desk", "FUNC"),
            ("user-request", "boss", ""),
            ("user-approve", "desk", "BI_NONE"),
            ("user-approve", "desk", ""),
            ("standing", "opr", "DUTY"),
            ("role-put", "head", ""),
            ("grant", "root", "DELEG"),
            ("grant", "sco", ""),
            ("user-view", "sco", ""),
            ("suspend", "sco", ""),
            ("user-view", "boss", "SUSPEND"),
            ("reinstate", "sco", "DUTY"),
        ]
        .map(|(kind, user, code)| (kind.into(), user.into(), code.into()))
        .into();
        until("every change, reading and refusal is an event", async || {
            let there: BTreeSet<_> = events(&channel).await.into_iter().collect();
            expected.is_subset(&there)
        })
        .await;
    });
}

#[test]
fn a_retried_change_is_applied_once_and_its_request_id_serves_for_nothing_else() {
    let cluster = Cluster::founded();
    cluster.run(1, async |channel| {
        let sco = Person::new(&channel, "sco");
        let message = v1::ChangeUserRequest {
            request_id: new_id().to_string(),
            user: "desk".into(),
            expected_version: 1,
            change: Some(Change::Certify(nothing())),
        };
        let first = call!(&sco, users_client::UsersClient.change(message.clone())).unwrap();
        assert_eq!(call!(&sco, users_client::UsersClient.change(message.clone())).unwrap(), first);
        assert_eq!(sco.sees("desk").await.unwrap().version, 2);
        let other = v1::ChangeUserRequest { change: Some(Change::Suspend("sco".into())), ..message };
        assert_eq!(refused(call!(&sco, users_client::UsersClient.change(other))), "request-id-reused");
    });
    // Another node has it too, and nobody without an account reads anything.
    cluster.run(3, async |channel| {
        assert_eq!(Person::new(&channel, "root").sees("desk").await.unwrap().version, 2);
        assert_eq!(refused(Person::new(&channel, "nobody").sees("desk").await), "SUSPEND R23 SUSPEND");
        assert_eq!(refused(Person::of(&channel, "root", "ICE").sees("desk").await), "SUSPEND R23 SUSPEND");
    });
}

/// An agreement in three steps by three persons, for FBI.
async fn agree(channel: &Channel) {
    let terms = v1::AgreementTerms {
        kind: "moa".into(),
        functions: vec!["user-view".into(), "record-view".into(), "agreement-draft".into()],
        datasets: vec!["tecs".into()],
        levels: vec!["1".into()],
        redissemination: false,
        authority: "28 U.S.C. 533".into(),
        systems: Vec::new(),
        effective: "2026-01-01".into(),
        expires: "2100-01-01".into(),
    };
    let draft = v1::DraftAgreementRequest {
        request_id: new_id().to_string(),
        agency: "FBI".into(),
        agreement: "moa-1".into(),
        terms: Some(terms),
        expected_version: 0,
    };
    let desk = Person::new(channel, "desk");
    call!(&desk, agreements_client::AgreementsClient.draft(draft)).unwrap();
    for (who, step, expected_version) in [("privacy", "review", 1), ("head", "approve", 2)] {
        let person = Person::new(channel, who);
        let (request_id, agency, agreement) = (new_id().to_string(), "FBI".into(), "moa-1".into());
        let step = step.to_string();
        let advance = v1::AdvanceAgreementRequest { request_id, agency, agreement, step, expected_version };
        call!(&person, agreements_client::AgreementsClient.advance(advance)).unwrap();
    }
}

#[test]
fn an_agency_outside_the_department_sees_its_own_and_what_is_hidden_reads_as_missing() {
    let cluster = Cluster::founded();
    cluster.run(1, async |channel| {
        let person = |id: &str| Person::new(&channel, id);
        let [boss, desk, sco, root, second] = ["boss", "desk", "sco", "root", "second"].map(person);
        let fbi = v1::Agency {
            id: "FBI".into(),
            name: "Federal Bureau of Investigation".into(),
            external: true,
            active: true,
            ..Default::default()
        };
        let put = v1::PutAgencyRequest { request_id: new_id().to_string(), agency: Some(fbi), expected_version: 0 };
        call!(&desk, agencies_client::AgenciesClient.put(put)).unwrap();
        agree(&channel).await;
        // Two national control officers let `sco` assign there, by the same rights.
        let right = |function: &str| v1::AssignRight {
            function: function.into(),
            agency: "FBI".into(),
            dataset: "tecs".into(),
        };
        let assign = || Change::Assign(v1::AssignRights { rights: vec![right("user-view"), right("record-view")] });
        root.changes("sco", assign()).await.unwrap();
        assert!(root.sees("sco").await.unwrap().assign.iter().all(|right| right.agency == "CBP"));
        second.changes("sco", assign()).await.unwrap();
        boss.requests("agent", "FBI").await.unwrap();
        boss.requests("ann", "CBP").await.unwrap();
        in_standing(&channel, "agent").await;
        desk.changes("agent", Change::Approve(nothing())).await.unwrap();
        let view = Change::Grant(v1::Grant { what: Some(What::Function("user-view".into())) });
        sco.changes("agent", view).await.unwrap();

        let agent = Person::of(&channel, "agent", "FBI");
        assert_eq!(agent.sees("agent").await.unwrap().user, "agent");
        assert_eq!(refused(agent.sees("ann").await), "no-record-available");
        assert_eq!(refused(agent.sees("nobody-at-all").await), "no-record-available");
        // Nor does a page say that there is more than he sees.
        let list = v1::ListUsersRequest { page_size: 1, ..Default::default() };
        let page = call!(&agent, users_client::UsersClient.list(list)).unwrap();
        assert_eq!((page.users.len(), page.users[0].user.as_str()), (1, "agent"));
        assert_eq!(page.next_page_token, "");
        let own =
            call!(&agent, agreements_client::AgreementsClient.list(v1::ListAgreementsRequest { agency: "FBI".into() }));
        assert!(own.unwrap().agreements[0].in_force);
        let others = v1::ListAgreementsRequest { agency: "CBP".into() };
        assert_eq!(refused(call!(&agent, agreements_client::AgreementsClient.list(others))), "no-record-available");

        memorandum(&channel).await;
        // Its end takes his access away at once.
        let (request_id, agency, agreement) = (new_id().to_string(), "FBI".into(), "moa-1".into());
        let end =
            v1::AdvanceAgreementRequest { request_id, agency, agreement, step: "end".into(), expected_version: 3 };
        call!(&person("head"), agreements_client::AgreementsClient.advance(end)).unwrap();
        assert_eq!(refused(agent.sees("agent").await), "MOA R06 MOA");
    });
}

/// CBP opens a class to one user of FBI; its own custodian may not accept that.
async fn memorandum(channel: &Channel) {
    let terms = v1::MemorandumTerms {
        owner: "CBP".into(),
        subject: Some(v1::memorandum_terms::Subject::Class("CBP/air".into())),
        to_agency: String::new(),
        to_users: vec!["agent".into()],
        verbs: vec!["record-view".into()],
        from: "2026-01-01".into(),
        to: "2100-01-01".into(),
    };
    let desk = Person::new(channel, "desk");
    let (request_id, memorandum) = (new_id().to_string(), "m-1".to_string());
    let draft = v1::DraftMemorandumRequest { request_id, memorandum, terms: Some(terms) };
    call!(&desk, memoranda_client::MemorandaClient.draft(draft)).unwrap();
    let accept = v1::AdvanceMemorandumRequest {
        request_id: new_id().to_string(),
        memorandum: "m-1".into(),
        step: "accept".into(),
        expected_version: 1,
    };
    let custodian = Person::new(channel, "custodian");
    let refusal = call!(&custodian, memoranda_client::MemorandaClient.advance(accept));
    assert_eq!(refused(refusal), "separation-of-duties R22 APPROVE", "the custodian is of the owner");
    let list = || v1::ListMemorandaRequest::default();
    let agent = Person::of(channel, "agent", "FBI");
    for reader in [&desk, &custodian, &agent] {
        let seen = call!(reader, memoranda_client::MemorandaClient.list(list())).unwrap().memoranda;
        assert_eq!(seen.iter().map(|one| (one.id.as_str(), one.in_force)).collect::<Vec<_>>(), [("m-1", false)]);
    }
}

#[test]
fn access_policies_come_into_force_by_two_persons_and_only_if_they_decide_as_they_must() {
    let cluster = Cluster::founded();
    cluster.run(3, async |channel| {
        let [head, jurist, desk] = ["head", "jurist", "desk"].map(|id| Person::new(&channel, id));
        let get = |version| v1::GetAccessPoliciesRequest { version };
        let read = call!(&jurist, access_policies_client::AccessPoliciesClient.get(get(0))).unwrap();
        let built_in = read.policies.unwrap();
        assert_eq!((built_in.version, read.proposed), (0, None));
        assert!(built_in.text.contains("@code("));
        assert_eq!(refused(call!(&desk, access_policies_client::AccessPoliciesClient.get(get(0)))), "FUNC R11 FUNC");
        let propose = |text: &str, expected_version| v1::ProposeAccessPoliciesRequest {
            request_id: new_id().to_string(),
            text: text.into(),
            expected_version,
        };
        for text in ["", "permit everything", "@id(\"P\") @stage(\"function\") permit(principal, action, resource);"] {
            let proposed = call!(&head, access_policies_client::AccessPoliciesClient.propose(propose(text, 0)));
            assert_eq!(refused(proposed), "invalid", "{text}");
        }
        let text = format!("{}\n// The same, and signed for.\n", built_in.text);
        let late = call!(&head, access_policies_client::AccessPoliciesClient.propose(propose(&text, 1)));
        assert_eq!(refused(late), "stale-version");
        call!(&head, access_policies_client::AccessPoliciesClient.propose(propose(&text, 0))).unwrap();

        let waits = call!(&jurist, access_policies_client::AccessPoliciesClient.get(get(0))).unwrap();
        let proposed = waits.proposed.unwrap();
        assert_eq!((proposed.version, proposed.author.as_str(), proposed.approver.as_str()), (1, "head", ""));
        assert_eq!(waits.policies.unwrap().version, 0, "nothing is in force by a proposal");
        let approve = |text_sha256: &str| v1::ApproveAccessPoliciesRequest {
            request_id: new_id().to_string(),
            version: 1,
            text_sha256: text_sha256.into(),
        };
        let sha256 = proposed.text_sha256;
        let own = call!(&head, access_policies_client::AccessPoliciesClient.approve(approve(&sha256)));
        assert_eq!(refused(own), "separation-of-duties R22 APPROVE");
        let other =
            call!(&jurist, access_policies_client::AccessPoliciesClient.approve(approve(&built_in.text_sha256)));
        assert_eq!(refused(other), "stale-version", "another text than he read");
        let message = approve(&sha256);
        let put = call!(&jurist, access_policies_client::AccessPoliciesClient.approve(message.clone())).unwrap();
        assert_eq!(put.version, 1);
        let again = call!(&jurist, access_policies_client::AccessPoliciesClient.approve(message)).unwrap();
        assert_eq!(again, put, "a retry is answered");
        for version in [0, 1] {
            let read = call!(&jurist, access_policies_client::AccessPoliciesClient.get(get(version))).unwrap();
            let policies = read.policies.unwrap();
            assert_eq!((policies.version, policies.text == text, policies.approver.as_str()), (1, true, "jurist"));
            assert_eq!(read.proposed, None);
        }
        assert_eq!(
            refused(call!(&jurist, access_policies_client::AccessPoliciesClient.get(get(2)))),
            "no-record-available"
        );
    });
}
