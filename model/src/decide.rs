//! `decide`: the one function that says what a command changes. Pure; `raft/` stores what it returns.

use crate::command::{
    Command, Outcome, acknowledge, append, cluster, create, deliver, end_override, import, make_key, people, publish,
    record_override, remove, reseal, update,
};
use crate::envelope::Envelope;
use crate::error::{Refusal, RefusalCode};
use crate::ids::GroupId;
use crate::known_bugs::{KnownBug, planted};
use crate::limits::DECISION_VALID_MS;
use crate::people::floor::asked_of;
use crate::policy;
use crate::time::UnixMillis;
use crate::view::{Effects, Read, View};

/// Where and when a command is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    pub group: GroupId,
    /// The entry's index in the group's log.
    pub index: u64,
    /// Log time: the greatest that any entry so far was stamped with.
    pub time: UnixMillis,
}

/// Decides one command against the state before it.
pub fn decide(view: &dyn View, context: Context, envelope: &Envelope) -> Read<Effects> {
    // A change of one record, or of people and powers, looks into its request memory first: what took place is
    // answered, however late.
    let by_request = matches!(
        envelope.command,
        Command::CreateRecord(_)
            | Command::UpdateRecord(_)
            | Command::RemoveRecord(_)
            | Command::RecordOverride(_)
            | Command::EndOverride(_)
            | Command::Bootstrap(_)
            | Command::PutAgency(_)
            | Command::PutRole(_)
            | Command::DraftAgreement(_)
            | Command::AdvanceAgreement(_)
            | Command::DraftMemorandum(_)
            | Command::AdvanceMemorandum(_)
            | Command::PutPolicyBundle(_)
            | Command::RequestUser(_)
            | Command::ChangeUser(_)
            | Command::RecordDenials(_)
            | Command::BeginSession(_)
            | Command::EndSession(_)
            | Command::BeginPasswordSession(_)
            | Command::FailLogOn(_)
            | Command::SetPassword(_)
            | Command::LockSession(_)
            | Command::ProveSession(_)
    );
    if !by_request && let Some(refusal) = outdated(view, context, envelope)? {
        return Ok(Effects { writes: Vec::new(), outcome: Outcome::Refused(refusal) });
    }
    match &envelope.command {
        Command::CreateRecord(command) => create::decide(view, context, envelope, command),
        Command::UpdateRecord(command) => update::decide(view, context, envelope, command),
        Command::RemoveRecord(command) => remove::decide(view, context, envelope, command),
        Command::ImportBegin(command) => import::begin(view, context, envelope, command),
        Command::ImportBatch(command) => import::batch(view, context, envelope, command),
        Command::ImportSweep(command) => import::sweep(view, context, envelope, command),
        Command::RecordOverride(command) => record_override::decide(view, context, envelope, command),
        Command::EndOverride(command) => end_override::decide(view, context, envelope, command),
        Command::Reseal(command) => reseal::decide(view, command),
        Command::Deliver(command) => deliver::decide(view, context, command),
        Command::Acknowledge(command) => acknowledge::decide(view, command),
        Command::Tick(()) => Ok(Effects { writes: Vec::new(), outcome: Outcome::Done(()) }),
        Command::AssignSlots(map) => cluster::assign_slots(view, map),
        Command::InitialiseCluster(info) => cluster::initialise(view, info),
        Command::PutNode(info) => cluster::put_node(info),
        Command::PutPolicies(policies) => policy::put(view, policies),
        Command::MakeKey(command) => make_key::decide(view, context, command),
        Command::AppendEvents(command) => append::decide(view, context, command),
        Command::Publish(command) => publish::decide(view, context, command),
        Command::InitialiseCeremony(ceremony) => people::founding::initialise(view, context, envelope, ceremony),
        Command::Bootstrap(command) => people::founding::decide(view, context, envelope, command),
        Command::PutAgency(command) => people::agency::decide(view, context, envelope, command),
        Command::PutRole(command) => people::role::decide(view, context, envelope, command),
        Command::DraftAgreement(command) => people::agreement::draft(view, context, envelope, command),
        Command::AdvanceAgreement(command) => people::agreement::advance(view, context, envelope, command),
        Command::DraftMemorandum(command) => people::memorandum::draft(view, context, envelope, command),
        Command::AdvanceMemorandum(command) => people::memorandum::advance(view, context, envelope, command),
        Command::PutPolicyBundle(command) => people::policy_bundle::decide(view, context, envelope, command),
        Command::RequestUser(command) => people::request::decide(view, context, envelope, command),
        Command::ChangeUser(command) => people::user::decide(view, context, envelope, command),
        Command::RecordDenials(command) => people::denials::decide(view, context, envelope, command),
        Command::BeginSession(command) => people::session::begin(view, context, envelope, command),
        Command::EndSession(command) => people::session::end(view, context, envelope, command),
        Command::SeenSessions(command) => people::session::seen(view, context, envelope, command),
        Command::BeginPasswordSession(command) => people::sign_on::begin(view, context, envelope, command),
        Command::FailLogOn(command) => people::sign_on::fail(view, context, envelope, command),
        Command::SetPassword(command) => people::sign_on::set_password(view, context, envelope, command),
        Command::LockSession(command) => people::sign_on::lock(view, context, envelope, command),
        Command::ProveSession(command) => people::sign_on::prove(view, context, envelope, command),
    }
}

/// The refusal of a command whose decision is too old, or was made before access was taken away. Nothing is remembered
/// of it: the same request may come again with a fresh decision.
pub fn outdated(view: &dyn View, context: Context, envelope: &Envelope) -> Read<Option<Refusal>> {
    let Some(decision) = &envelope.decision else { return Ok(None) };
    if context.time.since(decision.made_at) > DECISION_VALID_MS && !planted(KnownBug::DecisionNeverLapses) {
        let text = "the access decision is older than 2 seconds; it must be made again";
        return Ok(Some(Refusal::new(RefusalCode::DecisionLapsed, text)));
    }
    let Some(caller) = &envelope.caller else { return Ok(None) };
    for (party, made_on) in asked_of(caller, decision) {
        if made_on < view.floor(&party)? && !planted(KnownBug::FloorNotChecked) {
            let text = "access was taken away since the access decision; it must be made again";
            return Ok(Some(Refusal::new(RefusalCode::DecisionRevoked, text)));
        }
    }
    Ok(None)
}

impl Effects {
    /// Nothing is written; the caller reads why.
    pub fn refused(code: RefusalCode, text: impl Into<String>) -> Self {
        Self { writes: Vec::new(), outcome: Outcome::Refused(Refusal::new(code, text)) }
    }
}
