//! Between the public messages and the rules' types; every field of a message is checked here, once.

use model::country;
use model::date::{BirthDate, PartialDate};
use model::error::{Invalid, Warning};
use model::ids::{Purpose, SourceList};
use model::lookout::{
    Action, Country, CountryRole, Document, DocumentKind, DocumentState, Lookout, Name, NameKind, Plate, Registration,
    RegistrationKind, Sex, SubjectKind,
};
use model::overrides::{Override, expiry_from};

use model::policy::{Policies, Policy, Weighing};
use model::screen::Score;
use model::ssn;

use crate::v1;

/// The value of a code, or an error that lists the codes there are.
macro_rules! coded {
    ($kind:ident, $field:expr, $text:expr) => {
        $kind::from_code(&$text).ok_or_else(|| {
            let codes: Vec<&str> = $kind::ALL.iter().map(|value| value.code()).collect();
            Invalid::new($field, format!("unknown code; use one of {}", codes.join(", ")))
        })
    };
}

pub mod people;
#[cfg(test)]
mod people_test;
mod people_to;

fn optional(text: String) -> Option<String> {
    if text.is_empty() { None } else { Some(text) }
}

/// Takes a lookout from a message and validates it.
pub fn lookout_from(message: v1::Lookout) -> Result<Lookout, Invalid> {
    let v1::Lookout {
        subject,
        names,
        sex,
        birth_dates,
        birth_places,
        countries,
        documents,
        plates,
        registrations,
        action,
        reason,
        programs,
        remarks,
    } = message;
    let mut lookout = Lookout::new(coded!(SubjectKind, "subject", subject)?, coded!(Action, "action", action)?, reason);
    for (at, name) in names.into_iter().enumerate() {
        lookout.names.push(Name {
            kind: coded!(NameKind, format!("names[{at}].kind"), name.kind)?,
            full: name.full,
            family: optional(name.family),
            given: optional(name.given),
            original: optional(name.original),
        });
    }
    lookout.sex = match optional(sex) {
        Some(sex) => Some(coded!(Sex, "sex", sex)?),
        None => None,
    };
    for (at, text) in birth_dates.into_iter().enumerate() {
        let date = text.parse::<BirthDate>().map_err(|error| error.within(&format!("birth_dates[{at}]")))?;
        lookout.birth_dates.push(date);
    }
    lookout.birth_places = birth_places;
    for (at, country) in countries.into_iter().enumerate() {
        let role = coded!(CountryRole, format!("countries[{at}].role"), country.role)?;
        lookout.countries.push(Country { role, code: country.code });
    }
    for (at, document) in documents.into_iter().enumerate() {
        let kind = coded!(DocumentKind, format!("documents[{at}].kind"), document.kind)?;
        let state = match optional(document.state) {
            Some(state) => Some(coded!(DocumentState, format!("documents[{at}].state"), state)?),
            None => None,
        };
        let (number, country) = (document.number, optional(document.country));
        lookout.documents.push(Document { kind, number, country, state });
    }
    for plate in plates {
        lookout.plates.push(Plate { number: plate.number, jurisdiction: optional(plate.jurisdiction) });
    }
    for (at, registration) in registrations.into_iter().enumerate() {
        let kind = coded!(RegistrationKind, format!("registrations[{at}].kind"), registration.kind)?;
        lookout.registrations.push(Registration { kind, number: registration.number });
    }
    lookout.programs = programs;
    lookout.remarks = optional(remarks);
    lookout.validate()?;
    Ok(lookout)
}

/// A lookout as it is shown: of numbers of social security the last four digits.
pub fn lookout_shown(lookout: &Lookout) -> v1::Lookout {
    let mut message = lookout_to(lookout);
    for (document, shown) in lookout.documents.iter().zip(&mut message.documents) {
        shown.number = document.shown().into_owned();
    }
    message
}

/// Whoever changes what he was shown gives the last four digits back: they stand for the number that is there. Where more numbers
/// end so than are given back, nobody knows which is meant, and they stay masked, to be refused.
pub fn unmask(message: &mut v1::Lookout, stored: &Lookout) {
    let given: Vec<String> = message.documents.iter().map(|document| document.number.trim().to_string()).collect();
    let mut numbers: Vec<&Document> =
        stored.documents.iter().filter(|document| document.shown() != document.number.as_str()).collect();
    for shown in given.iter().filter(|number| ssn::is_masked(number)) {
        let of = |number: &&Document| number.shown() == shown.as_str();
        if numbers.iter().copied().filter(of).count() > given.iter().filter(|number| *number == shown).count() {
            numbers.retain(|number| !of(number));
        }
    }
    for document in &mut message.documents {
        let kind = DocumentKind::from_code(&document.kind);
        let is_meant = |number: &&Document| Some(number.kind) == kind && number.shown() == document.number.trim();
        if let Some(at) = numbers.iter().position(is_meant) {
            document.number = numbers.remove(at).number.clone();
        }
    }
}

/// The message of a lookout, whole: for whoever brings it in.
pub fn lookout_to(lookout: &Lookout) -> v1::Lookout {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    v1::Lookout {
        subject: lookout.subject.to_string(),
        names: lookout
            .names
            .iter()
            .map(|name| v1::Name {
                kind: name.kind.to_string(),
                full: name.full.clone(),
                family: text(&name.family),
                given: text(&name.given),
                original: text(&name.original),
            })
            .collect(),
        sex: lookout.sex.map(|sex| sex.to_string()).unwrap_or_default(),
        birth_dates: lookout.birth_dates.iter().map(ToString::to_string).collect(),
        birth_places: lookout.birth_places.clone(),
        countries: lookout
            .countries
            .iter()
            .map(|country| v1::Country { role: country.role.to_string(), code: country.code.clone() })
            .collect(),
        documents: lookout
            .documents
            .iter()
            .map(|document| v1::Document {
                kind: document.kind.to_string(),
                number: document.number.clone(),
                country: text(&document.country),
                state: document.state.map(|state| state.to_string()).unwrap_or_default(),
            })
            .collect(),
        plates: lookout
            .plates
            .iter()
            .map(|plate| v1::Plate { number: plate.number.clone(), jurisdiction: text(&plate.jurisdiction) })
            .collect(),
        registrations: lookout
            .registrations
            .iter()
            .map(|registration| v1::Registration {
                kind: registration.kind.to_string(),
                number: registration.number.clone(),
            })
            .collect(),
        action: lookout.action.to_string(),
        reason: lookout.reason.clone(),
        programs: lookout.programs.clone(),
        remarks: text(&lookout.remarks),
    }
}

/// Takes policies from a message and validates them.
pub fn policies_from(message: v1::Policies) -> Result<Policies, Invalid> {
    let mut policies = Policies { version: message.version, policies: Vec::new() };
    for (at, policy) in message.policies.into_iter().enumerate() {
        let v1::Policy { name, lists, purposes, threshold, birth_date, nationality, weak_aliases } = policy;
        let outer = format!("policies[{at}]");
        if !(0.0..=1.0).contains(&threshold) {
            return Err(Invalid::new("threshold", "must be between 0 and 1".into()).within(&outer));
        }
        let lists: Result<_, Invalid> = lists.iter().map(|list| SourceList::new(list)).collect();
        let purposes: Result<_, Invalid> = purposes.iter().map(|purpose| Purpose::new(purpose)).collect();
        policies.policies.push(Policy {
            name,
            lists: lists.map_err(|error| error.within(&outer))?,
            purposes: purposes.map_err(|error| error.within(&outer))?,
            threshold: Score::from_fraction(threshold),
            weighing: Weighing { birth_date, nationality, weak_aliases },
        });
    }
    policies.validate()?;
    Ok(policies)
}

/// The message of policies.
pub fn policies_to(policies: &Policies) -> v1::Policies {
    let policy = |policy: &Policy| v1::Policy {
        name: policy.name.clone(),
        lists: policy.lists.iter().map(ToString::to_string).collect(),
        purposes: policy.purposes.iter().map(ToString::to_string).collect(),
        threshold: policy.threshold.fraction(),
        birth_date: policy.weighing.birth_date,
        nationality: policy.weighing.nationality,
        weak_aliases: policy.weighing.weak_aliases,
    };
    v1::Policies { version: policies.version, policies: policies.policies.iter().map(policy).collect() }
}

/// Takes the content of an override from a message and validates it.
pub fn override_from(message: &v1::RecordOverrideRequest) -> Result<Override, Invalid> {
    let v1::RecordOverrideRequest { name, nationality, birth_date, documents, reason, expires, .. } = message;
    let birth_date = match birth_date.trim() {
        "" => None,
        text => Some(text.parse::<PartialDate>().map_err(|error| Invalid::new("birth_date", error.reason))?),
    };
    let nationality = match nationality.trim() {
        "" => None,
        text => Some(country::code_of(text).map_or_else(|| text.to_uppercase(), str::to_string)),
    };
    let content = Override {
        name: name.trim().to_string(),
        nationality,
        birth_date,
        documents: documents.iter().map(|number| number.trim().to_string()).collect(),
        reason: reason.trim().to_string(),
        expires: expiry_from(expires)?,
    };
    content.validate()?;
    Ok(content)
}

/// The messages of warnings.
pub fn warnings_to(warnings: Vec<Warning>) -> Vec<v1::Warning> {
    warnings.into_iter().map(|Warning { field, text }| v1::Warning { field, text }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookout(numbers: &[(&str, &str)]) -> v1::Lookout {
        let document = |(kind, number): &(&str, &str)| v1::Document {
            kind: kind.to_string(),
            number: number.to_string(),
            ..Default::default()
        };
        v1::Lookout {
            subject: "person".into(),
            action: "refer".into(),
            reason: "r".into(),
            documents: numbers.iter().map(document).collect(),
            ..Default::default()
        }
    }

    fn given_back(stored: &[(&str, &str)], given: &[(&str, &str)]) -> Vec<String> {
        let stored = lookout_from(lookout(stored)).expect("is one");
        let mut message = lookout(given);
        unmask(&mut message, &stored);
        message.documents.into_iter().map(|document| document.number).collect()
    }

    #[test]
    fn what_was_shown_stands_for_the_number_that_is_there_where_one_alone_is_meant() {
        let (ssn, other) = ("social-security", "tax-id");
        let stored = [(ssn, "111-22-3333"), ("passport", "X1"), (other, "222-33-4444")];
        let shown = lookout_shown(&lookout_from(lookout(&stored)).expect("is one")).documents;
        let shown: Vec<(&str, &str)> = shown.iter().map(|it| (it.kind.as_str(), it.number.as_str())).collect();
        assert_eq!(shown, [(ssn, "***-**-3333"), ("passport", "X1"), (other, "***-**-4444")]);
        assert_eq!(given_back(&stored, &shown), ["111-22-3333", "X1", "222-33-4444"]);
        // Neither another kind nor another end stands for it.
        for wrong in [("passport", "***-**-3333"), (ssn, "***-**-3334")] {
            assert_eq!(given_back(&stored, &[wrong]), [wrong.1]);
            let refused = lookout_from(lookout(&[wrong])).expect_err("is no number");
            assert!(refused.reason.contains("is masked"), "{refused}");
        }
        let alike = [(ssn, "111-22-3333"), (ssn, "444-55-3333")];
        let both = [(ssn, "***-**-3333"), (ssn, "***-**-3333")];
        assert_eq!(given_back(&alike, &both), ["111-22-3333", "444-55-3333"]);
        assert_eq!(given_back(&alike, &both[..1]), ["***-**-3333"], "of two nobody knows which");
    }
}
