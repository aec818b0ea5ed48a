//! What a file holds: as it reads now, as the disk has it for certain, and the changes between the two.

use std::collections::VecDeque;

/// A change of a file's bytes or length.
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Length(length) => to.resize(*length, 0),
            Self::Write { at, bytes } => put(to, *at, bytes),
        }
    }
}

fn put(to: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if to.len() < end {
        to.resize(end, 0);
    }
    to[at..end].copy_from_slice(bytes);
}

/// A file's bytes.
#[derive(Default)]
pub struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// In order, each with its number in the whole file system.
    unsynced: VecDeque<(u64, Change)>,
}

impl Content {
    /// The length as it is now.
    pub fn len(&self) -> usize {
        self.now.len()
    }

    /// Bytes as they are now; fewer, or none, at the end.
    pub fn read(&self, at: usize, count: usize) -> &[u8] {
        let at = at.min(self.now.len());
        let end = at.saturating_add(count).min(self.now.len());
        &self.now[at..end]
    }

    /// Writes.
    pub fn write(&mut self, number: u64, at: usize, bytes: &[u8]) {
        self.change(number, Change::Write { at, bytes: bytes.to_vec() });
    }

    /// Cuts off or extends with zeros.
    pub fn set_len(&mut self, number: u64, length: usize) {
        self.change(number, Change::Length(length));
    }

    fn change(&mut self, number: u64, change: Change) {
        change.apply(&mut self.now);
        self.unsynced.push_back((number, change));
    }

    /// Makes the changes up to a number durable.
    pub fn sync(&mut self, last: u64) {
        let durable = self.unsynced.partition_point(|(number, _)| *number <= last);
        self.unsynced.drain(..durable).for_each(|(_, change)| change.apply(&mut self.durable));
    }

    /// Numbers of the changes that are not durable, in order.
    pub fn unsynced(&self) -> impl Iterator<Item = u64> {
        self.unsynced.iter().map(|(number, _)| *number)
    }

    /// Forgets the changes from a number on; of that one, if it is a write, as many bytes stay as `torn` makes of its length.
    pub fn forget(&mut self, from: u64, torn: impl FnOnce(usize) -> usize) {
        for (number, change) in std::mem::take(&mut self.unsynced) {
            match change {
                change if number < from => change.apply(&mut self.durable),
                Change::Write { at, bytes } if number == from => {
                    put(&mut self.durable, at, &bytes[..torn(bytes.len()).min(bytes.len())]);
                    break;
                }
                _ => break,
            }
        }
        self.now.clone_from(&self.durable);
    }
}
