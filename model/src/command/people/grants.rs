//! Grants (R11, R12, R21): a control officer gives what he may use and assign, to accounts of his own, over their
//! datasets, no longer than he has it himself. Taking away asks for less.

use std::collections::BTreeSet;

use crate::access::denial::Denial;
use crate::access::function::Function;
use crate::access::principal::Category;
use crate::command::people::ground::{Actor, Step, agency, denied, facts, unfit};
use crate::command::people::user::{Assignment, Grant};
use crate::error::{Invalid, RefusalCode};
use crate::ids::RoleId;
use crate::limits::{ASSIGN_MAX, TRANSACTION_MAX_MS};
use crate::people::Role;
use crate::people::agency::check_count;
use crate::people::duty::may_hold;
use crate::people::profile::{AssignRight, Profile, ProposedAssign, Transaction};
use crate::time::UnixMillis;
use crate::view::View;

pub fn grant(view: &dyn View, actor: &Actor, before: &Profile, grant: &Grant) -> Step<Profile> {
    takes_grants(actor, before)?;
    let mut after = before.clone();
    match grant {
        Grant::Role(id) => {
            for function in role(view, id)?.functions {
                may_assign(view, actor, before, function, None)?;
            }
            after.roles.entry(id.clone()).or_insert(actor.stamp());
        }
        Grant::Function(function) => {
            may_assign(view, actor, before, *function, None)?;
            after.functions.entry(*function).or_insert(actor.stamp());
        }
    }
    Ok(after)
}

pub fn revoke(view: &dyn View, actor: &Actor, before: &Profile, grant: &Grant) -> Step<Profile> {
    actor.is_above(view, before)?;
    let mut after = before.clone();
    let found = match grant {
        Grant::Role(id) => after.roles.remove(id).is_some(),
        Grant::Function(function) => after.functions.remove(function).is_some(),
    };
    if found { Ok(after) } else { Err(unfit(RefusalCode::WrongState, "the account has no such grant")) }
}

pub fn open(view: &dyn View, actor: &Actor, before: &Profile, assignment: Assignment) -> Step<Profile> {
    takes_grants(actor, before)?;
    let Assignment { function, from, to } = assignment;
    if from >= to || to <= actor.now || to.since(from) > TRANSACTION_MAX_MS {
        let reason = format!("must be after from and now, and at most {TRANSACTION_MAX_MS} ms after from");
        return Err(Invalid::new("to", reason).into());
    }
    may_assign(view, actor, before, function, Some((from, to)))?;
    let mut after = before.clone();
    after.transactions.retain(|one| actor.now < one.to);
    if !after.transactions.iter().any(|one| is(one, &assignment)) {
        after.transactions.push(Transaction { function, from, to, granted: actor.stamp() });
    }
    Ok(after)
}

pub fn close(view: &dyn View, actor: &Actor, before: &Profile, assignment: Assignment) -> Step<Profile> {
    actor.is_above(view, before)?;
    let mut after = before.clone();
    after.transactions.retain(|one| !is(one, &assignment));
    if after.transactions.len() == before.transactions.len() {
        return Err(unfit(RefusalCode::WrongState, "the account has no such transaction"));
    }
    Ok(after)
}

fn is(one: &Transaction, assignment: &Assignment) -> bool {
    (one.function, one.from, one.to) == (assignment.function, assignment.from, assignment.to)
}

/// The new control officer answers for everything that was granted before him as if he granted it now; what he may not
/// grant is to be revoked first.
pub fn affirm(view: &dyn View, actor: &Actor, before: &Profile) -> Step<Profile> {
    actor.keeps(before)?;
    if !before.frozen {
        return Err(unfit(RefusalCode::WrongState, "nothing is frozen"));
    }
    let mut after = before.clone();
    after.transactions.retain(|one| actor.now < one.to);
    for id in before.roles.keys() {
        for function in role(view, id)?.functions {
            may_assign(view, actor, before, function, None)?;
        }
    }
    for function in before.functions.keys() {
        may_assign(view, actor, before, *function, None)?;
    }
    for one in &after.transactions {
        may_assign(view, actor, before, one.function, Some((one.from, one.to)))?;
    }
    after.frozen = false;
    Ok(after)
}

/// By two national control officers of the operator, neither of them the one who gains.
pub fn assign(view: &dyn View, actor: &Actor, before: &Profile, assign: &BTreeSet<AssignRight>) -> Step<Profile> {
    actor.is_another(&before.user)?;
    if !(actor.agency.operator && actor.agency.is_national(&actor.profile.user)) {
        let text = "rights to assign come from the national control officers of the operator";
        return Err(denied(RefusalCode::NotEntitled, Denial::Delegation, text));
    }
    if before.category != Category::ControlOfficer || !before.is_active() {
        return Err(unfit(RefusalCode::WrongState, "only an active control officer assigns"));
    }
    check_count("assign", assign.len(), ASSIGN_MAX)?;
    for id in assign.iter().map(|right| &right.agency).collect::<BTreeSet<_>>() {
        agency(view, id)?;
    }
    let mut after = before.clone();
    let confirmed = match &before.proposed_assign {
        Some(proposed) => {
            let another = proposed.by != actor.profile.user && actor.agency.is_national(&proposed.by);
            let active = view.profile(&proposed.by)?.is_some_and(|proposer| proposer.is_active());
            another && active && proposed.assign == *assign
        }
        None => false,
    };
    if confirmed {
        (after.assign, after.proposed_assign) = (assign.clone(), None);
    } else {
        after.proposed_assign = Some(ProposedAssign { assign: assign.clone(), by: actor.profile.user.clone() });
    }
    Ok(after)
}

fn role(view: &dyn View, id: &RoleId) -> Step<Role> {
    view.role(id)?.ok_or_else(|| unfit(RefusalCode::UnknownObject, format!("there is no role {id}")))
}

/// The account is the actor's, active, and not frozen.
fn takes_grants(actor: &Actor, before: &Profile) -> Step<()> {
    actor.keeps(before)?;
    if !before.is_active() {
        return Err(unfit(RefusalCode::WrongState, "only an active account is granted anything"));
    }
    if before.frozen {
        return Err(unfit(RefusalCode::WrongState, "affirm what was granted before you first"));
    }
    Ok(())
}

/// Whether the actor may give a function to an account (R21), and the account may have it (R09, R06).
fn may_assign(
    view: &dyn View,
    actor: &Actor,
    to: &Profile,
    function: Function,
    window: Option<(UnixMillis, UnixMillis)>,
) -> Step<()> {
    let refuse = |denial, text: &str| Err(denied(RefusalCode::NotEntitled, denial, &format!("{function}: {text}")));
    let right = |dataset| AssignRight { function, agency: to.agency.clone(), dataset };
    if !to.datasets.iter().all(|dataset| actor.profile.assign.contains(&right(*dataset))) {
        return refuse(Denial::Delegation, "you may not assign it to this agency over all datasets of the account");
    }
    if !to.datasets.is_subset(&actor.principal.datasets) {
        return refuse(Denial::Delegation, "the account is for datasets that you may not use");
    }
    let covers = |(own, from, until): &(Function, UnixMillis, UnixMillis)| {
        let open = *from <= actor.now && actor.now < *until;
        *own == function && open && window.is_some_and(|window| *from <= window.0 && window.1 <= *until)
    };
    let uses = actor.principal.functions.contains(&function) || actor.principal.transactions.iter().any(covers);
    if !uses {
        return refuse(Denial::Delegation, "you may not use it yourself for as long");
    }
    if !may_hold(to.category, function) {
        return refuse(Denial::Duty, "the account's category may not hold it");
    }
    let (_, principal) = facts(view, to, actor.now)?;
    if principal.agreement.is_some_and(|scope| !scope.functions.contains(&function)) {
        return refuse(Denial::Agreement, "no agreement of the account's agency in force names it");
    }
    Ok(())
}
