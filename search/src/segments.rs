//! Which segments to merge: blocking, chosen by us, so that an index neither grows a segment with each commit nor merges in
//! the background, where a run could not be repeated.
//!
//! Segments of like size (by powers of [`FACTOR`]) merge when there are [`FACTOR`] of them, so each record is merged a
//! logarithmic number of times; a segment merges alone when a third of it is deleted.

use tantivy::SegmentMeta;

/// Segments of one size that become one, and how much larger the next size is.
pub const FACTOR: u32 = 8;
/// Below this many records sizes are one.
const SMALL: u32 = 64;

/// The positions of the segments to merge into one, if any. `sizes` are (records with the deleted ones, deleted records).
pub fn to_merge(sizes: &[(u32, u32)]) -> Option<Vec<usize>> {
    let mut levels: std::collections::BTreeMap<u32, Vec<usize>> = Default::default();
    for (at, (records, _)) in sizes.iter().enumerate() {
        levels.entry(level(*records)).or_default().push(at);
    }
    if let Some((_, full)) = levels.into_iter().find(|(_, segments)| segments.len() >= FACTOR as usize) {
        return Some(full);
    }
    let worn = |(records, deleted): &(u32, u32)| *deleted > 0 && *deleted >= records / 3;
    sizes.iter().position(worn).map(|at| vec![at])
}

/// The sizes of segments.
pub fn sizes(segments: &[SegmentMeta]) -> Vec<(u32, u32)> {
    segments.iter().map(|segment| (segment.max_doc(), segment.num_deleted_docs())).collect()
}

fn level(records: u32) -> u32 {
    (records.max(1) / SMALL).checked_ilog(FACTOR).map_or(0, |level| level + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_of_one_size_merge_and_others_stay() {
        assert_eq!(to_merge(&[(10, 0); 7]), None);
        assert_eq!(to_merge(&[(10, 0); 8]).map(|merged| merged.len()), Some(8));
        let mut mixed = vec![(100_000, 0)];
        mixed.extend([(10, 0); 8]);
        assert_eq!(to_merge(&mixed), Some((1..9).collect()));
        assert_eq!(to_merge(&[(900, 0), (900, 300)]), Some(vec![1]));
    }

    #[test]
    fn merging_ends_and_leaves_few() {
        let mut sizes: Vec<(u32, u32)> = Vec::new();
        for _ in 0..5_000 {
            sizes.push((3, 0));
            while let Some(merged) = to_merge(&sizes) {
                let records = merged.iter().map(|at| sizes[*at].0 - sizes[*at].1).sum();
                let mut at = 0;
                sizes.retain(|_| (!merged.contains(&at), at += 1).0);
                sizes.push((records, 0));
            }
            assert!(sizes.len() <= 40, "{} segments", sizes.len());
        }
    }
}
