//! What a request asks for, as its event keeps it: the same terms stand in the event of the answer and of a refusal.

use model::audit::event::Term;
use model::ids::to_hex;
use model::limits::TERM_CHARS_MAX;
use model::session::LogOnPath;
use model::ssn;
use prost::Message;
use proto::v1;
use proto::v1::import_request::Step;
use sha2::{Digest, Sha256};

/// A request whose terms are kept.
pub trait Asked {
    /// The fields that hold something.
    fn terms(&self) -> Vec<Term>;
}

/// The fields that hold something, each cut to what an event keeps.
fn stated<'a>(fields: impl IntoIterator<Item = (&'a str, String)>) -> Vec<Term> {
    let stated = fields.into_iter().filter(|(_, value)| !value.is_empty());
    stated.map(|(field, value)| Term { field: field.to_string(), value: cut(&value) }).collect()
}

/// Whatever was sent fits an event: what was cut says so.
fn cut(value: &str) -> String {
    match value.char_indices().nth(TERM_CHARS_MAX) {
        None => value.to_string(),
        Some((at, _)) => format!("{}... ({} bytes)", &value[..at], value.len()),
    }
}

fn number(value: impl Into<u64>) -> String {
    match value.into() {
        0 => String::new(),
        value => value.to_string(),
    }
}

fn first_name(lookout: &Option<v1::Lookout>) -> String {
    lookout.iter().flat_map(|lookout| &lookout.names).map(|name| name.full.clone()).next().unwrap_or_default()
}

/// Policies in one line, for those that stand nowhere else.
fn policies_text(policies: &Option<v1::Policies>) -> String {
    let policy = |policy: &v1::Policy| {
        let weighed = [("birth_date", policy.birth_date), ("nationality", policy.nationality)];
        let weighed = weighed.into_iter().chain([("weak_aliases", policy.weak_aliases)]);
        let without: Vec<&str> = weighed.filter(|(_, weighed)| !weighed).map(|(field, _)| field).collect();
        let [lists, purposes, without] = [policy.lists.join("+"), policy.purposes.join("+"), without.join("+")];
        format!("{} from {} lists={lists} purposes={purposes} without={without}", policy.name, policy.threshold)
    };
    let Some(policies) = policies else { return String::new() };
    let all: Vec<String> = policies.policies.iter().map(policy).collect();
    format!("{}: {}", policies.version, all.join("; "))
}

/// What tells one set of policies from another whose text was cut.
fn digest(policies: &Option<v1::Policies>) -> String {
    policies.as_ref().map(|policies| to_hex(&Sha256::digest(policies.encode_to_vec()))).unwrap_or_default()
}

/// How somebody proves who he is; never by what.
fn path(factors: &Option<v1::Factors>) -> String {
    if factors.is_some() { LogOnPath::Password.to_string() } else { LogOnPath::Certificate.to_string() }
}

macro_rules! asked {
    ($($request:ident($this:ident) => [$($field:literal = $value:expr),* $(,)?]),+ $(,)?) => { $(
        impl Asked for v1::$request {
            fn terms(&self) -> Vec<Term> {
                let $this = self;
                stated([$(($field, $value)),*])
            }
        }
    )+ };
}

mod people;

asked! {
    ScreenRequest(it) => [
        "name" = it.name.trim().to_string(),
        "birth_date" = it.birth_date.trim().to_string(),
        "nationality" = it.nationality.trim().to_string(),
        "document" = ssn::guarded(it.document.trim()),
        "plate" = it.plate.trim().to_string(),
        "registration" = it.registration.trim().to_string(),
        "mrz" = it.mrz.trim().to_string(),
        "freshness" = it.freshness.clone(),
        "threshold" = it.threshold.map(|threshold| threshold.to_string()).unwrap_or_default(),
        "limit" = number(it.limit),
    ],
    GetPoliciesRequest(it) => ["version" = number(it.version)],
    PutPoliciesRequest(it) => [
        "policies" = policies_text(&it.policies),
    ],
    CreateLookoutRequest(it) => [
        "name" = first_name(&it.lookout),
        "level" = it.level.clone(),
        "labels" = it.labels.join(", "),
    ],
    UpdateLookoutRequest(it) => [
        "id" = it.id.clone(),
        "expected_version" = number(it.expected_version),
        "name" = first_name(&it.lookout),
    ],
    RemoveLookoutRequest(it) => ["id" = it.id.clone(), "expected_version" = number(it.expected_version)],
    GetLookoutRequest(it) => ["id" = it.id.clone(), "version" = number(it.version)],
    HistoryRequest(it) => ["id" = it.id.clone(), "before_version" = number(it.before_version)],
    ListLookoutsRequest(it) => [
        "source" = it.source.clone(),
        "page_token" = it.page_token.clone(),
        "page_size" = number(it.page_size),
    ],
    RecordOverrideRequest(it) => [
        "lookout" = it.lookout.clone(),
        "expected_version" = number(it.expected_version),
        "name" = it.name.trim().to_string(),
        "birth_date" = it.birth_date.trim().to_string(),
        "nationality" = it.nationality.trim().to_string(),
        "documents" = it.documents.iter().map(|number| ssn::guarded(number)).collect::<Vec<_>>().join(", "),
        "expires" = it.expires.clone(),
        "reason" = it.reason.trim().to_string(),
    ],
    EndOverrideRequest(it) => ["lookout" = it.lookout.clone(), "id" = it.id.clone()],
    ListOverridesRequest(it) => ["lookout" = it.lookout.clone()],
    ReadAuditRequest(it) => [
        "group" = it.group.clone(),
        "from" = it.from.map(|from| from.to_string()).unwrap_or_default(),
        "receipt" = it.receipt.clone(),
        "limit" = number(it.limit),
    ],
    ExportAuditRequest(it) => [
        "group" = it.group.clone(),
        "export_from" = it.from.to_string(),
        "limit" = number(it.limit),
    ],
    CheckpointRequest(it) => [
        "group" = it.group.clone(),
        "old_size" = number(it.old_size),
        "size" = number(it.size),
    ],
    SearchAuditRequest(it) => [
        "group" = it.group.clone(),
        "of_user" = it.user.clone(),
        "of_port" = it.port.clone(),
        "of_session" = it.session.clone(),
        "of_record" = it.record.clone(),
        "of_name" = it.name.trim().to_string(),
        "of_number" = ssn::guarded(it.number.trim()),
        "kinds" = it.kinds.join(", "),
        "verdicts" = it.verdicts.join(", "),
        "since" = it.since.clone(),
        "until" = it.until.clone(),
        "from" = it.from.map(|from| from.to_string()).unwrap_or_default(),
        "limit" = number(it.limit),
    ],
    PublishedRequest(it) => ["group" = it.group.clone()],
    ProveRequest(it) => [
        "group" = it.group.clone(),
        "receipt" = it.receipt.clone(),
        "index" = it.index.map(|index| index.to_string()).unwrap_or_default(),
    ],
    StatusRequest(_it) => [],
    BannerRequest(_it) => [],
    LogOnRequest(it) => ["banner_sha256" = it.banner_sha256.clone(), "path" = path(&it.factors)],
    SetPasswordRequest(it) => [
        "by" = match it.by {
            Some(v1::set_password_request::By::Enrolment(_)) => "enrolment".to_string(),
            Some(v1::set_password_request::By::Factors(_)) => "factors".to_string(),
            None => String::new(),
        },
    ],
    LockSessionRequest(_it) => [],
    ProveSessionRequest(it) => ["path" = path(&it.factors)],
    LogOffRequest(it) => ["all" = if it.all { "yes".to_string() } else { String::new() }],
    WhoAmIRequest(_it) => [],
    EndSessionsRequest(it) => ["user" = it.user.clone()],
    ListSessionsRequest(it) => ["user" = it.user.clone()],
    FoundRequest(it) => [
        "agency" = it.agency.iter().map(|agency| agency.id.clone()).collect(),
        "founders" = it.founders.iter().map(|founder| founder.user.as_str()).collect::<Vec<_>>().join(", "),
        "roles" = it.roles.iter().map(|role| role.id.as_str()).collect::<Vec<_>>().join(", "),
    ],
    AddNodeRequest(it) => ["node" = number(it.node), "address" = it.address.clone()],
    RemoveNodeRequest(it) => ["node" = number(it.node)],
    TransferLeaderRequest(it) => ["group" = it.group.clone(), "to" = number(it.to)],
    SnapshotRequest(it) => ["group" = it.group.clone()],
    ListKeysRequest(_it) => [],
    RotateKeysRequest(it) => ["set" = it.set.clone()],
}

impl Asked for v1::CompareRequest {
    fn terms(&self) -> Vec<Term> {
        let question = self.question.iter().flat_map(Asked::terms);
        let compared = stated([
            ("first", policies_text(&self.first)),
            ("first_sha256", digest(&self.first)),
            ("second", policies_text(&self.second)),
            ("second_sha256", digest(&self.second)),
            ("as_purpose", self.purpose.clone()),
        ]);
        question.chain(compared).collect()
    }
}

/// The question's terms, and the record.
impl Asked for v1::ExplainRequest {
    fn terms(&self) -> Vec<Term> {
        let question = self.question.iter().flat_map(Asked::terms);
        question.chain(stated([("record", self.record.clone())])).collect()
    }
}

/// A step of an import stream, if the message held one.
impl Asked for Option<Step> {
    fn terms(&self) -> Vec<Term> {
        match self {
            None => Vec::new(),
            Some(Step::Begin(begin)) => stated([
                ("step", "begin".to_string()),
                ("source", begin.source.clone()),
                ("import", begin.import_id.clone()),
            ]),
            Some(Step::Batch(batch)) => stated([
                ("step", "batch".to_string()),
                ("entries", number(batch.entries.len() as u64)),
                ("kept", number(batch.kept.len() as u64)),
            ]),
            Some(Step::Finish(_)) => stated([("step", "finish".to_string())]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_what_was_asked_and_bounded() {
        let name = format!("  {}  ", "ж".repeat(100_000));
        let terms = v1::ScreenRequest { name, ..Default::default() }.terms();
        assert_eq!(terms.iter().map(|term| term.field.as_str()).collect::<Vec<_>>(), ["name"]);
        let asked = v1::ScreenRequest { document: " 123-45-6789".into(), ..Default::default() }.terms();
        assert_eq!((asked[0].field.as_str(), asked[0].value.as_str()), ("document", "***-**-6789"));
        let explain = v1::ExplainRequest {
            question: Some(v1::ScreenRequest { document: "A1".into(), ..Default::default() }),
            record: "0b".into(),
        };
        let terms_of_explain = explain.terms();
        let fields: Vec<_> = terms_of_explain.iter().map(|term| (term.field.as_str(), term.value.as_str())).collect();
        assert_eq!(fields, [("document", "A1"), ("record", "0b")]);
        assert!(terms[0].value.chars().count() < TERM_CHARS_MAX + 40 && terms[0].value.ends_with("(200000 bytes)"));
    }
}
