//! Who gets a place and who is told to come later, and that no place stays held.

use model::ids::{ClusterId, NodeId};
use proto::metadata;
use tonic::metadata::MetadataMap;

use super::super::Gate;
use super::*;
use crate::env::{SystemClock, SystemEntropy};

const A_WHILE: Duration = Duration::from_millis(500);

fn asks(user: &str, purpose: &str) -> Admitted {
    let mut fields = MetadataMap::new();
    for (key, value) in [
        (metadata::USER, user),
        (metadata::AGENCY, "CBP"),
        (metadata::PORT, "2404"),
        (metadata::PURPOSE, purpose),
        ("grpc-timeout", "10S"),
    ] {
        fields.insert(key, value.parse().expect("ASCII"));
    }
    let gate = Gate::new((ClusterId([7; 16]), NodeId(1)), Arc::new(SystemClock), Arc::new(SystemEntropy), None);
    gate.admit(&fields, None).expect("whole")
}

fn admission(places: usize, rate_factor: Option<u32>) -> Admission {
    let metrics = AdmissionMetrics::new(&Registry::new()).expect("registers");
    Admission::new(Capacity { questions: (places, places, places), rate_factor }, metrics)
}

async fn question(admission: &Admission, user: &str, purpose: &str) -> Result<Place, ApiError> {
    admission.enter(Need::Question, &asks(user, purpose)).await
}

fn again(refused: Result<Place, ApiError>) -> (&'static str, Duration) {
    let error = refused.err().expect("refused");
    (error.code(), error.again().expect("says when to come again"))
}

#[tokio::test]
async fn t07_who_asks_beyond_his_rate_is_refused_and_counted_and_nobody_else_is() {
    let admission = admission(4, Some(1));
    for _ in 0..QUESTION_RATE.burst {
        question(&admission, "officer", "primary").await.expect("within the burst");
    }
    // By whatever purpose he asks, it is one rate.
    let mut refused = 0;
    for purpose in ["primary", "secondary", "other"] {
        let error = loop {
            if let Err(error) = question(&admission, "officer", purpose).await {
                break error;
            }
        };
        assert_eq!(error.code(), "slow-down");
        assert!(error.again().expect("says when") >= Duration::from_millis(EXCESS_PAUSE_MS));
        refused += 1;
    }
    question(&admission, "another", "primary").await.expect("has a rate of his own");
    // His account can still be looked after, and he can log off.
    admission.enter(Need::Session, &asks("officer", "primary")).await.expect("of another rate");
    let rates = lock(admission.0.rates.as_ref().expect("rates"));
    let excess: Vec<_> = rates.excess.values().map(|it| (it.caller.user.as_str().to_string(), it.count)).collect();
    assert_eq!((excess, rates.others), (vec![("officer".to_string(), refused)], 0));
}

#[tokio::test]
async fn without_certificates_there_are_no_rates() {
    let admission = admission(4, None);
    for _ in 0..1_000 {
        question(&admission, "officer", "primary").await.expect("a claim has no rate");
    }
}

#[tokio::test]
async fn rows_beyond_the_rate_wait_for_it_and_are_never_refused() {
    let admission = admission(4, Some(1));
    let row = asks("officer", "primary");
    let began = Instant::now();
    for _ in 0..BATCH_RATE.burst + BATCH_RATE.per_second / 2 {
        admission.turn(&row).await;
    }
    assert!(began.elapsed() >= Duration::from_millis(490), "{:?}", began.elapsed());
}

#[tokio::test]
async fn where_all_places_are_held_the_desk_is_told_at_once_and_rows_wait() {
    let admission = admission(1, None);
    let held = question(&admission, "first", "primary").await.expect("free");
    let (code, hint) = again(question(&admission, "clerk", "other").await);
    assert_eq!((code, hint), ("busy", Duration::from_secs(2)));
    // Revocations and changes have places of their own.
    let suspend = Need::Function(model::access::function::Function::UserSuspend);
    drop(admission.enter(suspend, &asks("supervisor", "other")).await.expect("a lane of its own"));
    let mut waits = tokio::spawn({
        let admission = admission.clone();
        async move { admission.turn(&asks("vetting", "batch")).await }
    });
    let early = tokio::time::timeout(A_WHILE, &mut waits).await;
    assert!(early.is_err(), "a row waits as long as it takes");
    drop(held);
    drop(waits.await.expect("is let to work"));
}

#[tokio::test]
async fn who_goes_away_while_he_waits_or_is_called_leaves_no_place_held() {
    let admission = admission(1, None);
    for _ in 0..3 {
        let held = question(&admission, "first", "primary").await.expect("free");
        let waits: Vec<_> = (0..5)
            .map(|_| {
                let admission = admission.clone();
                tokio::spawn(async move { question(&admission, "second", "primary").await.map(drop) })
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(admission.line(Priority::Primary).count(Priority::Primary), (1, 5));
        waits[0].abort();
        tokio::task::yield_now().await;
        // Called in the very moment before it is gone.
        drop(held);
        waits[1].abort();
        for waits in waits {
            let _ = waits.await;
        }
        assert_eq!(admission.line(Priority::Primary).count(Priority::Primary), (0, 0));
    }
}

#[tokio::test]
async fn so_many_streams_and_no_more() {
    let admission = admission(1, Some(100));
    let user = |number: usize| asks(&format!("user-{number}"), "batch");
    let mut open = Vec::new();
    for number in 0..STREAMS_MAX {
        open.push(admission.open(&user(number / USER_STREAMS_MAX)).await.expect("has room"));
    }
    assert_eq!(admission.open(&user(1_000)).await.err().expect("one too many").code(), "busy");
    open.truncate(STREAMS_MAX - USER_STREAMS_MAX / 2);
    open.extend([admission.open(&user(1_000)).await.expect("has room again")]);
    assert!(admission.open(&user(0)).await.is_err(), "he has his eight");
    drop(open);
    assert!(lock(&admission.0.streams).is_empty());
}
