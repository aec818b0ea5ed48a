//! Each rule of standing, function and station by itself.

use super::*;
use crate::access::principal::AgreementScope;
use crate::access::testing::{NOW, officer};

fn before() -> UnixMillis {
    NOW
}

/// The moment at which each of the officer's facts has lapsed.
fn lapsed() -> UnixMillis {
    UnixMillis(NOW.0 + 1)
}

fn with(change: impl FnOnce(&mut Principal)) -> Principal {
    let mut principal = officer();
    change(&mut principal);
    principal
}

fn agreement(until: UnixMillis, functions: &[Function]) -> Option<AgreementScope> {
    let functions = functions.iter().copied().collect();
    Some(AgreementScope { until: Some(until), functions, ..AgreementScope::default() })
}

#[test]
fn an_officer_in_standing_stands_until_the_millisecond_at_which_his_facts_lapse() {
    assert_eq!(standing(&officer(), before()), Ok(()));
    assert_eq!(
        standing_denials(&officer(), lapsed()),
        [Denial::BackgroundStale, Denial::Course, Denial::Certification]
    );
}

#[test]
fn r23_who_is_suspended_does_nothing_but_log_off() {
    let suspended = with(|it| it.active = false);
    assert_eq!(standing(&suspended, before()), Err(Denial::Suspended));
    assert_eq!(remedy(&suspended, Remedy::TakeCourse, before()), Err(Denial::Suspended));
    assert_eq!(remedy(&suspended, Remedy::LogOff, before()), Ok(()));
}

#[test]
fn r01_without_an_investigation_nothing_is_open() {
    let none = with(|it| it.background = None);
    assert_eq!(standing_denials(&none, before()), [Denial::BackgroundMissing], "and not stale as well");
    assert_eq!(remedy(&none, Remedy::TakeCourse, before()), Err(Denial::BackgroundMissing));
}

#[test]
fn r02_an_investigation_ages() {
    let until = |ms| with(|it| it.background = it.background.map(|(kind, _)| (kind, UnixMillis(ms))));
    assert_eq!(standing(&until(NOW.0 + 1), NOW), Ok(()));
    assert_eq!(standing(&until(NOW.0), NOW), Err(Denial::BackgroundStale));
}

#[test]
fn r05_foreign_service_nationals_use_what_their_profile_is_limited_to() {
    let foreign = with(|it| {
        it.national = false;
        it.foreign_service_national = true;
        it.functions = [Function::SubjectQuery, Function::LookoutCreate].into();
    });
    assert_eq!(standing(&foreign, before()), Ok(()));
    assert_eq!(function(&foreign, Function::SubjectQuery, before()), Ok(()));
    assert_eq!(function(&foreign, Function::LookoutCreate, before()), Err(Denial::Nationality));
    assert_eq!(standing(&with(|it| it.national = false), before()), Err(Denial::Nationality));
}

#[test]
fn r06_an_agency_outside_works_under_an_agreement_that_names_the_function() {
    let outside = |until| {
        with(|it| {
            it.agreement = agreement(until, &[Function::SubjectQuery]);
            it.functions = [Function::SubjectQuery, Function::LookoutCreate].into();
        })
    };
    assert_eq!(standing(&outside(lapsed()), before()), Ok(()));
    assert_eq!(standing(&outside(NOW), before()), Err(Denial::Agreement));
    assert_eq!(standing(&with(|it| it.agreement = Some(AgreementScope::default())), NOW), Err(Denial::Agreement));
    assert_eq!(function(&outside(lapsed()), Function::SubjectQuery, before()), Ok(()));
    assert_eq!(function(&outside(lapsed()), Function::LookoutCreate, before()), Err(Denial::Agreement));
}

#[test]
fn r04_r07_r10_what_lapsed_closes_all_but_its_remedy() {
    let lapsed = with(|it| {
        it.course_until = None;
        it.certified_until = Some(NOW);
        it.functions = [Function::NcicQuery].into();
        it.ncic_until = Some(NOW);
    });
    assert_eq!(standing_denials(&lapsed, NOW), [Denial::Ncic, Denial::Course, Denial::Certification]);
    for open in Remedy::ALL {
        assert_eq!(remedy(&lapsed, *open, NOW), Ok(()), "{open}");
    }
}

#[test]
fn r10_the_certification_is_asked_of_holders_alone_be_their_transaction_open_or_not() {
    assert_eq!(standing(&officer(), NOW), Ok(()));
    let ended = with(|it| it.transactions = vec![(Function::NcicQuery, UnixMillis(0), UnixMillis(1))]);
    assert_eq!(standing(&ended, NOW), Err(Denial::Ncic));
    let certified = with(|it| {
        it.transactions = vec![(Function::NcicQuery, UnixMillis(0), UnixMillis(1))];
        it.ncic_until = Some(UnixMillis(NOW.0 + 1));
    });
    assert_eq!(standing(&certified, NOW), Ok(()));
}

#[test]
fn r11_a_role_carries_the_function() {
    let holder = with(|it| it.functions = [Function::RecordView].into());
    assert_eq!(function(&holder, Function::RecordView, NOW), Ok(()));
    assert_eq!(function(&holder, Function::RecordList, NOW), Err(Denial::Function));
}

#[test]
fn r12_a_transaction_is_open_from_its_first_millisecond_to_the_one_before_its_end() {
    let temporary = with(|it| it.transactions = vec![(Function::RecordView, UnixMillis(10), UnixMillis(20))]);
    let at = |ms| function(&temporary, Function::RecordView, UnixMillis(ms));
    assert_eq!([at(9), at(10), at(19), at(20)], [Err(Denial::Transaction), Ok(()), Ok(()), Err(Denial::Transaction)]);
}

#[test]
fn r09_maintenance_reads_no_record_and_security_administrators_only_the_audit() {
    for category in Category::ALL {
        let all = with(|it| {
            it.category = *category;
            it.functions = Function::ALL.iter().copied().collect();
        });
        let open: Vec<_> =
            Function::ALL.iter().copied().filter(|asked| function(&all, *asked, NOW) == Ok(())).collect();
        match category {
            Category::Maintenance => assert_eq!(open, MAINTENANCE_FUNCTIONS),
            Category::SecurityAdministrator => assert_eq!(open, SECURITY_ADMINISTRATOR_FUNCTIONS),
            _ => assert_eq!(open, Function::ALL),
        }
    }
}

#[test]
fn r14_a_station_must_be_ones_own() {
    assert_eq!(station(&officer(), &PortId::new("SYS").expect("a code")), Ok(()));
    assert_eq!(station(&officer(), &PortId::new("LAX").expect("a code")), Err(Denial::Station));
}

#[test]
fn r29_a_system_acts_under_an_agreement_of_its_own_and_needs_no_course() {
    let link = |until| {
        with(|it| {
            it.background = None;
            it.course_until = None;
            it.certified_until = None;
            it.national = false;
            it.agreement = agreement(until, &[Function::BatchVetting, Function::SubjectQuery]);
            it.functions = [Function::BatchVetting, Function::ListImport].into();
        })
    };
    assert_eq!(system(&link(lapsed()), Function::BatchVetting, NOW), Ok(()));
    assert_eq!(system(&link(NOW), Function::BatchVetting, NOW), Err(Denial::SystemLink));
    assert_eq!(system(&link(lapsed()), Function::ListImport, NOW), Err(Denial::SystemLink), "held, not named");
    assert_eq!(system(&link(lapsed()), Function::SubjectQuery, NOW), Err(Denial::Function), "named, not held");
    let person = with(|it| it.functions = [Function::BatchVetting].into());
    assert_eq!(system(&person, Function::BatchVetting, NOW), Err(Denial::SystemLink), "no person passes as a system");
}
