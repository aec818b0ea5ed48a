//! One-time codes by time (RFC 6238): six digits for each half minute, made of a secret that its holder's authenticator shares.
//!
//! Assumes that whoever takes a code also compares its step with the last one that was taken, in the log: here nothing is
//! remembered.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};

use crate::codec::Stored;
use crate::time::UnixMillis;

/// A code is good for one step of this length.
pub const STEP_MS: u64 = 30_000;
/// Steps before and after the present one whose codes are taken: clocks of authenticators drift, and people type slowly.
pub const WINDOW_STEPS: u64 = 1;
/// Steps that the log's time may lie further from a code's than the clock that took it.
pub const APPLIED_WINDOW_STEPS: u64 = 2;
const DIGITS: usize = 6;
const MODULUS: u32 = 1_000_000;
/// Bytes of a secret: RFC 4226 asks for 128 bits at least and recommends these.
pub const SECRET_BYTES: usize = 20;

crate::coded! {
    /// What codes are made by. Most authenticators know the first alone; in an HMAC nothing is known against it.
    pub enum CodeDigest {
        1 "sha1" => Sha1,
        2 "sha256" => Sha256,
    }
}

/// What codes are made of: sealed where it is stored, and never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSecret {
    digest: CodeDigest,
    key: Vec<u8>,
}

impl Stored for CodeSecret {
    const TAG: u16 = 39;
    const VERSION: u8 = 1;
}

impl fmt::Debug for CodeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeSecret(..)")
    }
}

/// The step of a time.
pub fn step_of(time: UnixMillis) -> u64 {
    time.0 / STEP_MS
}

/// Whether a step is not far from a time of the log.
pub fn is_near(step: u64, time: UnixMillis) -> bool {
    step_of(time).abs_diff(step) <= WINDOW_STEPS + APPLIED_WINDOW_STEPS
}

impl CodeSecret {
    /// A secret of random bytes.
    pub fn new(digest: CodeDigest, key: [u8; SECRET_BYTES]) -> Self {
        Self { digest, key: key.to_vec() }
    }

    /// The secret of a text in base 32, as an authenticator is given it.
    pub fn of_base32(digest: CodeDigest, text: &str) -> Option<Self> {
        let (mut key, mut bits, mut held) = (Vec::new(), 0u32, 0);
        for sign in text.bytes().filter(|sign| !matches!(sign, b' ' | b'=')) {
            let value = ALPHABET.iter().position(|known| *known == sign.to_ascii_uppercase())?;
            bits = (bits << 5 | value as u32) & 0xfff;
            held += 5;
            if held >= 8 {
                held -= 8;
                key.push((bits >> held) as u8);
            }
        }
        (key.len() == SECRET_BYTES).then_some(Self { digest, key })
    }

    /// The code of a step.
    pub fn code(&self, step: u64) -> String {
        format!("{:0DIGITS$}", self.number(step) % MODULUS)
    }

    /// The step whose code this is, of those around a time; the newest of several.
    pub fn step_of_code(&self, code: &str, now: UnixMillis) -> Option<u64> {
        let middle = step_of(now);
        let steps = middle.saturating_sub(WINDOW_STEPS)..=middle + WINDOW_STEPS;
        // All of them, however early one fits: how long it takes tells nothing.
        steps.fold(
            None,
            |found, step| if equal(self.code(step).as_bytes(), code.as_bytes()) { Some(step) } else { found },
        )
    }

    /// What an authenticator takes in, as the address of a picture that it reads.
    pub fn address(&self, issuer: &str, user: &str) -> String {
        let plain = |text: &str| -> String {
            text.chars().map(|c| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' }).collect()
        };
        let (issuer, user) = (plain(issuer), plain(user));
        let algorithm = match self.digest {
            CodeDigest::Sha1 => "SHA1",
            CodeDigest::Sha256 => "SHA256",
        };
        let secret = self.base32();
        let period = STEP_MS / 1_000;
        format!(
            "otpauth://totp/{issuer}:{user}?secret={secret}&issuer={issuer}&algorithm={algorithm}&digits={DIGITS}&period={period}"
        )
    }

    /// The secret as people type it into an authenticator.
    pub fn base32(&self) -> String {
        let (mut text, mut bits, mut held) = (String::new(), 0u32, 0);
        for byte in &self.key {
            bits = (bits << 8 | u32::from(*byte)) & 0xfff;
            held += 8;
            while held >= 5 {
                held -= 5;
                text.push(char::from(ALPHABET[(bits >> held & 31) as usize]));
            }
        }
        text
    }

    fn number(&self, step: u64) -> u32 {
        let step = step.to_be_bytes();
        let mac = match self.digest {
            CodeDigest::Sha1 => mac::<Hmac<sha1::Sha1>>(&self.key, &step),
            CodeDigest::Sha256 => mac::<Hmac<sha2::Sha256>>(&self.key, &step),
        };
        // RFC 4226, 5.3: the last half byte says where the four bytes begin.
        let at = usize::from(mac.last().copied().unwrap_or(0) & 15);
        let four = mac.get(at..at + 4).and_then(|four| <[u8; 4]>::try_from(four).ok()).unwrap_or_default();
        u32::from_be_bytes(four) & 0x7fff_ffff
    }
}

/// The alphabet of RFC 4648, section 6.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn mac<M: Mac + KeyInit>(key: &[u8], value: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length, so this cannot fail.
    let mut mac = <M as KeyInit>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
    mac.update(value);
    mac.finalize().into_bytes().to_vec()
}

/// Whether two texts are equal, in a time that tells nothing of where they differ.
fn equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secret(digest: CodeDigest, key: &[u8]) -> CodeSecret {
        CodeSecret { digest, key: key.to_vec() }
    }

    /// RFC 6238, appendix B: eight digits there, of which ours are the last six.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let (sha1, sha256) = (
            secret(CodeDigest::Sha1, b"12345678901234567890"),
            secret(CodeDigest::Sha256, b"12345678901234567890123456789012"),
        );
        for (seconds, of_sha1, of_sha256) in [
            (59, "94287082", "46119246"),
            (1_111_111_109, "07081804", "68084774"),
            (1_111_111_111, "14050471", "67062674"),
            (1_234_567_890, "89005924", "91819424"),
            (2_000_000_000, "69279037", "90698825"),
            (20_000_000_000, "65353130", "77737706"),
        ] {
            let step = step_of(UnixMillis(seconds * 1_000));
            for (secret, full) in [(&sha1, of_sha1), (&sha256, of_sha256)] {
                assert_eq!(format!("{:08}", secret.number(step) % 100_000_000), full, "{seconds}");
                assert_eq!(secret.code(step), full[2..], "{seconds}");
            }
        }
    }

    #[test]
    fn a_code_is_taken_one_step_early_and_one_late_and_no_further() {
        let secret = secret(CodeDigest::Sha1, b"12345678901234567890");
        let step = 50_000_000;
        for (away, taken) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let now = UnixMillis(((step as i64 + away) as u64) * STEP_MS + 7);
            assert_eq!(secret.step_of_code(&secret.code(step), now), taken.then_some(step), "{away}");
        }
        for wrong in ["", "12345", "1234567", "abcdef", "\u{661}\u{662}\u{663}"] {
            assert_eq!(secret.step_of_code(wrong, UnixMillis(step * STEP_MS)), None, "{wrong}");
        }
        assert!(!format!("{secret:?}").contains('1'), "a secret is not printed");
    }

    #[test]
    fn an_authenticator_is_told_all_that_it_needs() {
        let secret = secret(CodeDigest::Sha1, b"12345678901234567890");
        assert_eq!(
            secret.address("Port cullis", "officer/7"),
            "otpauth://totp/Port_cullis:officer_7?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Port_cullis&algorithm=SHA1&digits=6&period=30"
        );
    }

    proptest! {
        #[test]
        fn what_was_written_in_base_32_is_read_back(key: [u8; SECRET_BYTES], junk in any::<String>()) {
            let secret = CodeSecret::new(CodeDigest::Sha1, key);
            prop_assert_eq!(CodeSecret::of_base32(CodeDigest::Sha1, &secret.base32().to_lowercase()), Some(secret));
            let _ = CodeSecret::of_base32(CodeDigest::Sha1, &junk);
        }
    }
}
