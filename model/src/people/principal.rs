//! From the directory's objects to what the gate knows of a caller at a time.

use std::collections::BTreeSet;

use crate::access::denial::Denial;
use crate::access::function::Function;
use crate::access::principal::{AgreementScope, BackgroundKind, Category, ClassId, Principal};
use crate::ids::{AgencyId, UserId};
use crate::people::duty::may_hold;
use crate::people::floor::Epochs;
use crate::people::{Agency, Agreement, Memorandum, Profile, Role};
use crate::record::{AccessLevel, Dataset};
use crate::time::UnixMillis;

/// A caller's facts at a time. `roles` are the newest versions of the profile's roles, `agreements` those of its
/// agency, `memoranda` at least those for its user and agency; what is for somebody else is left aside.
///
/// - Frozen grants count as none (R21), nor does what the category may not hold (R09).
/// - With an ANACI, only a memorandum that names the user opens another agency's records (R03); level 1 is open to both
///   kinds, since who enters at level 1 has agreed to that (1.2 a).
/// - An agency outside the department sees what its profile and its agreements both name (F79).
pub fn principal(
    profile: &Profile,
    agency: &Agency,
    roles: &[Role],
    agreements: &[Agreement],
    memoranda: &[Memorandum],
    now: UnixMillis,
) -> Principal {
    let background = profile.standing.background();
    let own: Vec<&Agreement> = agreements.iter().filter(|agreement| agreement.agency == profile.agency).collect();
    let in_force: Vec<&Agreement> =
        own.iter().copied().filter(|one| one.is_for_people() && one.in_force(now)).collect();
    let scope = agency.external.then(|| scope(&in_force));
    let granted = |function: &Function| !profile.frozen && may_hold(profile.category, *function);
    let of_roles = roles.iter().filter(|role| profile.roles.contains_key(&role.id));
    let functions = of_roles.flat_map(|role| role.functions.iter().copied()).chain(profile.functions.keys().copied());
    let transactions = profile.transactions.iter().filter(|one| granted(&one.function));
    let datasets = match &scope {
        Some(scope) => profile.datasets.intersection(&scope.datasets).copied().collect(),
        None => profile.datasets.clone(),
    };
    let level_one = in_force.iter().any(|one| one.terms.levels.contains(&AccessLevel::One));
    Principal {
        user: profile.user.clone(),
        agency: profile.agency.clone(),
        category: profile.category,
        profile_version: profile.version,
        // Versions only grow and nothing is ever deleted, so the sum tells each state of them apart.
        agreement_version: own.iter().fold(agency.version, |sum, one| sum.saturating_add(one.version)),
        epoch: profile.epoch,
        active: profile.is_active() && agency.active,
        background,
        course_until: profile.standing.course_until(),
        national: profile.standing.national,
        foreign_service_national: profile.standing.foreign_service_national,
        certified_until: profile.standing.certified_until(),
        ncic_until: profile.standing.ncic_until(),
        agreement: scope,
        functions: functions.filter(granted).collect(),
        transactions: transactions.map(|one| (one.function, one.from, one.to)).collect(),
        stations: profile.stations.clone(),
        datasets,
        classes: classes(profile, background.map(|(kind, _)| kind), memoranda, now),
        level_one: background.is_some() && (!agency.external || level_one),
    }
}

/// The epochs that a decision on a caller stands on.
pub fn epochs(profile: &Profile, agency: &Agency) -> Epochs {
    Epochs { user: profile.epoch, agency: agency.epoch }
}

/// What the agreements in force name together. `until` is the first end among them, since what holds afterwards is
/// less; passing on is allowed only where all allow it (R27).
fn scope(in_force: &[&Agreement]) -> AgreementScope {
    AgreementScope {
        until: in_force.iter().filter_map(|one| one.until()).min(),
        functions: in_force.iter().flat_map(|one| one.terms.functions.iter().copied()).collect(),
        datasets: in_force.iter().flat_map(|one| one.terms.datasets.iter().copied()).collect(),
        redissemination: !in_force.is_empty() && in_force.iter().all(|one| one.terms.redissemination),
    }
}

/// The classes that a user is in: his agency's members, and those that memoranda in force open to reading (R17).
fn classes(
    profile: &Profile,
    background: Option<BackgroundKind>,
    memoranda: &[Memorandum],
    now: UnixMillis,
) -> BTreeSet<ClassId> {
    let is_his = |one: &&Memorandum| match background {
        Some(BackgroundKind::Full) => one.is_for(&profile.user, &profile.agency),
        Some(BackgroundKind::Anaci) => one.names(&profile.user),
        None => false,
    };
    let opened = memoranda.iter().filter(|one| one.in_force(now) && one.opens_reading()).filter(is_his);
    std::iter::once(ClassId::members(&profile.agency)).chain(opened.map(Memorandum::class)).collect()
}

/// A system's facts at a time: what the agreements in force name that name it and its certificate (R29). None: no agreement does,
/// in force or not. It is nobody's account: it has no investigation, no station and no roles.
pub fn system_principal(
    agency: &Agency,
    agreements: &[Agreement],
    (system, certificate): (&UserId, &str),
    now: UnixMillis,
) -> Option<Principal> {
    let names = |one: &&Agreement| {
        let mut systems = one.terms.systems.iter();
        one.agency == agency.id && systems.any(|link| link.system == *system && link.certificate == certificate)
    };
    let links: Vec<&Agreement> = agreements.iter().filter(|one| !one.is_for_people()).filter(names).collect();
    if links.is_empty() {
        return None;
    }
    let in_force: Vec<&Agreement> = links.iter().copied().filter(|one| one.in_force(now)).collect();
    let scope = scope(&in_force);
    Some(Principal {
        user: system.clone(),
        agency: agency.id.clone(),
        category: Category::General,
        profile_version: 0,
        agreement_version: links.iter().fold(agency.version, |sum, one| sum.saturating_add(one.version)),
        epoch: 0,
        active: agency.active,
        background: None,
        course_until: None,
        national: false,
        foreign_service_national: false,
        certified_until: None,
        ncic_until: None,
        functions: scope.functions.clone(),
        transactions: Vec::new(),
        stations: BTreeSet::new(),
        datasets: scope.datasets.clone(),
        classes: BTreeSet::from([ClassId::members(&agency.id)]),
        level_one: in_force.iter().any(|one| one.terms.levels.contains(&AccessLevel::One)),
        agreement: Some(scope),
    })
}

/// Whether a memorandum in force opens a class to a user by one function: the classes of a [`Principal`] do not tell by
/// which (R13, R17).
pub fn opened_by_memorandum(
    principal: &Principal,
    class: &ClassId,
    function: Function,
    memoranda: &[Memorandum],
    now: UnixMillis,
) -> bool {
    let anaci = matches!(principal.background, Some((BackgroundKind::Anaci, _)));
    memoranda.iter().any(|one| {
        let his = one.names(&principal.user) || (!anaci && one.is_for(&principal.user, &principal.agency));
        his && one.in_force(now) && one.has_verb(function) && one.class() == *class
    })
}

/// Whether a system may do this under an ISA in force that names it, its certificate, the function and the dataset
/// (R29). Each row of a batch is asked for by itself.
pub fn system_link(
    agreements: &[Agreement],
    (agency, system, certificate): (&AgencyId, &UserId, &str),
    function: Function,
    dataset: Dataset,
    now: UnixMillis,
) -> Result<(), Denial> {
    let names = |one: &&Agreement| {
        let mut systems = one.terms.systems.iter();
        one.agency == *agency && systems.any(|link| link.system == *system && link.certificate == certificate)
    };
    let links = agreements.iter().filter(|one| !one.is_for_people() && one.in_force(now)).filter(names);
    let mut terms = links.map(|one| &one.terms);
    let allowed = terms.any(|terms| terms.functions.contains(&function) && terms.datasets.contains(&dataset));
    if allowed { Ok(()) } else { Err(Denial::SystemLink) }
}
