//! What a call can end with other than an answer.

use model::error::RefusalCode;
use model::ids::RequestId;
use proto::metadata;
use tonic::{Code, ConnectError, Status};

/// The code of a node that is asked too much by one user or agency.
pub const SLOW_DOWN: &str = "slow-down";

/// The code of a node that has no room for a request.
pub(crate) const BUSY: &str = "busy";

/// What an error asks of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request itself is wrong.
    Invalid,
    /// There is no such record, or none that the caller may see.
    NotFound,
    /// A rule refuses the request as things stand now, such as a stale version.
    Refused,
    /// No endpoint answered in time, or the cluster cannot serve now.
    Unavailable,
    /// Anything else: a fault in the cluster or between it and here.
    Internal,
}

/// Why a call did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientError {
    pub kind: ErrorKind,
    /// Stable code; `unavailable` and `internal` where no node gave one.
    pub code: String,
    /// The field at fault.
    pub field: Option<String>,
    pub text: String,
    /// A write may or may not have taken place: the same request id settles it. A change of the cluster has none.
    pub outcome_unknown: bool,
    /// The request id of a write.
    pub request_id: Option<RequestId>,
}

impl std::fmt::Display for ClientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.field {
            // The node's text may begin with the field already.
            Some(field) if !self.text.starts_with(field.as_str()) => write!(f, "{field}: {}", self.text)?,
            _ => f.write_str(&self.text)?,
        }
        match (self.outcome_unknown, self.request_id) {
            (true, Some(id)) => write!(f, "; outcome unknown: repeat it with request id {id} to settle it"),
            (true, None) => f.write_str("; outcome unknown: look at the state of the cluster before you repeat it"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for ClientError {}

impl ClientError {
    pub(crate) fn invalid(field: &str, text: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Invalid,
            code: RefusalCode::Invalid.code().to_string(),
            field: Some(field.to_string()),
            text: text.into(),
            outcome_unknown: false,
            request_id: None,
        }
    }

    pub(crate) fn unavailable(text: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Unavailable,
            code: "unavailable".to_string(),
            field: None,
            text: text.into(),
            outcome_unknown: false,
            request_id: None,
        }
    }

    /// Every node asked for patience that lasts longer than the call.
    pub(crate) fn busy(again: std::time::Duration) -> Self {
        let text = format!("the cluster is busy; it may be asked again in {} ms", again.as_millis());
        Self { code: BUSY.to_string(), ..Self::unavailable(text) }
    }

    /// What a status says, without what only the caller of the attempt knows.
    pub(crate) fn of(status: &Status) -> Self {
        let kind = match status.code() {
            Code::InvalidArgument | Code::OutOfRange => ErrorKind::Invalid,
            Code::NotFound => ErrorKind::NotFound,
            Code::FailedPrecondition
            | Code::Aborted
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::Unauthenticated => ErrorKind::Refused,
            Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Cancelled => {
                ErrorKind::Unavailable
            }
            _ => ErrorKind::Internal,
        };
        let outcome_unknown = value(status, metadata::OUTCOME).as_deref() == Some("unknown");
        let kind = if outcome_unknown { ErrorKind::Unavailable } else { kind };
        let fallback = if kind == ErrorKind::Unavailable { "unavailable" } else { "internal" };
        let text = if status.message().is_empty() { status.code().description() } else { status.message() };
        Self {
            kind,
            code: value(status, metadata::CODE).unwrap_or_else(|| fallback.to_string()),
            field: value(status, metadata::FIELD),
            text: text.to_string(),
            outcome_unknown,
            request_id: None,
        }
    }
}

fn value(status: &Status, key: &str) -> Option<String> {
    status.metadata().get(key)?.to_str().ok().map(str::to_string)
}

/// What one failed attempt means for the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub error: ClientError,
    /// Another attempt may succeed.
    pub retry: bool,
    /// A node said it, so it tells more than that another one is away.
    pub said: bool,
    /// What a write asked for may have happened.
    pub maybe_done: bool,
    /// The verdict is about this request id and final, so that it settles earlier attempts too.
    pub settles: bool,
    /// Milliseconds that the node asks to wait.
    pub wait_ms: Option<u64>,
}

impl Failure {
    /// Judges the status of an attempt at an endpoint.
    pub(crate) fn of(status: &Status, address: &str) -> Self {
        let mut error = ClientError::of(status);
        // Only a node sets a code. Without one the status was made on the way, and what the node did is not known, unless
        // there was no connection to send anything over.
        let verdict = value(status, metadata::CODE);
        let connected = !was_not_connected(status);
        if verdict.is_none() {
            error.text = format!("{address}: {}", error.text);
        }
        let late = status.code() == Code::DeadlineExceeded;
        let retry = match status.code() {
            _ if error.outcome_unknown || late => true,
            Code::Unavailable | Code::ResourceExhausted => true,
            Code::Cancelled | Code::Unknown | Code::Internal | Code::Aborted => verdict.is_none(),
            _ => false,
        };
        if verdict.is_none() && retry && error.kind == ErrorKind::Internal {
            // A connection that broke is no mistake of anybody's program.
            (error.kind, error.code) = (ErrorKind::Unavailable, "unavailable".to_string());
        }
        // A node whose deadline passed, or that failed within, may have proposed the write before.
        let broke = late || status.code() == Code::Internal;
        let refusal = verdict.as_deref().and_then(RefusalCode::from_code);
        // A node repeats a proposal by itself, and whoever asks may do so a day later: what is too old to be remembered may
        // have taken place before.
        let forgotten = refusal == Some(RefusalCode::RequestTooOld);
        let maybe_done = error.outcome_unknown || broke || forgotten || (verdict.is_none() && connected && retry);
        let settles = !retry && refusal.is_some_and(is_final);
        let wait_ms = value(status, metadata::RETRY_MS).and_then(|ms| ms.parse().ok());
        Self { error, retry, said: verdict.is_some(), maybe_done, settles, wait_ms }
    }

    /// An attempt that was not answered in its time.
    pub(crate) fn timed_out(address: &str, after: std::time::Duration) -> Self {
        let error = ClientError::unavailable(format!("{address} did not answer within {} ms", after.as_millis()));
        Self { error, retry: true, said: false, maybe_done: true, settles: false, wait_ms: None }
    }
}

/// Whether a refusal says that no attempt under this request id took place, nor will. One that is too old to be remembered
/// may have.
fn is_final(refusal: RefusalCode) -> bool {
    !matches!(
        refusal,
        RefusalCode::DecisionLapsed
            | RefusalCode::DecisionRevoked
            | RefusalCode::AuditSplit
            | RefusalCode::WrongGroup
            | RefusalCode::RequestTooOld
    )
}

fn was_not_connected(status: &Status) -> bool {
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        if error.is::<ConnectError>() {
            return true;
        }
        source = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(mut status: Status, pairs: &[(&'static str, &'static str)]) -> Status {
        for (key, value) in pairs {
            status.metadata_mut().insert(*key, value.parse().expect("ascii"));
        }
        status
    }

    #[test]
    fn a_status_made_on_the_way_leaves_the_outcome_open_and_a_verdict_does_not() {
        let lost = Failure::of(&Status::unknown("transport error"), "n1:1");
        assert!(lost.retry && lost.maybe_done && !lost.settles);
        assert_eq!((lost.error.kind, lost.error.code.as_str()), (ErrorKind::Unavailable, "unavailable"));
        let busy = Failure::of(&with(Status::resource_exhausted("busy"), &[("portcullis-code", "busy")]), "n1:1");
        assert!(busy.retry && !busy.maybe_done);
        let unknown = [("portcullis-code", "outcome-unknown"), ("portcullis-outcome", "unknown")];
        for status in [Status::unavailable("no leader"), Status::unknown("no leader")] {
            let open = Failure::of(&with(status, &unknown), "n1:1");
            assert!(open.retry && open.maybe_done && open.error.kind == ErrorKind::Unavailable);
        }
        let late = Failure::of(&with(Status::deadline_exceeded("late"), &[("portcullis-code", "deadline")]), "n1:1");
        assert!(late.retry && late.maybe_done);
        let stale = with(Status::failed_precondition("is 3"), &[("portcullis-code", "stale-version")]);
        let stale = Failure::of(&stale, "n1:1");
        assert!(!stale.retry && !stale.maybe_done && stale.settles);
        let old = with(Status::failed_precondition("is a day old"), &[("portcullis-code", "request-too-old")]);
        let old = Failure::of(&old, "n1:1");
        assert!(!old.retry && old.maybe_done && !old.settles);
        let fault = Failure::of(&with(Status::internal("damaged"), &[("portcullis-code", "internal")]), "n1:1");
        assert!(!fault.retry && fault.maybe_done && !fault.settles);
    }

    #[test]
    fn only_a_refusal_that_knows_of_earlier_attempts_settles_them() {
        for (code, settles) in [
            ("stale-version", true),
            ("no-record-available", true),
            ("request-id-reused", true),
            ("invalid", true),
            ("request-too-old", false),
            ("unknown-group", false),
        ] {
            let failure = Failure::of(&with(Status::failed_precondition("no"), &[("portcullis-code", code)]), "n1:1");
            let maybe_done = code == "request-too-old";
            assert_eq!((failure.retry, failure.maybe_done, failure.settles), (false, maybe_done, settles), "{code}");
        }
        for code in ["decision-lapsed", "wrong-group", "audit-unavailable", "unavailable"] {
            let failure = Failure::of(&with(Status::unavailable("no"), &[("portcullis-code", code)]), "n1:1");
            assert_eq!((failure.retry, failure.maybe_done, failure.settles), (true, false, false), "{code}");
        }
    }

    #[test]
    fn an_unknown_outcome_names_the_request_id() {
        let mut error = ClientError::unavailable("nobody answered");
        error.outcome_unknown = true;
        error.request_id = Some(RequestId([7; 16]));
        assert_eq!(
            error.to_string(),
            format!("nobody answered; outcome unknown: repeat it with request id {} to settle it", "07".repeat(16))
        );
    }
}
