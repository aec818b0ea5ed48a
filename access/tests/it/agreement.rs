//! For callers and records by chance: the record policies say what the labels say, the gates say code by code what the checks
//! in Rust say, and whatever is taken from a caller, he sees and may no more than before. `PORTCULLIS_LONG=1` tries a million.

use std::collections::BTreeSet;

use model::access::denial::Denial;
use model::access::function::Function;
use model::access::grants::{Grants, visible, why_hidden};
use model::access::labels::{Label, Labels, Visibility};
use model::access::principal::{AgreementScope, BackgroundKind, Category, ClassId, Principal};
use model::access::standing::{Remedy, function_denials, remedy, standing_denials, station, system_denials};
use model::ids::{AgencyId, PortId, Purpose, UserId};
use model::record::{AccessLevel, Dataset};
use model::time::UnixMillis;
use portcullis_access::{Act, Bundle, Object, Recipient, Request};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const CASES: u32 = 20_000;
const CASES_LONG: u32 = 1_000_000;

/// Few names, so that callers and records often meet.
const AGENCIES: [&str; 3] = ["CBP", "ICE", "NYPD"];
const USERS: [&str; 3] = ["smith", "jones", "brown"];
const CLASSES: [&str; 6] = ["agency:CBP", "agency:ICE", "gangs", "fraud", "level4:CBP", "level4:ICE"];
const LABELS: [&str; 6] = ["C:agency:CBP", "C:gangs", "C:fraud", "U:smith", "U:jones", "nonsense"];
const STATIONS: [&str; 2] = ["SYS", "LAX"];
const DATASETS: [Dataset; 2] = [Dataset::Tecs, Dataset::Seacats];

fn config() -> ProptestConfig {
    let long = std::env::var("PORTCULLIS_LONG").is_ok_and(|value| value == "1");
    ProptestConfig {
        cases: if long { CASES_LONG } else { CASES },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn user(text: &str) -> UserId {
    UserId::new(text).expect("a code")
}

fn agency(text: &str) -> AgencyId {
    AgencyId::new(text).expect("a code")
}

fn port(text: &str) -> PortId {
    PortId::new(text).expect("a code")
}

/// Few times, so that boundaries are often met.
fn time() -> impl Strategy<Value = UnixMillis> {
    (0u64..4).prop_map(UnixMillis)
}

fn some<T: Clone + Ord + std::fmt::Debug + 'static>(of: &[T]) -> impl Strategy<Value = BTreeSet<T>> + use<T> {
    subsequence(of.to_vec(), 0..=of.len()).prop_map(|some| some.into_iter().collect())
}

/// Each is true more often than not, so that not all callers fail at everything.
fn likely() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.8)
}

fn until() -> impl Strategy<Value = Option<UnixMillis>> {
    prop_oneof![1 => Just(None), 2 => time().prop_map(Some), 4 => Just(Some(UnixMillis(9)))]
}

fn agreement() -> impl Strategy<Value = Option<AgreementScope>> {
    let scope = (until(), some(Function::ALL), some(&DATASETS), any::<bool>()).prop_map(
        |(until, functions, datasets, redissemination)| AgreementScope { until, functions, datasets, redissemination },
    );
    proptest::option::of(scope)
}

fn principal() -> impl Strategy<Value = Principal> {
    let background = (select(BackgroundKind::ALL.to_vec()), prop_oneof![time(), Just(UnixMillis(9))]);
    let person = (
        select(USERS.to_vec()),
        select(AGENCIES.to_vec()),
        select(Category::ALL.to_vec()),
        likely(),
        proptest::option::weighted(0.8, background),
        [until(), until(), until()],
        (likely(), any::<bool>()),
    );
    let transaction = (select(Function::ALL.to_vec()), time(), time());
    let powers = (
        agreement(),
        some(Function::ALL),
        proptest::collection::vec(transaction, 0..4),
        some(&STATIONS),
        some(&DATASETS),
        some(&CLASSES),
        any::<bool>(),
    );
    (person, powers).prop_map(|(person, powers)| {
        let (name, of, category, active, background, [course, certified, ncic], (national, foreign)) = person;
        let (agreement, functions, transactions, stations, datasets, classes, level_one) = powers;
        Principal {
            user: user(name),
            agency: agency(of),
            category,
            profile_version: 1,
            agreement_version: 1,
            epoch: 1,
            active,
            background,
            course_until: course,
            national,
            foreign_service_national: foreign,
            certified_until: certified,
            ncic_until: ncic,
            agreement,
            functions,
            transactions,
            stations: stations.into_iter().map(port).collect(),
            datasets,
            classes: classes.into_iter().map(|class| ClassId(class.into())).collect(),
            level_one,
        }
    })
}

/// A caller who may do most things, so that what is taken away decides.
fn able() -> impl Strategy<Value = Principal> {
    (principal(), any::<[bool; 4]>()).prop_map(|(by_chance, [member, expires, temporary, limited])| {
        let later = Some(UnixMillis(if expires { 3 } else { 9 }));
        let functions: BTreeSet<Function> = Function::ALL.iter().copied().collect();
        let agreement = by_chance.agreement.filter(|_| !member).map(|it| AgreementScope {
            until: later,
            functions: functions.clone(),
            datasets: DATASETS.into(),
            ..it
        });
        let open = |function: &Function| (*function, UnixMillis(0), UnixMillis(3));
        Principal {
            category: if limited { by_chance.category } else { Category::Supervisor },
            active: true,
            background: Some((BackgroundKind::Full, UnixMillis(9))),
            course_until: later,
            national: true,
            certified_until: later,
            ncic_until: later,
            agreement,
            transactions: if temporary { functions.iter().map(open).collect() } else { Vec::new() },
            functions: if temporary { BTreeSet::new() } else { functions },
            stations: STATIONS.into_iter().map(port).collect(),
            datasets: DATASETS.into(),
            level_one: by_chance.level_one || member,
            ..by_chance
        }
    })
}

/// What a function is for.
fn act_of(function: Function) -> Act {
    match function {
        Function::LookoutCreate => Act::Create,
        Function::LookoutUpdate => Act::Update,
        Function::LookoutRemove => Act::Remove,
        Function::LookoutApprove => Act::Approve,
        Function::OverrideRecord | Function::OverrideEnd => Act::Override,
        Function::Export => Act::Export,
        Function::Print => Act::Print,
        Function::PrimaryQuery | Function::SubjectQuery | Function::RecordView | Function::RecordHistory => Act::Read,
        _ => Act::Use,
    }
}

/// A request whose function is for its act.
fn apt() -> impl Strategy<Value = Request> {
    (request(), object()).prop_map(|(by_chance, object)| {
        let act = act_of(by_chance.function);
        let object = act.is_to_record().then_some(object);
        Request { act, object, system: false, consent: true, ..by_chance }
    })
}

fn object() -> impl Strategy<Value = Object> {
    let header = (
        select(AccessLevel::ALL.to_vec()),
        select(AGENCIES.to_vec()),
        select(DATASETS.to_vec()),
        some(&LABELS),
        select(USERS.to_vec()),
    );
    (header, any::<bool>(), any::<bool>()).prop_map(|(header, enhanced_document, owner_approves)| {
        let (level, owner, dataset, labels, creator) = header;
        let labels: Vec<String> = labels.into_iter().map(String::from).collect();
        let labels = Labels::new(dataset, &agency(owner), level, &labels, &user(creator));
        Object { labels, level, creator: user(creator), enhanced_document, owner_approves }
    })
}

fn request() -> impl Strategy<Value = Request> {
    (
        select(Act::ALL.to_vec()),
        select(Function::ALL.to_vec()),
        select(STATIONS.to_vec()),
        time(),
        object(),
        select(vec![None, Some(Recipient::Member), Some(Recipient::Other)]),
        prop::bool::weighted(0.2),
        likely(),
    )
        .prop_map(|(act, function, station, now, object, recipient, system, consent)| Request {
            act,
            function,
            station: port(station),
            purpose: Purpose::new("investigation").expect("a code"),
            now,
            object: act.is_to_record().then_some(object),
            recipient,
            system,
            consent,
        })
}

/// What the checks in Rust say of a request before its record is looked at, with what only the request knows.
fn denials_in_rust(principal: &Principal, asked: &Request) -> BTreeSet<Denial> {
    let (function, now) = (asked.function, asked.now);
    match (asked.act, asked.system) {
        (Act::Remedy(Remedy::LogOff), _) => BTreeSet::new(),
        (Act::Remedy(_), true) => {
            [Denial::SystemLink].into_iter().chain((!principal.active).then_some(Denial::Suspended)).collect()
        }
        (Act::Remedy(_), false) => {
            let renewable = [Denial::Course, Denial::Certification, Denial::Ncic];
            let denials = standing_denials(principal, now).into_iter().filter(|denial| !renewable.contains(denial));
            denials.chain((!asked.consent).then_some(Denial::Consent)).collect()
        }
        (_, true) => system_denials(principal, function, now).into_iter().collect(),
        (_, false) => {
            let denials = standing_denials(principal, now).into_iter();
            let denials = denials.chain(function_denials(principal, function, now));
            let denials = denials.chain(station(principal, &asked.station).err());
            denials.chain((!asked.consent).then_some(Denial::Consent)).collect()
        }
    }
}

/// The codes of the stages before the record's.
const BEFORE_THE_RECORD: [Denial; 14] = [
    Denial::BackgroundMissing,
    Denial::BackgroundStale,
    Denial::Course,
    Denial::Nationality,
    Denial::Agreement,
    Denial::Certification,
    Denial::Consent,
    Denial::Duty,
    Denial::Ncic,
    Denial::Function,
    Denial::Transaction,
    Denial::Station,
    Denial::Suspended,
    Denial::SystemLink,
];

/// The caller with one thing less, for each thing that he has.
fn with_less(principal: &Principal, function: Function) -> Vec<Principal> {
    let mut all = Vec::new();
    let mut less = |change: &dyn Fn(&mut Principal)| {
        let mut changed = principal.clone();
        change(&mut changed);
        all.push(changed);
    };
    less(&|it| it.active = false);
    less(&|it| it.level_one = false);
    less(&|it| it.background = None);
    less(&|it| it.course_until = None);
    less(&|it| it.certified_until = None);
    less(&|it| it.ncic_until = None);
    less(&|it| it.transactions = Vec::new());
    less(&|it| _ = it.functions.remove(&function));
    for class in &principal.classes {
        less(&|it| _ = it.classes.remove(class));
    }
    for dataset in &principal.datasets {
        less(&|it| _ = it.datasets.remove(dataset));
    }
    for of in &principal.stations {
        less(&|it| _ = it.stations.remove(of));
    }
    if let Some(agreement) = &principal.agreement {
        let mut narrower = |change: &dyn Fn(&mut AgreementScope)| less(&|it| it.agreement.iter_mut().for_each(change));
        narrower(&|it| it.until = None);
        narrower(&|it| it.redissemination = false);
        narrower(&|it| it.functions = BTreeSet::new());
        for dataset in &agreement.datasets {
            narrower(&|it| _ = it.datasets.remove(dataset));
        }
    }
    all
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn labels_and_record_policies_open_the_same_records(principal in principal(), object in object()) {
        let bundle = BUNDLE.with(|bundle| bundle.clone());
        let (grants, labels) = (Grants::of(&principal), object.labels.clone());
        let seen = visible(&grants, &labels);

        let indexed = labels.indexed();
        let meets = |granted: Vec<Label>| indexed.iter().any(|label| granted.contains(label));
        let met = meets(grants.datasets()) && meets(grants.labels());
        let eligible = match labels.visibility {
            Visibility::Users(_) => {
                principal.agreement.is_none()
                    || principal.agency == labels.owner
                    || principal.classes.contains(&ClassId::level_four(&labels.owner))
            }
            _ => true,
        };
        prop_assert_eq!(seen, met && eligible, "what an index gives");

        let asked = Request {
            act: Act::Read,
            function: Function::RecordView,
            station: port("SYS"),
            purpose: Purpose::new("investigation").expect("a code"),
            now: UnixMillis(1),
            object: Some(Object { enhanced_document: false, ..object }),
            recipient: None,
            system: false,
            consent: true,
        };
        let verdict = bundle.decide_record(&principal, &asked);
        prop_assert_eq!(verdict.errors.len(), 0);
        prop_assert_eq!(verdict.allowed, seen, "{:?}", verdict);
        if let Some(denial) = why_hidden(&grants, &labels) {
            prop_assert!(verdict.codes.contains(&denial), "{:?} is not among {:?}", denial, verdict);
        }

        for fewer in with_less(&principal, Function::RecordView) {
            prop_assert!(seen || !visible(&Grants::of(&fewer), &labels), "taken away: {fewer:?}");
        }
    }

    #[test]
    fn gates_and_rust_refuse_by_the_same_codes(principal in principal(), asked in request()) {
        let bundle = BUNDLE.with(|bundle| bundle.clone());
        let verdict = bundle.decide(&principal, &asked);
        prop_assert_eq!(&verdict, &bundle.decide_as_written(&principal, &asked));
        prop_assert_eq!(verdict.errors.len(), 0);
        let mut expected = denials_in_rust(&principal, &asked);
        if let Some(object) = &asked.object {
            // The one code that an earlier stage shares with the record's.
            let agreed = principal.agreement.as_ref().is_none_or(|it| it.datasets.contains(&object.labels.dataset));
            expected.extend((!agreed).then_some(Denial::Agreement));
        }
        for denial in BEFORE_THE_RECORD {
            let (says, said) = (verdict.codes.contains(&denial), expected.contains(&denial));
            prop_assert_eq!(says, said, "{} of {:?}", denial, verdict);
        }
        prop_assert_eq!(verdict.allowed, verdict.codes.is_empty(), "a refusal has a code");
        if let Act::Remedy(asked_for) = asked.act && !asked.system {
            let open = remedy(&principal, asked_for, asked.now);
            prop_assert_eq!(verdict.allowed, open.is_ok() && (asked.consent || asked_for == Remedy::LogOff));
        }
        // To see the whole of a record needs both: the gates before it, and its labels.
        if let (Act::Read, Some(object)) = (asked.act, &asked.object) {
            let hidden = !visible(&Grants::of(&principal), &object.labels);
            prop_assert!(!verdict.allowed || (expected.is_empty() && !hidden));
        }
    }

    #[test]
    fn able_callers_are_refused_by_the_same_codes(principal in able(), asked in apt()) {
        let verdict = BUNDLE.with(|bundle| bundle.decide(&principal, &asked));
        let expected = denials_in_rust(&principal, &asked);
        let said: BTreeSet<Denial> = verdict.codes.iter().copied().filter(|it| BEFORE_THE_RECORD.contains(it)).collect();
        prop_assert_eq!(said, expected, "{:?}", verdict);
        prop_assert_eq!(verdict.errors.len(), 0);
    }

    #[test]
    fn whatever_is_taken_from_a_caller_he_may_no_more(principal in able(), asked in apt()) {
        let bundle = BUNDLE.with(|bundle| bundle.clone());
        let may = bundle.decide(&principal, &asked).allowed;
        for fewer in with_less(&principal, asked.function) {
            // Who no longer holds an NCIC function needs no certification: R10 closes on holding, not on lacking.
            if fewer.is_ncic_holder() == principal.is_ncic_holder() {
                prop_assert!(may || !bundle.decide(&fewer, &asked).allowed, "{fewer:?}");
            }
        }
    }
}

/// How often the samples meet each side of what the properties above say of them.
#[test]
fn the_samples_meet_both_answers() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let bundle = Bundle::built_in().expect("right");
    let mut runner = TestRunner::deterministic();
    let mut draw = |kind: &str, samples: usize| {
        let mut met = 0;
        for _ in 0..samples {
            let yes = match kind {
                "visible" => {
                    let (principal, object) = (principal(), object()).new_tree(&mut runner).expect("draws").current();
                    visible(&Grants::of(&principal), &object.labels)
                }
                _ => {
                    let (principal, asked) = (able(), apt()).new_tree(&mut runner).expect("draws").current();
                    bundle.decide(&principal, &asked).allowed
                }
            };
            met += usize::from(yes);
        }
        met
    };
    let (seen, may) = (draw("visible", 2_000), draw("allowed", 2_000));
    assert!((100..1_900).contains(&seen), "{seen} of 2000 records are visible");
    assert!((200..1_800).contains(&may), "{may} of 2000 requests are allowed");
}

thread_local! {
    static BUNDLE: std::rc::Rc<Bundle> = std::rc::Rc::new(Bundle::built_in().expect("right"));
}
