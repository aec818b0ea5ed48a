//! T09: whoever may write every file of an export, and has neither the log's key nor a witness's, changes nothing unseen. He writes it
//! all anew, tiles, manifest and digests, so that nothing but signatures stands against him. What finds him is ours, and once more
//! crates that know nothing of this program.

use std::path::Path;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use model::audit::checkpoint::Checkpoint;
use model::audit::leaf::Leaf;
use model::audit::note::{Note, SignatureKind, SignerKey};
use model::audit::tiles;
use model::audit::trust::Trust;
use sha2::Sha256;
use signed_note::{StandardVerifier, VerifierList};

use super::chain::testing::log;
use super::chain::{Chain, RawLeaf};
use super::directory::{self, Writer};

const LEAVES: u64 = 20;
const TRIES: u64 = 1_000;

fn key(seed: u8) -> SignerKey {
    SignerKey::new("log.example", SignatureKind::Log, &[seed; 32]).expect("named")
}

fn signed(leaves: &[RawLeaf], by: &SignerKey) -> Note {
    let mut frontier = model::audit::merkle::Frontier::default();
    leaves.iter().for_each(|raw| drop(frontier.append(model::audit::merkle::leaf_hash(&raw.leaf))));
    Checkpoint { origin: "log.example".into(), size: frontier.size(), root: frontier.root() }.signed(by)
}

/// Writes leaves as if they were the log, whatever they are.
fn write(dir: &Path, leaves: &[RawLeaf], note: &Note) {
    let mut writer = Writer::create(dir).expect("creates");
    let mut chain = Chain::default();
    for raw in leaves {
        // A chain that refuses him does not hinder him: he writes what he wants.
        let _ = chain.push(raw);
        writer.push(raw).expect("writes");
    }
    writer.finish(("c".into(), "audit-0".into()), &chain, &note.to_string()).expect("finishes");
}

fn ours_believes(dir: &Path, trust: &Trust) -> bool {
    directory::verify(dir, |_| None).is_ok_and(|verified| trust.check(&verified.checkpoint).is_ok())
}

/// The log and its checkpoint by others' code alone.
fn others_believe(dir: &Path, vkey: &str) -> Option<()> {
    let note = signed_note::Note::from_bytes(&std::fs::read(dir.join("checkpoint")).ok()?).ok()?;
    let verifier = StandardVerifier::new(vkey).ok()?;
    note.verify(&VerifierList::new(vec![Box::new(verifier)])).ok()?;
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).ok()?;
    let mut tree: MemoryBackedTree<Sha256, Vec<u8>> = MemoryBackedTree::new();
    for bundle in tiles::bundles(checkpoint.size()) {
        let bytes = std::fs::read(dir.join(bundle.path())).ok()?;
        let mut rest = &bytes[..];
        while let Some((length, more)) = rest.split_first_chunk::<2>() {
            let (leaf, more) = more.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            tree.push(leaf.to_vec());
            rest = more;
        }
    }
    let same = tree.len() == checkpoint.size() && tree.root().as_bytes().as_slice() == checkpoint.hash().0;
    same.then_some(())
}

/// The same bytes each time.
struct Draws(u64);

impl Draws {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// What he does. Each leaves a log that differs from the true one.
fn tamper(draws: &mut Draws, leaves: &mut Vec<RawLeaf>) -> &'static str {
    let size = leaves.len() as u64;
    let at = draws.below(size) as usize;
    match draws.below(6) {
        0 => {
            let byte = draws.below(leaves[at].leaf.len() as u64) as usize;
            leaves[at].leaf[byte] ^= 1 << draws.below(8);
            "a byte of a leaf"
        }
        1 => {
            // Not a byte, but another person: encoded as carefully as the log itself does.
            let mut leaf: Leaf = minicbor::decode(&leaves[at].leaf).expect("a leaf");
            leaf.header.user = "somebody-else".into();
            leaves[at].leaf = minicbor::to_vec(&leaf).expect("encodes");
            "another person"
        }
        2 => {
            leaves.remove(at);
            for (index, raw) in leaves.iter_mut().enumerate().skip(at) {
                let mut leaf: Leaf = minicbor::decode(&raw.leaf).expect("a leaf");
                leaf.index = index as u64;
                (raw.index, raw.leaf) = (index as u64, minicbor::to_vec(&leaf).expect("encodes"));
            }
            "dropped, and the rest numbered anew"
        }
        3 => {
            let other = (at + 1 + draws.below(size - 1) as usize) % leaves.len();
            for (here, there) in [(at, other), (other, at)] {
                let mut leaf: Leaf = minicbor::decode(&leaves[here].leaf).expect("a leaf");
                leaf.index = there as u64;
                leaves[here].leaf = minicbor::to_vec(&leaf).expect("encodes");
                leaves[here].index = there as u64;
            }
            leaves.swap(at, other);
            "reordered"
        }
        4 => {
            leaves.truncate(at);
            "truncated"
        }
        _ => {
            let byte = draws.below(leaves[at].payload.len() as u64) as usize;
            leaves[at].payload[byte] ^= 1 << draws.below(8);
            "a byte of a payload"
        }
    }
}

#[test]
fn t09_whoever_writes_every_file_anew_is_found_each_time_by_us_and_by_others() {
    // In memory, where there is such a place: a thousand exports sync eight thousand files.
    let place = Some(Path::new("/dev/shm")).filter(|place| place.is_dir()).map(Path::to_path_buf);
    let temp = tempfile::tempdir_in(place.unwrap_or_else(std::env::temp_dir)).expect("directory");
    let (log_key, trust) = (key(1), Trust::of_log(key(1).verifier()));
    let vkey = log_key.verifier().to_string();
    let leaves = log(LEAVES);
    let note = signed(&leaves, &log_key);
    let whole = temp.path().join("whole");
    write(&whole, &leaves, &note);
    assert!(ours_believes(&whole, &trust) && others_believe(&whole, &vkey).is_some(), "the true log");
    let mut draws = Draws(9);
    let mut found = std::collections::BTreeMap::new();
    for turn in 0..TRIES {
        let dir = temp.path().join("altered");
        let mut altered = leaves.clone();
        let how = tamper(&mut draws, &mut altered);
        // Under the true signature, which is of another log; or under a checkpoint that fits, which the log has not signed.
        let forged = draws.below(2) == 1;
        let checkpoint = if forged { signed(&altered, &key(2)) } else { note.clone() };
        write(&dir, &altered, &checkpoint);
        assert!(!ours_believes(&dir, &trust), "try {turn}: {how}, forged {forged}");
        // A payload is not in the tree: its digest is, which is ours to compare, or an inspector's by hand.
        if how != "a byte of a payload" || forged {
            assert!(others_believe(&dir, &vkey).is_none(), "try {turn}: {how}, forged {forged}, by others");
        }
        *found.entry((how, forged)).or_insert(0) += 1;
        std::fs::remove_dir_all(&dir).expect("removes");
    }
    assert_eq!((found.len(), found.values().sum::<u64>()), (12, TRIES), "{found:?}");
}
