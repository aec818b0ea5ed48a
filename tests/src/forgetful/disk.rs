//! A disk as a test holds it: mounted on a directory, cut off from its power, switched on again.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fuser::{BackgroundSession, Config, MountOption};

use super::Survives;
use super::mount::{Power, Served, Shared, State, locked};
use crate::Rng;

/// A mounted disk.
pub struct Disk {
    directory: PathBuf,
    shared: Shared,
    mounted: Mutex<Option<BackgroundSession>>,
}

/// Whether there can be such disks here. Where not, it says so, past what catches the output of tests: what is skipped must
/// be seen and counted.
pub fn forgetful_disks() -> bool {
    let directory = tempfile::tempdir().expect("a directory");
    let Err(error) = Disk::mount(directory.path()) else { return true };
    let test = std::thread::current().name().unwrap_or("a test").to_string();
    let reason =
        format!("skipped: {test}: no file system can be mounted by FUSE (needs root and /dev/fuse): {error}\n");
    std::io::stderr().write_all(reason.as_bytes()).expect("stderr");
    false
}

impl Disk {
    /// An empty disk, mounted on a directory that is there.
    pub fn mount(directory: &Path) -> io::Result<Self> {
        let shared = Arc::new(Mutex::new(State::new()));
        let mounted = Mutex::new(Some(serve(directory, &shared)?));
        Ok(Self { directory: directory.to_path_buf(), shared, mounted })
    }

    /// The power goes off by itself after so many more changes of bytes, lengths and names.
    pub fn power_off_after(&self, changes: u64) {
        let mut state = locked(&self.shared);
        state.off_at = Some(state.tree.changes() + changes);
        state.changed();
    }

    /// The power goes off: nothing becomes durable any more, and syncs are not answered.
    pub fn power_off(&self) {
        locked(&self.shared).power_off();
    }

    /// Whether the power is off.
    pub fn is_off(&self) -> bool {
        locked(&self.shared).power != Power::On
    }

    /// Ends what waits for a disk without power, so that processes which were killed can end. No matter to others.
    pub fn let_go(&self) {
        let mut state = locked(&self.shared);
        if state.power != Power::On {
            state.let_go();
        }
    }

    /// From now on syncs succeed and make nothing durable.
    pub fn lie(&self) {
        locked(&self.shared).lies = true;
    }

    /// Forgets what was not synced when the power went off, but for what survives, and is there again. Nobody may use the
    /// disk; the kernel forgets with it.
    pub fn power_on(&self, survives: Survives, rng: &mut Rng) {
        let mut mounted = self.mounted.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = mounted.take().map_or(Ok(()), BackgroundSession::umount_and_join);
        ended.unwrap_or_else(|error| panic!("{} is in use: {error}", self.directory.display()));
        let mut state = locked(&self.shared);
        let Power::Off(last) = state.power else { panic!("the power of {} is on", self.directory.display()) };
        state.tree.cut(last, survives, rng);
        (state.power, state.let_go) = (Power::On, false);
        drop(state);
        *mounted = Some(serve(&self.directory, &self.shared).expect("mounts as before"));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.let_go();
        let mounted = self.mounted.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(error)) = mounted.map(BackgroundSession::umount_and_join) {
            eprintln!("{} stays mounted: {error}", self.directory.display());
        }
    }
}

fn serve(directory: &Path, shared: &Shared) -> io::Result<BackgroundSession> {
    let mut config = Config::default();
    config.mount_options = vec![MountOption::FSName("forgetful".into())];
    fuser::spawn_mount(Served::new(shared.clone()), directory, &config)
}
