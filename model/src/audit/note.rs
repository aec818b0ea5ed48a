//! Signed notes (C2SP signed-note): a text, a blank line, and a line for each signature. Checkpoints of the audit log are such
//! notes, so that stock tools read and check them. Two kinds of signatures are known: Ed25519 over the text (0x01), by which a
//! log signs, and the timestamped cosignature of a witness (0x04, C2SP tlog-cosignature).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Signatures that a note may carry at most; the format asks for at least 16.
pub const SIGNATURES_MAX: usize = 64;
/// Bytes of a note at most.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Characters of a key's name at most.
const NAME_MAX: usize = 255;
/// Before the name of a private key, as the Go tools write it.
const PRIVATE: &str = "PRIVATE+KEY+";

/// What is wrong with a note, a key or a signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("the note is malformed: {0}")]
    Malformed(&'static str),
    #[error("`{0}` is no name of a key: it is empty, too long, or has a space or a plus in it")]
    Name(String),
    #[error("the key is malformed: {0}")]
    Key(&'static str),
    #[error("{0} has not signed this note")]
    Unsigned(String),
    #[error("the signature of {0} is not of this note")]
    Forged(String),
}

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureKind {
    /// Over the text alone: a log.
    Log = 0x01,
    /// Over the text and a time: a witness.
    Cosignature = 0x04,
}

impl SignatureKind {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Log, Self::Cosignature].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A public key under its name: what a verifier is configured with.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: SignatureKind,
    key: ed25519_dalek::VerifyingKey,
}

/// A private key under its name; wiped when it is dropped.
#[derive(Clone)]
pub struct SignerKey {
    name: String,
    kind: SignatureKind,
    key: ed25519_dalek::SigningKey,
}

/// One line of signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub name: String,
    /// The first four bytes of a digest of name, kind and key: tells keys of one name apart.
    pub id: u32,
    pub bytes: Vec<u8>,
}

/// A text and who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// With its last newline.
    pub text: String,
    pub signatures: Vec<Signature>,
}

/// Bytes as notes write them.
pub fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads what [`to_base64`] writes, and nothing else.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Whether this may name a key.
fn check_name(name: &str) -> Result<(), NoteError> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.len() > NAME_MAX || name.contains(bad) {
        return Err(NoteError::Name(name.chars().take(NAME_MAX).collect()));
    }
    Ok(())
}

fn key_id(name: &str, kind: SignatureKind, key: &[u8; 32]) -> u32 {
    let digest = Sha256::new().chain_update(name).chain_update([b'\n', kind as u8]).chain_update(key).finalize();
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// What a cosignature is over.
fn cosigned(text: &str, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

/// The parts of a key's text.
struct KeyText {
    name: String,
    kind: SignatureKind,
    bytes: Zeroizing<[u8; 32]>,
    id: u32,
}

/// Reads `NAME+ID+KEY`.
fn parse_key(text: &str) -> Result<KeyText, NoteError> {
    // A plus may stand in the base64, and in nothing before it.
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(NoteError::Key("expected NAME+ID+KEY"));
    };
    check_name(name)?;
    let hexadecimal = id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = u32::from_str_radix(id, 16).ok().filter(|_| hexadecimal);
    let id = id.ok_or(NoteError::Key("its id is not of eight hexadecimal digits"))?;
    let key = Zeroizing::new(from_base64(key).ok_or(NoteError::Key("it is not in base64"))?);
    let (kind, key) = key.split_first().ok_or(NoteError::Key("it is empty"))?;
    let kind = SignatureKind::from_byte(*kind).ok_or(NoteError::Key("it is of a kind that is not known here"))?;
    let key = <[u8; 32]>::try_from(key).map_err(|_| NoteError::Key("it has not 32 bytes"))?;
    Ok(KeyText { name: name.to_string(), kind, bytes: Zeroizing::new(key), id })
}

impl VerifierKey {
    /// Reads `NAME+ID+KEY`, a vkey.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let KeyText { name, kind, bytes, id } = parse_key(text)?;
        let key =
            ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| NoteError::Key("it is no Ed25519 key"))?;
        let parsed = Self { name, kind, key };
        if parsed.id() == id { Ok(parsed) } else { Err(NoteError::Key("its id is not the one of its name and bytes")) }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it signs.
    pub fn kind(&self) -> SignatureKind {
        self.kind
    }

    /// The id.
    pub fn id(&self) -> u32 {
        key_id(&self.name, self.kind, self.key.as_bytes())
    }

    /// Whether the bytes of both are the same, whatever their names.
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// Whether a signature says that it is by this key.
    pub fn is_named_by(&self, signature: &Signature) -> bool {
        signature.name == self.name && signature.id == self.id()
    }

    /// Checks that this key signed the note; returns the time of a cosignature, in seconds.
    pub fn verify(&self, note: &Note) -> Result<Option<u64>, NoteError> {
        let mut times =
            note.signatures.iter().filter(|one| self.is_named_by(one)).map(|one| self.check(one, &note.text));
        let first = times.next().ok_or_else(|| NoteError::Unsigned(self.name.clone()))?;
        // A note with a wrong signature of a known key is malformed as a whole, whatever else it carries.
        times.try_fold(first?, |latest, time| time.map(|time| latest.max(time)))
    }

    fn check(&self, signature: &Signature, text: &str) -> Result<Option<u64>, NoteError> {
        let forged = || NoteError::Forged(self.name.clone());
        let (time, message, bytes) = match self.kind {
            SignatureKind::Log => (None, text.as_bytes().to_vec(), &signature.bytes[..]),
            SignatureKind::Cosignature => {
                let (time, bytes) = signature.bytes.split_first_chunk::<8>().ok_or_else(forged)?;
                let time = u64::from_be_bytes(*time);
                (Some(time), cosigned(text, time), bytes)
            }
        };
        let bytes = <[u8; 64]>::try_from(bytes).map_err(|_| forged())?;
        // Strict: one signature has one form, and weak keys are none.
        let verified = self.key.verify_strict(&message, &ed25519_dalek::Signature::from_bytes(&bytes));
        verified.map(|()| time).map_err(|_| forged())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind as u8][..], self.key.as_bytes()].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.id(), to_base64(&key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl SignerKey {
    /// A key of these bytes.
    pub fn new(name: &str, kind: SignatureKind, seed: &[u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        Ok(Self { name: name.to_string(), kind, key: ed25519_dalek::SigningKey::from_bytes(seed) })
    }

    /// Reads `PRIVATE+KEY+NAME+ID+KEY`.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let rest = text.strip_prefix(PRIVATE).ok_or(NoteError::Key("it is no private key"))?;
        let KeyText { name, kind, bytes, id } = parse_key(rest)?;
        let parsed = Self::new(&name, kind, &bytes)?;
        let same = parsed.verifier().id() == id;
        if same { Ok(parsed) } else { Err(NoteError::Key("its id is not the one of its name and bytes")) }
    }

    /// The key as [`SignerKey::parse`] reads it: a secret.
    pub fn reveal(&self) -> Zeroizing<String> {
        let seed = Zeroizing::new(self.key.to_bytes());
        let key = Zeroizing::new([&[self.kind as u8][..], &*seed].concat());
        Zeroizing::new(format!("{PRIVATE}{}+{:08x}+{}", self.name, self.verifier().id(), to_base64(&key)))
    }

    /// The public key.
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey { name: self.name.clone(), kind: self.kind, key: self.key.verifying_key() }
    }

    /// Signs a text; a cosignature with the time, in seconds.
    pub fn sign(&self, text: &str, time: u64) -> Signature {
        let bytes = match self.kind {
            SignatureKind::Log => self.key.sign(text.as_bytes()).to_bytes().to_vec(),
            SignatureKind::Cosignature => {
                [&time.to_be_bytes()[..], &self.key.sign(&cosigned(text, time)).to_bytes()].concat()
            }
        };
        Signature { name: self.name.clone(), id: self.verifier().id(), bytes }
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.name)
    }
}

impl Signature {
    /// Reads a line, without its newline.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed("a line of signature is not `— NAME BASE64`");
        let rest = line.strip_prefix("— ").ok_or(malformed.clone())?;
        let (name, bytes) = rest.split_once(' ').ok_or(malformed.clone())?;
        check_name(name)?;
        let bytes = from_base64(bytes).ok_or(malformed.clone())?;
        let (id, bytes) = bytes.split_first_chunk::<4>().filter(|(_, rest)| !rest.is_empty()).ok_or(malformed)?;
        Ok(Self { name: name.to_string(), id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "— {} {}", self.name, to_base64(&[&self.id.to_be_bytes()[..], &self.bytes].concat()))
    }
}

impl Note {
    /// Reads a note. What it says is believed only once a key has verified it.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Malformed("it is too long"));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Malformed("it is not UTF-8"))?;
        if note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(NoteError::Malformed("it has control characters"));
        }
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed("no blank line before signatures"))?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed("the last line is cut"))?;
        let signatures = lines.split('\n').map(Signature::parse).collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::Malformed("it has too many signatures"));
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// The note with one signature more, unless that key signed already.
    pub fn with(mut self, signature: Signature) -> Self {
        if !self.signatures.iter().any(|one| one.name == signature.name && one.id == signature.id) {
            self.signatures.push(signature);
        }
        self
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of the specification.
    const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    #[test]
    fn the_example_of_the_specification_verifies() {
        let key = VerifierKey::parse(KEY).expect("parses");
        assert_eq!(key.to_string(), KEY);
        let note = Note::parse(NOTE.as_bytes()).expect("parses");
        assert_eq!((key.verify(&note), note.to_string()), (Ok(None), NOTE.to_string()));
        let altered = Note { text: "This is another message.\n".into(), ..note };
        assert_eq!(key.verify(&altered), Err(NoteError::Forged("example.com/foo".into())));
    }

    #[test]
    fn an_independent_implementation_reads_our_notes_and_keys() {
        use signed_note::{Note as Theirs, StandardVerifier, VerifierList};
        let key = SignerKey::new("log.example/a", SignatureKind::Log, &[7; 32]).expect("named");
        let text = "log.example/a\n3\nxxxx\n";
        let witness = SignerKey::new("w.example", SignatureKind::Cosignature, &[8; 32]).expect("named");
        let note = Note { text: text.into(), signatures: vec![key.sign(text, 0), witness.sign(text, 99)] };
        let theirs = Theirs::from_bytes(note.to_string().as_bytes()).expect("parses");
        let verifier = StandardVerifier::new(&key.verifier().to_string()).expect("a key");
        let (known, unknown) = theirs.verify(&VerifierList::new(vec![Box::new(verifier)])).expect("verifies");
        assert_eq!((known.len(), unknown.len()), (1, 1));
        let theirs = signed_note::StandardSigner::new(&key.reveal()).expect("our private key is one of theirs");
        let mut signed = Theirs::new(text.as_bytes(), &[]).expect("a note");
        signed.add_sigs(&[&theirs]).expect("signs");
        let read = Note::parse(&signed.to_bytes()).expect("parses");
        assert_eq!(key.verifier().verify(&read), Ok(None));
        assert_eq!(read.signatures, note.signatures[..1], "Ed25519 has one signature of a text");
    }

    #[test]
    fn a_cosignature_is_over_its_time_and_is_not_a_logs_signature() {
        let (log, witness) = ([7; 32], [8; 32]);
        let log = SignerKey::new("same", SignatureKind::Log, &log).expect("named");
        let witness = SignerKey::new("same", SignatureKind::Cosignature, &witness).expect("named");
        let note = Note { text: "a\n".into(), signatures: vec![witness.sign("a\n", 5)] };
        assert_eq!(witness.verifier().verify(&note), Ok(Some(5)));
        assert_eq!(log.verifier().verify(&note), Err(NoteError::Unsigned("same".into())));
        let mut later = note.clone();
        later.signatures[0].bytes[7] = 6;
        assert!(witness.verifier().verify(&later).is_err());
        // One that holds is no help to one that does not.
        let both = Note { signatures: [note.signatures.clone(), later.signatures].concat(), ..note };
        assert!(witness.verifier().verify(&both).is_err());
    }

    #[test]
    fn what_is_no_note_or_key_is_refused_with_its_reason() {
        for note in [
            "",
            "a\n",
            "a\n\n",
            "a\n\n— b\n",
            "a\n\n— b !\n",
            "a\n\n— b AAAA\n",
            "a\n\n— b+c AAAAAAA=\n",
            "a\r\n\n— b AAAAAAA=\n",
            "a\n\n— b AAAAAAA=",
        ] {
            assert!(Note::parse(note.as_bytes()).is_err(), "{note:?}");
        }
        for key in [
            "",
            "a",
            "a+b",
            "a+00000000+",
            "a b+530d903a+AA==",
            &KEY.replace("530d903a", "530d903b"),
            &KEY.replace("+530d", "++30d"),
        ] {
            assert!(VerifierKey::parse(key).is_err(), "{key:?}");
        }
        let many = format!("a\n\n{}", "— b AAAAAAA=\n".repeat(SIGNATURES_MAX + 1));
        assert!(Note::parse(many.as_bytes()).is_err());
    }

    #[test]
    fn t27_a_private_key_is_not_printed() {
        let key = SignerKey::new("w", SignatureKind::Cosignature, &[8; 32]).expect("named");
        assert_eq!(format!("{key:?}"), "SignerKey(w)");
        assert_eq!(SignerKey::parse(&key.reveal()).expect("parses").verifier(), key.verifier());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_note_or_refused_and_what_is_read_is_written_again(bytes: Vec<u8>, text in "[a-z\n]{1,40}") {
            if let Ok(note) = Note::parse(&bytes) {
                prop_assert_eq!(note.to_string().into_bytes(), bytes);
            }
            let key = SignerKey::new("k", SignatureKind::Cosignature, &[1; 32]).expect("named");
            let text = format!("{text}\n");
            let note = Note { signatures: vec![key.sign(&text, 1)], text };
            let read = Note::parse(note.to_string().as_bytes()).expect("parses");
            prop_assert_eq!(&read, &note);
            prop_assert!(key.verifier().verify(&read).is_ok());
        }
    }
}
