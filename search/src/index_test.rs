//! The index follows `is_candidate` exactly, whatever was put, replaced and deleted, and survives what a cache must survive.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use model::date::BirthDate;
use model::lookout::{Action, Document, DocumentKind, Lookout, Name, NameKind, SubjectKind};
use model::screen::{Query, Score};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};

use super::*;
use crate::candidate;
use crate::testing::level_one;

fn lookout(names: &[&str], document: Option<&str>) -> Lookout {
    let mut lookout = Lookout::new(SubjectKind::Person, Action::Refer, "test");
    for name in names {
        let full = name.to_string();
        lookout.names.push(Name { kind: NameKind::Primary, full, family: None, given: None, original: None });
    }
    if let Some(number) = document {
        lookout.documents.push(Document {
            kind: DocumentKind::Passport,
            number: number.to_string(),
            country: None,
            state: None,
        });
    }
    lookout
}

fn id(n: u8) -> RecordId {
    RecordId([n; 16])
}

fn query(name: Option<&str>, document: Option<&str>, tables: &Tables) -> PreparedQuery {
    let query = Query { name: name.map(str::to_string), document: document.map(str::to_string), ..Query::default() };
    PreparedQuery::new(&query, tables)
}

fn put(n: u8, name: &str, tables: &Tables) -> IndexChange {
    IndexChange::Put(id(n), Arc::new(PreparedRecord::new(&lookout(&[name], None), tables)), level_one())
}

fn tables() -> Arc<Tables> {
    static TABLES: LazyLock<Arc<Tables>> = LazyLock::new(|| Arc::new(Tables::standard()));
    TABLES.clone()
}

/// Who is found, by id.
fn ids(found: Result<Vec<Candidate>, IndexError>) -> Vec<RecordId> {
    let mut ids: Vec<RecordId> = found.expect("answers").into_iter().map(|candidate| candidate.id).collect();
    ids.sort_unstable();
    ids
}

fn memory() -> (Index, Arc<Tables>) {
    let tables = tables();
    (Index::open(Place::Memory, tables.clone()).expect("opens"), tables)
}

/// Words that meet each other in many ways: typos, frequent names, particles, initials, numbers, scripts.
fn word() -> impl Strategy<Value = String> {
    const WORDS: [&str; 35] = [
        "mohammed",
        "muhamed",
        "ali",
        "aly",
        "john",
        "jon",
        "smith",
        "smyth",
        "al",
        "zawahiri",
        "zawahri",
        "abdul",
        "abdal",
        "rahman",
        "abdurrahman",
        "abdulrahman",
        "trading",
        "ltd",
        "limited",
        "j",
        "m",
        "11420",
        "11421",
        "путин",
        "putin",
        "van",
        "ivan",
        "du",
        "kim",
        "xi",
        "jinping",
        "习近平",
        "bush",
        "habbash",
        "george",
    ];
    prop_oneof![proptest::sample::select(&WORDS[..]).prop_map(str::to_string), "[a-c]{1,10}"]
}

fn name() -> impl Strategy<Value = String> {
    proptest::collection::vec(word(), 1..5).prop_map(|words| words.join(" "))
}

fn number() -> impl Strategy<Value = Option<String>> {
    // Few, short and long ones, which read alike.
    proptest::option::of("([AB][12]{1,2}|[AB8][0O]{4})")
}

/// Dates that are the same, swapped, one digit off, a year alone, far apart.
fn date() -> impl Strategy<Value = Option<&'static str>> {
    const DATES: [&str; 6] = ["1970-03-04", "1970-04-03", "1970-03-05", "1970", "1991-11-30", "1968/1972"];
    proptest::option::of(proptest::sample::select(&DATES[..]))
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8, Vec<String>, Option<String>, Option<&'static str>),
    Delete(u8),
    Commit,
}

/// What is asked: name, document, date of birth, whether with a nationality, threshold in hundredths.
type Question = (Option<String>, Option<String>, Option<&'static str>, bool, u32);

fn question() -> impl Strategy<Value = Question> {
    let threshold = proptest::sample::select(&[0, 20, 50, 70, 70, 90][..]);
    (proptest::option::weighted(0.9, name()), number(), date(), any::<bool>(), threshold)
}

fn prepared((name, document, date, national, threshold): Question, tables: &Tables) -> PreparedQuery {
    let query = Query {
        name,
        document,
        birth_date: date.map(|date| date.parse().expect("a date")),
        nationality: national.then(|| "EGY".to_string()),
        threshold: Score::from_parts(threshold * 10_000),
        ..Query::default()
    };
    PreparedQuery::new(&query, tables)
}

fn born(mut lookout: Lookout, date: Option<&str>) -> Lookout {
    lookout.birth_dates.extend(date.map(|date| date.parse::<BirthDate>().expect("a date")));
    lookout
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..20, proptest::collection::vec(name(), 1..3), number(), date())
            .prop_map(|(n, names, number, date)| Step::Put(n, names, number, date)),
        2 => (0u8..20).prop_map(Step::Delete),
        1 => Just(Step::Commit),
    ]
}

fn follows_the_predicate(steps: Vec<Step>, questions: Vec<Question>) -> Result<(), TestCaseError> {
    let (index, tables) = memory();
    let mut world = BTreeMap::new();
    let mut staged = Vec::new();
    for step in steps.into_iter().chain([Step::Commit]) {
        match step {
            Step::Put(n, names, number, date) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let lookout = born(lookout(&names, number.as_deref()), date);
                let record = Arc::new(PreparedRecord::new(&lookout, &tables));
                world.insert(id(n), record.clone());
                staged.push(IndexChange::Put(id(n), record, level_one()));
            }
            Step::Delete(n) => {
                world.remove(&id(n));
                staged.push(IndexChange::Delete(id(n)));
            }
            Step::Commit => index.write(&std::mem::take(&mut staged), 1).expect("writes"),
        }
    }
    for question in questions {
        let query = prepared(question, &tables);
        let found = |(id, record): (&RecordId, &Arc<PreparedRecord>)| {
            Some(Candidate { id: *id, most: candidate::most(&query, record, &tables)? })
        };
        let mut expected: Vec<Candidate> = world.iter().filter_map(found).collect();
        expected.sort_by_key(|candidate| (std::cmp::Reverse(candidate.most), candidate.id));
        prop_assert_eq!(index.candidates(&query, Sought::All).expect("answers"), expected);
    }
    Ok(())
}

/// By hand and not by the macro, which takes `PROPTEST_CASES` as it is: an index a case is a hundred times slower than the
/// other properties, so it takes a share and stays within two minutes.
#[test]
fn the_index_is_the_predicate() {
    let cases = (ProptestConfig::default().cases / 5).clamp(1, 2_000);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(cases));
    let steps = proptest::collection::vec(step(), 0..60);
    let questions = proptest::collection::vec(question(), 1..12);
    let outcome = runner.run(&(steps, questions), |(steps, questions)| follows_the_predicate(steps, questions));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Beyond what a property has time for: more than one window of records, and frequent words of which only some are read.
#[test]
fn a_long_list_is_the_predicate() {
    const RECORDS: usize = 70_000;
    let (index, tables) = memory();
    let given = ["John", "John A.", "Jon", "Mohammed", "Mohammed B.", "Peter", "Li"];
    let family =
        ["Smith", "Smyth", "Ali", "Zawahiri", "Jones", "Wu", "Smith Jones", "Abu Ali", "Johnson", "Vanderberg"];
    let dates = [None, Some("1970-03-04"), Some("1991-11-30")];
    // As many records of each kind, which are judged once.
    let kinds = given.len() * family.len() * dates.len();
    let name = |kind: usize| format!("{} {}", given[kind % 7], family[kind / 7 % 10]);
    let kind =
        |kind: usize| Arc::new(PreparedRecord::new(&born(lookout(&[&name(kind)], None), dates[kind / 70]), &tables));
    let kinds: Vec<_> = (0..kinds).map(kind).collect();
    let of_number = |number: usize| RecordId((number as u128 + 1).to_be_bytes());
    let all: Vec<_> =
        (0..RECORDS).map(|n| IndexChange::Put(of_number(n), kinds[n % kinds.len()].clone(), level_one())).collect();
    index.write(&all, 1).expect("writes");
    for asked in [
        "John Smith",
        "John Michael Smith",
        "Mohammed Ali Smith",
        "Peter Zawahiri",
        "Li Wu",
        "J. Smith",
        "Van der Berg",
    ] {
        for date in dates {
            for threshold in [50, 70, 95] {
                let query = prepared((Some(asked.to_string()), None, date, false, threshold), &tables);
                let most: Vec<_> = kinds.iter().map(|record| candidate::most(&query, record, &tables)).collect();
                let found = |n: usize| Some(Candidate { id: of_number(n), most: most[n % most.len()]? });
                let mut expected: Vec<Candidate> = (0..RECORDS).filter_map(found).collect();
                expected.sort_by_key(|candidate| (std::cmp::Reverse(candidate.most), candidate.id));
                let candidates = index.candidates(&query, Sought::All).expect("answers");
                assert!(
                    candidates == expected,
                    "{asked} {date:?} {threshold}: {} {}",
                    candidates.len(),
                    expected.len()
                );
            }
        }
    }
}

#[test]
fn a_record_is_found_until_it_changes() {
    let (index, tables) = memory();
    index.write(&[put(1, "Ayman al-Zawahiri", &tables), put(2, "John Smith", &tables)], 10).expect("writes");
    let zawahiri = query(Some("Zawahri"), None, &tables);
    assert_eq!(ids(index.candidates(&zawahiri, Sought::All)), [id(1)]);
    assert_eq!(index.covered(), 10);

    index.write(&[put(1, "Somebody Else", &tables)], 11).expect("writes");
    assert!(ids(index.candidates(&zawahiri, Sought::All)).is_empty());

    index.write(&[IndexChange::Delete(id(1)), put(1, "Zawahiri", &tables)], 12).expect("writes");
    assert_eq!(ids(index.candidates(&zawahiri, Sought::All)), [id(1)], "within a batch the last change counts");

    index.clear().expect("clears");
    assert_eq!((index.covered(), index.view().records()), (0, 0));
    index.write(&[put(3, "Zawahiri", &tables)], 13).expect("writes after a clear");
    assert_eq!(ids(index.candidates(&zawahiri, Sought::All)), [id(3)]);
    assert_eq!(index.covered(), 13);
}

#[test]
fn a_view_keeps_what_it_covers() {
    let (index, tables) = memory();
    index.write(&[put(1, "Zawahiri", &tables)], 5).expect("writes");
    let before = index.view();
    index.write(&[IndexChange::Delete(id(1))], 6).expect("writes");
    let zawahiri = query(Some("Zawahiri"), None, &tables);
    assert_eq!((before.covered(), ids(before.candidates(&zawahiri, Sought::All, &|| true))), (5, vec![id(1)]));
    assert!(ids(index.candidates(&zawahiri, Sought::All)).is_empty());
}

#[test]
fn a_lookup_that_nobody_waits_for_is_given_up_and_never_cut() {
    let (index, tables) = memory();
    for n in 0..200u8 {
        index.write(&[put(n, "Mohammed Zawahiri", &tables)], n.into()).expect("writes");
    }
    let asked = query(Some("Mohamed Zawahri"), None, &tables);
    let view = index.view();
    let after = |looks: usize| {
        let left = Cell::new(looks);
        view.candidates(&asked, Sought::All, &|| left.replace(left.get().saturating_sub(1)) > 0)
    };
    let whole = view.candidates(&asked, Sought::All, &|| true).expect("finds");
    let needed = (0..).find(|looks| after(*looks).is_ok()).expect("ends");
    assert!(needed > 3, "asked {needed} times only");
    assert_eq!(after(needed).expect("whole"), whole);
    assert!((0..needed).all(|looks| matches!(after(looks), Err(IndexError::GivenUp))));
}

#[test]
fn segments_stay_few_over_many_commits() {
    let (index, tables) = memory();
    for n in 0..200u8 {
        index.write(&[put(n, "Zawahiri", &tables), put(0, "Zawahiri", &tables)], n.into()).expect("writes");
    }
    assert!(index.view().segments() <= 16, "{}", index.view().segments());
    assert_eq!(index.covered(), 199);
    assert_eq!(ids(index.candidates(&query(Some("Zawahiri"), None, &tables), Sought::All)).len(), 200);
}

#[test]
fn a_directory_survives_reopening_and_damage_empties_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = || Place::Directory(directory.path().join("index"));
    let tables = tables();
    let zawahiri = query(Some("Zawahiri"), None, &tables);
    let open = || Index::open(place(), tables.clone());
    {
        let index = open().expect("opens");
        assert_eq!(index.covered(), 0);
        index.write(&[put(1, "Zawahiri", &tables)], 42).expect("writes");
        assert!(matches!(open().err(), Some(IndexError::Held { .. })), "one writer at a time");
        assert_eq!(ids(index.candidates(&zawahiri, Sought::All)), [id(1)], "the refused one damaged nothing");
    }
    {
        let index = open().expect("opens again");
        assert_eq!((index.covered(), ids(index.candidates(&zawahiri, Sought::All))), (42, vec![id(1)]));
    }
    // Each file in turn is damaged: what opens is either whole or empty.
    let files = || {
        std::fs::read_dir(directory.path().join("index")).expect("lists").map(|entry| entry.expect("an entry").path())
    };
    let names: Vec<PathBuf> = files().collect();
    for file in names.iter().filter(|file| file.exists()) {
        let mut bytes = std::fs::read(file).expect("reads");
        if bytes.is_empty() {
            continue;
        }
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
        std::fs::write(file, bytes).expect("writes");
        let index = open().expect("opens whatever is damaged");
        let whole = (index.covered(), ids(index.candidates(&zawahiri, Sought::All))) == (42, vec![id(1)]);
        let empty = (index.covered(), index.view().records()) == (0, 0);
        assert!(whole || empty, "{}", file.display());
        index.write(&[put(1, "Zawahiri", &tables)], 42).expect("writes");
    }
}

#[test]
fn another_fingerprint_empties_the_index() {
    let directory = tempfile::tempdir().expect("a directory");
    let tables = tables();
    let open = || Index::open(Place::Directory(directory.path().into()), tables.clone()).expect("opens");
    {
        let index = open();
        index.write(&[put(1, "Zawahiri", &tables)], 42).expect("writes");
        let mut writer = index.writer();
        let mut commit = writer.prepare_commit().expect("prepares");
        commit.set_payload("names/0/0 42");
        commit.commit().expect("commits");
    }
    let index = open();
    assert_eq!((index.covered(), index.view().records()), (0, 0));
}

#[test]
fn what_is_known_to_be_unchanged_is_covered_until_a_restart_and_never_taken_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let tables = tables();
    let open = || Index::open(Place::Directory(directory.path().into()), tables.clone()).expect("opens");
    let index = open();
    index.write(&[put(1, "Zawahiri", &tables)], 42).expect("writes");
    index.unchanged_to(50);
    index.unchanged_to(45);
    assert_eq!((index.covered(), index.view().covered()), (50, 50));
    drop(index);
    assert_eq!(open().covered(), 42, "it was never committed");
}

/// What was deleted before the index was emptied deleted records that were put in afterwards: a lookout was not found.
#[test]
fn what_is_put_in_after_the_index_was_emptied_stays() {
    let (index, tables) = memory();
    let deletes = |from: u8| (from..=20).map(|n| IndexChange::Delete(id(n))).collect::<Vec<_>>();
    index.write(&deletes(1), 7).expect("writes");
    index.clear().expect("clears");
    let page = [vec![put(1, "john smith", &tables)], deletes(2)].concat();
    index.write(&page, 0).expect("writes");
    index.write(&[], 61).expect("writes");
    assert_eq!(index.view().records(), 1);
    assert_eq!(ids(index.candidates(&query(Some("john smith"), None, &tables), Sought::All)), [id(1)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is put, deleted and emptied, in whatever commits: it holds what was put last and nothing else.
    #[test]
    fn an_index_holds_what_was_put_since_it_was_emptied(
        commits in proptest::collection::vec(
            prop_oneof![
                4 => proptest::collection::vec((1_u8..24, any::<bool>()), 0..24).prop_map(Some),
                2 => proptest::collection::vec((1_u8..24, Just(false)), 0..24).prop_map(Some),
                2 => Just(None),
            ],
            1..14,
        ),
    ) {
        let (index, tables) = memory();
        let record = Arc::new(PreparedRecord::new(&lookout(&["john smith"], None), &tables));
        let mut held = std::collections::BTreeSet::new();
        for (covered, commit) in (1..).zip(commits) {
            let Some(changes) = commit else {
                index.clear().expect("clears");
                held.clear();
                prop_assert_eq!(index.covered(), 0);
                continue;
            };
            let change = |(n, puts): &(u8, bool)| match puts {
                true => IndexChange::Put(id(*n), record.clone(), level_one()),
                false => IndexChange::Delete(id(*n)),
            };
            for (n, puts) in &changes {
                if *puts { held.insert(id(*n)) } else { held.remove(&id(*n)) };
            }
            index.write(&changes.iter().map(change).collect::<Vec<_>>(), covered).expect("writes");
            prop_assert_eq!(index.view().records(), held.len() as u64);
            let found = ids(index.candidates(&query(Some("john smith"), None, &tables), Sought::All));
            prop_assert_eq!(found, held.iter().copied().collect::<Vec<_>>());
        }
    }
}
