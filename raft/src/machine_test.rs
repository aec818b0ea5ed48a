//! What a machine does beside openraft's suite.

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
