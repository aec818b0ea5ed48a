//! What every engine must do; run on each of them. Panics with what was expected.

#![allow(clippy::unwrap_used, reason = "a failed expectation is the result of this suite")]

use std::sync::Arc;

use model::ids::GroupId;

use super::{Check, Engine, Manifest, Op, Reader, Result, StateStore, StorageError, Store, after_prefix};

fn put(key: &[u8], value: &[u8]) -> Op {
    Op::Put(key.to_vec(), value.to_vec())
}

/// All keys of a range, upwards or downwards.
pub fn keys(reader: &dyn Reader, from: &[u8], to: &[u8], back: bool) -> Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let mut visit = |key: &[u8], _: &[u8]| {
        found.push(key.to_vec());
        true
    };
    if back {
        reader.scan_back(from, to, &mut visit)?
    } else {
        reader.scan(from, to, &mut visit)?
    }
    Ok(found)
}

/// Runs the suite. `restart` stops everything, loses what is not durable and opens the same data again; whoever holds a
/// store of before has dropped it.
pub async fn run(engine: Arc<dyn Engine>, restart: &dyn Fn() -> Arc<dyn Engine>) {
    order_and_batches(&*engine.log().unwrap());
    views(&*engine.log().unwrap());
    files(&*engine);
    snapshots(&*engine).await;
    durability(engine, restart).await;
}

fn order_and_batches(store: &dyn Store) {
    store.write(vec![put(b"b", b"2"), put(b"a", b"1"), put(b"c", b"3"), put(b"d\xff", b"4"), put(b"e", b"5")]).unwrap();
    assert_eq!(store.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(store.get(b"x").unwrap(), None);
    assert_eq!(keys(store, b"a", b"c", false).unwrap(), [b"a".to_vec(), b"b".to_vec()]);
    assert_eq!(keys(store, b"a", b"c", true).unwrap(), [b"b".to_vec(), b"a".to_vec()]);
    assert_eq!(keys(store, b"d", &after_prefix(b"d"), false).unwrap(), [b"d\xff".to_vec()]);
    assert!(keys(store, b"c", b"a", false).unwrap().is_empty(), "an upside-down range is empty");
    let mut first = None;
    store
        .scan(b"a", b"z", &mut |key, _| {
            first = Some(key.to_vec());
            false
        })
        .unwrap();
    assert_eq!(first.as_deref(), Some(&b"a"[..]), "a visit that returns false ends the scan");
    store
        .write(vec![Op::DeleteRange(b"b".to_vec(), b"d".to_vec()), Op::Delete(b"e".to_vec()), put(b"b", b"6")])
        .unwrap();
    assert_eq!(keys(store, b"a", b"z", false).unwrap(), [b"a".to_vec(), b"b".to_vec(), b"d\xff".to_vec()], "in order");
    store.write(vec![put(b"p", b"1"), Op::Delete(b"p".to_vec())]).unwrap();
    assert_eq!(store.get(b"p").unwrap(), None, "the later of two changes of a key stands");
}

fn views(store: &dyn Store) {
    store.write(vec![put(b"v1", b"old")]).unwrap();
    let read = store.view(&mut |view| {
        store.write(vec![put(b"v1", b"new"), put(b"v2", b"new")])?;
        assert_eq!(view.get(b"v1")?.as_deref(), Some(&b"old"[..]));
        assert_eq!(view.get(b"v2")?, None);
        assert_eq!(keys(view, b"v", b"w", false)?, [b"v1".to_vec()]);
        assert_eq!(keys(view, b"v", b"w", true)?, [b"v1".to_vec()]);
        Ok(())
    });
    read.unwrap();
    assert_eq!(store.get(b"v1").unwrap().as_deref(), Some(&b"new"[..]));
}

fn files(engine: &dyn Engine) {
    assert_eq!(engine.read_file("identity").unwrap(), None);
    engine.write_file("identity", b"one").unwrap();
    engine.write_file("identity", b"two").unwrap();
    assert_eq!(engine.read_file("identity").unwrap().as_deref(), Some(&b"two"[..]));
}

/// Transfers a checkpoint to another store, or the first chunks of it; returns its files.
pub async fn transfer(from: &dyn StateStore, name: &str, to: &dyn StateStore, stop_after: Option<usize>) -> Manifest {
    let manifest = from.manifest(name).await.unwrap();
    let have = to.received(&manifest).await.unwrap();
    let mut chunks = 0;
    for (number, file) in manifest.files.iter().enumerate() {
        let mut offset = have[number];
        while offset < file.length {
            if stop_after.is_some_and(|stop| chunks >= stop) {
                return manifest;
            }
            let chunk = from.read_chunk(name, &file.name, offset).unwrap();
            assert!(!chunk.is_empty());
            to.receive(&manifest, number, offset, &chunk).unwrap();
            offset += chunk.len() as u64;
            chunks += 1;
        }
    }
    manifest
}

async fn snapshots(engine: &dyn Engine) {
    let from = engine.state(GroupId::Records(100)).unwrap();
    let to = engine.state(GroupId::Records(101)).unwrap();
    let rows: Vec<Op> = (0..1_000u32).map(|n| put(&n.to_be_bytes(), &[7; 100])).collect();
    from.write(rows).unwrap();
    from.checkpoint("one").await.unwrap();
    from.write(vec![put(b"later", b"1")]).unwrap();
    to.write(vec![put(b"before", b"1")]).unwrap();

    transfer(&*from, "one", &*to, Some(1)).await;
    let manifest = from.manifest("one").await.unwrap();
    let fine: Check = Arc::new(|_| Ok(()));
    let unread = to.verify(&manifest, fine.clone()).await;
    assert!(matches!(unread, Err(StorageError::Snapshot(_))), "a part does not verify");
    let part = to.install(&manifest).await;
    assert!(matches!(part, Err(StorageError::Snapshot(_))), "and is not installed");
    assert!(to.get(b"before").unwrap().is_some(), "and changes nothing");
    let manifest = transfer(&*from, "one", &*to, None).await;
    assert_eq!(manifest, from.manifest("one").await.unwrap());
    let bad: Check = Arc::new(|reader| {
        assert!(reader.get(&0u32.to_be_bytes())?.is_some(), "what was received is read");
        Err(StorageError::Snapshot("it was damaged where it came from".into()))
    });
    assert!(to.verify(&manifest, bad).await.is_err());
    let kept = to.received(&manifest).await.unwrap();
    assert!(kept.iter().all(|bytes| *bytes == 0), "what is whole and wrong is dropped");
    transfer(&*from, "one", &*to, None).await;
    to.verify(&manifest, fine.clone()).await.unwrap();
    to.install(&manifest).await.unwrap();
    assert_eq!(to.get(b"before").unwrap(), None, "the state is replaced whole");
    assert_eq!(to.get(b"later").unwrap(), None, "a checkpoint is one moment");
    assert_eq!(keys(&*to, &[], &[0xff; 8], false).unwrap().len(), 1_000);
    to.write(vec![put(b"after", b"1")]).unwrap();
    assert!(to.get(b"after").unwrap().is_some(), "an installed state is written on");

    from.checkpoint("two").await.unwrap();
    assert_eq!(from.checkpoints().unwrap(), ["one", "two"]);
    // The same files come again in a later checkpoint; only what differs is fetched.
    transfer(&*from, "one", &*to, None).await;
    let later = from.manifest("two").await.unwrap();
    let have = to.received(&later).await.unwrap();
    let same = later.files.iter().zip(&have).filter(|(file, have)| **have == file.length && file.length > 0);
    assert!(same.count() > 0, "{have:?} of {later:?}");
    let manifest = transfer(&*from, "two", &*to, None).await;
    let refuses: Check = Arc::new(|_| Err(StorageError::Snapshot("not what was announced".into())));
    assert!(to.verify(&manifest, refuses).await.is_err());
    assert!(to.install(&manifest).await.is_err(), "what was refused is not there to be installed");
    assert!(to.get(b"after").unwrap().is_some(), "what the check refuses is not in force");
    from.remove_checkpoint("one").await.unwrap();
    assert_eq!(from.checkpoints().unwrap(), ["two"], "old checkpoints go");
    assert!(matches!(from.manifest("one").await, Err(StorageError::NoSnapshot(_))));

    let evil = Manifest { files: vec![super::SnapshotFile { name: "../x".into(), length: 1, sha256: [0; 32] }] };
    assert!(to.received(&evil).await.is_err(), "names that lead out are refused");
}

async fn durability(engine: Arc<dyn Engine>, restart: &dyn Fn() -> Arc<dyn Engine>) {
    let log = engine.log().unwrap();
    log.write(vec![put(b"synced", b"1")]).unwrap();
    log.sync().await.unwrap();
    let state = engine.state(GroupId::Records(102)).unwrap();
    state.write(vec![put(b"flushed", b"1")]).unwrap();
    state.sync().await.unwrap();
    state.checkpoint("kept").await.unwrap();
    drop((log, state, engine));
    let engine = restart();
    assert!(engine.log().unwrap().get(b"synced").unwrap().is_some(), "what was synced is there");
    let state = engine.state(GroupId::Records(102)).unwrap();
    assert!(state.get(b"flushed").unwrap().is_some(), "what was flushed is there");
    assert_eq!(state.checkpoints().unwrap(), ["kept"]);
    assert_eq!(engine.read_file("identity").unwrap().as_deref(), Some(&b"two"[..]));
    let installed = keys(&*engine.state(GroupId::Records(101)).unwrap(), &[], &[0xff; 8], false).unwrap();
    assert!(installed.len() >= 1_000, "an installed snapshot is durable");
}
