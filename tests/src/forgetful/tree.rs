//! The file system without a kernel: inodes, names as they are now and as the disk has them, and the cut.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::time::SystemTime;

use fuser::Errno;

use super::Survives;
use super::content::Content;
use crate::Rng;

/// The root directory's number, as FUSE has it.
pub const ROOT: u64 = 1;
/// Changes after which inodes are looked for that nobody can reach any more.
const SWEEP_EVERY: u64 = 4_096;
/// Half of all cuts forget no more than so many of the last changes: the others are old, of files that nobody ever syncs.
const RECENT: usize = 32;

/// A name in a directory.
type Place = (u64, OsString);
type Names = BTreeMap<OsString, u64>;

/// What an inode is.
pub enum Body {
    File(Content),
    Directory { now: Names, durable: Names },
}

/// A file or a directory.
pub struct Inode {
    pub body: Body,
    pub permissions: u16,
    pub owner: (u32, u32),
    pub modified: SystemTime,
    /// Names that it has now.
    pub names: u32,
    /// References that the kernel holds, such as those of open files.
    references: u64,
}

/// Names that change together.
struct NameChange {
    number: u64,
    /// None: the name is gone.
    sets: Vec<(Place, Option<u64>)>,
}

/// All of it.
pub struct Tree {
    inodes: BTreeMap<u64, Inode>,
    /// Changes of names that are not durable, in order.
    unsynced: Vec<NameChange>,
    /// How many changes there were: the number of the last one.
    changes: u64,
    next_inode: u64,
}

impl Tree {
    /// An empty root.
    pub fn new() -> Self {
        let mut tree = Self { inodes: BTreeMap::new(), unsynced: Vec::new(), changes: 0, next_inode: ROOT };
        tree.add(Body::Directory { now: Names::new(), durable: Names::new() }, 0o755, (0, 0));
        tree
    }

    fn add(&mut self, body: Body, permissions: u16, owner: (u32, u32)) -> u64 {
        let number = self.next_inode;
        self.next_inode += 1;
        let inode = Inode { body, permissions, owner, modified: SystemTime::now(), names: 0, references: 0 };
        self.inodes.insert(number, inode);
        number
    }

    /// The number of the last change.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// An inode.
    pub fn inode(&self, number: u64) -> Result<&Inode, Errno> {
        self.inodes.get(&number).ok_or(Errno::ENOENT)
    }

    /// An inode, for its permissions and times.
    pub fn inode_mut(&mut self, number: u64) -> Result<&mut Inode, Errno> {
        self.inodes.get_mut(&number).ok_or(Errno::ENOENT)
    }

    /// The kernel holds a further reference.
    pub fn refer(&mut self, number: u64) {
        if let Some(inode) = self.inodes.get_mut(&number) {
            inode.references += 1;
        }
    }

    /// The kernel gives references back.
    pub fn release(&mut self, number: u64, count: u64) {
        if let Some(inode) = self.inodes.get_mut(&number) {
            inode.references = inode.references.saturating_sub(count);
        }
    }

    /// The names in a directory, in order.
    pub fn names(&self, directory: u64) -> Result<&Names, Errno> {
        match &self.inode(directory)?.body {
            Body::Directory { now, .. } => Ok(now),
            Body::File(_) => Err(Errno::ENOTDIR),
        }
    }

    /// What a name stands for.
    pub fn lookup(&self, directory: u64, name: &OsStr) -> Result<u64, Errno> {
        self.names(directory)?.get(name).copied().ok_or(Errno::ENOENT)
    }

    /// Makes an empty file or directory.
    pub fn make(
        &mut self,
        directory: u64,
        name: &OsStr,
        is_directory: bool,
        permissions: u16,
        owner: (u32, u32),
    ) -> Result<u64, Errno> {
        if self.names(directory)?.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        let body = match is_directory {
            true => Body::Directory { now: Names::new(), durable: Names::new() },
            false => Body::File(Content::default()),
        };
        let number = self.add(body, permissions, owner);
        self.set_names(vec![((directory, name.to_os_string()), Some(number))]);
        Ok(number)
    }

    /// Gives a file one more name.
    pub fn link(&mut self, file: u64, directory: u64, name: &OsStr) -> Result<(), Errno> {
        self.content(file)?;
        if self.names(directory)?.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        self.set_names(vec![((directory, name.to_os_string()), Some(file))]);
        Ok(())
    }

    /// Takes a name away; a directory must be empty.
    pub fn remove(&mut self, directory: u64, name: &OsStr) -> Result<(), Errno> {
        self.refuse_full(self.lookup(directory, name)?)?;
        self.set_names(vec![((directory, name.to_os_string()), None)]);
        Ok(())
    }

    /// Gives what has a name another one, in place of what had that.
    pub fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr)) -> Result<(), Errno> {
        let moved = self.lookup(from.0, from.1)?;
        match self.lookup(to.0, to.1) {
            // Two names of one file: POSIX leaves both.
            Ok(there) if there == moved => return Ok(()),
            Ok(there) => self.refuse_full(there)?,
            Err(_) => drop(self.names(to.0)?),
        }
        let place = |(directory, name): (u64, &OsStr)| (directory, name.to_os_string());
        self.set_names(vec![(place(from), None), (place(to), Some(moved))]);
        Ok(())
    }

    fn refuse_full(&self, number: u64) -> Result<(), Errno> {
        match self.names(number) {
            Ok(names) if !names.is_empty() => Err(Errno::ENOTEMPTY),
            _ => Ok(()),
        }
    }

    fn set_names(&mut self, sets: Vec<(Place, Option<u64>)>) {
        self.changes += 1;
        for (place, target) in &sets {
            let before = assign(&mut self.inodes, place, *target, false);
            self.count_name(before, -1);
            self.count_name(*target, 1);
        }
        self.unsynced.push(NameChange { number: self.changes, sets });
        self.sweep_sometimes();
    }

    fn count_name(&mut self, number: Option<u64>, by: i32) {
        if let Some(inode) = number.and_then(|number| self.inodes.get_mut(&number)) {
            inode.names = inode.names.saturating_add_signed(by);
        }
    }

    /// A file's content.
    pub fn content(&self, file: u64) -> Result<&Content, Errno> {
        match &self.inode(file)?.body {
            Body::File(content) => Ok(content),
            Body::Directory { .. } => Err(Errno::EISDIR),
        }
    }

    fn change_content(&mut self, file: u64, change: impl FnOnce(&mut Content, u64)) -> Result<(), Errno> {
        let number = self.changes + 1;
        let inode = self.inode_mut(file)?;
        let Body::File(content) = &mut inode.body else { return Err(Errno::EISDIR) };
        change(content, number);
        inode.modified = SystemTime::now();
        self.changes = number;
        self.sweep_sometimes();
        Ok(())
    }

    /// Writes to a file.
    pub fn write(&mut self, file: u64, at: usize, bytes: &[u8]) -> Result<(), Errno> {
        self.change_content(file, |content, number| content.write(number, at, bytes))
    }

    /// Sets a file's length.
    pub fn set_len(&mut self, file: u64, length: usize) -> Result<(), Errno> {
        self.change_content(file, |content, number| content.set_len(number, length))
    }

    /// Makes durable what was changed in a file, or of the names in a directory, up to the change of a number.
    pub fn sync(&mut self, number: u64, last: u64) -> Result<(), Errno> {
        if let Body::File(content) = &mut self.inode_mut(number)?.body {
            content.sync(last);
            return Ok(());
        }
        // A change of names needs those before it that concern the same names: of a rename from another directory, what gave
        // the file its name there.
        let mut needed: BTreeSet<&Place> = BTreeSet::new();
        let mut durable = BTreeSet::new();
        for change in self.unsynced.iter().rev().filter(|change| change.number <= last) {
            if change.sets.iter().any(|(place, _)| place.0 == number || needed.contains(place)) {
                needed.extend(change.sets.iter().map(|(place, _)| place));
                durable.insert(change.number);
            }
        }
        self.make_names_durable(|change| durable.contains(&change));
        Ok(())
    }

    fn make_names_durable(&mut self, which: impl Fn(u64) -> bool) {
        let (durable, unsynced) = std::mem::take(&mut self.unsynced).into_iter().partition(|one| which(one.number));
        self.unsynced = unsynced;
        for (place, target) in durable.into_iter().flat_map(|change: NameChange| change.sets) {
            assign(&mut self.inodes, &place, target, true);
        }
    }

    /// Forgets what was not synced, but for what survives of the changes up to a number. The kernel must hold nothing.
    pub fn cut(&mut self, last: u64, survives: Survives, rng: &mut Rng) {
        let of_names: Vec<u64> = self.unsynced.iter().map(|change| change.number).collect();
        let mut all = of_names.clone();
        let files = self.inodes.values().filter_map(|inode| match &inode.body {
            Body::File(content) => Some(content),
            Body::Directory { .. } => None,
        });
        all.extend(files.flat_map(Content::unsynced));
        all.sort_unstable();
        let mut drawn = |unsynced: &[u64]| match survives {
            Survives::Nothing => 0,
            Survives::Before | Survives::Apart => first_forgotten(unsynced, last, rng),
        };
        let one_moment = drawn(&all);
        let moment_of_names = if survives == Survives::Apart { drawn(&of_names) } else { one_moment };
        let mut moments = BTreeMap::new();
        for (number, inode) in &self.inodes {
            if let Body::File(content) = &inode.body {
                let of_file: Vec<u64> = content.unsynced().collect();
                let moment = if survives == Survives::Apart { drawn(&of_file) } else { one_moment };
                moments.insert(*number, moment);
            }
        }
        self.make_names_durable(|change| change < moment_of_names);
        self.unsynced.clear();
        for (number, inode) in &mut self.inodes {
            inode.references = 0;
            match &mut inode.body {
                Body::Directory { now, durable } => now.clone_from(durable),
                Body::File(content) => {
                    let moment = moments[number];
                    // What came after the cut was never on its way to the disk.
                    content.forget(moment, |length| if moment <= last { rng.below(length + 1) } else { 0 });
                }
            }
        }
        self.sweep();
        self.count_names();
    }

    fn count_names(&mut self) {
        self.inodes.values_mut().for_each(|inode| inode.names = 0);
        let directories = self.inodes.values().filter_map(|inode| match &inode.body {
            Body::Directory { now, .. } => Some(now),
            Body::File(_) => None,
        });
        let named: Vec<u64> = directories.flat_map(|now| now.values().copied()).collect();
        named.into_iter().for_each(|number| self.count_name(Some(number), 1));
    }

    fn sweep_sometimes(&mut self) {
        if self.changes.is_multiple_of(SWEEP_EVERY) {
            self.sweep();
        }
    }

    /// Drops the inodes that no name leads to, now or after a cut, and that the kernel does not hold.
    fn sweep(&mut self) {
        let held = self.inodes.iter().filter(|(number, inode)| **number == ROOT || inode.references > 0);
        let mut found: Vec<u64> = held.map(|(number, _)| *number).collect();
        found.extend(self.unsynced.iter().flat_map(|change| change.sets.iter().filter_map(|(_, target)| *target)));
        let mut reached = BTreeSet::new();
        while let Some(number) = found.pop() {
            if reached.insert(number)
                && let Some(Inode { body: Body::Directory { now, durable }, .. }) = self.inodes.get(&number)
            {
                found.extend(now.values().chain(durable.values()));
            }
        }
        self.inodes.retain(|number, _| reached.contains(number));
    }
}

/// Sets a name now or durably, and returns what it stood for. A directory that is gone has none.
fn assign(inodes: &mut BTreeMap<u64, Inode>, place: &Place, target: Option<u64>, durably: bool) -> Option<u64> {
    let (directory, name) = place;
    let Body::Directory { now, durable } = &mut inodes.get_mut(directory)?.body else { return None };
    let names = if durably { durable } else { now };
    match target {
        Some(number) => names.insert(name.clone(), number),
        None => names.remove(name),
    }
}

/// The number of the first unsynced change that is forgotten, of those up to the last one before the cut.
fn first_forgotten(unsynced: &[u64], last: u64, rng: &mut Rng) -> u64 {
    let unsynced = &unsynced[..unsynced.partition_point(|number| *number <= last)];
    let among = if rng.below(2) == 0 { unsynced.len() } else { unsynced.len().min(RECENT) };
    let kept = unsynced.len() - rng.below(among + 1);
    unsynced.get(kept).copied().unwrap_or(last + 1)
}

#[cfg(test)]
#[path = "tree_test.rs"]
mod tests;
