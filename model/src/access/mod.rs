//! Who may do and see what (SECURITY.md 1): the functions, the reasons of refusals, what the gate knows of a caller, his
//! standing, and the labels by which lists and searches are cut to what he may see. The gate's policies say the same in
//! Cedar (`access/`); tests there hold both against each other.

pub mod admit;
pub mod denial;
pub mod function;
pub mod grants;
pub mod labels;
pub mod policy_bundle;
pub mod principal;
pub mod standing;
#[cfg(test)]
pub(crate) mod testing;
