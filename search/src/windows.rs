//! Many lists of records read side by side: for each record, on which of them it is, as bits. Window by window of record
//! numbers, so that memory is bounded and a record costs a few instructions.

use tantivy::DocId;

/// Records of one window: their bits are 256 kB. Few in tests, so that these have many windows.
const WINDOW: DocId = if cfg!(test) { 1 << 7 } else { 1 << 15 };
/// Bits that a record has for its lists.
pub const BITS: usize = 64;

/// A list of records with its bit, its own or shared with others.
pub type List<'a> = (usize, &'a [DocId]);

/// Reads lists to their ends; each record that is on one of the first once, in order, with the bits of all its lists. False:
/// `waits` said between two windows that nobody wants to know the rest.
pub fn read(
    mut lists: Vec<List<'_>>,
    mut beside: Vec<List<'_>>,
    waits: &dyn Fn() -> bool,
    mut each: impl FnMut(DocId, u64),
) -> bool {
    let last = lists.iter().filter_map(|(_, list)| list.last()).max();
    let places = last.map_or(0, |last| (*last).min(WINDOW - 1) as usize + 1);
    let mut bits = vec![0u64; places];
    // A bit for each place that is not 0.
    let mut touched = vec![0u64; places.div_ceil(64)];
    while let Some(next) = lists.iter().filter_map(|(_, list)| list.first()).min() {
        if !waits() {
            return false;
        }
        let begin = next - next % WINDOW;
        for (bit, list) in &mut lists {
            let inside = list.iter().take_while(|record| **record - begin < WINDOW);
            let read = inside.map(|record| {
                let place = (record - begin) as usize;
                bits[place] |= 1 << *bit;
                touched[place / 64] |= 1 << (place % 64);
            });
            let read = read.count();
            *list = &list[read..];
        }
        lists.retain(|(_, list)| !list.is_empty());
        for (bit, list) in &mut beside {
            let from = list.partition_point(|record| *record < begin);
            let inside = list[from..].iter().take_while(|record| **record - begin < WINDOW);
            let read = inside.map(|record| {
                if let Some(bits) = bits.get_mut((record - begin) as usize).filter(|bits| **bits != 0) {
                    *bits |= 1 << *bit;
                }
            });
            let read = from + read.count();
            *list = &list[read..];
        }
        beside.retain(|(_, list)| !list.is_empty());
        for (block, touched) in touched.iter_mut().enumerate() {
            while *touched != 0 {
                let place = block * 64 + touched.trailing_zeros() as usize;
                *touched &= *touched - 1;
                each(begin + place as DocId, std::mem::take(&mut bits[place]));
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    proptest! {
        #[test]
        fn each_record_comes_once_with_the_bits_of_all_its_lists(
            all in proptest::collection::vec((0usize..6, any::<bool>(), proptest::collection::btree_set(0u32..700, 0..40)), 0..8),
        ) {
            let lists: Vec<(usize, bool, Vec<DocId>)> =
                all.into_iter().map(|(bit, beside, list): (_, _, BTreeSet<_>)| (bit, beside, list.into_iter().collect())).collect();
            let of = |wanted: bool| {
                lists.iter().filter(|(_, beside, _)| *beside == wanted).map(|(bit, _, list)| (*bit, &list[..])).collect::<Vec<_>>()
            };
            let mut expected: BTreeMap<DocId, u64> = BTreeMap::new();
            for (bit, list) in of(false) {
                list.iter().for_each(|record| *expected.entry(*record).or_default() |= 1 << bit);
            }
            for (bit, list) in of(true) {
                for record in list {
                    expected.entry(*record).and_modify(|bits| *bits |= 1 << bit);
                }
            }
            let mut found = Vec::new();
            prop_assert!(read(of(false), of(true), &|| true, |record, bits| found.push((record, bits))));
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
