//! No answer without its evidence: an answer is built [`Unreleased`], its event is made durable, and only then it is
//! [`Released`], the only thing that can be encoded (NoUnauditedAnswer).

mod pipeline;
mod publish;
mod released;
mod witness;

pub use pipeline::{AuditError, AuditMetrics, Pipeline, Receipt};
pub use publish::{PublishMetrics, Publisher, Witnesses};
pub use released::{Answer, NoRecordData, Released, Unreleased};
