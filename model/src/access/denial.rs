//! Why the gate refuses (SECURITY.md 1.1). The code is what the audit keeps; what the caller reads never tells whether a
//! record exists.

/// Declares the reasons with their rule and code.
macro_rules! denials {
    ($($(#[$meta:meta])* $rule:literal $code:literal => $variant:ident: $text:literal,)+) => {
        /// A reason to refuse.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Denial { $($(#[$meta])* $variant),+ }

        impl Denial {
            /// All of them, in the order of their rules.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The rule that it is of.
            pub const fn rule(self) -> &'static str {
                match self { $(Self::$variant => $rule),+ }
            }

            /// The code that the audit keeps.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// What is said to who is refused for it, and what he may do about it.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The reason of a code.
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

denials! {
    /// No adjudicated background investigation, or OPR holds the account.
    "R01" "BI_NONE" => BackgroundMissing: "your background investigation is not recorded as adjudicated, or is held",
    /// The background investigation is too old: ANACI 10 years, BI 5.
    "R02" "BI_STALE" => BackgroundStale: "your background investigation is too old: ask your control officer",
    /// The kind of background investigation does not bear this.
    "R03" "BI_TYPE" => BackgroundType: "the kind of your background investigation does not bear this",
    /// The Security and Privacy Awareness course was not passed within a year.
    "R04" "COURSE" => Course: "your Security and Privacy Awareness course is more than a year old: pass it again",
    /// No national, and no exception for a foreign service national.
    "R05" "NATION" => Nationality: "your account does not say that you may do this as a national or foreign service national",
    /// The agency has no agreement in force that names this.
    "R06" "MOA" => Agreement: "no agreement of your agency that is in force names this",
    /// The account was not certified within a year.
    "R07" "CERT" => Certification: "your account was not certified within a year: ask your control officer",
    /// The consent banner in force was not acknowledged at this log-on.
    "R08" "CONSENT" => Consent: "the banner in force was not acknowledged: log on again",
    /// Duties that one person must not join.
    "R09" "DUTY" => Duty: "this is none of the duties of your category of account",
    /// The NCIC certification of a holder lapsed.
    "R10" "NCIC" => Ncic: "your NCIC certification lapsed: all else is shut until you are certified again",
    /// No role carries the function.
    "R11" "FUNC" => Function: "no role of yours carries this function: ask your control officer",
    /// The transaction that carried the function is not open now.
    "R12" "TXN" => Transaction: "your temporary assignment to this function is not open now",
    /// The function would bear it, the record does not, or the other way round.
    "R13" "TXN_REC" => TransactionRecord: "the function does not bear this on this record",
    /// The station is none of the caller's.
    "R14" "STATION" => Station: "this is not your station, or not the one that you signed on at",
    /// Level 2 takes no new records.
    "R16" "LEVEL2" => LevelTwo: "level 2 is no longer used",
    /// No class of the caller is among the record's.
    "R17" "L3" => LevelThree: "no class of yours is among the record's",
    /// The caller is not named, nor the creator.
    "R18" "L4" => LevelFour: "the record does not name you",
    /// Tribal cards and enhanced licences are for CBP at primary alone.
    "R19" "ETC_EDL" => EnhancedDocument: "such documents are for CBP at primary alone",
    /// The record is another agency's.
    "R20" "OWNER" => Owner: "the record is another agency's",
    /// An SCO assigns only what he may use and assign, to users of his own.
    "R21" "DELEG" => Delegation: "a control officer gives only what he holds and may assign, to users of his own",
    /// Approval by somebody who may not approve this.
    "R22" "APPROVE" => Approval: "somebody else must approve this",
    /// The account is suspended.
    "R23" "SUSPEND" => Suspended: "the account is suspended, closed or not known here",
    /// No authority to pass it on.
    "R27" "REDISS" => Redissemination: "there is no authority to pass this on",
    /// No approved case of disclosure.
    "R28" "CASE" => DisclosureCase: "there is no approved case of disclosure",
    /// The system link has no agreement of its own, or does what it does not name.
    "R29" "ISA" => SystemLink: "no agreement in force names this system, its certificate and what it does",
    /// The set is closed to this agency.
    "R30" "CLOSED" => Closed: "this set is closed to you",
}

impl std::fmt::Display for Denial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl serde::Serialize for Denial {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> serde::Deserialize<'de> for Denial {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let code = String::deserialize(deserializer)?;
        Self::from_code(&code).ok_or_else(|| D::Error::custom(format!("unknown reason of a refusal `{code}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_they_are_written_and_no_two_are_alike() {
        for denial in Denial::ALL {
            assert_eq!(Denial::from_code(denial.code()), Some(*denial));
        }
        assert_eq!(Denial::from_code("NONE"), None);
        let mut codes: Vec<_> = Denial::ALL.iter().map(|denial| denial.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Denial::ALL.len());
    }
}
