//! Identifiers: newtypes that are checked where they enter and trusted afterwards.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Invalid;
use crate::limits::{CODE_CHARS_MAX, SLOTS};
use crate::time::UnixMillis;

/// A node of the cluster; never used again after the node was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A Raft group. Its number in keys and messages is `kind << 16 | n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupId {
    /// Users, agencies, slot map, placement; one per cluster.
    Directory,
    /// Records of the slots it owns.
    Records(u16),
    /// Audit events.
    Audit(u16),
}

impl GroupId {
    /// The group's number in keys and messages.
    pub fn number(self) -> u32 {
        match self {
            Self::Directory => 1 << 16,
            Self::Records(n) => 2 << 16 | u32::from(n),
            Self::Audit(n) => 3 << 16 | u32::from(n),
        }
    }

    /// The group of a number.
    pub fn from_number(number: u32) -> Option<Self> {
        let n = (number & 0xffff) as u16;
        match number >> 16 {
            1 if n == 0 => Some(Self::Directory),
            2 => Some(Self::Records(n)),
            3 => Some(Self::Audit(n)),
            _ => None,
        }
    }

    /// Whether this group holds records.
    pub fn is_records(self) -> bool {
        matches!(self, Self::Records(_))
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory => f.write_str("directory"),
            Self::Records(n) => write!(f, "records-{n}"),
            Self::Audit(n) => write!(f, "audit-{n}"),
        }
    }
}

impl FromStr for GroupId {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bad = || Invalid::new("group", "is no group; use directory, records-N or audit-N".into());
        // One text per group: no signs, no leading zeros.
        let number = |n: &str| n.parse::<u16>().ok().filter(|number| number.to_string() == n).ok_or_else(bad);
        match text.split_once('-') {
            None if text == "directory" => Ok(Self::Directory),
            Some(("records", n)) => number(n).map(Self::Records),
            Some(("audit", n)) => number(n).map(Self::Audit),
            _ => Err(bad()),
        }
    }
}

impl Serialize for GroupId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_u32(self.number())
        }
    }
}

impl<'de> Deserialize<'de> for GroupId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        } else {
            let number = u32::deserialize(deserializer)?;
            Self::from_number(number).ok_or_else(|| D::Error::custom(format!("unknown group number {number}")))
        }
    }
}

macro_rules! sixteen_bytes {
    ($(#[$meta:meta])* $name:ident, $what:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                let bytes = from_hex(text).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
                bytes.map(Self).ok_or_else(|| Invalid::new($what, "expected 32 hexadecimal digits".to_string()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
                } else {
                    <[u8; 16]>::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

sixteen_bytes!(
    /// A record. Derived by a named hash, so that a retry meets the same record and slot.
    RecordId,
    "id"
);
sixteen_bytes!(
    /// What makes a write happen once: 48 bits of milliseconds, 80 random bits.
    RequestId,
    "request_id"
);
sixteen_bytes!(
    /// An override of a lookout, derived from the request that recorded it; it lives in the slot of its lookout.
    OverrideId,
    "override"
);
sixteen_bytes!(
    /// A cluster; a node answers no peer of another one.
    ClusterId,
    "cluster_id"
);
sixteen_bytes!(
    /// One run of an import: the digest of the list's content.
    ImportId,
    "import_id"
);
sixteen_bytes!(
    /// A keyed token of a document, plate or registration number; equal numbers have equal tokens.
    Token,
    "token"
);

/// The bytes of a hexadecimal text.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// The hexadecimal text of bytes.
pub fn to_hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The first bytes of a named hash over parts with their lengths.
fn hashed(domain: &str, parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in std::iter::once(domain.as_bytes()).chain(parts.iter().copied()) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut id = [0; 16];
    id.copy_from_slice(&hash.finalize()[..16]);
    id
}

impl OverrideId {
    /// The id of an override that this request records.
    pub fn of_request(request: RequestId) -> Self {
        Self(hashed("portcullis/override/request/1", &[&request.0]))
    }
}

impl RecordId {
    /// The id of a record that this request creates.
    pub fn of_request(request: RequestId) -> Self {
        Self(hashed("portcullis/record/request/1", &[&request.0]))
    }

    /// The id of the record that stands for one entry of a source list.
    pub fn of_source(list: &str, reference: &str) -> Self {
        Self(hashed("portcullis/record/source/1", &[list.as_bytes(), reference.as_bytes()]))
    }

    /// The id under which an object of the directory (an account, an agency, a role ...) stands in request memory and
    /// audit.
    pub fn of_object(kind: &str, code: &str) -> Self {
        Self(hashed("portcullis/directory/object/1", &[kind.as_bytes(), code.as_bytes()]))
    }

    /// The slot that the record lives in; ids are uniform, so their first bytes are hash enough.
    pub fn slot(self) -> SlotId {
        SlotId(u16::from_be_bytes([self.0[0], self.0[1]]) % SLOTS)
    }
}

impl RequestId {
    /// A new id from a time and random bytes.
    pub fn new(now: UnixMillis, random: [u8; 16]) -> Self {
        let mut id = random;
        id[..6].copy_from_slice(&now.0.to_be_bytes()[2..]);
        Self(id)
    }

    /// When the id was made.
    pub fn time(self) -> UnixMillis {
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&self.0[..6]);
        UnixMillis(u64::from_be_bytes(millis))
    }
}

/// A slot: the unit in which records are placed and moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SlotId(pub u16);

macro_rules! code {
    ($(#[$meta:meta])* $name:ident, $field:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks and takes a code.
            pub fn new(text: &str) -> Result<Self, Invalid> {
                check_code($field, text).map(|()| Self(text.to_string()))
            }

            /// The code.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

code!(
    /// A user.
    UserId,
    "user"
);
code!(
    /// An agency.
    AgencyId,
    "agency"
);
code!(
    /// A port of entry or another station.
    PortId,
    "port"
);
code!(
    /// Why a question is asked, as a code.
    Purpose,
    "purpose"
);
code!(
    /// A source list, such as `ofac-sdn`.
    SourceList,
    "source"
);

code!(
    /// A role: a named set of service functions.
    RoleId,
    "role"
);
code!(
    /// An agreement with an agency.
    AgreementId,
    "agreement"
);
code!(
    /// An owner's memorandum to the Custodian of Records.
    MemorandumId,
    "memorandum"
);

/// A code is 1 to 64 printable ASCII characters without blanks, so that it is safe in logs, keys and reports.
pub fn check_code(field: &'static str, text: &str) -> Result<(), Invalid> {
    if text.is_empty() {
        return Err(Invalid::new(field, "is empty".into()));
    }
    if text.len() > CODE_CHARS_MAX {
        return Err(Invalid::new(
            field,
            format!("has {} characters, at most {CODE_CHARS_MAX} are allowed", text.len()),
        ));
    }
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        Some(c) => Err(Invalid::new(field, format!("holds {c:?}; only printable ASCII without blanks is allowed"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn groups_read_as_they_print() {
        for group in [GroupId::Directory, GroupId::Records(7), GroupId::Audit(0)] {
            assert_eq!(group.to_string().parse::<GroupId>().expect("parses"), group);
            assert_eq!(GroupId::from_number(group.number()), Some(group));
        }
        for text in
            ["", "records", "records-", "records-x", "directory-1", "records-99999", "records-+7", "records-007"]
        {
            assert!(text.parse::<GroupId>().is_err(), "{text}");
        }
    }

    #[test]
    fn record_ids_are_what_the_format_says() {
        // Fixed for ever: a changed hash would send a retry to another slot.
        assert_eq!(RecordId::of_request(RequestId([7; 16])).to_string(), "72c76817dd93cf66e013c75053fda7fc");
        assert_eq!(RecordId::of_source("ofac-sdn", "36").to_string(), "8d3a828f7ec1939b4bd630b0a1aadfdd");
        assert_ne!(RecordId::of_source("a", "bc"), RecordId::of_source("ab", "c"));
    }

    proptest! {
        #[test]
        fn a_request_id_keeps_its_time(ms in 0u64..1 << 48, random: [u8; 16]) {
            prop_assert_eq!(RequestId::new(UnixMillis(ms), random).time(), UnixMillis(ms));
        }

        #[test]
        fn slots_are_in_range(bytes: [u8; 16]) {
            prop_assert!(RecordId(bytes).slot().0 < SLOTS);
        }
    }
}
