//! What a machine does beside openraft's suite.

use model::access::policy_bundle::{PolicyDraft, ProposedBundle};
use model::codec;
use model::feed::Change;
use model::ids::{AgencyId, OverrideId, RecordId, UserId};
use model::overrides::{OverrideHeader, StoredOverride};
use model::record::{Dataset, Stamp};
use model::seal::Sealed;
use model::time::UnixMillis;
use model::view::Write;
use openraft::storage::{RaftSnapshotBuilder, RaftStateMachine};

use super::*;
use crate::machine::{Fed, Overlay};
use crate::storage::{Op, StorageError, keys};

fn proposed(version: u64) -> ProposedBundle {
    let draft = PolicyDraft {
        version,
        cedar_language: "4.5".into(),
        schema_sha256: [1; 32],
        decisions_sha256: [2; 32],
        text: "permit(principal, action, resource);".into(),
    };
    ProposedBundle { draft, proposed: Stamp { by: UserId::new("a").expect("code"), at: UnixMillis(6) } }
}

fn machine() -> Machine {
    open(Arc::new(MemoryEngine::default())).1.0
}

/// A change of the feed, made by a log entry.
fn fed(index: u64) -> Fed {
    Fed { index, change: Change { dataset: Dataset::Tecs, id: RecordId([7; 16]), version: index } }
}

fn feed_of(machine: &Machine) -> (Vec<Fed>, u64) {
    machine.read(|state| Ok((state.feed(0, 100)?, state.feed_trimmed()?))).expect("reads")
}

fn feed(machine: &Machine, indexes: impl Iterator<Item = u64>) {
    let row = |index| Op::Put(keys::feed(index, 0), codec::encode(&fed(index).change).expect("encodes"));
    machine.store().write(indexes.map(row).collect()).expect("writes");
}

/// Replaces a machine's state by another one's.
async fn install(from: &Machine, to: &Machine) {
    let snapshot = from.clone().build_snapshot().await.expect("builds");
    let SnapshotFiles::Checkpoint(name) = &snapshot.snapshot else { panic!("a checkpoint is built") };
    let manifest = conformance::transfer(&**from.store(), name, &**to.store(), None).await;
    to.clone().install_snapshot(&snapshot.meta, SnapshotFiles::Received(manifest)).await.expect("installs");
}

#[tokio::test]
async fn a_damaged_row_is_refused_by_who_receives_it_and_found_where_it_came_from() {
    let (from, to) = (machine(), machine());
    feed(&from, 1..=3);
    let sound = from.clone().build_snapshot().await.expect("builds");
    from.store().view(&mut |reader| from.check_of(&sound.meta)(reader)).expect("each row is as it was written");
    from.inspect().expect("the same of all of it");

    let mut row = codec::encode(&fed(2).change).expect("encodes");
    row[9] ^= 1;
    from.store().write(vec![Op::Put(keys::feed(2, 0), row)]).expect("writes");
    from.store().checkpoint("damaged").await.expect("a checkpoint asks nothing");
    let manifest = conformance::transfer(&**from.store(), "damaged", &**to.store(), None).await;
    let refused = to.store().verify(&manifest, to.check_of(&sound.meta)).await;
    assert!(
        matches!(refused, Err(StorageError::Damaged { .. })),
        "its digests are right and a row is not: {refused:?}"
    );
    assert_eq!(from.damage(), None);
    assert!(from.inspect().is_err());
    assert!(from.damage().is_some(), "at which the node stops");
}

fn override_(lookout: RecordId, own: u8) -> StoredOverride {
    let recorded = Stamp { by: UserId::new("supervisor").expect("code"), at: UnixMillis(1) };
    let header = OverrideHeader {
        id: OverrideId([own; 16]),
        dataset: Dataset::Tecs,
        lookout,
        made_for: 1,
        recorded,
        agency: AgencyId::new("CBP").expect("code"),
        expires: UnixMillis(2),
        ended: None,
    };
    StoredOverride { header, sealed: Sealed { algorithm: 1, key: 1, nonce: [0; 12], ciphertext: vec![own; 40] } }
}

/// They stand beside their lookout, go where its state goes, and are as whole as the rest of it or not taken.
#[tokio::test]
async fn overrides_are_read_with_their_lookout_and_come_with_a_snapshot() {
    let (from, to) = (machine(), machine());
    let (lookout, neighbour) = (RecordId([7; 16]), RecordId([8; 16]));
    let of = |machine: &Machine, id| machine.read(|state| state.overrides(Dataset::Tecs, id)).expect("reads");
    let write = |writes: Vec<Write>| {
        let mut batch = Vec::new();
        from.store()
            .view(&mut |reader| {
                let mut overlay = Overlay::new(reader);
                overlay.write(1, writes.clone()).expect("writes");
                let seen = model::view::View::overrides(&overlay, Dataset::Tecs, lookout).expect("reads");
                assert!(seen.iter().all(|one| one.header.lookout == lookout));
                batch = overlay.into_batch();
                Ok(())
            })
            .expect("a view");
        from.store().write(batch).expect("writes");
    };
    write(vec![
        Write::PutOverride(override_(lookout, 2)),
        Write::PutOverride(override_(lookout, 1)),
        Write::PutOverride(override_(neighbour, 3)),
    ]);
    write(vec![Write::DeleteOverride(Dataset::Tecs, lookout, OverrideId([2; 16]))]);
    write(vec![Write::PutOverride(override_(lookout, 4))]);
    install(&from, &to).await;
    for machine in [&from, &to] {
        assert_eq!(of(machine, lookout), [override_(lookout, 1), override_(lookout, 4)]);
        assert_eq!(of(machine, neighbour), [override_(neighbour, 3)]);
    }
    let key = keys::override_of(Dataset::Tecs, lookout, OverrideId([1; 16]));
    let mut row = codec::encode(&override_(lookout, 1)).expect("encodes");
    row[20] ^= 1;
    from.store().write(vec![Op::Put(key, row)]).expect("writes");
    assert!(from.inspect().is_err(), "an altered one is damage, not an override less");
}

#[tokio::test]
async fn a_feed_is_trimmed_up_to_what_is_indexed_and_never_back() {
    let machine = machine();
    feed(&machine, 1..=5);
    machine.trim_feed(0, 3).await.expect("trims");
    assert_eq!(feed_of(&machine), (vec![fed(4), fed(5)], 3));
    machine.trim_feed(0, 2).await.expect("has trimmed more already");
    assert_eq!(feed_of(&machine), (vec![fed(4), fed(5)], 3));
}

/// The indexer has indexed the feed of the old state; the new state's feed holds what no index has seen.
#[tokio::test]
async fn a_feed_that_came_with_a_snapshot_is_not_trimmed_by_who_indexed_the_one_before() {
    let (ahead, behind) = (machine(), machine());
    feed(&ahead, 1..=5);
    feed(&behind, 1..=3);
    let seen = behind.progress().borrow().installs;
    install(&ahead, &behind).await;
    behind.trim_feed(seen, 5).await.expect("leaves it");
    assert_eq!(feed_of(&behind), ((1..=5).map(fed).collect(), 0), "nothing was taken away");
    let now = behind.progress().borrow().installs;
    assert_eq!(now, seen + 1);
    behind.trim_feed(now, 2).await.expect("trims");
    assert_eq!(feed_of(&behind), (vec![fed(3), fed(4), fed(5)], 2));
    install(&ahead, &behind).await;
    behind.trim_feed(now, 5).await.expect("leaves it");
    assert_eq!(feed_of(&behind), ((1..=5).map(fed).collect(), 0), "nor the second time");
}

#[tokio::test]
async fn people_are_read_as_they_were_written_by_id_and_in_pages() {
    use std::collections::BTreeSet;

    use model::access::function::Function;
    use model::access::principal::ClassId;
    use model::ids::{MemorandumId, RoleId};
    use model::people::memorandum::{Grantee, MemorandumTerms};
    use model::people::scores::DenialKind;
    use model::people::{
        Agency, Ceremony, CertificateKey, Memorandum, MemorandumStage, MemorandumSubject, Party, PeopleView, Role,
        Scores,
    };

    let machine = machine();
    let user = |id: &str| UserId::new(id).expect("code");
    let code = |id: &str| AgencyId::new(id).expect("code");
    let agency = |id: &str| Agency {
        id: code(id),
        name: id.into(),
        external: false,
        operator: false,
        national: BTreeSet::from([user("root")]),
        accepts_level_one: true,
        active: true,
        epoch: 0,
        version: 1,
    };
    let put = Stamp { by: user("head"), at: UnixMillis(5) };
    let role = |version| Role {
        id: RoleId::new("lane").expect("code"),
        functions: BTreeSet::from([Function::PrimaryQuery]),
        put: put.clone(),
        version,
    };
    let memorandum = |id: &str, grantee| Memorandum {
        id: MemorandumId::new(id).expect("code"),
        terms: MemorandumTerms {
            owner: code("FBI"),
            subject: MemorandumSubject::Class(ClassId::members(&code("FBI"))),
            grantee,
            verbs: BTreeSet::from([Function::RecordView]),
            from: UnixMillis(1),
            to: UnixMillis(9),
        },
        stage: MemorandumStage::Accepted,
        drafted: put.clone(),
        accepted: Some(put.clone()),
        ended: None,
        version: 2,
    };
    let named = memorandum("m-1", Grantee::Users(BTreeSet::from([user("a"), user("b")])));
    let whole = memorandum("m-2", Grantee::Agency(code("CBP")));
    let mut scores = Scores::none(user("a"));
    scores.add(DenialKind::Export, UnixMillis(7));
    let key = CertificateKey::of("CN=a");

    let mut overlay = Overlay::new(&**machine.store());
    let agencies = ["CB", "CBP", "ICE"].map(|id| Write::PutAgency(agency(id)));
    let writes = vec![
        Write::PutRole(role(1)),
        Write::PutRole(role(2)),
        Write::PutMemorandum(named.clone()),
        Write::PutMemorandum(whole.clone()),
        Write::PutScores(scores.clone()),
        Write::PutFloor(Party::Agency(code("CBP")), 4),
        Write::PutCertificate(key, user("a")),
        Write::PutCeremony(Ceremony::of(b"secret")),
        Write::PutProposedBundle(Box::new(proposed(1))),
        Write::PutPolicyBundle(Box::new(proposed(1).draft.approved(user("a"), user("b")))),
        Write::PutProposedBundle(Box::new(proposed(2))),
        Write::PutPolicyBundle(Box::new(proposed(2).draft.approved(user("a"), user("b")))),
        Write::PutProposedBundle(Box::new(proposed(3))),
    ];
    overlay.write(1, agencies.into_iter().chain(writes).collect()).expect("writes");
    // What is not committed yet is read by the next entry of the batch.
    assert_eq!(overlay.agency(&code("CBP")).expect("reads"), Some(agency("CBP")));
    assert_eq!(overlay.memoranda_count(&Party::User(user("a")), 9).expect("reads"), 1);
    assert_eq!(overlay.floor(&Party::Agency(code("CBP"))).expect("reads"), 4);
    assert_eq!(overlay.floor(&Party::User(user("CBP"))).expect("reads"), 0);
    assert_eq!(overlay.certificate(key).expect("reads"), Some(user("a")));
    assert!(!overlay.any_profile().expect("reads"));
    machine.store().write(overlay.into_batch()).expect("commits");

    machine
        .read(|state| {
            assert_eq!(state.agency(&code("CB"))?, Some(agency("CB")));
            let page = state.agencies(Some(&code("CB")), 1)?;
            assert_eq!((page.rows, page.cut), (vec![agency("CBP")], true));
            assert_eq!(state.agencies(None, 9)?.rows.len(), 3);
            let lane = RoleId::new("lane").expect("code");
            assert_eq!((state.role(&lane)?, state.role_version(&lane, 1)?), (Some(role(2)), Some(role(1))));
            assert_eq!(state.roles(None, 9)?.rows, [role(2)]);
            assert_eq!(state.memoranda_for(&user("a"), &code("CBP"))?, [named.clone(), whole.clone()]);
            assert_eq!(state.memoranda_for(&user("c"), &code("CBP"))?, std::slice::from_ref(&whole));
            assert_eq!(state.memoranda_for(&user("c"), &code("CB"))?, []);
            assert_eq!(state.memoranda(None, 9)?.rows.len(), 2);
            assert_eq!(state.scores(&user("a"))?, scores);
            assert_eq!(state.floor(&Party::Agency(code("CBP")))?, 4);
            assert_eq!(state.user_of_certificate("CN=a")?, Some(user("a")));
            assert_eq!(state.user_of_certificate("CN=b")?, None);
            assert_eq!(state.ceremony()?, Some(Ceremony::of(b"secret")));
            let versions = [state.policy_bundle()?, state.policy_bundle_of(1)?, state.policy_bundle_of(3)?];
            assert_eq!(versions.map(|bundle| bundle.map(|bundle| bundle.version)), [Some(2), Some(1), None]);
            assert_eq!(state.proposed_bundle()?, Some(proposed(3)));
            assert_eq!((state.profile(&user("a"))?, state.profiles(None, 9)?.rows.len()), (None, 0));
            Ok(())
        })
        .expect("reads");
    machine.inspect().expect("each row is as it was written");

    let mut overlay = Overlay::new(&**machine.store());
    overlay.write(2, vec![Write::PutScores(Scores::none(user("a")))]).expect("writes");
    machine.store().write(overlay.into_batch()).expect("commits");
    let left = machine.read(|state| state.scores(&user("a"))).expect("reads");
    assert!(left.entries.is_empty());
}
