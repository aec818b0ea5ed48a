//! What a certificate says of its bearer.

use model::time::UnixMillis;
use proto::transport::Certificate;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

/// The user principal name of Microsoft, as PIV cards carry it.
const USER_PRINCIPAL_NAME: &str = "1.3.6.1.4.1.311.20.2.3";
/// Names that are read of one certificate.
const NAMES_MAX: usize = 64;

/// Reads names, policies and end; None for what is no certificate.
pub fn certificate_of(der: &CertificateDer<'_>) -> Option<Certificate> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let (mut names, mut policies) = (Vec::new(), Vec::new());
    for extension in parsed.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(subject) => {
                names.extend(subject.general_names.iter().filter_map(text_of).take(NAMES_MAX));
            }
            ParsedExtension::CertificatePolicies(all) => {
                policies.extend(all.iter().map(|policy| policy.policy_id.to_id_string()).take(NAMES_MAX));
            }
            _ => {}
        }
    }
    let seconds = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
    let not_after = UnixMillis(seconds.saturating_mul(1_000));
    Some(Certificate { names, fingerprint: Sha256::digest(der.as_ref()).into(), not_after, policies })
}

fn text_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::URI(text) | GeneralName::RFC822Name(text) => Some((*text).to_string()),
        GeneralName::OtherName(kind, value) if kind.to_id_string() == USER_PRINCIPAL_NAME => principal(value),
        _ => None,
    }
}

/// The text within the explicit tag of another name: two headers with short lengths, then UTF-8.
fn principal(value: &[u8]) -> Option<String> {
    let within = |value: &'_ [u8]| -> Option<(u8, usize)> {
        let (tag, length) = (*value.first()?, usize::from(*value.get(1)?));
        (length < 128 && value.len() == length + 2).then_some((tag, length))
    };
    let mut rest = value;
    if within(rest)?.0 == 0xa0 {
        rest = &rest[2..];
    }
    // UTF8String or IA5String.
    matches!(within(rest)?.0, 0x0c | 0x16).then(|| std::str::from_utf8(&rest[2..]).ok().map(str::to_string))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_principal_is_read_within_its_tags() {
        assert_eq!(principal(b"\xa0\x05\x0c\x03a@b").as_deref(), Some("a@b"));
        assert_eq!(principal(b"\x0c\x03a@b").as_deref(), Some("a@b"));
        for bad in [&b""[..], b"\xa0", b"\xa0\x05\x0c\x04a@b", b"\x04\x03a@b", b"\x0c\x01\xff"] {
            assert_eq!(principal(bad), None, "{bad:02x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = certificate_of(&CertificateDer::from(bytes.clone()));
            let _ = principal(&bytes);
        }
    }
}
