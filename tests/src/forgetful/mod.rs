//! A file system that forgets on command what was not synced, mounted by FUSE: the disk of a machine whose power can be cut.
//!
//! It promises no more than POSIX does. A sync of a file makes its bytes and its length durable, and not its name; a sync of
//! a directory makes the names in it durable, and not what the files hold; closing a file makes nothing durable, and neither
//! does `sync_file_range`. A rename is one change: durable as a whole, with the directory it left or the one it came to.
//! Times and permissions are never lost, since nothing here depends on them.
//!
//! Within one file writes are lost from the end, at any byte. A disk that keeps a later page of a file and loses an earlier one
//! is not had here: RocksDB takes the log that it leaves for damaged, and the node stops.
//!
//! [`Tree`](tree::Tree) is the file system without a kernel, `mount.rs` what the kernel asks of it, and [`Disk`] what a test
//! holds in its hand. The tests run without FUSE where they can; where there is none, [`forgetful_disks`] says so.

mod content;
mod disk;
mod mount;
mod tree;

pub use disk::{Disk, forgetful_disks};

/// What is left of the unsynced changes when the power is cut, beside all that was synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survives {
    /// Nothing: the harshest that a cache can do.
    Nothing,
    /// What came before some moment, the same for everything; a write at that moment is torn.
    Before,
    /// Of each file what came before a moment of its own, and of the names what came before another: a disk writes in the
    /// order that suits it. The journal of a file system keeps names in order.
    Apart,
}

impl Survives {
    /// One of them, drawn.
    pub fn drawn(rng: &mut crate::Rng) -> Self {
        [Self::Nothing, Self::Before, Self::Apart][rng.below(3)]
    }
}
