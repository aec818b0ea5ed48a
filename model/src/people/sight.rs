//! What of people and powers a reader sees (SECURITY.md 1.6, F36). He must hold the function that his call asks for in any
//! case; here is which objects he then sees. What is hidden reads as what does not exist.

use crate::access::function::Function;
use crate::access::principal::Principal;
use crate::ids::AgencyId;
use crate::people::memorandum::Grantee;
use crate::people::{Agency, Memorandum, Profile};
use crate::time::UnixMillis;

/// Who reads.
#[derive(Debug, Clone, Copy)]
pub struct Viewer<'a> {
    pub principal: &'a Principal,
    pub agency: &'a Agency,
}

impl Viewer<'_> {
    /// Whether he sees what is an agency's own: the agency that runs the system answers for all accounts and agreements, any
    /// other sees its own.
    pub fn sees_own_of(&self, agency: &AgencyId) -> bool {
        self.agency.operator || self.agency.id == *agency
    }

    /// Whether he sees an account: as one of his agency, or because he stands above it. A control officer may keep accounts of
    /// another agency.
    pub fn sees_account(&self, account: &Profile) -> bool {
        let user = &self.principal.user;
        self.sees_own_of(&account.agency)
            || account.control_officer.as_ref() == Some(user)
            || account.supervisors.contains(user)
    }

    /// Whether he sees a memorandum: as one of its owner or of those who gain, or as a custodian, who is neither.
    pub fn sees_memorandum(&self, memorandum: &Memorandum, now: UnixMillis) -> bool {
        let gains = match &memorandum.terms.grantee {
            Grantee::Agency(agency) => self.agency.id == *agency,
            Grantee::Users(users) => users.contains(&self.principal.user),
        };
        gains || self.sees_own_of(&memorandum.terms.owner) || self.principal.holds(Function::MemorandumAccept, now)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::command::people::testing::*;
    use crate::command::testing::World;
    use crate::ids::MemorandumId;
    use crate::people::memorandum::{MemorandumStage, MemorandumSubject, MemorandumTerms};
    use crate::people::principal;

    fn seen(world: &World, reader: &str, sees: impl Fn(Viewer<'_>) -> bool) -> bool {
        let profile = world.account(reader);
        let agency = world.people.agencies.get(&profile.agency).cloned().expect("an agency");
        let principal = principal(&profile, &agency, &[], &[], &[], world.time);
        sees(Viewer { principal: &principal, agency: &agency })
    }

    /// Every reader of the cast and every account of it.
    #[test]
    fn an_account_is_seen_by_its_agency_by_the_operator_and_by_who_stands_above_it() {
        let mut world = World::with_people();
        // A control officer of another agency than the operator's keeps an account of a third.
        world.edit("agent", |agent| agent.control_officer = Some(user("custodian")));
        let names: Vec<String> = world.people.profiles.keys().map(ToString::to_string).collect();
        for reader in &names {
            for whom in &names {
                let account = world.account(whom);
                let expected = match (world.account(reader).agency.as_str(), account.agency.as_str()) {
                    ("CBP", _) | ("ICE", "ICE") | ("FBI", "FBI") => true,
                    _ => reader == "custodian" && whom == "agent",
                };
                assert_eq!(seen(&world, reader, |viewer| viewer.sees_account(&account)), expected, "{reader} {whom}");
            }
        }
        world.edit("agent", |agent| {
            agent.control_officer = None;
            agent.supervisors = BTreeSet::from([user("custodian")]);
        });
        let agent = world.account("agent");
        assert!(seen(&world, "custodian", |viewer| viewer.sees_account(&agent)), "as a supervisor");
        world.edit("agent", |agent| agent.supervisors.clear());
        let agent = world.account("agent");
        assert!(!seen(&world, "custodian", |viewer| viewer.sees_account(&agent)), "once he stands above it no more");
    }

    #[test]
    fn a_memorandum_is_seen_by_owner_and_grantee_custodian_and_operator() {
        let mut world = World::with_people();
        let now = world.time;
        let mut third = an_account("third", "ICE", crate::access::principal::Category::General, &[], now);
        third.agency = agency("ICE");
        world.people.profiles.insert(third.user.clone(), third);
        let mut memorandum = Memorandum {
            id: MemorandumId::new("m-1").expect("code"),
            terms: MemorandumTerms {
                owner: agency("FBI"),
                subject: MemorandumSubject::LevelFour(()),
                grantee: Grantee::Users(BTreeSet::from([user("third")])),
                verbs: BTreeSet::from([Function::RecordView]),
                from: now,
                to: UnixMillis(now.0 + 1),
            },
            stage: MemorandumStage::Drafted,
            drafted: by("agent", now),
            accepted: None,
            ended: None,
            version: 1,
        };
        let sees =
            |memorandum: &Memorandum, who: &str| seen(&world, who, |viewer| viewer.sees_memorandum(memorandum, now));
        assert!(["agent", "fsco", "third", "custodian", "officer"].iter().all(|who| sees(&memorandum, who)));
        memorandum.terms.grantee = Grantee::Users(BTreeSet::from([user("officer")]));
        assert!(!sees(&memorandum, "third"), "another is named");
        memorandum.terms.grantee = Grantee::Agency(agency("ICE"));
        assert!(sees(&memorandum, "third"));
        assert!(
            seen(&world, "third", |viewer| !viewer.sees_own_of(&agency("FBI")) && viewer.sees_own_of(&agency("ICE")))
        );
    }
}
