//! /metrics, /livez and /readyz over the injected network.

use std::future::Future;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::routing::get;
use model::time::UnixMillis;
use proto::transport::{Listener, Stream};

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
