//! The log as static files (C2SP tlog-tiles): tiles of 256 hashes and bundles of 256 leaves, under paths that any tool of that
//! format reads.

use super::merkle::{Hash, Node, ProofError, ReadNode, empty_root, node_hash};

/// Hashes of a full tile, and leaves of a full bundle.
pub const TILE_WIDTH: u64 = 256;
/// Levels of the tree in a tile.
const TILE_LEVELS: u8 = 8;
/// Bytes of a leaf at most: its length is written in two.
pub const LEAF_BYTES_MAX: usize = u16::MAX as usize;

/// What a file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Hashes of subtrees of `256^level` leaves.
    Hashes(u8),
    /// Leaves.
    Entries,
}

/// A file of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    pub kind: Kind,
    pub index: u64,
    /// How many hashes or leaves, at least one; fewer than [`TILE_WIDTH`] in the last one of a level.
    pub width: u64,
}

impl Tile {
    /// The first hash or leaf in it.
    pub fn first(&self) -> u64 {
        self.index * TILE_WIDTH
    }

    /// Where it lies below the log's directory.
    pub fn path(&self) -> String {
        let kind = match self.kind {
            Kind::Hashes(level) => level.to_string(),
            Kind::Entries => "entries".to_string(),
        };
        format!("tile/{kind}/{}", self.within())
    }

    /// Its place among its kind: thousands, each but the last after an `x`, and the width of one that is not full.
    pub fn within(&self) -> String {
        let (mut rest, mut index) = (self.index / 1000, format!("{:03}", self.index % 1000));
        while rest > 0 {
            index = format!("x{:03}/{index}", rest % 1000);
            rest /= 1000;
        }
        let partial = if self.width < TILE_WIDTH { format!(".p/{}", self.width) } else { String::new() };
        format!("{index}{partial}")
    }

    /// Whether a log of so many leaves has all of it.
    pub fn is_within(&self, size: u64) -> bool {
        let level = match self.kind {
            Kind::Hashes(level) => u32::from(level) * u32::from(TILE_LEVELS),
            Kind::Entries => 0,
        };
        let last = self.index.checked_mul(TILE_WIDTH).and_then(|first| first.checked_add(self.width));
        last.is_some_and(|last| last <= size.checked_shr(level).unwrap_or(0))
    }

    /// Reads [`Tile::path`] without its `tile/`.
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, within) = path.split_once('/')?;
        let kind = match kind {
            "entries" => Kind::Entries,
            level => Kind::Hashes(level.parse().ok().filter(|level: &u8| *level < 8)?),
        };
        let (numbers, width) = match within.split_once(".p/") {
            None => (within, TILE_WIDTH),
            Some((numbers, width)) => (numbers, width.parse().ok().filter(|width| (1..TILE_WIDTH).contains(width))?),
        };
        let mut index: u64 = 0;
        for number in numbers.split('/') {
            let digits =
                number.strip_prefix('x').unwrap_or(number).parse::<u64>().ok().filter(|digits| *digits < 1000)?;
            index = index.checked_mul(1000)?.checked_add(digits)?;
        }
        // Each tile has one path.
        Some(Self { kind, index, width }).filter(|tile| tile.path().strip_prefix("tile/") == Some(path))
    }

    /// The hashes of a tile of hashes.
    pub fn hashes(&self, read: &ReadNode<'_>) -> Result<Vec<Hash>, ProofError> {
        let Kind::Hashes(level) = self.kind else { return Ok(Vec::new()) };
        let node = |index| Node { level: level * TILE_LEVELS, index };
        let read = |index| read(node(index)).ok_or(ProofError::Missing(node(index)));
        (self.first()..self.first() + self.width).map(read).collect()
    }
}

/// The files of one kind over so many hashes or leaves.
fn of_kind(kind: Kind, count: u64) -> impl Iterator<Item = Tile> {
    (0..count.div_ceil(TILE_WIDTH)).map(move |index| {
        let width = TILE_WIDTH.min(count - index * TILE_WIDTH);
        Tile { kind, index, width }
    })
}

/// The bundles of a log of so many leaves.
pub fn bundles(size: u64) -> impl Iterator<Item = Tile> {
    of_kind(Kind::Entries, size)
}

/// The tiles of a log of so many leaves, the lowest level first.
pub fn tiles(size: u64) -> impl Iterator<Item = Tile> {
    let levels = std::iter::successors(Some((0, size)), |(level, count)| Some((level + 1, count / TILE_WIDTH)));
    levels.take_while(|(_, count)| *count > 0).flat_map(|(level, count)| of_kind(Kind::Hashes(level), count))
}

/// Makes the tiles of a log that comes leaf by leaf, with no more in memory than the last tile of each level.
#[derive(Debug, Default)]
pub struct TileBuilder {
    levels: Vec<(u64, Vec<Hash>)>,
}

impl TileBuilder {
    /// Takes the next leaf's hash; returns the tiles that it fills, the lowest level first.
    pub fn push(&mut self, leaf: Hash) -> Vec<(Tile, Vec<Hash>)> {
        let (mut full, mut hash, mut level) = (Vec::new(), leaf, 0);
        loop {
            if level == self.levels.len() {
                self.levels.push((0, Vec::new()));
            }
            let (index, hashes) = &mut self.levels[level];
            hashes.push(hash);
            if (hashes.len() as u64) < TILE_WIDTH {
                return full;
            }
            let hashes = std::mem::take(hashes);
            let tile = Tile { kind: Kind::Hashes(level as u8), index: *index, width: TILE_WIDTH };
            *index += 1;
            hash = subtree(&hashes);
            full.push((tile, hashes));
            level += 1;
        }
    }

    /// The tiles that are not full.
    pub fn finish(self) -> Vec<(Tile, Vec<Hash>)> {
        let partial = self.levels.into_iter().enumerate().filter(|(_, (_, hashes))| !hashes.is_empty());
        let tile = |(level, (index, hashes)): (usize, (u64, Vec<Hash>))| {
            (Tile { kind: Kind::Hashes(level as u8), index, width: hashes.len() as u64 }, hashes)
        };
        partial.map(tile).collect()
    }
}

/// The root over the hashes of a full tile.
fn subtree(hashes: &[Hash]) -> Hash {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        level =
            level.chunks(2).map(|pair| pair[1..].iter().fold(pair[0], |left, right| node_hash(&left, right))).collect();
    }
    level.first().copied().unwrap_or_else(empty_root)
}

/// Appends a leaf to a bundle. None: it is too long for one.
pub fn push_entry(bundle: &mut Vec<u8>, leaf: &[u8]) -> Option<()> {
    bundle.extend_from_slice(&u16::try_from(leaf.len()).ok()?.to_be_bytes());
    bundle.extend_from_slice(leaf);
    Some(())
}

/// The leaves of a bundle. None: it is cut.
pub fn entries(mut bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut leaves = Vec::new();
    while !bundle.is_empty() {
        let (length, rest) = bundle.split_first_chunk::<2>()?;
        let (leaf, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        leaves.push(leaf);
        bundle = rest;
    }
    Some(leaves)
}

#[cfg(test)]
mod tests {
    use super::super::merkle::{Frontier, leaf_hash};
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn paths_are_those_of_the_specification() {
        let path = |index, width| Tile { kind: Kind::Hashes(1), index, width }.path();
        assert_eq!(path(1_234_067, 256), "tile/1/x001/x234/067");
        assert_eq!((path(0, 256), path(5, 255)), ("tile/1/000".into(), "tile/1/005.p/255".into()));
        assert_eq!(Tile { kind: Kind::Entries, index: 1000, width: 1 }.path(), "tile/entries/x001/000.p/1");
        let read = |path| Tile::parse(path).map(|tile| (tile.kind, tile.index, tile.width));
        assert_eq!(read("1/x001/x234/067"), Some((Kind::Hashes(1), 1_234_067, 256)));
        assert_eq!(read("entries/x001/000.p/1"), Some((Kind::Entries, 1000, 1)));
        for path in [
            "",
            "0",
            "0/",
            "0/1",
            "0/x000/001",
            "00/001",
            "8/001",
            "0/001.p/256",
            "0/001.p/0",
            "0/001.p/07",
            "0/-01",
            "a/001",
            "0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(read(path), None, "{path}");
        }
    }

    #[test]
    fn a_tree_has_the_tiles_that_the_specification_says() {
        let of = |size: u64, level: u8| {
            let widths = tiles(size).filter(|tile| tile.kind == Kind::Hashes(level)).map(|tile| tile.width);
            let widths: Vec<u64> = widths.collect();
            (widths.iter().filter(|width| **width == 256).count(), widths.last().copied().filter(|width| *width < 256))
        };
        assert_eq!((of(70_000, 0), of(70_000, 1), of(70_000, 2)), ((273, Some(112)), (1, Some(17)), (0, Some(1))));
        assert_eq!((of(256, 0), of(256, 1), of(256, 2)), ((1, None), (0, Some(1)), (0, None)));
        assert_eq!((tiles(0).count(), bundles(0).count(), bundles(257).count()), (0, 0, 2));
    }

    #[test]
    fn a_bundle_gives_its_leaves_back_and_one_that_is_cut_none() {
        let mut bundle = Vec::new();
        for leaf in [&b"one"[..], b"", &[7; LEAF_BYTES_MAX]] {
            push_entry(&mut bundle, leaf).expect("fits");
        }
        assert_eq!(entries(&bundle).expect("whole"), [&b"one"[..], b"", &[7; LEAF_BYTES_MAX]]);
        assert_eq!(entries(&bundle[..bundle.len() - 1]), None);
        assert_eq!(push_entry(&mut bundle, &[0; LEAF_BYTES_MAX + 1]), None);
    }

    #[test]
    fn tiles_that_are_built_leaf_by_leaf_are_those_of_the_tree() {
        let size = 2 * 65_536 + 700;
        let (mut frontier, mut nodes, mut builder) = (Frontier::default(), BTreeMap::new(), TileBuilder::default());
        let mut built = BTreeMap::new();
        for index in 0..size {
            let leaf = leaf_hash(&(index as u64).to_be_bytes());
            nodes.extend(frontier.append(leaf));
            built.extend(builder.push(leaf));
        }
        built.extend(builder.finish());
        let read = |node| nodes.get(&node).copied();
        let of_tree = tiles(size as u64).map(|tile| (tile, tile.hashes(&read).expect("complete")));
        assert_eq!(of_tree.collect::<BTreeMap<_, _>>(), built);
    }

    proptest! {
        /// Whoever has our tiles alone proves each leaf and each earlier size, by an implementation that is not ours.
        #[test]
        fn an_independent_implementation_verifies_our_trees(size in 1u64..700, at: u64, old: u64) {
            use tlog_tiles::{Hash as TheirHash, HashReader, check_record, check_tree, prove_record, prove_tree};
            let (mut frontier, mut nodes, mut roots) = (Frontier::default(), BTreeMap::new(), vec![]);
            for index in 0..size {
                nodes.extend(frontier.append(leaf_hash(&index.to_be_bytes())));
                roots.push(frontier.root());
            }
            struct Stored<'a>(&'a BTreeMap<Node, Hash>);
            impl HashReader for Stored<'_> {
                fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<TheirHash>, tlog_tiles::Error> {
                    let node = |index: &u64| {
                        let (level, index) = tlog_tiles::split_stored_hash_index(*index);
                        TheirHash(self.0[&Node { level, index }])
                    };
                    Ok(indexes.iter().map(node).collect())
                }
            }
            let (at, old, root) = (at % size, old % size + 1, TheirHash(frontier.root()));
            let leaf = tlog_tiles::record_hash(&at.to_be_bytes());
            let proof = prove_record(size, at, &Stored(&nodes)).expect("proves");
            prop_assert!(check_record(&proof, size, root, at, leaf).is_ok());
            let ours = super::super::merkle::inclusion_proof(&|node| nodes.get(&node).copied(), at, size).expect("proves");
            prop_assert_eq!(proof.iter().map(|hash| hash.0).collect::<Vec<_>>(), ours);
            let proof = prove_tree(size, old, &Stored(&nodes)).expect("proves");
            prop_assert!(check_tree(&proof, size, root, old, TheirHash(roots[old as usize - 1])).is_ok());
            let ours = super::super::merkle::consistency_proof(&|node| nodes.get(&node).copied(), old, size).expect("proves");
            prop_assert_eq!(proof.iter().map(|hash| hash.0).collect::<Vec<_>>(), ours);
            for tile in tiles(size) {
                let hashes = tile.hashes(&|node| nodes.get(&node).copied()).expect("complete");
                prop_assert_eq!(hashes.len() as u64, tile.width);
            }
        }
    }
}
