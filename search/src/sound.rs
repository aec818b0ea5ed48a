//! How a token sounds: Double Metaphone, and its consonants, since Arabic and Hebrew write hardly any vowels.
//!
//! Assumes lower-case ASCII; anything with a digit has no sound. Codes are packed in eight bytes, so that thousands of
//! prepared records stay small and comparing is one instruction.

use rphonetic::DoubleMetaphone;

/// Letters of a code; longer names are told apart by their spelling.
const CODE_LETTERS: usize = 6;

/// A code of up to eight ASCII letters; zero is no code and equals nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Code(u64);

impl Code {
    fn pack(text: &[u8]) -> Self {
        Self(text.iter().take(8).fold(0, |code, byte| code << 8 | u64::from(*byte)))
    }

    /// The letters.
    pub fn text(self) -> String {
        self.0.to_be_bytes().iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
    }

    /// How many letters it has.
    pub fn letters(self) -> u32 {
        8 - self.0.leading_zeros() / 8
    }

    /// Whether two codes are there and equal.
    pub fn meets(self, other: Self) -> bool {
        self.0 != 0 && self == other
    }
}

/// The codes of a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sound {
    pub primary: Code,
    pub alternate: Code,
    pub consonants: Code,
}

impl Sound {
    /// The codes of a token of lower-case ASCII letters.
    pub fn of(latin: &str) -> Self {
        // The encoder is only ever fed ASCII letters: beyond these its slicing is not proven.
        if latin.len() < 2 || !latin.bytes().all(|b| b.is_ascii_lowercase()) {
            return Self::default();
        }
        let codes = DoubleMetaphone::new(Some(CODE_LETTERS)).double_metaphone(latin);
        let primary = Code::pack(codes.primary().as_bytes());
        let alternate = Code::pack(codes.alternate().as_bytes());
        let alternate = if alternate == primary { Code::default() } else { alternate };
        Self { primary, alternate, consonants: consonants(latin) }
    }

    /// Whether the two sound alike: they share a code.
    pub fn meets(self, other: Self) -> bool {
        self.primary.meets(other.primary)
            || self.primary.meets(other.alternate)
            || self.alternate.meets(other.primary)
            || self.alternate.meets(other.alternate)
    }
}

fn consonants(latin: &str) -> Code {
    let mut bones: Vec<u8> = Vec::with_capacity(latin.len());
    for byte in latin.bytes() {
        let letter = match byte {
            b'a' | b'e' | b'i' | b'o' | b'u' | b'y' | b'w' | b'h' => continue,
            b'q' | b'c' => b'k',
            b'z' => b's',
            b'v' => b'f',
            other => other,
        };
        if bones.last() != Some(&letter) {
            bones.push(letter);
        }
    }
    if bones.len() < 2 { Code::default() } else { Code::pack(&bones) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_sounds_alike_meets() {
        assert!(Sound::of("smith").meets(Sound::of("smyth")));
        assert!(Sound::of("nouar").meets(Sound::of("nawar")));
        assert!(!Sound::of("bush").meets(Sound::of("habbash")));
        assert!(Sound::of("zwahry").consonants.meets(Sound::of("zawahiri").consonants));
        assert!(!Sound::of("").meets(Sound::of("")), "no code equals nothing");
        assert!(!Sound::of("12").meets(Sound::of("12")));
    }

    proptest! {
        #[test]
        fn any_letters_have_a_sound(latin in "[a-z]{0,60}") {
            prop_assert_eq!(Sound::of(&latin), Sound::of(&latin));
        }
    }
}
