//! Which places of the product's code a run passed: each log event of ours counts as a mark, whether or not it is written.

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use crate::trace::Trace;

/// Counts events into a trace's marks.
pub struct CodeMarks(Trace);

impl CodeMarks {
    /// Counts for the whole process from now on; false if somebody else listens already.
    pub fn install(trace: &Trace) -> bool {
        tracing::subscriber::set_global_default(Self(trace.clone())).is_ok()
    }
}

impl Subscriber for CodeMarks {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("portcullis_")
    }

    fn event(&self, event: &Event<'_>) {
        // `event raft/src/groups.rs:211`
        self.0.mark(&format!("code: {}", event.metadata().name().trim_start_matches("event ")));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
