//! Which segments to merge: blocking, chosen by us, so that an index neither grows a segment with each commit nor merges in
//! the background, where a run could not be repeated.
//!
//! Each segment is kept [`RATIO`] times as large as all smaller ones together, so a lookup meets few of them and each record
//! is merged a logarithmic number of times; up to [`SMALL_MAX`] small ones wait for each other. A segment merges alone when a
//! third of it is deleted.

use tantivy::SegmentMeta;

/// How many times larger a segment is than all smaller ones.
const RATIO: u64 = 3;
/// Segments of fewer records are small, and so many of them are left.
const SMALL: u64 = 64;
const SMALL_MAX: usize = 4;

/// The positions of the segments to merge into one, if any. `sizes` are (records with the deleted ones, deleted records).
pub fn to_merge(sizes: &[(u32, u32)]) -> Option<Vec<usize>> {
    let mut order: Vec<(u64, usize)> =
        sizes.iter().zip(0..).map(|((records, _), at)| ((*records).into(), at)).collect();
    order.sort_unstable();
    let small = order.iter().filter(|(records, _)| *records < SMALL).count();
    if small <= SMALL_MAX {
        order.drain(..small);
    }
    let mut smaller: u64 = 0;
    // The largest that is not large enough is merged with all smaller ones.
    let due = order.iter().enumerate().filter(|(_, (records, _))| {
        let due = smaller > 0 && *records < RATIO * smaller;
        smaller += records;
        due
    });
    if let Some((last, _)) = due.last() {
        return Some(order[..=last].iter().map(|(_, at)| *at).collect());
    }
    let worn = |(records, deleted): &(u32, u32)| *deleted > 0 && *deleted >= records / 3;
    sizes.iter().position(worn).map(|at| vec![at])
}

/// The sizes of segments.
pub fn sizes(segments: &[SegmentMeta]) -> Vec<(u32, u32)> {
    segments.iter().map(|segment| (segment.max_doc(), segment.num_deleted_docs())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_of_like_size_merge_and_others_stay() {
        assert_eq!(to_merge(&[(10, 0); 4]), None, "small ones wait");
        assert_eq!(to_merge(&[(10, 0); 5]).map(|merged| merged.len()), Some(5));
        assert_eq!(to_merge(&[(100_000, 0), (1_000, 0), (100, 0)]), None);
        assert_eq!(to_merge(&[(100_000, 0), (1_000, 0), (400, 0)]), Some(vec![2, 1]));
        assert_eq!(to_merge(&[(900, 0), (2_900, 900)]), None);
        assert_eq!(to_merge(&[(90, 0), (900, 300)]), Some(vec![1]));
    }

    #[test]
    fn merging_ends_and_leaves_few() {
        let mut sizes: Vec<(u32, u32)> = Vec::new();
        let mut merged_records = 0u64;
        for commit in 0..5_000u32 {
            sizes.push((3 + commit % 40, 0));
            while let Some(merged) = to_merge(&sizes) {
                let records: u32 = merged.iter().map(|at| sizes[*at].0 - sizes[*at].1).sum();
                merged_records += u64::from(records);
                let mut at = 0;
                sizes.retain(|_| (!merged.contains(&at), at += 1).0);
                sizes.push((records, 0));
            }
            assert!(sizes.len() <= SMALL_MAX + 8, "{} segments", sizes.len());
        }
        let records: u64 = sizes.iter().map(|(records, _)| u64::from(*records)).sum();
        assert!(merged_records < 20 * records, "{merged_records} merged of {records}");
    }
}
