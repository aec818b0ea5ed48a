//! What the clients asked and were told, in the order in which it happened.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use client::{ClientError, v1};
use model::ids::RequestId;

use crate::event;
use crate::trace::Trace;

/// A call as a client made it.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    Create { request: RequestId, message: v1::CreateLookoutRequest },
    Update { request: RequestId, message: v1::UpdateLookoutRequest },
    Remove { request: RequestId, message: v1::RemoveLookoutRequest },
    Override { request: RequestId, message: v1::RecordOverrideRequest },
    EndOverride { request: RequestId, message: v1::EndOverrideRequest },
    Get { message: v1::GetLookoutRequest },
    Screen { message: v1::ScreenRequest },
    Import { source: String, import: String, entries: Vec<v1::ImportEntry> },
    Checkpoint { message: v1::CheckpointRequest },
    ReadAudit { message: v1::ReadAuditRequest },
    List { message: v1::ListLookoutsRequest },
    History { message: v1::HistoryRequest },
    Operate { what: String },
}

/// What a client was told.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Changed(v1::ChangeResponse),
    /// An override was recorded or ended.
    Overridden(v1::ChangeResponse),
    Record(Box<v1::LookoutRecord>),
    Screened(v1::ScreenResponse),
    /// The import's steps, the last of them its end.
    Imported(Vec<v1::ImportProgress>),
    Checkpoint(v1::CheckpointResponse),
    Audit(v1::ReadAuditResponse),
    Listed(v1::ListLookoutsResponse),
    Versions(v1::HistoryResponse),
    Done,
}

/// A call with its end.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Who asks.
    pub user: String,
    pub call: Call,
    /// Place in the order of all beginnings and ends.
    pub begun: u64,
    pub begun_ms: u64,
    pub deadline_ms: u64,
    /// Place, time and what the client was told; none if it never was.
    pub ended: Option<(u64, u64, Result<Answer, ClientError>)>,
}

/// The history of a run; clones share it.
#[derive(Clone)]
pub struct History {
    inner: Arc<Mutex<Inner>>,
    trace: Trace,
}

#[derive(Default)]
struct Inner {
    order: u64,
    operations: Vec<Operation>,
}

impl History {
    /// Nothing yet.
    pub fn new(trace: Trace) -> Self {
        Self { inner: Arc::default(), trace }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call begins; returns its number.
    pub fn begin(&self, user: &str, deadline_ms: u64, call: Call) -> usize {
        let begun_ms = self.trace.now_ms();
        self.trace.mark(call.name());
        let mut inner = self.inner();
        inner.order += 1;
        let begun = inner.order;
        let number = inner.operations.len();
        event!(self.trace, "call {number} {user} {}", call.name());
        inner.operations.push(Operation { user: user.to_string(), call, begun, begun_ms, deadline_ms, ended: None });
        number
    }

    /// A call has ended.
    pub fn end(&self, number: usize, told: Result<Answer, ClientError>) {
        let now = self.trace.now_ms();
        match &told {
            Ok(answer) => event!(self.trace, "told {number} {:x}", digest(answer)),
            Err(error) => {
                event!(self.trace, "told {number} {} unknown={} {}", error.code, error.outcome_unknown, error.text);
                self.trace.mark(&format!("answered {}", error.code));
            }
        }
        let mut inner = self.inner();
        inner.order += 1;
        let order = inner.order;
        if let Some(operation) = inner.operations.get_mut(number) {
            operation.ended = Some((order, now, told));
        }
    }

    /// All calls.
    pub fn operations(&self) -> Vec<Operation> {
        self.inner().operations.clone()
    }

    /// How many calls there were.
    pub fn len(&self) -> usize {
        self.inner().operations.len()
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn digest(answer: &Answer) -> u64 {
    use std::hash::Hasher;
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(format!("{answer:?}").as_bytes());
    hasher.finish()
}

impl Call {
    /// The call's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Update { .. } => "update",
            Self::Remove { .. } => "remove",
            Self::Override { .. } => "override",
            Self::EndOverride { .. } => "end of an override",
            Self::Get { message } if message.version > 0 => "get of a version",
            Self::Get { .. } => "get",
            Self::Screen { message } if message.freshness == "linearizable" => "screen linearizable",
            Self::Screen { .. } => "screen local",
            Self::Import { .. } => "import",
            Self::Checkpoint { .. } => "checkpoint",
            Self::ReadAudit { .. } => "audit read",
            Self::List { .. } => "list",
            Self::History { .. } => "history",
            Self::Operate { .. } => "operate",
        }
    }
}

impl Operation {
    /// What the client was told, if it was.
    pub fn answer(&self) -> Option<&Answer> {
        self.ended.as_ref().and_then(|(_, _, told)| told.as_ref().ok())
    }

    /// The error that it was told.
    pub fn error(&self) -> Option<&ClientError> {
        self.ended.as_ref().and_then(|(_, _, told)| told.as_ref().err())
    }
}
