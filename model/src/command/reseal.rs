//! Bodies are sealed anew under a newer key, in the background. Nothing that anybody reads of them changes: no version, no stamp, and
//! no event but that of whoever rotated the keys.

use serde::{Deserialize, Serialize};

use crate::command::Outcome;
use crate::ids::{OverrideId, RecordId};
use crate::record::Dataset;
use crate::seal::Sealed;
use crate::view::{Effects, Read, View, Write};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reseal {
    pub bodies: Vec<Resealed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resealed {
    pub body: Body,
    /// Key and nonce of the body that was opened: another one that stands there by now is left alone.
    pub from: (u32, [u8; 12]),
    pub sealed: Sealed,
}

crate::numbered! {
    /// A body that is sealed anew.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Body {
        1 => Version((Dataset, RecordId, u64)),
        2 => Override((Dataset, RecordId, OverrideId)),
    }
}

/// Each body by itself: those that changed meanwhile stay as they are.
pub fn decide(view: &dyn View, command: &Reseal) -> Read<Effects> {
    let mut writes = Vec::new();
    for Resealed { body, from, sealed } in &command.bodies {
        let is_that = |there: &Sealed| (there.key, there.nonce) == *from;
        match *body {
            Body::Version((dataset, id, version)) => {
                let Some(mut record) = view.version(dataset, id, version)?.filter(|record| is_that(&record.sealed))
                else {
                    continue;
                };
                let newest = view.record(dataset, id)?.is_some_and(|newest| newest.header.version == version);
                record.sealed = sealed.clone();
                writes.push(Write::PutResealed { record, newest });
            }
            Body::Override((dataset, lookout, id)) => {
                let there = view.overrides(dataset, lookout)?;
                let found = there.into_iter().find(|found| found.header.id == id && is_that(&found.sealed));
                if let Some(mut found) = found {
                    found.sealed = sealed.clone();
                    writes.push(Write::PutOverride(found));
                }
            }
        }
    }
    Ok(Effects { writes, outcome: Outcome::Done(()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::command::testing::*;
    use crate::ids::OverrideId;

    fn of(sealed: &Sealed) -> (u32, [u8; 12]) {
        (sealed.key, sealed.nonce)
    }

    fn anew(byte: u8) -> Sealed {
        Sealed { algorithm: 1, key: 16, nonce: [byte; 12], ciphertext: vec![byte] }
    }

    fn reseal(body: Body, from: &Sealed, byte: u8) -> crate::envelope::Envelope {
        system(Command::Reseal(Reseal { bodies: vec![Resealed { body, from: of(from), sealed: anew(byte) }] }))
    }

    #[test]
    fn each_version_is_sealed_anew_once_and_nothing_else_of_it_changes() {
        let mut world = World::default();
        let id = world.created("one");
        let update = world.update(id, 1, "two");
        world.apply(&update);
        let at = |world: &World, version| world.version(Dataset::Tecs, id, version).expect("reads").expect("there");
        for version in [1, 2] {
            let before = at(&world, version);
            let body = Body::Version((Dataset::Tecs, id, version));
            let posts = world.posts();
            assert_eq!(world.apply(&reseal(body, &before.sealed, 7)), Outcome::Done(()));
            let after = at(&world, version);
            assert_eq!((&after.header, &after.sealed), (&before.header, &anew(7)));
            assert_eq!(world.posts(), posts, "no event");
            // Whoever opened it before comes too late.
            world.apply(&reseal(body, &before.sealed, 8));
            assert_eq!(at(&world, version).sealed, anew(7));
        }
        assert_eq!(world.record(Dataset::Tecs, id).expect("reads").expect("there"), at(&world, 2));
        assert_eq!(world.history(id), [1, 2]);
        let missing = Body::Version((Dataset::Tecs, id, 3));
        assert_eq!(world.apply(&reseal(missing, &anew(7), 8)), Outcome::Done(()));
    }

    #[test]
    fn an_override_is_sealed_anew_and_one_that_was_replaced_is_left_alone() {
        let mut world = World::default();
        let lookout = world.created("one");
        let record = world.record_override(lookout, 1, 1_000_000);
        world.apply(&record);
        let id = OverrideId::of_request(record.request);
        let there = |world: &World| world.overrides(Dataset::Tecs, lookout).expect("reads")[0].clone();
        let before = there(&world);
        let body = Body::Override((Dataset::Tecs, lookout, id));
        world.apply(&reseal(body, &anew(9), 7));
        assert_eq!(there(&world), before);
        world.apply(&reseal(body, &before.sealed, 7));
        assert_eq!((there(&world).header, there(&world).sealed), (before.header, anew(7)));
    }
}
