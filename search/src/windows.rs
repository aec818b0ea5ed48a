//! Many lists of records read side by side: for each record, on which of them it is, as bits. Window by window of record
//! numbers, so that memory is bounded and a record costs a few instructions.

use tantivy::DocId;

/// Records of one window: their bits are 256 kB.
const WINDOW: DocId = 1 << 15;
/// Bits that a record has for its lists.
pub const BITS: usize = 64;

/// Reads lists, each with a bit of its own or shared with others, to their ends; each record once, in order, with the bits of
/// its lists. False: `waits` said between two windows that nobody wants to know the rest.
pub fn read(mut lists: Vec<(usize, &[DocId])>, waits: &dyn Fn() -> bool, mut each: impl FnMut(DocId, u64)) -> bool {
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
