//! What a client does: questions about travellers of whom half are listed, and new lookouts. All follow from the seed, so
//! that two runs ask the same.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use client::{Client, ClientError, convert, v1};
use generator::{Config, Traveller, World};
use serde::Serialize;

/// Added to the seed of the list: new lookouts are of people who are not on it.
const NEW_PEOPLE: u64 = 0x6e65_7700;
/// Travellers that lie between two clients, so that they do not ask the same at the same time.
const STRIDE: usize = 7;

/// A kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Write,
    Local,
    Linearizable,
}

impl Kind {
    /// The title of its table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Write => "Durable writes (lookout create)",
            Self::Local => "Screens, local, audited",
            Self::Linearizable => "Screens, linearizable, audited",
        }
    }
}

/// Everything that clients draw from.
pub struct Supply {
    travellers: Vec<Traveller>,
    new: World,
    next: AtomicU64,
}

/// One operation, made ready before its time is taken.
pub enum Operation<'a> {
    Write(Box<v1::CreateLookoutRequest>),
    Screen(Box<v1::ScreenRequest>, &'a Traveller),
}

/// What an answer was, beyond being one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Done,
    /// A listed traveller was found, or not.
    Listed(bool),
}

impl Supply {
    /// The supply of a list.
    pub fn new(config: &Config) -> Self {
        let new = generator::lists(&Config { seed: config.seed ^ NEW_PEOPLE, people: usize::MAX });
        Self { travellers: generator::lists(config).travellers().collect(), new, next: AtomicU64::new(0) }
    }

    /// How the travellers come to be written as they are, with their number.
    pub fn mix(&self) -> BTreeMap<&'static str, usize> {
        let mut mix = BTreeMap::new();
        for traveller in &self.travellers {
            *mix.entry(traveller.truth.variation.code()).or_default() += 1;
        }
        mix
    }

    /// The operation of a client's turn.
    pub fn operation(&self, kind: Kind, client: usize, turn: usize) -> Operation<'_> {
        let freshness = match kind {
            Kind::Write => return Operation::Write(Box::new(self.lookout())),
            Kind::Local => "local",
            Kind::Linearizable => "linearizable",
        };
        let traveller = &self.travellers[(client * STRIDE + turn) % self.travellers.len()];
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let question = v1::ScreenRequest {
            name: traveller.name.clone(),
            birth_date: text(&traveller.dob),
            nationality: text(&traveller.nationality),
            document: text(&traveller.document),
            freshness: freshness.to_string(),
            ..v1::ScreenRequest::default()
        };
        Operation::Screen(Box::new(question), traveller)
    }

    /// A lookout that nobody has created yet.
    pub fn lookout(&self) -> v1::CreateLookoutRequest {
        let number = self.next.fetch_add(1, Ordering::Relaxed) as usize;
        let lookout = convert::lookout_to(&self.new.subject(number).lookout);
        v1::CreateLookoutRequest { lookout: Some(lookout), ..v1::CreateLookoutRequest::default() }
    }
}

impl Operation<'_> {
    /// Carries it out. A partial answer is an error here: its figures would be of less work.
    pub async fn run(self, client: &Client) -> Result<Answer, (String, String)> {
        let failed = |error: ClientError| (error.code.clone(), error.to_string());
        match self {
            Self::Write(request) => client.create_lookout(*request).await.map(|_| Answer::Done).map_err(failed),
            Self::Screen(question, traveller) => {
                let answer = client.screen(*question).await.map_err(failed)?;
                if answer.partial {
                    return Err(("partial".to_string(), "a group did not answer".to_string()));
                }
                Ok(match &traveller.truth.expected {
                    None => Answer::Done,
                    Some(expected) => Answer::Listed(answer.hits.iter().any(|hit| hit.source_ref == *expected)),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_follow_from_the_seed_and_lookouts_never_repeat() {
        let supply = Supply::new(&Config { seed: 3, people: 200 });
        let name = |client, turn| match supply.operation(Kind::Local, client, turn) {
            Operation::Screen(question, _) => question.name,
            Operation::Write(_) => String::new(),
        };
        assert_eq!(name(0, 5), name(0, 5));
        assert_ne!(name(0, 5), name(1, 5));
        assert!(supply.mix().len() > 5, "{:?}", supply.mix());
        assert_ne!(supply.lookout(), supply.lookout());
    }
}
