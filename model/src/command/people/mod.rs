//! The commands that change people and powers, in the directory group. Each stands on `ground.rs`: who asks must
//! himself be entitled when the entry is applied, whatever the gate decided before.

pub mod agency;
pub mod agreement;
mod credential;
pub mod denials;
pub mod founding;
mod grants;
mod ground;
pub mod memorandum;
pub mod policy_bundle;
pub mod request;
pub mod role;
pub mod session;
pub mod sign_on;
mod standing;
mod superiors;
mod suspension;
pub mod user;

#[cfg(test)]
mod agreement_test;
#[cfg(test)]
mod escalation_test;
#[cfg(test)]
mod grants_test;
#[cfg(test)]
mod policy_bundle_test;
#[cfg(test)]
mod session_test;
#[cfg(test)]
mod sign_on_test;
#[cfg(test)]
mod standing_test;
#[cfg(test)]
mod suspension_test;
#[cfg(test)]
pub(crate) mod testing;
