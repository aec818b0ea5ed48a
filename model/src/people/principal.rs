//! From the directory's objects to what the gate knows of a caller at a time.

use std::collections::BTreeSet;

use crate::access::function::Function;
use crate::access::grants::Grants;
use crate::access::principal::{AgreementScope, BackgroundKind, Category, ClassId, Principal};
use crate::ids::UserId;
use crate::people::duty::may_hold;
use crate::people::floor::Epochs;
use crate::people::{Agency, Agreement, Memorandum, Profile, Role};
use crate::record::AccessLevel;
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

/// The agreements of its agency that name a system and its certificate, in force or not (R29).
pub fn links_of(agreements: Vec<Agreement>, system: &UserId, certificate: &str) -> Vec<Agreement> {
    let names = |one: &Agreement| {
        let mut systems = one.terms.systems.iter();
        !one.is_for_people() && systems.any(|link| link.system == *system && link.certificate == certificate)
    };
    agreements.into_iter().filter(names).collect()
}

/// A system's facts at a time: what those of its links name that are in force (R29). None: it has no links. It is nobody's account:
/// it has no investigation, no station and no roles.
pub fn system_principal(agency: &Agency, links: &[Agreement], system: &UserId, now: UnixMillis) -> Option<Principal> {
    if links.is_empty() {
        return None;
    }
    let in_force: Vec<&Agreement> = links.iter().filter(|one| one.in_force(now)).collect();
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

/// What a caller sees by one function: of the agreements and memoranda that he was made of those alone count that name it, each
/// with its own datasets, levels and class (R06, R17, R29).
pub fn grants_by(
    caller: &Principal,
    function: Function,
    (agreements, memoranda): (&[Agreement], &[Memorandum]),
    now: UnixMillis,
) -> Grants {
    Grants::of(&narrowed(caller, function, (agreements, memoranda), now))
}

/// The caller with what he has by one function alone.
pub fn narrowed(
    caller: &Principal,
    function: Function,
    (agreements, memoranda): (&[Agreement], &[Memorandum]),
    now: UnixMillis,
) -> Principal {
    let mut narrowed = caller.clone();
    if let Some(scope) = &mut narrowed.agreement {
        let names = |one: &&Agreement| one.in_force(now) && one.terms.functions.contains(&function);
        let naming: Vec<&Agreement> = agreements.iter().filter(names).collect();
        scope.datasets = naming.iter().flat_map(|one| one.terms.datasets.iter().copied()).collect();
        narrowed.datasets.retain(|dataset| scope.datasets.contains(dataset));
        narrowed.level_one &= naming.iter().any(|one| one.terms.levels.contains(&AccessLevel::One));
    }
    let own = ClassId::members(&caller.agency);
    let opened = |class: &ClassId| *class == own || opened_by_memorandum(caller, class, function, memoranda, now);
    narrowed.classes.retain(opened);
    narrowed
}

/// Whether a memorandum in force opens a class to a user by one function: the classes of a [`Principal`] do not tell by
/// which (R13, R17).
fn opened_by_memorandum(
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
