//! The network of one process: a bridge between its own runtime and its host in turmoil, which carries the bytes with their
//! delays, partitions and losses. A process can so stand still, or die, while what is on its way to it goes on.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use model::time::UnixMillis;
use node::env::{BoxFuture, Certificate, Listener, Network, Remote, Stream};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{mpsc, oneshot, watch};
use turmoil::net::{TcpListener, TcpStream};

use crate::event;
use crate::trace::Trace;

/// Bytes that the operating system holds of a connection in one direction.
const SOCKET_BYTES: usize = 256 * 1024;
/// Bytes of one segment.
const SEGMENT_BYTES: usize = 16 * 1024;
/// Connections that wait to be accepted.
const BACKLOG: usize = 1_024;

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Open,
    /// Nothing more is carried, in either direction, and neither end learns of it.
    HalfOpen,
    /// Both ends learn that it is gone.
    Dropped,
}

/// What a process asks of its host.
enum Call {
    /// The bearer is whom the certificate of the connection names; empty: it has none.
    Connect {
        address: String,
        bearer: String,
        done: oneshot::Sender<io::Result<DuplexStream>>,
    },
    Listen {
        port: u16,
        accepted: mpsc::Sender<(DuplexStream, Remote)>,
        done: oneshot::Sender<io::Result<()>>,
    },
}

/// The connections of all processes, for whoever breaks them.
#[derive(Clone)]
pub struct Connections(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    made: u64,
    open: BTreeMap<u64, (String, String, watch::Sender<Fate>)>,
}

impl Connections {
    /// None yet.
    pub fn new() -> Self {
        Self(Arc::default())
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, from: &str, to: &str) -> (u64, watch::Receiver<Fate>) {
        let mut table = self.table();
        table.made += 1;
        let number = table.made;
        let (sender, receiver) = watch::channel(Fate::Open);
        table.open.insert(number, (from.to_string(), to.to_string(), sender));
        (number, receiver)
    }

    fn end(&self, number: u64) {
        self.table().open.remove(&number);
    }

    /// Decides about every connection that a process made to another; to all of them if none is named. Whether there was one.
    pub fn decide(&self, from: &str, to: &str, fate: Fate) -> bool {
        let table = self.table();
        let mut any = false;
        for (_, _, sender) in table.open.values().filter(|(a, b, _)| a == from && (to.is_empty() || b == to)) {
            sender.send_replace(fate);
            any = true;
        }
        any
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self::new()
    }
}

/// The network as a process sees it.
#[derive(Clone)]
pub struct Wire {
    calls: mpsc::Sender<Call>,
    bearer: String,
}

impl Wire {
    /// The same network, whose connections show the certificate of this name. What TLS proves is the simulation's to say: the
    /// name goes ahead of the bytes, and the other side takes it for proven.
    pub fn shows(&self, bearer: &str) -> Arc<Self> {
        Arc::new(Self { calls: self.calls.clone(), bearer: bearer.to_string() })
    }
}

/// What the host in turmoil works with.
pub struct HostSide {
    calls: mpsc::Receiver<Call>,
}

/// The two ends of a process's network.
pub fn wire() -> (Arc<Wire>, HostSide) {
    let (sender, calls) = mpsc::channel(BACKLOG);
    (Arc::new(Wire { calls: sender, bearer: String::new() }), HostSide { calls })
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the host is gone")
}

impl Network for Wire {
    fn connect<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let (done, connected) = oneshot::channel();
            let call = Call::Connect { address: address.to_string(), bearer: self.bearer.clone(), done };
            self.calls.send(call).await.map_err(|_| gone())?;
            let stream = connected.await.map_err(|_| gone())??;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn listen<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
            let port = port.ok_or_else(|| io::Error::other(format!("`{address}` has no port")))?;
            let (accepted, incoming) = mpsc::channel(BACKLOG);
            let (done, listening) = oneshot::channel();
            self.calls.send(Call::Listen { port, accepted, done }).await.map_err(|_| gone())?;
            listening.await.map_err(|_| gone())??;
            Ok(Box::new(Acceptor { address: address.to_string(), incoming }) as Box<dyn Listener>)
        })
    }
}

struct Acceptor {
    address: String,
    incoming: mpsc::Receiver<(DuplexStream, Remote)>,
}

impl Listener for Acceptor {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn Stream>, Remote)>> {
        Box::pin(async move {
            match self.incoming.recv().await {
                Some((stream, remote)) => Ok((Box::new(stream) as Box<dyn Stream>, remote)),
                // The host is gone, and with it the process: nothing comes any more.
                None => std::future::pending().await,
            }
        })
    }

    fn address(&self) -> io::Result<String> {
        Ok(self.address.clone())
    }
}

/// Runs in the process's host until the process is gone.
pub async fn serve(name: String, mut host: HostSide, connections: Connections, trace: Trace) {
    while let Some(call) = host.calls.recv().await {
        let (name, connections, trace) = (name.clone(), connections.clone(), trace.clone());
        match call {
            Call::Connect { address, bearer, done } => {
                tokio::task::spawn_local(async move {
                    match TcpStream::connect(address.as_str()).await {
                        Err(error) => drop(done.send(Err(error))),
                        Ok(mut stream) => {
                            // One byte says how long the name is; codes are short.
                            let length = [bearer.len().min(usize::from(u8::MAX)) as u8];
                            drop(stream.write_all(&[&length[..], bearer.as_bytes()].concat()).await);
                            let (ours, theirs) = tokio::io::duplex(SOCKET_BYTES);
                            if done.send(Ok(theirs)).is_ok() {
                                let to = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
                                let (number, fate) = connections.begin(&name, to);
                                event!(trace, "connect {name} {to} {number}");
                                carry(stream, ours, fate, number, trace).await;
                                connections.end(number);
                            }
                        }
                    }
                });
            }
            Call::Listen { port, accepted, done } => {
                let listener = match TcpListener::bind(("0.0.0.0", port)).await {
                    Ok(listener) => listener,
                    Err(error) => {
                        drop(done.send(Err(error)));
                        continue;
                    }
                };
                drop(done.send(Ok(())));
                tokio::task::spawn_local(async move {
                    while let Ok((mut stream, peer)) = listener.accept().await {
                        let (accepted, trace) = (accepted.clone(), trace.clone());
                        tokio::task::spawn_local(async move {
                            let Ok(bearer) = shown(&mut stream).await else { return };
                            let (ours, theirs) = tokio::io::duplex(SOCKET_BYTES);
                            if accepted.send((theirs, remote(peer.to_string(), bearer))).await.is_err() {
                                return;
                            }
                            // Its fate is decided where it was made; here it follows.
                            let (keeps, fate) = watch::channel(Fate::Open);
                            carry(stream, ours, fate, 0, trace).await;
                            drop(keeps);
                        });
                    }
                });
            }
        }
    }
}

/// Whom the certificate of a connection names that comes in.
async fn shown(stream: &mut TcpStream) -> io::Result<String> {
    let mut bearer = vec![0; usize::from(stream.read_u8().await?)];
    stream.read_exact(&mut bearer).await?;
    String::from_utf8(bearer).map_err(io::Error::other)
}

/// The other side of a connection, with the certificate that it showed.
fn remote(address: String, bearer: String) -> Remote {
    if bearer.is_empty() {
        return Remote::unproven(address);
    }
    let fingerprint = Sha256::digest(bearer.as_bytes()).into();
    let certificate =
        Certificate { names: vec![bearer], fingerprint, not_after: UnixMillis(u64::MAX), policies: Vec::new() };
    Remote { address, certificate: Some(Arc::new(certificate)) }
}

/// Carries bytes in both directions until both have ended, or it is dropped.
async fn carry(stream: TcpStream, ours: DuplexStream, fate: watch::Receiver<Fate>, number: u64, trace: Trace) {
    let (from_net, to_net) = stream.into_split();
    let (from_process, to_process) = tokio::io::split(ours);
    let inward = tokio::task::spawn_local(one_way(from_net, to_process, fate.clone(), number, "in", trace.clone()));
    one_way(from_process, to_net, fate, number, "out", trace).await;
    // Whatever ended it, the other direction ends by itself: at its own end, or with the process.
    drop(inward.await);
}

async fn one_way(
    mut from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
    mut fate: watch::Receiver<Fate>,
    number: u64,
    direction: &'static str,
    trace: Trace,
) {
    let mut segment = vec![0; SEGMENT_BYTES];
    loop {
        let decided = *fate.borrow_and_update();
        match decided {
            Fate::Dropped => return,
            Fate::HalfOpen => {
                if fate.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                continue;
            }
            Fate::Open => {}
        }
        let read = tokio::select! {
            biased;
            changed = fate.changed() => {
                if changed.is_err() {
                    return;
                }
                continue;
            }
            read = from.read(&mut segment) => read,
        };
        match read {
            Ok(length) if length > 0 => {
                if number > 0 {
                    event!(trace, "carried {number} {direction} {length}");
                }
                if to.write_all(&segment[..length]).await.is_err() {
                    return;
                }
            }
            _ => {
                // The end of one direction is told to the other side.
                drop(to.shutdown().await);
                return;
            }
        }
    }
}
