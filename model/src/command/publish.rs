//! Publish a checkpoint of the audit log. The entry carries the roots that the group's replicas have at one size, and each replica
//! compares its own: one that is alone with its root stops, and where no majority has one root nothing is appended any more, since
//! nobody could say whose log the evidence is (AppendOnlyAudit).

use serde::{Deserialize, Serialize};

use crate::audit::checkpoint::Checkpoint;
use crate::audit::merkle::{Hash, root_at};
use crate::audit::note::Note;
use crate::audit::published::{Noted, Published, Verdict, judge};
use crate::command::Outcome;
use crate::decide::Context;
use crate::error::RefusalCode;
use crate::ids::{GroupId, NodeId};
use crate::view::{Effects, Read, View, ViewError, Write};

/// What the group's leader found and signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    pub size: u64,
    /// The roots that voters have at that size; who did not answer is missing.
    pub roots: Vec<(NodeId, Hash)>,
    pub voters: u16,
    /// The signed checkpoint of that size, with the cosignatures that it has. None: the roots say that nothing may be signed.
    pub note: Option<String>,
}

pub fn decide(view: &dyn View, context: Context, command: &Publish) -> Read<Effects> {
    if !matches!(context.group, GroupId::Audit(_)) {
        return Ok(Effects::refused(RefusalCode::WrongGroup, format!("{} keeps no audit log", context.group)));
    }
    let mut published = view.published()?;
    let before = published.clone();
    let size = command.size;
    match judge(&command.roots, usize::from(command.voters)) {
        Verdict::Root(root) => {
            let own = own_root(view, size)?;
            if own != Some(root) {
                let text = format!(
                    "this replica of {} has another audit log than the majority at {size} leaves",
                    context.group
                );
                return Err(ViewError(text));
            }
            if let Some(note) = &command.note {
                publish(&mut published, size, root, note)?;
            }
        }
        Verdict::Split => published.split_at = published.split_at.or(Some(size)),
        // Cosignatures come to a checkpoint that stands already.
        Verdict::Unknown => {
            if let Some((note, root)) = command.note.as_ref().zip(own_root(view, size)?) {
                cosign(&mut published, size, root, note)?;
            }
        }
    }
    let writes = if published == before { Vec::new() } else { vec![Write::PutPublished(published)] };
    Ok(Effects { writes, outcome: Outcome::Done(()) })
}

/// The root that this replica has at a size; None where its log is shorter.
fn own_root(view: &dyn View, size: u64) -> Read<Option<Hash>> {
    if size > view.frontier()?.size() {
        return Ok(None);
    }
    let failed = std::cell::RefCell::new(None);
    let read = |node| {
        view.tree_node(node).unwrap_or_else(|error| {
            failed.replace(Some(error));
            None
        })
    };
    let root = root_at(&read, size);
    match failed.take() {
        Some(error) => Err(error),
        None => root.map(Some).map_err(|error| ViewError(error.to_string())),
    }
}

/// The note, if it is the checkpoint of this size and root.
fn read_note(size: u64, root: Hash, note: &str) -> Option<Note> {
    let note = Note::parse(note.as_bytes()).ok()?;
    let checkpoint = Checkpoint::parse(&note.text).ok()?;
    (checkpoint.size == size && checkpoint.root == root).then_some(note)
}

fn publish(published: &mut Published, size: u64, root: Hash, note: &str) -> Read<()> {
    let grows = published.latest.as_ref().is_none_or(|latest| latest.size < size);
    if grows && read_note(size, root, note).is_some() {
        published.latest = Some(Noted { size, root, note: note.to_string() });
    }
    cosign(published, size, root, note)
}

/// Takes over what witnesses cosigned, and never an older one for a newer.
fn cosign(published: &mut Published, size: u64, root: Hash, note: &str) -> Read<()> {
    let Some(read) = read_note(size, root, note) else { return Ok(()) };
    // The first signature is the log's.
    let cosigned = read.signatures.len() > 1;
    let grows = published.witnessed.as_ref().is_none_or(|witnessed| witnessed.size <= size);
    if cosigned && grows && published.latest.as_ref().is_some_and(|latest| latest.size >= size) {
        let noted = Noted { size, root, note: note.to_string() };
        if published.latest.as_ref().is_some_and(|latest| latest.size == size) {
            published.latest = Some(noted.clone());
        }
        published.witnessed = Some(noted);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::note::{SignatureKind, SignerKey};
    use crate::command::Command;
    use crate::command::append::AppendEvents;
    use crate::command::testing::*;

    fn world(leaves: usize) -> World {
        let mut world = World::audit();
        for _ in 0..leaves {
            let appended = world.apply(&system(Command::AppendEvents(AppendEvents { events: vec![event()] })));
            assert!(matches!(appended, Outcome::Appended(_)));
        }
        world
    }

    fn note(size: u64, root: Hash, witness: bool) -> String {
        let log = SignerKey::new("log.example", SignatureKind::Log, &[1; 32]).expect("named");
        let note = Checkpoint { origin: "log.example".into(), size, root }.signed(&log);
        let text = note.text.clone();
        let witness =
            witness.then(|| SignerKey::new("w", SignatureKind::Cosignature, &[2; 32]).expect("named").sign(&text, 1));
        witness.into_iter().fold(note, |note, signature| note.with(signature)).to_string()
    }

    fn publish(size: u64, roots: &[Hash], note: Option<String>) -> Command {
        let roots = (1..).map(NodeId).zip(roots.iter().copied()).collect();
        Command::Publish(Publish { size, roots, voters: 3, note })
    }

    fn sizes(world: &World) -> (Option<u64>, Option<u64>, Option<u64>) {
        let Published { latest, witnessed, split_at } = world.published().expect("reads");
        (latest.map(|noted| noted.size), witnessed.map(|noted| noted.size), split_at)
    }

    #[test]
    fn a_checkpoint_that_a_majority_has_is_published_and_sizes_only_grow() {
        let mut world = world(3);
        let root = |world: &World, size| own_root(world, size).expect("reads").expect("has it");
        for (size, at) in [(2, 2), (1, 2), (3, 3)] {
            let root = root(&world, size);
            world.apply(&system(publish(size, &[root, root], Some(note(size, root, false)))));
            assert_eq!(sizes(&world), (Some(at), None, None));
        }
        // Cosignatures come later, without roots, to what stands.
        let two = root(&world, 2);
        world.apply(&system(publish(2, &[], Some(note(2, two, true)))));
        assert_eq!(sizes(&world), (Some(3), Some(2), None));
        let one = root(&world, 1);
        world.apply(&system(publish(1, &[], Some(note(1, one, true)))));
        world.apply(&system(publish(3, &[], Some(note(3, [7; 32], true)))));
        assert_eq!(sizes(&world), (Some(3), Some(2), None));
    }

    #[test]
    fn a_replica_that_is_alone_with_its_root_stops_and_one_whose_log_is_shorter_too() {
        let mut world = world(3);
        let other = [9; 32];
        let stops = world.try_apply(&system(publish(3, &[other, other], Some(note(3, other, false)))));
        assert!(stops.is_err_and(|error| error.0.contains("another audit log")));
        assert!(world.try_apply(&system(publish(4, &[other, other], None))).is_err());
        // One that differs among three stops by itself; the others go on.
        let own = own_root(&world, 3).expect("reads").expect("has it");
        world.apply(&system(publish(3, &[own, own, other], Some(note(3, own, false)))));
        assert_eq!(sizes(&world), (Some(3), None, None));
    }

    #[test]
    fn without_a_majority_on_one_root_nothing_is_appended_any_more() {
        let mut world = world(3);
        let own = own_root(&world, 3).expect("reads").expect("has it");
        world.apply(&system(publish(3, &[own, [8; 32]], None)));
        assert_eq!(sizes(&world), (None, None, None), "one has not answered");
        world.apply(&system(publish(3, &[own, [8; 32], [9; 32]], None)));
        assert_eq!(sizes(&world), (None, None, Some(3)));
        let refused = world.apply(&system(Command::AppendEvents(AppendEvents { events: vec![event()] })));
        assert!(matches!(refused, Outcome::Refused(refusal) if refusal.code == RefusalCode::AuditSplit));
    }

    #[test]
    fn other_groups_publish_nothing() {
        let mut world = World::default();
        let refused = world.apply(&system(publish(0, &[], None)));
        assert!(matches!(refused, Outcome::Refused(refusal) if refusal.code == RefusalCode::WrongGroup));
    }
}
