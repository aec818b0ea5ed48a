//! Each visibility rule by itself, and the laws of labels and grants as properties.

use proptest::prelude::*;

use super::*;
use crate::access::admit::{Hidden, Labelled, Seen, admit, show};
use crate::access::principal::AgreementScope;
use crate::access::testing::{agency, officer, user};
use crate::record::AccessLevel;

fn labels(owner: &str, level: AccessLevel, named: &[&str]) -> Labels {
    let named: Vec<String> = named.iter().map(ToString::to_string).collect();
    Labels::new(Dataset::Tecs, &agency(owner), level, &named, &user("creator"))
}

fn hidden(principal: &Principal, labels: &Labels) -> Option<Denial> {
    why_hidden(&Grants::of(principal), labels)
}

fn with(change: impl FnOnce(&mut Principal)) -> Principal {
    let mut principal = officer();
    change(&mut principal);
    principal
}

#[test]
fn r15_level_one_is_seen_by_all_whose_investigation_bears_it() {
    assert_eq!(hidden(&officer(), &labels("ICE", AccessLevel::One, &[])), None);
}

#[test]
fn r03_where_an_anaci_does_not_bear_it_ones_own_agencys_is_seen_and_anothers_by_its_owners_grant() {
    let mut anaci = with(|it| it.level_one = false);
    assert_eq!(hidden(&anaci, &labels("CBP", AccessLevel::One, &[])), None);
    assert_eq!(hidden(&anaci, &labels("ICE", AccessLevel::One, &[])), Some(Denial::BackgroundType));
    anaci.classes.insert(ClassId::members(&agency("ICE")));
    assert_eq!(hidden(&anaci, &labels("ICE", AccessLevel::One, &[])), None);
}

#[test]
fn r17_one_class_is_enough_and_without_one_it_is_hidden() {
    let member = with(|it| _ = it.classes.insert(ClassId("gangs".into())));
    assert_eq!(hidden(&officer(), &labels("CBP", AccessLevel::Three, &[])), None);
    assert_eq!(hidden(&officer(), &labels("ICE", AccessLevel::Three, &[])), Some(Denial::LevelThree));
    assert_eq!(hidden(&member, &labels("ICE", AccessLevel::Three, &["C:gangs", "C:fraud"])), None);
    assert_eq!(hidden(&officer(), &labels("CBP", AccessLevel::Three, &["C:gangs"])), Some(Denial::LevelThree));
}

#[test]
fn r18_named_or_creator_and_of_an_outside_agency_only_by_a_memorandum_that_names_him() {
    let named = labels("ICE", AccessLevel::Four, &["U:smith"]);
    assert_eq!(hidden(&officer(), &named), None);
    assert_eq!(hidden(&with(|it| it.user = user("creator")), &named), None);
    assert_eq!(hidden(&with(|it| it.user = user("other")), &named), Some(Denial::LevelFour));

    let mut outside = with(|it| {
        it.agency = agency("NYPD");
        it.agreement = Some(AgreementScope { datasets: [Dataset::Tecs].into(), ..AgreementScope::default() });
    });
    assert_eq!(hidden(&outside, &named), Some(Denial::LevelFour), "the record names him, no memorandum does");
    outside.classes.insert(ClassId::level_four(&agency("ICE")));
    assert_eq!(hidden(&outside, &named), None);
    let others = labels("ICE", AccessLevel::Four, &["U:other"]);
    assert_eq!(hidden(&outside, &others), Some(Denial::LevelFour), "a memorandum names him, the record does not");
    assert_eq!(hidden(&outside, &labels("NYPD", AccessLevel::Four, &["U:smith"])), None, "his own agency's");
}

#[test]
fn r06_r30_a_set_that_was_not_opened_is_closed_to_everybody() {
    let mut record = labels("CBP", AccessLevel::One, &[]);
    record.dataset = Dataset::Seacats;
    for category in crate::access::principal::Category::ALL {
        assert_eq!(hidden(&with(|it| it.category = *category), &record), Some(Denial::Closed), "{category}");
    }
    let outside = with(|it| {
        it.datasets = [Dataset::Tecs, Dataset::Seacats].into();
        it.agreement = Some(AgreementScope { datasets: [Dataset::Tecs].into(), ..AgreementScope::default() });
    });
    assert_eq!(hidden(&outside, &record), Some(Denial::Agreement));
    assert_eq!(Grants::of(&outside).datasets(), [Label::Dataset(Dataset::Tecs)]);
}

struct Lookout(Labels);

impl Labelled for Lookout {
    fn labels(&self) -> Labels {
        self.0.clone()
    }
}

#[test]
fn a_lookout_on_primary_is_seen_at_primary_whatever_its_level_and_never_at_the_desk() {
    let (grants, secret) = (Grants::of(&officer()), labels("ICE", AccessLevel::Four, &[]));
    for function in Function::ALL {
        let expected = if *function == Function::PrimaryQuery { Sight::Primary } else { Sight::None };
        assert_eq!(sight(&grants, &secret, true, *function), expected, "{function}");
        assert_eq!(sight(&grants, &secret, false, *function), Sight::None, "{function}");
        let open = labels("ICE", AccessLevel::One, &[]);
        assert_eq!(sight(&grants, &open, true, *function), Sight::Full, "{function}");
    }
    let record = || Hidden::new(Lookout(secret.clone()));
    assert!(admit(&grants, record()).is_err());
    assert!(matches!(show(&grants, record(), true, Function::PrimaryQuery), Seen::Primary(_)));
    assert!(matches!(show(&grants, record(), true, Function::SubjectQuery), Seen::Nothing));
    assert_eq!(format!("{:?}", record()), "Hidden");
}

const AGENCIES: [&str; 3] = ["CBP", "ICE", "NYPD"];
const USERS: [&str; 3] = ["smith", "jones", "creator"];
const CLASSES: [&str; 5] = ["agency:CBP", "agency:ICE", "gangs", "level4:CBP", "level4:ICE"];

fn some_grants() -> impl Strategy<Value = Grants> {
    let some = |of: &[Dataset]| proptest::sample::subsequence(of.to_vec(), 0..=of.len());
    let all = [Dataset::Tecs, Dataset::Apis];
    (
        proptest::sample::select(USERS.to_vec()),
        proptest::sample::select(AGENCIES.to_vec()),
        some(&all),
        proptest::option::of(some(&all)),
        any::<bool>(),
        proptest::sample::subsequence(CLASSES.to_vec(), 0..=CLASSES.len()),
    )
        .prop_map(|(name, of, datasets, agreed, level_one, classes)| Grants {
            user: user(name),
            agency: agency(of),
            datasets: datasets.into_iter().collect(),
            agreed: agreed.map(|datasets| datasets.into_iter().collect()),
            level_one,
            classes: classes.into_iter().map(|class| ClassId(class.into())).collect(),
        })
}

fn some_labels() -> impl Strategy<Value = Labels> {
    let named = ["C:agency:CBP", "C:gangs", "U:smith", "U:jones", "nonsense"];
    (
        proptest::sample::select(vec![Dataset::Tecs, Dataset::Apis]),
        proptest::sample::select(AGENCIES.to_vec()),
        proptest::sample::select(AccessLevel::ALL.to_vec()),
        proptest::sample::subsequence(named.to_vec(), 0..=named.len()),
        proptest::sample::select(USERS.to_vec()),
    )
        .prop_map(|(dataset, owner, level, named, creator)| {
            let named: Vec<String> = named.into_iter().map(String::from).collect();
            Labels::new(dataset, &agency(owner), level, &named, &user(creator))
        })
}

/// How many of the grants can be taken away one by one.
fn without(grants: &Grants) -> Vec<Grants> {
    let mut fewer = Vec::new();
    let mut less = |change: &dyn Fn(&mut Grants)| {
        let mut changed = grants.clone();
        change(&mut changed);
        fewer.push(changed);
    };
    less(&|it| it.level_one = false);
    for class in &grants.classes {
        less(&|it| _ = it.classes.remove(class));
    }
    for dataset in &grants.datasets {
        less(&|it| _ = it.datasets.remove(dataset));
    }
    for dataset in grants.agreed.iter().flatten() {
        less(&|it| _ = it.agreed.as_mut().map(|agreed| agreed.remove(dataset)));
    }
    fewer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn visible_is_labels_that_meet_grants_in_a_dataset_that_is_open(grants in some_grants(), labels in some_labels()) {
        let indexed = labels.indexed();
        let meets = |granted: Vec<Label>| indexed.iter().any(|label| granted.contains(label));
        let eligible = match labels.visibility {
            Visibility::Users(_) => grants.eligible_for_level_four(&labels.owner),
            _ => true,
        };
        let expected = meets(grants.datasets()) && meets(grants.labels()) && eligible;
        prop_assert_eq!(visible(&grants, &labels), expected);
    }

    #[test]
    fn taking_a_grant_away_never_adds_a_visible_record(grants in some_grants(), labels in some_labels()) {
        for fewer in without(&grants) {
            prop_assert!(visible(&grants, &labels) || !visible(&fewer, &labels), "{fewer:?}");
        }
    }
}
