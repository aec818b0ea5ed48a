//! The disk that forgets, used through the kernel: what the power-cut tests rest on.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use portcullis_tests::{Disk, Rng, Survives, forgetful_disks};
use tempfile::TempDir;

/// A mounted disk.
struct Mounted {
    disk: Disk,
    directory: TempDir,
}

impl Mounted {
    /// None where there is no FUSE.
    fn new() -> Option<Self> {
        if !forgetful_disks() {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        Some(Self { disk: Disk::mount(directory.path()).unwrap(), directory })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn cut(&self) {
        self.disk.power_off();
        self.disk.let_go();
        self.disk.power_on(Survives::Nothing, &mut Rng(1));
    }

    /// The names in the root directory.
    fn names(&self) -> Vec<String> {
        names(self.directory.path())
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn sync(path: &Path) {
    File::open(path).unwrap().sync_all().unwrap();
}

#[test]
fn through_the_kernel_it_forgets_what_was_not_synced_and_nothing_else() {
    let Some(mounted) = Mounted::new() else { return };
    let root = mounted.path("");
    fs::write(mounted.path("unsynced"), "gone").unwrap();
    fs::write(mounted.path("without-name"), "gone").unwrap();
    sync(&mounted.path("without-name"));
    assert_eq!(fs::read(mounted.path("unsynced")).unwrap(), b"gone", "it is there as long as there is power");
    mounted.cut();
    assert_eq!(mounted.names(), [""; 0]);

    let mut file = File::create_new(mounted.path("file")).unwrap();
    file.write_all(b"synced").unwrap();
    file.sync_data().unwrap();
    sync(&root);
    file.write_all(b", and not").unwrap();
    drop(file);
    mounted.cut();
    assert_eq!(fs::read(mounted.path("file")).unwrap(), b"synced", "closing is no sync, and the kernel forgets, too");

    fs::write(mounted.path("file.new"), "new").unwrap();
    sync(&mounted.path("file.new"));
    fs::rename(mounted.path("file.new"), mounted.path("file")).unwrap();
    mounted.cut();
    assert_eq!((mounted.names(), fs::read(mounted.path("file")).unwrap()), (vec!["file".into()], b"synced".to_vec()));
    fs::write(mounted.path("file.new"), "new").unwrap();
    sync(&mounted.path("file.new"));
    fs::rename(mounted.path("file.new"), mounted.path("file")).unwrap();
    sync(&root);
    mounted.cut();
    assert_eq!((mounted.names(), fs::read(mounted.path("file")).unwrap()), (vec!["file".into()], b"new".to_vec()));

    fs::remove_file(mounted.path("file")).unwrap();
    mounted.cut();
    assert_eq!(mounted.names(), ["file"]);
}

#[test]
fn it_does_what_programs_ask_of_a_file_system() {
    let Some(mounted) = Mounted::new() else { return };
    let directory = mounted.path("directory");
    fs::create_dir(&directory).unwrap();
    // More names than one look at a directory brings, removed while they are read.
    for number in 0..2_000 {
        File::create_new(directory.join(format!("a-file-with-a-long-name-{number:05}"))).unwrap();
    }
    assert_eq!(names(&directory).len(), 2_000);
    assert_eq!(fs::remove_dir(&directory).unwrap_err().kind(), std::io::ErrorKind::DirectoryNotEmpty);
    fs::remove_dir_all(&directory).unwrap();
    assert!(!directory.exists());

    let (path, linked) = (mounted.path("file"), mounted.path("linked"));
    let mut file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    file.write_all(&bytes).unwrap();
    file.seek(SeekFrom::Start(1_000_001)).unwrap();
    file.write_all(b"in the middle").unwrap();
    file.set_len(2_000_000).unwrap();
    fs::hard_link(&path, &linked).unwrap();
    fs::remove_file(&path).unwrap();
    let mut expected = bytes[..2_000_000].to_vec();
    expected[1_000_001..1_000_014].copy_from_slice(b"in the middle");
    assert_eq!(fs::read(&linked).unwrap(), expected);
    // A file that has no name any more is there for whoever has it open.
    fs::remove_file(&linked).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    let mut read = Vec::new();
    file.read_to_end(&mut read).unwrap();
    assert!(read == expected);
    file.set_len(2_000_010).unwrap();
    read.clear();
    file.read_to_end(&mut read).unwrap();
    assert_eq!(read, [0; 10]);
    drop(file);

    let mut appended = File::options().append(true).create(true).open(mounted.path("log")).unwrap();
    appended.write_all(b"one ").unwrap();
    File::options().append(true).open(mounted.path("log")).unwrap().write_all(b"two ").unwrap();
    appended.write_all(b"three").unwrap();
    assert_eq!(fs::read(mounted.path("log")).unwrap(), b"one two three");
    assert_eq!(File::create_new(mounted.path("log")).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    fs::write(mounted.path("log"), "anew").unwrap();
    assert_eq!(fs::metadata(mounted.path("log")).unwrap().len(), 4);
    appended.try_lock().unwrap();
    assert!(File::open(mounted.path("log")).unwrap().try_lock().is_err());
}

/// The moment of a cut is the change, not when somebody looks.
#[test]
fn the_power_goes_off_with_the_change_that_was_said() {
    let Some(mounted) = Mounted::new() else { return };
    let mut file = File::create_new(mounted.path("file")).unwrap();
    sync(&mounted.path(""));
    mounted.disk.power_off_after(3);
    for byte in b"abcde" {
        assert_eq!(mounted.disk.is_off(), *byte > b'c');
        file.write_all(&[*byte]).unwrap();
    }
    // A sync is not answered while there is no power, and is an error to whoever still lives when it is given up.
    let asked = std::thread::spawn(move || file.sync_all());
    let mut lengths = std::collections::BTreeSet::new();
    mounted.disk.let_go();
    assert!(asked.join().unwrap().is_err());
    for seed in 0..40 {
        mounted.disk.power_on(Survives::Before, &mut Rng(seed));
        lengths.insert(fs::read(mounted.path("file")).unwrap().len());
        mounted.disk.power_off();
    }
    assert!(lengths.into_iter().max().unwrap() <= 3, "what came after the cut does not survive");
}
