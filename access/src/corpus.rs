//! The corpus of decisions: cases that every text of policies must decide as it is written there before it comes into force.
//! A case is what differs from a base, so that it shows what it is about.

use std::collections::BTreeSet;

use model::access::denial::Denial;
use model::access::function::Function;
use model::access::labels::Labels;
use model::access::principal::{AgreementScope, BackgroundKind, Category, ClassId, Principal};
use model::ids::{AgencyId, PortId, Purpose, UserId};
use model::record::{AccessLevel, Dataset};
use model::time::UnixMillis;
use serde::Deserialize;
use serde_json::Value;

use crate::bundle::{Bundle, digest};
use crate::request::{Act, Object, Recipient, Request};

/// The cases of this program.
const DECISIONS: &str = include_str!("../policies/decisions.json");

/// Cases of one corpus.
const CASES_MAX: usize = 10_000;

/// Why a corpus is not taken, or policies do not pass it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CorpusError {
    #[error("the corpus of decisions does not read: {0}")]
    Json(String),
    #[error("case `{case}` of the corpus does not read: {reason}")]
    Case { case: String, reason: String },
    #[error("the corpus of decisions has {found} cases, must have 1 to {most}")]
    Count { found: usize, most: usize },
    #[error("{} cases are decided otherwise, first: {}", .0.len(), .0[0])]
    Mismatches(Vec<Mismatch>),
}

/// A case that is decided otherwise than it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{case}`: expected {}, found {}", show(.expected), show(.found))]
pub struct Mismatch {
    pub case: String,
    /// No code: allowed.
    pub expected: Vec<Denial>,
    pub found: Vec<Denial>,
}

fn show(codes: &[Denial]) -> String {
    let codes: Vec<_> = codes.iter().map(|denial| denial.code()).collect();
    if codes.is_empty() { "allowed".into() } else { codes.join(" and ") }
}

/// One case with its answer.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    principal: Principal,
    request: Request,
    pub(crate) codes: Vec<Denial>,
}

/// Cases with their answers.
#[derive(Debug)]
pub struct Corpus {
    sha256: [u8; 32],
    pub(crate) cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// What the file is, for its readers.
    #[serde(rename = "about")]
    _about: String,
    base: Base,
    cases: Vec<CaseText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Base {
    caller: Value,
    record: Value,
    request: Value,
}

/// What differs from the base; `record` of null is a request without one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseText {
    case: String,
    #[serde(default)]
    caller: Value,
    #[serde(default, deserialize_with = "said")]
    record: Option<Value>,
    #[serde(default)]
    request: Value,
    codes: Vec<Denial>,
}

/// Tells null from nothing said.
fn said<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallerText {
    user: UserId,
    agency: AgencyId,
    category: Category,
    active: bool,
    background: Option<(BackgroundKind, u64)>,
    course_until: Option<u64>,
    national: bool,
    foreign_service_national: bool,
    certified_until: Option<u64>,
    ncic_until: Option<u64>,
    agreement: Option<AgreementText>,
    functions: BTreeSet<Function>,
    transactions: Vec<(Function, u64, u64)>,
    stations: BTreeSet<PortId>,
    datasets: BTreeSet<Dataset>,
    classes: BTreeSet<ClassId>,
    level_one: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgreementText {
    until: Option<u64>,
    functions: BTreeSet<Function>,
    datasets: BTreeSet<Dataset>,
    redissemination: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordText {
    level: AccessLevel,
    owner: AgencyId,
    dataset: Dataset,
    labels: Vec<String>,
    creator: UserId,
    enhanced_document: bool,
    owner_approves: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestText {
    act: String,
    function: Function,
    station: PortId,
    purpose: Purpose,
    now: u64,
    recipient: Option<RecipientText>,
    system: bool,
    consent: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RecipientText {
    Member,
    Other,
}

impl Corpus {
    /// The cases of this program.
    pub fn built_in() -> Result<Self, CorpusError> {
        Self::read(DECISIONS)
    }

    /// Reads cases.
    pub fn read(text: &str) -> Result<Self, CorpusError> {
        let file: File = serde_json::from_str(text).map_err(|error| CorpusError::Json(error.to_string()))?;
        let found = file.cases.len();
        if found == 0 || found > CASES_MAX {
            return Err(CorpusError::Count { found, most: CASES_MAX });
        }
        let cases = file.cases.into_iter().map(|text| case(&file.base, text)).collect::<Result<_, _>>()?;
        Ok(Self { sha256: digest(&[text]), cases })
    }

    /// SHA-256 of its text.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Callers and requests of all cases.
    pub fn requests(&self) -> impl Iterator<Item = (&Principal, &Request)> {
        self.cases.iter().map(|case| (&case.principal, &case.request))
    }
}

impl Bundle {
    /// Whether these policies decide every case as it is written, with all of its codes and without an error.
    pub fn check_corpus(&self, corpus: &Corpus) -> Result<(), CorpusError> {
        let judge = |case: &Case| {
            let verdict = self.decide(&case.principal, &case.request);
            let right = verdict.codes == case.codes && verdict.allowed == case.codes.is_empty();
            let mismatch =
                || Mismatch { case: case.name.clone(), expected: case.codes.clone(), found: verdict.codes.clone() };
            (!right || !verdict.errors.is_empty()).then(mismatch)
        };
        let wrong: Vec<_> = corpus.cases.iter().filter_map(judge).collect();
        if wrong.is_empty() { Ok(()) } else { Err(CorpusError::Mismatches(wrong)) }
    }
}

fn case(base: &Base, text: CaseText) -> Result<Case, CorpusError> {
    let CaseText { case: name, caller, record, request, mut codes } = text;
    let wrong = |reason: String| CorpusError::Case { case: name.clone(), reason };
    let principal = read(&base.caller, &caller).map(principal).map_err(wrong)?;
    let request: RequestText = read(&base.request, &request).map_err(wrong)?;
    let act = Act::ALL.into_iter().find(|act| act.name() == request.act);
    let act = act.ok_or_else(|| wrong(format!("no act is called {:?}", request.act)))?;
    let object = match record {
        Some(Value::Null) => None,
        Some(changes) => Some(read(&base.record, &changes).map(object).map_err(wrong)?),
        None if !act.is_to_record() => None,
        None => Some(read(&base.record, &Value::Null).map(object).map_err(wrong)?),
    };
    codes.sort_unstable();
    let request = Request {
        act,
        function: request.function,
        station: request.station,
        purpose: request.purpose,
        now: UnixMillis(request.now),
        object,
        recipient: request.recipient.map(|recipient| match recipient {
            RecipientText::Member => Recipient::Member,
            RecipientText::Other => Recipient::Other,
        }),
        system: request.system,
        consent: request.consent,
    };
    Ok(Case { name, principal, request, codes })
}

/// The base with some of its fields changed.
fn read<T: serde::de::DeserializeOwned>(base: &Value, changes: &Value) -> Result<T, String> {
    let mut whole = base.clone();
    match (&mut whole, changes) {
        (_, Value::Null) => {}
        (Value::Object(whole), Value::Object(changes)) => whole.extend(changes.clone()),
        _ => return Err("changes must be fields with their values".into()),
    }
    serde_json::from_value(whole).map_err(|error| error.to_string())
}

fn principal(text: CallerText) -> Principal {
    let until = |ms: Option<u64>| ms.map(UnixMillis);
    let agreement = |text: AgreementText| AgreementScope {
        until: until(text.until),
        functions: text.functions,
        datasets: text.datasets,
        redissemination: text.redissemination,
    };
    Principal {
        user: text.user,
        agency: text.agency,
        category: text.category,
        profile_version: 1,
        agreement_version: 1,
        epoch: 1,
        active: text.active,
        background: text.background.map(|(kind, ms)| (kind, UnixMillis(ms))),
        course_until: until(text.course_until),
        national: text.national,
        foreign_service_national: text.foreign_service_national,
        certified_until: until(text.certified_until),
        ncic_until: until(text.ncic_until),
        agreement: text.agreement.map(agreement),
        functions: text.functions,
        transactions: text
            .transactions
            .into_iter()
            .map(|(of, from, to)| (of, UnixMillis(from), UnixMillis(to)))
            .collect(),
        stations: text.stations,
        datasets: text.datasets,
        classes: text.classes,
        level_one: text.level_one,
    }
}

fn object(text: RecordText) -> Object {
    Object {
        labels: Labels::new(text.dataset, &text.owner, text.level, &text.labels, &text.creator),
        level: text.level,
        creator: text.creator,
        enhanced_document: text.enhanced_document,
        owner_approves: text.owner_approves,
    }
}
