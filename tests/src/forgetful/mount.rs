//! What the kernel asks of the file system, by FUSE.
//!
//! The kernel writes through: each `write(2)` comes here before it returns, so that nothing unsynced hides in its cache. A
//! sync takes its time, one after the other, and covers what was written before it was asked for.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, KernelConfig,
    LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry,
    ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::tree::{Body, ROOT, Tree};

/// How long a sync takes at least: a quick disk's time. While it lasts a cut can find what nobody may rely on yet.
const SYNC_TAKES: Duration = Duration::from_millis(1);
/// How long the kernel may rely on an answer. Nobody but the kernel changes anything while it is mounted.
const VALID: Duration = Duration::from_secs(3_600);
/// Bytes of one write at most.
const WRITE_BYTES_MAX: u32 = 1024 * 1024;
/// Bytes of a block, for those who ask.
const BLOCK: u32 = 4_096;

/// Whether the disk has power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    On,
    /// The change of this number was the last one before the cut. Syncs wait: nobody may hear of them any more.
    Off(u64),
}

/// The file system and what a test did to it.
pub struct State {
    pub tree: Tree,
    pub power: Power,
    /// The power goes off with the change of this number.
    pub off_at: Option<u64>,
    /// Syncs succeed and make nothing durable.
    pub lies: bool,
    /// The processes are killed: syncs that wait are answered, since a process ends only then.
    pub let_go: bool,
    waiting: Vec<ReplyEmpty>,
}

impl State {
    pub fn new() -> Self {
        Self { tree: Tree::new(), power: Power::On, off_at: None, lies: false, let_go: false, waiting: Vec::new() }
    }

    /// Takes the power off when it is time, after every change.
    pub fn changed(&mut self) {
        if self.off_at.is_some_and(|last| self.tree.changes() >= last) {
            self.power_off();
        }
    }

    /// From now on nothing becomes durable.
    pub fn power_off(&mut self) {
        self.off_at = None;
        if self.power == Power::On {
            self.power = Power::Off(self.tree.changes());
        }
    }

    /// Answers the syncs that wait, now and later. Whoever asked was killed and does not see the answer.
    pub fn let_go(&mut self) {
        self.let_go = true;
        self.waiting.drain(..).for_each(|reply| reply.error(Errno::EIO));
    }

    fn finish(&mut self, sync: Sync) {
        match self.power {
            Power::On => {
                answer(if self.lies { Ok(()) } else { self.tree.sync(sync.inode, sync.last) }, sync.reply);
            }
            Power::Off(_) if self.let_go => sync.reply.error(Errno::EIO),
            Power::Off(_) => self.waiting.push(sync.reply),
        }
    }
}

/// The state, shared by the mount and the test.
pub type Shared = Arc<Mutex<State>>;

/// The state, whatever became of others that held it.
pub fn locked(shared: &Shared) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A sync that was asked for.
struct Sync {
    inode: u64,
    /// The number of the last change that it covers.
    last: u64,
    reply: ReplyEmpty,
}

/// What was in a directory when somebody began to read it: name, number, kind.
type Listing = Arc<Vec<(OsString, u64, FileType)>>;

/// The file system, mounted.
pub struct Served {
    shared: Shared,
    syncs: mpsc::Sender<Sync>,
    listings: Mutex<BTreeMap<u64, Listing>>,
    next_handle: AtomicU64,
}

impl Served {
    /// Serves a state until the mount ends.
    pub fn new(shared: Shared) -> Self {
        let (syncs, asked) = mpsc::channel::<Sync>();
        let state = shared.clone();
        // Ends with the sender.
        std::thread::spawn(move || {
            for sync in asked {
                std::thread::sleep(SYNC_TAKES);
                locked(&state).finish(sync);
            }
        });
        Self { shared, syncs, listings: Mutex::default(), next_handle: AtomicU64::new(1) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.shared)
    }

    fn listings(&self) -> MutexGuard<'_, BTreeMap<u64, Listing>> {
        self.listings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self) -> FileHandle {
        FileHandle(self.next_handle.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes a change and returns what came of it.
    fn change<T>(&self, change: impl FnOnce(&mut Tree) -> Result<T, Errno>) -> Result<T, Errno> {
        let mut state = self.state();
        let changed = change(&mut state.tree);
        state.changed();
        changed
    }

    /// Makes a change after which the kernel holds one more reference to an inode, whose attributes are returned.
    fn change_and_refer(&self, change: impl FnOnce(&mut Tree) -> Result<u64, Errno>) -> Result<FileAttr, Errno> {
        self.change(|tree| {
            let number = change(tree)?;
            tree.refer(number);
            attributes(tree, number)
        })
    }

    fn sync(&self, inode: INodeNo, reply: ReplyEmpty) {
        let last = self.state().tree.changes();
        if let Err(mpsc::SendError(unsent)) = self.syncs.send(Sync { inode: inode.0, last, reply }) {
            unsent.reply.error(Errno::EIO);
        }
    }

    fn list(&self, directory: u64) -> Result<Listing, Errno> {
        let state = self.state();
        let dots = [".", ".."].map(|dot| (OsString::from(dot), directory, FileType::Directory));
        let names = state.tree.names(directory)?.iter();
        let named = names.map(|(name, number)| Ok((name.clone(), *number, attributes(&state.tree, *number)?.kind)));
        Ok(Arc::new(dots.into_iter().map(Ok).chain(named).collect::<Result<_, Errno>>()?))
    }
}

fn attributes(tree: &Tree, number: u64) -> Result<FileAttr, Errno> {
    let inode = tree.inode(number)?;
    let (kind, size, names) = match &inode.body {
        Body::File(content) => (FileType::RegularFile, content.len() as u64, inode.names),
        Body::Directory { .. } => (FileType::Directory, 0, 2),
    };
    Ok(FileAttr {
        ino: INodeNo(number),
        size,
        blocks: size.div_ceil(512),
        atime: inode.modified,
        mtime: inode.modified,
        ctime: inode.modified,
        crtime: inode.modified,
        kind,
        perm: inode.permissions,
        nlink: names,
        uid: inode.owner.0,
        gid: inode.owner.1,
        rdev: 0,
        blksize: BLOCK,
        flags: 0,
    })
}

fn permissions(mode: u32) -> u16 {
    (mode & 0o7777) as u16
}

fn owner(request: &Request) -> (u32, u32) {
    (request.uid(), request.gid())
}

fn place(at: u64) -> Result<usize, Errno> {
    usize::try_from(at).map_err(|_| Errno::EFBIG)
}

fn answer_entry(entry: Result<FileAttr, Errno>, reply: ReplyEntry) {
    match entry {
        Ok(attributes) => reply.entry(&VALID, &attributes, Generation(0)),
        Err(error) => reply.error(error),
    }
}

fn answer(done: Result<(), Errno>, reply: ReplyEmpty) {
    match done {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

impl Filesystem for Served {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> io::Result<()> {
        config.set_max_write(WRITE_BYTES_MAX).map(drop).map_err(|max| io::Error::other(format!("writes up to {max}")))
    }

    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        answer_entry(self.change_and_refer(|tree| tree.lookup(parent.0, name)), reply);
    }

    fn forget(&self, _request: &Request, inode: INodeNo, count: u64) {
        self.state().tree.release(inode.0, count);
    }

    fn getattr(&self, _request: &Request, inode: INodeNo, _handle: Option<FileHandle>, reply: ReplyAttr) {
        match attributes(&self.state().tree, inode.0) {
            Ok(attributes) => reply.attr(&VALID, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        _request: &Request,
        number: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        _accessed: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _changed: Option<SystemTime>,
        _handle: Option<FileHandle>,
        _created: Option<SystemTime>,
        _flags_changed: Option<SystemTime>,
        _backed_up: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = self.change(|tree| {
            if let Some(size) = size {
                tree.set_len(number.0, place(size)?)?;
            }
            let inode = tree.inode_mut(number.0)?;
            inode.permissions = mode.map_or(inode.permissions, permissions);
            inode.owner = (uid.unwrap_or(inode.owner.0), gid.unwrap_or(inode.owner.1));
            match modified {
                Some(TimeOrNow::SpecificTime(time)) => inode.modified = time,
                Some(TimeOrNow::Now) => inode.modified = SystemTime::now(),
                None => {}
            }
            attributes(tree, number.0)
        });
        match set {
            Ok(attributes) => reply.attr(&VALID, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn mkdir(&self, request: &Request, parent: INodeNo, name: &OsStr, mode: u32, _umask: u32, reply: ReplyEntry) {
        let made = |tree: &mut Tree| tree.make(parent.0, name, true, permissions(mode), owner(request));
        answer_entry(self.change_and_refer(made), reply);
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let made = |tree: &mut Tree| tree.make(parent.0, name, false, permissions(mode), owner(request));
        match self.change_and_refer(made) {
            Ok(attributes) => reply.created(&VALID, &attributes, Generation(0), self.handle(), FopenFlags::empty()),
            Err(error) => reply.error(error),
        }
    }

    fn link(&self, _request: &Request, file: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        answer_entry(self.change_and_refer(|tree| tree.link(file.0, parent.0, name).map(|()| file.0)), reply);
    }

    fn unlink(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(self.change(|tree| tree.remove(parent.0, name)), reply);
    }

    fn rmdir(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(self.change(|tree| tree.remove(parent.0, name)), reply);
    }

    fn rename(
        &self,
        _request: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let renamed = self.change(|tree| {
            if flags == RenameFlags::RENAME_NOREPLACE && tree.lookup(new_parent.0, new_name).is_ok() {
                return Err(Errno::EEXIST);
            }
            if !(flags - RenameFlags::RENAME_NOREPLACE).is_empty() {
                return Err(Errno::EINVAL);
            }
            tree.rename((parent.0, name), (new_parent.0, new_name))
        });
        answer(renamed, reply);
    }

    fn read(
        &self,
        _request: &Request,
        file: INodeNo,
        _handle: FileHandle,
        at: u64,
        size: u32,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let state = self.state();
        match place(at).and_then(|at| Ok(state.tree.content(file.0)?.read(at, size as usize))) {
            Ok(bytes) => reply.data(bytes),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _request: &Request,
        file: INodeNo,
        _handle: FileHandle,
        at: u64,
        bytes: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.change(|tree| tree.write(file.0, place(at)?, bytes)) {
            Ok(()) => reply.written(bytes.len() as u32),
            Err(error) => reply.error(error),
        }
    }

    fn fallocate(
        &self,
        _request: &Request,
        file: INodeNo,
        _handle: FileHandle,
        at: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let allocated = match mode {
            // Room is set aside, and nothing that could be read changes.
            libc::FALLOC_FL_KEEP_SIZE => Ok(()),
            0 => self.change(|tree| {
                let end = place(at.saturating_add(length))?;
                if tree.content(file.0)?.len() < end { tree.set_len(file.0, end) } else { Ok(()) }
            }),
            _ => Err(Errno::EOPNOTSUPP),
        };
        answer(allocated, reply);
    }

    fn fsync(&self, _request: &Request, file: INodeNo, _handle: FileHandle, _data_only: bool, reply: ReplyEmpty) {
        self.sync(file, reply);
    }

    fn fsyncdir(&self, _request: &Request, directory: INodeNo, _handle: FileHandle, _data: bool, reply: ReplyEmpty) {
        self.sync(directory, reply);
    }

    fn opendir(&self, _request: &Request, _directory: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        reply.opened(self.handle(), FopenFlags::empty());
    }

    fn readdir(
        &self,
        _request: &Request,
        directory: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        // A listing stays as it was when it was begun: whoever removes names while he reads them misses none.
        let begun = self.listings().get(&handle.0).filter(|_| offset > 0).cloned();
        let listing = match begun.map_or_else(|| self.list(directory.0), Ok) {
            Ok(listing) => listing,
            Err(error) => return reply.error(error),
        };
        self.listings().insert(handle.0, listing.clone());
        for (at, (name, number, kind)) in listing.iter().enumerate().skip(offset as usize) {
            if reply.add(INodeNo(*number), at as u64 + 1, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(
        &self,
        _request: &Request,
        _directory: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.listings().remove(&handle.0);
        reply.ok();
    }

    fn statfs(&self, _request: &Request, _inode: INodeNo, reply: ReplyStatfs) {
        // Room for everybody: 64 GiB, and as many files as there are blocks.
        let blocks = (64 << 30) / u64::from(BLOCK);
        reply.statfs(blocks, blocks, blocks, blocks, blocks, BLOCK, 255, BLOCK);
    }
}

/// The root must be what FUSE takes for it.
const _: () = assert!(ROOT == 1);
