//! SameAnswer: the same question about the same records gets the same answer from every node, to the byte.

use client::{Client, v1};
use portcullis_tests::{Playground, generate_lists, question_named, wanted};
use serde_json::json;

const CHANGED: usize = 12;
const QUESTIONS: usize = 50;

/// Names that share words with each other, so that answers have several hits whose order counts.
fn name(number: usize) -> String {
    let (given, family) = (["Ibrahim", "Ibrahima", "Abraham"], ["Haddadi", "Haddad", "El Hadad", "Hadady"]);
    format!("{} {}", given[number % given.len()], family[number % family.len()])
}

fn lookout(number: usize, name: &str) -> v1::Lookout {
    let birth_dates = vec![format!("19{:02}", 60 + number % 4)];
    v1::Lookout { birth_dates, ..wanted(name, &format!("SA{number:07}")) }
}

async fn create(client: &Client, number: usize) -> String {
    let lookout = Some(lookout(number, &name(number)));
    client.create_lookout(v1::CreateLookoutRequest { lookout, ..Default::default() }).await.unwrap().id
}

async fn update(client: &Client, id: &str, expected_version: u64, lookout: v1::Lookout) {
    let (id, lookout) = (id.to_string(), Some(lookout));
    let message = v1::UpdateLookoutRequest { id, expected_version, lookout, ..Default::default() };
    client.update_lookout(message).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_have_applied_the_same_give_the_same_answer_to_the_byte() {
    let playground = Playground::start();
    let lists = generate_lists(&playground.path("lists"), 1_000, 13);
    playground.cli().json(&["import", "--format", "csv", "--source", "synthetic", &lists.file("list.csv")]);
    let client = playground.client();
    for number in 0..CHANGED {
        let id = create(&client, number).await;
        if number % 3 == 0 {
            update(&client, &id, 1, lookout(number, &name(number + 1))).await;
        }
    }
    playground.caught_up();

    // The travellers of the list, as lines of text.
    let answers: Vec<Vec<u8>> = [1, 2, 3]
        .map(|node| {
            let out = playground.text_path(&format!("answers-{node}.ndjson"));
            let batch = ["batch", "--in", &lists.file("travellers.csv"), "--out", &out, "--threshold", "0.5"];
            assert_eq!(playground.cli_of(node).json(&batch)["rows"], 200);
            std::fs::read(&out).unwrap()
        })
        .to_vec();
    assert!(answers[0].windows(12).any(|window| window == b"\"source_ref\""), "somebody is found");
    for node in [2, 3] {
        assert!(answers[node - 1] == answers[0], "nodes 1 and {node} answer a batch differently");
    }

    // Single questions about records that were changed, with all evidence.
    let clients: Vec<Client> = (1..=3).map(|node| playground.client_of(node)).collect();
    let mut found = 0;
    for number in 0..QUESTIONS {
        let birth_date = format!("19{:02}", 60 + number % 7);
        let question = v1::ScreenRequest { birth_date, threshold: Some(0.1), ..question_named(&name(number), "local") };
        let mut hits = Vec::new();
        for client in &clients {
            let answer = client.screen(question.clone()).await.unwrap();
            assert!(!answer.partial);
            // The text form of a float is exact: other bits are another text.
            hits.push(format!("{:?}", answer.hits));
        }
        found += usize::from(hits[0].len() > 2);
        assert_eq!(hits[1], hits[0], "nodes 1 and 2 on {question:?}");
        assert_eq!(hits[2], hits[0], "nodes 1 and 3 on {question:?}");
    }
    assert_eq!(found, QUESTIONS, "each question finds somebody");
}

/// Each record of an answer, with version and score, and with nothing that an index could have a part in left out.
fn scored(answer: &v1::ScreenResponse) -> Vec<(String, u64, String)> {
    answer.hits.iter().map(|hit| (hit.id.clone(), hit.version, hit.score.to_string())).collect()
}

/// Directly after a change each node has indexed another part of it: the rest is matched from the feed, to the same end.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_behind_changes_no_answer() {
    let playground = Playground::start();
    let lists = generate_lists(&playground.path("lists"), 300, 17);
    let import = ["import", "--format", "csv", "--source", "synthetic", &lists.file("list.csv")];
    assert_eq!(playground.cli().json(&import)["created"], json!(300));
    let client = playground.client();
    let mut ids = Vec::new();
    for number in 0..CHANGED {
        ids.push(create(&client, number).await);
    }
    let clients: Vec<Client> = (1..=3).map(|node| playground.client_of(node)).collect();
    for round in 0..2 {
        for (number, id) in ids.iter().enumerate() {
            let new_name = name(number + 1 + round);
            update(&client, id, 1 + round as u64, lookout(number, &new_name)).await;
            let question = v1::ScreenRequest { threshold: Some(0.5), ..question_named(&new_name, "linearizable") };
            // At once on all nodes, so that none has longer to catch up than another.
            let asked = clients.iter().map(|client| {
                let (client, question) = (client.clone(), question.clone());
                tokio::spawn(async move { client.screen(question).await.unwrap() })
            });
            let mut answers = Vec::new();
            for answer in asked.collect::<Vec<_>>() {
                answers.push(scored(&answer.await.unwrap()));
            }
            let changed = answers[0].iter().find(|(found, ..)| found == id);
            let changed = changed.unwrap_or_else(|| panic!("{new_name} is not found: {:?}", answers[0]));
            assert_eq!(changed.1, 2 + round as u64);
            assert_eq!(answers[1], answers[0], "nodes 1 and 2 on {new_name}");
            assert_eq!(answers[2], answers[0], "nodes 1 and 3 on {new_name}");
        }
    }
}
