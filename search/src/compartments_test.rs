//! What is hidden changes nothing: order, bounds and where scoring ends are those of an index that holds only what is shown.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use model::access::grants::{Grants, visible};
use model::access::labels::Labels;
use model::ids::RecordId;
use model::lookout::{Action, Document, DocumentKind, Lookout, Name, NameKind, SubjectKind};
use model::screen::{Query, Score};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{TestCaseError, TestRunner};

use super::*;
use crate::prepared::PreparedRecord;
use crate::{candidate, testing};

fn tables() -> Arc<Tables> {
    static TABLES: LazyLock<Arc<Tables>> = LazyLock::new(|| Arc::new(Tables::standard()));
    TABLES.clone()
}

fn memory() -> Compartments {
    Compartments::open(Place::Memory, tables()).expect("opens")
}

/// A person of a name, with the number of a passport or none.
fn person((name, number): &(String, Option<String>)) -> Arc<PreparedRecord> {
    let mut lookout = Lookout::new(SubjectKind::Person, Action::Refer, "test");
    lookout.names.push(Name { kind: NameKind::Primary, full: name.clone(), family: None, given: None, original: None });
    lookout.documents.extend(number.clone().map(|number| Document {
        kind: DocumentKind::Passport,
        number,
        country: None,
        state: None,
    }));
    Arc::new(PreparedRecord::new(&lookout, &tables()))
}

fn id(n: u8) -> RecordId {
    RecordId([n; 16])
}

/// Frequent and rare words, misspelt ones, and such as only few records have.
fn name() -> impl Strategy<Value = String> {
    const WORDS: [&str; 12] = [
        "mohammed",
        "muhamed",
        "ali",
        "john",
        "jon",
        "smith",
        "smyth",
        "zawahiri",
        "zawahri",
        "putin",
        "путин",
        "abdurrahman",
    ];
    proptest::collection::vec(select(&WORDS[..]), 1..4).prop_map(|words| words.join(" "))
}

fn number() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[AB8][0O]{4}")
}

type Content = (String, Option<String>);

#[derive(Debug, Clone)]
enum Step {
    /// Under labels that may be others than before: then the record moves.
    Put(u8, Content, Labels),
    Delete(u8),
    Commit,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..24, (name(), number()), testing::labels()).prop_map(|(n, content, labels)| Step::Put(n, content, labels)),
        1 => (0u8..24).prop_map(Step::Delete),
        1 => Just(Step::Commit),
    ]
}

type Question = (Option<String>, Option<String>, u32);

fn question() -> impl Strategy<Value = Question> {
    (proptest::option::weighted(0.9, name()), number(), select(&[0, 50, 70, 90][..]))
}

fn prepared((name, document, threshold): &Question) -> PreparedQuery {
    let threshold = Score::from_parts(threshold * 10_000);
    let query = Query { name: name.clone(), document: document.clone(), threshold, ..Query::default() };
    PreparedQuery::new(&query, &tables())
}

/// Candidates as a world of these records alone gives them, by the predicate.
fn expected<'a>(
    world: impl Iterator<Item = (&'a RecordId, &'a (Arc<PreparedRecord>, Labels))>,
    query: &PreparedQuery,
) -> Vec<Candidate> {
    let found = |(id, (record, _)): (&RecordId, &(Arc<PreparedRecord>, Labels))| {
        Some(Candidate { id: *id, most: candidate::most(query, record, &tables())? })
    };
    let mut expected: Vec<Candidate> = world.filter_map(found).collect();
    expected.sort_by_key(|candidate| (Reverse(candidate.most), candidate.id));
    expected
}

fn two_worlds(steps: Vec<Step>, asked: Vec<(Question, Grants)>) -> Result<(), TestCaseError> {
    let both = memory();
    let (mut world, mut staged) = (BTreeMap::new(), Vec::new());
    for step in steps.into_iter().chain([Step::Commit]) {
        match step {
            Step::Put(n, content, labels) => {
                let record = person(&content);
                world.insert(id(n), (record.clone(), labels.clone()));
                staged.push(IndexChange::Put(id(n), record, labels));
            }
            Step::Delete(n) => {
                world.remove(&id(n));
                staged.push(IndexChange::Delete(id(n)));
            }
            Step::Commit => both.write(&std::mem::take(&mut staged), 1).expect("writes"),
        }
    }
    let views = both.views();
    for (question, grants) in asked {
        let query = prepared(&question);
        let all = views.candidates(&query, Sought::All, &|| true).expect("answers");
        prop_assert_eq!(all, expected(world.iter(), &query));
        let shown = world.iter().filter(|(_, (_, labels))| visible(&grants, labels));
        let found = views.candidates(&query, Sought::Of(&grants), &|| true).expect("answers");
        prop_assert_eq!(found, expected(shown, &query));
    }
    Ok(())
}

/// Each case asks twelve questions, each with other grants, of one index: a tenth of the usual number of cases makes as many.
#[test]
fn t04_what_is_hidden_changes_neither_order_nor_bounds_nor_what_is_found() {
    let cases = ProptestConfig::default().cases.div_ceil(2).clamp(1, 4_000);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(cases));
    let steps = proptest::collection::vec(step(), 0..60);
    let asked = proptest::collection::vec((question(), testing::grants()), 12);
    let outcome = runner.run(&(steps, asked), |(steps, asked)| two_worlds(steps, asked));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

fn named(user: &str) -> Labels {
    let users = [model::ids::UserId::new(user).expect("a code")].into();
    Labels { visibility: Visibility::Users(users), ..testing::level_one() }
}

fn put(n: u8, name: &str, labels: Labels) -> IndexChange {
    IndexChange::Put(id(n), person(&(name.to_string(), None)), labels)
}

#[test]
fn words_of_level_4_stand_in_an_index_of_their_own_and_a_relabelled_record_moves() {
    let both = memory();
    both.write(&[put(1, "Aurelio Zawahiri", testing::level_one()), put(2, "Bertille Okonjo", named("smith"))], 5)
        .expect("writes");
    let held = |both: &Compartments| (both.open.view().records(), both.named.view().records());
    assert_eq!(held(&both), (1, 1));
    both.write(&[put(1, "Aurelio Zawahiri", named("smith")), put(2, "Bertille Okonjo", testing::level_one())], 6)
        .expect("writes");
    assert_eq!(held(&both), (1, 1), "both moved");
    let query = prepared(&(Some("Aurelio Zawahiri".into()), None, 70));
    let found = both.named.candidates(&query, Sought::All).expect("answers");
    assert_eq!(found.iter().map(|candidate| candidate.id).collect::<Vec<_>>(), [id(1)]);
    both.write(&[IndexChange::Delete(id(1)), IndexChange::Delete(id(2))], 7).expect("writes");
    assert_eq!((held(&both), both.covered()), ((0, 0), 7));
}

/// A crash between the two commits: the older one says what is covered, and a record that stands in both is found once.
#[test]
fn between_the_two_commits_the_older_one_says_what_is_covered() {
    let both = memory();
    both.write(&[put(1, "Aurelio Zawahiri", testing::level_one())], 5).expect("writes");
    both.named.write(&[put(1, "Aurelio Zawahiri", named("smith"))], 6).expect("writes");
    let views = both.views();
    assert_eq!((both.covered(), both.reaches(), views.covered(), views.reaches()), (5, 6, 5, 6));
    let query = prepared(&(Some("Aurelio Zawahiri".into()), None, 70));
    assert_eq!(views.candidates(&query, Sought::All, &|| true).expect("answers").len(), 1);
    // Fed again from what the older one covers, by a state that has not come to the newer one yet.
    both.named.write(&[put(1, "Somebody Else", named("smith"))], 8).expect("writes");
    both.write(&[put(1, "Aurelio Zawahiri", named("smith"))], 7).expect("writes");
    assert_eq!((both.covered(), both.reaches()), (7, 8), "what is ahead stays as it is");
    assert!(both.views().candidates(&query, Sought::All, &|| true).expect("answers").is_empty());
    both.unchanged_to(9);
    both.clear().expect("clears");
    assert_eq!((both.covered(), both.views().counts().map(|(_, count)| count)), (0, [0, 0]));
}

/// Directories of an older layout know no labels: they are emptied, and so fed again from the records.
#[test]
fn an_index_of_the_layout_before_is_emptied_whichever_of_the_two_it_is() {
    use tantivy::schema::{BytesOptions, FAST, Schema};
    let directory = tempfile::tempdir().expect("a directory");
    let place = Place::Directory(directory.path().join("records-0"));
    let path = |place: &Place| match place {
        Place::Directory(path) => path.clone(),
        Place::Memory => unreachable!("a directory"),
    };
    for old in [place.clone(), place.named()] {
        {
            let both = Compartments::open(place.clone(), tables()).expect("opens");
            both.write(&[put(1, "Aurelio Zawahiri", testing::level_one()), put(2, "Zawahiri", named("smith"))], 42)
                .expect("writes");
        }
        std::fs::remove_dir_all(path(&old)).expect("removes");
        std::fs::create_dir_all(path(&old)).expect("makes");
        let mut schema = Schema::builder();
        let exact = BytesOptions::default().set_indexed();
        schema.add_bytes_field("id", exact.clone());
        for column in ["id_high", "id_low", "born", "outline"] {
            schema.add_u64_field(column, FAST);
        }
        let word = schema.add_bytes_field("word", exact);
        let index = tantivy::Index::create_in_dir(path(&old), schema.build()).expect("makes");
        let mut writer: tantivy::IndexWriter = index.writer_with_num_threads(1, 20_000_000).expect("writes");
        let mut document = tantivy::TantivyDocument::default();
        document.add_bytes(word, b"zawahiri");
        writer.add_document(document).expect("adds");
        let mut commit = writer.prepare_commit().expect("prepares");
        commit.set_payload(&format!("names/6/{} 42", Tables::VERSION));
        commit.commit().expect("commits");
        drop(writer);
        let both = Compartments::open(place.clone(), tables()).expect("opens");
        assert_eq!(both.covered(), 0, "{old:?}: whoever feeds them begins anew");
        both.clear().expect("clears");
    }
}
