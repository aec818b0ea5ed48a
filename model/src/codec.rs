//! How values are stored: type tag, format version, checksum, payload. The only place that names bincode, which its
//! maintainers have finished (RUSTSEC-2025-0141); here is where it would be replaced.
//!
//! Frame: `tag u16 | version u8 | crc32c u32 (little endian, of all but itself) | bincode payload`. A stored type's layout
//! never changes: a new layout is a new version, decoded beside the old one.

use serde::{Serialize, de::DeserializeOwned};

use crate::limits::MESSAGE_BYTES_MAX;

/// How the error of an enum's number begins that this program does not know (`numbered.rs`).
pub(crate) const UNKNOWN_NUMBER: &str = "an unknown number";

const HEAD_BYTES: usize = 7;

/// A type with a stored form.
pub trait Stored: Serialize + DeserializeOwned {
    /// Names the type in every stored value of it; never given to another type.
    const TAG: u16;
    /// The layout's version.
    const VERSION: u8;

    /// The value of a payload that an earlier version wrote; `None` where this program knows no such version.
    fn of_version(version: u8, payload: &[u8]) -> Option<Result<Self, CodecError>> {
        let _ = (version, payload);
        None
    }
}

/// Why stored bytes are not what they should be. Each of these is damage or a newer format, never "no value".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error("stored value of {0} bytes is shorter than its frame")]
    Short(usize),
    #[error("stored value has type tag {found}, expected {expected}")]
    Tag { found: u16, expected: u16 },
    #[error("stored value has format version {found}, this program knows up to {known}; use a newer program")]
    Version { found: u8, known: u8 },
    #[error("checksum of a stored value is {found:08x}, expected {expected:08x}: the bytes were altered")]
    Checksum { found: u32, expected: u32 },
    #[error("stored value holds {0}; use a newer program")]
    UnknownNumber(String),
    #[error("stored value does not decode: {0}")]
    Payload(String),
    #[error("value does not encode: {0}")]
    Encode(String),
}

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_little_endian().with_variable_int_encoding().with_limit::<{ MESSAGE_BYTES_MAX }>()
}

/// The stored form of a value.
pub fn encode<T: Stored>(value: &T) -> Result<Vec<u8>, CodecError> {
    let mut out = vec![0; HEAD_BYTES];
    out[0..2].copy_from_slice(&T::TAG.to_le_bytes());
    out[2] = T::VERSION;
    out.extend_from_slice(&bytes_of(value)?);
    let sum = checksum(&out);
    out[3..HEAD_BYTES].copy_from_slice(&sum.to_le_bytes());
    Ok(out)
}

/// A value's bytes without a frame: what a digest of it is made of.
pub(crate) fn bytes_of<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    bincode::serde::encode_to_vec(value, config()).map_err(|error| CodecError::Encode(error.to_string()))
}

/// The value of a stored form; every damage is an error.
pub fn decode<T: Stored>(bytes: &[u8]) -> Result<T, CodecError> {
    check(bytes)?;
    let tag = u16::from_le_bytes([bytes[0], bytes[1]]);
    if tag != T::TAG {
        return Err(CodecError::Tag { found: tag, expected: T::TAG });
    }
    let (version, rest) = (bytes[2], &bytes[HEAD_BYTES..]);
    if version == T::VERSION {
        return payload(rest);
    }
    T::of_version(version, rest).unwrap_or(Err(CodecError::Version { found: version, known: T::VERSION }))
}

/// The value of a whole payload, for `Stored::of_version`: an earlier layout is a type of its own.
pub(crate) fn payload<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (value, used) = bincode::serde::decode_from_slice(bytes, config()).map_err(unreadable)?;
    if used != bytes.len() {
        return Err(CodecError::Payload(format!("{} bytes left over", bytes.len() - used)));
    }
    Ok(value)
}

/// The checksum held, so an unknown number was written by a program that knows it.
fn unreadable(error: bincode::error::DecodeError) -> CodecError {
    let text = match error {
        bincode::error::DecodeError::OtherString(text) => text,
        other => return CodecError::Payload(other.to_string()),
    };
    if text.starts_with(UNKNOWN_NUMBER) { CodecError::UnknownNumber(text) } else { CodecError::Payload(text) }
}

/// Whether a stored form is as it was written, whatever it is of.
pub fn check(bytes: &[u8]) -> Result<(), CodecError> {
    if bytes.len() < HEAD_BYTES {
        return Err(CodecError::Short(bytes.len()));
    }
    let expected = u32::from_le_bytes([bytes[3], bytes[4], bytes[5], bytes[6]]);
    let found = checksum(bytes);
    if found == expected { Ok(()) } else { Err(CodecError::Checksum { found, expected }) }
}

fn checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..3]), &frame[HEAD_BYTES..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Sample(u64, String);
    impl Stored for Sample {
        const TAG: u16 = 65_000;
        const VERSION: u8 = 1;
    }

    proptest! {
        #[test]
        fn a_value_comes_back_and_any_altered_byte_is_found(number: u64, text: String, at: usize, flip in 1u8..) {
            let value = Sample(number, text);
            let mut bytes = encode(&value).expect("encodes");
            prop_assert_eq!(&decode::<Sample>(&bytes).expect("decodes"), &value);
            let at = at % bytes.len();
            bytes[at] ^= flip;
            prop_assert!(decode::<Sample>(&bytes).is_err());
        }
    }

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Later(u64, String, bool);
    impl Stored for Later {
        const TAG: u16 = 65_000;
        const VERSION: u8 = 2;

        fn of_version(version: u8, bytes: &[u8]) -> Option<Result<Self, CodecError>> {
            (version == 1).then(|| payload(bytes).map(|Sample(number, text)| Self(number, text, true)))
        }
    }

    #[test]
    fn an_earlier_layout_reads_and_a_later_one_says_so() {
        let bytes = encode(&Sample(7, "x".into())).expect("encodes");
        assert_eq!(decode::<Later>(&bytes), Ok(Later(7, "x".into(), true)));
        let later = encode(&Later(7, "x".into(), false)).expect("encodes");
        assert_eq!(decode::<Sample>(&later), Err(CodecError::Version { found: 2, known: 1 }));
    }

    #[test]
    fn a_cut_value_is_an_error() {
        let bytes = encode(&Sample(7, "x".into())).expect("encodes");
        for length in 0..bytes.len() {
            assert!(decode::<Sample>(&bytes[..length]).is_err());
        }
    }
}
