//! A question with the policies that it is answered by: as many searches as they need, and the threshold of each record.

use model::ids::{Purpose, SourceList};
use model::policy::{Pass, Policies, Weighing};
use model::screen::{Query, Score};
use model::time::UnixMillis;
use search::{PreparedQuery, Tables};

use crate::cut::Cut;

/// A question, ready to be asked of every replica.
pub struct Question {
    pub limit: usize,
    /// As it was asked, with what is not weighed.
    pub query: Query,
    /// The time that it is about.
    pub at: UnixMillis,
    pub searches: Vec<Search>,
    /// What whoever asks may see.
    pub cut: Cut,
    policies: Policies,
    purpose: Purpose,
    /// The threshold that the question names itself.
    asked: Option<Score>,
}

/// One search of it.
pub struct Search {
    pass: Pass,
    pub query: Query,
    pub prepared: PreparedQuery,
}

impl Question {
    /// A question for a purpose. Its own threshold, if it names one, holds for all records; `query` has none.
    pub fn new(
        (query, at): (Query, UnixMillis),
        asked: Option<Score>,
        (policies, purpose): (Policies, Purpose),
        cut: Cut,
        tables: &Tables,
    ) -> Self {
        let search = |pass: Pass| {
            let query = pass.of(&query);
            Search { pass, prepared: PreparedQuery::new(&query, tables), query }
        };
        let searches = policies.passes(&purpose, asked).into_iter().map(search).collect();
        Self { limit: query.limit, query, at, searches, cut, policies, purpose, asked }
    }

    /// The version of its policies.
    pub fn policy_version(&self) -> u64 {
        self.policies.version
    }

    /// The question as it is asked of a record of a list alone, and what is weighed.
    pub fn beside(&self, list: Option<&SourceList>) -> (Query, Weighing) {
        let (weighing, threshold) = self.policies.hold(list, &self.purpose);
        (Pass { weighing, threshold: self.asked.unwrap_or(threshold) }.of(&self.query), weighing)
    }

    /// The score from which a record of a list is a hit, if this search is the one that judges it.
    pub fn threshold(&self, search: &Search, list: Option<&SourceList>) -> Option<Score> {
        let (weighing, threshold) = self.policies.hold(list, &self.purpose);
        (weighing == search.pass.weighing).then(|| self.asked.unwrap_or(threshold))
    }
}
