//! A context may hold several identities, as the one of a playground does: each command takes the one whose duty it is.

use model::access::function::Function;
use serde::{Deserialize, Serialize};

use crate::context::TlsContext;

/// One of the identities of a context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub user: String,
    /// Why he asks; that of the context if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    pub tls: TlsContext,
    /// The functions that are his duty, by their codes.
    pub duties: Vec<Function>,
}

/// The identity whose duty a function is, the context's own user before others. None where he is meant whatever his duties are: a
/// context whose user is none of its identities is his alone.
pub fn chosen<'a>(identities: &'a [Identity], user: &str, function: Function) -> Option<&'a Identity> {
    let own = identities.iter().find(|identity| identity.user == user)?;
    let with_duty = |identity: &&Identity| identity.duties.contains(&function);
    Some(own).filter(with_duty).or_else(|| identities.iter().find(with_duty))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_takes_whose_duty_it_is_and_a_context_of_ones_own_is_left_alone() {
        let identity = |user: &str, duties: &[Function]| Identity {
            user: user.to_string(),
            purpose: None,
            tls: TlsContext { ca: "ca".into(), certificate: "c".into(), key: "k".into() },
            duties: duties.to_vec(),
        };
        let all = [
            identity("officer", &[Function::PrimaryQuery]),
            identity("auditor", &[Function::AuditRead, Function::PrimaryQuery]),
        ];
        let user = |own: &str, function| chosen(&all, own, function).map(|identity| identity.user.clone());
        assert_eq!(user("officer", Function::PrimaryQuery).as_deref(), Some("officer"));
        assert_eq!(user("officer", Function::AuditRead).as_deref(), Some("auditor"));
        assert_eq!(user("auditor", Function::PrimaryQuery).as_deref(), Some("auditor"));
        assert_eq!(user("officer", Function::Export), None, "nobody's duty");
        assert_eq!(user("somebody", Function::AuditRead), None);
        assert!(chosen(&[], "officer", Function::AuditRead).is_none());
    }
}
