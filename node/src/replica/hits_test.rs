//! The answer to whoever sees a part of the records is the answer of a world that holds nothing else: hits, order, scores,
//! evidence, marks, and where a limit cuts, over indexes and feed, for names and numbers, whatever was relabelled or removed
//! meanwhile (SECURITY.md 1.5, T04).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use model::access::function::Function;
use model::access::grants::{Grants, visible};
use model::access::labels::Labels;
use model::access::principal::{AgreementScope, ClassId, Principal};
use model::country::code_of;
use model::ids::{AgencyId, OverrideId, Purpose, SourceList, UserId};
use model::lookout::{Action, Country, CountryRole, Document, DocumentKind, Name, NameKind, SubjectKind};
use model::overrides::{Override, OverrideHeader};
use model::policy::{Policies, Policy, Weighing};
use model::record::{AccessLevel, Dataset, Source, Stamp};
use model::screen::Query;
use model::seal::Keyring;
use model::time::UnixMillis;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{TestCaseError, TestRunner};
use search::{Compartments, IndexChange, Place, Sought};

use super::*;
use crate::cut::Cut;
use crate::keys::Keys;

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
const INNOCENT: &str = "INNOCENT7";
const CLASSES: [&str; 5] = ["agency:CBP", "agency:IRS", "CBP/gangs", "IRS/tax", "level4:CBP"];

fn tables() -> Arc<Tables> {
    static TABLES: LazyLock<Arc<Tables>> = LazyLock::new(|| Arc::new(Tables::standard()));
    TABLES.clone()
}

fn judge() -> Judge {
    let records = Records::new(Keys::for_records(Keyring::single(1, [5; 32])));
    Judge::new(GroupId::Records(0), tables(), records)
}

fn agency(code: &str) -> AgencyId {
    AgencyId::new(code).expect("a code")
}

fn user(code: &str) -> UserId {
    UserId::new(code).expect("a code")
}

/// The records of a group and their overrides, in ordered maps.
#[derive(Default, Clone)]
struct World {
    records: BTreeMap<RecordId, StoredRecord>,
    overrides: BTreeMap<RecordId, StoredOverride>,
    /// Who was looked at: nobody that is not of this world.
    looked_at: RefCell<BTreeSet<RecordId>>,
}

impl Kept for World {
    fn in_force(&self, id: RecordId) -> storage::Result<Option<Hidden<StoredRecord>>> {
        self.looked_at.borrow_mut().insert(id);
        let record = self.records.get(&id).filter(|record| record.header.state == RecordState::Active);
        Ok(record.cloned().map(Hidden::new))
    }

    fn with_token(&self, token: Token) -> storage::Result<Vec<RecordId>> {
        let holds = |record: &&StoredRecord| {
            record.header.state == RecordState::Active && record.header.tokens.contains(&token)
        };
        Ok(self.records.values().filter(holds).map(|record| record.header.id).collect())
    }

    fn overrides(&self, id: RecordId) -> storage::Result<Vec<StoredOverride>> {
        Ok(self.overrides.get(&id).cloned().into_iter().collect())
    }
}

impl World {
    /// The same world without what these grants do not open.
    fn seen_by(&self, grants: &Grants) -> Self {
        let mut seen = self.clone();
        seen.records.retain(|_, record| visible(grants, &Labels::of(&record.header)));
        seen.overrides.retain(|id, _| seen.records.contains_key(id));
        seen
    }
}

/// What is known of a record in a test.
#[derive(Debug, Clone)]
struct Content {
    name: String,
    born: Option<&'static str>,
    country: bool,
    number: Option<String>,
    listed: bool,
    overridden: bool,
}

#[derive(Debug, Clone)]
struct Marked {
    owner: &'static str,
    level: AccessLevel,
    labels: Vec<String>,
    creator: &'static str,
}

/// Frequent and rare words, misspelt ones, other scripts, and such as only one record may have.
fn name() -> impl Strategy<Value = String> {
    const WORDS: [&str; 14] = [
        "Mohammed",
        "Muhamed",
        "Ali",
        "John",
        "Jon",
        "Smith",
        "Smyth",
        "Zawahiri",
        "Zawahri",
        "Putin",
        "Путин",
        "Abdurrahman",
        "Trading",
        "J",
    ];
    proptest::collection::vec(select(&WORDS[..]), 1..4).prop_map(|words| words.join(" "))
}

fn number() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[AB8][0O]{4}")
}

fn born() -> impl Strategy<Value = Option<&'static str>> {
    proptest::option::of(select(&["1970-03-04", "1970-04-03", "1970", "1991-11-30"][..]))
}

fn content() -> impl Strategy<Value = Content> {
    (name(), born(), any::<bool>(), number(), any::<bool>(), any::<bool>()).prop_map(
        |(name, born, country, number, listed, overridden)| Content { name, born, country, number, listed, overridden },
    )
}

fn marked() -> impl Strategy<Value = Marked> {
    let level = select(&[AccessLevel::One, AccessLevel::Two, AccessLevel::Three, AccessLevel::Four][..]);
    let labels = subsequence(&["C:agency:CBP", "C:CBP/gangs", "C:IRS/tax", "U:smith", "U:jones", "X:?"][..], 0..4);
    (select(&["CBP", "IRS"][..]), level, labels, select(&["smith", "brown"][..])).prop_map(
        |(owner, level, labels, creator)| {
            let labels = labels.into_iter().map(str::to_string).collect();
            Marked { owner, level, labels, creator }
        },
    )
}

fn grants() -> impl Strategy<Value = Grants> {
    let datasets = || subsequence(&[Dataset::Tecs, Dataset::Apis][..], 0..=2);
    let datasets_most = prop_oneof![1 => datasets(), 4 => Just(vec![Dataset::Tecs])];
    let classes = subsequence(&CLASSES[..], 0..=CLASSES.len());
    let who = (select(&["smith", "jones", "brown", "green"][..]), select(&["CBP", "IRS", "FBI"][..]));
    (who, datasets_most, proptest::option::weighted(0.3, datasets()), any::<bool>(), classes).prop_map(
        |((who, of), datasets, agreed, level_one, classes)| {
            let scope = |datasets: Vec<_>| AgreementScope {
                datasets: datasets.into_iter().collect(),
                ..AgreementScope::default()
            };
            Grants::of(&Principal {
                agreement: agreed.map(scope),
                datasets: datasets.into_iter().collect(),
                classes: classes.into_iter().map(|class| ClassId(class.to_string())).collect(),
                level_one,
                ..Principal::of_nothing(user(who), agency(of))
            })
        },
    )
}

#[derive(Debug, Clone)]
struct Ask {
    name: Option<String>,
    born: Option<&'static str>,
    country: bool,
    /// A number of a record, or one that tells somebody apart.
    number: Option<String>,
    threshold: Option<u32>,
    limit: usize,
    policies: bool,
}

fn ask() -> impl Strategy<Value = Ask> {
    let number = prop_oneof![3 => number(), 1 => Just(Some(INNOCENT.to_string()))];
    let threshold = proptest::option::of(select(&[0, 30, 70, 90][..]));
    let name = proptest::option::weighted(0.85, name());
    (name, born(), any::<bool>(), number, threshold, 1usize..6, any::<bool>()).prop_map(
        |(name, born, country, number, threshold, limit, policies)| Ask {
            name,
            born,
            country,
            number,
            threshold,
            limit,
            policies,
        },
    )
}

impl Ask {
    fn question(&self, cut: Cut) -> Question {
        let country = self.country.then(|| code_of("RUS").expect("a country").to_string());
        let query = Query {
            name: self.name.clone(),
            birth_date: self.born.map(|date| date.parse().expect("a date")),
            nationality: country,
            document: self.number.clone(),
            limit: self.limit,
            ..Query::default()
        };
        let threshold = self.threshold.map(|hundredths| Score::from_parts(hundredths * 10_000));
        let own = Policy {
            name: "own".into(),
            lists: [SourceList::new("list").expect("a code")].into(),
            purposes: BTreeSet::new(),
            threshold: Score::from_parts(500_000),
            weighing: Weighing { birth_date: false, ..Weighing::ALL },
        };
        let policies = Policies { version: 1, policies: if self.policies { vec![own] } else { Vec::new() } };
        let by = (policies, Purpose::new("primary").expect("a code"));
        Question::new((query, NOW), threshold, by, cut, &tables())
    }

    fn hits(
        &self,
        judge: &Judge,
        world: &World,
        cut: &Cut,
        index: Option<&Compartments>,
        queued: &[RecordId],
    ) -> Vec<Hit> {
        let question = self.question(cut.clone());
        let found = question.searches.iter().map(|search| match (index, &search.query.name) {
            (Some(index), Some(_)) => {
                index.views().candidates(&search.prepared, cut.sought(), &|| true).expect("answers")
            }
            _ => Vec::new(),
        });
        let until = Instant::now() + Duration::from_secs(600);
        // As `Replica::answer` has it: a question without a name asks neither index nor feed.
        let queued = if self.name.is_some() { queued } else { &[] };
        judge.hits(world, &question, until, found.collect(), queued).expect("reads").expect("answers")
    }
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8, Content, Marked),
    Relabel(u8, Marked),
    Remove(u8),
    Index,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..20, content(), marked()).prop_map(|(n, content, marked)| Step::Put(n, content, marked)),
        2 => (0u8..20, marked()).prop_map(|(n, marked)| Step::Relabel(n, marked)),
        1 => (0u8..20).prop_map(Step::Remove),
        1 => Just(Step::Index),
    ]
}

fn id(n: u8) -> RecordId {
    RecordId([n; 16])
}

fn stored(judge: &Judge, n: u8, content: &Content, marked: &Marked) -> StoredRecord {
    let mut lookout = Lookout::new(SubjectKind::Person, Action::Refer, format!("the reason of {n}"));
    let full = content.name.clone();
    lookout.names.push(Name { kind: NameKind::Primary, full, family: None, given: None, original: None });
    lookout.birth_dates.extend(content.born.map(|date| date.parse::<model::date::BirthDate>().expect("a date")));
    if content.country {
        lookout.countries.push(Country { role: CountryRole::Nationality, code: "RUS".into() });
    }
    lookout.documents.extend(content.number.clone().map(|number| Document {
        kind: DocumentKind::Passport,
        number,
        country: None,
        state: None,
    }));
    let list = SourceList::new("list").expect("a code");
    let source = content.listed.then(|| Source { list, reference: n.to_string() });
    let by = (marked.level, marked.labels.clone());
    let draft = judge.records.draft(id(n), &lookout, agency(marked.owner), by, source).expect("seals");
    StoredRecord::created(&draft, Stamp { by: user(marked.creator), at: NOW })
}

/// An override of a record for whoever shows one document.
fn innocent(judge: &Judge, n: u8) -> StoredOverride {
    let content = Override {
        name: "Somebody Else".into(),
        nationality: None,
        birth_date: None,
        documents: vec![INNOCENT.into()],
        reason: format!("the override of {n}"),
        expires: UnixMillis(NOW.0 + 1_000),
    };
    let own = OverrideId([n; 16]);
    let draft = judge.records.override_draft(id(n), own, &content).expect("seals");
    let header = OverrideHeader {
        id: own,
        dataset: DATASET,
        lookout: id(n),
        made_for: 1,
        recorded: Stamp { by: user("supervisor"), at: NOW },
        agency: agency("CBP"),
        expires: content.expires,
        ended: None,
    };
    StoredOverride { header, sealed: draft.sealed }
}

fn indexed(judge: &Judge, record: Option<&StoredRecord>, id: RecordId) -> IndexChange {
    match record.filter(|record| record.header.state == RecordState::Active) {
        None => IndexChange::Delete(id),
        Some(record) => {
            let prepared = judge.open(record).expect("opens").prepared.clone();
            IndexChange::Put(id, prepared, Labels::of(&record.header))
        }
    }
}

fn next(before: &StoredRecord, change: impl FnOnce(&mut StoredRecord)) -> StoredRecord {
    let mut next = before.clone();
    next.header.version += 1;
    change(&mut next);
    next
}

/// Runs the steps; what is not indexed at the end is in the feed.
fn run(judge: &Judge, steps: Vec<Step>) -> (World, Compartments, Vec<RecordId>) {
    let index = Compartments::open(Place::Memory, tables()).expect("opens");
    let (mut world, mut queued) = (World::default(), BTreeSet::new());
    for step in steps {
        let (changed, record) = match step {
            Step::Index => {
                let of = |id: RecordId| indexed(judge, world.records.get(&id), id);
                let changes: Vec<_> = std::mem::take(&mut queued).into_iter().map(of).collect();
                index.write(&changes, 1).expect("writes");
                continue;
            }
            Step::Put(n, content, marked) => {
                let mut record = stored(judge, n, &content, &marked);
                record.header.version = world.records.get(&id(n)).map_or(0, |before| before.header.version) + 1;
                if content.overridden {
                    world.overrides.insert(id(n), innocent(judge, n));
                }
                (id(n), Some(record))
            }
            Step::Relabel(n, Marked { owner, level, labels, creator }) => {
                let relabelled = world.records.get(&id(n)).map(|before| {
                    next(before, |record| {
                        let header = &mut record.header;
                        (header.owner, header.level, header.labels) = (agency(owner), level, labels);
                        header.created.by = user(creator);
                    })
                });
                (id(n), relabelled)
            }
            Step::Remove(n) => {
                let removed = world.records.get(&id(n));
                (id(n), removed.map(|before| next(before, |record| record.header.state = RecordState::Removed)))
            }
        };
        if let Some(record) = record {
            world.records.insert(changed, record);
            queued.insert(changed);
        }
    }
    (world, index, queued.into_iter().collect())
}

fn all(world: &World) -> Vec<RecordId> {
    world.records.keys().copied().collect()
}

/// What a primary officer with these grants reads of a hit of everything.
fn as_on_primary(world: &World, grants: &Grants, hit: Hit) -> Hit {
    if visible(grants, &Labels::of(&world.records[&hit.id].header)) {
        return hit;
    }
    let hit = hit.on_primary();
    Hit { sentence: sentence(&hit.evidence), ..hit }
}

fn two_worlds(steps: Vec<Step>, asked: Vec<(Ask, Grants, Function)>) -> Result<(), TestCaseError> {
    let judge = judge();
    let (world, index, queued) = run(&judge, steps);
    let everything = all(&world);
    for (ask, grants, function) in asked {
        let grants = Arc::new(grants);
        let cut = |function| Cut::Gated { grants: grants.clone(), function, second: None };
        // The whole of it, without an index: judged one by one.
        let of_all = ask.hits(&judge, &world, &Cut::Ungated, None, &everything);
        let answer = ask.hits(&judge, &world, &Cut::Ungated, Some(&index), &queued);
        prop_assert_eq!(&answer, &of_all, "without a gate");

        let smaller = world.seen_by(&grants);
        let expected = ask.hits(&judge, &smaller, &Cut::Ungated, None, &all(&smaller));
        world.looked_at.borrow_mut().clear();
        let answer = ask.hits(&judge, &world, &cut(function), Some(&index), &queued);
        prop_assert_eq!(answer, expected, "{} of {:?}", function, grants);
        // What is hidden is not even looked at, but for what is not indexed and who holds the number.
        let hidden = |id: &&RecordId| !smaller.records.contains_key(*id) && queued.binary_search(id).is_err();
        let looked_at = world.looked_at.borrow().clone();
        prop_assert!(ask.number.is_some() || looked_at.iter().find(hidden).is_none());

        let expected: Vec<Hit> = of_all.into_iter().map(|hit| as_on_primary(&world, &grants, hit)).collect();
        let answer = ask.hits(&judge, &world, &cut(Function::PrimaryQuery), Some(&index), &queued);
        for hit in answer.iter().filter(|hit| hit.minimal) {
            let told = hit.overridden.as_ref().is_some_and(|mark| mark.told.is_some());
            let number_beside =
                |part: &model::screen::Evidence| part.agreement == Score::default() && part.field == "document";
            prop_assert!(hit.reason.is_empty() && hit.source.is_none() && hit.source_ref.is_none() && !told);
            prop_assert!(!hit.evidence.iter().any(|part| part.field == "nationality" || number_beside(part)));
        }
        prop_assert_eq!(answer, expected, "on primary");
    }
    Ok(())
}

/// Each case asks sixteen questions, each by other grants, of one world.
#[test]
fn t04_the_answer_is_that_of_a_world_without_what_is_hidden() {
    let cases = ProptestConfig::default().cases.clamp(1, 20_000);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(cases));
    let steps = proptest::collection::vec(step(), 0..60);
    const FUNCTIONS: [Function; 3] = [Function::SubjectQuery, Function::BatchVetting, Function::MatchingCompare];
    let asked = proptest::collection::vec((ask(), grants(), select(&FUNCTIONS[..])), 16);
    let outcome = runner.run(&(steps, asked), |(steps, asked)| two_worlds(steps, asked));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

fn person(name: &str) -> Content {
    let name = name.to_string();
    Content { name, born: None, country: false, number: Some("A0000".into()), listed: true, overridden: true }
}

fn of_level(level: AccessLevel, labels: &[&str]) -> Marked {
    Marked { owner: "CBP", level, labels: labels.iter().map(|label| label.to_string()).collect(), creator: "brown" }
}

/// The grants of an officer of the department who is in the class of his agency's members.
fn officer(who: &str, of: &str) -> Arc<Grants> {
    Arc::new(Grants::of(&Principal {
        datasets: [Dataset::Tecs].into(),
        classes: [ClassId::members(&agency(of))].into(),
        level_one: true,
        ..Principal::of_nothing(user(who), agency(of))
    }))
}

fn zawahiri(number: bool) -> Ask {
    Ask {
        name: (!number).then(|| "Aurelio Zawahiri".into()),
        born: None,
        country: false,
        number: number.then(|| "A0000".into()),
        threshold: None,
        limit: 5,
        policies: false,
    }
}

/// The window between a relabel in the store and in the index: the stored header decides, by name and by number, and the
/// record is back once its labels say so.
#[test]
fn r17_r18_an_index_that_has_not_heard_of_narrower_labels_shows_nobody() {
    let judge = judge();
    let put = Step::Put(1, person("Aurelio Zawahiri"), of_level(AccessLevel::One, &[]));
    let (mut world, index, queued) = run(&judge, vec![put, Step::Index]);
    assert_eq!(queued, []);
    let cut = Cut::Gated { grants: officer("smith", "IRS"), function: Function::SubjectQuery, second: None };
    let found = |world: &World, number| zawahiri(number).hits(&judge, world, &cut, Some(&index), &[]).len();
    assert_eq!((found(&world, false), found(&world, true)), (1, 1));
    for narrower in [of_level(AccessLevel::Three, &[]), of_level(AccessLevel::Four, &["U:jones"])] {
        let record = world.records.get_mut(&id(1)).expect("there");
        (record.header.level, record.header.labels) = (narrower.level, narrower.labels);
        assert_eq!((found(&world, false), found(&world, true)), (0, 0));
    }
    let record = world.records.get_mut(&id(1)).expect("there");
    record.header.labels = vec!["U:smith".into()];
    assert_eq!((found(&world, false), found(&world, true)), (1, 1));
    record_removed(&mut world);
    assert_eq!((found(&world, false), found(&world, true)), (0, 0));
}

fn record_removed(world: &mut World) {
    world.records.get_mut(&id(1)).expect("there").header.state = RecordState::Removed;
}

/// A level 4 record is looked at by nobody whom it does not name; on primary its action is shown to everybody.
#[test]
fn r18_level_4_is_not_even_looked_at_by_others_and_on_primary_says_what_to_do() {
    let judge = judge();
    let put = Step::Put(1, person("Aurelio Zawahiri"), of_level(AccessLevel::Four, &["U:jones"]));
    let (world, index, queued) = run(&judge, vec![put, Step::Index]);
    let hits = |who: &str, function, ask: &Ask| {
        world.looked_at.borrow_mut().clear();
        let cut = Cut::Gated { grants: officer(who, "CBP"), function, second: None };
        ask.hits(&judge, &world, &cut, Some(&index), &queued)
    };
    assert_eq!(hits("jones", Function::SubjectQuery, &zawahiri(false)).len(), 1);
    assert_eq!(hits("smith", Function::SubjectQuery, &zawahiri(false)), []);
    assert!(world.looked_at.borrow().is_empty(), "the index of level 4 was not asked");
    let [hit] = hits("smith", Function::PrimaryQuery, &zawahiri(false)).try_into().expect("one");
    assert_eq!((hit.minimal, hit.action, hit.name.as_str()), (true, Action::Refer, "Aurelio Zawahiri"));
    assert_eq!((hit.reason.as_str(), hit.source, hit.overridden), ("", None, None));
    assert_eq!(hit.sentence, "Same name.");
    let shown = Ask { number: Some(INNOCENT.into()), threshold: Some(10), ..zawahiri(false) };
    let [hit] = hits("smith", Function::PrimaryQuery, &shown).try_into().expect("one");
    let mark = hit.overridden.expect("the traveller is told apart");
    assert_eq!((mark.id, mark.told), (OverrideId([1; 16]), None));
    assert_eq!(hit.evidence.iter().map(|part| part.field.as_str()).collect::<Vec<_>>(), ["name"], "no number beside");
    let [hit] = hits("jones", Function::PrimaryQuery, &shown).try_into().expect("one");
    let told = hit.overridden.and_then(|mark| mark.told).expect("told");
    assert_eq!((told.reason.as_str(), hit.reason.as_str()), ("the override of 1", "the reason of 1"));
}

#[test]
fn what_is_sought_follows_the_function() {
    let gated = |function| Cut::Gated { grants: officer("smith", "CBP"), function, second: None };
    assert!(matches!(Cut::Ungated.sought(), Sought::All));
    assert!(matches!(gated(Function::PrimaryQuery).sought(), Sought::All));
    for function in [Function::SubjectQuery, Function::BatchVetting, Function::MatchingCompare, Function::RecordList] {
        assert!(matches!(gated(function).sought(), Sought::Of(_)));
    }
}
