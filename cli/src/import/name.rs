//! Names as lists write them, `FAMILY, Given`, and put together from parts.

use model::lookout::{Name, NameKind};

/// A name that the source gives as one text.
pub(super) fn whole(kind: NameKind, full: &str) -> Name {
    Name { kind, full: full.trim().to_string(), family: None, given: None, original: None }
}

/// A person's name written `FAMILY, Given` or `FAMILY, Given, Jr.`; without a comma, as one text.
pub(super) fn family_first(kind: NameKind, text: &str) -> Name {
    let mut parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let (Some(family), Some(given)) = (parts.next(), parts.next()) else {
        return whole(kind, text.trim().trim_end_matches(','));
    };
    let mut full = format!("{given} {family}");
    for suffix in parts {
        full.push(' ');
        full.push_str(suffix);
    }
    Name { kind, full, family: Some(family.to_string()), given: Some(given.to_string()), original: None }
}

/// Adds a name unless the same text stands already; the first kind wins, since lists give the stronger one first.
pub(super) fn add(names: &mut Vec<Name>, name: Name) {
    if !name.full.is_empty() && names.iter().all(|known| known.full != name.full) {
        names.push(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_given_name_goes_first() {
        let name = family_first(NameKind::Primary, "EXAMPLE LAST, First Second, Jr.");
        assert_eq!(name.full, "First Second EXAMPLE LAST Jr.");
        assert_eq!((name.family.as_deref(), name.given.as_deref()), (Some("EXAMPLE LAST"), Some("First Second")));
        assert_eq!(family_first(NameKind::Alias, "ONLYNAME,").full, "ONLYNAME");
    }

    #[test]
    fn the_same_text_stands_once() {
        let mut names = vec![whole(NameKind::Primary, "A B")];
        add(&mut names, whole(NameKind::Alias, " A B "));
        add(&mut names, whole(NameKind::Alias, ""));
        assert_eq!(names.len(), 1);
    }
}
