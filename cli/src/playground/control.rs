//! The control socket: one JSON request a line, one JSON reply a line.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

use super::ready::ReadyNode;
use crate::error::CliError;

/// Bytes of one line.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Start a node that is down.
    RestartNode { id: u64 },
    /// Start a further node, which waits to be taken into the cluster.
    AddNode { id: u64 },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    Started { id: u64, pid: u32, grpc: String, http: String },
    Error(String),
}

impl Reply {
    /// A node that was started.
    pub fn started(node: ReadyNode, pid: u32) -> Self {
        let ReadyNode { id, pid: _, grpc, http } = node;
        Self::Started { id, pid, grpc, http }
    }
}

/// A request with the way back.
pub type Asked = (Request, oneshot::Sender<Reply>);

/// Listens until the playground ends.
pub fn serve(path: &Path, requests: mpsc::Sender<Asked>) -> Result<(), CliError> {
    // Left over by a playground that was killed; one that runs was ruled out before.
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path).map_err(|error| CliError::path(path, error))?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let requests = requests.clone();
            tokio::spawn(async move {
                // Whoever hung up needs no reply.
                let _ = converse(stream, requests).await;
            });
        }
    });
    Ok(())
}

async fn converse(stream: UnixStream, requests: mpsc::Sender<Asked>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = String::new();
        if (&mut read).take(LINE_BYTES_MAX).read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let reply = match serde_json::from_str::<Request>(&line) {
            Err(error) => Reply::Error(error.to_string()),
            Ok(request) => {
                let (sender, receiver) = oneshot::channel();
                let sent = requests.send((request, sender)).await.is_ok();
                let gone = || Reply::Error("the playground is ending".to_string());
                if sent { receiver.await.unwrap_or_else(|_| gone()) } else { gone() }
            }
        };
        let text = serde_json::to_string(&reply).map_err(std::io::Error::other)? + "\n";
        write.write_all(text.as_bytes()).await?;
    }
}

/// Asks the playground behind a socket.
pub async fn ask(path: &Path, request: &Request) -> Result<Reply, CliError> {
    let failed = |error| CliError::io(format!("playground at {}", path.display()), error);
    let mut stream = UnixStream::connect(path).await.map_err(failed)?;
    let text = crate::output::json(request)? + "\n";
    stream.write_all(text.as_bytes()).await.map_err(failed)?;
    let mut line = String::new();
    BufReader::new(stream).take(LINE_BYTES_MAX).read_line(&mut line).await.map_err(failed)?;
    serde_json::from_str(&line).map_err(|error| CliError::Failed(format!("reply of the playground: {error}")))
}

/// Whether a playground listens there.
pub async fn is_running(path: &Path) -> bool {
    UnixStream::connect(path).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_and_replies_go_through_the_socket() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("s");
        assert!(!is_running(&path).await);
        let (sender, mut receiver) = mpsc::channel::<Asked>(1);
        serve(&path, sender).expect("listens");
        tokio::spawn(async move {
            while let Some((request, reply)) = receiver.recv().await {
                let answer = match request {
                    Request::RestartNode { id } => {
                        Reply::Started { id, pid: 7, grpc: String::new(), http: String::new() }
                    }
                    Request::AddNode { .. } => Reply::Error("no".into()),
                };
                let _ = reply.send(answer);
            }
        });
        assert!(is_running(&path).await);
        let reply = ask(&path, &Request::RestartNode { id: 2 }).await.expect("answers");
        assert!(matches!(reply, Reply::Started { id: 2, pid: 7, .. }));
        assert_eq!(ask(&path, &Request::AddNode { id: 2 }).await.expect("answers"), Reply::Error("no".into()));
        let mut raw = UnixStream::connect(&path).await.expect("connects");
        raw.write_all(b"{\"command\":\"explode\"}\n").await.expect("writes");
        let mut line = String::new();
        BufReader::new(raw).read_line(&mut line).await.expect("reads");
        assert!(line.contains("unknown variant"), "{line}");
    }
}
