//! Labels of records at each level, and what a writer may name.

use super::*;
use crate::access::testing::{agency, user};

fn texts(labels: &Labels) -> Vec<String> {
    labels.indexed().iter().map(ToString::to_string).collect()
}

fn of(level: AccessLevel, labels: &[&str]) -> Vec<String> {
    let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
    texts(&Labels::new(Dataset::Tecs, &agency("CBP"), level, &labels, &user("smith")))
}

fn checked(level: AccessLevel, labels: &[&str]) -> Result<(), String> {
    let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
    check(level, &agency("CBP"), &labels).map_err(|error| error.to_string())
}

#[test]
fn labels_read_as_they_print() {
    for text in ["D:tecs", "D:seacats", "L1", "C:agency:CBP", "C:gangs", "U:smith"] {
        assert_eq!(text.parse::<Label>().expect("a label").to_string(), text);
    }
    for text in ["", "L2", "l1", "D:", "D:TECS", "D:none", "C:", "U:", "X:y", "U:a b", "C:\u{e9}"] {
        assert!(text.parse::<Label>().is_err(), "{text}");
    }
}

#[test]
fn r15_a_level_one_record_is_for_all_and_its_owners_members_in_any_case() {
    assert_eq!(of(AccessLevel::One, &[]), ["D:tecs", "L1", "C:agency:CBP"]);
    assert_eq!(of(AccessLevel::One, &["C:gangs", "U:jones"]), ["D:tecs", "L1", "C:agency:CBP"], "one family");
}

#[test]
fn r16_what_was_level_two_is_for_the_owners_members() {
    assert_eq!(of(AccessLevel::Two, &["C:gangs"]), ["D:tecs", "C:agency:CBP"]);
    assert!(checked(AccessLevel::Two, &[]).expect_err("refused").starts_with("level: 2 is no longer used"));
}

#[test]
fn r17_classes_narrow_and_what_is_not_understood_opens_nothing() {
    assert_eq!(of(AccessLevel::Three, &[]), ["D:tecs", "C:agency:CBP"]);
    assert_eq!(of(AccessLevel::Three, &["C:gangs", "U:jones"]), ["D:tecs", "C:gangs"]);
    assert_eq!(of(AccessLevel::Three, &["gangs"]), ["D:tecs"], "the owner's members are not put in its place");
}

#[test]
fn r18_the_named_and_the_creator() {
    assert_eq!(of(AccessLevel::Four, &[]), ["D:tecs", "U:smith"]);
    assert_eq!(of(AccessLevel::Four, &["U:jones", "C:gangs"]), ["D:tecs", "U:jones", "U:smith"]);
}

#[test]
fn what_a_writer_names_goes_with_the_level() {
    assert_eq!(checked(AccessLevel::One, &[]), Ok(()));
    assert_eq!(checked(AccessLevel::Three, &["C:CBP/gangs", "C:agency:CBP"]), Ok(()));
    assert_eq!(checked(AccessLevel::Four, &["U:jones"]), Ok(()));
    let wrong = |level, labels: &[&str]| checked(level, labels).expect_err("refused");
    assert!(wrong(AccessLevel::One, &["C:gangs"]).starts_with("labels[0]: does not go with the level"));
    assert!(
        wrong(AccessLevel::Three, &["C:CBP/gangs", "U:jones"]).starts_with("labels[1]: does not go with the level")
    );
    assert!(wrong(AccessLevel::Four, &["C:gangs"]).starts_with("labels[0]: does not go with the level"));
    assert!(wrong(AccessLevel::Three, &["gangs"]).starts_with("labels[0]: is none of"));
    assert_eq!(wrong(AccessLevel::Three, &["C:CBP/a", "C:CBP/a"]), "labels[1]: stands there twice");
    assert!(wrong(AccessLevel::Three, &["C:agency:ICE"]).starts_with("labels[0]: is no class of CBP"));
    assert!(wrong(AccessLevel::Three, &["C:level4:CBP"]).starts_with("labels[0]: is no class of CBP"));
    assert!(wrong(AccessLevel::Three, &["C:ICE/gangs"]).starts_with("labels[0]: is no class of CBP"));
    let many = vec!["C:a"; RECORD_LABELS_MAX + 1];
    assert!(wrong(AccessLevel::Three, &many).starts_with("labels: has 65 entries"));
}
