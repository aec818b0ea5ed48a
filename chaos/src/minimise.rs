//! Makes a failing world smaller: fewer faults, fewer clients, fewer calls, as long as the same promise is broken.

use crate::outcome::Outcome;
use crate::pool::{self, Job};
use crate::world::World;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The smallest world found that breaks the promise that this one breaks; none if it breaks none.
pub fn minimise(world: World, bug: Option<String>) -> Result<Option<World>> {
    let Some(promise) = first_broken(&outcome(&world, &bug)?) else { return Ok(None) };
    let mut smallest = world;
    loop {
        let mut smaller = None;
        for candidate in candidates(&smallest) {
            if first_broken(&outcome(&candidate, &bug)?).as_ref() == Some(&promise) {
                smaller = Some(candidate);
                break;
            }
        }
        match smaller {
            Some(world) => smallest = world,
            None => return Ok(Some(smallest)),
        }
    }
}

fn outcome(world: &World, bug: &Option<String>) -> Result<Outcome> {
    let job = Job { seed: world.seed, bug: bug.clone(), world: Some(serde_json::to_string(world)?) };
    let mut found = None;
    pool::run(std::iter::once(job), |_, outcome| {
        found = Some(outcome);
        true
    })?;
    found.ok_or_else(|| "a run had no outcome".into())
}

fn first_broken(outcome: &Outcome) -> Option<String> {
    outcome.broken.first().map(|broken| broken.promise.clone())
}

/// Worlds that are a step smaller, the boldest steps first.
fn candidates(world: &World) -> Vec<World> {
    let mut candidates = Vec::new();
    let faults = &world.faults;
    let mut size = faults.len();
    while size > 0 {
        for begin in (0..faults.len()).step_by(size) {
            let mut smaller = world.clone();
            smaller.faults.drain(begin..(begin + size).min(faults.len()));
            candidates.push(smaller);
        }
        size /= 2;
    }
    let clients = &world.clients;
    let mut fewer = |change: fn(&mut World) -> bool| {
        let mut smaller = world.clone();
        if change(&mut smaller) {
            candidates.push(smaller);
        }
    };
    fewer(|world| {
        // The last node, if no fault names it, and as long as three are left.
        let names_it = |fault: &crate::fault::Fault| fault.kind.names(world.nodes);
        if world.nodes <= 3 || world.faults.iter().any(names_it) {
            return false;
        }
        world.nodes -= 1;
        world.clocks.truncate(world.nodes as usize);
        true
    });
    fewer(|world| {
        world.records_groups > 1 && {
            world.records_groups -= 1;
            true
        }
    });
    fewer(|world| world.regions > 1 && less(&mut world.regions));
    fewer(|world| less(&mut world.clients.importers));
    fewer(|world| less(&mut world.clients.auditors));
    fewer(|world| less(&mut world.clients.analysts));
    fewer(|world| less(&mut world.clients.supervisors));
    fewer(|world| world.clients.officers > 1 && less(&mut world.clients.officers));
    fewer(|world| world.clients.agencies > 1 && less(&mut world.clients.agencies));
    if clients.calls > 1 {
        let mut smaller = world.clone();
        smaller.clients.calls = if clients.calls == u64::MAX { 200 } else { clients.calls / 2 };
        candidates.push(smaller);
    }
    candidates
}

fn less(number: &mut u64) -> bool {
    let more = *number > 0;
    *number = number.saturating_sub(1);
    more
}
