//! An account.

use client::v1;
use serde::Serialize;

use super::{Stamp, line, yes};
use crate::view::{AuditRef, optional};

/// An account as it is printed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct User {
    pub user: String,
    pub agency: String,
    pub category: String,
    pub state: String,
    pub since: Option<Stamp>,
    pub cause: Option<String>,
    pub agreed_by: Option<String>,
    pub agreed_as: Option<String>,
    /// Why it may do nothing now, by rule and code.
    pub lacks: Vec<String>,
    pub personal: Option<Personal>,
    pub standing: Standing,
    pub control_officer: Option<String>,
    pub supervisors: Vec<String>,
    pub stations: Vec<String>,
    pub datasets: Vec<String>,
    pub roles: Vec<Granted>,
    pub functions: Vec<Granted>,
    pub transactions: Vec<Transaction>,
    pub frozen: bool,
    pub assign: Vec<String>,
    pub proposed_assign: Vec<String>,
    pub proposed_assign_by: Option<String>,
    pub certificates: Vec<String>,
    pub requested: Option<Stamp>,
    pub last_activity: String,
    pub epoch: u64,
    pub version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditRef>,
}

/// Who stands behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Personal {
    pub name: String,
    pub contact: Option<String>,
    pub badge: Option<String>,
}

/// What keeps it in standing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    pub background: Option<String>,
    pub background_completed: Option<String>,
    pub background_adjudicated: bool,
    pub background_until: Option<String>,
    pub opr_hold: bool,
    pub course_until: Option<String>,
    pub ncic_until: Option<String>,
    pub certified_until: Option<String>,
    pub national: bool,
    pub foreign_service_national: bool,
}

/// A role or a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Granted {
    pub what: String,
    pub by: String,
    pub at: String,
}

/// A function for a temporary assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transaction {
    pub function: String,
    pub from: String,
    pub to: String,
    pub granted: Option<Stamp>,
}

impl From<v1::StandingRecord> for Standing {
    fn from(message: v1::StandingRecord) -> Self {
        let v1::StandingRecord {
            background,
            opr_hold,
            background_until,
            course_until,
            ncic_until,
            certified_until,
            nationality,
        } = message;
        let nationality = nationality.unwrap_or_default();
        Self {
            background: background.as_ref().map(|found| found.kind.clone()),
            background_completed: background.as_ref().map(|found| found.completed.clone()),
            background_adjudicated: background.is_some_and(|found| found.adjudicated),
            background_until: optional(background_until),
            opr_hold,
            course_until: optional(course_until),
            ncic_until: optional(ncic_until),
            certified_until: optional(certified_until),
            national: nationality.national,
            foreign_service_national: nationality.foreign_service_national,
        }
    }
}

fn granted(message: v1::Granted) -> Granted {
    let v1::Granted { what, by, at } = message;
    Granted { what, by, at }
}

fn transaction(message: v1::TransactionRecord) -> Transaction {
    let v1::TransactionRecord { assignment, granted } = message;
    let v1::Assignment { function, from, to } = assignment.unwrap_or_default();
    Transaction { function, from, to, granted: granted.map(Stamp::from) }
}

/// A right as `user assign --right` takes it.
fn right(message: v1::AssignRight) -> String {
    let v1::AssignRight { function, agency, dataset } = message;
    format!("{function}:{agency}:{dataset}")
}

impl From<v1::UserRecord> for User {
    fn from(message: v1::UserRecord) -> Self {
        let personal = |message: v1::Personal| {
            let v1::Personal { name, contact, badge } = message;
            Personal { name, contact: optional(contact), badge: optional(badge) }
        };
        // By name, so that a new field is missed by nobody: the message has as many as this has.
        Self {
            user: message.user,
            agency: message.agency,
            category: message.category,
            state: message.state,
            since: message.since.map(Stamp::from),
            cause: optional(message.cause),
            agreed_by: optional(message.agreed_by),
            agreed_as: optional(message.agreed_as),
            lacks: message.lacks,
            personal: message.personal.map(personal),
            standing: message.standing.map(Standing::from).unwrap_or_default(),
            control_officer: optional(message.control_officer),
            supervisors: message.supervisors,
            stations: message.stations,
            datasets: message.datasets,
            roles: message.roles.into_iter().map(granted).collect(),
            functions: message.functions.into_iter().map(granted).collect(),
            transactions: message.transactions.into_iter().map(transaction).collect(),
            frozen: message.frozen,
            assign: message.assign.into_iter().map(right).collect(),
            proposed_assign: message.proposed_assign.into_iter().map(right).collect(),
            proposed_assign_by: optional(message.proposed_assign_by),
            certificates: message.certificates,
            requested: message.requested.map(Stamp::from),
            last_activity: message.last_activity,
            epoch: message.epoch,
            version: message.version,
            audit: message.audit.map(AuditRef::from),
        }
    }
}

impl User {
    /// The account on one line, as lists show it.
    pub fn to_line(&self) -> String {
        let Self { user, agency, category, state, version, .. } = self;
        format!("{user:<20} {agency:<8} {category:<22} {state:<10} v{version}")
    }

    /// The account line by line.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}  {}\n", self.user, self.state.to_uppercase());
        let one = |value: &Option<String>| value.clone().unwrap_or_default();
        if let Some(personal) = &self.personal {
            line(&mut text, "Name", &personal.name);
            line(&mut text, "Contact", one(&personal.contact));
            line(&mut text, "Badge", one(&personal.badge));
        }
        line(&mut text, "Agency", format!("{} ({})", self.agency, self.category));
        line(&mut text, "Since", self.since.as_ref().map(Stamp::to_text).unwrap_or_default());
        line(&mut text, "Cause", one(&self.cause));
        if let (Some(by), Some(capacity)) = (&self.agreed_by, &self.agreed_as) {
            line(&mut text, "Agreed to lift", format!("{by} as {capacity}; the other of the two must agree"));
        }
        line(&mut text, "May do nothing", self.lacks.join(", "));
        self.standing.write(&mut text);
        line(&mut text, "Control officer", one(&self.control_officer));
        line(&mut text, "Supervisors", self.supervisors.join(", "));
        line(&mut text, "Stations", self.stations.join(", "));
        line(&mut text, "Datasets", self.datasets.join(", "));
        if self.frozen {
            line(&mut text, "Frozen", "its new control officer must affirm what was granted (`user affirm`)");
        }
        let given = |granted: &Granted| format!("{} (by {} {})", granted.what, granted.by, granted.at);
        self.roles.iter().for_each(|role| line(&mut text, "Role", given(role)));
        self.functions.iter().for_each(|function| line(&mut text, "Function", given(function)));
        for one in &self.transactions {
            line(&mut text, "Transaction", format!("{} from {} to {}", one.function, one.from, one.to));
        }
        self.assign.iter().for_each(|right| line(&mut text, "May assign", right));
        if let Some(by) = &self.proposed_assign_by {
            let rights =
                if self.proposed_assign.is_empty() { "nothing".into() } else { self.proposed_assign.join(", ") };
            line(&mut text, "Proposed", format!("that it may assign {rights} (by {by}; another must confirm)"));
        }
        line(&mut text, "Certificates", self.certificates.join(", "));
        line(&mut text, "Requested", self.requested.as_ref().map(Stamp::to_text).unwrap_or_default());
        line(&mut text, "Last activity", &self.last_activity);
        line(&mut text, "Version", self.version.to_string());
        text
    }
}

impl Standing {
    fn write(&self, text: &mut String) {
        let until = |at: &Option<String>| at.as_ref().map(|at| format!("until {at}")).unwrap_or_default();
        if let Some(kind) = &self.background {
            let adjudicated = if self.background_adjudicated { "adjudicated" } else { "NOT adjudicated" };
            line(text, "Investigation", format!("{kind}, {adjudicated}, {}", until(&self.background_until)));
        }
        if self.opr_hold {
            line(text, "OPR", "holds the account");
        }
        line(text, "Course", until(&self.course_until));
        line(text, "NCIC", until(&self.ncic_until));
        line(text, "Certified", until(&self.certified_until));
        line(text, "National", if self.foreign_service_national { "foreign service" } else { yes(self.national) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_says_how_it_stands_and_what_is_missing() {
        let record = v1::UserRecord {
            user: "officer".into(),
            agency: "CBP".into(),
            category: "general".into(),
            state: "suspended".into(),
            since: Some(v1::StampRecord { by: String::new(), at: "2026-01-02T03:04:05.000Z".into() }),
            cause: "auto".into(),
            agreed_by: "boss".into(),
            agreed_as: "supervisor".into(),
            lacks: vec!["R23 SUSPEND".into(), "R04 COURSE".into()],
            personal: Some(v1::Personal { name: "Ann Lee".into(), ..Default::default() }),
            standing: Some(v1::StandingRecord {
                background: Some(v1::Background { kind: "bi".into(), completed: "c".into(), adjudicated: true }),
                background_until: "u".into(),
                nationality: Some(v1::Nationality { national: true, foreign_service_national: false }),
                ..Default::default()
            }),
            control_officer: "sco".into(),
            functions: vec![v1::Granted { what: "record-view".into(), by: "sco".into(), at: "t".into() }],
            proposed_assign_by: "root".into(),
            version: 9,
            ..Default::default()
        };
        let user = User::from(record);
        let expected = "\
officer  SUSPENDED
  Name             Ann Lee
  Agency           CBP (general)
  Since            2026-01-02T03:04:05.000Z automatically
  Cause            auto
  Agreed to lift   boss as supervisor; the other of the two must agree
  May do nothing   R23 SUSPEND, R04 COURSE
  Investigation    bi, adjudicated, until u
  National         yes
  Control officer  sco
  Function         record-view (by sco t)
  Proposed         that it may assign nothing (by root; another must confirm)
  Version          9
";
        assert_eq!(user.to_text(), expected);
        assert_eq!(user.to_line(), "officer              CBP      general                suspended  v9");
        let json = serde_json::to_value(&user).expect("encodes");
        assert_eq!(json["since"], serde_json::json!({"by": null, "at": "2026-01-02T03:04:05.000Z"}));
    }
}
