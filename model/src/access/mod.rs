//! Who may do and see what (SECURITY.md 1): the functions, the reasons of refusals, what the gate knows of a caller, and the
//! labels by which lists and searches are cut to what he may see.

pub mod denial;
pub mod function;
pub mod labels;
pub mod principal;
