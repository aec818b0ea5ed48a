//! What a decision may read of people and powers.

use sha2::{Digest, Sha256};

use crate::access::policy_bundle::{PolicyBundle, ProposedBundle};
use crate::audit::merkle::Hash;
use crate::ids::{AgencyId, AgreementId, MemorandumId, RoleId, UserId};
use crate::people::{Agency, Agreement, Ceremony, Credential, Memorandum, Party, Profile, Role, Scores};
use crate::session::Session;
use crate::view::Read;

/// What stands for a certificate's name in a key: the first bytes of its SHA-256, since keys hold no names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CertificateKey(pub [u8; 16]);

impl CertificateKey {
    /// The key of a name.
    pub fn of(name: &str) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&Sha256::digest(name.as_bytes())[..16]);
        Self(key)
    }
}

/// The part of a group's state that is about people. All of it is the directory's, but for the floors, which every
/// group has.
pub trait PeopleView {
    /// An agency.
    fn agency(&self, agency: &AgencyId) -> Read<Option<Agency>>;
    /// An agreement of an agency.
    fn agreement(&self, agency: &AgencyId, id: &AgreementId) -> Read<Option<Agreement>>;
    /// All agreements of an agency, in order of id.
    fn agreements(&self, agency: &AgencyId) -> Read<Vec<Agreement>>;
    /// A memorandum.
    fn memorandum(&self, id: &MemorandumId) -> Read<Option<Memorandum>>;
    /// How many memoranda there are for a grantee, ended ones with them, counted up to a limit.
    fn memoranda_count(&self, grantee: &Party, limit: usize) -> Read<usize>;
    /// The newest version of a role.
    fn role(&self, id: &RoleId) -> Read<Option<Role>>;
    /// An account.
    fn profile(&self, user: &UserId) -> Read<Option<Profile>>;
    /// Whether there is any account, closed ones with them.
    fn any_profile(&self) -> Read<bool>;
    /// The denials of an account that still count.
    fn scores(&self, user: &UserId) -> Read<Scores>;
    /// The floor of a party; 0 where there is none.
    fn floor(&self, party: &Party) -> Read<u64>;
    /// The account that a certificate is of.
    fn certificate(&self, key: CertificateKey) -> Read<Option<UserId>>;
    /// A session by the SHA-256 of its handle.
    fn session(&self, handle: &Hash) -> Read<Option<Session>>;
    /// The sessions of a user, those that are over with them.
    fn sessions_of(&self, user: &UserId) -> Read<Vec<Session>>;
    /// The path of a password of an account; none: nothing was ever set or tried.
    fn credential(&self, user: &UserId) -> Read<Option<Credential>>;
    /// What the founding ceremony must prove.
    fn ceremony(&self) -> Read<Option<Ceremony>>;
    /// The access policies in force; none: those that are built in.
    fn policy_bundle(&self) -> Read<Option<PolicyBundle>>;
    /// The access policies that wait for approval.
    fn proposed_bundle(&self) -> Read<Option<ProposedBundle>>;
}
