//! How long a decision and a look at labels take; ignored unless asked for, since it measures and asserts little:
//! `taskset -c 0 cargo test --release -p portcullis-access -- --ignored --nocapture decisions_per_second`.

#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::Instant;

use model::access::function::Function;
use model::access::grants::{Grants, visible};
use model::access::labels::Labels;
use model::access::principal::{BackgroundKind, Category, ClassId, Principal};
use model::ids::{AgencyId, PortId, Purpose, UserId};
use model::record::{AccessLevel, Dataset};
use model::time::UnixMillis;
use portcullis_access::{Act, Bundle, Object, Request};

const DECISIONS: usize = 250_000;
/// Looks at labels that are timed together: one is shorter than the clock is fine.
const LOOKS: usize = 100;

fn officer() -> Principal {
    let later = Some(UnixMillis(2_000_000_000_000));
    let functions = [
        Function::PrimaryQuery,
        Function::SubjectQuery,
        Function::RecordView,
        Function::RecordHistory,
        Function::RecordList,
        Function::LookoutCreate,
        Function::LookoutUpdate,
        Function::LookoutRemove,
        Function::OverrideRecord,
        Function::OverrideEnd,
        Function::OverrideList,
        Function::NcicQuery,
    ];
    Principal {
        user: UserId::new("0f8fad5b-d9cb-469f-a165-70867728950e").expect("a code"),
        agency: AgencyId::new("CBP").expect("a code"),
        category: Category::General,
        profile_version: 1,
        agreement_version: 1,
        epoch: 1,
        active: true,
        background: later.map(|until| (BackgroundKind::Full, until)),
        course_until: later,
        national: true,
        foreign_service_national: false,
        certified_until: later,
        ncic_until: later,
        agreement: None,
        functions: functions.into(),
        transactions: vec![(Function::Export, UnixMillis(0), UnixMillis(1))],
        stations: (0..4).map(|n| PortId::new(&format!("P{n:02}")).expect("a code")).collect(),
        datasets: Dataset::ALL.iter().copied().collect(),
        classes: (0..16).map(|n| ClassId(format!("agency:A{n:02}"))).collect(),
        level_one: true,
    }
}

fn object(level: AccessLevel) -> Object {
    let (owner, creator) = (AgencyId::new("A03").expect("a code"), UserId::new("jones").expect("a code"));
    let classes = ["C:gangs".to_string(), "C:fraud".to_string(), "C:agency:A03".to_string()];
    let labels = Labels::new(Dataset::Tecs, &owner, level, &classes, &creator);
    Object { labels, level, creator, enhanced_document: false, owner_approves: false }
}

fn request(act: Act, object: Option<Object>) -> Request {
    Request {
        act,
        function: Function::RecordView,
        station: PortId::new("P02").expect("a code"),
        purpose: Purpose::new("investigation").expect("a code"),
        now: UnixMillis(1_800_000_000_000),
        object,
        recipient: None,
        system: false,
        consent: true,
    }
}

fn report(what: &str, mut each: Vec<u64>, whole_ms: u128) {
    each.sort_unstable();
    let at = |per_mille: usize| each[(each.len() - 1) * per_mille / 1000] as f64 / 1000.0;
    let rate = each.len() as f64 / (whole_ms.max(1) as f64 / 1000.0);
    println!("{what}: p50 {:.2} us, p99 {:.2} us, {rate:.0} a second", at(500), at(990));
}

fn time(what: &str, times: usize, mut run: impl FnMut()) {
    for _ in 0..times / 10 {
        run();
    }
    let (mut each, begun) = (Vec::with_capacity(times), Instant::now());
    for _ in 0..times {
        let one = Instant::now();
        run();
        each.push(one.elapsed().as_nanos() as u64);
    }
    report(what, each, begun.elapsed().as_millis());
}

/// Nanoseconds each, over batches.
fn looks(what: &str, mut look: impl FnMut(usize)) {
    let mut batches: Vec<u128> = Vec::with_capacity(DECISIONS / LOOKS);
    for _ in 0..DECISIONS / LOOKS {
        let begun = Instant::now();
        (0..LOOKS).for_each(&mut look);
        batches.push(begun.elapsed().as_nanos() / LOOKS as u128);
    }
    batches.sort_unstable();
    let at = |per_mille: usize| batches[(batches.len() - 1) * per_mille / 1000];
    println!("{what}: p50 {} ns, p99 {} ns, of batches of {LOOKS}", at(500), at(990));
}

#[test]
#[ignore = "a measurement"]
fn decisions_per_second() {
    let (bundle, principal) = (Bundle::built_in().expect("right"), officer());
    println!("{} policies", bundle.len());
    let caller = bundle.caller(&principal).expect("builds");
    let read = request(Act::Read, Some(object(AccessLevel::Three)));
    let usage = request(Act::Use, None);
    let hidden = request(Act::Read, Some(object(AccessLevel::Four)));
    assert!(bundle.decide(&principal, &read).allowed && bundle.decide(&principal, &usage).allowed);
    assert!(!bundle.decide(&principal, &hidden).allowed);

    time("read, caller known", DECISIONS, || drop(black_box(bundle.decide_for(&caller, black_box(&read)))));
    time("read, refused, caller known", DECISIONS, || drop(black_box(bundle.decide_for(&caller, black_box(&hidden)))));
    time("use, caller known", DECISIONS, || drop(black_box(bundle.decide_for(&caller, black_box(&usage)))));
    time("read, caller new", DECISIONS, || drop(black_box(bundle.decide(black_box(&principal), black_box(&read)))));
    time("making a caller", DECISIONS, || _ = black_box(bundle.caller(black_box(&principal))));

    let grants = Grants::of(&principal);
    let labels: Vec<Labels> = AccessLevel::ALL.iter().map(|level| object(*level).labels).collect();
    let mut seen = BTreeSet::new();
    looks("one look at labels", |at| {
        _ = seen.insert(visible(black_box(&grants), black_box(&labels[at % labels.len()])))
    });
    looks("labels made and looked at", |_| _ = black_box(visible(&grants, &object(AccessLevel::Three).labels)));
    assert_eq!(seen.len(), 2, "some are visible and some are not");
}
