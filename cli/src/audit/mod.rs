//! Proving the audit log without trusting whoever stores it: leaves are hashed here, roots are compared here.

pub mod chain;
pub mod directory;
pub mod manifest;
pub mod policy;
pub mod remembered;
pub mod stopped;
#[cfg(test)]
mod tamper_test;

/// Shows a hash.
pub fn hex(hash: &model::audit::merkle::Hash) -> String {
    model::ids::to_hex(hash)
}

/// Reads a hash.
pub fn hash(text: &str) -> Option<model::audit::merkle::Hash> {
    model::ids::from_hex(text)?.try_into().ok()
}
