//! The witness over HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use model::audit::note::NOTE_BYTES_MAX;
use model::audit::witness::Refused;
use model::time::Clock;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::{NotCosigned, Witness};
use crate::error::CliError;
use crate::output::note;
use crate::system::SystemClock;

/// Bytes of a request at most: a note, and a proof of 63 lines.
const BODY_BYTES_MAX: usize = NOTE_BYTES_MAX + 4096;
/// Requests that wait for the disk at a time.
const WAITING_MAX: usize = 64;
/// A request has come whole by then.
const READ_MAX: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Shared {
    witness: Arc<Witness>,
    places: Arc<Semaphore>,
}

/// Serves until the future is dropped.
pub async fn serve(listener: TcpListener, witness: Arc<Witness>) -> Result<(), CliError> {
    let shared = Shared { witness, places: Arc::new(Semaphore::new(WAITING_MAX)) };
    let router = Router::new()
        .route("/add-checkpoint", post(add))
        .route("/", get(about))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(shared);
    axum::serve(listener, router).await.map_err(|error| CliError::io("the witness", error))
}

async fn about(State(shared): State<Shared>) -> String {
    format!("witness {}\n", shared.witness.key())
}

async fn add(State(shared): State<Shared>, request: axum::extract::Request) -> Response {
    let read = tokio::time::timeout(READ_MAX, axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX));
    let body = match read.await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) => return (StatusCode::PAYLOAD_TOO_LARGE, format!("{error}\n")).into_response(),
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "the request did not come in time\n").into_response(),
    };
    let Ok(place) = shared.places.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many requests wait\n").into_response();
    };
    let now = SystemClock.now().0 / 1000;
    let witness = shared.witness.clone();
    // It waits for the disk.
    let decided = tokio::task::spawn_blocking(move || {
        let decided = witness.add(&body, now);
        drop(place);
        decided
    });
    match decided.await {
        Ok(Ok(signature)) => {
            ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{signature}\n")).into_response()
        }
        Ok(Err(NotCosigned::Refused(Refused::Conflict(size)))) => {
            (StatusCode::CONFLICT, [(header::CONTENT_TYPE, "text/x.tlog.size")], format!("{size}\n")).into_response()
        }
        Ok(Err(NotCosigned::Refused(refused))) => {
            if matches!(refused, Refused::Inconsistent(_)) {
                note(format!("REFUSED a log that did not only grow: {refused}"));
            }
            let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::BAD_REQUEST);
            (status, format!("{refused}\n")).into_response()
        }
        Ok(Err(error @ NotCosigned::Disk(_))) => {
            note(&error);
            (StatusCode::INTERNAL_SERVER_ERROR, "the checkpoint cannot be kept\n").into_response()
        }
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "failed\n").into_response(),
    }
}
