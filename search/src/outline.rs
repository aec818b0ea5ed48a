//! What is known of a record's names without reading them: it bounds what the record may score closer than its words alone.

use crate::align::carries;
use crate::prepared::PreparedRecord;
use crate::tables::Class;

/// The outline of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outline {
    /// A bit for the first letter of each word, see [`letter`].
    pub letters: u32,
    /// Words that carry the name, those of many firms apart, of the shortest name.
    pub words: u8,
}

/// The bit of a word's first letter; letters that are 32 apart share one.
pub fn letter(word: &str) -> u32 {
    word.chars().next().map_or(0, |first| 1 << (u32::from(first) & 31))
}

impl Outline {
    /// As a number.
    pub fn pack(self) -> u64 {
        u64::from(self.letters) << 8 | u64::from(self.words)
    }

    /// Of a number.
    pub fn unpack(number: u64) -> Self {
        Self { letters: (number >> 8) as u32, words: number as u8 }
    }
}

impl PreparedRecord {
    /// Its outline.
    pub(crate) fn outline(&self) -> Outline {
        let letters = self.names.iter().flat_map(|name| &name.tokens).fold(0, |bits, token| bits | letter(&token.text));
        let words = self.names.iter().map(|name| {
            let counted =
                name.tokens.iter().filter(|token| carries(&name.tokens, token) && token.class != Class::Business);
            counted.count() as u8
        });
        Outline { letters, words: words.min().unwrap_or(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_reads_as_it_is_packed() {
        for outline in [Outline::default(), Outline { letters: u32::MAX, words: 255 }, Outline { letters: 2, words: 1 }]
        {
            assert_eq!(Outline::unpack(outline.pack()), outline);
        }
    }
}
