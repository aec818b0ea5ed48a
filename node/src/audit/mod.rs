//! No answer without its evidence: an answer is built [`Unreleased`], its event is made durable, and only then it is
//! [`Released`], the only thing that can be encoded (NoUnauditedAnswer).

mod pipeline;
mod released;

pub use pipeline::{AuditError, AuditMetrics, Pipeline, Receipt};
pub use released::{Answer, NoRecordData, Released, Unreleased};
