//! People and powers (SECURITY.md 1): agencies and their agreements, roles, accounts and what keeps them in standing.
//! All of it is kept in the directory; here are the stored forms and the pure rules over them. The commands that change
//! them stand in `command/people/`.
//!
//! An account's access at a time is a [`Principal`](crate::access::principal::Principal), made by
//! [`principal::principal`]. What lapses by time lapses there, without an entry in the log. What somebody takes away
//! bumps an epoch, and a floor of that epoch goes to every group ([`floor`]), so that decisions on what was before are
//! refused.

pub mod agency;
pub mod agreement;
pub mod credential;
pub mod duty;
pub mod floor;
pub mod founding;
pub mod memorandum;
pub mod personal;
pub mod principal;
pub mod profile;
pub mod role;
pub mod scores;
pub mod sight;
pub mod validity;
pub mod view;

pub use agency::Agency;
pub use agreement::{Agreement, AgreementKind, AgreementStage, SystemPrincipal};
pub use credential::{Credential, LogOnFault, Proven};
pub use floor::{Epochs, Floor, Party};
pub use founding::Ceremony;
pub use memorandum::{Memorandum, MemorandumStage, MemorandumSubject};
pub use personal::Personal;
pub use principal::{principal, system_principal};
pub use profile::{AccountState, AssignRight, Cause, Profile, Standing, Transaction};
pub use role::Role;
pub use scores::Scores;
pub use sight::Viewer;
pub use view::{CertificateKey, PeopleView};

#[cfg(test)]
mod people_test;
