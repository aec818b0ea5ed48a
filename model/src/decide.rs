//! `decide`: the one function that says what a command changes. Pure; `raft/` stores what it returns.

use crate::command::{
    Command, Outcome, acknowledge, append, cluster, create, deliver, end_override, import, record_override, remove,
    update,
};
use crate::envelope::Envelope;
use crate::error::{Refusal, RefusalCode};
use crate::ids::GroupId;
use crate::limits::DECISION_VALID_MS;
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
    // A change of one record looks into its request memory first: what took place is answered, however late.
    let by_request = matches!(
        envelope.command,
        Command::CreateRecord(_)
            | Command::UpdateRecord(_)
            | Command::RemoveRecord(_)
            | Command::RecordOverride(_)
            | Command::EndOverride(_)
    );
    if !by_request && let Some(refusal) = lapsed(context, envelope) {
        return Ok(Effects { writes: Vec::new(), outcome: Outcome::Refused(refusal) });
    }
    match &envelope.command {
        Command::CreateRecord(command) => create::decide(view, context, envelope, command),
        Command::UpdateRecord(command) => update::decide(view, context, envelope, command),
        Command::RemoveRecord(command) => remove::decide(view, context, envelope, command),
        Command::ImportBegin(command) => import::begin(view, context, command),
        Command::ImportBatch(command) => import::batch(view, context, envelope, command),
        Command::ImportSweep(command) => import::sweep(view, context, envelope, command),
        Command::RecordOverride(command) => record_override::decide(view, context, envelope, command),
        Command::EndOverride(command) => end_override::decide(view, context, envelope, command),
        Command::Deliver(command) => deliver::decide(view, context, command),
        Command::Acknowledge(command) => acknowledge::decide(view, command),
        Command::Tick(()) => Ok(Effects { writes: Vec::new(), outcome: Outcome::Done(()) }),
        Command::AssignSlots(map) => cluster::assign_slots(view, map),
        Command::InitialiseCluster(info) => cluster::initialise(view, info),
        Command::PutNode(info) => cluster::put_node(info),
        Command::PutPolicies(policies) => policy::put(view, policies),
        Command::AppendEvents(command) => append::decide(view, context, command),
    }
}

/// The refusal of a command whose decision is too old. Nothing is remembered of it: the same request may come again with a
/// fresh decision.
pub fn lapsed(context: Context, envelope: &Envelope) -> Option<Refusal> {
    let decision = envelope.decision.as_ref()?;
    (context.time.since(decision.made_at) > DECISION_VALID_MS).then(|| {
        let text = "the access decision is older than 2 seconds; it must be made again";
        Refusal::new(RefusalCode::DecisionLapsed, text)
    })
}

impl Effects {
    /// Nothing is written; the caller reads why.
    pub fn refused(code: RefusalCode, text: impl Into<String>) -> Self {
        Self { writes: Vec::new(), outcome: Outcome::Refused(Refusal::new(code, text)) }
    }
}
