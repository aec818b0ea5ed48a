//! A key of data is made, or takes the place of another: by whoever needs one and finds none, by the age of the one there is, or because
//! an administrator says so. Who comes second finds the key of the first.

use serde::{Deserialize, Serialize};

use crate::command::Outcome;
use crate::data_key::{Bucket, DATA_KEY_FIRST, DataKey, newest};
use crate::decide::Context;
use crate::known_bugs::{KnownBug, planted};
use crate::limits::DATA_KEYS_MAX;
use crate::seal::{Sealed, WRAPPED_KEY_BYTES};
use crate::view::{Effects, Read, View, Write};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeKey {
    pub id: u32,
    pub bucket: Bucket,
    /// The key that the bucket is sealed under so far, as whoever made this one saw it.
    pub replaces: Option<u32>,
    pub wrapped: Sealed,
}

/// Nothing is written where the bucket has another key by now, or the id is taken: whoever asked looks again.
pub fn decide(view: &dyn View, context: Context, command: &MakeKey) -> Read<Effects> {
    let MakeKey { id, bucket, replaces, wrapped } = command.clone();
    let keys = view.data_keys()?;
    let there = newest(&keys, bucket).map(|key| key.id);
    let taken = keys.iter().any(|key| key.id >= id);
    let first = (there == replaces && !taken) || planted(KnownBug::SecondKeyStands);
    let well_formed = id >= DATA_KEY_FIRST && wrapped.ciphertext.len() == WRAPPED_KEY_BYTES;
    let mut writes = Vec::new();
    if first && well_formed && keys.len() < DATA_KEYS_MAX {
        writes.push(Write::PutDataKey(DataKey { id, bucket, made: context.time, wrapped }));
    }
    Ok(Effects { writes, outcome: Outcome::Done(()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::command::testing::*;
    use crate::data_key::{KeySet, Month};
    use crate::seal::AES_256_GCM;

    fn make(id: u32, expires: u16, replaces: Option<u32>) -> Command {
        let wrapped = Sealed { algorithm: AES_256_GCM, key: 1, nonce: [0; 12], ciphertext: vec![0; WRAPPED_KEY_BYTES] };
        let bucket = Bucket { set: KeySet::Tecs, expires: Month(expires) };
        Command::MakeKey(MakeKey { id, bucket, replaces, wrapped })
    }

    #[test]
    fn the_first_key_of_a_bucket_stands_and_one_that_saw_it_replaces_it() {
        let mut world = World::directory();
        let ids = |world: &World| world.data_keys().expect("reads").iter().map(|key| key.id).collect::<Vec<_>>();
        for (id, expires, replaces, then) in [
            (DATA_KEY_FIRST - 1, 1, None, vec![]),
            (16, 1, None, vec![16]),
            (17, 1, None, vec![16]),
            (16, 2, None, vec![16]),
            (17, 2, None, vec![16, 17]),
            (18, 1, Some(17), vec![16, 17]),
            (18, 1, Some(16), vec![16, 17, 18]),
            (19, 1, Some(16), vec![16, 17, 18]),
        ] {
            let made = world.apply(&system(make(id, expires, replaces)));
            assert_eq!(made, Outcome::Done(()));
            assert_eq!(ids(&world), then, "{id} for {expires} after {replaces:?}");
        }
        let keys = world.data_keys().expect("reads");
        assert_eq!(newest(&keys, keys[0].bucket).map(|key| key.id), Some(18));
    }

    #[test]
    fn what_is_no_wrapped_key_is_not_taken() {
        let mut world = World::directory();
        let Command::MakeKey(mut short) = make(16, 1, None) else { unreachable!("it is one") };
        short.wrapped.ciphertext.pop();
        world.apply(&system(Command::MakeKey(short)));
        assert_eq!(world.data_keys().expect("reads"), []);
    }
}
