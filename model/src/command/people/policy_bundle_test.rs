//! Two persons put access policies in force; everything else is refused and changes nothing.

use crate::access::function::Function;
use crate::access::policy_bundle::PolicyDraft;
use crate::access::principal::Category;
use crate::command::people::policy_bundle::{PolicyApproval, PolicyStep, PutPolicyBundle};
use crate::command::people::testing::*;
use crate::command::testing::{World, code, event};
use crate::command::{Command, Outcome};
use crate::error::RefusalCode;
use crate::people::Party;

fn draft(version: u64, text: &str) -> PolicyDraft {
    PolicyDraft {
        version,
        cedar_language: "4.5".into(),
        schema_sha256: [1; 32],
        decisions_sha256: [2; 32],
        text: text.into(),
    }
}

fn step(world: &mut World, who: &str, step: PolicyStep) -> Outcome {
    world.ask(who, Command::PutPolicyBundle(PutPolicyBundle { step, event: event() }))
}

fn propose(world: &mut World, who: &str, version: u64, text: &str) -> Outcome {
    step(world, who, PolicyStep::Propose(draft(version, text)))
}

fn approve(world: &mut World, who: &str, version: u64, text: &str) -> Outcome {
    let digest = draft(version, text).digest();
    step(world, who, PolicyStep::Approve(PolicyApproval { version, digest }))
}

/// The cast with a second who may change policies, and others who may not.
fn world() -> World {
    let mut world = World::with_people();
    let now = world.time;
    for (id, of, category) in [
        ("jurist", "CBP", Category::General),
        ("guest", "ICE", Category::General),
        ("sysop", "CBP", Category::Maintenance),
    ] {
        let account = an_account(id, of, category, &[Function::AccessPolicies], now);
        world.people.profiles.insert(account.user.clone(), account);
    }
    world
}

#[test]
fn r22_policies_come_into_force_by_another_than_who_proposed_them() {
    let mut world = world();
    done(propose(&mut world, "head", 1, "one"));
    assert!(world.people.bundles.is_empty(), "a proposal changes nothing that decides");
    let own = approve(&mut world, "head", 1, "one");
    assert_eq!(rule(&own), "separation-of-duties R22 APPROVE");
    done(approve(&mut world, "jurist", 1, "one"));
    let bundle = world.people.bundles.last().expect("in force");
    assert_eq!((bundle.version, bundle.author.as_str(), bundle.approver.as_str()), (1, "head", "jurist"));
    assert_eq!(world.people.proposed, None);
    assert_eq!(bundle.text, "one");
    // Decisions that were made before are made again.
    assert_eq!(world.people.floors.get(&Party::Everyone(())), Some(&world.time.0));
    assert_eq!(code(&approve(&mut world, "jurist", 1, "one")), Some(RefusalCode::UnknownObject), "once");
    done(propose(&mut world, "jurist", 2, "two"));
    done(approve(&mut world, "head", 2, "two"));
    let versions: Vec<u64> = world.people.bundles.iter().map(|bundle| bundle.version).collect();
    assert_eq!(versions, [1, 2], "all stay");
}

#[test]
fn who_approves_approves_what_he_read_and_the_version_that_follows() {
    let mut world = world();
    for version in [0, 2, 3] {
        let refused = propose(&mut world, "head", version, "one");
        let expected = if version == 0 { RefusalCode::Invalid } else { RefusalCode::StaleVersion };
        assert_eq!(code(&refused), Some(expected), "{version}");
    }
    assert_eq!(code(&propose(&mut world, "head", 1, " ")), Some(RefusalCode::Invalid));
    assert_eq!(code(&approve(&mut world, "jurist", 1, "one")), Some(RefusalCode::UnknownObject));
    done(propose(&mut world, "head", 1, "one"));
    done(propose(&mut world, "head", 1, "another"));
    assert_eq!(code(&approve(&mut world, "jurist", 1, "one")), Some(RefusalCode::StaleVersion), "it was replaced");
    assert_eq!(code(&approve(&mut world, "jurist", 2, "another")), Some(RefusalCode::StaleVersion));
    assert!(world.people.bundles.is_empty());
    done(approve(&mut world, "jurist", 1, "another"));
}

#[test]
fn a_proposal_of_who_is_suspended_since_does_not_come_into_force() {
    let mut world = world();
    done(propose(&mut world, "head", 1, "one"));
    world.edit("head", |head| head.state = crate::people::AccountState::Closed(by("root", head.last_activity)));
    assert_eq!(code(&approve(&mut world, "jurist", 1, "one")), Some(RefusalCode::WrongState));
    done(propose(&mut world, "jurist", 1, "one"));
    assert_eq!(rule(&approve(&mut world, "jurist", 1, "one")), "separation-of-duties R22 APPROVE");
}

#[test]
fn r09_r11_policies_are_for_the_operators_people_who_hold_the_function() {
    for (who, expected) in [
        ("desk", "not-entitled R11 FUNC"),
        ("root", "not-entitled R11 FUNC"),
        ("guest", "not-entitled R22 APPROVE"),
        ("nobody", "not-entitled R23 SUSPEND"),
    ] {
        let mut world = world();
        assert_eq!(rule(&propose(&mut world, who, 1, "one")), expected, "{who}");
        done(propose(&mut world, "head", 1, "one"));
        assert_eq!(rule(&approve(&mut world, who, 1, "one")), expected, "{who}");
        assert!(world.people.bundles.is_empty());
    }
    let mut world = world();
    assert!(rule(&propose(&mut world, "sysop", 1, "one")).starts_with("not-entitled "), "maintenance");
    assert_eq!(world.people.proposed, None);
}

#[test]
fn a_retry_is_answered_and_a_reused_request_id_refused() {
    let mut world = world();
    let command =
        |text| Command::PutPolicyBundle(PutPolicyBundle { step: PolicyStep::Propose(draft(1, text)), event: event() });
    let envelope = world.asked("head", command("one"));
    let first = world.apply(&envelope);
    assert_eq!(world.apply(&envelope), first);
    let mut other = envelope.clone();
    other.command = command("two");
    assert_eq!(code(&world.apply(&other)), Some(RefusalCode::RequestIdReused));
}
