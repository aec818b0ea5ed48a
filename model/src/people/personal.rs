//! The personal data of an account's holder (F44): sealed before they are proposed, opened for who reads the account alone.

use serde::{Deserialize, Serialize};

use crate::codec::Stored;
use crate::error::Invalid;
use crate::limits::{PERSONAL_BYTES_MAX, PERSONAL_CHARS_MAX};
use crate::people::agency::check_text;

/// Who stands behind an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Personal {
    pub name: String,
    /// How he is reached.
    pub contact: Option<String>,
    /// His badge number.
    pub badge: Option<String>,
}

impl Stored for Personal {
    const TAG: u16 = 37;
    const VERSION: u8 = 1;
}

// Four bytes a character, with lengths, frame and the tag of the seal.
const _: () = assert!(3 * 4 * PERSONAL_CHARS_MAX + 128 <= PERSONAL_BYTES_MAX, "personal data fit their bound sealed");

impl Personal {
    /// Checks every field.
    pub fn validate(&self) -> Result<(), Invalid> {
        check_text("name", &self.name, PERSONAL_CHARS_MAX)?;
        for (field, text) in [("contact", &self.contact), ("badge", &self.badge)] {
            if let Some(text) = text {
                check_text(field, text, PERSONAL_CHARS_MAX)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::encode;

    #[test]
    fn every_field_is_checked_and_the_longest_fit_their_bound() {
        let longest = Some("\u{10ffff}".repeat(PERSONAL_CHARS_MAX));
        let personal =
            Personal { name: "\u{10ffff}".repeat(PERSONAL_CHARS_MAX), contact: longest.clone(), badge: longest };
        assert_eq!(personal.validate(), Ok(()));
        // The seal adds its tag of 16 bytes.
        assert!(encode(&personal).expect("encodes").len() + 16 <= PERSONAL_BYTES_MAX);
        let wrong = |change: fn(&mut Personal)| {
            let mut changed = personal.clone();
            change(&mut changed);
            changed.validate().expect_err("wrong").field
        };
        assert_eq!(wrong(|it| it.name = " ".into()), "name");
        assert_eq!(wrong(|it| it.contact = Some("a\nb".into())), "contact");
        assert_eq!(wrong(|it| it.badge = Some("x".repeat(PERSONAL_CHARS_MAX + 1))), "badge");
    }
}
