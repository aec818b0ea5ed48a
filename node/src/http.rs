//! /metrics, /livez and /readyz over the injected network, and of the audit log what says nothing of anybody: signed checkpoints and tiles
//! of hashes (C2SP tlog-tiles), so that whoever monitors a log needs no account.

use std::future::Future;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use model::audit::tiles::{Kind, Tile};
use model::ids::GroupId;
use model::time::UnixMillis;
use proto::transport::{Listener, Stream};
use raft::error::GroupError;
use raft::group::Group;

use crate::metrics::Metrics;
use crate::services::Api;

#[derive(Clone)]
struct Shared {
    metrics: Metrics,
    api: Api,
}

/// Serves until `stop` ends.
pub async fn serve(
    listener: Box<dyn Listener>,
    metrics: Metrics,
    api: Api,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let router = Router::new()
        .route("/metrics", get(metrics_text))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/audit/{group}/checkpoint", get(checkpoint))
        .route("/audit/{group}/tile/{*path}", get(tile))
        .with_state(Shared { metrics, api });
    if let Err(error) = axum::serve(Accepting(listener), router).with_graceful_shutdown(stop).await {
        tracing::error!(%error, "the HTTP server ended");
    }
}

struct Accepting(Box<dyn Listener>);

impl axum::serve::Listener for Accepting {
    type Io = Box<dyn Stream>;
    type Addr = String;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.0.accept().await {
                Ok((stream, remote)) => return (stream, remote.address),
                // Too many open files, or the peer was gone already: the next one may be better.
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.address()
    }
}

async fn metrics_text(State(shared): State<Shared>) -> Result<String, StatusCode> {
    shared.metrics.set_ready(shared.api.ready());
    shared.metrics.text().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn livez() -> &'static str {
    "alive\n"
}

async fn readyz(State(shared): State<Shared>) -> (StatusCode, &'static str) {
    if shared.api.ready() { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") }
}

fn audit_group(shared: &Shared, name: &str) -> Result<Group, StatusCode> {
    let id: GroupId = name.parse().map_err(|_| StatusCode::NOT_FOUND)?;
    let group = shared.api.0.groups.get(id).map_err(|_| StatusCode::NOT_FOUND)?;
    if matches!(id, GroupId::Audit(_)) { Ok(group.clone()) } else { Err(StatusCode::NOT_FOUND) }
}

fn failed(error: GroupError) -> StatusCode {
    tracing::error!(%error, "the audit log cannot be read");
    StatusCode::INTERNAL_SERVER_ERROR
}

/// The newest checkpoint with cosignatures, else the newest.
async fn checkpoint(State(shared): State<Shared>, Path(group): Path<String>) -> Result<impl IntoResponse, StatusCode> {
    let published = audit_group(&shared, &group)?.read(|state| state.published()).map_err(failed)?;
    let noted = published.witnessed.or(published.latest).ok_or(StatusCode::NOT_FOUND)?;
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, noted.note))
}

/// A tile of hashes. Leaves are for auditors, who sign on for them.
async fn tile(
    State(shared): State<Shared>,
    Path((group, path)): Path<(String, String)>,
) -> Result<impl IntoResponse, StatusCode> {
    let tile = Tile::parse(&path).filter(|tile| tile.kind != Kind::Entries).ok_or(StatusCode::NOT_FOUND)?;
    let hashes = audit_group(&shared, &group)?.read(|state| state.tile(&tile)).map_err(failed)?;
    let headers = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((headers, hashes.ok_or(StatusCode::NOT_FOUND)?.concat()))
}

/// A time as HTTP writes it.
pub fn date_header(now: UnixMillis) -> HeaderValue {
    let time = i64::try_from(now.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let text = time.and_then(|time| jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok());
    let header = text.and_then(|text| HeaderValue::from_str(&text).ok());
    header.unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(date_header(UnixMillis(784_111_777_000)), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
