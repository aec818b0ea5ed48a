//! Characters: what is dropped, what joins a word, what ends it, which script it is of, and what a letter is in Latin or, in
//! another script, in the one form that its variants share.
//!
//! Assumes text after NFKC; the exception is `apostrophe`, which is asked before it, since NFKC turns some into a blank.

/// What a character does to the word it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Part of a word.
    Letter,
    /// Invisible or decoration: the word goes on as if it were not there.
    Dropped,
    /// Ends a word.
    Break,
}

/// Scripts that names are told apart by. Those that the learned tables know beside Latin have a channel of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Script {
    Latin,
    Arabic,
    Cyrillic,
    Greek,
    Hebrew,
    Han,
    Hangul,
    Kana,
    Thai,
    Devanagari,
    Georgian,
    Armenian,
    /// Read by its letters in Latin alone.
    Other,
}

impl Script {
    /// The scripts with learned tables, Latin first.
    pub const LEARNED: [Self; 12] = [
        Self::Latin,
        Self::Arabic,
        Self::Cyrillic,
        Self::Greek,
        Self::Hebrew,
        Self::Han,
        Self::Hangul,
        Self::Kana,
        Self::Thai,
        Self::Devanagari,
        Self::Georgian,
        Self::Armenian,
    ];

    /// The script of a letter; digits and signs have none and count as Latin.
    pub fn of(c: char) -> Self {
        match c {
            '\0'..='\u{24f}' | '\u{250}'..='\u{2af}' | '\u{1e00}'..='\u{1eff}' => Self::Latin,
            '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Self::Greek,
            '\u{400}'..='\u{52f}' => Self::Cyrillic,
            '\u{531}'..='\u{58f}' => Self::Armenian,
            '\u{591}'..='\u{5f4}' => Self::Hebrew,
            '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{8a0}'..='\u{8ff}' => Self::Arabic,
            '\u{900}'..='\u{97f}' => Self::Devanagari,
            '\u{e00}'..='\u{e7f}' => Self::Thai,
            '\u{10a0}'..='\u{10ff}' | '\u{1c90}'..='\u{1cbf}' | '\u{2d00}'..='\u{2d2f}' => Self::Georgian,
            '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7a3}' => Self::Hangul,
            '\u{3041}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' => Self::Kana,
            _ if han(c) => Self::Han,
            _ => Self::Other,
        }
    }

    /// ISO 15924, as the tables are named.
    pub fn code(self) -> &'static str {
        match self {
            Self::Latin => "Latn",
            Self::Arabic => "Arab",
            Self::Cyrillic => "Cyrl",
            Self::Greek => "Grek",
            Self::Hebrew => "Hebr",
            Self::Han => "Hani",
            Self::Hangul => "Hang",
            Self::Kana => "Kana",
            Self::Thai => "Thai",
            Self::Devanagari => "Deva",
            Self::Georgian => "Geor",
            Self::Armenian => "Armn",
            Self::Other => "Zyyy",
        }
    }
}

/// Whether a character is written inside names as an apostrophe (`O'Neill`, `Ba'ath`): dropped, the word goes on.
pub fn apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '`' | '\u{b4}' | '\u{2b9}'..='\u{2bf}' | '\u{2c8}' | '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{5f3}' | '\u{5f4}' | '\u{ff07}'
    )
}

/// The role of a character.
pub fn role(c: char) -> Role {
    match c {
        // Blanks among the control characters end a word, the others could only hide something.
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' => Role::Break,
        _ if c.is_control() => Role::Dropped,
        // Soft hyphen, joiners, bidi controls, word joiners, byte order mark, variation selectors, tags, Arabic tatweel.
        '\u{ad}'
        | '\u{61c}'
        | '\u{640}'
        | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' => Role::Dropped,
        '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}' => Role::Dropped,
        _ if apostrophe(c) || mark(c) => Role::Dropped,
        _ if c.is_alphanumeric() || vowel_sign(c) => Role::Letter,
        _ => Role::Break,
    }
}

/// Marks that writers add or leave out. Vowel signs of Indic scripts are marks to Unicode and letters to a name, so they
/// are not among these.
pub fn mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}' // Latin, Greek, Cyrillic
        | '\u{591}'..='\u{5c7}' // Hebrew points
        | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6ed}' // Arabic points
        | '\u{93c}' // Devanagari nukta
        | '\u{e48}'..='\u{e4e}' // Thai tones
    )
}

fn vowel_sign(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// Cyrillic letters keep their marks: `й` is another letter than `и`. So do Kana: `ガ` is another one than `カ`.
pub fn keeps_marks(base: char) -> bool {
    matches!(base, '\u{400}'..='\u{52f}' | '\u{3041}'..='\u{30ff}')
}

/// Han: written without blanks, family name first.
pub fn han(c: char) -> bool {
    matches!(c, '\u{3005}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}')
}

/// Han and Hangul syllables: written without blanks, family name first.
pub fn syllabic(c: char) -> bool {
    han(c) || matches!(c, '\u{ac00}'..='\u{d7a3}')
}

/// Appends what a letter is in lower-case Latin letters and digits.
pub fn latin(c: char, to: &mut String) {
    if c.is_ascii() {
        to.push(c.to_ascii_lowercase());
        return;
    }
    let text = match c {
        // Passports write these Arabic letters `a` and `z` (al-Zawahiri); the general scheme drops one and writes `dh`.
        '\u{627}' | '\u{639}' => "a",
        '\u{638}' => "z",
        _ => any_ascii::any_ascii_char(c),
    };
    to.extend(text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()));
}

/// The Latin letter that a Cyrillic or Greek one looks like, where it stands in a Latin word: there it was put to deceive,
/// or by a keyboard in the wrong state.
pub fn looks_latin(c: char) -> Option<char> {
    Some(match c {
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'ε' | 'є' => 'e',
        'һ' | 'н' => 'h',
        'і' | 'ї' | 'ι' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'м' | 'μ' => 'm',
        'ո' | 'η' => 'n',
        'о' | 'ο' | 'օ' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'υ' => 'u',
        'ν' | 'ѵ' => 'v',
        'ѡ' | 'ω' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        _ => return None,
    })
}

/// Appends a letter of another script in the form that its variants share: Arabic as written with or without hamza and by
/// Persians, final letters of Greek and Hebrew, Katakana as Hiragana, Hangul syllables as their parts.
pub fn folded(c: char, to: &mut String) {
    match c {
        'آ' | 'أ' | 'إ' | 'ٱ' | 'ٲ' | 'ٳ' => to.push('ا'),
        'ى' | 'ی' | 'ئ' | 'ې' | 'ۍ' | 'ێ' | 'ے' => to.push('ي'),
        'ؤ' | 'ۆ' | 'ۇ' | 'ۋ' => to.push('و'),
        'ة' | 'ە' | 'ہ' | 'ھ' | 'ۀ' | 'ۃ' => to.push('ه'),
        'ک' | 'ڪ' => to.push('ك'),
        'ء' => {}
        'ς' => to.push('σ'),
        'ך' => to.push('כ'),
        'ם' => to.push('מ'),
        'ן' => to.push('נ'),
        'ף' => to.push('פ'),
        'ץ' => to.push('צ'),
        'ё' => to.push('е'),
        // The long vowel mark and the middle dot say nothing that writers agree on.
        'ー' | '・' => {}
        '\u{30a1}'..='\u{30f6}' => to.extend(char::from_u32(c as u32 - 0x60)),
        '\u{ac00}'..='\u{d7a3}' => unicode_normalization::char::decompose_canonical(c, |part| to.push(part)),
        _ => to.push(c),
    }
}
