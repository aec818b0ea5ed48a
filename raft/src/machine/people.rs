//! Reading people and powers of the directory's state: by id, and in pages.

use model::access::policy_bundle::{PolicyBundle, ProposedBundle};
use model::access::principal::Principal;
use model::audit::merkle::Hash;
use model::codec::Stored;
use model::ids::{AgencyId, AgreementId, MemorandumId, RoleId, UserId};
use model::limits::{AGREEMENTS_MAX, MEMORANDA_MAX, SESSIONS_READ_MAX};
use model::people::{
    Agency, Agreement, Ceremony, CertificateKey, Credential, Memorandum, Party, Profile, Role, Scores, principal,
};
use model::session::Session;
use model::time::UnixMillis;

use crate::machine::state::{Page, State, damaged, decode};
use crate::storage::{Result, after_prefix, keys};

/// A caller with what he was made of.
pub struct Facts {
    pub principal: Principal,
    pub agency: Agency,
    /// Those of his agency that carry the access of people.
    pub agreements: Vec<Agreement>,
    pub memoranda: Vec<Memorandum>,
}

impl State<'_> {
    /// An agency.
    pub fn agency(&self, id: &AgencyId) -> Result<Option<Agency>> {
        self.value(&keys::agency(id))
    }

    /// Agencies after one, in order of id.
    pub fn agencies(&self, after: Option<&AgencyId>, limit: usize) -> Result<Page<Agency>> {
        self.after(keys::AGENCIES, after.map(keys::agency), limit)
    }

    /// An agreement of an agency.
    pub fn agreement(&self, agency: &AgencyId, id: &AgreementId) -> Result<Option<Agreement>> {
        self.value(&keys::agreement(agency, id))
    }

    /// All agreements of an agency: their number is bounded where they are drafted.
    pub fn agreements(&self, agency: &AgencyId) -> Result<Vec<Agreement>> {
        let prefix = keys::agreements(agency);
        let mut rows = Vec::new();
        self.0.scan(&prefix, &after_prefix(&prefix), &mut |key, value| {
            rows.push(decode(key, value));
            rows.len() < AGREEMENTS_MAX
        })?;
        rows.into_iter().collect()
    }

    /// A memorandum.
    pub fn memorandum(&self, id: &MemorandumId) -> Result<Option<Memorandum>> {
        self.value(&keys::memorandum(id))
    }

    /// Memoranda after one, in order of id.
    pub fn memoranda(&self, after: Option<&MemorandumId>, limit: usize) -> Result<Page<Memorandum>> {
        self.after(keys::MEMORANDA, after.map(keys::memorandum), limit)
    }

    /// All memoranda for a member of an agency: those that name him, and those for the agency.
    pub fn memoranda_for(&self, user: &UserId, agency: &AgencyId) -> Result<Vec<Memorandum>> {
        let mut found = Vec::new();
        for grantee in [Party::User(user.clone()), Party::Agency(agency.clone())] {
            let prefix = keys::memoranda_for(&grantee);
            let mut ids = Vec::new();
            self.0.scan(&prefix, &after_prefix(&prefix), &mut |key, _| {
                let id = keys::memorandum_id(&grantee, key);
                ids.push(id.ok_or_else(|| damaged(key, "is no key of a memorandum's grantee".into())));
                ids.len() < MEMORANDA_MAX
            })?;
            for id in ids {
                found.extend(self.memorandum(&id?)?);
            }
        }
        Ok(found)
    }

    /// The newest version of a role.
    pub fn role(&self, id: &RoleId) -> Result<Option<Role>> {
        self.value(&keys::role(id))
    }

    /// A version of a role.
    pub fn role_version(&self, id: &RoleId, version: u64) -> Result<Option<Role>> {
        self.value(&keys::role_version(id, version))
    }

    /// Newest versions of roles after one, in order of id.
    pub fn roles(&self, after: Option<&RoleId>, limit: usize) -> Result<Page<Role>> {
        self.after(keys::ROLES, after.map(keys::role), limit)
    }

    /// An account.
    pub fn profile(&self, user: &UserId) -> Result<Option<Profile>> {
        self.value(&keys::profile(user))
    }

    /// Accounts after one, in order of id.
    pub fn profiles(&self, after: Option<&UserId>, limit: usize) -> Result<Page<Profile>> {
        self.after(keys::PROFILES, after.map(keys::profile), limit)
    }

    /// The denials of an account that still counted when the last of them was recorded.
    pub fn scores(&self, user: &UserId) -> Result<Scores> {
        Ok(self.value(&keys::scores(user))?.unwrap_or_else(|| Scores::none(user.clone())))
    }

    /// The floor of a party, as this group has it.
    pub fn floor(&self, party: &Party) -> Result<u64> {
        Ok(self.number(&keys::floor(party))?.unwrap_or(0))
    }

    /// The account that a certificate is of.
    pub fn user_of_certificate(&self, name: &str) -> Result<Option<UserId>> {
        let key = keys::certificate(CertificateKey::of(name));
        let user = |bytes: Vec<u8>| {
            let user = std::str::from_utf8(&bytes).ok().and_then(|text| UserId::new(text).ok());
            user.ok_or_else(|| damaged(&key, "is not of a user".into()))
        };
        self.0.get(&key)?.map(user).transpose()
    }

    /// A session by the SHA-256 of its handle.
    pub fn session(&self, handle: &Hash) -> Result<Option<Session>> {
        self.value(&keys::session(handle))
    }

    /// The sessions of a user, those that are over with them.
    pub fn sessions_of(&self, user: &UserId) -> Result<Vec<Session>> {
        let prefix = keys::sessions_of(user);
        let mut handles = Vec::new();
        self.0.scan(&prefix, &after_prefix(&prefix), &mut |key, _| {
            handles.push(keys::session_handle(key).ok_or_else(|| damaged(key, "is no key of a session".into())));
            handles.len() < SESSIONS_READ_MAX
        })?;
        let mut found = Vec::new();
        for handle in handles {
            found.extend(self.session(&handle?)?);
        }
        Ok(found)
    }

    /// The path of a password of an account.
    pub fn credential(&self, user: &UserId) -> Result<Option<Credential>> {
        self.value(&keys::credential(user))
    }

    /// All that an account's facts at a time are made of; None: its agency is not there.
    pub fn facts_of(&self, profile: &Profile, now: UnixMillis) -> Result<Option<Facts>> {
        let Some(agency) = self.agency(&profile.agency)? else { return Ok(None) };
        let mut roles = Vec::new();
        for role in profile.roles.keys() {
            roles.extend(self.role(role)?);
        }
        let agreements = self.agreements(&profile.agency)?;
        let memoranda = self.memoranda_for(&profile.user, &profile.agency)?;
        let principal = principal(profile, &agency, &roles, &agreements, &memoranda, now);
        let agreements = agreements.into_iter().filter(Agreement::is_for_people).collect();
        Ok(Some(Facts { principal, agency, agreements, memoranda }))
    }

    /// What the founding ceremony must prove.
    pub fn ceremony(&self) -> Result<Option<Ceremony>> {
        self.value(keys::CEREMONY)
    }

    /// The access policies in force; none: those that are built in.
    pub fn policy_bundle(&self) -> Result<Option<PolicyBundle>> {
        self.value(keys::POLICY_BUNDLE)
    }

    /// The access policies of a version.
    pub fn policy_bundle_of(&self, version: u64) -> Result<Option<PolicyBundle>> {
        self.value(&keys::policy_bundle_of(version))
    }

    /// The access policies that wait for approval.
    pub fn proposed_bundle(&self) -> Result<Option<ProposedBundle>> {
        self.value(keys::PROPOSED_BUNDLE)
    }

    fn after<T: Stored>(&self, prefix: &[u8], after: Option<Vec<u8>>, limit: usize) -> Result<Page<T>> {
        let from = match after {
            Some(row) => [row.as_slice(), &[0]].concat(),
            None => prefix.to_vec(),
        };
        self.page((&from, &after_prefix(prefix)), false, limit, decode)
    }
}
