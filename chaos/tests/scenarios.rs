//! Every scenario in `scenarios/` is a life of a cluster that once went wrong, named after what did. None of them does now.

use std::path::Path;

use chaos::outcome::Outcome;
use chaos::trace::Trace;
use chaos::world::World;

#[test]
fn no_scenario_goes_wrong_again() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<_> =
        std::fs::read_dir(&directory).expect("scenarios").map(|file| file.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert!(!files.is_empty(), "there are scenarios");
    let mut broken = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("reads");
        let world: World = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let outcome = Outcome::of(world, Trace::default());
        broken.extend(outcome.broken.into_iter().map(|one| format!("{}: {one:?}", file.display())));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
