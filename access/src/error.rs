//! Why a text of policies is not taken.

use model::error::Invalid;

use crate::corpus::CorpusError;

/// Why a text of policies is not taken. The messages name policies, which are no secret, and no person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("the policies do not parse: {0}")]
    Parse(String),
    #[error("the schema does not parse: {0}")]
    Schema(String),
    #[error("a policy is a template; write it out")]
    Template,
    #[error("{found} policies, at most {most} are allowed: each is looked at in every decision")]
    TooMany { found: usize, most: usize },
    #[error("a policy has no `@id`: {0}")]
    Unnamed(String),
    #[error("policy `{policy}` {reason}")]
    Policy { policy: String, reason: String },
    #[error("the policies do not go with the schema: {0}")]
    Rejected(String),
    #[error("the policies were checked against another schema than this program has; put them anew")]
    OtherSchema,
    #[error("the policies are in version {found} of Cedar, this program speaks {known}; put them anew")]
    OtherLanguage { found: String, known: String },
    #[error("the policies were held against other decisions than this program has; put them anew")]
    OtherDecisions,
    #[error(transparent)]
    Decisions(#[from] CorpusError),
}
