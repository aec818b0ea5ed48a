//! Asks a witness for its cosignature (C2SP tlog-witness), over the injected network.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use model::audit::checkpoint::decimal;
use model::audit::note::{NOTE_BYTES_MAX, Note, Signature};
use model::audit::trust;
use model::audit::witness::AddCheckpoint;

use crate::env::Network;

/// A witness answers within this time.
const ANSWER_MAX: Duration = Duration::from_secs(3);
/// How the media type of a size is called.
const SIZE: &str = "text/x.tlog.size";

/// Where a witness is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `HOST:PORT`.
    address: String,
    /// What stands before `/add-checkpoint`.
    prefix: String,
}

/// What a witness answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Signatures that are by its key, each on this checkpoint.
    Cosigned(Vec<Signature>),
    /// The checkpoint that it cosigned last is of another size.
    LastIs(u64),
}

/// Why a witness did not cosign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    #[error("it does not answer: {0}")]
    Away(String),
    #[error("it answers with what is no cosignature: {0}")]
    Nonsense(String),
    /// The log is another one than it saw before, or it does not know it.
    #[error("it refuses with status {status}: {text}")]
    Refused { status: u16, text: String },
}

impl Place {
    /// Reads the URL of a witness. Checkpoints are public and signed, so plain HTTP takes nothing from them.
    pub fn parse(url: &str) -> Result<Self, String> {
        let rest = url.strip_prefix("http://").ok_or_else(|| format!("`{url}` is not http://HOST:PORT[/PREFIX]"))?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
        let plain = |c: char| c.is_ascii_graphic() && c != '@' && c != '?' && c != '#';
        if host.is_empty() || port.parse::<u16>().is_err() || !rest.chars().all(plain) {
            return Err(format!("`{url}` is not http://HOST:PORT[/PREFIX]"));
        }
        let path = path.trim_end_matches('/');
        let prefix = if path.is_empty() { String::new() } else { format!("/{path}") };
        Ok(Self { address: format!("{host}:{port}"), prefix })
    }

    /// Asks for a cosignature.
    pub async fn ask(
        &self,
        network: &dyn Network,
        witness: &trust::Witness,
        asks: &AddCheckpoint,
    ) -> Result<Answer, WitnessError> {
        let asked = tokio::time::timeout(ANSWER_MAX, self.post(network, asks.to_string()));
        let (status, media, body) =
            asked.await.unwrap_or_else(|_| Err(WitnessError::Away(format!("not within {ANSWER_MAX:?}"))))?;
        let text = String::from_utf8(body).map_err(|_| WitnessError::Nonsense("its answer is not UTF-8".into()))?;
        match status {
            200 => cosigned(witness, &asks.note, &text),
            409 if media == SIZE => {
                let size = text.strip_suffix('\n').and_then(decimal);
                size.map(Answer::LastIs).ok_or_else(|| WitnessError::Nonsense("its size is no number".into()))
            }
            status => {
                let text = text.chars().filter(|c| !c.is_control()).take(200).collect();
                Err(WitnessError::Refused { status, text })
            }
        }
    }

    async fn post(&self, network: &dyn Network, body: String) -> Result<(u16, String, Vec<u8>), WitnessError> {
        let away = |error: &dyn std::fmt::Display| WitnessError::Away(error.to_string());
        let stream = network.connect(&self.address).await.map_err(|error| away(&error))?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.map_err(|error| away(&error))?;
        let request = Request::post(format!("{}/add-checkpoint", self.prefix))
            .header(HOST, &self.address)
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| away(&error))?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|error| away(&error))?;
            let status = response.status().as_u16();
            let media = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let media = media.unwrap_or_default().to_string();
            let body = Limited::new(response.into_body(), NOTE_BYTES_MAX).collect().await;
            let body = body.map_err(|error| WitnessError::Nonsense(error.to_string()))?.to_bytes().to_vec();
            Ok((status, media, body))
        };
        tokio::pin!(exchange);
        tokio::select! {
            answered = &mut exchange => answered,
            // The connection drives the exchange; when it ends first, what was read of the answer is in there.
            ended = connection => match ended {
                Ok(()) => exchange.await,
                Err(error) => Err(away(&error)),
            },
        }
    }
}

/// The cosignatures in an answer that are by this witness's key on this checkpoint; others are none of ours.
fn cosigned(witness: &trust::Witness, note: &Note, text: &str) -> Result<Answer, WitnessError> {
    let nonsense = |error: &dyn std::fmt::Display| WitnessError::Nonsense(error.to_string());
    let lines = text.lines().map(Signature::parse).collect::<Result<Vec<_>, _>>().map_err(|error| nonsense(&error))?;
    let ours: Vec<Signature> = lines.into_iter().filter(|line| witness.key.is_named_by(line)).collect();
    let signed = Note { text: note.text.clone(), signatures: ours };
    witness.key.verify(&signed).map_err(|error| nonsense(&error))?;
    Ok(Answer::Cosigned(signed.signatures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_witnesses_read_and_others_are_refused() {
        let place = |address: &str, prefix: &str| Ok(Place { address: address.into(), prefix: prefix.into() });
        assert_eq!(Place::parse("http://127.0.0.1:7000"), place("127.0.0.1:7000", ""));
        assert_eq!(Place::parse("http://w.example/a/b/"), place("w.example:80", "/a/b"));
        assert_eq!(Place::parse("http://[::1]:7/"), place("[::1]:7", ""));
        for url in [
            "",
            "w.example:80",
            "https://w.example",
            "http://",
            "http://:80",
            "http://w.example:x",
            "http://w.example/a b",
            "http://u@w.example",
        ] {
            assert!(Place::parse(url).is_err(), "{url}");
        }
    }
}
