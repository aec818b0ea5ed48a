//! Agreements and memoranda, step by step: R06, R17, R20, R22.

use std::collections::BTreeSet;

use crate::access::function::Function;
use crate::access::principal::{Category, ClassId};
use crate::command::people::agreement::{AdvanceAgreement, AgreementStep, DraftAgreement};
use crate::command::people::memorandum::{AdvanceMemorandum, DraftMemorandum, MemorandumStep};
use crate::command::people::testing::*;
use crate::command::testing::*;
use crate::command::{Command, Outcome};
use crate::error::RefusalCode;
use crate::ids::{AgreementId, MemorandumId};
use crate::people::agreement::{Agreement, AgreementStage};
use crate::people::memorandum::{Grantee, MemorandumStage, MemorandumSubject, MemorandumTerms};
use crate::people::{AgreementKind, Party, SystemPrincipal, principal};
use crate::time::UnixMillis;

use AgreementStep::{AnnualReview, Approve, End, Review};

fn id() -> AgreementId {
    AgreementId::new("new").expect("code")
}

fn draft(world: &mut World, who: &str, of: &str, expected_version: u64) -> Outcome {
    let terms = terms(&[Function::PrimaryQuery], world.time);
    let command = DraftAgreement { agreement: id(), agency: agency(of), terms, expected_version, event: event() };
    world.ask(who, Command::DraftAgreement(command))
}

fn step(world: &mut World, who: &str, step: AgreementStep) -> Outcome {
    let expected_version = there(world).version;
    let agency = agency("FBI");
    let command = AdvanceAgreement { agreement: id(), agency, step, expected_version, event: event() };
    world.ask(who, Command::AdvanceAgreement(command))
}

fn there(world: &World) -> Agreement {
    world.people.agreements[&(agency("FBI"), id())].clone()
}

fn in_force() -> World {
    let mut world = World::with_people();
    done(draft(&mut world, "desk", "FBI", 0));
    done(step(&mut world, "privacy", Review));
    assert!(!there(&world).in_force(world.time));
    done(step(&mut world, "head", Approve));
    world
}

#[test]
fn r06_an_agreement_is_in_force_after_three_steps_by_three_persons() {
    let world = in_force();
    assert!(there(&world).in_force(world.time));
    assert!(world.floors().is_empty(), "nothing was taken away");
}

#[test]
fn r22_every_combination_of_who_drafts_reviews_and_approves_an_agreement() {
    let all = ["desk", "privacy", "head", "officer"];
    let holds = |who, function| World::with_people().account(who).functions.contains_key(&function);
    for drafter in all {
        for reviewer in all {
            for approver in all {
                let mut world = World::with_people();
                let steps = [
                    matches!(draft(&mut world, drafter, "FBI", 0), Outcome::Changed(_)),
                    world.people.agreements.contains_key(&(agency("FBI"), id()))
                        && matches!(step(&mut world, reviewer, Review), Outcome::Changed(_)),
                    world.people.agreements.contains_key(&(agency("FBI"), id()))
                        && matches!(step(&mut world, approver, Approve), Outcome::Changed(_)),
                ];
                let may = [
                    holds(drafter, Function::AgreementDraft),
                    holds(reviewer, Function::AgreementReview),
                    holds(approver, Function::AgreementApprove),
                ];
                let three = BTreeSet::from([drafter, reviewer, approver]).len() == 3;
                let expected = may == [true; 3] && three;
                assert_eq!(steps == [true; 3], expected, "{drafter} {reviewer} {approver}");
            }
        }
    }
}

#[test]
fn r06_the_annual_review_renews_and_its_absence_lapses() {
    let mut world = in_force();
    let mut agreement = there(&world);
    agreement.terms.expires = UnixMillis(u64::MAX);
    world.people.agreements.insert((agency("FBI"), id()), agreement.clone());
    let until = agreement.until().expect("reviewed");
    let reviewed = agreement.annual_review.as_ref().expect("reviewed").at;
    assert_eq!(until, reviewed.years_later(1));
    assert!(agreement.in_force(until.before(1)) && !agreement.in_force(until));
    world.time.0 += 100 * DAY_MS;
    assert_eq!(rule(&step(&mut world, "head", AnnualReview)), "separation-of-duties R22 APPROVE", "he approved it");
    done(step(&mut world, "privacy", AnnualReview));
    assert!(there(&world).in_force(until));
}

#[test]
fn r06_what_ends_or_is_drafted_anew_is_not_in_force_and_raises_the_floor_of_its_agency() {
    let mut ended = in_force();
    done(step(&mut ended, "head", End));
    let mut redrafted = in_force();
    done(draft(&mut redrafted, "desk", "FBI", 3));
    for world in [&ended, &redrafted] {
        assert!(!there(world).in_force(world.time));
        let party = Party::Agency(agency("FBI"));
        assert!(world.floors().iter().all(|(_, floor)| (&floor.party, floor.epoch) == (&party, 1)));
        assert_eq!((world.floors().len(), world.people.agencies[&agency("FBI")].epoch), (3, 1));
    }
    assert_eq!(there(&redrafted).stage, AgreementStage::Drafted);
    for after in [Review, Approve, AnnualReview, End] {
        let who = if after == Review || after == AnnualReview { "privacy" } else { "head" };
        assert_eq!(code(&step(&mut ended, who, after)), Some(RefusalCode::WrongState));
    }
}

#[test]
fn an_agreement_is_checked_and_made_by_the_operator_with_others_alone() {
    let mut world = World::with_people();
    assert_eq!(rule(&draft(&mut world, "desk", "CBP", 0)), "separation-of-duties R09 DUTY");
    assert_eq!(rule(&draft(&mut world, "agent", "FBI", 0)), "not-entitled R22 APPROVE");
    assert_eq!(code(&draft(&mut world, "desk", "XYZ", 0)), Some(RefusalCode::UnknownObject));
    assert_eq!(code(&draft(&mut world, "desk", "FBI", 4)), Some(RefusalCode::StaleVersion));
    let mut bad = terms(&[], world.time);
    bad.kind = AgreementKind::Isa;
    assert_eq!(bad.validate().expect_err("no systems").field, "systems");
    bad.systems.insert(SystemPrincipal { system: user("nlets"), certificate: "CN=nlets".into() });
    assert_eq!(bad.validate(), Ok(()));
    bad.kind = AgreementKind::Moa;
    assert_eq!(bad.validate().expect_err("a person's agreement names none").field, "systems");
}

fn memorandum(world: &mut World, who: &str, change: impl FnOnce(&mut MemorandumTerms)) -> Outcome {
    let mut terms = MemorandumTerms {
        owner: agency("FBI"),
        subject: MemorandumSubject::Class(ClassId("FBI/fugitives".into())),
        grantee: Grantee::Agency(agency("CBP")),
        verbs: BTreeSet::from([Function::RecordView]),
        from: world.time,
        to: UnixMillis(world.time.0 + DAY_MS),
    };
    change(&mut terms);
    let command = DraftMemorandum { memorandum: memo(), terms, event: event() };
    world.ask(who, Command::DraftMemorandum(command))
}

fn memo() -> MemorandumId {
    MemorandumId::new("m").expect("code")
}

fn advance(world: &mut World, who: &str, step: MemorandumStep) -> Outcome {
    let expected_version = world.people.memoranda[&memo()].version;
    let command = AdvanceMemorandum { memorandum: memo(), step, expected_version, event: event() };
    world.ask(who, Command::AdvanceMemorandum(command))
}

#[test]
fn r17_a_memorandum_opens_its_class_once_the_custodian_accepted_it_and_within_its_window() {
    let mut world = World::with_people();
    done(memorandum(&mut world, "agent", |_| {}));
    let sees = |world: &World, now: UnixMillis| {
        let memoranda: Vec<_> = world.people.memoranda.values().cloned().collect();
        let its = world.people.agencies[&agency("CBP")].clone();
        let found = principal(&world.account("officer"), &its, &[], &[], &memoranda, now);
        found.classes.contains(&ClassId("FBI/fugitives".into()))
    };
    assert!(!sees(&world, world.time));
    done(advance(&mut world, "custodian", MemorandumStep::Accept));
    assert!(sees(&world, world.time));
    let MemorandumTerms { from, to, .. } = world.people.memoranda[&memo()].terms;
    assert_eq!([from.before(1), from, to.before(1), to].map(|now| sees(&world, now)), [false, true, true, false]);
    done(advance(&mut world, "agent", MemorandumStep::End));
    assert!(!sees(&world, world.time));
    let party = Party::Agency(agency("CBP"));
    assert!(world.floors().iter().all(|(_, floor)| floor.party == party) && world.floors().len() == 3);
}

#[test]
fn r17_the_custodian_is_neither_of_the_owner_nor_of_those_who_gain() {
    for (owner, grantee, allowed) in [
        ("FBI", Grantee::Agency(agency("CBP")), true),
        ("FBI", Grantee::Agency(agency("ICE")), false),
        ("FBI", Grantee::Users(BTreeSet::from([user("officer")])), true),
        ("FBI", Grantee::Users(BTreeSet::from([user("officer"), user("custodian")])), false),
        ("ICE", Grantee::Agency(agency("CBP")), false),
    ] {
        let mut world = World::with_people();
        let drafter = an_account("clerk", "ICE", Category::General, &[Function::AgreementDraft], world.time);
        world.people.profiles.insert(user("clerk"), drafter);
        let who = if owner == "ICE" { "clerk" } else { "agent" };
        done(memorandum(&mut world, who, |terms| {
            (terms.owner, terms.grantee) = (agency(owner), grantee.clone());
            terms.subject = MemorandumSubject::Class(ClassId::members(&agency(owner)));
        }));
        let outcome = advance(&mut world, "custodian", MemorandumStep::Accept);
        if allowed {
            done(outcome);
        } else {
            assert_eq!(rule(&outcome), "separation-of-duties R22 APPROVE", "{owner} {grantee:?}");
            assert_eq!(world.people.memoranda[&memo()].stage, MemorandumStage::Drafted);
        }
    }
}

#[test]
fn r20_only_the_owner_opens_its_records_and_only_its_own_classes() {
    let mut world = World::with_people();
    assert_eq!(rule(&memorandum(&mut world, "desk", |_| {})), "not-entitled R20 OWNER");
    for class in ["agency:CBP", "CBP/x", "FBI", "FBI/", "FBIx/y", "level4:FBI"] {
        let outcome = memorandum(&mut world, "agent", |terms| {
            terms.subject = MemorandumSubject::Class(ClassId(class.into()));
        });
        assert_eq!(code(&outcome), Some(RefusalCode::Invalid), "{class}");
    }
    done(memorandum(&mut world, "agent", |_| {}));
    done(advance(&mut world, "custodian", MemorandumStep::Accept));
    assert_eq!(rule(&advance(&mut world, "desk", MemorandumStep::End)), "not-entitled R20 OWNER");
    done(advance(&mut world, "agent", MemorandumStep::End));
}

#[test]
fn r17_level_four_is_opened_to_named_users_and_its_end_raises_the_floor_of_each() {
    let mut world = World::with_people();
    let four = |terms: &mut MemorandumTerms| terms.subject = MemorandumSubject::LevelFour(());
    assert_eq!(code(&memorandum(&mut world, "agent", four)), Some(RefusalCode::Invalid));
    done(memorandum(&mut world, "agent", |terms| {
        four(terms);
        terms.grantee = Grantee::Users(BTreeSet::from([user("officer"), user("desk")]));
    }));
    done(advance(&mut world, "custodian", MemorandumStep::Accept));
    let memoranda: Vec<_> = world.people.memoranda.values().cloned().collect();
    let its = world.people.agencies[&agency("CBP")].clone();
    let classes = |id: &str| principal(&world.account(id), &its, &[], &[], &memoranda, world.time).classes;
    let class = ClassId::level_four(&agency("FBI"));
    assert!(classes("officer").contains(&class) && classes("desk").contains(&class));
    assert!(!classes("boss").contains(&class));
    done(advance(&mut world, "agent", MemorandumStep::End));
    assert_eq!(["officer", "desk", "boss"].map(|id| world.account(id).epoch), [1, 1, 0]);
    assert_eq!(world.floors().len(), 6);
}
