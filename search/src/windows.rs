//! Many lists of records read side by side: for each record, which words have it. Window by window of record numbers, a bit for
//! each record and word, so that memory is bounded and a record costs a few instructions.

use tantivy::DocId;

/// Records of one window: with sixteen words it is 128 kB.
const WINDOW: u32 = 1 << 16;
const BLOCKS: usize = (WINDOW / 64) as usize;
/// Words that a mask holds: a reading has up to 32, their pairs, their threes around a particle, and themselves without one.
pub const WORDS_MAX: usize = 128;

/// Reads lists, each of one of so many words, to their ends; each record once, in order, with a bit for each word that has it.
/// False: `waits` said between two windows that nobody wants to know the rest.
pub fn read(
    mut lists: Vec<(usize, &[DocId])>,
    words: usize,
    waits: &dyn Fn() -> bool,
    mut each: impl FnMut(DocId, u128),
) -> bool {
    debug_assert!(words <= WORDS_MAX);
    let mut bits = vec![0u64; BLOCKS * words];
    while let Some(next) = lists.iter().filter_map(|(_, list)| list.first().copied()).min() {
        if !waits() {
            return false;
        }
        let begin = next - next % WINDOW;
        for (word, list) in &mut lists {
            let inside = list.iter().take_while(|record| **record - begin < WINDOW);
            let read = inside.map(|record| {
                bits[((record - begin) / 64) as usize * words + *word] |= 1 << (record % 64);
            });
            let read = read.count();
            *list = &list[read..];
        }
        for (block, bits) in bits.chunks_exact(words).enumerate() {
            let mut any = bits.iter().fold(0, |any, bits| any | bits);
            while any != 0 {
                let at = any.trailing_zeros();
                any &= any - 1;
                let mask =
                    bits.iter().enumerate().fold(0, |mask, (word, bits)| mask | u128::from(bits >> at & 1) << word);
                each(begin + block as u32 * 64 + at, mask);
            }
        }
        bits.fill(0);
    }
    true
}
