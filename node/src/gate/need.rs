//! What each call needs of its caller before anything is looked at.

use model::access::function::Function;
use model::ids::Purpose;

/// What a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A certificate, or a network without any: for who is about to sign on, and for the founding ceremony.
    Identity,
    /// A session, whatever the account may do: to ask who one is, and to log off.
    Session,
    /// How the cluster stands: the function for it, by what this replica knows, be it old, and without a session;
    /// a certificate is enough as long as there is no account.
    Status,
    /// A service function (R11).
    Function(Function),
    /// A question: at the lane or at the desk, by its purpose.
    Question,
}

/// The purpose of questions at the lane.
pub const PRIMARY: &str = "primary";

impl Need {
    /// The function that is asked for, with this purpose.
    pub fn function(self, purpose: &Purpose) -> Option<Function> {
        match self {
            Self::Identity | Self::Session => None,
            Self::Status => Some(Function::ClusterStatus),
            Self::Function(function) => Some(function),
            Self::Question if purpose.as_str() == PRIMARY => Some(Function::PrimaryQuery),
            Self::Question => Some(Function::SubjectQuery),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_one_of_the_lane_by_its_purpose_alone() {
        let function = |need: Need, purpose: &str| need.function(&Purpose::new(purpose).expect("a code"));
        assert_eq!(function(Need::Question, "primary"), Some(Function::PrimaryQuery));
        for other in ["secondary", "Primary", "primary-query", "audit"] {
            assert_eq!(function(Need::Question, other), Some(Function::SubjectQuery), "{other}");
        }
        assert_eq!(function(Need::Function(Function::BatchVetting), "primary"), Some(Function::BatchVetting));
        assert_eq!(function(Need::Status, "primary"), Some(Function::ClusterStatus));
        assert_eq!((function(Need::Identity, "primary"), function(Need::Session, "primary")), (None, None));
    }
}
