//! The file system without a kernel: that it forgets, what it keeps, and what chance may leave.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use super::*;

const BYTES: &[u8] = b"0123456789";

fn name(text: &str) -> &OsStr {
    OsStr::new(text)
}

/// A tree with a file that holds bytes, and nothing of it durable but what a test makes so.
struct Bench {
    tree: Tree,
    rng: Rng,
}

impl Bench {
    fn new() -> Self {
        Self { tree: Tree::new(), rng: Rng(7) }
    }

    fn directory(&mut self, text: &str) -> u64 {
        self.tree.make(ROOT, name(text), true, 0o755, (0, 0)).expect("is new")
    }

    fn file_in(&mut self, directory: u64, text: &str, bytes: &[u8]) -> u64 {
        let file = self.tree.make(directory, name(text), false, 0o644, (0, 0)).expect("is new");
        self.tree.write(file, 0, bytes).expect("is a file");
        file
    }

    fn file(&mut self, text: &str, bytes: &[u8]) -> u64 {
        self.file_in(ROOT, text, bytes)
    }

    fn sync(&mut self, number: u64) {
        let last = self.tree.changes();
        self.tree.sync(number, last).expect("is there");
    }

    /// A file of which everything is durable.
    fn durable_file(&mut self, text: &str, bytes: &[u8]) -> u64 {
        let file = self.file(text, bytes);
        self.sync(file);
        self.sync(ROOT);
        file
    }

    fn cut(&mut self, survives: Survives) {
        let last = self.tree.changes();
        self.tree.cut(last, survives, &mut self.rng);
    }

    /// The names in a directory, with the bytes of the files.
    fn found_in(&self, directory: u64) -> Vec<(String, Vec<u8>)> {
        let names = self.tree.names(directory).expect("a directory").iter();
        names
            .map(|(name, number)| {
                let content = self.tree.content(*number);
                let bytes = content.map_or(Vec::new(), |content| content.read(0, usize::MAX).to_vec());
                (name.to_string_lossy().into_owned(), bytes)
            })
            .collect()
    }

    fn found(&self) -> Vec<(String, Vec<u8>)> {
        self.found_in(ROOT)
    }
}

fn files(expected: &[(&str, &[u8])]) -> Vec<(String, Vec<u8>)> {
    expected.iter().map(|(name, bytes)| (name.to_string(), bytes.to_vec())).collect()
}

#[test]
fn what_was_synced_survives_and_what_was_not_is_gone() {
    let mut bench = Bench::new();
    bench.durable_file("kept", BYTES);
    bench.file("forgotten", BYTES);
    let without_name = bench.file("without-name", BYTES);
    bench.sync(without_name);
    bench.cut(Survives::Nothing);
    assert_eq!(bench.found(), files(&[("kept", BYTES)]), "a sync of a file does not make its name durable");
    bench.cut(Survives::Nothing);
    assert_eq!(bench.found(), files(&[("kept", BYTES)]), "a second cut takes nothing more");
}

#[test]
fn a_sync_of_a_directory_makes_names_durable_and_not_what_the_files_hold() {
    let mut bench = Bench::new();
    bench.file("empty", BYTES);
    bench.sync(ROOT);
    bench.cut(Survives::Nothing);
    assert_eq!(bench.found(), files(&[("empty", b"")]));
}

#[test]
fn a_file_in_a_directory_whose_own_name_is_not_durable_is_gone() {
    let mut bench = Bench::new();
    let inner = bench.directory("inner");
    let file = bench.file_in(inner, "file", BYTES);
    bench.sync(file);
    bench.sync(inner);
    bench.cut(Survives::Nothing);
    assert_eq!(bench.found(), files(&[]));
}

#[test]
fn bytes_and_lengths_go_back_to_the_last_sync_of_the_file() {
    let mut bench = Bench::new();
    let file = bench.durable_file("file", BYTES);
    bench.tree.write(file, 2, b"XY").unwrap();
    bench.tree.write(file, 10, b"more").unwrap();
    assert_eq!(bench.found(), files(&[("file", b"01XY456789more")]));
    bench.cut(Survives::Nothing);
    assert_eq!(bench.found(), files(&[("file", BYTES)]));
    bench.tree.set_len(file, 3).unwrap();
    bench.cut(Survives::Nothing);
    assert_eq!(bench.found(), files(&[("file", BYTES)]));
    bench.tree.set_len(file, 3).unwrap();
    bench.sync(file);
    bench.cut(Survives::Nothing);
    assert_eq!(bench.found(), files(&[("file", b"012")]));
}

#[test]
fn a_sync_covers_what_was_written_before_it_was_asked_for_and_nothing_else() {
    let mut bench = Bench::new();
    let file = bench.durable_file("file", BYTES);
    bench.tree.write(file, 0, b"A").unwrap();
    let asked = bench.tree.changes();
    bench.tree.write(file, 1, b"B").unwrap();
    bench.tree.sync(file, asked).unwrap();
    bench.cut(Survives::Nothing);
    assert_eq!(bench.found(), files(&[("file", b"A123456789")]));
}

#[test]
fn a_rename_is_durable_with_either_directory_and_never_by_half() {
    for (synced, expected) in [(None, "from"), (Some("from"), "to"), (Some("to"), "to")] {
        let mut bench = Bench::new();
        let directories = ["from", "to"].map(|text| bench.directory(text));
        let file = bench.file_in(directories[0], "name", BYTES);
        [file, directories[0], ROOT].into_iter().for_each(|number| bench.sync(number));
        bench.tree.rename((directories[0], name("name")), (directories[1], name("other"))).unwrap();
        if let Some(synced) = synced {
            bench.sync(bench.tree.lookup(ROOT, name(synced)).unwrap());
        }
        bench.cut(Survives::Nothing);
        let found = ["from", "to"].map(|text| bench.found_in(bench.tree.lookup(ROOT, name(text)).unwrap()));
        let expected = match expected {
            "from" => [files(&[("name", BYTES)]), files(&[])],
            _ => [files(&[]), files(&[("other", BYTES)])],
        };
        assert_eq!(found, expected, "synced: {synced:?}");
    }
}

#[test]
fn a_rename_without_a_sync_leaves_what_was_there_before() {
    let mut bench = Bench::new();
    bench.durable_file("current", b"old");
    let new = bench.file("current.new", b"new");
    bench.sync(new);
    bench.tree.rename((ROOT, name("current.new")), (ROOT, name("current"))).unwrap();
    assert_eq!(bench.found(), files(&[("current", b"new")]));
    bench.cut(Survives::Nothing);
    assert_eq!(bench.found(), files(&[("current", b"old")]));
}

#[test]
fn a_removed_name_is_back_if_its_directory_was_not_synced() {
    let mut bench = Bench::new();
    bench.durable_file("file", BYTES);
    bench.tree.remove(ROOT, name("file")).unwrap();
    bench.cut(Survives::Nothing);
    assert_eq!(bench.found(), files(&[("file", BYTES)]));
    bench.tree.remove(ROOT, name("file")).unwrap();
    bench.sync(ROOT);
    bench.cut(Survives::Nothing);
    assert_eq!(bench.found(), files(&[]));
}

#[test]
fn a_second_name_of_a_file_is_a_name_like_the_first() {
    let mut bench = Bench::new();
    let file = bench.durable_file("first", BYTES);
    let checkpoint = bench.directory("checkpoint");
    bench.tree.link(file, checkpoint, name("second")).unwrap();
    bench.sync(checkpoint);
    bench.sync(ROOT);
    bench.tree.remove(ROOT, name("first")).unwrap();
    bench.sync(ROOT);
    bench.cut(Survives::Nothing);
    assert_eq!(bench.found_in(checkpoint), files(&[("second", BYTES)]));
    assert_eq!(bench.tree.inode(file).map(|inode| inode.names).ok(), Some(1));
    assert!(bench.tree.rename((checkpoint, name("second")), (checkpoint, name("second"))).is_ok());
}

#[test]
fn names_that_are_taken_missing_or_full_are_refused_as_posix_says() {
    let mut bench = Bench::new();
    let (file, directory) = (bench.file("file", BYTES), bench.directory("directory"));
    bench.file_in(directory, "inner", BYTES);
    let code = |refused: Result<(), Errno>| refused.expect_err("is refused").code();
    let made = bench.tree.make(ROOT, name("file"), false, 0o644, (0, 0)).map(drop);
    assert_eq!(code(made), libc::EEXIST);
    assert_eq!(code(bench.tree.link(file, ROOT, name("directory"))), libc::EEXIST);
    assert_eq!(code(bench.tree.remove(ROOT, name("missing"))), libc::ENOENT);
    assert_eq!(code(bench.tree.remove(ROOT, name("directory"))), libc::ENOTEMPTY);
    assert_eq!(code(bench.tree.rename((ROOT, name("missing")), (ROOT, name("other")))), libc::ENOENT);
    assert_eq!(code(bench.tree.write(directory, 0, BYTES)), libc::EISDIR);
    assert_eq!(code(bench.tree.lookup(file, name("inner")).map(drop)), libc::ENOTDIR);
}

/// What survives by chance is always something that was there at some moment since the last sync, and everything of the kind
/// does come about.
#[test]
fn what_survives_by_chance_is_a_beginning_of_what_was_not_synced() {
    for survives in [Survives::Before, Survives::Apart] {
        let (mut lengths, mut pairs) = (BTreeSet::new(), BTreeSet::new());
        for seed in 0..400 {
            let mut bench = Bench { rng: Rng(seed), ..Bench::new() };
            let (one, two) = (bench.durable_file("one", b""), bench.durable_file("two", b""));
            for at in [0, 4] {
                bench.tree.write(one, at, &BYTES[at..at + 4]).unwrap();
                bench.tree.write(two, at, &BYTES[at..at + 4]).unwrap();
            }
            bench.file("late", b"");
            bench.cut(survives);
            let found = bench.found();
            let length = |text: &str| found.iter().find(|(name, _)| name == text).map(|(_, bytes)| bytes.len());
            assert!(found.iter().all(|(_, bytes)| BYTES.starts_with(bytes)), "{found:?}");
            let (first, second) = (length("one").unwrap(), length("two").unwrap());
            if survives == Survives::Before {
                // In the order of the writes: one, two, one, two, and then the name.
                assert!(second <= first && (first.div_ceil(4) <= 1 || second >= 4), "{found:?}");
                assert!(length("late").is_none() || second == 8, "{found:?}");
            }
            lengths.insert(first);
            pairs.insert((first > second, first < second, length("late").is_some()));
        }
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), (0..=8).collect::<Vec<_>>(), "torn at every byte");
        assert_eq!(pairs.len(), if survives == Survives::Apart { 6 } else { 3 }, "{pairs:?}");
    }
}

#[test]
fn changes_after_the_power_went_off_survive_by_no_chance() {
    for seed in 0..100 {
        let mut bench = Bench { rng: Rng(seed), ..Bench::new() };
        let file = bench.durable_file("file", BYTES);
        let last = bench.tree.changes();
        bench.tree.write(file, 0, b"late").unwrap();
        bench.file("late", b"");
        bench.tree.cut(last, Survives::drawn(&mut Rng(seed)), &mut bench.rng);
        assert_eq!(bench.found(), files(&[("file", BYTES)]));
    }
}

#[test]
fn files_that_nobody_can_reach_take_no_memory() {
    let mut bench = Bench::new();
    let open = bench.file("open", BYTES);
    bench.tree.refer(open);
    bench.tree.remove(ROOT, name("open")).unwrap();
    for number in 0..2 * SWEEP_EVERY {
        bench.file("file", BYTES);
        bench.tree.remove(ROOT, name("file")).unwrap();
        if number % 64 == 0 {
            bench.sync(ROOT);
        }
    }
    assert!(bench.tree.inodes.len() < SWEEP_EVERY as usize, "{}", bench.tree.inodes.len());
    assert!(bench.tree.content(open).is_ok(), "an open file is held");
}
