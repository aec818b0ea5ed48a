//! Callers for tests.

use std::collections::BTreeSet;

use crate::access::principal::{BackgroundKind, ClassId, Principal};
use crate::ids::{AgencyId, PortId, UserId};
use crate::record::Dataset;
use crate::time::UnixMillis;

/// The time of these tests.
pub const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

pub fn agency(text: &str) -> AgencyId {
    AgencyId::new(text).expect("a code")
}

pub fn user(text: &str) -> UserId {
    UserId::new(text).expect("a code")
}

/// An officer of CBP in standing, with no function.
pub fn officer() -> Principal {
    let later = Some(UnixMillis(NOW.0 + 1));
    Principal {
        background: Some((BackgroundKind::Full, UnixMillis(NOW.0 + 1))),
        course_until: later,
        certified_until: later,
        stations: BTreeSet::from([PortId::new("SYS").expect("a code")]),
        datasets: BTreeSet::from([Dataset::Tecs]),
        classes: BTreeSet::from([ClassId::members(&agency("CBP"))]),
        level_one: true,
        ..Principal::of_nothing(user("smith"), agency("CBP"))
    }
}
