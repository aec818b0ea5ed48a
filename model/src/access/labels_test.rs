//! Each rule that lets see or hides, and that index and rule agree.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::ids::{RecordId, Token};
use crate::lookout::SubjectKind;
use crate::record::{RecordKind, RecordState, Stamp};
use crate::time::UnixMillis;

const AGENCIES: [&str; 3] = ["CBP", "ICE", "FBI"];
const USERS: [&str; 4] = ["ada", "ben", "cyd", "dan"];

fn agency(code: &str) -> AgencyId {
    AgencyId::new(code).expect("code")
}

fn user(code: &str) -> UserId {
    UserId::new(code).expect("code")
}

fn class(text: &str) -> ClassId {
    ClassId(text.to_string())
}

fn header(level: AccessLevel, owner: &str, creator: &str, labels: &[&str]) -> RecordHeader {
    let stamp = Stamp { by: user(creator), at: UnixMillis(1) };
    RecordHeader {
        id: RecordId([1; 16]),
        kind: RecordKind::Lookout,
        subject: SubjectKind::Person,
        dataset: Dataset::Tecs,
        owner: agency(owner),
        level,
        labels: labels.iter().map(|label| (*label).to_string()).collect(),
        state: RecordState::Active,
        version: 1,
        created: stamp.clone(),
        updated: stamp,
        source: None,
        tokens: Vec::new(),
        content: Token([0; 16]),
        expires: None,
    }
}

fn grants(own: &str, name: &str, level_one: bool, classes: &[&str]) -> Grants {
    let classes = classes.iter().map(|text| class(text)).chain([ClassId::members(&agency(own))]);
    Grants { user: user(name), datasets: BTreeSet::from([Dataset::Tecs]), level_one, classes: classes.collect() }
}

fn sees(grants: &Grants, header: &RecordHeader) -> Result<(), Denial> {
    sight(grants, &Labels::of(header))
}

#[test]
fn r15_level_one_is_for_everybody_with_an_investigation() {
    let record = header(AccessLevel::One, "CBP", "ada", &[]);
    assert_eq!(sees(&grants("FBI", "dan", true, &[]), &record), Ok(()));
    assert_eq!(sees(&grants("FBI", "dan", false, &[]), &record), Err(Denial::BackgroundType));
}

#[test]
fn r16_what_is_left_of_level_two_is_for_the_owners_people() {
    let record = header(AccessLevel::Two, "CBP", "ada", &["C:ICE/task"]);
    assert_eq!(sees(&grants("CBP", "ben", true, &[]), &record), Ok(()));
    assert_eq!(sees(&grants("ICE", "dan", true, &["ICE/task"]), &record), Err(Denial::LevelThree));
}

#[test]
fn r17_level_three_is_for_the_classes_that_its_owner_set() {
    let own = header(AccessLevel::Three, "CBP", "ada", &[]);
    assert_eq!(sees(&grants("CBP", "ben", true, &[]), &own), Ok(()), "no class: the owner's people");
    assert_eq!(sees(&grants("ICE", "dan", true, &[]), &own), Err(Denial::LevelThree));
    let narrow = header(AccessLevel::Three, "CBP", "ada", &["C:CBP/task"]);
    assert_eq!(sees(&grants("CBP", "ben", true, &[]), &narrow), Err(Denial::LevelThree), "narrowed");
    assert_eq!(sees(&grants("ICE", "dan", true, &["CBP/task"]), &narrow), Ok(()), "by memorandum");
    let others = header(AccessLevel::Three, "CBP", "ada", &["C:ICE/task"]);
    assert_eq!(
        sees(&grants("ICE", "dan", true, &["ICE/task"]), &others),
        Err(Denial::LevelThree),
        "none of its own (R20)"
    );
}

#[test]
fn r18_level_four_is_for_who_is_named_or_made_it_and_of_an_agency_that_may() {
    let record = header(AccessLevel::Four, "CBP", "ada", &["U:ben", "U:dan"]);
    for name in ["ada", "ben"] {
        assert_eq!(sees(&grants("CBP", name, true, &[]), &record), Ok(()), "{name}");
    }
    assert_eq!(sees(&grants("CBP", "cyd", true, &["CBP/task"]), &record), Err(Denial::LevelFour), "not named");
    assert_eq!(sees(&grants("FBI", "dan", true, &[]), &record), Err(Denial::LevelFour), "named, and no memorandum");
    assert_eq!(sees(&grants("FBI", "dan", true, &["level-4:CBP"]), &record), Ok(()), "both");
    assert_eq!(sees(&grants("FBI", "cyd", true, &["level-4:CBP"]), &record), Err(Denial::LevelFour), "no name");
}

#[test]
fn a_dataset_that_is_not_granted_is_shut_at_every_level() {
    for level in AccessLevel::ALL {
        let mut record = header(*level, "CBP", "ada", &[]);
        record.dataset = Dataset::Apis;
        assert_eq!(sees(&grants("CBP", "ada", true, &[]), &record), Err(Denial::Agreement));
    }
}

#[test]
fn what_is_hidden_opens_to_who_sees_it() {
    let record = header(AccessLevel::Three, "CBP", "ada", &[]);
    let open = |grants: &Grants| Hidden::new(record.clone()).admit(grants, Labels::of).map(Visible::into_inner);
    assert_eq!(open(&grants("CBP", "ben", true, &[])), Ok(record.clone()));
    assert_eq!(open(&grants("ICE", "dan", true, &[])), Err(Denial::LevelThree));
}

const CLASSES: [&str; 6] = ["CBP/task", "ICE/task", "FBI/x", "level-4:CBP", "level-4:ICE", "agency:FBI"];
const LABELS: [&str; 7] = ["C:CBP/task", "C:ICE/task", "C:FBI/x", "U:ada", "U:dan", "U:", "nonsense"];

fn any_header() -> impl Strategy<Value = RecordHeader> {
    let labels = subsequence(LABELS.to_vec(), 0..=LABELS.len());
    let who = (select(&AGENCIES[..]), select(&USERS[..]));
    (select(AccessLevel::ALL), who, labels, select(Dataset::ALL)).prop_map(
        |(level, (owner, creator), labels, dataset)| RecordHeader { dataset, ..header(level, owner, creator, &labels) },
    )
}

fn any_grants() -> impl Strategy<Value = Grants> {
    let classes = subsequence(CLASSES.to_vec(), 0..=CLASSES.len());
    let datasets = subsequence(Dataset::ALL.to_vec(), 0..=Dataset::ALL.len());
    (select(&AGENCIES[..]), select(&USERS[..]), any::<bool>(), classes, datasets).prop_map(
        |(own, name, level_one, classes, datasets)| Grants {
            datasets: datasets.into_iter().collect(),
            ..grants(own, name, level_one, &classes)
        },
    )
}

proptest! {
    // A million in the long test: PROPTEST_CASES.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(20_000), ..ProptestConfig::default() })]

    /// What an index is asked by loses nobody, and but for level 4 it is the rule itself.
    #[test]
    fn the_texts_of_an_index_are_the_rule(grants in any_grants(), header in any_header()) {
        let labels = Labels::of(&header);
        let (datasets, families) = grants.texts();
        let texts = labels.texts();
        let meets = datasets.contains(&texts[0]) && texts[1..].iter().any(|text| families.contains(text));
        let visible = visible(&grants, &labels);
        prop_assert!(meets || !visible);
        if !matches!(labels.family, Family::Named(_)) {
            prop_assert_eq!(meets, visible);
        }
    }

    /// Whoever has less sees nothing more.
    #[test]
    fn taking_a_grant_away_opens_no_record(grants in any_grants(), header in any_header(), which in any::<usize>()) {
        let labels = Labels::of(&header);
        if visible(&grants, &labels) {
            return Ok(());
        }
        let mut less = grants.clone();
        let taken = which % (less.classes.len() + less.datasets.len() + 1);
        if let Some(class) = less.classes.iter().nth(taken).cloned() {
            less.classes.remove(&class);
        } else if let Some(dataset) = less.datasets.iter().nth(taken - less.classes.len()).copied() {
            less.datasets.remove(&dataset);
        } else {
            less.level_one = false;
        }
        prop_assert!(!visible(&less, &labels));
    }
}
