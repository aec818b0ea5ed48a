//! Labels of records and grants of callers, for tests.

use std::collections::BTreeSet;

use model::access::grants::Grants;
use model::access::labels::{Labels, Visibility};
use model::access::principal::{AgreementScope, ClassId, Principal};
use model::ids::{AgencyId, UserId};
use model::record::Dataset;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const AGENCIES: [&str; 3] = ["CBP", "IRS", "FBI"];
const USERS: [&str; 3] = ["smith", "jones", "brown"];
const CLASSES: [&str; 5] = ["agency:CBP", "agency:IRS", "CBP/gangs", "IRS/tax", "level4:CBP"];
const DATASETS: [Dataset; 2] = [Dataset::Tecs, Dataset::Apis];

fn agency() -> impl Strategy<Value = AgencyId> {
    select(&AGENCIES[..]).prop_map(|code| AgencyId::new(code).expect("a code"))
}

fn user() -> impl Strategy<Value = UserId> {
    select(&USERS[..]).prop_map(|code| UserId::new(code).expect("a code"))
}

fn some<T: Clone + std::fmt::Debug + Ord + 'static, F: Copy + std::fmt::Debug + 'static>(
    of: &'static [F],
    make: fn(F) -> T,
) -> impl Strategy<Value = BTreeSet<T>> {
    subsequence(of, 0..=of.len()).prop_map(move |some| some.into_iter().map(make).collect())
}

fn classes() -> impl Strategy<Value = BTreeSet<ClassId>> {
    some(&CLASSES, |class| ClassId(class.to_string()))
}

/// Labels of a record, those that everybody sees as often as those that hardly anybody does.
pub fn labels() -> impl Strategy<Value = Labels> {
    let visibility = prop_oneof![
        2 => Just(Visibility::LevelOne),
        2 => classes().prop_map(Visibility::Classes),
        2 => some(&USERS, |user| UserId::new(user).expect("a code")).prop_map(Visibility::Users),
    ];
    let dataset = prop_oneof![4 => Just(Dataset::Tecs), 1 => Just(Dataset::Apis)];
    (dataset, agency(), visibility).prop_map(|(dataset, owner, visibility)| Labels { dataset, owner, visibility })
}

/// Labels that everybody sees whose investigation bears it.
pub fn level_one() -> Labels {
    let owner = AgencyId::new("CBP").expect("a code");
    Labels { dataset: Dataset::Tecs, owner, visibility: Visibility::LevelOne }
}

/// What somebody may see: within the department and outside of it, from nothing to everything that is not level 4.
pub fn grants() -> impl Strategy<Value = Grants> {
    let agreed = proptest::option::weighted(0.3, some(&DATASETS, |dataset| dataset));
    let datasets = prop_oneof![some(&DATASETS, |dataset| dataset), Just(DATASETS.into())];
    (user(), agency(), datasets, agreed, any::<bool>(), classes()).prop_map(
        |(user, agency, datasets, agreed, level_one, classes)| {
            let scope = |datasets| AgreementScope { datasets, ..AgreementScope::default() };
            Grants::of(&Principal {
                agreement: agreed.map(scope),
                datasets,
                classes,
                level_one,
                ..Principal::of_nothing(user, agency)
            })
        },
    )
}
